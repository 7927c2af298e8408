"""A file that imgrec wrote, imported, answers as the run that it is of."""

from __future__ import annotations

import json
import logging
import shutil
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from msgspec.structs import replace

from imgrec.errors import RunError, UsageError
from imgrec.models.files import DESCRIPTION
from imgrec.models.files.metadata import MAX_BYTES
from imgrec.models.importing import Adaptation
from imgrec.runs.card import Threshold
from imgrec.runs.card_file import write_card
from imgrec.runs.folder import Run
from imgrec.runtime.engine import open_engine
from imgrec.workflows.export import export
from imgrec.workflows.import_model import import_model
from imgrec.workflows.import_usage import ImportSpec
from imgrec.workflows.model_metadata import read_model_description

LIMIT = Threshold(0.75, "precision 0.9", "validation", 40, 0.5, 0.95)
PICTURES = np.random.default_rng(1).integers(0, 256, (4, 8, 8, 1), np.uint8)


@pytest.fixture(scope="module")
def padding(trained: Run, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """The digits' run, had it been trained with padded photos, nearest pixels and a limit."""
    folder = tmp_path_factory.mktemp("padding") / "padding-1"
    shutil.copytree(trained.path, folder)
    pixels = replace(trained.card.input, fit="pad", interpolation="nearest", max_megapixels=50)
    card = replace(trained.card, name="padding", input=pixels, threshold=LIMIT)
    write_card(folder, card)
    return Run(folder, card)


@pytest.fixture(scope="module")
def exported(padding: Run, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A LiteRT file of it, away from its run."""
    return export(padding, output=tmp_path_factory.mktemp("sent") / "mine.tflite").path


@pytest.mark.parametrize("form", ["tflite", "keras", "saved_model", "the run's own"])
def test_it_brings_all_that_it_needs(
    padding: Run,
    exported: Path,
    tmp_path: Path,
    form: str,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Classes, size, fit, interpolation, limits, in a line too; and the answers are the same."""
    if form in ("keras", "saved_model"):
        output = tmp_path / f"mine.{form}" if form == "keras" else tmp_path / "mine"
        file = export(padding, form=form, output=output).path
    else:
        file = exported if form == "tflite" else padding.path / "best.keras"
    monkeypatch.setattr(logging.getLogger("imgrec"), "propagate", True)
    with caplog.at_level(logging.INFO, "imgrec"):
        run = import_model(
            ImportSpec(file, trust=form == "saved_model"), runs_dir=tmp_path / "runs"
        )
    assert f"{file.name} is of run padding-1: 10 classes, photos are padded to 8x8" in caplog.text
    for part in ("classes", "input", "output", "preprocessing", "threshold", "multi_label"):
        assert getattr(run.card, part) == getattr(padding.card, part), part
    np.testing.assert_allclose(
        open_engine(run).answers(PICTURES).probabilities,
        open_engine(padding).answers(PICTURES).probabilities,
        atol=1e-5,
    )


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"classes": "swapped.txt"}, r"swapped\.txt: .*mine\.tflite.* class 1 is 0, not 1"),
        ({"classes": "two.txt"}, r"two\.txt: .*the classes 0, 1, 2, .* 4 more, not cat, dog"),
        ({"fit": "crop"}, r"--fit crop: .*mine\.tflite, which imgrec wrote, says pad"),
        ({"interpolation": "box"}, "--interpolation box: .* says nearest"),
        ({"adaptation": Adaptation(rescale=0.5)}, "--rescale: .* holds all"),
        ({"adaptation": Adaptation(multi_label=True)}, "--multi-label: .* one class"),
    ],
)
def test_what_contradicts_it_is_refused(
    exported: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    options: dict[str, Any],
    message: str,
) -> None:
    """Both sides are named, the hint says to leave the option out, and nothing is written."""
    monkeypatch.chdir(tmp_path)
    Path("swapped.txt").write_text("\n".join("1023456789"))
    Path("two.txt").write_text("cat\ndog\n")
    with pytest.raises(UsageError, match=message) as caught:
        import_model(ImportSpec(exported, **options), runs_dir=tmp_path / "runs")
    assert caught.value.hint.startswith("leave --")
    assert not (tmp_path / "runs").exists()


def test_what_says_the_same_is_let_in(exported: Path, tmp_path: Path) -> None:
    """The names in their order, and the fit of the file."""
    (tmp_path / "names.txt").write_text("\n".join("0123456789"))
    wanted = ImportSpec(exported, str(tmp_path / "names.txt"), fit="pad", interpolation="nearest")
    assert import_model(wanted, runs_dir=tmp_path / "runs").card.input.fit == "pad"


def test_a_file_of_another_origin_needs_a_description_of_its_input(
    trained: Run,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """In a line with the options that change it, and what takes long; it needs names."""
    file = Path(shutil.copy(trained.path / "best.keras", tmp_path / "a.keras"))
    with pytest.raises(UsageError, match="does not say what its classes are called"):
        import_model(ImportSpec(file), runs_dir=tmp_path / "runs")
    (tmp_path / "names.txt").write_text("\n".join("0123456789"))
    monkeypatch.setattr(logging.getLogger("imgrec"), "propagate", True)
    with caplog.at_level(logging.INFO, "imgrec"):
        import_model(ImportSpec(file, str(tmp_path / "names.txt")), runs_dir=tmp_path / "runs")
    for line in (f"opening {file}", "writing the float32 LiteRT file"):
        assert line in caplog.text
    assert (
        "photos are cropped to 8x8 pixels, values from 0 to 255 (--fit, --rescale change that)"
    ) in caplog.text


@pytest.mark.parametrize(
    "damage",
    [
        {"schema_version": 3},
        {"classes": ["a", "a"]},
        {"classes": "cat"},
        {"input": {"height": 8}},
        {"input": None},
        {"threshold": {"value": 1}},
        {"thresholds": {"a": "b"}},
        {"run": 7},
    ],
)
def test_a_damaged_description_is_refused(
    exported: Path, tmp_path: Path, damage: dict[str, Any]
) -> None:
    """Whatever it holds: the file is named, and what to do."""
    with zipfile.ZipFile(exported) as archive:
        document = json.loads(archive.read(DESCRIPTION))
    file = tmp_path / "damaged.zip"
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr(DESCRIPTION, json.dumps({**document, **damage}))
    with pytest.raises(RunError, match=r"damaged\.zip: its imgrec\.json is damaged"):
        read_model_description(file)


@pytest.mark.parametrize("damage", ["packing", "size"])
def test_a_description_that_can_not_be_unpacked_is_refused(tmp_path: Path, damage: str) -> None:
    """Whether its bytes are no longer those that were packed, or unpack to far too many."""
    file = tmp_path / "sent.zip"
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(DESCRIPTION, b"1" * (MAX_BYTES + 1 if damage == "size" else 99))
    if damage == "packing":
        content = file.read_bytes()
        start = content.index(DESCRIPTION.encode()) + len(DESCRIPTION)
        file.write_bytes(content[:start] + b"\xff\xff\xff" + content[start + 3 :])
    with pytest.raises(RunError, match=r"sent\.zip: its imgrec\.json can't be read"):
        read_model_description(file)


def test_a_card_beside_another_file_is_not_its(trained: Run, tmp_path: Path) -> None:
    """Only the file whose SHA-256 the card holds is the run's."""
    shutil.copy(trained.path / "card.json", tmp_path)
    (tmp_path / "best.keras").write_bytes(b"another")
    assert read_model_description(tmp_path / "best.keras") is None
