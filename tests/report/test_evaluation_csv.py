"""An evaluation image by image: every value comes back, and nothing runs in a spreadsheet."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable

import numpy as np

from imgrec.evaluation.results import Assessment
from imgrec.report.csv import evaluation_csv
from imgrec.scores import Skipped
from imgrec.text import printable

Make = Callable[..., Assessment]


def read(text: str) -> list[dict[str, str]]:
    """Read CSV text as a program would."""
    return list(csv.DictReader(io.StringIO(text, newline="")))


def test_a_line_for_each_image_whole(assessment: Make) -> None:
    """Truth, prediction, top-k, and last the images that were not used."""
    found = assessment(["cat", "dog"], [Skipped("bad.png", "is not an image")])
    lines = evaluation_csv(found).splitlines()
    assert lines[:3] == [
        "image,truth,prediction,right,probability,class_2,probability_2,error",
        "0.png,cat,dog,false,0.949999988,cat,0.0500000007,",
        "1.png,dog,dog,true,0.949999988,cat,0.0500000007,",
    ]
    assert len(lines) == 1 + 8 + 1
    assert lines[-1] == "bad.png,,,,,,,is not an image"


def test_every_number_comes_back(assessment: Make) -> None:
    """The first five of many classes, most probable first, each float32 to the bit."""
    found = assessment(9)
    for row, probabilities in zip(
        read(evaluation_csv(found)), found.scores.probabilities, strict=True
    ):
        written = [np.float32(row[key]) for key in row if key.startswith("probability")]
        assert written == sorted(probabilities, reverse=True)[:5]


def test_hostile_names_are_single_cells_and_no_formulas(
    assessment: Make, hostile: tuple[str, ...]
) -> None:
    """Each name is one cell, as people see it elsewhere, guarded where it would be a formula."""
    found = assessment(hostile, [Skipped(name, name) for name in hostile])
    text = evaluation_csv(found)
    rows = read(text)
    assert {row["truth"].removeprefix("'") for row in rows if row["truth"]} == set(
        map(printable, hostile)
    )
    assert not [
        cell for row in rows for cell in row.values() if cell.startswith(("=", "+", "-", "@"))
    ]
    assert len(text.splitlines()) == 1 + len(rows)
