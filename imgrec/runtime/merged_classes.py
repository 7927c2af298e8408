"""Classes of a model that count as one: its probability is the sum of theirs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import chain

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from imgrec.errors import UsageError
from imgrec.interface import class_mapping
from imgrec.runtime.engine import Engine, EngineWrapper
from imgrec.runtime.outputs import ModelOutput
from imgrec.text import abridge, class_name, did_you_mean, join_few, printable

ClassLists = Mapping[str, tuple[str, ...]]
"""The classes of a model that each name means."""

_SHOWN = 60


class MergedClasses(Struct, frozen=True):
    """A model's classes, some of which are merged.

    Args:
        names: The classes, each in the place of the first of those that are merged.
        columns: The columns of the model that each of them adds up.
    """

    names: tuple[str, ...]
    columns: tuple[tuple[int, ...], ...]

    def sums(self, probabilities: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return probabilities (..., names) from those of the model, (..., its classes)."""
        starts = np.cumsum([0, *map(len, self.columns[:-1])])
        ordered = probabilities[..., list(chain(*self.columns))].astype(np.float64)
        # A sum of rounded numbers may exceed 1 by a rounding.
        return np.add.reduceat(ordered, starts, axis=-1).clip(0, 1).astype(np.float32)


class MergedEngine(EngineWrapper, frozen=True):
    """An engine whose classes are merged."""

    merging: MergedClasses

    @property
    def classes(self) -> tuple[str, ...]:
        """The merged classes."""
        return self.merging.names

    def answers(self, images: NDArray[np.uint8]) -> ModelOutput:
        """Return the output for uint8 images (batch, height, width, channels)."""
        found = self.engine.answers(images)
        return found._replace(probabilities=self.merging.sums(found.probabilities))


def with_merged_classes(engine: Engine, lists: ClassLists, model: str) -> Engine:
    """Return an engine with the classes of each list merged; raises as `merge_classes`."""
    return MergedEngine(engine, merge_classes(lists, engine.classes, model)) if lists else engine


def lists_in_words(lists: ClassLists) -> str:
    """Return what is merged, a clause for each list; empty if nothing is.

    Example:
        >>> lists_in_words({"cat": ("tabby", "Siamese"), "dog": ("pug",)})
        'cat is any of tabby, Siamese, with the sum of their probabilities'
    """
    return "; ".join(
        f"{printable(name)} is any of {join_few(members, 10)}, with the sum of their probabilities"
        for name, members in lists.items()
        if len(members) > 1
    )


def class_lists(
    names: Mapping[str, str], classes: Sequence[str], model: str, *, multi_label: bool = False
) -> ClassLists:
    """Return which of a model's classes each name means.

    Args:
        names: A class of the model for each name, or several with commas in between.
        classes: Those of the model.
        model: Its name, for messages.
        multi_label: Whether an image may have several classes, whose probabilities can't be added.

    Raises:
        UsageError: A class does not exist, is in a list and elsewhere, or can't be in one.

    Example:
        >>> class_lists({"cat": "tabby, Siamese"}, ["tabby", "Siamese", "pug"], "breeds-1")
        {'cat': ('tabby', 'Siamese')}
    """
    lists = {name: _members(name, text, classes, model) for name, text in names.items()}
    several = {name: members for name, members in lists.items() if len(members) > 1}
    if several and multi_label:
        raise UsageError(
            f"{_mapped(*next(iter(several.items())))}: {printable(model)} may give an image "
            "several classes, whose probabilities can't be added",
            hint="name one class",
        )
    owners = _owners(several)
    for name, members in lists.items():
        if owners.get(members[0], name) != name:
            raise _named_twice(name, members, members[0], owners[members[0]])
    return lists


def merge_classes(lists: ClassLists, classes: Sequence[str], model: str) -> MergedClasses:
    """Return a model's classes with those of each list merged.

    Raises:
        UsageError: A class is in two lists, or a name is that of another class.

    Example:
        >>> merge_classes({"cat": ("tabby", "Siamese")}, ["pug", "tabby", "Siamese"], "breeds-1")
        MergedClasses(names=('pug', 'cat'), columns=((0,), (1, 2)))
    """
    owners = _owners(lists)
    for name, members in lists.items():
        if name in classes and name not in owners:
            raise UsageError(
                f"{_mapped(name, members)}: {printable(model)} has a class "
                f"{printable(name)} itself",
                hint=f"add {printable(name)} to the list, or choose another name",
            )
    columns = dict[str, list[int]]()
    for column, each in enumerate(classes):
        columns.setdefault(owners.get(each, each), []).append(column)
    if len(columns) < 2:
        raise UsageError(
            f"{_mapped(*next(iter(lists.items())))}: these are all the classes of "
            f"{printable(model)}",
            hint="leave at least one out",
        )
    return MergedClasses(tuple(columns), tuple(map(tuple, columns.values())))


def _owners(lists: ClassLists) -> dict[str, str]:
    """Return the name of the list that each class is in; raise UsageError if it is in two."""
    owners = dict[str, str]()
    for name, members in lists.items():
        for member in members:
            if member in owners:
                raise _named_twice(name, members, member, owners[member])
            owners[member] = name
    return owners


def _named_twice(name: str, members: Sequence[str], member: str, other: str) -> UsageError:
    return UsageError(
        f"{_mapped(name, members)}: {printable(member)} already counts as {printable(other)}",
        hint="name each class once",
    )


def _members(name: str, text: str, classes: Sequence[str], model: str) -> tuple[str, ...]:
    """Return the classes in a text: itself, if a class is called that, else separated by commas."""
    whole = class_name(text)
    members = (whole,) if whole in classes else tuple(map(class_name, text.split(",")))
    for member in members:
        if member not in classes:
            raise UsageError(
                f"{class_mapping(name, abridge(text, _SHOWN))}: {printable(model)} "
                f"has no class {printable(member)}{did_you_mean(member, classes)}",
                hint=f"it has {join_few(classes, 10)}",
            )
    if len(set(members)) < len(members):
        twice = next(each for each in members if members.count(each) > 1)
        raise UsageError(f"{_mapped(name, members)}: {printable(twice)} is named twice")
    return members


def _mapped(name: str, members: Sequence[str]) -> str:
    return class_mapping(name, abridge(",".join(members), _SHOWN))
