"""Small pictures of photos, for pages."""

from __future__ import annotations

import base64
from pathlib import Path

from imgrec.data.records import MAX_MEGAPIXELS
from imgrec.workflows.thumbnails import plain_thumbnail


def photo_thumbnail(path: Path) -> bytes:
    """Return a photo as WebP, at most 192 pixels a side; raises BadImage."""
    uri = plain_thumbnail(path, path.name, MAX_MEGAPIXELS).uri
    return base64.b64decode(uri.partition(",")[2])
