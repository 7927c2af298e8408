"""Where labelled images come from: the location that a config names, and its loader."""

from imgrec.data.sources.layout import find_layout
from imgrec.data.sources.lenient_folder import read_leniently
from imgrec.data.sources.loaders import LOADERS, read_folders
from imgrec.data.sources.location import (
    DataLocation,
    FoldConfig,
    SplitConfig,
    loader_keys,
    loader_named,
)
from imgrec.data.sources.reading import (
    check_divisible,
    detect_loader,
    find_loader,
    read,
    read_other,
)

__all__ = [
    "LOADERS",
    "DataLocation",
    "FoldConfig",
    "SplitConfig",
    "check_divisible",
    "detect_loader",
    "find_layout",
    "find_loader",
    "loader_keys",
    "loader_named",
    "read",
    "read_folders",
    "read_leniently",
    "read_other",
]
