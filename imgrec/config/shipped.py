"""The configs that come with imgrec."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

from imgrec.errors import UsageError
from imgrec.text import nearest, printable

# Its path is only valid in the folder of the shipped configs.
_SCHEMA_LINE = re.compile(r"\A# yaml-language-server:.*\n(#\n)?")


def names() -> tuple[str, ...]:
    """Return the names of the shipped configs, sorted."""
    return tuple(sorted(path.stem for path in folder().glob("*.yaml")))


def path(name: str) -> Path:
    """Return the file of the shipped config `name` (with or without `.yaml`).

    Raises:
        UsageError: There is no shipped config of this name.
    """
    stem = name.removesuffix(".yaml")
    if stem in names():
        return folder() / f"{stem}.yaml"
    if Path(name).is_file():
        raise UsageError(
            f"{printable(name)} is a file, not the name of a shipped config",
            hint=f"shipped configs: {', '.join(names())}",
        )
    near = nearest(stem, names())
    raise UsageError(
        f"no shipped config {name!r}" + (f"; did you mean {near!r}?" if near else ""),
        hint=f"shipped configs: {', '.join(names())}",
    )


def text(name: str) -> str:
    """Return the YAML of the shipped config `name`, without its schema line.

    Raises:
        UsageError: There is no shipped config of this name.
    """
    return _SCHEMA_LINE.sub("", path(name).read_text(encoding="utf-8"))


def description(name: str) -> str:
    """Return a one-line description of the shipped config `name`: its first comment."""
    comments = (line[1:].strip() for line in text(name).splitlines() if line.startswith("#"))
    return next((comment for comment in comments if comment), "")


@cache
def folder() -> Path:
    """Return the folder of the shipped configs: in the installed package, or in a checkout."""
    package = Path(__file__).resolve().parent.parent
    installed = package / "configs"
    return installed if installed.is_dir() else package.parent / "configs"
