"""Small pictures of photos, for pages."""

from __future__ import annotations

import base64
from pathlib import Path

from imgrec.data.images import decode
from imgrec.data.records import MAX_MEGAPIXELS
from imgrec.errors import UsageError
from imgrec.explanation.occlusion import occlusion
from imgrec.report.pictures import Thumbnail
from imgrec.runtime.engine import Engine
from imgrec.text import join_few, printable
from imgrec.workflows.thumbnails import heated_thumbnail, plain_thumbnail

_PATCHES = 5  # by as many: a model is asked 26 times


def photo_thumbnail(path: Path) -> bytes:
    """Return a photo as WebP, at most 192 pixels a side; raises BadImage."""
    return _content(plain_thumbnail(path, path.name, MAX_MEGAPIXELS))


def heat_map(engine: Engine, photo: bytes, class_name: str | None) -> bytes:
    """Return a photo with a heat map, as WebP, at most 192 pixels a side.

    It shows which parts of the photo the answer depends on, by occlusion.

    Args:
        engine: The model.
        photo: The content of a file.
        class_name: The class whose probability is looked at; None for the most probable one.

    Raises:
        BadImage: The photo can't be read.
        UsageError: There is no such class.
    """
    if class_name is None:
        answer = engine.answers(decode(photo, engine.spec, "the photo")[None]).probabilities[0]
        column = int(answer.argmax())
    elif class_name in engine.classes:
        column = engine.classes.index(class_name)
    else:
        raise UsageError(
            f"the model has no class {printable(class_name)}",
            hint=f"it has {join_few(engine.classes, 10)}",
        )
    found = heated_thumbnail(
        photo, engine.spec, lambda pixels, at: occlusion(engine, pixels, at, _PATCHES), column
    )
    return _content(found)


def _content(found: Thumbnail) -> bytes:
    return base64.b64decode(found.uri.partition(",")[2])
