"""Mutations of JSON, YAML and the members of zip archives."""

from __future__ import annotations

import copy
import io
import json
import zipfile
from collections.abc import Iterator, Mapping
from random import Random
from typing import Any

import yaml

from tools.fuzz.mutations import (
    TOKENS,
    Mutation,
    mutate_bytes,
    mutate_text,
    mutate_words,
    number,
    one_of,
)

_COMPRESSIONS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA)
_NAMES = (
    "../x",
    "/x",
    "config.json",
    "model.weights.h5",
    "x",
    "x/" * 500,
    "\x1b[31m",
    "labels.txt",
)


def _json_tree(random: Random, content: bytes) -> bytes:
    return json.dumps(mutate_tree(random, json.loads(content))).encode()


def _yaml_tree(random: Random, content: bytes) -> bytes:
    changed = mutate_tree(random, yaml.safe_load(content))
    return yaml.safe_dump(changed, sort_keys=False, allow_unicode=random.random() < 0.5).encode()


mutate_json = one_of(_json_tree, _json_tree, _json_tree, mutate_text, mutate_bytes)
mutate_yaml = one_of(_yaml_tree, _yaml_tree, _yaml_tree, mutate_text, mutate_bytes)


def mutate_tree(random: Random, document: Any) -> Any:
    """Return a document of lists, dicts and scalars with one to four nodes changed."""
    root = {"": copy.deepcopy(document)}
    for _ in range(random.choice((1, 1, 2, 4))):
        places = [*_places(root)]
        holder, key = random.choice(places)
        _change(random, holder, key, places)
    return root.get("")


def _places(node: Any) -> Iterator[tuple[Any, Any]]:
    waiting = [node]
    while waiting:
        holder = waiting.pop()
        for key in holder if isinstance(holder, dict) else range(len(holder)):
            yield holder, key
            if isinstance(holder[key], dict | list):
                waiting.append(holder[key])


def _change(random: Random, holder: Any, key: Any, places: list[tuple[Any, Any]]) -> None:
    other, other_key = random.choice(places)
    match random.randrange(9):
        case 0 if len(holder) > 1:
            del holder[key]
        case 1:
            holder[key] = copy.deepcopy(other[other_key])
        case 2 if isinstance(holder, dict):
            holder[random.choice(TOKENS)] = holder.pop(key)
        case 3 if isinstance(holder, list):
            holder *= random.choice((2, 2, 100))
        case 4:
            holder[key] = [holder[key]] if random.random() < 0.5 else {"x": holder[key]}
        case 5:
            holder[key] = _deep(random, holder[key])
        case _:
            holder[key] = _scalar(random, holder[key])


def _deep(random: Random, node: Any) -> Any:
    for _ in range(random.choice((10, 70, 400))):
        node = [node]
    return node


def _scalar(random: Random, old: Any) -> Any:
    if isinstance(old, int | float) and random.random() < 0.7:
        return random.choice((number(random, int(old) if abs(old) < 1e30 else 0), -old, old / 3))
    return random.choice(
        (
            *(random.choice(TOKENS), number(random), float("nan"), float("inf"), 1e308, -1.5),
            *(None, True, False, [], {}, [[]], {"": ""}, 10**400, f"{old}x", [old, old]),
        )
    )


def zipped(members: Mapping[str, Mutation]) -> Mutation:
    """Return a mutation of zip archives.

    Args:
        members: How a member is changed, by the end of its name; others are changed as bytes.
    """

    def content(random: Random, archive: bytes) -> bytes:
        found = _members(archive)
        place = random.randrange(len(found))
        name, old = found[place]
        mutate = next((how for end, how in members.items() if name.endswith(end)), mutate_bytes)
        found[place] = name, mutate(random, old)
        return _archive(archive, found, zipfile.ZIP_STORED)

    def structure(random: Random, archive: bytes) -> bytes:
        found = _members(archive)
        place = random.randrange(len(found))
        match random.randrange(4):
            case 0:
                del found[place]
            case 1:
                found.append((found[place][0], random.choice(found)[1]))
            case 2:
                found[place] = random.choice(_NAMES), found[place][1]
            case _:
                found[place] = found[place][0], bytes(random.choice((10**3, 10**6, 10**7)))
        return _archive(archive, found, random.choice(_COMPRESSIONS))

    return one_of(content, content, content, structure, _zip_headers, mutate_words)


def _members(archive: bytes) -> list[tuple[str, bytes]]:
    with zipfile.ZipFile(io.BytesIO(archive)) as file:
        return [(each.filename, file.read(each)) for each in file.infolist()]


def _archive(old: bytes, members: list[tuple[str, bytes]], compression: int) -> bytes:
    """Return an archive of these members; what precedes the old one remains in front of it."""
    with zipfile.ZipFile(io.BytesIO(old)) as file:
        start = min(each.header_offset for each in file.infolist())
    written = io.BytesIO()
    written.write(old[:start])
    with zipfile.ZipFile(written, "a" if start else "w", compression) as file:
        for name, content in members:
            file.writestr(zipfile.ZipInfo(name), content, compression)
    return written.getvalue()


def _zip_headers(random: Random, archive: bytes) -> bytes:
    """Change numbers in the local headers, the central directory and its end."""
    changed = bytearray(archive)
    signature = random.choice((b"PK\x03\x04", b"PK\x01\x02", b"PK\x05\x06"))
    places = [place for place in range(len(archive)) if archive.startswith(signature, place)]
    for _ in range(random.choice((1, 1, 2))):
        start = random.choice(places) + random.randrange(4, 46)
        changed[start : start + 8] = mutate_words(random, bytes(changed[start : start + 8]))
    return bytes(changed)
