"""A parity counts what a user would notice, and names the image to look at."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import ArrayLike

from imgrec.errors import RunError
from imgrec.evaluation.export_parity import LIMITS, compare_outputs
from imgrec.scores import Scores


def _scores(rows: ArrayLike) -> Scores:
    probabilities = np.asarray(rows, np.float32)
    names = tuple(f"{number}.png" for number in range(len(probabilities)))
    classes = tuple("abc"[: probabilities.shape[1]])
    return Scores(names, None, probabilities, classes)


def test_the_same_answers_are_alike() -> None:
    """No difference, full agreement, nothing against it at any precision."""
    scores = _scores([[0.9, 0.1], [0.2, 0.8]])
    found = compare_outputs(scores, scores, near_tie=0)
    assert (found.images, found.agreement, found.difference) == (2, 1.0, 0.0)
    assert [found.violation(limits) for limits in LIMITS.values()] == ["", "", ""]


def test_a_flip_is_named_and_refused() -> None:
    """Another most probable class, far from a tie: every precision refuses one of two."""
    model, other = _scores([[0.6, 0.4], [0.2, 0.8]]), _scores([[0.4, 0.6], [0.2, 0.8]])
    found = compare_outputs(model, other, LIMITS["int8"].near_tie)
    assert (found.agreement, found.flipped, found.worst) == (0.5, ("0.png",), "0.png")
    assert "1 of 2 images, most for 0.png; at most 2 %" in found.violation(LIMITS["int8"])
    assert "by up to 0.2, most for 0.png" in found.violation(LIMITS["float16"])


def test_a_near_tie_is_not_a_flip() -> None:
    """Where the model itself hardly prefers one of two classes, either may come out on top."""
    model, other = _scores([[0.50005, 0.49995]]), _scores([[0.49998, 0.50002]])
    found = compare_outputs(model, other, LIMITS["float32"].near_tie)
    assert found.agreement == 1
    assert found.violation(LIMITS["float32"]) == ""


@pytest.mark.parametrize(("precision", "flips"), [("float32", 1), ("float16", 3), ("int8", 5)])
def test_so_many_flips_are_too_many(precision: str, flips: int) -> None:
    """Of 200 images none may flip in float32, two in float16, four in int8."""
    model = _scores([[0.506, 0.494]] * 200)
    limits = LIMITS[precision]
    changed = np.array([[0.499, 0.501]] * flips + [[0.506, 0.494]] * (200 - flips))
    allowed = np.array([[0.506, 0.494], *changed.tolist()[1:]])
    tie = 1e-4
    wide = type(limits)(difference=None, flips=limits.flips, near_tie=tie)
    assert "answers differ" in compare_outputs(model, _scores(changed), tie).violation(wide)
    assert compare_outputs(model, _scores(allowed), tie).violation(wide) == ""


def test_probabilities_that_are_not_numbers_are_refused() -> None:
    """Of the file they are infinitely far away; of the model nothing can be compared."""
    good, bad = _scores([[0.9, 0.1]]), _scores([[np.nan, 0.1]])
    assert "differ by up to inf" in compare_outputs(good, bad, 0).violation(LIMITS["float32"])
    with pytest.raises(RunError, match="not finite"):
        compare_outputs(bad, good, 0)


@given(st.lists(st.lists(st.floats(0, 1, width=32), min_size=3, max_size=3), min_size=1))
def test_what_moves_within_float32s_limit_is_never_refused(rows: list[list[float]]) -> None:
    """The near-ties are those that the allowed difference can turn, and no fewer."""
    limit = LIMITS["float32"].difference or 0
    shifts = np.resize([0.99 * limit, -0.99 * limit, 0], (len(rows), 3))
    model = _scores(rows)
    found = compare_outputs(
        model, _scores(model.probabilities + shifts), LIMITS["float32"].near_tie
    )
    assert found.violation(LIMITS["float32"]) == ""
