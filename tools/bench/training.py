"""How fast trainings are, compared with plain Keras and PyTorch scripts."""

from __future__ import annotations

import csv
import importlib.util
import json
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from imgrec.config.load import load
from imgrec.progress import Progress, Silent
from imgrec.workflows.training import train
from tools.bench.checkpoints import checkpoint_seconds
from tools.bench.figures import Figure, Size, rate
from tools.bench.processes import cost_of
from tools.memory import EPOCHS as EPOCHS_HELD
from tools.memory import SETTLED, STATM, growth
from tools.photos import VGG16

STEPS = 10
EPOCHS = 4
FROZEN_PHOTOS = 200
BFLOAT16 = "mixed_bfloat16"

KERAS, PREDICT, OWN, SHORT = "plain Keras", "Keras' `predict`", "imgrec", f"imgrec, {BFLOAT16}"

Ways = Mapping[str, Callable[[], float]]
Rates = Sequence[Mapping[str, float]]


def plain_network(photos: Path, size: Size) -> Iterator[Figure]:
    """Yield the speed of `cat_dog` from epoch 2 on, also in Keras."""
    rates = in_turns(_keras_and_own("cat_dog", photos), size.rounds)
    yield from figures("`cat_dog`, epoch 2 on", rates)
    yield ratio("`cat_dog`", rates, OWN, [KERAS], "at least 1.6")
    yield ratio("`cat_dog`", rates, SHORT, [KERAS], "at least 2.5")


def beside_torch(photos: Path, size: Size) -> Iterator[Figure]:
    """Yield the speed of `cat_dog` from epoch 2 on, also in PyTorch if it is installed."""
    if importlib.util.find_spec("torch") is None:
        print("skipped, since torch is not installed")
        return
    torch = {
        f"PyTorch, {precision}": partial(script, "plain_torch", photos / "train", precision)
        for precision in ("float32", "bfloat16")
    }
    ways = {**torch, SHORT: partial(trained, "cat_dog", photos, BFLOAT16)}
    rates = in_turns(ways, size.rounds)
    yield from figures("`cat_dog`, epoch 2 on", rates)
    yield ratio("`cat_dog`", rates, SHORT, [*torch], "at least 2")


def residual_network(photos: Path, size: Size) -> Iterator[Figure]:
    """Yield the speed of `cat_dog_plus` from epoch 2 on, also in Keras."""
    rates = in_turns(_keras_and_own("cat_dog_plus", photos), size.few)
    yield from figures("`cat_dog_plus`, epoch 2 on", rates)
    yield ratio("`cat_dog_plus`", rates, OWN, [KERAS])
    yield ratio("`cat_dog_plus`", rates, SHORT, [KERAS], "at least 2")


def _keras_and_own(config: str, photos: Path) -> Ways:
    return {
        KERAS: partial(script, "plain_keras", config, photos / "train"),
        OWN: partial(trained, config, photos, "float32"),
        SHORT: partial(trained, config, photos, BFLOAT16),
    }


def in_turns(ways: Ways, rounds: int) -> Rates:
    """Return the images/s of each way, by round."""
    return [{name: measure() for name, measure in ways.items()} for _ in range(rounds)]


def figures(subject: str, rates: Rates) -> Iterator[Figure]:
    """Yield the median images/s of each way."""
    for name in rates[0]:
        yield Figure(f"{name}, {subject}", rate(middle(one[name] for one in rates)))


def ratio(subject: str, rates: Rates, own: str, others: list[str], goal: str = "") -> Figure:
    """Return how many times as fast one way is as the fastest of the others."""
    times = middle(one[own] / max(one[other] for other in others) for one in rates)
    return Figure(f"{own}, over {' or '.join(others)}, {subject}", f"{times:.2f} times", goal)


def lasting(photos: Path, size: Size) -> Iterator[Figure]:
    """Yield the time to the first step, the cost of checkpoints, and the memory growth."""
    yield from first_step(photos, size.rounds)
    share = checkpoint_seconds("cat_dog", classes=2) / 60
    yield Figure("a checkpoint of `cat_dog` every minute", f"{share:.2%}", "under 2 %")
    if STATM.is_file():
        name = f"memory that epochs {SETTLED + 1} to {EPOCHS_HELD} of `small_cnn` add"
        yield Figure(name, f"{growth():.1f} MB", "none")
    else:
        print(f"skipped: memory over epochs, since {STATM} does not exist")


def first_step(photos: Path, rounds: int) -> Iterator[Figure]:
    """Yield the time from the command to the end of the first step, with cached photos."""
    with tempfile.TemporaryDirectory() as folder:
        places = (f"data.train={photos}/train", f"data.validation={photos}/validation")
        cache = ("data.cache.memory=false", f"data.cache.folder={folder}/cache")
        options = [part for each in (*places, *cache) for part in ("--set", each)]
        train = ["-m", "tools.bench.first_step", "cat_dog", *options, "--runs-dir", folder]
        cost_of([sys.executable, *train])  # decodes the photos
        times = [
            [
                cost_of([sys.executable, *way]).seconds
                for way in (["-c", "import tensorflow"], train)
            ]
            for _ in range(rounds)
        ]
    imported, first = (middle(column) for column in zip(*times, strict=True))
    more = middle(first - imported for imported, first in times)
    yield Figure("`import tensorflow`", f"{imported:.2f} s")
    yield Figure("`imgrec train cat_dog` to the end of the first step", f"{first:.2f} s")
    yield Figure("the same, more than that import", f"{more:.2f} s", "at most 2 s")


def frozen(photos: Path, size: Size) -> Iterator[Figure]:
    """Yield the speed of features of a frozen VGG16, and of `vgg16_transfer` on 200 photos."""
    if not VGG16.is_file():
        print(f"skipped, since {VGG16} does not exist")
        return
    with tempfile.TemporaryDirectory() as name:
        some = few(photos, Path(name))
        keras = partial(script, "plain_keras")
        predicted, own, short = [], [], []
        for _ in range(size.few):
            predicted.append(keras("features", some / "train", VGG16))
            own.append(_vgg16_transfer(some, "float32"))
            short.append(_vgg16_transfer(some, BFLOAT16))
        slow = FROZEN_PHOTOS / keras("frozen", some / "train", VGG16)
    rates = [
        {PREDICT: one, OWN: FROZEN_PHOTOS / two[0], SHORT: FROZEN_PHOTOS / three[0]}
        for one, two, three in zip(predicted, own, short, strict=True)
    ]
    subject = "features of a frozen VGG16"
    yield from figures(subject, rates)
    yield ratio(subject, rates, OWN, [PREDICT])
    yield ratio(subject, rates, SHORT, [PREDICT], "at least 1.8")
    features, first, later = (middle(column) for column in zip(*own, strict=True))
    yield Figure("plain Keras, an epoch on a frozen VGG16, 200 photos", f"{slow:.1f} s")
    yield Figure("imgrec, features of 200 photos", f"{features:.1f} s")
    yield Figure("imgrec, an epoch after the first", f"{1000 * later:.0f} ms")
    yield Figure("such an epoch, over plain Keras", f"{slow / later:.0f} times", "at least 50")
    ten = features + first + 9 * later
    yield Figure("ten epochs in all (computed)", f"{10 * slow / ten:.1f} times", "at least 6")


def _vgg16_transfer(photos: Path, precision: str) -> tuple[float, float, float]:
    """Return the seconds of the features, of the first epoch and of those after it."""
    clock = Clock()
    with tempfile.TemporaryDirectory() as cache:
        settings = (f"data.cache.folder={cache}", f"model.backbone.weights={VGG16}")
        table = epochs("vgg16_transfer", photos, precision, *settings, progress=clock)
    first, later = (FROZEN_PHOTOS / rate_of(rows) for rows in (table[:1], table[1:]))
    return clock.seconds["computing features"][0], first, later


class Clock(Silent):
    """A progress that records how long each task takes, by title."""

    def __init__(self) -> None:
        self.seconds: dict[str, list[float]] = {}

    @contextmanager
    def task(self, title: str, total: int | None, unit: str = "images") -> Iterator[Silent]:
        """Time the block."""
        began = time.perf_counter()
        yield self
        self.seconds.setdefault(title, []).append(time.perf_counter() - began)


def trained(config: str, photos: Path, precision: str) -> float:
    """Return the images/s of a training from epoch 2 on."""
    steps = (f"training.steps_per_epoch={STEPS}", "training.validation_steps=2")
    return rate_of(epochs(config, photos, precision, *steps)[1:])


def epochs(
    config: str, photos: Path, precision: str, *overrides: str, progress: Progress | None = None
) -> list[dict[str, float]]:
    """Return the lines of the history of a training."""
    places = [f"data.{part}={photos / part}" for part in ("train", "validation")]
    short = [f"training.epochs={EPOCHS}", "training.export=[]", f"training.precision={precision}"]
    experiment = load(config, [*places, *short, *overrides])
    with tempfile.TemporaryDirectory() as runs:
        run = train(experiment, runs_dir=Path(runs), progress=progress).run
        rows = list(csv.DictReader((run.path / "history.csv").read_text().splitlines()))
    return [{name: float(value) for name, value in row.items()} for row in rows]


def rate_of(table: list[dict[str, float]]) -> float:
    """Return the median images/s of some epochs."""
    return statistics.median(row["images_per_second"] for row in table)


def script(name: str, *arguments: object) -> float:
    """Return the images/s of a plain script of this folder, in a separate process."""
    command = [sys.executable, "-m", f"tools.bench.{name}", *map(str, arguments)]
    done = subprocess.run(command, check=True, capture_output=True)  # noqa: S603  # our own
    return float(json.loads(done.stdout.splitlines()[-1])["images_per_second"])


def middle(values: Iterable[float]) -> float:
    """Return the median."""
    return statistics.median(values)


def few(photos: Path, folder: Path) -> Path:
    """Copy 200 training photos and some for validation, half of each class."""
    for part, count in (("train", FROZEN_PHOTOS // 2), ("validation", 20)):
        for home in sorted(path for path in (photos / part).iterdir() if path.is_dir()):
            (folder / part / home.name).mkdir(parents=True)
            for path in sorted(home.glob("*.jpg"))[:count]:
                shutil.copy(path, folder / part / home.name)
    return folder
