"""Packing images, and reading packs, as tests need it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from imgrec.config.data import Data
from imgrec.data.records import Splits
from imgrec.workflows.data_argument import DataArgument, splits_of
from imgrec.workflows.pack import Packed, pack


def data_at(root: Path, **more: Any) -> Data:
    """Return section `data` of a config with these images."""
    return Data.model_validate({"root": str(root), "image_size": [24, 24], **more})


def packed_from(data: Data, output: Path, shards: int = 3) -> Packed:
    """Pack the images of a config whose seed is 5."""
    return pack(DataArgument("source", data, 5), output, shards=shards)


def read_again(folder: Path, **more: Any) -> Splits:
    """Return the images in a pack, read as a config of another seed would."""
    return splits_of(data_at(folder, **more), 0)
