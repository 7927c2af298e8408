"""Measure speed on this machine: start, decoding, input pipelines, prediction, training.

python -m tools.bench                   print a table
python -m tools.bench --quick           the same from fewer images, in 4 minutes, not 20
python -m tools.bench --only training   only this section; may be repeated
python -m tools.bench --output FILE     write a table per section, with machine, as Markdown;
                                        sections of FILE that are not measured are kept

Compared figures are measured in turns in one session; each is the median of its
rounds. The photos are expected in the folder IMGREC_TEST_DATA (default ../shared). If PyTorch is
installed too (`.venv/bin/pip install torch`), a training is also compared with it. `make peers`
installs the services that `imgrec serve` is compared with.
"""

from __future__ import annotations

import argparse
import io
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from PIL import Image

from imgrec.config.load import load
from imgrec.data.images import ImageSpec, decode
from imgrec.models.backend import start
from tools.bench.checks import checks
from tools.bench.evaluations import evaluations
from tools.bench.figures import QUICK, Figure, Size, rate, seconds
from tools.bench.networks import full_vgg16, small_network
from tools.bench.page import updated
from tools.bench.pipelines import decoding, pipelines, some_records, steps, training_split
from tools.bench.predicting import large_network, photos_and_folders
from tools.bench.processes import imgrec
from tools.bench.quick import quick
from tools.bench.run_lists import run_lists
from tools.bench.serving import serving
from tools.bench.similar import similar
from tools.bench.teaching import teaching
from tools.bench.training import beside_torch, frozen, lasting, plain_network, residual_network
from tools.photos import DATA

CONFIG = "small_cnn"
MORE_EPOCHS = 5
PHOTOS = DATA / "cats_dogs"


def main(arguments: list[str]) -> None:
    """Measure the sections; print each figure as soon as it is known."""
    parser = argparse.ArgumentParser(description="Measure imgrec on this machine.")
    parser.add_argument("--quick", action="store_true", help="fewer images, 4 minutes")
    parser.add_argument("--only", action="append", choices=SECTIONS, help="a section to measure")
    parser.add_argument("--output", type=Path, help="Markdown file to write the tables to")
    options = parser.parse_args(arguments)
    size = QUICK if options.quick else Size()
    if options.only:
        for name in options.only:
            _measure(*SECTIONS[name], size, options.output)
        return
    # Each in a process, so that none changes TensorFlow's settings for others.
    for name in SECTIONS:
        command = [sys.executable, "-m", "tools.bench", *arguments, "--only", name]
        subprocess.run(command, check=True)  # noqa: S603  # our own arguments


def _measure(title: str, section: Section, size: Size, output: Path | None) -> None:
    """Measure a section; write the page after each figure, so that an interrupted run keeps it."""
    began = time.perf_counter()
    page = output.read_text("utf-8") if output and output.exists() else ""
    figures: list[Figure] = []
    print(f"\n{title}", flush=True)
    for figure in section(size):
        goal = f"  goal: {figure.goal}" if figure.goal else ""
        print(f"{figure.name:<70} {figure.value:>14}{goal}", flush=True)
        figures.append(figure)
        if output:
            how = f"in {(time.perf_counter() - began) / 60:.1f} min"
            how += ", with `--quick`" if size == QUICK else ""
            output.write_text(updated(page, title, figures, how), encoding="utf-8")


def starting() -> Iterator[Figure]:
    """Yield how long the smallest commands take."""
    yield Figure("`imgrec --help`", f"{seconds(show_help, rounds=5):.2f} s")
    yield Figure("decode a 640x480 JPEG to 150x150, one thread", rate(decoded_per_second()))
    yield Figure(f"train `{CONFIG}`, without the start", rate(trained_per_second()))


def predicting(size: Size) -> Iterator[Figure]:
    """Yield the cost of predicting in a process; the quick run leaves out the full VGG16."""
    with tempfile.TemporaryDirectory() as runs:
        small_network(Path(runs), PHOTOS.resolve())
        yield from photos_and_folders(Path(runs), PHOTOS, size)
        if size != QUICK:
            photo = min((PHOTOS / "validation").rglob("*.jpg"))
            yield from large_network(full_vgg16(Path(runs)), photo, size)


def services(size: Size) -> Iterator[Figure]:
    """Yield the figures of `imgrec serve`."""
    with tempfile.TemporaryDirectory() as runs:
        small_network(Path(runs), PHOTOS.resolve())
        yield from serving(Path(runs), PHOTOS, size)


def inputs(size: Size) -> Iterator[Figure]:
    """Yield the speed of input pipelines, and what one adds to a step."""
    experiment = load(
        "cat_dog", [f"data.train={PHOTOS}/train", f"data.validation={PHOTOS}/validation"]
    )
    devices = start()
    split = training_split(experiment, some_records(experiment, size.images))
    yield from pipelines(experiment, split, PHOTOS / "train", size)
    yield from decoding(experiment, size)
    for precision in ("float32", "mixed_bfloat16"):
        training = experiment.training.model_copy(update={"precision": precision})
        changed = experiment.model_copy(update={"training": training})
        yield from steps(changed, split, devices, size)


def decoded_per_second(count: int = 200) -> float:
    """Return how many photos per second one thread decodes and resizes."""
    photo = jpeg(height=480, width=640)
    spec = ImageSpec(height=150, width=150, channels=3)
    return count / seconds(lambda: [decode(photo, spec) for _ in range(count)], rounds=3)


def trained_per_second() -> float:
    """Return the median images/s of the epochs after the first, from the log of a training."""
    log = train(epochs=1 + MORE_EPOCHS)
    rates = re.findall(r"^epoch .* ([\d,]+) images/s", log, re.MULTILINE)
    return statistics.median(int(found.replace(",", "")) for found in rates[1:])


def show_help() -> None:
    """Run `imgrec --help`."""
    run("--help")


def train(epochs: int) -> str:
    """Train in a separate process, into a temporary folder; return its log."""
    with tempfile.TemporaryDirectory() as runs:
        return run("train", CONFIG, "--set", f"training.epochs={epochs}", "--runs-dir", runs)


def run(*arguments: str) -> str:
    """Run imgrec without showing its output; return what it writes to stderr."""
    done = subprocess.run(imgrec(*arguments), check=True, capture_output=True, text=True)  # noqa: S603  # our own arguments
    return done.stderr


def jpeg(height: int, width: int) -> bytes:
    """Return a JPEG file with coarse structure and some noise, like a photo."""
    generator = np.random.default_rng(0)
    coarse = generator.integers(0, 200, (height // 40, width // 40, 3), dtype=np.uint8)
    picture = np.asarray(Image.fromarray(coarse).resize((width, height)))
    noise = generator.integers(0, 16, picture.shape, dtype=np.uint8)
    file = io.BytesIO()
    Image.fromarray(picture + noise).save(file, "JPEG", quality=90)
    return file.getvalue()


def with_photos(section: Section) -> Section:
    """Return the section, without figures if there are no photos."""

    def measured(size: Size) -> Iterator[Figure]:
        if PHOTOS.is_dir():
            yield from section(size)
        else:
            print(f"skipped, since {PHOTOS} does not exist")

    return measured


Section = Callable[[Size], Iterator[Figure]]
SECTIONS: dict[str, tuple[str, Section]] = {
    "start": ("Start and decoding", lambda _: starting()),
    "lists": ("Lists of runs", run_lists),
    "checks": ("Checking images", with_photos(lambda size: checks(PHOTOS, size))),
    "predicting": ("Predicting", with_photos(predicting)),
    "quick": ("A model in seconds", with_photos(lambda size: quick(PHOTOS, size))),
    "similar": ("Searching", similar),
    "serving": ("Serving", with_photos(services)),
    "inputs": ("Input pipelines", with_photos(inputs)),
    "training": ("Training `cat_dog`", with_photos(lambda size: plain_network(PHOTOS, size))),
    "torch": ("Training `cat_dog`, PyTorch", with_photos(lambda size: beside_torch(PHOTOS, size))),
    "residual": (
        "Training `cat_dog_plus`",
        with_photos(lambda size: residual_network(PHOTOS, size)),
    ),
    "features": ("Training on features", with_photos(lambda size: frozen(PHOTOS, size))),
    "lasting": ("First step, checkpoints, memory", with_photos(lambda size: lasting(PHOTOS, size))),
    "evaluating": ("Evaluating", lambda _: evaluations()),
    "teaching": ("Teaching", with_photos(lambda _: teaching(PHOTOS))),
}

if __name__ == "__main__":
    main(sys.argv[1:])
