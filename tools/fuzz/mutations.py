"""Mutations of bytes and of text whose form is not known."""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from random import Random
from typing import Literal

Mutation = Callable[[Random, bytes], bytes]
"""Returns a changed file; it is a function of the random stream and the file."""

LARGEST = 1 << 22
"""No input is larger than this many bytes."""

NUMBERS = (
    *(0, 1, 2, 3, 7, 8, 16, 127, 128, 255, 256, 1000, 32767, 32768, 65535, 65536, 1 << 20),
    *((1 << 24) - 1, 10**9, (1 << 31) - 1, 1 << 31, (1 << 32) - 1, 1 << 32, 10**12),
    *((1 << 63) - 1, 1 << 63, (1 << 64) - 1, -1, -2, -128, -(1 << 31), -(1 << 63)),
)
"""Whole numbers at which arithmetic of a fixed width changes."""

TOKENS = (
    *("", " ", "\t", "\n", "\r", "\0", "\ufeff", "\u202e", "\ufffe", "é", "e\u0301", "猫"),
    *("nan", "inf", "-inf", "1e999", "1e-999", "-0", "0x" + "f" * 5000, "9" * 5000, "1/0"),
    *("null", "~", "'", '"', '"' * 3, "\\", "/", "..", "../../etc/passwd", "/dev/zero", "%s"),
    *("[" * 2000, "(" * 2000, "{" * 2000, "{}", "&a", "*a", "<<: *a", "!!python/name:os.system"),
    *("#", "=1", "a" * 70000, ",", ";", "|", "\ud83d\ude00", "__class__", "con", "{0}", "true"),
    *("$(id)", "(a+)+$", "\x1b[31m"),
)  # fmt: skip
"""Text that readers often treat in a special way."""


def mutate_bytes(random: Random, content: bytes) -> bytes:
    """Return the content with one to eight small changes anywhere."""
    changed = bytearray(content)
    for _ in range(_few(random)):
        random.choice(_EDITS)(random, changed)
    return bytes(changed[:LARGEST])


def mutate_head(random: Random, content: bytes) -> bytes:
    """Return the content with small changes in the first 256 bytes, where most headers are."""
    return mutate_bytes(random, content[:256]) + content[256:]


def mutate_words(random: Random, content: bytes) -> bytes:
    """Return the content with one to eight whole numbers replaced; its length stays."""
    changed = bytearray(content)
    for _ in range(_few(random)):
        set_number(random, changed, random.randrange(max(1, len(changed))))
    return bytes(changed)


def mutate_text(random: Random, content: bytes) -> bytes:
    """Return a text with changed lines, fields and characters."""
    lines = content.decode("utf-8", "surrogateescape").splitlines(keepends=True) or [""]
    for _ in range(_few(random)):
        place = random.randrange(len(lines))
        match random.randrange(7):
            case 0:
                lines[place:place] = [random.choice(lines)] * random.choice((1, 1, 2, 100, 5000))
            case 1 if len(lines) > 1:
                del lines[place]
            case 2:
                other = random.randrange(len(lines))
                lines[place], lines[other] = lines[other], lines[place]
            case _:
                lines[place] = _with_token(random, lines[place])
    return "".join(lines).encode("utf-8", "surrogatepass")[:LARGEST]


def one_of(*mutations: Mutation) -> Mutation:
    """Return a mutation that applies one of these at random; what they can't read is bytes."""

    def mutate(random: Random, content: bytes) -> bytes:
        chosen = random.choice(mutations)
        try:
            return chosen(random, content)[:LARGEST]
        except Exception:  # noqa: BLE001  # a structure that can't be parsed, or not be written
            return mutate_bytes(random, content)

    return mutate


def set_number(random: Random, content: bytearray, place: int) -> None:
    """Replace the number at `place`, of one to eight bytes in either byte order."""
    size = random.choice((1, 2, 2, 4, 4, 4, 8))
    order: Literal["little", "big"] = random.choice(("little", "big"))
    old = int.from_bytes(content[place : place + size], order)
    new = number(random, old) % (1 << 8 * size)
    content[place : place + size] = new.to_bytes(size, order)[: len(content) - place]


def number(random: Random, old: int = 0) -> int:
    """Return a whole number: a neighbour or a multiple of the old one, or one of NUMBERS."""
    near = (old + 1, old - 1, old * 2, old // 2, -old, old ^ (1 << random.randrange(32)))
    return random.choice(random.choice((near, NUMBERS)))


def replaced(content: bytes, start: int, end: int, new: bytes) -> bytes:
    """Return the content with other bytes from `start` to `end`."""
    return content[:start] + new + content[end:]


def pack_numbers(form: str, *numbers: int) -> bytes:
    """Return numbers as `struct.pack` does, each reduced to its width; the form is unsigned."""
    widths = (8 * struct.calcsize(form[0] + kind) for kind in form[1:])
    return struct.pack(form, *(n % (1 << width) for n, width in zip(numbers, widths, strict=True)))


def shuffled(random: Random, parts: Sequence[bytes]) -> list[bytes]:
    """Return the parts with one repeated, moved or left out."""
    found = list(parts)
    part = found.pop(random.randrange(len(found)))
    copies = random.choice((0, 1, 2, 2, 50))
    place = random.randrange(len(found) + 1)
    found[place:place] = [part] * copies
    return found


def _few(random: Random) -> int:
    return random.choice((1, 1, 1, 2, 3, 8))


def _flip(random: Random, content: bytearray) -> None:
    if content:
        content[random.randrange(len(content))] ^= 1 << random.randrange(8)


def _overwrite(random: Random, content: bytearray) -> None:
    place = random.randrange(len(content) + 1)
    count = random.choice((1, 2, 4, 8, 64))
    content[place : place + count] = random.randbytes(count)


def _write_number(random: Random, content: bytearray) -> None:
    if content:
        set_number(random, content, random.randrange(len(content)))


def _cut(random: Random, content: bytearray) -> None:
    place = random.randrange(len(content) + 1)
    del content[place : place + random.choice((1, 4, 64, 1024, len(content)))]


def _repeat(random: Random, content: bytearray) -> None:
    place = random.randrange(len(content) + 1)
    piece = content[place : place + random.choice((1, 4, 16, 64, 1024))]
    content[place:place] = piece * random.choice((1, 1, 2, 16, 1000))


def _copy(random: Random, content: bytearray) -> None:
    """Copy a piece over another place."""
    start, place = (random.randrange(len(content) + 1) for _ in range(2))
    piece = content[start : start + random.choice((4, 16, 64, 256))]
    content[place : place + len(piece)] = piece


_EDITS = (_flip, _flip, _overwrite, _write_number, _write_number, _cut, _repeat, _copy)


def _with_token(random: Random, line: str) -> str:
    start = random.randrange(len(line) + 1)
    end = min(len(line), start + random.choice((0, 0, 1, 3, 10)))
    token = random.choice((random.choice(TOKENS), str(number(random))))
    return line[:start] + token + line[end:]
