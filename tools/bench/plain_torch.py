"""A plain PyTorch script, to compare the trainings of imgrec with.

python -m tools.bench.plain_torch FOLDER float32|bfloat16   the network of `cat_dog`, photos
                                                            augmented alike

FOLDER has class folders of two classes. Two workers of a DataLoader read, resize, move and mirror
the photos, by Pillow, as torchvision does it; tensors have their channels last in memory, and
bfloat16 is autocast. Printed are the images/s of the second epoch on, as JSON.
"""

from __future__ import annotations

import itertools
import json
import statistics
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import nn
from torch.utils.data import DataLoader, Dataset, RandomSampler

SIZE = 150
EPOCHS = 3
STEPS = 10
BATCH = 32


class Photos(Dataset):  # type: ignore[misc]
    """Photos of class folders, augmented at random."""

    def __init__(self, folder: str) -> None:
        homes = sorted(path for path in Path(folder).iterdir() if path.is_dir())
        files = [(path, label) for label, home in enumerate(homes) for path in home.iterdir()]
        self._files = sorted(files)

    def __len__(self) -> int:
        return len(self._files)

    def __getitem__(self, index: int) -> tuple[Any, float]:
        """Return float32 (3, SIZE, SIZE) of 0 to 1, and the label."""
        path, label = self._files[index]
        with Image.open(path) as photo:
            image = photo.convert("RGB").resize((SIZE, SIZE), Image.Resampling.BILINEAR)
        image = image.transform(
            (SIZE, SIZE), Image.Transform.AFFINE, random_move(), Image.Resampling.BILINEAR
        )
        if torch.rand(()) < 0.5:
            image = image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
        pixels = torch.from_numpy(np.array(image))
        return pixels.permute(2, 0, 1).float() / 255, float(label)


def random_move() -> tuple[float, ...]:
    """Return Pillow's six coefficients of a random rotation, shear, zoom and shift of `cat_dog`."""
    turn, shear, wide, high, right, down = (
        float(torch.empty(()).uniform_(low, top))
        for low, top in ((-40, 40), (-0.2, 0.2), (0.8, 1.2), (0.8, 1.2), (-0.2, 0.2), (-0.2, 0.2))
    )
    angle, lean, middle = np.deg2rad(turn), np.deg2rad(shear), SIZE / 2
    rotation = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    moved = rotation @ np.array([[1, -np.sin(lean)], [0, np.cos(lean)]]) @ np.diag([wide, high])
    offset = middle - moved @ [middle, middle] + SIZE * np.array([right, down])
    return (*moved[0], offset[0], *moved[1], offset[1])


def network() -> Any:
    """Return the network of `cat_dog`, from (batch, 3, SIZE, SIZE) of 0 to 1 to a logit."""
    layers: list[Any] = []
    channels = 3
    for filters in (32, 64, 128, 128):
        layers += [nn.Conv2d(channels, filters, 3), nn.ReLU(), nn.MaxPool2d(2)]
        channels = filters
    layers += [nn.Flatten(), nn.Linear(7 * 7 * channels, 512), nn.ReLU(), nn.Linear(512, 1)]
    return nn.Sequential(*layers).to(memory_format=torch.channels_last)


def main(folder: str, precision: str) -> None:
    """Train, and print the images/s."""
    model, photos = network().train(), Photos(folder)
    optimizer = torch.optim.RMSprop(model.parameters(), lr=1e-4, alpha=0.9, eps=1e-7)
    loss_of = nn.BCEWithLogitsLoss()
    # One stream over all epochs, so that the workers read ahead across their boundaries.
    sampler = RandomSampler(photos, num_samples=EPOCHS * STEPS * BATCH)
    batches = DataLoader(photos, BATCH, sampler=sampler, num_workers=2)
    ends = [time.perf_counter()]
    for step, (images, labels) in enumerate(batches, 1):
        optimizer.zero_grad()
        with torch.autocast("cpu", torch.bfloat16, enabled=precision == "bfloat16"):
            logits = model(images.to(memory_format=torch.channels_last))
        loss_of(logits[:, 0].float(), labels.float()).backward()
        optimizer.step()
        if step % STEPS == 0:
            ends.append(time.perf_counter())
    seconds = [end - begin for begin, end in itertools.pairwise(ends[1:])]
    print(json.dumps({"images_per_second": BATCH * STEPS / statistics.median(seconds)}))


if __name__ == "__main__":
    main(*sys.argv[1:])
