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
from imgrec.workflows.prepare import prepare, read_splits, training_split, validation_split

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


def test_what_is_wrong_with_a_folder_comes_at_once(experiment: Experiment) -> None:
    """Beside an empty class, files that are no images are named, and links that lead nowhere."""
    root = Path(str(experiment.data.root))
    (root / "green").mkdir()
    (root / "red" / "notes.txt").write_text("text")
    (root / "blue" / "lost.png").symlink_to("nowhere")
    with pytest.raises(DataError) as caught:
        read_splits(experiment)
    *lines, last = caught.value.message.split("\n")
    assert lines == [
        f"no images in class folder green of {root}",
        "moreover, 2 of 42 images can't be read",
        "  blue/lost.png: no such file",
    ]
    assert last.startswith("  red/notes.txt: not an image")


@pytest.mark.parametrize(
    ("root", "meant"), [("phots", "photos"), ("photos/rde", str(Path("photos", "red"))), ("x", "")]
)
def test_a_root_that_does_not_exist_has_its_line(
    root: str, meant: str, photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And the name that was probably meant."""
    monkeypatch.chdir(photos.parent)
    with pytest.raises(DataError) as caught:
        read_splits(parse(_CONFIG.format(root=root), "photos.yaml"))
    also = f"; did you mean {meant}?" if meant else ""
    message = f"photos.yaml, line 4: data.root: no file or folder {root}{also}"
    assert caught.value.message == message


def test_all_places_that_do_not_exist_are_named(experiment: Experiment) -> None:
    """Those of the training and the validation images, with the line of the first."""
    places = ["data.root=null", "data.split=null", "data.train=a", "data.validation=b"]
    config = _CONFIG.format(root=experiment.data.root)
    with pytest.raises(DataError) as caught:
        read_splits(parse(config, "photos.yaml", places))
    assert caught.value.message.split("\n")[1] == "moreover, no file or folder b"


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
