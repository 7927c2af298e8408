"""The versions that a result depends on, and how they differ from those of a run."""

from __future__ import annotations

import contextlib
import platform
import sys
from collections.abc import Iterable, Mapping
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from imgrec import __version__

DECODER = 2
"""The version of the project's own decoder, counted up when the pixels of any image change.

1: a single resize by Pillow, with other pixels from Pillow 13 on. 2: `imgrec.data.images.resizing`;
TIFFs with planes of 16 bits or a palette of 8 bits, BMPs whose alpha is 0.
"""

PIXELS = (
    *("decoder", "pillow", "libjpeg"),
    *("libwebp", "libavif", "openjpeg", "libtiff", "littlecms", "pillow-heif"),
)
"""What the pixels of an image depend on: the decoder, Pillow and its codecs."""

TRAINING = ("imgrec", "tensorflow", "keras", "numpy", "scipy", *PIXELS)
"""What a training on the same images depends on."""

_PACKAGES = ("tensorflow", "keras", "ai-edge-litert", "numpy", "scipy", "scikit-learn", "pillow")
_ENGINES = {"tensorflow": "tensorflow", "keras": "keras", "ai-edge-litert": "ai_edge_litert"}
_LIBRARIES = {
    "libwebp": "webp",
    "libavif": "avif",
    "openjpeg": "jpg_2000",
    "libtiff": "libtiff",
    "littlecms": "littlecms2",
}


def versions() -> dict[str, str]:
    """Return the versions of imgrec, Python, the packages, the decoder and its libraries.

    What is not installed is left out: predicting takes neither TensorFlow nor Keras.
    """
    import importlib.metadata

    found = {"imgrec": __version__, "python": platform.python_version()}
    for name in _PACKAGES:
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            found[name] = importlib.metadata.version(name)
    return found | pixel_versions()


def pixel_versions() -> dict[str, str]:
    """Return the versions of PIXELS; a codec that is not here is left out."""
    import PIL
    from PIL import features

    turbo = features.version("libjpeg_turbo")
    codecs = {name: features.version(feature) for name, feature in _LIBRARIES.items()}
    codecs["pillow-heif"] = _pillow_heif()
    return {
        "decoder": str(DECODER),
        "pillow": PIL.__version__,
        "libjpeg": f"turbo {turbo}" if turbo else str(features.version("jpg")),
        **{name: version for name, version in codecs.items() if version},
    }


def _pillow_heif() -> str | None:
    """Return the version of pillow-heif, None if it is not installed.

    The name of its metadata folder has the version. Importing `importlib.metadata`, or the package
    with its libraries, would take longer than everything else that is compared.
    """
    spec = find_spec("pillow_heif")
    if spec is None or spec.origin is None:
        return None
    folders = [*Path(spec.origin).parents[1].glob("pillow_heif-*.dist-info")]
    if len(folders) == 1:
        return folders[0].stem.partition("-")[2]
    import importlib.metadata

    return importlib.metadata.version("pillow-heif")


def changed_libraries(before: Mapping[str, str]) -> tuple[str, ...]:
    """Return what a model's answers depend on and is not as in its card, one line each.

    These are PIXELS and the libraries of the engines that this process has loaded. A codec that is
    not here changes no answer: its images are refused by name.

    Args:
        before: `Card.versions`.
    """
    engines = {
        name: str(module.__version__)
        for name, module in ((name, sys.modules.get(place)) for name, place in _ENGINES.items())
        if module is not None
    }
    now = pixel_versions() | engines
    return changed(before, now, now)


def changed(
    before: Mapping[str, str], now: Mapping[str, str], names: Iterable[str]
) -> tuple[str, ...]:
    """Return which of `names` are known from before and different now, one line each.

    A card without the version of the decoder is of version 1.
    """
    recorded = {"decoder": "1", **before}
    return tuple(
        f"{name}: {recorded[name]} -> {now.get(name, 'none')}"
        for name in names
        if recorded.get(name) and recorded[name] != now.get(name)
    )


@cache
def environment() -> str:
    """Return the Python and every installed package, one per line, as pip's requirements."""
    import importlib.metadata

    packages = sorted(f"{each.name}=={each.version}" for each in importlib.metadata.distributions())
    return "\n".join(
        [f"# Python {platform.python_version()}, {platform.platform()}", *packages, ""]
    )
