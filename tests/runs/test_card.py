"""card.json survives the way to disk and back, and a damaged one is refused."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from msgspec import structs

from imgrec.errors import RunError
from imgrec.network_summary import NetworkLayer, NetworkSummary
from imgrec.pixel_statistics import PixelStatistics
from imgrec.runs.card import Calibration, Card, DataSource, ExportParity, Input, Threshold
from imgrec.runs.card_file import read_card, with_new_keys, write_card

TRAIN: dict[str, Any] = {"written": None, "absolute": None, "images": 0, "per_class": {}}
CARD = Card(
    name="x",
    created="2026-01-02T03:04:05.000006+00:00",
    complete=True,
    classes=("a", "b\udc80"),
    input=Input(8, 9, 3, "bilinear", "crop"),
    output="softmax",
    preprocessing="none",
    seed=0,
    data={"train": DataSource("photos", "/photos", 2, {"a": 1, "b\udc80": 1})},
    skipped=0,
    fingerprint="f",
    versions={"python": "3.11"},
    hashes={"best.keras": "0"},
    best={"epoch": 3, "monitor": "val_loss", "value": 0.5},
    epochs=4,
    statistics=PixelStatistics((1 / 3, 100.1, 255.0), (2 / 3, 0.0, 1e-9)),
    export_parity=(ExportParity("m.tflite", "litert", "float32", 2, 1.0, 1e-7, "a/1\udc80.jpg"),),
    calibration=Calibration(1.5, "validation", 20, 0.7, 0.6),
    threshold=Threshold(0.8, "precision 0.98", "validation", 20, 0.75, 0.99),
    network=NetworkSummary((NetworkLayer("c", "Conv2D", (6, 7, 4), 112, 4536),), 112, 0),
)


def test_a_card_comes_back_as_it_was_written(tmp_path: Path) -> None:
    """Every field survives, undecodable class names included."""
    write_card(tmp_path, CARD)
    assert read_card(tmp_path) == CARD


def test_what_a_card_leaves_out_has_its_default(tmp_path: Path) -> None:
    """Images are stretched, and nothing was measured or fitted."""
    write_card(tmp_path, CARD)
    path = tmp_path / "card.json"
    document = json.loads(path.read_text())
    del document["input"]["fit"], document["statistics"]
    del document["export_parity"], document["calibration"], document["threshold"]
    path.write_text(json.dumps(document))
    card = read_card(tmp_path)
    assert (card.input.fit, card.statistics) == ("stretch", None)


@pytest.fixture
def earlier(tmp_path: Path) -> Path:
    """The folder of a run with schema version 1, whose keys had other names."""
    folder = tmp_path / "x y-1"
    folder.mkdir()
    write_card(folder, CARD)
    document = json.loads((folder / "card.json").read_text())
    document |= {"schema_version": 1, "certificates": document.pop("export_parity"), "drift": []}
    del document["changes"]
    threshold = document["threshold"]
    threshold |= {
        "familiarity": threshold.pop("ood_similarity"),
        "promise": threshold.pop("target"),
    }
    (folder / "card.json").write_text(json.dumps(document))
    return folder


@pytest.mark.parametrize(
    ("models", "hint"),
    [
        (("best.keras", "model.tflite"), "`imgrec import '{}/best.keras' --name x` makes a run"),
        (("model.tflite",), "`imgrec import '{}/model.tflite' --name x` makes a run"),
        ((), "train again"),
    ],
)
def test_a_run_of_an_earlier_version_is_refused(
    earlier: Path, models: Sequence[str], hint: str
) -> None:
    """The hint is the command that imports its model, where it has one."""
    for name in models:
        (earlier / name).touch()
    with pytest.raises(RunError, match="was made by an earlier imgrec") as caught:
        read_card(earlier)
    assert caught.value.exit_status == 4
    assert caught.value.hint.startswith(hint.format(earlier))


def test_what_an_earlier_card_says_of_the_model_is_known(earlier: Path) -> None:
    """So that the import needs no further options."""
    assert read_card(earlier, earlier=True) == CARD


def test_what_an_earlier_document_calls_promise_is_a_target() -> None:
    """The thresholds of a card say what they were chosen for; those of a file are by class."""
    of_card = {"values": {"a": 0.5}, "promise": "f1", "split": "validation", "images": 2}
    assert with_new_keys({"thresholds": of_card})["thresholds"]["target"] == "f1"
    of_file = {"thresholds": {"promise": 0.5, "familiarity": 0.25}}
    assert with_new_keys(of_file) == of_file


def test_a_folder_without_a_card_is_not_a_run(tmp_path: Path) -> None:
    """The message names the folder, and the hint the command that lists runs."""
    with pytest.raises(RunError, match=r"is not a run: it has no card\.json") as caught:
        read_card(tmp_path)
    assert caught.value.exit_status == 4
    assert "imgrec runs list" in caught.value.hint


def test_a_folder_of_runs_is_not_a_run(tmp_path: Path) -> None:
    """The hint names the newest run in it."""
    run = tmp_path / "runs" / "pets-1"
    run.mkdir(parents=True)
    (run / "card.json").touch()
    with pytest.raises(RunError, match="is not a run") as caught:
        read_card(run.parent)
    assert caught.value.hint.startswith(f"did you mean {run}? ")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"schema_version": 99}, "schema version 99"),
        ({"input": {"height": 0, "width": 1, "channels": 3, "interpolation": "box"}}, "input"),
        ({"input": {"height": 10**9, "width": 1, "channels": 3, "interpolation": "box"}}, "8192"),
        ({"classes": "ab"}, "classes: expected a list, got text"),
        ({"classes": ["a"]}, "classes: expected two or more, with different names"),
        ({"classes": ["a", "b", "a"]}, "classes: expected two or more, with different names"),
        ({"created": "soon"}, "created: expected a time in UTC"),
        ({"created": "2026-01-02"}, "created: expected a time in UTC"),
        ({"ended": "2026-13-45T99:99:99+00:00"}, "ended: expected a time in UTC"),
        ({"schema_version": [[2]]}, "schema version of another type"),
        ({"output": "tanh"}, "output: 'tanh' is not allowed"),
        ({"created": 3}, "created: expected text, got a whole number"),
        ({"hashes": 3}, "hashes: expected an object, got a whole number"),
        (
            {"input": {"width": 1, "channels": 3, "interpolation": "box"}},
            r"input\.height is missing",
        ),
        ({"input": 3}, "input: expected an object, got a whole number"),
        ({"data": {"train": {}}}, r"data\[\.\.\.\]\.written is missing"),
        ({"data": []}, "data: expected an object, got a list"),
        ({"best": {"epoch": 1}}, "best: expected epoch, monitor and value"),
        ({"versions": {"python": 3}}, "versions.*expected text, got a whole number"),
        ({"data": {"train": {**TRAIN, "width": 3}}}, "unknown key width"),
        ({"export_parity": {}}, "export_parity: expected a list"),
        ({"export_parity": [{}]}, r"export_parity\[0\]\.file is missing"),
        ({"calibration": 1.5}, "calibration: expected an object"),
        ({"threshold": {"value": "high"}}, r"threshold\.value: expected a number, got text"),
        ({"surplus\n": 1}, r"unknown key surplus\\n$"),
        (
            {"input": {"height": 1, "width": 1, "channels": 3, "interpolation": "box", "fit": "x"}},
            "input.fit: 'x' is not allowed",
        ),
        (
            {"statistics": {"mean": [1.0], "std": [1.0]}},
            "statistics: expected .* of 3 channels",
        ),
        ({"statistics": {"mean": [1, 2, 3]}}, r"statistics\.std is missing"),
        (
            {"input": {"height": 1, "width": 1, "channels": 3, "interpolation": "b\x1b"}},
            "input.interpolation: expected one of nearest",
        ),
        ({"statistics": [1]}, "statistics: expected an object"),
        ({"statistics": {"mean": ["a"], "std": [1]}}, "damaged"),
        ({"epochs": -1}, "epochs: expected a whole number >= 0"),
        ({"output": "x" * 10**6}, r"output: 'x.{1,200}$"),
        ({"x" * 10**6: 1}, r"unknown key .{1,200}$"),
        (
            {"best": {"epoch": 10**400, "monitor": "loss", "value": 1}},
            "best.epoch: expected a whole number",
        ),
    ],
)
def test_a_card_that_says_nonsense_is_refused(
    tmp_path: Path, change: dict[str, Any], message: str
) -> None:
    """A wrong version, type or value is named together with the file."""
    write_card(tmp_path, CARD)
    path = tmp_path / "card.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    with pytest.raises(RunError, match=message):
        read_card(tmp_path)


def test_a_card_with_millions_of_values_is_refused(tmp_path: Path) -> None:
    """A few megabytes would take gigabytes of memory."""
    (tmp_path / "card.json").write_bytes(b"[" + b"[]," * 1_000_000 + b"[]]")
    with pytest.raises(RunError, match=r"card\.json is damaged: it has more than 2,000,000 values"):
        read_card(tmp_path)


@pytest.mark.parametrize("content", [b"", b"[]", b"{", b"\xff", b'{"schema_version": 2}'])
def test_a_file_that_is_not_a_card_is_refused(tmp_path: Path, content: bytes) -> None:
    """Whatever stands in card.json, the answer is a RunError."""
    (tmp_path / "card.json").write_bytes(content)
    with pytest.raises(RunError, match=r"card\.json is damaged|schema version"):
        read_card(tmp_path)


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("NaN", "NaN is not a number in JSON"),
        ("-Infinity", "-Infinity is not a number in JSON"),
        ("1e999", "the number 1e999 is too large"),
        ("9" * 5000, "the number 99999999999999999999… has too many digits"),
        # How deep Python reads depends on its version.
        ("[" * 5000 + "]" * 5000, "it is nested too deeply|expected a number, got a list"),
        (
            '{"a":' * 980 + "1" + "}" * 980,
            "nested too deeply|expected a number, got an object",
        ),
    ],
    ids=range(6),
)
def test_a_value_that_no_card_has_is_refused(tmp_path: Path, value: str, reason: str) -> None:
    """Numbers that are not finite, too long or too deep a value are damage, with the reason."""
    write_card(tmp_path, CARD)
    path = tmp_path / "card.json"
    path.write_text(path.read_text().replace('"value": 0.8', f'"value": {value}'))
    with pytest.raises(RunError, match=rf"card\.json is damaged: .*({reason})"):
        read_card(tmp_path)


def test_an_announced_file_is_described_beside_the_one_before_it() -> None:
    """While a new model takes its place, the card knows both, and no third one."""
    card = CARD.announcing("best.keras", "1")
    assert [card.describes("best.keras", digest) for digest in "012"] == [True, True, False]


def test_what_the_best_epoch_rests_on() -> None:
    """The card says how many of the validation images each epoch was validated on."""
    source = DataSource("x", "/x", 400, {"cat": 200, "dog": 200})
    whole = structs.replace(CARD, data={"validation": source})
    assert whole.validated_on == "400 validation images"
    part = structs.replace(whole, validated=32)
    assert part.validated_on == "32 of 400 validation images"
    assert structs.replace(CARD, data={}).validated_on == ""
