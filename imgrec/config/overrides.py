"""`--set` overrides of a config, which find a Keras object in whatever form the config has it."""

from __future__ import annotations

import contextlib
import copy
import re
from collections.abc import Mapping, Sequence
from typing import Any

from imgrec.config.keras.forms import by_name, from_python, without_module
from imgrec.config.keras.named import Named
from imgrec.errors import UsageError
from imgrec.interface import option
from imgrec.sections.problems import OVERRIDE, shown_value, written_path
from imgrec.sections.yaml import Document, KeyPath, read
from imgrec.sections.yaml_errors import YamlError
from imgrec.text import count_of

_LONGEST = 100


def apply(overrides: Sequence[str], document: Document) -> tuple[Any, dict[KeyPath, int]]:
    """Return the document's value with `overrides` applied in order, and the lines of its keys.

    Missing keys are added, with their parents. The line of a key that was set is OVERRIDE.

    Raises:
        UsageError: An override can't be parsed, or its path does not fit the document.
    """
    value = copy.deepcopy(document.value)
    lines = dict(document.lines)
    spellings: dict[KeyPath, list[str]] = {}
    for override in overrides:
        path, new = _split(override)
        reached = _put(value, path, new, override)
        if spellings.setdefault(reached, path) != path:
            raise _wrong(
                override, f"{written_path(reached)} is given twice", hint="leave one of them out"
            )
        lines = {known: line for known, line in lines.items() if known[: len(reached)] != reached}
        lines[reached] = OVERRIDE
        for length in range(1, len(reached)):
            lines.setdefault(reached[:length], OVERRIDE)
    return value, lines


def _split(override: str) -> tuple[list[str], Any]:
    target, equals, value = override.partition("=")
    keys = re.sub(r"\[(\d+)\]", r".\1", target.strip()).split(".")
    if not equals or not all(re.fullmatch(r"[\w -]+", key) for key in keys):
        raise _wrong(override, "does not have the form key.path=value")
    try:
        return keys, read(value).value
    except YamlError as error:
        raise _wrong(override, error.message) from error


def _put(value: Any, keys: list[str], new: Any, override: str) -> KeyPath:
    path: KeyPath = ()
    for depth, name in enumerate(keys):
        last = depth == len(keys) - 1
        key = _key(value, name, path, override)
        if last:
            value[key] = new
        else:
            there = value.get(key) if isinstance(value, dict) else value[key]
            value[key] = _opened(there, name, keys[depth + 1])
        value = value[key]
        path = (*path, key)
    return path


def _key(value: Any, name: str, path: KeyPath, override: str) -> str | int:
    if isinstance(value, dict):
        return _spelled(name, value, str(path[-1]) if path else "")
    where = written_path(path)
    if not isinstance(value, list):
        problem = f"{where} is {shown_value(value)}, which has no keys"
    elif not (name.isascii() and name.isdigit()):
        problem = f"{where} is a list; give the index of an item, from 0"
    elif int(name) >= len(value):
        problem = f"{where} has {count_of(len(value), 'item')}, counted from 0"
    else:
        return int(name)
    raise _wrong(override, problem)


def _wrong(override: str, problem: str, hint: str = "") -> UsageError:
    forms = (option("set", "training.epochs=5"), option("set", "model.layers[0].Conv2D.filters=8"))
    return UsageError(
        f"{option('set', override[:_LONGEST])}: {problem}",
        hint=hint or f"write it as {' or '.join(forms)}",
    )


def _opened(value: Any, name: str, key: str) -> Any:
    """Return the value of the key `name` as a mapping with `key`, if it is a Keras object.

    `SGD(0.1)` becomes `{SGD: [0.1]}`, and its arguments `[0.1]` become `{learning_rate: 0.1}`.
    """
    meant = from_python(value) if isinstance(value, str) else value
    if meant is None or (isinstance(meant, str) and _same_object(meant, key)):
        return {}
    if isinstance(meant, dict):
        known = meant is value or any(_same_object(each, key) for each in meant)
        return meant if known else value
    if not (isinstance(value, list) and key.isdigit()):
        for cls in _classes_named(name):
            with contextlib.suppress(ValueError):
                return by_name(value, cls.positional)
    return value


def _spelled(name: str, written: Mapping[str, Any], parent: str) -> str:
    """Return the key of `written`, the value of `parent`, that means `name`; else `name`.

    `Adam` may be written as `adam`, and its argument `learning_rate` as `lr`.
    """
    if name in written:
        return name
    pairs = [pair for cls in _classes_named(parent) for pair in cls.renamed.items()]
    others = {new: old for old, new in pairs} | dict(pairs)
    if (other := others.get(name)) in written:
        return str(other)
    return next((each for each in written if _same_object(each, name)), name)


def _same_object(written: object, name: str) -> bool:
    """Return whether a key or word is a Keras object's name, in any case and with modules."""
    found = without_module(str(written)).lower() == name.lower()
    return found and (written == name or bool(_classes_named(name)))


def _classes_named(name: str) -> list[type[Named]]:
    """Return the classes of the Keras objects that a config can call `name`, in any case."""
    wanted = without_module(name).lower()
    waiting, found = [Named], list[type[Named]]()
    while waiting:
        cls = waiting.pop()
        waiting += cls.__subclasses__()
        found += [cls] if cls.__name__.lower() == wanted else []
    return found
