"""Write a handwritten digit, which the demo's network was not trained on, as a PNG.

python tools/digit.py build/digit.png
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from PIL import Image

from imgrec.config.load import load
from imgrec.data.sources import read


def main(target: Path) -> None:
    """Write the first test image of configs/small_cnn.yaml, 8 x 8 grey pixels, to `target`."""
    experiment = load("small_cnn")
    splits = read(experiment.data, experiment.seed)
    record = splits.test[0]
    if not isinstance(record.source, np.ndarray):
        raise TypeError(f"{record.name} is not an array")
    Image.fromarray(record.source.squeeze()).save(target)
    print(f"{target} shows the digit {splits.classes[record.labels[0]]}")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
