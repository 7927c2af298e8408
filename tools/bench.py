"""Measure what users wait for on this machine: start, decoding, training.

python tools/bench.py
"""

from __future__ import annotations

import io
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable

import numpy as np
from PIL import Image

from imgrec.config.load import load
from imgrec.data.images import ImageSpec, decode
from imgrec.data.read import read

CONFIG = "small_cnn"
MORE_EPOCHS = 5


def main() -> None:
    """Print one line per figure; each is the best of several rounds."""
    print(f"imgrec --help                    {seconds(show_help, rounds=5):8.2f} s")
    print(f"decode 640x480 JPEG to 150x150   {decoded_per_second():8.0f} images/s, one thread")
    print(f"train {CONFIG:<26} {trained_per_second():8.0f} images/s")


def decoded_per_second(count: int = 200) -> float:
    """Return how many photos one thread decodes and resizes in a second."""
    photo = jpeg(height=480, width=640)
    spec = ImageSpec(height=150, width=150, channels=3)
    return count / seconds(lambda: [decode(photo, spec) for _ in range(count)], rounds=3)


def trained_per_second() -> float:
    """Return the images/s of further epochs: what the start of a training takes is left out."""
    experiment = load(CONFIG)
    images = len(read(experiment.data, experiment.seed).train)
    one = seconds(lambda: train(epochs=1), rounds=1)
    more = seconds(lambda: train(epochs=1 + MORE_EPOCHS), rounds=1)
    return images * MORE_EPOCHS / (more - one)


def show_help() -> None:
    """Run `imgrec --help`."""
    imgrec("--help")


def train(epochs: int) -> None:
    """Train in a process of its own, into a folder that is removed."""
    with tempfile.TemporaryDirectory() as runs:
        imgrec("train", CONFIG, "--set", f"training.epochs={epochs}", "--runs-dir", runs)


def imgrec(*arguments: str) -> None:
    """Run imgrec; its output is not shown."""
    command = [sys.executable, "-m", "imgrec", *arguments]
    subprocess.run(command, check=True, capture_output=True)  # noqa: S603  # arguments of our own


def jpeg(height: int, width: int) -> bytes:
    """Return a JPEG file with coarse structure and some noise, as photos have."""
    generator = np.random.default_rng(0)
    coarse = generator.integers(0, 200, (height // 40, width // 40, 3), dtype=np.uint8)
    picture = np.asarray(Image.fromarray(coarse).resize((width, height)))
    noise = generator.integers(0, 16, picture.shape, dtype=np.uint8)
    file = io.BytesIO()
    Image.fromarray(picture + noise).save(file, "JPEG", quality=90)
    return file.getvalue()


def seconds(work: Callable[[], object], rounds: int) -> float:
    """Return the wall time of the fastest of several rounds of `work`."""
    times = []
    for _ in range(rounds):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return min(times)


if __name__ == "__main__":
    main()
