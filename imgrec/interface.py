"""How the caller of imgrec spells an option: `--split test`, or `split='test'` in Python."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from imgrec.text import printable

# The arguments of the functions in imgrec.api that are not called like the option.
_IN_PYTHON = {"set": "overrides", "slice": "slices", "class": "class_name", "map": "class_map"}
_LISTS = {"overrides", "slices"}

# The options of the command that runs, such as `--set`; None in Python.
_offered: ContextVar[frozenset[str] | None] = ContextVar("offered", default=None)


@contextmanager
def command_options(options: Iterable[str]) -> Iterator[None]:
    """Let messages name options as on the command line, for a command that takes `options`."""
    token = _offered.set(frozenset(options))
    try:
        yield
    finally:
        _offered.reset(token)


def offers(name: str) -> bool:
    """Return whether the command that runs has the option `--name`; False in Python."""
    return f"--{name}" in (_offered.get() or ())


def option(name: str, value: str | float | None = None) -> str:
    """Return an option as the caller writes it.

    Args:
        name: Its name on the command line, without the dashes.
        value: Its value, or a placeholder in capitals; None for the name alone.

    Example:
        >>> option("data", "FOLDER"), option("set", "seed=1")
        ('data=FOLDER', "overrides=['seed=1']")
        >>> with command_options(["--set"]):
        ...     option("data", "FOLDER"), option("set", "seed=1")
        ('--data FOLDER', '--set seed=1')
    """
    if _offered.get() is not None:
        return f"--{name}" + ("" if value is None else f" {printable(shlex.quote(str(value)))}")
    written = _IN_PYTHON.get(name, name.replace("-", "_"))
    if value is None:
        return written
    shown = value if isinstance(value, str) and value.isupper() else printable(repr(value))
    return f"{written}=[{shown}]" if written in _LISTS else f"{written}={shown}"


def class_mapping(name: str, classes: str) -> str:
    """Return how the caller says which classes of a model a name means.

    Example:
        >>> class_mapping("cat", "tabby,Siamese")
        "class_map={'cat': 'tabby,Siamese'}"
        >>> with command_options(["--map"]):
        ...     class_mapping("cat", "tabby,Siamese")
        '--map cat=tabby,Siamese'
    """
    if _offered.get() is not None:
        return f"{option('map')} {printable(name)}={printable(classes)}"
    return f"{option('map')}={{{printable(repr(name))}: {printable(repr(classes))}}}"


def flag(name: str) -> str:
    """Return an option without a value, turned on.

    Example:
        >>> flag("allow-leakage")
        'allow_leakage=True'
    """
    return option(name) if _offered.get() is not None else f"{option(name)}=True"


def setting(key: str, value: str) -> str:
    """Return how a key of the config is set: with `--set` if the command has it.

    Example:
        >>> setting("data.root", "FOLDER")
        '`data.root: FOLDER` in the config'
    """
    if offers("set"):
        return option("set", f"{key}={value}")
    return f"`{key}: {value}` in the config"
