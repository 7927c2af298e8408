"""A loader: the function that reads labelled images of one form, and its description."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Generic, TypeVar

from pydantic import Field

from imgrec.data.records import RecordsBySplit
from imgrec.sections.section import ConfigFinding, Section, Text
from imgrec.text import class_name

Options = TypeVar("Options", bound=Section)


class LabelOptions(Section):
    """The key of loaders whose images may have several labels."""

    multi_label: bool = Field(
        default=False,
        description="Whether an image can have several labels, or none. The model then predicts "
        "each class independently, with `model.output: sigmoid`.",
    )


class LabelMapOptions(Section):
    """The key of loaders whose labels may be numbers."""

    label_map: dict[str, Text] | None = Field(
        default=None,
        description="If labels are whole numbers: the class of each number, such as "
        "`{1: person, 2: bicycle}`. Without it the numbers are the names, or a pack's manifest or "
        "the array `classes` has them. `imgrec data pack` gives the classes these numbers.",
    )

    def problems(self) -> Iterator[ConfigFinding]:
        """Yield keys of `label_map` that are not whole numbers, and names given twice."""
        first: dict[str, str] = {}
        for key, name in (self.label_map or {}).items():
            if not re.fullmatch(r"0|-?[1-9]\d{0,18}", key, re.ASCII):
                yield ("label_map", key), "is not a whole number"
            elif (same := first.setdefault(class_name(name), key)) != key:
                yield ("label_map", key), f"labels {same} and {key} have the same name"


@dataclass(frozen=True)
class Request(Generic[Options]):
    """What to read.

    path: a file, folder or pattern, or one of the loader's data sets; empty for a loader with a
    single one. options: the loader's own keys of section `data`. seed, image_size (height,
    width): for images that are drawn rather than read.
    """

    path: str
    options: Options
    seed: int = 0
    image_size: tuple[int, int] | None = None


@dataclass(frozen=True)
class Loader(Generic[Options]):
    """A form of labelled images, and how to read it.

    name: its value of `data.loader`. summary: what it reads, for the reference of configs.
    options: its own keys of section `data`. read: returns the images, none opened yet; raises
    DataError. detects: whether it reads what is at a path (file, folder or pattern); may raise
    OSError. general: it takes any folder, so others are asked first. datasets: the names that
    `data.root` may have, () for a loader with a single data set, None for one that reads files.
    uses_tensorflow: reading imports TensorFlow.
    """

    name: str
    summary: str
    options: type[Options]
    read: Callable[[Request[Options]], RecordsBySplit]
    detects: Callable[[str], bool] = lambda _: False
    general: bool = False
    datasets: tuple[str, ...] | None = None
    uses_tensorflow: bool = False
