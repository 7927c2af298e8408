"""`--set key.path=value`: values that go before those of the file."""

from __future__ import annotations

import copy
import re
from collections.abc import Sequence
from typing import Any

from imgrec.config.problems import OVERRIDE, shown, written
from imgrec.config.yaml import Document, Path, YamlError, read
from imgrec.errors import UsageError

_LONGEST = 100
_HINT = "write it as --set training.epochs=5 or --set model.layers[0].Conv2D.filters=8"


def apply(overrides: Sequence[str], document: Document) -> tuple[Any, dict[Path, int]]:
    """Return the document's value with `overrides` applied in order, and its lines.

    Keys that are not there yet are added; their line is OVERRIDE. Raises UsageError where
    an override can't be read, or names an item of a list that is not there.
    """
    value = copy.deepcopy(document.value)
    lines = dict(document.lines)
    for override in overrides:
        path, new = _split(override)
        reached = _put(value, path, new, override)
        lines = {known: line for known, line in lines.items() if known[: len(reached)] != reached}
        lines[reached] = OVERRIDE
    return value, lines


def _split(override: str) -> tuple[list[str], Any]:
    target, equals, text = override.partition("=")
    keys = re.sub(r"\[(\d+)\]", r".\1", target.strip()).split(".")
    if not equals or not all(re.fullmatch(r"[\w -]+", key) for key in keys):
        raise UsageError(f"--set {_safe(override)}: not of the form key.path=value", hint=_HINT)
    try:
        return keys, read(text).value
    except YamlError as error:
        raise UsageError(f"--set {_safe(override)}: {error.message}", hint=_HINT) from error


def _put(value: Any, keys: list[str], new: Any, override: str) -> Path:
    path: Path = ()
    for depth, text in enumerate(keys):
        last = depth == len(keys) - 1
        key = _key(value, text, path, override)
        if last:
            value[key] = new
        elif isinstance(value, dict):
            value[key] = _inner(value.get(key), keys[depth + 1])
        else:
            value[key] = _inner(value[key], keys[depth + 1])
        value = value[key]
        path = (*path, key)
    return path


def _key(value: Any, text: str, path: Path, override: str) -> str | int:
    if isinstance(value, dict):
        return text
    where = written(path)
    if not isinstance(value, list):
        problem = f"{where} is {shown(value)}, which has no keys"
    elif not (text.isascii() and text.isdigit()):
        problem = f"{where} is a list; give the number of an item, from 0"
    elif int(text) >= len(value):
        problem = f"{where} has {len(value)} items, the first one is 0"
    else:
        return int(text)
    raise UsageError(f"--set {_safe(override)}: {problem}", hint=_HINT)


def _inner(value: Any, next_key: str) -> Any:
    """Return what the next key is set in: a bare name such as `Flatten` becomes a mapping."""
    return {} if value is None or value == next_key else value


def _safe(override: str) -> str:
    return (
        override
        if override.isprintable() and len(override) <= _LONGEST
        else shown(override, _LONGEST)
    )
