"""What a command line calls its images: a config, a folder, or a data file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from imgrec.config import shipped
from imgrec.config.data import Data, SplitConfig
from imgrec.config.load import load
from imgrec.data.records import Splits
from imgrec.data.sources import detect_loader, read
from imgrec.errors import UsageError
from imgrec.models.backend import import_tensorflow
from imgrec.text import printable


@dataclass(frozen=True)
class DataArgument:
    """Where images are. name: of the config, or of the folder or file."""

    name: str
    data: Data
    seed: int


def is_config(source: str) -> bool:
    """Say whether `source` is a YAML file or the name of a shipped config."""
    named = Path(source).suffix in {".yaml", ".yml"} or source in shipped.names()
    return named and not Path(source).is_dir()


def data_argument(source: str, overrides: Sequence[str] = ()) -> DataArgument:
    """Return what `source` means; of images at a path, none are split off.

    Raises ConfigError for a config that can't be used, UsageError for overrides of a path,
    DataError for a path that is not there or doesn't tell what reads it.
    """
    if is_config(source):
        experiment = load(source, overrides)
        return DataArgument(experiment.name, experiment.data, experiment.seed)
    if overrides:
        raise UsageError(f"--set goes with a CONFIG, and {printable(source)} is none")
    detect_loader(source)
    undivided = SplitConfig(validation=0, test=0)
    name = Path(source).resolve().name.partition(".")[0]
    return DataArgument(name, Data(root=source, image_size=(32, 32), split=undivided), seed=0)


def splits_of(data: Data, seed: int) -> Splits:
    """Return the images by split, whether they have one label or several; raises as `read`."""
    if data.loader == "keras":
        # Keras imports TensorFlow, whose settings have to stand before.
        import_tensorflow()
    return read(data, seed)
