"""A loader: the function that reads labelled images of one form, and its description."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from pydantic import Field

from imgrec.data.records import RecordsBySplit
from imgrec.sections.section import Section

Options = TypeVar("Options", bound=Section)


class LabelOptions(Section):
    """The key of loaders whose images may have several labels."""

    multi_label: bool = Field(
        default=False,
        description="Whether an image can have several labels, or none. The model then predicts "
        "each class independently, with `model.output: sigmoid`.",
    )


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
