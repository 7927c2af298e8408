"""Several classes of a model count as one."""

from __future__ import annotations

import re
from collections.abc import Iterator

import numpy as np
import pytest

from imgrec.data.images import ImageSpec
from imgrec.errors import UsageError
from imgrec.interface import command_options
from imgrec.runtime.exported import FunctionEngine
from imgrec.runtime.merged_classes import class_lists, merge_classes, with_merged_classes
from imgrec.scores import Decision

CLASSES = ("tusker", "pug", "African_elephant", "crane (134)", "crane (517)", "Indian_elephant")


@pytest.fixture(autouse=True)
def _command() -> Iterator[None]:
    """Messages are those of a command."""
    with command_options(["--map"]):
        yield


def test_the_probability_of_a_list_is_the_sum() -> None:
    """In the place of the first member; the others stay bit for bit, and so does the decision."""
    row = np.array([[0.25, 0.125, 0.25, 0.0625, 0.0625, 0.25]], np.float32)
    engine = FunctionEngine(lambda _: row, CLASSES, ImageSpec(4, 4, 3), Decision(0.7))
    lists = class_lists({"elephant": "African_elephant, Indian_elephant,tusker"}, CLASSES, "made")
    merged = with_merged_classes(engine, lists, "made")
    assert merged.classes == ("elephant", "pug", "crane (134)", "crane (517)")
    found = merged.answers(np.zeros((1, 4, 4, 3), np.uint8))
    assert found.probabilities.tolist() == [[0.75, 0.125, 0.0625, 0.0625]]
    assert merged.decision.decide(found.probabilities).tolist() == [[True, False, False, False]]
    assert not engine.decision.known(row).any()
    assert with_merged_classes(engine, {}, "made") is engine


def test_a_class_with_a_comma_is_one() -> None:
    """If the model has it; else the comma separates."""
    assert class_lists({"fish": "tench, Tinca tinca"}, ["tench, Tinca tinca", "pug"], "made") == {
        "fish": ("tench, Tinca tinca",)
    }


@pytest.mark.parametrize(
    ("names", "message"),
    [
        ({"bird": "pug,crane"}, "has no class crane; did you mean crane (134) or crane (517)?"),
        ({"big": "tusker,tusker"}, "--map big=tusker,tusker: tusker is named twice"),
        ({"big": "tusker,pug", "dog": "pug"}, "--map dog=pug: pug already counts as big"),
        ({"dog": "pug", "big": "tusker,pug"}, "--map dog=pug: pug already counts as big"),
        ({"a": "pug,tusker", "b": "tusker,pug"}, "--map b=tusker,pug: tusker already counts as a"),
    ],
)
def test_a_wrong_list_is_refused(names: dict[str, str], message: str) -> None:
    """Classes that do not exist, with those of the same words, and those that are named twice."""
    with pytest.raises(UsageError, match=re.escape(message)):
        class_lists(names, CLASSES, "made")


def test_names_and_classes_are_distinct() -> None:
    """A name that is another class would stand for two; a renamed class can't have two names."""
    with pytest.raises(UsageError, match="made has a class tusker itself"):
        merge_classes({"tusker": ("African_elephant", "Indian_elephant")}, CLASSES, "made")
    with pytest.raises(UsageError, match="pug already counts as dog"):
        merge_classes({"dog": ("pug",), "hound": ("pug",)}, CLASSES, "made")
    with pytest.raises(UsageError, match="--map pet=cat,dog: these are all the classes of made"):
        merge_classes({"pet": ("cat", "dog")}, ("cat", "dog"), "made")


def test_independent_probabilities_are_not_added() -> None:
    """An image may have several of the classes; one can have another name."""
    with pytest.raises(UsageError, match="probabilities can't be added"):
        class_lists({"big": "tusker,pug"}, CLASSES, "made", multi_label=True)
    assert class_lists({"dog": "pug"}, CLASSES, "made", multi_label=True) == {"dog": ("pug",)}
