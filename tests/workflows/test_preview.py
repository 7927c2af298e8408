"""What a training would see, without training."""

from __future__ import annotations

import io
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from imgrec.config.experiment import Experiment
from imgrec.config.load import parse
from imgrec.errors import DataError
from imgrec.workflows.preview import preview

CONFIG = """
name: colours
data: {root: %s, image_size: [10, 12], split: {validation: 0.2}, batch_size: 8}
model: {layers: [GlobalAveragePooling2D], output: sigmoid}
"""


def _colours(photos: Path, *overrides: str) -> Experiment:
    return parse(CONFIG % json.dumps(str(photos)), "colours.yaml", overrides)


def test_images_come_with_their_classes(photos: Path) -> None:
    """Where the caption says red, red it is; without augmentation the pixels are the files'."""
    found = preview(_colours(photos), 10, 1)
    assert found.images.shape == (10, 10, 12, 3)
    assert set(found.captions) == {"red", "blue"}
    for image, caption in zip(found.images, found.captions, strict=True):
        means = image.mean(axis=(0, 1))
        assert (means[0] > means[2]) == (caption == "red")
    files = [np.asarray(Image.open(path)) for path in photos.glob("*/*.png")]
    assert all(any((image == file).all() for file in files) for image in found.images)


def test_the_same_seed_shows_the_same_sheet(photos: Path) -> None:
    """Another seed shows another; the picture is a PNG."""
    turned = "augmentation.rotation_range=40"
    first = preview(_colours(photos, turned), 6, 1)
    assert first.png() == preview(_colours(photos, turned), 6, 1).png()
    assert first.png() != preview(_colours(photos, turned, "seed=1"), 6, 1).png()
    assert Image.open(io.BytesIO(first.png())).format == "PNG"


def test_more_than_there_are_is_all_of_them(photos: Path) -> None:
    """Only images of the training part are shown."""
    assert len(preview(_colours(photos), 400, 1).captions) == 32


@pytest.mark.parametrize("output", ["sigmoid", "softmax"])
def test_mixed_images_are_labelled_with_shares(photos: Path, output: str) -> None:
    """As percentages of both classes, the larger one first."""
    config = _colours(photos, "augmentation.mixup=1", f"model.output={output}")
    mixed = [caption for caption in preview(config, 32, 1).captions if "+" in caption]
    assert mixed
    for caption in mixed:
        first, second = caption.split(" + ")
        assert {first.split()[2], second.split()[2]} == {"red", "blue"}
        shares = [int(part.split(" %")[0]) for part in (first, second)]
        assert shares[0] >= shares[1]
        assert 99 <= sum(shares) <= 101


def test_index_targets_are_named_too(photos: Path) -> None:
    """A sparse loss has class numbers for targets."""
    loss = "training.loss=sparse_categorical_crossentropy"
    config = _colours(photos, "model.output=softmax", loss)
    assert set(preview(config, 32, 1).captions) == {"red", "blue"}


def test_a_bad_image_is_named_or_skipped(photos: Path) -> None:
    """As `data.bad_images` says."""
    for path in sorted((photos / "red").iterdir())[:5]:
        path.write_bytes(b"no image")
    with pytest.raises(DataError, match=r"red/0\d\.png: not an image"):
        preview(_colours(photos), 32, 1)
    found = preview(_colours(photos, "data.bad_images=skip"), 32, 1)
    assert 27 <= len(found.captions) < 32


def test_nothing_readable_is_an_error(photos: Path) -> None:
    """There is nothing to look at."""
    for path in photos.glob("*/*.png"):
        path.write_bytes(b"no image")
    with pytest.raises(DataError, match="no training image can be read"):
        preview(_colours(photos, "data.bad_images=skip"), 4, 1)


def test_each_image_stands_before_its_variants(photos: Path) -> None:
    """The original is the file's; the variants are of the same image, and each is another."""
    found = preview(_colours(photos, "augmentation.brightness_range=[0.5, 0.9]"), 5, 2)
    assert found.variants == 2
    rows = found.images.reshape(5, 3, *found.images.shape[1:])
    files = [np.asarray(Image.open(path)) for path in photos.glob("*/*.png")]
    for number, (original, first, second) in enumerate(rows):
        assert any((original == file).all() for file in files)
        assert original.mean() > max(first.mean(), second.mean())
        assert (first != second).any()
        name = found.captions[3 * number + 1]
        assert found.captions[3 * number : 3 * number + 3] == (f"{name} (original)", name, name)
