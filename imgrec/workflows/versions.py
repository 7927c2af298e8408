"""The versions that a result hangs on."""

from __future__ import annotations

import importlib.metadata
import platform

from imgrec import __version__

_PACKAGES = ("tensorflow", "keras", "numpy", "scipy", "scikit-learn", "pillow")


def versions() -> dict[str, str]:
    """Return the versions of imgrec, Python, the packages and the JPEG library in use."""
    from PIL import features

    turbo = features.version("libjpeg_turbo")
    return {
        "imgrec": __version__,
        "python": platform.python_version(),
        **{name: importlib.metadata.version(name) for name in _PACKAGES},
        "libjpeg": f"turbo {turbo}" if turbo else str(features.version("jpg")),
    }
