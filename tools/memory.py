"""How much memory a training uses: over its epochs, and depending on the number of images.

python -m tools.memory       train on the embedded digits; print the megabytes after each epoch,
                             as JSON
python -m tools.memory 300 1200
                             train on so many photos in files, kept nowhere, one training after
                             the other; print the most megabytes held at once until each's end
"""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from imgrec.config.load import load, parse
from imgrec.workflows.training import train
from tools.peak_memory import peak_memory

EPOCHS = 50
SETTLED = 10
"""After this many epochs, everything that a training keeps has been allocated."""

STATM = Path("/proc/self/statm")
"""Linux' file about a process's memory, in pages; the second number is the resident memory."""

SIDE = 256
"""The photos' height and width in pixels; each takes 0.2 MB."""

STREAMING = """
name: streaming
data: {root: "%s", image_size: [256, 256], batch_size: 8, split: {validation: 0.1}, cache: none}
model: {layers: [AveragePooling2D: {pool_size: 16}, Flatten]}
training: {epochs: 1, export: []}
"""

_LOG = logging.getLogger("imgrec")


class Held(logging.Handler):
    """Records the resident memory at each epoch's line in the log."""

    def __init__(self) -> None:
        super().__init__()
        self.megabytes: list[float] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Record it."""
        if record.getMessage().startswith("epoch "):
            pages = int(STATM.read_text(encoding="ascii").split()[1])
            self.megabytes.append(pages * os.sysconf("SC_PAGE_SIZE") / 1e6)


def growth() -> float:
    """Return the megabytes that 40 epochs add, measured in a separate process."""
    megabytes = _measured()
    return float(megabytes[EPOCHS - 1] - megabytes[SETTLED - 1])


def peaks(*photos: int) -> list[float]:
    """Return the peak memory, in megabytes, up to the end of trainings on so many photos in files.

    A separate process runs them one after the other.
    """
    return [float(each) for each in _measured(*map(str, photos))]


def main() -> None:
    """Run the measurement named on the command line."""
    if sys.argv[1:]:
        _print_peaks([int(each) for each in sys.argv[1:]])
    else:
        _print_growth()


def _measured(*arguments: str) -> Any:
    command = [sys.executable, "-m", "tools.memory", *arguments]
    done = subprocess.run(command, check=True, capture_output=True)  # noqa: S603  # our own
    return json.loads(done.stdout.splitlines()[-1])


def _print_growth() -> None:
    held = Held()
    _LOG.setLevel(logging.INFO)
    _LOG.addHandler(held)
    short = ["training.steps_per_epoch=5", "training.validation_steps=1", "training.export=[]"]
    with tempfile.TemporaryDirectory() as runs:
        train(load("small_cnn", [f"training.epochs={EPOCHS}", *short]), runs_dir=Path(runs))
    print(json.dumps(held.megabytes))


def _print_peaks(photos: Sequence[int]) -> None:
    print(json.dumps([_peak(each) for each in photos]))


def _peak(photos: int) -> float:
    with tempfile.TemporaryDirectory() as name:
        root = Path(name) / "photos"
        _write_photos(root, photos)
        train(parse(STREAMING % root, "streaming.yaml"), runs_dir=Path(name) / "runs")
    return peak_memory() / 1e6


def _write_photos(root: Path, count: int) -> None:
    """Write photos of two classes, all different."""
    ramp = np.arange(SIDE)
    for number in range(count):
        folder = root / ("dark", "bright")[number % 2]
        folder.mkdir(parents=True, exist_ok=True)
        pixels = np.stack([ramp + number, ramp * 2, ramp // 2 + 128 * (number % 2)], axis=-1)
        Image.fromarray(np.broadcast_to(pixels.astype(np.uint8), (SIDE, SIDE, 3)).copy()).save(
            folder / f"{number}.jpg"
        )


if __name__ == "__main__":
    main()
