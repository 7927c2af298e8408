"""A run is measured on parts of its images, and on all of them turned."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from imgrec.corruption import Corruption
from imgrec.errors import DataError
from imgrec.runs.folder import Run
from imgrec.slicing import Slicing, slice_by
from imgrec.workflows.evaluation import EvaluationRequest, ImageChoice, evaluate


def test_slices_and_corruptions_stand_beside_the_whole(trained: Run) -> None:
    """They leave the whole's numbers as they are; digits upside down are recognised less.

    The difference is that of two models on the same images, and the same in every evaluation.
    """
    plain = evaluate(trained)
    corruptions = (Corruption("rotate", 180), Corruption("noise", 0.2))
    slicing = Slicing((slice_by("size"), slice_by("mode")), corruptions)
    wanted = EvaluationRequest(slicing=slicing)
    found = evaluate(trained, wanted).evaluation
    assert found.metrics == plain.evaluation.metrics
    names = ["size=small", "mode=L", "rotate=180", "noise=0.2"]
    assert [each.name for each in found.slices] == names
    small, _, turned, _ = (each.metrics["accuracy"] for each in found.slices)
    assert small == found.metrics["accuracy"]
    assert turned.value < small.value
    difference = found.corrupted[0].difference
    assert difference is not None
    assert (difference.finding, difference.baseline) == ("worse", small.value)
    assert difference.high is not None
    assert difference.value == turned.value - small.value < difference.high < 0
    assert "the images were changed by Pillow" in found.notes[-1]
    assert evaluate(trained, wanted).evaluation.slices == found.slices


def test_columns_of_a_table_cut_it(trained: Run, tmp_path: Path) -> None:
    """Other columns of a CSV file are slices' names."""
    Image.fromarray(np.zeros((8, 8), np.uint8)).save(tmp_path / "black.png")
    rows = ["path,label,camera", "black.png,0,front"]
    (tmp_path / "list.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    found = evaluate(
        trained,
        EvaluationRequest(
            ImageChoice(tmp_path / "list.csv"), slicing=Slicing((slice_by("camera"),))
        ),
    ).evaluation
    assert [(each.name, each.images) for each in found.slices] == [("camera=front", 1)]
    assert found.notes[-1] == "no slice has 30 images, so none is called the worst"


def test_a_column_that_is_not_there_is_refused(trained: Run) -> None:
    """The error comes before the model is asked, and says what else there is."""
    with pytest.raises(DataError, match="slice camera: no image has a value for it") as error:
        evaluate(trained, EvaluationRequest(slicing=Slicing((slice_by("camera"),))))
    assert "size, mode or path:REGEX" in error.value.hint
