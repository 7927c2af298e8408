"""Where labelled images come from: the location that a config names, and its loader."""

from imgrec.data.sources.lenient_folder import read_leniently
from imgrec.data.sources.loaders import LOADERS, read_folders
from imgrec.data.sources.location import DataLocation, SplitConfig, loader_keys
from imgrec.data.sources.reading import DEFAULT_VALIDATION, detect_loader, read, read_other

__all__ = [
    "DEFAULT_VALIDATION",
    "LOADERS",
    "DataLocation",
    "SplitConfig",
    "detect_loader",
    "loader_keys",
    "read",
    "read_folders",
    "read_leniently",
    "read_other",
]
