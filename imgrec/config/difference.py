"""What two configs differ in, key by key."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any

from pydantic import BaseModel

from imgrec.config.named import Named, plain
from imgrec.config.problems import shown


@dataclass(frozen=True)
class Difference:
    """One value that is not the same: where it stands, as `training.epochs`, and both in words."""

    key: str
    before: str
    after: str

    def __str__(self) -> str:
        return f"{self.key}: {self.before} -> {self.after}"


def differences(before: BaseModel, after: BaseModel) -> tuple[Difference, ...]:
    """Return what differs between two sections of one kind; defaults count as written out."""
    return tuple(_differences(before, after, ""))


def _differences(before: Any, after: Any, key: str) -> Iterator[Difference]:
    if before == after:
        return
    if isinstance(before, BaseModel) and type(before) is type(after):
        inner = f"{key}.{type(before).__name__}" if isinstance(before, Named) else key
        for name, field in type(before).model_fields.items():
            written = field.alias or name
            path = f"{inner}.{written}" if inner else written
            yield from _differences(getattr(before, name), getattr(after, name), path)
    elif isinstance(before, list) and isinstance(after, list):
        for index, pair in enumerate(zip_longest(before, after)):
            yield from _differences(*pair, f"{key}[{index}]")
    else:
        yield Difference(key, _in_words(before), _in_words(after))


def _in_words(value: Any) -> str:
    return "none" if value is None else shown(plain(value))
