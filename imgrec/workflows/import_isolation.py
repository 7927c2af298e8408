"""Run a stranger's model in a child process before it becomes a run.

A child that crashes or takes too much refuses the file. Whatever else it raises, the import would
raise as well.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from imgrec.child_process import ChildFailure, ChildProcess, Limits
from imgrec.data.records import Photo
from imgrec.models.refused_files import refusal
from imgrec.runtime.isolated import ask_keras, ask_litert, convert_saved_model
from imgrec.workflows.export import IMAGES as PHOTOS
from imgrec.workflows.import_usage import ImportSpec
from imgrec.workflows.model_metadata import ModelDescription

_GIB = 1 << 30
_LITERT_SECONDS = 5 * 60
_TENSORFLOW_SECONDS = 30 * 60


def try_litert(file: Path, classes: Sequence[str], output_name: str) -> None:
    """Run a LiteRT file in a child process; raise RunError if that fails."""
    size = file.stat().st_size
    limits = Limits(4 * _GIB + 4 * size, _LITERT_SECONDS, 2 * _LITERT_SECONDS)
    with _tried(file, "LiteRT", ask_litert, [str(file), classes, output_name], limits):
        pass


@contextlib.contextmanager
def trying_keras(wanted: ImportSpec, *, own: bool) -> Iterator[None]:
    """Run a Keras file in a child process, and wait for it at the end of the context.

    Args:
        wanted: What is imported.
        own: Whether imgrec wrote the file, so that nothing is put around the model.

    Raises:
        RunError: It fails.
    """
    size = wanted.adaptation.image_size
    arguments = [str(wanted.model), size, wanted.trust, own, wanted.max_parameters]
    limits = _tensorflow_limits(wanted.model)
    with _tried(wanted.model, "TensorFlow", ask_keras, arguments, limits):
        yield


def try_saved_model(
    wanted: ImportSpec, file: Path, photos: Sequence[Photo], known: ModelDescription
) -> None:
    """Convert a SavedModel to a LiteRT file, in a child process; raise RunError if that fails.

    Args:
        wanted: What is imported.
        file: Where the LiteRT file is written.
        photos: Photos to compare the answers on, besides random images.
        known: How photos are brought to the size of the model.
    """
    paths = [str(photo.source) for photo in photos[:PHOTOS] if isinstance(photo.source, Path)]
    arguments = [str(wanted.model), str(file), asdict(wanted.adaptation), paths]
    arguments += [known.interpolation, known.fit]
    limits = _tensorflow_limits(wanted.model)
    with _tried(wanted.model, "TensorFlow", convert_saved_model, arguments, limits):
        pass


@contextlib.contextmanager
def _tried(
    model: Path,
    library: str,
    function: Callable[..., Any],
    arguments: Sequence[Any],
    limits: Limits,
) -> Iterator[None]:
    try:
        with ChildProcess(function, arguments, limits) as child:
            yield
            child.result()
    except ChildFailure as failure:
        raise refusal(model, f"{library} {failure}") from failure


def _tensorflow_limits(model: Path) -> Limits:
    files = [model] if model.is_file() else [each for each in model.rglob("*") if each.is_file()]
    size = sum(each.stat().st_size for each in files)
    return Limits(16 * _GIB + 16 * size, _TENSORFLOW_SECONDS, 2 * _TENSORFLOW_SECONDS)
