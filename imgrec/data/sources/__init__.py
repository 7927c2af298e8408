"""Loaders: where labelled images come from."""

from imgrec.data.sources.folders import find_splits, read_folder, read_leniently
from imgrec.data.sources.loaders import detect_loader, read, read_other

__all__ = [
    "detect_loader",
    "find_splits",
    "read",
    "read_folder",
    "read_leniently",
    "read_other",
]
