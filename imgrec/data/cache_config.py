"""Section `data.cache` of a config, and the folder that it means."""

from __future__ import annotations

import os
from pathlib import Path

from pydantic import Field

from imgrec.errors import RunError
from imgrec.sections.section import Bytes, Section, Text, in_bytes


class CacheConfig(Section):
    """Where decoded images are kept: in memory if they fit, else in files that are reused."""

    memory: bool = Field(
        default=True,
        description="Keep the images in memory if they take at most a quarter of what is "
        "free. `false`: always in a file, which later runs reuse.",
    )
    folder: Text | None = Field(
        default=None,
        description="The folder of the files; by default IMGREC_CACHE, or imgrec in the "
        "system's cache folder for this user (XDG_CACHE_HOME or ~/.cache on Linux).",
    )
    limit: Bytes = Field(
        default="20GB",
        description="What all files in the folder may take together; those not used for longest "
        "are removed. A number of MB, GB or TB.",
    )

    @property
    def path(self) -> Path:
        """The folder of the files."""
        return Path(self.folder) if self.folder else cache_folder()

    @property
    def limit_bytes(self) -> int:
        """What all files in the folder may take together."""
        return in_bytes(self.limit)


def cache_folder() -> Path:
    """Return the folder for caches: IMGREC_CACHE, or `imgrec` in the user's cache folder.

    Raises RunError if the user has no home folder.
    """
    if own := os.environ.get("IMGREC_CACHE"):
        return Path(own)
    from platformdirs import user_cache_path

    folder = user_cache_path("imgrec", appauthor=False)
    if not folder.is_absolute():
        raise RunError(
            "there is no folder for caches: this user has no home folder",
            hint="name one with IMGREC_CACHE, or as data.cache.folder",
        )
    return folder
