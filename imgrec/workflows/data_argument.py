"""What a command line calls its images: a config, a folder, or a data file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from imgrec.config import shipped
from imgrec.config.data import Data
from imgrec.config.load import CONFIG_SUFFIXES, load
from imgrec.data.records import MAX_MEGAPIXELS, Splits
from imgrec.data.sources import LOADERS, DataLocation, SplitConfig, detect_loader, read
from imgrec.errors import UsageError
from imgrec.interface import option
from imgrec.models.backend import import_tensorflow
from imgrec.text import printable


@dataclass(frozen=True)
class DataArgument:
    """Where images are. name: of the config, or of the folder or file."""

    name: str
    data: DataLocation
    seed: int


def is_config(source: str) -> bool:
    """Return whether `source` is a YAML file or the name of a shipped config."""
    named = Path(source).suffix.lower() in CONFIG_SUFFIXES or source in shipped.names()
    return named and not Path(source).is_dir()


def data_argument(source: str, overrides: Sequence[str] = ()) -> DataArgument:
    """Return what `source` means; images at a path are not divided.

    Args:
        source: A config's file or name, or the path of images.
        overrides: `key.path=value` each, for a config.

    Raises:
        ConfigError: The config can't be used.
        UsageError: There are overrides, but `source` is a path.
        DataError: The path doesn't exist, or no loader is for it.
    """
    if is_config(source):
        experiment = load(source, overrides)
        return DataArgument(experiment.name, experiment.data, experiment.seed)
    if overrides:
        raise UsageError(
            f"{printable(source)} is not a config, so it has no keys to set",
            hint=f"leave out {option('set')}",
        )
    detect_loader(source)
    undivided = SplitConfig(validation=0, test=0)
    name = Path(source).resolve().name.partition(".")[0]
    return DataArgument(name, DataLocation(root=source, split=undivided), seed=0)


def max_megapixels(data: DataLocation) -> int:
    """Return how many megapixels of an image are decoded at most."""
    return data.max_megapixels if isinstance(data, Data) else MAX_MEGAPIXELS


def splits_of(data: DataLocation, seed: int, *, fewest: int = 1) -> Splits:
    """Return the images by split, whether they have one label or several; raises like `read`.

    fewest: how many images of each class the training needs at least.
    """
    if any(loader.uses_tensorflow and loader.name == data.loader for loader in LOADERS):
        # TensorFlow's settings have to be there before it is imported.
        import_tensorflow()
    size = data.image_size if isinstance(data, Data) else None
    return read(data, seed, size, fewest=fewest)
