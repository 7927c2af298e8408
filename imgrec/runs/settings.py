"""The settings of a run: the values of its config by their key, and short names of keys."""

from __future__ import annotations

import functools
import itertools
import json
import re
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeAlias

from imgrec.files import read_regular
from imgrec.runs.folder import CONFIG_FILE
from imgrec.text import printable

Setting: TypeAlias = str | int | float | bool | None

_MOST_BYTES, _MOST_SETTINGS = 1_000_000, 5_000

# What begins at the left margin; a run has most sections in common with others.
_SECTION = re.compile(r"^(?=\S)", re.MULTILINE)


def read_settings(folder: Path) -> dict[str, Setting]:
    """Return the settings of a run's config, which imgrec wrote with all defaults, by key.

    Raises OSError or ValueError if it can't be read.
    """
    text = read_regular(folder / CONFIG_FILE, _MOST_BYTES).decode()
    try:
        parts = [_parsed(section) for section in _SECTION.split(text)]
    except ValueError:  # the config of a stranger, whose lines are others
        parts = [_parsed(text)]
    return {key: value for part in parts for key, value in part}


@functools.lru_cache(maxsize=256)  # runs after each other often differ in the same settings
def short_keys(keys: tuple[str, ...]) -> Mapping[str, str]:
    """Return a short name of each key, printable; the key itself where it would not be unique.

    It is the last part, of the setting of a layer the last two, without a `.name` at the end.

    Example:
        >>> [*short_keys(("model.layers[1].Dense.units", "model.backbone.name")).values()]
        ['Dense.units', 'backbone']
    """
    short = {key: _last_parts(key.removesuffix(".name")) for key in keys}
    times = Counter(short.values())
    return {key: printable(key if times[name] > 1 else name) for key, name in short.items()}


def _last_parts(key: str) -> str:
    parts = key.split(".")
    return ".".join(parts[-2:] if len(parts) > 2 and parts[-3].endswith("]") else parts[-1:])


@functools.lru_cache(maxsize=256)
def _parsed(text: str) -> tuple[tuple[str, Setting], ...]:
    """Return the settings in a part of a config with their keys."""
    import yaml

    # Ten times as fast as the reader of configs, which knows lines and more forms.
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        root = yaml.compose(text, Loader=loader)
    except yaml.YAMLError as error:
        raise ValueError(str(error)) from error
    found = [*itertools.islice(_flat(root, ""), _MOST_SETTINGS + 1)]
    if len(found) > _MOST_SETTINGS:
        raise ValueError(f"more than {_MOST_SETTINGS:,} settings")
    return tuple((sys.intern(key), value) for key, value in found)


def _flat(node: Any, path: str) -> Iterator[tuple[str, Setting]]:
    """Yield the scalars of a YAML node with their keys; a list of scalars is one value, as JSON."""
    if node is None:
        return
    kind, value = node.id, node.value
    if kind == "scalar":
        yield path, _scalar(node)
    elif kind == "mapping" and value:
        for key, inner in value:
            yield from _flat(inner, f"{path}.{key.value}" if path else key.value)
    elif all(each.id == "scalar" for each in value):
        yield path, json.dumps([_scalar(each) for each in value])
    else:
        for index, inner in enumerate(value):
            yield from _flat(inner, f"{path}[{index}]")


def _scalar(node: Any) -> Setting:
    read = _SCALARS.get(node.tag.rpartition(":")[2])
    return sys.intern(node.value) if read is None else read(node.value)


_SCALARS: Mapping[str, Callable[[str], Setting]] = {
    "int": int,
    "float": float,
    "bool": lambda text: text == "true",
    "null": lambda _: None,
}
