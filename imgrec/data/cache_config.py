"""Section `data.cache` of a config, and the folder that it means."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field

from imgrec.data.cache_files import LIMIT, cache_folder
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
        default=f"{LIMIT // 10**9}GB",
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
