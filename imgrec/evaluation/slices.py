"""Slices: parts of the evaluated images that are measured on their own."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from imgrec.corruption import Corruption
from imgrec.data.images import Header, describe
from imgrec.data.records import Record
from imgrec.errors import DataError
from imgrec.expressions import search_names
from imgrec.parallel import map_in_order, usable_cores
from imgrec.scores import Scores
from imgrec.slicing import SliceBy
from imgrec.text import NOTHING, count_of, printable

MOST_SLICES = 100
"""How many slices one specification may make; with more, it identifies single images."""

# `size=small` are images below the first, `size=large` those from the second on.
_MEDIUM_PIXELS, _LARGE_PIXELS = 256 * 256, 1024 * 1024

_AHEAD = 256
_OF_RECORD = {"column", "path"}
_SIZES = {"small": 1, "medium": 2, "large": 3}


@dataclass(frozen=True)
class ImageSlice:
    """Some images, such as `camera=front`, with their scores: at least one.

    corruption: How all images were changed; None for some of them as they are.
    """

    name: str
    scores: Scores
    corruption: Corruption | None = None


def check_slices(records: Sequence[Record], words: Sequence[SliceBy]) -> None:
    """Raise DataError for a specification that fits no image, or makes more than 100 slices.

    `size` and `mode` always fit and are not checked, so that no image is read.
    """
    for word in words:
        if records and word.kind in _OF_RECORD:
            _check(sorted(set(_values(records, word)) - {""}), records, word)


def cut_slices(
    scores: Scores, records: Sequence[Record], words: Sequence[SliceBy]
) -> tuple[ImageSlice, ...]:
    """Return the slices of `scores` by each of `words`: every image is in one slice of each.

    An image without a value (an empty cell, a path that does not match) is in the slice
    `word=(none)`.

    Args:
        scores: At least one image.
        records: Those that were scored, checked by `check_slices`; `Scores.rows` are indices.
        words: How to divide the images.

    Raises:
        BadImage: An image that was scored can't be read any more.
    """
    scored = [records[row] for row in scores.rows]
    return tuple(each for word in words for each in _slices(scores, scored, word))


def _slices(scores: Scores, records: Sequence[Record], word: SliceBy) -> Iterator[ImageSlice]:
    values = _values(records, word)
    names = sorted(set(values) - {""}, key=lambda name: (_SIZES.get(name, 0), name))
    found = np.array(values, dtype=object)
    for name in (*names, *([""] if "" in values else [])):
        yield ImageSlice(_title(word, name), scores.where(found == name))


def _title(word: SliceBy, name: str) -> str:
    if word.kind == "column":
        return f"{word.value}={name or NOTHING}"
    # Two expressions would share `path=(none)`.
    return f"{word.kind}={name}" if name else f"{word.word}={NOTHING}"


def _values(records: Sequence[Record], word: SliceBy) -> list[str]:
    if word.kind == "column":
        return [record.extra.get(word.value, "").strip() for record in records]
    if word.kind == "path":
        try:
            return search_names(word.value, [record.name for record in records])
        except ValueError as error:
            raise DataError(f"slice {printable(word.word)}: {error}") from error
    return _of_headers(records, _BY_HEADER[word.kind])


def _of_headers(records: Sequence[Record], value: Callable[[Header], str]) -> list[str]:
    headers = map_in_order(
        lambda record: describe(record.source, record.name), records, usable_cores(), _AHEAD
    )
    return [value(header) for header in headers]


def _size(header: Header) -> str:
    width, height = header.size
    if width * height < _MEDIUM_PIXELS:
        return "small"
    return "medium" if width * height < _LARGE_PIXELS else "large"


_BY_HEADER: Mapping[str, Callable[[Header], str]] = {
    "size": _size,
    "mode": lambda header: header.mode,
}


def _check(names: Sequence[str], records: Sequence[Record], word: SliceBy) -> None:
    if not names:
        columns = sorted({column for record in records for column in record.extra})
        known = (
            f"its columns are {', '.join(map(printable, columns))}" if columns else "it has none"
        )
        raise DataError(
            f"slice {printable(word.word)}: no image has a value for it",
            hint=f"a column of the data's CSV file ({known}), size, mode or path:REGEX",
        )
    if len(names) > MOST_SLICES:
        raise DataError(
            f"slice {printable(word.word)}: {count_of(len(names), 'value')}, such as "
            f"{printable(names[0])}, but at most {MOST_SLICES} slices are possible",
            hint="slice by something that many images have in common",
        )
