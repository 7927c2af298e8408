"""Decoded images and features, kept in memory or in files for later trainings."""

from imgrec.data.cache.arrays import open_array
from imgrec.data.cache.pixels import Pixels, Stored, open_pixels
from imgrec.data.cache_files import CACHE_VERSION, NoRoom, shown_path

__all__ = [
    "CACHE_VERSION",
    "NoRoom",
    "Pixels",
    "Stored",
    "open_array",
    "open_pixels",
    "shown_path",
]
