"""What hashes, labels and names show of a data set, and what looking at the images adds."""

from __future__ import annotations

import io
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from imgrec.data.check import (
    CheckInput,
    Evidence,
    FindingKind,
    Findings,
    Severity,
    check_images,
    check_records,
)
from imgrec.data.check.find import near_duplicates, thumbnail_of
from imgrec.data.records import Record, Splits
from imgrec.data.sources import read_leniently
from imgrec.progress import Silent
from imgrec.scores import Skipped

PIXELS = np.zeros((2, 2), np.uint8)


def stock(classes: tuple[str, ...] = ("cat", "dog"), **splits: Mapping[str, int]) -> CheckInput:
    """Return records by split, each given as name and label."""
    return CheckInput(
        {
            split: tuple(Record(name, label, PIXELS) for name, label in labels.items())
            for split, labels in splits.items()
        },
        classes,
    )


def of_records(
    images: CheckInput, hashes: Mapping[str, str], bad: Sequence[Skipped] = ()
) -> Findings:
    """Return what is found from hashes, labels and names."""
    lacking = {Evidence.TRAITS: "no headers", Evidence.PIXELS: "no pixels"}
    return check_records(images, hashes, bad, {}, lacking=lacking)


def names(findings: Findings, kind: FindingKind) -> list[tuple[str, ...]]:
    """Return the names of the cases of a kind."""
    return [case.names for each in findings.found if each.kind is kind for case in each.cases]


def picture(seed: int, side: int = 64) -> Image.Image:
    """Return a coloured picture of soft shapes."""
    pixels = np.random.default_rng(seed).integers(0, 256, (6, 6, 3), np.uint8)
    return Image.fromarray(pixels).resize((side, side), Image.Resampling.BICUBIC)


def save(image: Image.Image, path: Path) -> None:
    """Save a picture, making its folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    image.save(path)


def test_copies_are_reported_by_where_they_are() -> None:
    """One file twice in a split, in two splits, under two labels: three findings."""
    images = stock(
        train={"a": 0, "a2": 0, "b": 0, "c": 0, "c2": 1}, validation={"b2": 0, "other": 1}
    )
    hashes = {"a": "1", "a2": "1", "b": "2", "b2": "2", "c": "3", "c2": "3", "other": "4"}
    findings = of_records(images, hashes)
    assert names(findings, FindingKind.DUPLICATES) == [("a", "a2"), ("c", "c2")]
    assert names(findings, FindingKind.DUPLICATES_ACROSS_SPLITS) == [("b", "b2")]
    assert names(findings, FindingKind.DUPLICATES_ACROSS_LABELS) == [("c", "c2")]
    assert findings.worst is Severity.ERROR
    assert not findings.passed(strict=False)


def test_several_labels_are_compared_whole() -> None:
    """Copies of an image with several labels agree where all their labels do."""
    records = (
        Record("a", (0, 1), PIXELS),
        Record("b", (0, 1), PIXELS),
        Record("c", (0,), PIXELS),
    )
    images = CheckInput({"train": records}, ("cat", "dog"))
    same = of_records(images, {"a": "1", "b": "1", "c": "2"})
    assert not names(same, FindingKind.DUPLICATES_ACROSS_LABELS)
    other = of_records(images, {"a": "1", "b": "2", "c": "1"})
    assert names(other, FindingKind.DUPLICATES_ACROSS_LABELS) == [("a", "c")]


def test_bad_images_are_not_copies() -> None:
    """Two broken files of the same content are two broken files."""
    bad = (Skipped("a", "empty file"), Skipped("b", "not an image, or not in one of these"))
    findings = of_records(stock(train={"a": 0, "b": 1}), {"a": "1", "b": "1"}, bad)
    assert [each.kind for each in findings.found] == [FindingKind.UNREADABLE, FindingKind.NO_IMAGE]
    assert (findings.images, findings.bad) == (2, 2)


def test_classes() -> None:
    """Uneven classes, classes that a split lacks, and names that differ in case are warnings."""
    images = stock(
        ("Cat", "cat", "dog"),
        train={f"{number}": 0 for number in range(8)} | {"c": 1, "d": 2},
        test={"e": 0, "f": 2},
    )
    findings = of_records(images, {})
    assert findings.found[0].line == (
        "classes of very different size: 2 (Cat: 8 images, cat: 1 image)"
    )
    assert names(findings, FindingKind.MISSING_CLASSES) == [("cat",)]
    assert names(findings, FindingKind.CLASSES_DIFFERING_IN_CASE) == [("Cat", "cat")]
    assert findings.counts["test"] == {"Cat": 1, "cat": 0, "dog": 1}
    assert findings.passed(strict=False)
    assert not findings.passed(strict=True)


def test_names_that_differ_in_case() -> None:
    """Capital letters, and accents stored in two ways, make names that collide elsewhere."""
    images = stock(train={"cat/A.jpg": 0, "cat/a.JPG": 0, "caf\u00e9": 1, "cafe\u0301": 1})
    found = names(of_records(images, {}), FindingKind.NAMES_DIFFERING_IN_CASE)
    assert found == [("cat/A.jpg", "cat/a.JPG"), ("caf\u00e9", "cafe\u0301")]


def test_without_labels_none_are_looked_for() -> None:
    """Images without classes have no findings about classes, nor say they had looked."""
    findings = of_records(stock((), all={"a": 0}), {"a": "1"})
    assert not findings.labelled
    assert findings.not_checked[FindingKind.IMBALANCE] == "the images have no labels"
    assert findings.counts == {"all": {"": 1}}
    assert findings.passed(strict=True)


def test_splits_without_images_are_left_out() -> None:
    """Of the splits of a data set, those that have images are checked."""
    records = (Record("a", 0, PIXELS),)
    assert list(CheckInput.of(Splits(("cat",), records, (), ())).splits) == ["train"]


def test_near_duplicates(tmp_path: Path) -> None:
    """A picture saved again is reported as looking alike, inside a split and across splits."""
    save(picture(0), tmp_path / "train/cat/a.png")
    save(picture(0), tmp_path / "train/cat/smaller.jpg")
    save(picture(1), tmp_path / "train/dog/b.png")
    save(picture(1).resize((50, 50)), tmp_path / "test/dog/b.png")
    save(picture(2), tmp_path / "train/dog/c.png")
    save(picture(2), tmp_path / "train/dog/c copy.png")
    findings = check_images(read_leniently(tmp_path), Silent())
    assert names(findings, FindingKind.NEAR_DUPLICATES) == [
        ("train/cat/a.png", "train/cat/smaller.jpg")
    ]
    assert names(findings, FindingKind.NEAR_DUPLICATES_ACROSS_SPLITS) == [
        ("train/dog/b.png", "test/dog/b.png")
    ]
    assert names(findings, FindingKind.DUPLICATES) == [("train/dog/c copy.png", "train/dog/c.png")]
    assert findings.worst is Severity.WARNING


def test_a_search_that_ended_early_is_a_warning() -> None:
    """If not all candidates were compared, a finding names the splits and the limit."""
    pixels = np.asarray(picture(0))
    records = [Record(f"{index}", 0, pixels) for index in range(50)]
    thumbnails = {each.name: thumbnail_of(pixels) for each in records}
    identities = {each.name: each.name for each in records}
    ended = FindingKind.NOT_COMPARED
    assert near_duplicates({"train": records}, identities, thumbnails)[ended] == ()
    (case,) = near_duplicates({"train": records}, identities, thumbnails, per_picture=10)[ended]
    assert case.text == "train: 50 images, at most 10 comparisons for each on average"


def test_what_the_pictures_are_like(tmp_path: Path) -> None:
    """Sizes, formats and modes, and the odd ones by name."""
    frames = [picture(seed) for seed in (1, 2)]
    frames[0].save(tmp_path / "animated.gif", save_all=True, append_images=frames[1:])
    picture(3).resize((100, 20)).save(tmp_path / "long.png")
    grey = np.arange(0, 2**16, 16).astype(np.uint16).reshape(64, 64)
    Image.fromarray(grey).save(tmp_path / "deep.png")
    Image.new("RGB", (40, 40), "red").save(tmp_path / "red.png")
    turned = Image.Exif()
    turned[0x0112] = 6
    picture(4).resize((60, 30)).save(tmp_path / "turned.jpg", exif=turned)
    findings = check_images(read_leniently(tmp_path), Silent())
    assert {each.kind: names(findings, each.kind) for each in findings.found} == {
        FindingKind.ANIMATED: [("animated.gif",)],
        FindingKind.SIXTEEN_BIT: [("deep.png",)],
        FindingKind.ELONGATED: [("long.png",)],
        FindingKind.ONE_COLOUR: [("red.png",)],
        FindingKind.ROTATED: [("turned.jpg",)],
    }
    assert findings.pictures is not None
    assert (findings.pictures.width.smallest, findings.pictures.width.largest) == (30, 100)
    assert (findings.pictures.height.smallest, findings.pictures.height.largest) == (20, 64)
    assert findings.pictures.formats == {"PNG": 3, "GIF": 1, "JPEG": 1}


def test_pixels_are_checked_like_files() -> None:
    """Images in arrays have hashes, traits and look-alikes too."""
    one = np.asarray(picture(0))
    records = (Record("a", 0, one), Record("b", 1, one.copy()), Record("c", 0, one[::-1].copy()))
    findings = check_images(CheckInput({"train": records}, ("x", "y")), Silent())
    assert names(findings, FindingKind.DUPLICATES_ACROSS_LABELS) == [("a", "b")]
    assert findings.pictures is not None
    assert findings.pictures.formats == {"pixels": 3}


def encoded(form: str, side: int) -> bytes:
    """Return a picture as a file."""
    file = io.BytesIO()
    picture(side, side).save(file, form)
    return file.getvalue()


GOOD = st.builds(encoded, st.sampled_from(["PNG", "JPEG", "GIF", "BMP"]), st.integers(1, 40))
CUT = st.builds(lambda content, share: content[: int(len(content) * share)], GOOD, st.floats(0, 1))
NAME = st.text(
    st.characters(blacklist_characters="/\0", blacklist_categories=["Cs"]), min_size=1, max_size=20
)
ODD = st.sampled_from(
    ["a\nb", "a\"b'", "\x1b[31mred", "\udce9t\udce9", "[bold]", "=cmd", "..x", "-"]
)


@settings(max_examples=40)
@given(
    st.dictionaries(
        st.tuples(st.sampled_from(["cat", "dog", "<b>\n"]), NAME | ODD),
        GOOD | CUT | st.binary(max_size=40),
        max_size=8,
    )
)
def test_any_mixture_adds_up(files: Mapping[tuple[str, str], bytes]) -> None:
    """Good, cut and random files: each is counted once, as readable or as bad."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        for name in ("cat", "dog", "<b>\n"):
            (root / name).mkdir()
        (root / "cat" / "one.png").write_bytes(encoded("PNG", 9))
        for (class_name, name), content in files.items():
            if len(name.encode("utf-8", "surrogateescape")) <= 200 and name not in {".", ".."}:
                (root / class_name / name).write_bytes(content)
        images = read_leniently(root)
        findings = check_images(images, Silent())
    assert findings.images == len(images.records)
    assert findings.bad == findings.count(FindingKind.UNREADABLE) + findings.count(
        FindingKind.NO_IMAGE
    )
    assert findings.pictures is not None
    assert sum(findings.pictures.formats.values()) == findings.images - findings.bad
    assert sum(findings.pictures.modes.values()) == findings.images - findings.bad
    known = {record.name for record in images.records} | set(images.classes)
    checks = [each for each in findings.found if not each.kind.of_source]
    found = [name for each in checks for case in each.cases for name in case.names]
    assert set(found) <= known


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("script.jpg", b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\nshowpage\n"),
        ("drawing.jpg", b'<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>'),
        ("archive.jpg", b"PK\x03\x04" + bytes(40)),
        ("notes.jpg", b"to do: label the rest\n"),
    ],
)
def test_no_program_is_started(
    name: str, content: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A PostScript, SVG or zip called .jpg is not an image, and Ghostscript is not run."""
    for command in ("gs", "gswin64c", "rsvg-convert", "unzip"):
        (tmp_path / "bin").mkdir(exist_ok=True)
        program = tmp_path / "bin" / command
        program.write_text(f"#!/bin/sh\ntouch {tmp_path}/started\n")
        program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    (tmp_path / "images").mkdir()
    (tmp_path / "images" / name).write_bytes(content)
    findings = check_images(read_leniently(tmp_path / "images"), Silent())
    assert names(findings, FindingKind.NO_IMAGE) == [(name,)]
    assert not (tmp_path / "started").exists()


def test_awkward_files(shared: Callable[[str], Path]) -> None:
    """Every file of a decoder's test suite is read, or named as bad with a reason."""
    findings = check_images(read_leniently(shared("data/awkward")), Silent())
    bad = [
        case
        for each in findings.found
        if each.kind in {FindingKind.UNREADABLE, FindingKind.NO_IMAGE}
        for case in each.cases
    ]
    assert findings.images == 269
    assert len(bad) == findings.bad < 30
    assert all(case.detail for case in bad)
    assert ("truncated_image.png",) in {case.names for case in bad}
