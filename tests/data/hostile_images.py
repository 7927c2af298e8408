"""Small image files that claim much: of memory, or of time."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Mapping
from typing import Any

from PIL import Image

BYTE, SHORT, LONG, RATIONAL = 1, 3, 4, 5
_SIZES = {BYTE: 1, SHORT: 2, LONG: 4, RATIONAL: 8}

Tag = tuple[int, int, bytes]


def number(value: int) -> Tag:
    """Return a tag that holds one number."""
    return LONG, 1, struct.pack("<L", value)


def tiff(tags: Mapping[int, Tag], pixels: bytes = b"") -> bytes:
    """Return a TIFF with the tags, each a type, a count and its bytes; `pixels` begin at 8."""
    start = 8 + len(pixels)
    after, beside = start + 2 + 12 * len(tags) + 4, b""
    entries = b""
    for tag, (kind, count, data) in sorted(tags.items()):
        value = data.ljust(4, b"\0")
        if len(value) > 4:
            value, beside = struct.pack("<L", after + len(beside)), beside + data
        entries += struct.pack("<HHL", tag, kind, count) + value
    head = b"II*\0" + struct.pack("<L", start) + pixels
    return head + struct.pack("<H", len(tags)) + entries + bytes(4) + beside


def grey_tiff(width: int, height: int, tags: Mapping[int, Tag]) -> bytes:
    """Return an 8-bit grey TIFF whose compressed pixels are at 8, all of one value."""
    pixels = zlib.compress(bytes(1 << 16))
    plain = {256: width, 257: height, 258: 8, 259: 8, 262: 1, 277: 1}
    return tiff({**{tag: number(value) for tag, value in plain.items()}, **tags}, pixels)


def tiled_tiff(width: int, height: int, across: int, down: int) -> bytes:
    """Return a TIFF whose tiles, of any size, are all stored in the same few bytes."""
    tiles = -(-width // across) * -(-height // down)
    tags = {
        322: number(across),
        323: number(down),
        324: (LONG, tiles, struct.pack("<L", 8) * tiles),
        325: (LONG, tiles, struct.pack("<L", 80) * tiles),
    }
    return grey_tiff(width, height, tags)


def tiff_of_strips(strips: int) -> bytes:
    """Return a TIFF of 8 x 8 pixels that names far more strips than it has rows."""
    return grey_tiff(8, 8, {259: number(1), 273: (BYTE, strips, bytes(strips)), 278: number(1)})


def tiff_of_fractions(fractions: int) -> bytes:
    """Return a TIFF of 8 x 8 pixels whose resolution is a long list."""
    strip = {273: number(8), 278: number(8), 279: number(80)}
    data = struct.pack("<LL", 1, 3) * fractions
    return grey_tiff(8, 8, {**strip, 282: (RATIONAL, fractions, data), 283: number(1)})


def jpeg(side: int, *, progressive: bool = False) -> bytes:
    """Return a grey JPEG of `side` x `side` pixels."""
    buffer = io.BytesIO()
    Image.linear_gradient("L").resize((side, side)).save(buffer, "JPEG", progressive=progressive)
    return buffer.getvalue()


def jpeg_of_scans(side: int, scans: int, between: bytes = b"") -> bytes:
    """Return a progressive JPEG whose last scan is stored again and again."""
    content = jpeg(side, progressive=True)
    last = content.rindex(b"\xff\xda")
    return content[:last] + (between + content[last:-2]) * scans + content[-2:]


def jpeg_with_segments(marker: int, data: bytes, segments: int) -> bytes:
    """Return a small JPEG with segments of metadata, each of them `data`."""
    content = jpeg(8)
    segment = struct.pack(">BBH", 0xFF, marker, len(data) + 2) + data
    return content[:2] + segment * segments + content[2:]


def png(width: int, height: int, *chunks: tuple[bytes, bytes]) -> bytes:
    """Return a black PNG of 1 bit, with chunks before its pixels; it ends after 1,000 rows."""
    header = struct.pack(">LLBBBBB", width, height, 1, 0, 0, 0, 0)
    pixels = zlib.compress(bytes(1 + -(-width // 8)) * min(height, 1000))
    parts = [(b"IHDR", header), *chunks, (b"IDAT", pixels), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(*part) for part in parts)


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">L", len(data)) + kind + data + struct.pack(">L", zlib.crc32(kind + data))


def webp(width: int, height: int) -> bytes:
    """Return an animated WebP of one frame of 16 x 16 pixels on a large canvas."""
    buffer = io.BytesIO()
    Image.new("RGB", (16, 16), "red").save(buffer, "WEBP", lossless=True)
    canvas = (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    side = (15).to_bytes(3, "little")
    frame = bytes(6) + side + side + (100).to_bytes(3, "little") + b"\0" + buffer.getvalue()[12:]
    chunks = [(b"VP8X", b"\x02\0\0\0" + canvas), (b"ANIM", bytes(6)), (b"ANMF", frame)]
    body = b"".join(
        kind + struct.pack("<L", len(data)) + data + bytes(len(data) % 2) for kind, data in chunks
    )
    return b"RIFF" + struct.pack("<L", len(body) + 4) + b"WEBP" + body


def bmp_of_runs(width: int, height: int, runs: bytes) -> bytes:
    """Return a BMP of 256 colours whose pixels are stored as `runs`."""
    palette = bytes(1024)
    header = struct.pack("<LllHHLLllLL", 40, width, height, 1, 8, 1, len(runs), 0, 0, 256, 0)
    start = 14 + len(header) + len(palette)
    return b"BM" + struct.pack("<LLL", start + len(runs), 0, start) + header + palette + runs


def jpeg_2000(side: int, **options: Any) -> bytes:
    """Return a grey JPEG 2000 of `side` x `side` pixels."""
    buffer = io.BytesIO()
    Image.new("L", (side, side)).save(buffer, "JPEG2000", **options)
    return buffer.getvalue()


def larger_jpeg_2000(content: bytes, side: int, tile: int) -> bytes:
    """Return `content` with another size in both of its headers, and another size of its tiles."""
    for found, offset, size in (
        (b"ihdr", 4, side),
        (b"\xff\x4f\xff\x51", 8, side),
        (b"\xff\x4f\xff\x51", 24, tile),
    ):
        at = content.index(found) + offset
        content = content[:at] + struct.pack(">LL", size, size) + content[at + 8 :]
    return content


def gif(width: int, height: int) -> bytes:
    """Return a GIF of one pixel on a large canvas."""
    screen = struct.pack("<HHBBB", width, height, 0x80, 0, 0) + b"\0\0\0\xff\0\0"
    frame = b"," + struct.pack("<HHHHB", 0, 0, 1, 1, 0) + b"\x02\x02\x44\x01\x00;"
    return b"GIF89a" + screen + frame
