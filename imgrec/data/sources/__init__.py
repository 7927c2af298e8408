"""Where labelled images come from: the location that a config names, and its loader."""

from imgrec.data.sources.lenient_folder import read_leniently
from imgrec.data.sources.loaders import LOADERS, find_splits, read_folder
from imgrec.data.sources.location import DataLocation, SplitConfig, loader_keys
from imgrec.data.sources.reading import detect_loader, read, read_other

__all__ = [
    "LOADERS",
    "DataLocation",
    "SplitConfig",
    "detect_loader",
    "find_splits",
    "loader_keys",
    "read",
    "read_folder",
    "read_leniently",
    "read_other",
]
