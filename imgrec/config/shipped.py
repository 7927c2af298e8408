"""The configs that come with imgrec."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

from imgrec.errors import UsageError
from imgrec.text import nearest, printable

# Its path leads from the folder of the shipped configs only.
_SCHEMA_LINE = re.compile(r"\A# yaml-language-server:.*\n(#\n)?")


def names() -> tuple[str, ...]:
    """Return the names of the shipped configs, sorted."""
    return tuple(sorted(path.stem for path in folder().glob("*.yaml")))


def path(name: str) -> Path:
    """Return the file of the shipped config `name` (with or without `.yaml`).

    Raises UsageError where there is none of this name.
    """
    stem = name.removesuffix(".yaml")
    if stem in names():
        return folder() / f"{stem}.yaml"
    if Path(name).is_file():
        raise UsageError(
            f"{printable(name)} is a file; this is for the configs that come with imgrec",
            hint=f"shipped configs: {', '.join(names())}",
        )
    near = nearest(stem, names())
    raise UsageError(
        f"no shipped config {name!r}" + (f"; did you mean {near!r}?" if near else ""),
        hint=f"shipped configs: {', '.join(names())}",
    )


def text(name: str) -> str:
    """Return the YAML of the shipped config `name`, without the line that names its schema.

    Raises UsageError where there is none.
    """
    return _SCHEMA_LINE.sub("", path(name).read_text(encoding="utf-8"))


def description(name: str) -> str:
    """Return the first remark in the shipped config `name`: what it is, in one line."""
    remarks = (line[1:].strip() for line in text(name).splitlines() if line.startswith("#"))
    return next((one for one in remarks if one), "")


@cache
def folder() -> Path:
    """Return the folder of the shipped configs: in the installed package, or in a checkout."""
    package = Path(__file__).resolve().parent.parent
    installed = package / "configs"
    return installed if installed.is_dir() else package.parent / "configs"
