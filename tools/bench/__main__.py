"""Measure speed on this machine: start, decoding, input pipelines, prediction, training.

python -m tools.bench                   print a table
python -m tools.bench --quick           the same from fewer images, in 4 minutes, not 11
python -m tools.bench --output FILE     write the table, with machine and command, as Markdown

Compared figures are measured in turns in this process; each is the median of its
rounds. The photos are expected in the folder IMGREC_TEST_DATA (default ../shared). If PyTorch is
installed too (`.venv/bin/pip install torch`), a training is also compared with it.
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
from collections.abc import Iterator
from datetime import UTC, datetime
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from PIL import Image

from imgrec.config.load import load
from imgrec.data.images import ImageSpec, decode
from imgrec.models.backend import describe, start
from tools.bench.checks import checks
from tools.bench.evaluations import evaluations
from tools.bench.figures import QUICK, Figure, Size, rate, seconds
from tools.bench.networks import full_vgg16, small_network
from tools.bench.pipelines import pipelines, some_records, steps, training_split
from tools.bench.predicting import large_network, photos_and_folders
from tools.bench.processes import imgrec
from tools.bench.run_lists import run_lists
from tools.bench.serving import serving
from tools.bench.training import trainings
from tools.photos import DATA

CONFIG = "small_cnn"
MORE_EPOCHS = 5
PHOTOS = "cats_dogs"


def main(arguments: list[str]) -> None:
    """Measure everything; print each figure as soon as it is known."""
    parser = argparse.ArgumentParser(description="Measure imgrec on this machine.")
    parser.add_argument("--quick", action="store_true", help="fewer images, 4 minutes")
    parser.add_argument("--output", type=Path, help="Markdown file to write the table to")
    options = parser.parse_args(arguments)
    figures: list[Figure] = []
    others = sections(options.output) if options.output else ""
    for figure in timed(measured(QUICK if options.quick else Size())):
        goal = f"  goal: {figure.goal}" if figure.goal else ""
        print(f"{figure.name:<70} {figure.value:>14}{goal}", flush=True)
        figures.append(figure)
        if options.output:  # each time, so that an interrupted run keeps its figures
            text = page(figures, quick=options.quick) + others
            options.output.write_text(text, encoding="utf-8")


def timed(figures: Iterator[Figure]) -> Iterator[Figure]:
    """Yield the figures and, at the end, how long it took to measure them."""
    began = time.perf_counter()
    yield from figures
    yield Figure("all these measurements", f"{(time.perf_counter() - began) / 60:.1f} min")


def measured(size: Size) -> Iterator[Figure]:
    """Yield every figure."""
    yield Figure("`imgrec --help`", f"{seconds(show_help, rounds=5):.2f} s")
    yield Figure("decode a 640x480 JPEG to 150x150, one thread", rate(decoded_per_second()))
    yield Figure(f"train `{CONFIG}`, without the start", rate(trained_per_second()))
    yield from run_lists(size)
    folder = DATA / PHOTOS
    if not folder.is_dir():
        print(f"skipped: pipelines, prediction and training, since {folder} does not exist")
        yield from evaluations()
        return
    yield from checks(folder, size)
    yield from predicting(folder, size)
    experiment = load(
        "cat_dog", [f"data.train={folder}/train", f"data.validation={folder}/validation"]
    )
    devices = start()
    split = training_split(experiment, some_records(experiment, size.images))
    yield from pipelines(experiment, split, folder / "train", size)
    yield from steps(experiment, split, devices, size)
    yield from trainings(folder, size)
    yield from evaluations()


def predicting(folder: Path, size: Size) -> Iterator[Figure]:
    """Yield the cost of predicting in a process; the quick run leaves out the full VGG16."""
    with tempfile.TemporaryDirectory() as runs:
        small_network(Path(runs), folder.resolve())
        yield from photos_and_folders(Path(runs), folder, size)
        yield from serving(Path(runs), folder, size)
        if size != QUICK:
            photo = min((folder / "validation").rglob("*.jpg"))
            yield from large_network(full_vgg16(Path(runs)), photo, size)


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


def sections(file: Path) -> str:
    """Return the sections of a page below its table, which other commands measure."""
    text = file.read_text("utf-8") if file.exists() else ""
    _, heading, rest = text.partition("\n## ")
    return heading + rest


def page(figures: list[Figure], *, quick: bool) -> str:
    """Return docs/performance.md: the figures, the machine and the command."""
    machine = describe()
    device = ", ".join(machine.gpus) or "no GPU"
    names = ["tensorflow", "keras", "pillow", "numpy"]
    if find_spec("torch"):
        names.append("torch")
    versions = ", ".join(f"{name} {version(name)}" for name in names)
    rows = "\n".join(f"| {each.name} | {each.value} | {each.goal} |" for each in figures)
    return f"""# Performance

Measured by `make bench{" QUICK=1" if quick else ""}` on {datetime.now(UTC):%Y-%m-%d}: \
{machine.processor}, {machine.cores} cores, {device}; Python {sys.version.split()[0]}, {versions}.
Compared figures were measured in turns in one process; each is the median of its rounds.
The input pipelines read photos of cats and dogs (JPEG, about 447x374) at 150x150 in batches of 32.
The first list of runs makes their index.

| measurement | result | goal |
| --- | --- | --- |
{rows}
"""


if __name__ == "__main__":
    main(sys.argv[1:])
