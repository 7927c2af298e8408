"""Decoded images and features, kept in memory or in files for later trainings."""

from imgrec.data.cache.files import read_array, size_of, write_array
from imgrec.data.cache.folder import CacheEntry, NoRoom, cache_folder, obtain
from imgrec.data.cache.memory import available_memory, fits_in_memory
from imgrec.data.cache.pixels import Pixels, Stored, open_pixels, shown_path, size_in_words

__all__ = [
    "CacheEntry",
    "NoRoom",
    "Pixels",
    "Stored",
    "available_memory",
    "cache_folder",
    "fits_in_memory",
    "obtain",
    "open_pixels",
    "read_array",
    "shown_path",
    "size_in_words",
    "size_of",
    "write_array",
]
