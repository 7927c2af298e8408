"""Mutations of image files that keep the form of their parts."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from random import Random

from tools.fuzz.mutations import (
    mutate_bytes,
    mutate_head,
    mutate_words,
    number,
    one_of,
    pack_numbers,
    replaced,
    shuffled,
)

_PNG = b"\x89PNG\r\n\x1a\n"
_PNG_KINDS = (
    b"tEXt",
    b"zTXt",
    b"iCCP",
    b"eXIf",
    b"acTL",
    b"fcTL",
    b"fdAT",
    b"PLTE",
    b"tRNS",
    b"sBIT",
)
_EMPTY_STREAM = zlib.compress(b"")


def _png(random: Random, content: bytes) -> bytes:
    """Change the chunks of a PNG; their checksums are right."""
    chunks = [*_chunks(content)]
    place = random.randrange(len(chunks))
    kind, data = chunks[place]
    match random.randrange(6):
        case 0:
            header = [struct.pack(">I", number(random, 32) % (1 << 32)) for _ in range(2)]
            chunks[0] = b"IHDR", b"".join(header) + chunks[0][1][8:]
        case 1:
            chunks[0] = b"IHDR", mutate_words(random, chunks[0][1])
        case 2 if kind == b"IDAT":
            chunks[place] = kind, zlib.compress(mutate_bytes(random, zlib.decompress(data)))
        case 3:
            chunks.insert(place, (random.choice(_PNG_KINDS), _png_data(random)))
        case 4:
            chunks[place] = kind, mutate_bytes(random, data)
        case _:
            return _PNG + b"".join(shuffled(random, [_chunk(*each) for each in chunks]))
    return _PNG + b"".join(_chunk(*each) for each in chunks)


def _png_data(random: Random) -> bytes:
    """Return text with a compressed part, which may be long, or bytes."""
    long = zlib.compress(bytes(random.choice((100, 10**5, 10**7))))
    return random.choice((b"name\0\0" + long, b"name\0x", random.randbytes(30), bytes(768), b""))


def _chunks(content: bytes) -> Iterator[tuple[bytes, bytes]]:
    place = len(_PNG)
    while place < len(content):
        (length,) = struct.unpack_from(">I", content, place)
        yield content[place + 4 : place + 8], content[place + 8 : place + 8 + length]
        place += length + 12


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def _jpeg(random: Random, content: bytes) -> bytes:
    """Change, repeat, move or leave out the segments of a JPEG; their lengths are right."""
    parts = [*_segments(content)]
    place = random.randrange(1, len(parts))
    match random.randrange(4):
        case 0:
            parts[1:] = shuffled(random, parts[1:])
        case 1:
            size = next(at for at, part in enumerate(parts) if part[1:2] in b"\xc0\xc1\xc2")
            sides = pack_numbers(">HH", number(random, 32), number(random, 32))
            parts[size] = replaced(parts[size], 5, 9, sides)
        case 2:
            parts[place:place] = [parts[place]] * random.choice((1, 20, 300))
        case _:
            head = parts[place][:4]
            data = mutate_bytes(random, parts[place][4:])[:65_000]
            parts[place] = head[:2] + struct.pack(">H", len(data) + 2) + data
    return b"".join(parts)


def _segments(content: bytes) -> Iterator[bytes]:
    """Yield the start of a JPEG, its segments, each scan with its data, and the end."""
    yield content[:2]
    place = 2
    while content[place + 1] != 0xD9:
        end = place + 2 + struct.unpack_from(">H", content, place + 2)[0]
        if content[place + 1] == 0xDA:
            while content[end] != 0xFF or content[end + 1] in (0, *range(0xD0, 0xD8)):
                end += 1
        yield content[place:end]
        place = end
    yield content[place:]


def _tiff(random: Random, content: bytes) -> bytes:
    """Change tags, types, counts and values of a TIFF's first directory."""
    order = "<" if content[:2] == b"II" else ">"
    (start,) = struct.unpack_from(f"{order}I", content, 4)
    (count,) = struct.unpack_from(f"{order}H", content, start)
    changed = bytearray(content)
    for _ in range(random.choice((1, 1, 2, 4))):
        place = start + 2 + 12 * random.randrange(count)
        tag, kind, values, value = struct.unpack_from(f"{order}HHII", content, place)
        match random.randrange(4):
            case 0:
                tag, kind = random.choice(_TAGS), random.choice((kind, 3, 4, 2, 5, 12))
            case 1:
                kind, values = random.choice((kind, 0, 1, 5, 13, 99)), number(random, values)
            case _ if kind == 3 and values == 1 and order == "<":
                value = number(random, value & 0xFFFF)
            case _:
                value = number(random, value)
        changed[place : place + 12] = pack_numbers(f"{order}HHII", tag, kind, values, value)
    return bytes(changed)


# Sizes, compression, photometry, strips and tiles, planes, predictor, palette, sub-directories.
_TAGS = (
    *(254, 256, 257, 258, 259, 262, 266, 273, 274, 277, 278, 279, 284, 317, 320, 322, 323, 324),
    *(325, 330, 338, 339, 347, 530, 700, 34665, 34675),
)


def _boxes(random: Random, content: bytes) -> bytes:
    """Change the boxes of an AVIF, HEIC or JPEG 2000 file; the outer sizes are right."""
    parts = [*_outer_boxes(content)]
    place = random.randrange(len(parts))
    if random.random() < 0.2:
        return b"".join(shuffled(random, parts))
    data = random.choice((mutate_words, mutate_bytes, mutate_head))(random, parts[place][8:])
    parts[place] = struct.pack(">I", len(data) + 8) + parts[place][4:8] + data
    return b"".join(parts)


def _outer_boxes(content: bytes) -> Iterator[bytes]:
    place = 0
    while place < len(content):
        (length,) = struct.unpack_from(">I", content, place)
        end = place + length if length >= 8 else len(content)
        yield content[place:end]
        place = end


def _riff(random: Random, content: bytes) -> bytes:
    """Change the chunks of a WebP; the sizes are right."""
    parts, place = [], 12
    while place < len(content):
        (length,) = struct.unpack_from("<I", content, place + 4)
        parts.append(content[place : place + 8 + length + length % 2])
        place += 8 + length + length % 2
    chosen = random.randrange(len(parts))
    if random.random() < 0.3:
        parts = shuffled(random, parts)
    else:
        data = random.choice((mutate_head, mutate_words))(random, parts[chosen][8:])
        data += bytes(len(data) % 2)
        parts[chosen] = parts[chosen][:4] + struct.pack("<I", len(data)) + data
    whole = b"WEBP" + b"".join(parts)
    return b"RIFF" + struct.pack("<I", len(whole)) + whole


mutate_png = one_of(_png, _png, _png, _png, mutate_bytes)
mutate_jpeg = one_of(_jpeg, _jpeg, _jpeg, mutate_head, mutate_bytes)
mutate_tiff = one_of(_tiff, _tiff, _tiff, mutate_words, mutate_bytes)
mutate_boxes = one_of(_boxes, _boxes, mutate_head, mutate_words, mutate_bytes)
mutate_webp = one_of(_riff, _riff, mutate_head, mutate_bytes)
mutate_picture = one_of(mutate_head, mutate_head, mutate_words, mutate_bytes)
