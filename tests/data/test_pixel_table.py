"""Every supported Pillow decodes an image to the same pixels, those of `pixel_table.json`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

import pytest

from imgrec.data.images import ImageSpec
from imgrec.stderr import suppress_native_stderr
from tools.pixel_table import (
    EVERY_PAIR,
    EVERY_SPEC,
    SHARED,
    Row,
    drawn_pictures,
    embedded_pictures,
    read_table,
    row,
    shared_pictures,
)


@pytest.fixture(scope="module")
def table() -> Mapping[str, Row]:
    """The committed rows."""
    return read_table()


def test_drawn_pictures(table: Mapping[str, Row]) -> None:
    """Without loss, so that no codec is an excuse."""
    found = {name: row(content) for name, content in drawn_pictures().items()}
    assert _pixels(found) == _pixels({name: table[name] for name in found})


def test_embedded_pictures(table: Mapping[str, Row]) -> None:
    """JPEG, WebP, AVIF and JPEG 2000: the same, or by another version of their codec."""
    _compare(embedded_pictures().items(), table, EVERY_SPEC)


@pytest.mark.long
@pytest.mark.parametrize("folder", SHARED)
def test_pictures_of_others(
    table: Mapping[str, Row], folder: str, shared: Callable[[str], Path]
) -> None:
    """Photos and awkward files: the same, or by another version of their codec."""
    shared(folder)
    with suppress_native_stderr():
        _compare(shared_pictures(folder), table, EVERY_PAIR)


def _compare(
    pictures: Iterable[tuple[str, bytes]], table: Mapping[str, Row], specs: Sequence[ImageSpec]
) -> None:
    """Fail where a row differs; skip, by name, where its codec's version does too."""
    wrong, other_codec = [], []
    for name, content in pictures:
        found, known = row(content, specs), table[name]
        if found.codec != known.codec and _pixels({name: found}) != _pixels({name: known}):
            other_codec.append(f"{name}: {found.codec}, the table was made with {known.codec}")
        elif _pixels({name: found}) != _pixels({name: known}):
            wrong.append(name)
    assert not wrong
    if other_codec:
        pytest.skip("; ".join(other_codec))


def _pixels(rows: Mapping[str, Row]) -> dict[str, tuple[str, str]]:
    return {name: (each.decoded, each.resized) for name, each in rows.items()}
