"""An experiment's images, ready to train on."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from imgrec.config.experiment import Experiment
from imgrec.config.load import parse
from imgrec.data.images import decode
from imgrec.errors import DataError
from imgrec.progress import Silent
from imgrec.workflows.prepare import prepare, training_split, validation_split

_CONFIG = """
name: photos
data:
  root: {root}
  image_size: [6, 7]
  split: {{validation: 0.2, test: 0.2}}
  bad_images: skip
model: {{layers: [Flatten]}}
"""


@pytest.fixture
def experiment(photos: Path) -> Experiment:
    """Twenty photos of each of two classes, four of which can't be read."""
    for name in ("red/03.png", "red/11.png", "blue/00.png", "blue/19.png"):
        (photos / name).write_bytes(b"text")
    return parse(_CONFIG.format(root=photos), "photos.yaml")


@pytest.mark.parametrize("cache", ["none", "{}", "{memory: false, folder: FOLDER}"])
def test_each_split_has_its_own_pixels(experiment: Experiment, tmp_path: Path, cache: str) -> None:
    """Wherever they are kept, the rows of a split are its records, bad ones left out."""
    override = f"data.cache={cache.replace('FOLDER', str(tmp_path / 'cache'))}"
    config = _CONFIG.format(root=experiment.data.root)
    experiment = parse(config, "photos.yaml", [override])
    prepared = prepare(experiment, Silent())
    train, validation = training_split(prepared), validation_split(prepared)
    assert validation is not None
    for split, records in (
        (train, prepared.splits.train),
        (validation, prepared.splits.validation),
    ):
        assert len(split.rows) == len(split.targets) == len(records)
        expected = np.stack([decode(record.source, prepared.spec) for record in records])
        np.testing.assert_array_equal(split.pixels.take(split.rows), expected)
    used = sum(
        len(part)
        for part in (prepared.splits.train, prepared.splits.validation, prepared.splits.test)
    )
    assert (used, len(prepared.skipped), len(prepared.identities)) == (36, 4, 40)


def test_bad_images_are_an_error_unless_they_may_be_skipped(experiment: Experiment) -> None:
    """All are named."""
    data = experiment.data.model_copy(update={"bad_images": "error"})
    with pytest.raises(DataError, match=r"4 of 40 images can't be read") as caught:
        prepare(experiment.model_copy(update={"data": data}), Silent())
    assert "red/03.png" in caught.value.message


def test_a_part_of_the_validation_has_every_class(experiment: Experiment) -> None:
    """`validation_steps` takes images of each class, the same each time, not the first ones."""
    config = _CONFIG.format(root=experiment.data.root)
    steps = ["data.batch_size=4", "training.validation_steps=1"]
    parts = [validation_split(prepare(parse(config, "x.yaml", steps), Silent())) for _ in range(2)]
    assert all(part is not None and part.targets.sum(0).tolist() == [2, 2] for part in parts)
    assert len({part.identity for part in parts if part is not None}) == 1
