"""Tests of class names as labels."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imgrec.data.classes import NamedLabel, by_number, check_several, labelled, relabelled, renamed
from imgrec.errors import DataError


def named(*classes: tuple[str, ...]) -> list[NamedLabel]:
    """Return an image with each of these classes."""
    return [NamedLabel(f"{place}.png", each, Path()) for place, each in enumerate(classes)]


@given(st.lists(st.sampled_from("abcd"), min_size=1), st.permutations("abcdef"))
def test_relabelling_keeps_every_class_name(names: list[str], order: list[str]) -> None:
    """Labels change with the order of classes, what they mean does not."""
    dataset = labelled(named(*[(name,) for name in names]))
    again = relabelled(dataset, order, "here")
    assert again.classes == tuple(order)
    assert [again.classes[record.labels[0]] for record in again.records] == [
        dataset.classes[record.labels[0]] for record in dataset.records
    ]


def test_an_order_is_kept_and_classes_without_images_are_dropped() -> None:
    """A label map may name more than the data have."""
    dataset = labelled(named(("dog",), ("cat",)), ("emu", "dog", "cat"))
    assert dataset.classes == ("dog", "cat")


def test_several_labels_are_sorted_and_counted_once() -> None:
    """Each image has all of its classes, the first one as its label."""
    dataset = labelled(named(("b", "a", "b"), ("c",)), multi_label=True)
    assert [record.label for record in dataset.records] == [(0, 1), (2,)]
    again = relabelled(dataset, ("c", "b", "a"), "here")
    assert [record.labels for record in again.records] == [(1, 2), (0,)]


def test_names_that_are_numbers_are_sorted_by_value() -> None:
    """10 comes after 9, and texts after numbers."""
    assert sorted(["b", "10", "9", "-1", "٣"], key=by_number) == ["-1", "9", "10", "b", "٣"]


def test_a_class_that_is_not_known_is_named_with_its_neighbour() -> None:
    """Also where there are more known ones than fit on a line."""
    dataset = labelled(named(("catz",), ("dog",)))
    with pytest.raises(DataError) as caught:
        relabelled(dataset, ("cat", "dog"), "here")
    assert caught.value.message == "unknown class catz in here; known: cat, dog"
    assert caught.value.hint == "catz is similar to cat"
    with pytest.raises(DataError, match="8, 9 and 2 more"):
        relabelled(dataset, [str(number) for number in range(12)], "here")


def test_a_class_has_one_form_wherever_it_is_named() -> None:
    """Blanks and the Unicode form make no difference between splits, models and renamings."""
    dataset = labelled(named(("cafe\u0301",), ("caf\xe9 ",), ("bar",)))
    assert dataset.classes == ("bar", "caf\xe9")
    assert [record.labels for record in dataset.records] == [(1,), (1,), (0,)]
    assert relabelled(dataset, ("cafe\u0301", "bar"), "here").records[0].label == 0
    assert renamed(dataset, {"cafe\u0301": "pub"}, "here").classes == ("bar", "pub")


def test_one_class_is_too_few() -> None:
    """There is nothing to tell apart."""
    with pytest.raises(DataError, match="only one class in here: cat"):
        check_several(labelled(named(("cat",))), "here")


def test_many_classes_of_a_few_words_look_like_tags() -> None:
    """Each word is a separate label then, and each name several of them."""
    tags = ["clear water", "clear road", "haze water", "haze road", "clear water road", "haze"]
    tags += ["haze water road", "water road", "clear"]
    findings = labelled(named(*[(tag,) for tag in tags])).findings
    assert [(each.kind.key, each.count) for each in findings] == [("combined_labels", 7)]
    names = ["great white shark", "tiger shark", "white wolf", "great grey owl"]
    assert labelled(named(*[(name,) for name in names])).findings == ()
