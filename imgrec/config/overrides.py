"""`--set key.path=value`: values that go before those of the file."""

from __future__ import annotations

import copy
import re
from collections.abc import Sequence
from typing import Any

from imgrec import text
from imgrec.config.problems import OVERRIDE, shown, written
from imgrec.config.yaml import Document, Path, YamlError, read
from imgrec.errors import UsageError

_LONGEST = 100
_HINT = "write it as --set training.epochs=5 or --set model.layers[0].Conv2D.filters=8"


def apply(overrides: Sequence[str], document: Document) -> tuple[Any, dict[Path, int]]:
    """Return the document's value with `overrides` applied in order, and its lines.

    Keys that are not there yet are added, those above them too; their line is OVERRIDE. Raises
    UsageError where an override can't be read, or names an item of a list that is not there.
    """
    value = copy.deepcopy(document.value)
    lines = dict(document.lines)
    for override in overrides:
        path, new = _split(override)
        reached = _put(value, path, new, override)
        lines = {known: line for known, line in lines.items() if known[: len(reached)] != reached}
        lines[reached] = OVERRIDE
        for length in range(1, len(reached)):
            lines.setdefault(reached[:length], OVERRIDE)
    return value, lines


def _split(override: str) -> tuple[list[str], Any]:
    target, equals, value = override.partition("=")
    keys = re.sub(r"\[(\d+)\]", r".\1", target.strip()).split(".")
    if not equals or not all(re.fullmatch(r"[\w -]+", key) for key in keys):
        raise UsageError(f"--set {_safe(override)}: not of the form key.path=value", hint=_HINT)
    try:
        return keys, read(value).value
    except YamlError as error:
        raise UsageError(f"--set {_safe(override)}: {error.message}", hint=_HINT) from error


def _put(value: Any, keys: list[str], new: Any, override: str) -> Path:
    path: Path = ()
    for depth, name in enumerate(keys):
        last = depth == len(keys) - 1
        key = _key(value, name, path, override)
        if last:
            value[key] = new
        elif isinstance(value, dict):
            value[key] = _inner(value.get(key), keys[depth + 1])
        else:
            value[key] = _inner(value[key], keys[depth + 1])
        value = value[key]
        path = (*path, key)
    return path


def _key(value: Any, name: str, path: Path, override: str) -> str | int:
    if isinstance(value, dict):
        return name
    where = written(path)
    if not isinstance(value, list):
        problem = f"{where} is {shown(value)}, which has no keys"
    elif not (name.isascii() and name.isdigit()):
        problem = f"{where} is a list; give the number of an item, from 0"
    elif int(name) >= len(value):
        problem = f"{where} has {len(value)} items, the first one is 0"
    else:
        return int(name)
    raise UsageError(f"--set {_safe(override)}: {problem}", hint=_HINT)


def _inner(value: Any, next_key: str) -> Any:
    """Return what the next key is set in: a bare name such as `Flatten` becomes a mapping."""
    return {} if value is None or value == next_key else value


def _safe(override: str) -> str:
    return text.shown(override[:_LONGEST])
