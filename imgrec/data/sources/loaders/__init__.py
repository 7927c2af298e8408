"""The loaders: every module of this package has one, called LOADER."""

from importlib import import_module
from pkgutil import iter_modules
from typing import Any

from imgrec.data.loader import Loader
from imgrec.data.sources.loaders.folder import find_splits, read_folder

LOADERS: tuple[Loader[Any], ...] = tuple(
    import_module(f"{__name__}.{module.name}").LOADER for module in iter_modules(__path__)
)
"""All of them, in the order of their modules' names."""

__all__ = ["LOADERS", "find_splits", "read_folder"]
