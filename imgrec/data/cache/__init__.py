"""Decoded images and features, kept in memory or in files for later trainings."""

from imgrec.data.cache.arrays import open_array
from imgrec.data.cache.folder import CACHE_VERSION, NoRoom
from imgrec.data.cache.pixels import Pixels, Stored, open_pixels, shown_path, size_in_words

__all__ = [
    "CACHE_VERSION",
    "NoRoom",
    "Pixels",
    "Stored",
    "open_array",
    "open_pixels",
    "shown_path",
    "size_in_words",
]
