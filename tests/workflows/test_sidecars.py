"""Labels are written into sidecar files, and nothing else is touched."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from imgrec.errors import UsageError
from imgrec.evaluation.prediction import ModelInfo
from imgrec.scores import ONE_LABEL, Decision
from imgrec.workflows.prediction import (
    Predictor,
    SidecarCounts,
    document_sink,
    predict_photos,
    sidecar_sink,
)
from tests.report.test_xmp import OTHERS, keywords
from tests.runtime.brightness import Brightness

Written = tuple[int, int]


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    """A bright picture."""
    path = tmp_path / "photo.png"
    Image.new("L", (4, 4), 204).save(path)
    return path


@pytest.fixture
def write() -> Callable[..., Written]:
    """Return a function that predicts a path and returns how many files were written, and not."""

    def call(path: Path, decision: Decision = ONE_LABEL) -> Written:
        predictor = Predictor(
            (ModelInfo("m", Brightness().classes, decision),), (Brightness(),), ("hash",)
        )
        counts = SidecarCounts()
        predict_photos(
            [str(path)], predictor, sidecar_sink(document_sink(print), predictor, counts)
        )
        return counts.written, counts.failed

    return call


def test_a_photo_gets_a_sidecar_and_stays_as_it_is(
    photo: Path, write: Callable[..., Written]
) -> None:
    """The file has the photo's whole name, and is only written when something changes."""
    before = photo.read_bytes(), photo.stat().st_mtime_ns
    assert write(photo) == (1, 0)
    sidecar = photo.with_name("photo.png.xmp")
    assert keywords(sidecar.read_bytes()) == ["bright"]
    assert (photo.read_bytes(), photo.stat().st_mtime_ns) == before
    assert sorted(photo.parent.iterdir()) == [photo, sidecar]
    assert write(photo) == (0, 0)


def test_the_folder_can_be_predicted_again(photo: Path, write: Callable[..., Written]) -> None:
    """Sidecar files are not taken for photos; a photo with another answer gets another keyword."""
    assert write(photo.parent) == (1, 0)
    Image.new("L", (4, 4), 51).save(photo)
    assert write(photo.parent) == (1, 0)
    assert keywords(photo.with_name("photo.png.xmp").read_bytes()) == ["dark"]


def test_an_unknown_answer_is_no_keyword(photo: Path, write: Callable[..., Written]) -> None:
    """It makes no file, and removes the keyword of an earlier call from one."""
    strict = Decision(min_probability=0.99)
    assert write(photo, strict) == (0, 0)
    assert [*photo.parent.iterdir()] == [photo]
    write(photo)
    assert write(photo, strict) == (1, 0)
    assert keywords(photo.with_name("photo.png.xmp").read_bytes()) == []


def test_several_labels_are_several_keywords(photo: Path, write: Callable[..., Written]) -> None:
    """Each that reaches its threshold."""
    assert write(photo, Decision(class_thresholds=(0.1, 0.1))) == (1, 0)
    assert keywords(photo.with_name("photo.png.xmp").read_bytes()) == ["bright", "dark"]


def test_a_photo_that_can_not_be_read_has_no_sidecar(
    tmp_path: Path, write: Callable[..., Written]
) -> None:
    """Nor has one that does not exist."""
    (tmp_path / "bad.png").write_bytes(b"no image")
    assert write(tmp_path / "bad.png") == write(tmp_path / "none.png") == (0, 0)
    assert [each.name for each in tmp_path.iterdir()] == ["bad.png"]


def test_what_others_wrote_stays(photo: Path, write: Callable[..., Written]) -> None:
    """Other keywords and other metadata, and the file's permissions."""
    sidecar = photo.with_name("photo.png.xmp")
    sidecar.write_bytes(OTHERS)
    sidecar.chmod(0o640)
    assert write(photo) == (1, 0)
    assert keywords(sidecar.read_bytes()) == ["holiday", "cat", "bright"]
    assert sidecar.stat().st_mode & 0o777 == 0o640


@pytest.mark.parametrize("kind", ["link", "text", "folder", "pipe", "large"])
def test_what_is_no_sidecar_stays_and_is_named(
    kind: str, photo: Path, write: Callable[..., Written], caplog: pytest.LogCaptureFixture
) -> None:
    """A link is not followed, and nothing that is not XMP is replaced."""
    sidecar = photo.with_name("photo.png.xmp")
    target = photo.with_name("target")
    target.write_bytes(OTHERS)
    match kind:
        case "link":
            sidecar.symlink_to(target)
        case "text":
            sidecar.write_text("my notes")
        case "folder":
            sidecar.mkdir()
        case "pipe":
            os.mkfifo(sidecar)
        case "large":
            sidecar.write_bytes(b" " * ((16 << 20) + 1))
    mode = sidecar.lstat().st_mode
    with caplog.at_level(logging.WARNING, "imgrec"):
        assert write(photo) == (0, 1)
    assert caplog.messages[0].startswith(f"labels not written to {sidecar}: ")
    assert sidecar.lstat().st_mode == mode
    assert target.read_bytes() == OTHERS


def test_a_photo_from_stdin_has_no_place_for_a_sidecar(
    photo: Path, write: Callable[..., Written], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It has no path; nothing is written anywhere."""
    monkeypatch.chdir(photo.parent)
    with photo.open() as stdin:
        monkeypatch.setattr("sys.stdin", stdin)
        with pytest.raises(UsageError, match="a photo from stdin has no place"):
            write(Path("-"))
    assert [*photo.parent.iterdir()] == [photo]


def test_models_of_other_classes_have_no_labels_to_write() -> None:
    """There is no answer that stands for all of them."""
    engines = (Brightness(), Brightness(("fish", "fowl")))
    members = tuple(ModelInfo(f"m{place}", each.classes) for place, each in enumerate(engines))
    predictor = Predictor(members, engines, ("a", "b"))
    with pytest.raises(UsageError, match="different classes"):
        sidecar_sink(document_sink(print), predictor, SidecarCounts())
