"""JPEG 2000: the memory for its tiles, precincts and code-blocks, which may be very small."""

from __future__ import annotations

import struct
from collections.abc import Iterator

from msgspec import Struct

from imgrec.data.images.size import check_size

# Bytes that OpenJPEG takes for each, measured with version 2.5, and a tenth more.
_TILE, _TILE_COMPONENT, _PRECINCT, _BLOCK, _LAYER = 11_000, 2_000, 400, 500, 2

_SIZE, _CODING, _COMPONENT, _TILE_PART, _DATA = 0xFF51, 0xFF52, 0xFF53, 0xFF90, 0xFF93
_START = b"\xff\x4f\xff\x51"


class _Coding(Struct, frozen=True):
    """How a component of a tile is divided; sizes are powers of two, one for each resolution."""

    layers: int
    block: tuple[int, int]
    precincts: tuple[tuple[int, int], ...]


def memory_for_blocks(content: bytes, max_megapixels: int) -> int:
    """Return how many bytes OpenJPEG takes beside pixels, 0 if the file is broken.

    Raises DataError if the image is too large; the header that Pillow reads may claim less.
    """
    try:
        start = _codestream(content)
        size: tuple[int, ...] = struct.unpack_from(">8IH", content, start + 8)
        width, height = size[0] - size[2], size[1] - size[3]
        tile, components = (min(width, size[4]), min(height, size[5])), size[8]
        tiles = -(-width // tile[0]) * -(-height // tile[1])
    except (struct.error, ZeroDivisionError):
        return 0  # which OpenJPEG finds
    check_size((width, height), max_megapixels)
    found = _codings(content, start, components)
    divided = max((_memory(coding, tile, components) for coding in found), default=0)
    return divided + tiles * (_TILE + _TILE_COMPONENT * components)


def _codestream(content: bytes) -> int:
    """Return where the codestream starts."""
    start = 0
    while not content.startswith(_START, start):
        length, kind = struct.unpack_from(">L4s", content, start)
        header = 8
        if length == 1:
            (length,) = struct.unpack_from(">Q", content, start + 8)
            header = 16
        start += header if kind == b"jp2c" else max(length, header)
    return start


def _codings(content: bytes, start: int, components: int) -> Iterator[_Coding]:
    """Yield what the main header and those of the tiles say, up to where they are broken."""
    at, part, end = start + 2, 0, 0
    while len(found := content[at : at + 20]) == 20:
        marker, length = struct.unpack_from(">HH", found)
        if marker == _TILE_PART:
            part, (end,) = at, struct.unpack_from(">L", found, 6)
        if marker == _DATA:
            if part + end <= at:
                return
            at = part + end
            continue
        if marker == _CODING:
            layers = int.from_bytes(found[6:8], "big")
            yield _coding(content, at + 9, layers, has_precincts=bool(found[4] & 1))
        elif marker == _COMPONENT:
            style = 5 if components <= 256 else 6
            yield _coding(content, at + style + 1, 1, has_precincts=bool(found[style] & 1))
        at += 2 + length


def _coding(content: bytes, at: int, layers: int, *, has_precincts: bool) -> _Coding:
    levels, across, down = content[at : at + 3].ljust(3, b"\0")
    sizes = content[at + 5 : at + 6 + levels] if has_precincts else b"\xff" * (levels + 1)
    precincts = tuple((1 << (size & 15), 1 << (size >> 4)) for size in sizes)
    return _Coding(layers, (1 << (across & 15) + 2, 1 << (down & 15) + 2), precincts)


def _memory(coding: _Coding, tile: tuple[int, int], components: int) -> int:
    blocks = precincts = 0
    for resolution, precinct in enumerate(coding.precincts):
        reduction = 1 << (len(coding.precincts) - 1 - resolution)
        size = [-(-side // reduction) for side in tile]
        bands, halved = (3, 2) if resolution else (1, 1)
        block = [
            min(each, max(1, most // halved))
            for each, most in zip(coding.block, precinct, strict=True)
        ]
        blocks += bands * _number([-(-side // halved) for side in size], block)
        precincts += bands * _number(size, precinct)
    each = _BLOCK * blocks + (_PRECINCT + _LAYER * coding.layers) * precincts
    return each * components


def _number(size: list[int], part: list[int] | tuple[int, int]) -> int:
    """Return how many parts an area has at most; it needn't begin where a part does."""
    return (-(-size[0] // part[0]) + 1) * (-(-size[1] // part[1]) + 1)
