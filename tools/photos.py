"""Where the photos and weights for measurements are."""

from __future__ import annotations

import os
from pathlib import Path

ROOT = Path(os.environ.get("IMGREC_TEST_DATA", "../shared"))
DATA = ROOT / "data"
VGG16 = ROOT / "weights/vgg16_imagenet_notop.h5"
LITE0 = ROOT / "weights/efficientnet_lite0_imagenet_top.keras"

PETS = ("cats", "dogs")
"""The class folders of DATA/cats_dogs."""

WITH_PETS = ("golden_retriever", "tabby", "tiger")
"""Those of DATA/photos that show a dog or a cat."""
