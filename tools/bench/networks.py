"""Runs for measurements, trained for a few steps since their answers don't matter."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
from PIL import Image

from imgrec.config.load import load, parse
from imgrec.workflows.training import train

VGG16 = """
name: vgg16
data:
  root: {root}
  image_size: [224, 224]
  split: {{validation: 0.25}}
  batch_size: 2
model:
  backbone: {{name: VGG16, weights: null}}
  layers:
    - Flatten
    - Dense: {{units: 4096, activation: relu}}
    - Dense: {{units: 4096, activation: relu}}
training: {{epochs: 1, steps_per_epoch: 1, export: [float32, int8]}}
"""


def small_network(runs: Path, folder: Path) -> Path:
    """Train `cat_dog` for two steps on the photos below `folder`, and return its run."""
    places = [f"data.train={folder}/train", f"data.validation={folder}/validation"]
    short = ["training.epochs=1", "training.steps_per_epoch=2"]
    return train(load("cat_dog", [*places, *short]), runs_dir=runs).run.path


def full_vgg16(runs: Path) -> Path:
    """Train a VGG16 with its dense layers and random weights for one step; return its run."""
    with tempfile.TemporaryDirectory() as folder:
        for name, colour in (("dark", 30), ("light", 220)):
            (Path(folder) / name).mkdir()
            for number in range(4):
                noise = np.random.default_rng(number).integers(0, 30, (224, 224, 3), np.uint8)
                Image.fromarray(noise + np.uint8(colour)).save(
                    Path(folder) / name / f"{number}.png"
                )
        return train(parse(VGG16.format(root=folder), "vgg16.yaml"), runs_dir=runs).run.path
