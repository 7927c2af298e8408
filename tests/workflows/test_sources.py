"""The same pictures from a folder, a table, arrays and records are the same images."""

from __future__ import annotations

import csv
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from imgrec.config.load import parse
from imgrec.data.images import ImageSpec, decode
from imgrec.errors import DataError, UsageError
from imgrec.runs.folder import Run
from imgrec.workflows.evaluation import EvaluationRequest, ImageChoice, evaluate
from imgrec.workflows.prepare import read_images
from tests.data.tfrecord_writer import write

PER_CLASS = 100
SPEC = ImageSpec(24, 24, 3)

SOURCE = """
name: source
data: {root: "%s", image_size: [24, 24], split: {validation: 0.2, test: 0.2}}
model: {layers: [Flatten]}
"""


@dataclass(frozen=True)
class Picture:
    """A file and its class."""

    file: Path
    label: str


def as_folder(pictures: list[Picture], root: Path) -> Path:
    """Write class folders."""
    for picture in pictures:
        (root / picture.label).mkdir(parents=True, exist_ok=True)
        shutil.copyfile(picture.file, root / picture.label / picture.file.name)
    return root


def as_csv(pictures: list[Picture], root: Path) -> Path:
    """Write a table of absolute paths."""
    root.mkdir()
    with (root / "list.csv").open("w", newline="", encoding="utf-8") as file:
        rows = ([str(picture.file), picture.label] for picture in pictures)
        csv.writer(file).writerows([["path", "label"], *rows])
    return root / "list.csv"


def as_npz(pictures: list[Picture], root: Path) -> Path:
    """Write pixels of the wanted size, which decoding leaves as they are."""
    root.mkdir()
    pixels = [decode(picture.file, SPEC) for picture in pictures]
    labels = [picture.label for picture in pictures]
    np.savez(root / "data.npz", x=np.stack(pixels), y=np.array(labels))
    return root / "data.npz"


def as_tfrecord(pictures: list[Picture], root: Path) -> Path:
    """Write two shards of the files' bytes."""
    root.mkdir()
    for shard in range(2):
        examples = (
            {"image": picture.file.read_bytes(), "label": picture.label.encode()}
            for picture in pictures[shard::2]
        )
        write(root / f"data.tfrecord-0000{shard}-of-00002", examples)
    return root


FORMS = [as_csv, as_npz, as_tfrecord]


@pytest.fixture(scope="module")
def birds(shared: Callable[[str], Path]) -> list[Picture]:
    """A hundred photos of each class; their names are unique."""
    root = shared("data/birds/test")
    return [
        Picture(file, label)
        for label in ("bird", "not_bird")
        for file in sorted((root / label).iterdir())[:PER_CLASS]
    ]


def content(place: Path) -> list[tuple[str, bytes]]:
    """Return class and pixels of all images at `place`, read as a training reads them."""
    experiment = parse(SOURCE % place, "source.yaml")
    splits = read_images(experiment.data, experiment.seed)
    return sorted(
        (splits.classes[record.labels[0]], decode(record.source, SPEC).tobytes())
        for part in (splits.train, splits.validation, splits.test)
        for record in part
    )


@pytest.mark.parametrize("form", FORMS)
def test_every_form_gives_the_same_pixels_and_labels(
    birds: list[Picture], tmp_path: Path, form: Callable[[list[Picture], Path], Path]
) -> None:
    """Through the config, the split and the one decoder: not a bit differs from the folder."""
    expected = content(as_folder(birds, tmp_path / "folder"))
    assert len(expected) == 2 * PER_CLASS
    assert content(form(birds, tmp_path / "other")) == expected


def colours(photos: Path) -> list[Picture]:
    """Return the fixture's pictures, red ones first."""
    return [
        Picture(file, label)
        for label in ("red", "blue")
        for file in sorted((photos / label).iterdir())
    ]


def anyhow(place: Path, split: str | None = None) -> EvaluationRequest:
    """Return what evaluates the images at `place`, those of the training among them."""
    return EvaluationRequest(ImageChoice(place, split), allow_leakage=True)


def test_other_forms_are_evaluated_in_the_runs_order(
    colour_run: Run, photos: Path, tmp_path: Path
) -> None:
    """Red alone is the first class of its file, and still the second of the run."""
    red = [picture for picture in colours(photos) if picture.label == "red"]
    expected = evaluate(colour_run, anyhow(as_folder(red, tmp_path / "folder"))).evaluation
    assert expected.classes == ("blue", "red")
    table = as_csv(red, tmp_path / "csv")
    records = as_tfrecord(red, tmp_path / "tfrecord")
    arrays = tmp_path / "data.npz"
    pixels: list[NDArray[np.uint8]] = [np.asarray(Image.open(each.file)) for each in red]
    np.savez(arrays, x=np.stack(pixels), y=np.zeros(len(red), int), classes=np.array(["red"]))
    for place in (table, records, arrays):
        found = evaluate(colour_run, anyhow(place))
        assert (found.split, found.source) == ("all", str(place))
        assert found.evaluation.classes == ("blue", "red")
        assert [result.support for result in found.evaluation.per_class] == [0, len(red)]
        np.testing.assert_array_equal(found.evaluation.confusion, expected.confusion)


def test_a_split_column_gives_the_parts(colour_run: Run, photos: Path, tmp_path: Path) -> None:
    """The test rows are taken; another part may be asked for; a missing one is reported."""
    table = tmp_path / "list.csv"
    rows = [
        f"{picture.file},{picture.label},{'train' if number % 4 else 'test'}"
        for number, picture in enumerate(colours(photos))
    ]
    table.write_text("\n".join(["path,label,split", *rows]))
    assert evaluate(colour_run, anyhow(table)).evaluation.images == 10
    assert evaluate(colour_run, anyhow(table, "train")).evaluation.images == 30
    with pytest.raises(UsageError, match="has no validation images"):
        evaluate(colour_run, EvaluationRequest(ImageChoice(table, "validation")))


def test_a_class_that_the_run_does_not_know_is_refused(colour_run: Run, tmp_path: Path) -> None:
    """Numbers without names are classes 0 and 1, which are neither blue nor red."""
    path = tmp_path / "data.npz"
    np.savez(path, x=np.zeros((2, 8, 8, 3), np.uint8), y=np.array([0, 1]))
    with pytest.raises(DataError, match="unknown classes 0, 1"):
        evaluate(colour_run, EvaluationRequest(ImageChoice(path)))


def test_a_label_map_of_the_config_reaches_the_records(tmp_path: Path, photos: Path) -> None:
    """Whole numbers as YAML's keys, with gaps; the run's classes are the names, in their order."""
    examples = [
        {"image": picture.file.read_bytes(), "label": 90 if picture.label == "red" else 3}
        for picture in colours(photos)
    ]
    path = write(tmp_path / "colours.tfrecord", examples)
    text = SOURCE % path + "\n"
    mapped = text.replace("split:", "label_map: {90: red, 3: blue, 12: none}, split:")
    experiment = parse(mapped, "mapped.yaml")
    splits = read_images(experiment.data, experiment.seed)
    assert splits.classes == ("red", "blue")
    assert [len(part) for part in (splits.train, splits.validation, splits.test)] == [24, 8, 8]


def test_a_wrong_path_is_not_taken_for_the_runs_own_images(trained: Run, tmp_path: Path) -> None:
    """A run on the built-in digits evaluates no digits where a typo names nothing."""
    with pytest.raises(DataError, match="no file or folder"):
        evaluate(trained, EvaluationRequest(ImageChoice(tmp_path / "typo")))
