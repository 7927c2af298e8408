"""How much memory a training holds while its epochs go by.

python -m tools.memory   train on the embedded digits; print the megabytes after each epoch, as JSON
"""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from imgrec.config.load import load
from imgrec.workflows.train import train

EPOCHS = 50
SETTLED = 10
"""After so many epochs all that a training keeps has been allocated."""

STATM = Path("/proc/self/statm")
"""Where Linux tells of a process's memory, in pages; the second number is what is resident."""

_LOG = logging.getLogger("imgrec")


class Held(logging.Handler):
    """Notes the process's resident memory with each epoch's line in the log."""

    def __init__(self) -> None:
        super().__init__()
        self.megabytes: list[float] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Note it."""
        if record.getMessage().startswith("epoch "):
            pages = int(STATM.read_text(encoding="ascii").split()[1])
            self.megabytes.append(pages * os.sysconf("SC_PAGE_SIZE") / 1e6)


def growth() -> float:
    """Return the megabytes that 40 epochs add, measured in a process of its own."""
    command = [sys.executable, "-m", "tools.memory"]
    done = subprocess.run(command, check=True, capture_output=True)  # noqa: S603  # our own
    megabytes = json.loads(done.stdout.splitlines()[-1])
    return float(megabytes[EPOCHS - 1] - megabytes[SETTLED - 1])


def main() -> None:
    """Train, and print the megabytes after each epoch."""
    held = Held()
    _LOG.setLevel(logging.INFO)
    _LOG.addHandler(held)
    short = ["training.steps_per_epoch=5", "training.validation_steps=1", "training.export=[]"]
    with tempfile.TemporaryDirectory() as runs:
        train(load("small_cnn", [f"training.epochs={EPOCHS}", *short]), runs_dir=Path(runs))
    print(json.dumps(held.megabytes))


if __name__ == "__main__":
    main()
