"""The loaders: every module of this package has one, called LOADER."""

from importlib import import_module
from pkgutil import iter_modules
from typing import Any

from imgrec.data.loader import Loader
from imgrec.data.sources.loaders.folder import read_class_folders, read_folders

LOADERS: tuple[Loader[Any], ...] = tuple(
    import_module(f"{__name__}.{module.name}").LOADER for module in iter_modules(__path__)
)
"""All of them, in the order of their modules' names."""

__all__ = ["LOADERS", "read_class_folders", "read_folders"]
