"""card.json survives the way to disk and back, and a damaged one is told."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from imgrec.errors import RunError
from imgrec.pixel_statistics import PixelStatistics
from imgrec.runs.card import Calibration, Card, DataSource, ExportParity, Input, Threshold
from imgrec.runs.card_file import read_card, write_card

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
)


def test_a_card_comes_back_as_it_was_written(tmp_path: Path) -> None:
    """Every field survives, undecodable class names included."""
    write_card(tmp_path, CARD)
    assert read_card(tmp_path) == CARD


def test_a_card_of_an_older_imgrec_is_read(tmp_path: Path) -> None:
    """What it doesn't tell was not there to choose: images were stretched, numbers not taken."""
    write_card(tmp_path, CARD)
    path = tmp_path / "card.json"
    document = json.loads(path.read_text())
    del document["input"]["fit"], document["statistics"]
    del document["export_parity"], document["calibration"], document["threshold"]
    path.write_text(json.dumps(document))
    card = read_card(tmp_path)
    assert (card.input.fit, card.statistics) == ("stretch", None)


def test_a_folder_without_a_card_is_no_run(tmp_path: Path) -> None:
    """The message names the folder, and the hint the command that lists runs."""
    with pytest.raises(RunError, match=r"is no run: it has no card\.json") as caught:
        read_card(tmp_path)
    assert caught.value.exit_status == 4
    assert "imgrec runs list" in caught.value.hint


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"schema_version": 99}, "schema version 99"),
        ({"input": {"height": 0, "width": 1, "channels": 3, "interpolation": "box"}}, "input"),
        ({"classes": "ab"}, "classes is no list of names"),
        ({"output": "tanh"}, "output 'tanh'"),
        ({"created": 3}, "created is of a wrong type"),
        ({"hashes": 3}, "hashes is of a wrong type"),
        ({"input": {"width": 1, "channels": 3, "interpolation": "box"}}, "height is missing"),
        ({"input": 3}, "input is no mapping"),
        ({"data": {"train": {}}}, "written is missing"),
        ({"data": []}, "data is no mapping"),
        ({"best": {"epoch": 1}}, "best is no epoch"),
        ({"versions": {"python": 3}}, "versions"),
        ({"export_parity": {}}, "export_parity is no list"),
        ({"export_parity": [{}]}, "file is missing"),
        ({"calibration": 1.5}, "calibration is no mapping"),
        ({"threshold": {"value": "high"}}, "value is of a wrong type"),
        ({"surplus\n": 1}, r"unknown key surplus\\n$"),
        (
            {"input": {"height": 1, "width": 1, "channels": 3, "interpolation": "box", "fit": "x"}},
            "fit 'x' is none of stretch, crop, pad",
        ),
        ({"statistics": {"mean": [1.0], "std": [1.0]}}, "statistics are not those of 3 channels"),
        ({"statistics": {"mean": [1, 2, 3]}}, "statistics are no mean and std"),
        ({"statistics": [1]}, "statistics are no mean and std"),
        ({"statistics": {"mean": ["a"], "std": [1]}}, "damaged"),
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


@pytest.mark.parametrize("content", [b"", b"[]", b"{", b"\xff", b'{"schema_version": 1}'])
def test_a_file_that_is_no_card_is_refused(tmp_path: Path, content: bytes) -> None:
    """Whatever stands in card.json, the answer is a RunError."""
    (tmp_path / "card.json").write_bytes(content)
    with pytest.raises(RunError, match=r"card\.json is damaged|schema version"):
        read_card(tmp_path)


def test_an_announced_file_is_described_beside_the_one_before_it() -> None:
    """While a new model takes its place, the card knows both, and no third one."""
    card = CARD.announcing("best.keras", "1")
    assert [card.describes("best.keras", digest) for digest in "012"] == [True, True, False]
