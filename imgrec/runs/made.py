"""A dataclass made of what a JSON file holds."""

from __future__ import annotations

import dataclasses
from types import UnionType
from typing import Any, Literal, TypeVar, get_args, get_origin, get_type_hints

Value = TypeVar("Value")


def made(kind: type[Value], values: Any) -> Value:
    """Return a `kind` of `values`, whose keys and types are checked, inner types left out.

    Raises ValueError for what is missing, unknown, or of a wrong type.
    """
    if not isinstance(values, dict):
        raise ValueError(f"{kind.__name__.lower()} is no mapping")
    hints = get_type_hints(kind)
    if unknown := values.keys() - hints.keys():
        raise ValueError(f"unknown key {min(unknown)}")
    for name, hint in hints.items():
        if name in values:
            _check_type(name, values[name], hint)
    for part in dataclasses.fields(kind):  # type: ignore[arg-type]
        if part.name not in values and _needed(part):
            raise ValueError(f"{part.name} is missing")
    return kind(**values)


def names(value: Any, key: str) -> tuple[str, ...]:
    """Return what a JSON list of names holds; raise ValueError where it is none."""
    if not isinstance(value, list) or not all(isinstance(name, str) for name in value):
        raise ValueError(f"{key} is no list of names")
    return tuple(value)


def check_numbers(values: Any, key: str) -> None:
    """Raise ValueError where `values` is no mapping to numbers with a point."""
    if not isinstance(values, dict) or not all(isinstance(each, float) for each in values.values()):
        raise ValueError(f"{key} hold something else than numbers")


def _check_type(name: str, value: Any, hint: Any) -> None:
    if get_origin(hint) is Literal:
        if value not in get_args(hint):
            raise ValueError(f"{name} {value!r} is none of {', '.join(get_args(hint))}")
        return
    known = hint if isinstance(hint, type | UnionType) else get_origin(hint)
    if not isinstance(value, known):
        raise ValueError(f"{name} is of a wrong type")


def _needed(part: dataclasses.Field[Any]) -> bool:
    return part.default is dataclasses.MISSING and part.default_factory is dataclasses.MISSING
