"""Run `imgrec train` up to the end of the first step, and end the process there.

python -m tools.bench.first_step CONFIG ...   the arguments of `imgrec train`
"""

from __future__ import annotations

import os
import sys

from imgrec.cli.main import main as imgrec
from imgrec.training.batch import Batch
from imgrec.training.steps import Steps


def main() -> None:
    """Train; the first step ends the process."""
    train = Steps.train

    def only(self: Steps, batch: Batch) -> None:
        train(self, batch)
        self.finish()
        os._exit(0)

    Steps.train = only  # type: ignore[method-assign]
    sys.argv.insert(1, "train")
    imgrec()


if __name__ == "__main__":
    main()
