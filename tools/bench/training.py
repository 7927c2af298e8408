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
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from imgrec.config.load import load
from imgrec.progress import Progress, Silent
from imgrec.workflows.training import train
from tools.bench.checkpoints import checkpoint_seconds
from tools.bench.figures import Figure, Size, rate
from tools.memory import EPOCHS as EPOCHS_HELD
from tools.memory import SETTLED, STATM, growth
from tools.photos import VGG16

STEPS = 10
EPOCHS = 4
FROZEN_PHOTOS = 200
GOALS = {"plain Keras": "at least 1.7", "PyTorch": "at least 1.4"}


def trainings(photos: Path, size: Size) -> Iterator[Figure]:
    """Yield the images/s of trainings and of plain Keras, in turns, and their ratios."""
    yield from augmented(photos, size)
    yield from lasting()
    if VGG16.is_file():
        yield from frozen(VGG16, photos)
    else:
        print(f"skipped: training on a frozen VGG16, since {VGG16} does not exist")


def augmented(photos: Path, size: Size) -> Iterator[Figure]:
    """Yield the speed of `cat_dog` from epoch 2 on, also in Keras and, if installed, PyTorch."""
    folder, steps = photos / "train", f"training.steps_per_epoch={STEPS}"
    ways: dict[str, Callable[[], float]] = {
        "plain Keras": lambda: script("plain_keras", "augmented", folder),
        "PyTorch": lambda: script("plain_torch", folder),
        "imgrec": lambda: rate_of(epochs("cat_dog", photos, steps)[1:]),
    }
    if importlib.util.find_spec("torch") is None:
        del ways["PyTorch"]
        print("skipped: training with PyTorch, since torch is not installed")
    rounds = [{name: measure() for name, measure in ways.items()} for _ in range(size.rounds)]
    for name in ways:
        yield Figure(f"{name}, `cat_dog`, epoch 2 on", rate(middle(one[name] for one in rounds)))
    for name in [name for name in ways if name in GOALS]:
        ratio = middle(one["imgrec"] / one[name] for one in rounds)
        yield Figure(f"imgrec over {name}, `cat_dog`", f"{ratio:.2f} times", GOALS[name])


def lasting() -> Iterator[Figure]:
    """Yield the cost of checkpoints, and the memory growth over many epochs."""
    share = checkpoint_seconds("cat_dog", classes=2) / 60
    yield Figure("a checkpoint of `cat_dog` every minute", f"{share:.2%}", "under 2 %")
    if STATM.is_file():
        name = f"memory that epochs {SETTLED + 1} to {EPOCHS_HELD} of `small_cnn` add"
        yield Figure(name, f"{growth():.1f} MB", "none")
    else:
        print(f"skipped: memory over epochs, since {STATM} does not exist")


def frozen(weights: Path, photos: Path) -> Iterator[Figure]:
    """Yield the speed of `vgg16_transfer` on 200 photos: of one epoch, and of ten."""
    with tempfile.TemporaryDirectory() as name:
        some, clock = few(photos, Path(name)), Clock()
        slow = FROZEN_PHOTOS / script("plain_keras", "frozen", some / "train", weights)
        cache, backbone = f"data.cache.folder={some / 'cache'}", f"model.backbone.weights={weights}"
        table = epochs("vgg16_transfer", some, cache, backbone, progress=clock)
    first, later = (FROZEN_PHOTOS / rate_of(rows) for rows in (table[:1], table[1:]))
    yield Figure("plain Keras, an epoch on a frozen VGG16, 200 photos", f"{slow:.1f} s")
    yield Figure(
        "imgrec, features of 200 photos", f"{clock.seconds['computing features'][0]:.1f} s"
    )
    yield Figure("imgrec, an epoch after the first", f"{1000 * later:.0f} ms")
    yield Figure("such an epoch, over plain Keras", f"{slow / later:.0f} times", "at least 50")
    ten = clock.seconds["computing features"][0] + first + 9 * later
    yield Figure("ten epochs in all (computed)", f"{10 * slow / ten:.1f} times", "at least 6")


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


def epochs(
    config: str, photos: Path, *overrides: str, progress: Progress | None = None
) -> list[dict[str, float]]:
    """Return the lines of the history of a training."""
    places = [f"data.{part}={photos / part}" for part in ("train", "validation")]
    experiment = load(
        config, [*places, f"training.epochs={EPOCHS}", "training.export=[]", *overrides]
    )
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


def middle(values: Iterator[float]) -> float:
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
