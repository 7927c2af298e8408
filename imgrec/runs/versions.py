"""The versions that a result depends on."""

from __future__ import annotations

import contextlib
import importlib.metadata
import platform

from imgrec import __version__

MATTER = ("imgrec", "tensorflow", "keras", "numpy", "scipy", "pillow", "libjpeg")
"""Those that change what a training does with the same images."""

_PACKAGES = ("tensorflow", "keras", "ai-edge-litert", "numpy", "scipy", "scikit-learn", "pillow")


def versions() -> dict[str, str]:
    """Return the versions of imgrec, Python, the packages and the JPEG library in use.

    A package that is not here is left out: predicting takes neither TensorFlow nor Keras.
    """
    from PIL import features

    turbo = features.version("libjpeg_turbo")
    return {
        "imgrec": __version__,
        "python": platform.python_version(),
        **_found(),
        "libjpeg": f"turbo {turbo}" if turbo else str(features.version("jpg")),
    }


def environment() -> str:
    """Return the Python and every installed package, one per line, as pip's requirements."""
    packages = sorted(f"{each.name}=={each.version}" for each in importlib.metadata.distributions())
    return "\n".join(
        [f"# Python {platform.python_version()}, {platform.platform()}", *packages, ""]
    )


def _found() -> dict[str, str]:
    found = {}
    for name in _PACKAGES:
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            found[name] = importlib.metadata.version(name)
    return found
