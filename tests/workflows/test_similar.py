"""Photos are found by the cosine of their features."""

from __future__ import annotations

import csv
import io
import shutil
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from imgrec.data.images import ImageSpec
from imgrec.errors import BadImage, DataError, RunError, UsageError
from imgrec.report.documents import similarity_csv
from imgrec.runs.folder import Run
from imgrec.runtime.engine import EngineOptions
from imgrec.runtime.feature_table import read_features
from imgrec.workflows.similarity import (
    FeatureModel,
    find_similar,
    open_feature_model,
    photo_features,
    similar_page,
    similar_sheet,
    write_photo_features,
)
from tests.report.test_html import Page


class Colours:
    """Its features are the mean red, green and blue of an image; it counts the images."""

    spec = ImageSpec(4, 4, 3)
    size = 3

    def __init__(self) -> None:
        self.images = 0

    def features(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return the mean of each channel."""
        self.images += len(images)
        return np.asarray(images.mean(axis=(1, 2)), np.float32)


@pytest.fixture
def colours() -> Colours:
    """What computes features."""
    return Colours()


@pytest.fixture
def model(colours: Colours, tmp_path: Path) -> FeatureModel:
    """A model with an identity that no other test has."""
    return FeatureModel("m-1", str(tmp_path), colours)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a red, two equal orange, a green and a broken photo."""
    path = tmp_path / "photos"
    (path / "more").mkdir(parents=True)
    for name, colour in (
        ("red.png", (200, 0, 0)),
        ("orange.png", (200, 100, 0)),
        ("green.png", (0, 200, 0)),
    ):
        Image.new("RGB", (4, 4), colour).save(path / name)
    shutil.copy(path / "orange.png", path / "more" / "same.png")
    (path / "bad.png").write_bytes(b"none")
    return path


def test_the_most_similar_photos_come_first(folder: Path, model: FeatureModel) -> None:
    """The photo itself is identical, equal ones are one result, and broken ones are named."""
    found = find_similar(folder / "red.png", folder, model)
    shown = [(Path(each.name).name, each.identical, len(each.duplicates)) for each in found.found]
    assert shown == [("red.png", True, 0), ("same.png", False, 1), ("green.png", False, 0)]
    assert [each.similarity for each in found.found] == pytest.approx([1, 0.8944, 0], abs=1e-4)
    assert (found.searched, [Path(each.name).name for each in found.refused]) == (4, ["bad.png"])
    assert [each.name for each in find_similar(folder / "red.png", folder, model, 1).found] == [
        str(folder / "red.png")
    ]


def test_an_identical_photo_without_features_comes_first(folder: Path, model: FeatureModel) -> None:
    """The cosine of zeros is not defined; the content is the same all the same."""
    Image.new("RGB", (4, 4)).save(folder / "black.png")
    first, second, *_ = find_similar(folder / "black.png", folder, model).found
    assert (Path(first.name).name, first.similarity, first.identical) == ("black.png", 1, True)
    assert (second.similarity, second.identical) == (0, False)


def test_a_second_search_computes_the_photo_alone(
    folder: Path, model: FeatureModel, colours: Colours
) -> None:
    """A new photo is computed, one under another name is not, and a removed one is not found."""
    wanted = folder.parent / "wanted.png"
    Image.new("RGB", (4, 4), (10, 0, 0)).save(wanted)
    first = find_similar(wanted, folder, model)
    assert colours.images == 1 + 4
    assert find_similar(wanted, folder, model) == first
    assert colours.images == 1 + 4 + 1
    (folder / "green.png").rename(folder / "lime.png")
    Image.new("RGB", (4, 4), (0, 0, 9)).save(folder / "blue.png")
    (folder / "red.png").unlink()
    found = find_similar(wanted, folder, model)
    assert {Path(each.name).name for each in found.found} == {"same.png", "lime.png", "blue.png"}
    assert colours.images == 1 + 4 + 1 + 2


def test_a_changed_photo_is_computed_again(
    folder: Path, model: FeatureModel, colours: Colours
) -> None:
    """Though its name, and even its size and time, are the same; another model has others."""
    find_similar(folder / "red.png", folder, model)
    Image.new("RGB", (4, 4), (0, 0, 200)).save(folder / "green.png")
    before = colours.images
    found = find_similar(folder / "green.png", folder, model)
    assert colours.images == before + 2
    assert found.found[0].identical
    find_similar(folder / "red.png", folder, FeatureModel("m-2", f"{folder}", colours))
    assert colours.images == before + 2 + 5


def test_without_a_cache_the_features_are_computed(
    folder: Path, model: FeatureModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file in the place of the cache folder changes no answer."""
    expected = find_similar(folder / "red.png", folder, model)
    monkeypatch.setenv("IMGREC_CACHE", str(folder / "red.png"))
    assert find_similar(folder / "red.png", folder, model) == expected


def test_a_file_of_features_is_searched(folder: Path, model: FeatureModel, tmp_path: Path) -> None:
    """Normalized or not, it gives what the folder gives; broken photos are in it."""
    expected = find_similar(folder / "red.png", folder, model)
    for normalized in (False, True):
        path = tmp_path / f"{normalized}.npz"
        summary = write_photo_features([str(folder)], model, path, normalized=normalized)
        assert (summary.photos, summary.failed) == (5, 1)
        found = find_similar(folder / "red.png", path, model)
        assert [each.name for each in found.found] == [each.name for each in expected.found]
        assert found.refused == expected.refused
        lengths = np.linalg.norm(read_features(path).values, axis=1)
        assert np.allclose(lengths, 1) == normalized
    with pytest.raises(UsageError, match="already exists"):
        write_photo_features([str(folder)], model, path)


def test_features_of_another_model_are_refused(
    folder: Path, model: FeatureModel, tmp_path: Path
) -> None:
    """The message names both; of the same name, they have to be computed again."""
    path = tmp_path / "out.npz"
    write_photo_features([str(folder)], model, path)
    for name, message in (
        ("m-2", "has features of m-1, not of m-2"),
        ("m-1", "has features of m-1, not of another model of that name"),
    ):
        other = FeatureModel(name, "other", model.extractor)
        with pytest.raises(UsageError, match=message):
            find_similar(folder / "red.png", path, other)


def test_what_can_not_be_searched_is_named(
    folder: Path, model: FeatureModel, tmp_path: Path
) -> None:
    """A broken photo, an empty folder, a missing one, and one without a readable photo."""
    (tmp_path / "empty").mkdir()
    with pytest.raises(BadImage, match=r"bad\.png: not an image"):
        find_similar(folder / "bad.png", folder, model)
    with pytest.raises(DataError, match="empty: a folder without images"):
        find_similar(folder / "red.png", tmp_path / "empty", model)
    with pytest.raises(DataError, match="none does not exist"):
        find_similar(folder / "red.png", tmp_path / "none", model)
    with pytest.raises(DataError, match=r"red\.png is neither a folder nor an \.npz file"):
        find_similar(folder / "red.png", folder / "red.png", model)
    shutil.copy(folder / "bad.png", tmp_path / "empty" / "bad.png")
    with pytest.raises(DataError, match=r"none of the photos can be used, such as .*bad.png"):
        find_similar(folder / "red.png", tmp_path / "empty", model)


def test_features_that_are_not_numbers_are_refused(folder: Path, model: FeatureModel) -> None:
    """The message names the model and a photo."""

    class Broken(Colours):
        def features(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
            return super().features(images) * np.float32(np.nan)

    broken = FeatureModel("m-1", model.identity, Broken())
    with pytest.raises(RunError, match=r"m-1 computes features that are not finite .*red\.png"):
        find_similar(folder / "red.png", folder, broken)


def test_a_contact_sheet_shows_every_photo(folder: Path, model: FeatureModel) -> None:
    """As a page, with what is the same; as a picture; one that was removed has no picture."""
    found = find_similar(folder / "red.png", folder, model)
    (folder / "green.png").unlink()
    page = Page(similar_page(found))
    alts = [Path(value or "").name for name, value in page.attributes if name == "alt"]
    assert alts == ["red.png", "red.png", "same.png"]
    assert {"identical", "1 duplicate", "no picture", "1 photo there can’t be used"} <= set(
        page.texts
    )
    with Image.open(io.BytesIO(similar_sheet(found))) as sheet:
        assert sheet.getpixel((88, 88)) == (200, 0, 0)


def test_a_table_has_a_line_for_each_file(folder: Path, model: FeatureModel) -> None:
    """Duplicates follow the photo that they are the same as."""
    found = find_similar(folder / "red.png", folder, model)
    rows = list(csv.DictReader(io.StringIO(similarity_csv(found))))
    assert [(row["rank"], Path(row["photo"]).name, row["identical"]) for row in rows] == [
        ("1", "red.png", "true"),
        ("2", "same.png", "false"),
        ("2", "orange.png", "false"),
        ("3", "green.png", "false"),
    ]
    assert [Path(row["duplicate_of"]).name for row in rows] == ["", "", "same.png", ""]


def test_keras_computes_the_features_of_litert(trained: Run, tmp_path: Path) -> None:
    """To the last digits."""
    from imgrec.data.records import Photo

    Image.new("L", (8, 8), 100).save(tmp_path / "photo.png")
    photos = [Photo("photo", tmp_path / "photo.png")]
    fast = photo_features(photos, open_feature_model(trained)).values
    slow = open_feature_model(trained, EngineOptions(engine="keras"))
    assert fast.shape == (1, 288)
    np.testing.assert_allclose(photo_features(photos, slow).values, fast, atol=1e-6)
