"""A run out of a model file that was not trained here."""

from __future__ import annotations

import contextlib
import dataclasses
import datetime as dt
import logging
import re
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from imgrec.data.images import ImageSpec
from imgrec.errors import DataError, RunError
from imgrec.files import sha256_of, write_atomically
from imgrec.models.adapt import Adaptation, adapt
from imgrec.models.backend import start
from imgrec.models.class_list import imagenet_classes, read_classes
from imgrec.models.classifier import check_image, check_probabilities, check_units
from imgrec.models.foreign import (
    Form,
    check_foreign,
    form_of,
    load_foreign,
    write_saved_model_as_litert,
)
from imgrec.models.safety import check_keras
from imgrec.progress import Progress, Silent
from imgrec.runs.card import Card, Fit, Input, Origin
from imgrec.runs.card_file import read_card, write_card
from imgrec.runs.folder import Run, check_place, create
from imgrec.runtime.keras_engine import MODEL_FILE
from imgrec.runtime.litert_engine import FILES, LiteRTEngine
from imgrec.text import shown
from imgrec.workflows.export import export
from imgrec.workflows.versions import versions

log = logging.getLogger("imgrec")

IMAGENET = "imagenet"

_LITERT_FILE = FILES["float32"]
_PROBES = 8


@dataclass(frozen=True)
class Import:
    """What is imported, and what the file itself does not say.

    classes: a file of names, or `imagenet`. fit, interpolation: how images are brought to the
    model's size. images: files or folders to compare the fast file's answers on; where empty,
    random pictures. trust: whether a form that is a program is loaded.
    """

    model: Path
    classes: str
    adaptation: Adaptation = field(default_factory=Adaptation)
    fit: Fit = "crop"
    interpolation: str = "bilinear"
    images: Sequence[str] = ()
    name: str | None = None
    trust: bool = False


@dataclass(frozen=True)
class _Ready:
    """A model that gives probabilities: (height, width, channels), units, and how it is saved."""

    size: tuple[int, int, int]
    units: int
    file: str
    write: Callable[[Path], object]


def import_model(wanted: Import, *, runs_dir: Path, progress: Progress | None = None) -> Run:
    """Return the new run that holds the model, ready to predict.

    Nothing is written before the model is known to give probabilities for pixels. A Keras model
    gets its LiteRT file too, where one can be had. Raises RunError where the model is refused
    or of another kind, UsageError for what does not go with it, DataError for a bad list of
    classes.
    """
    check_place(runs_dir)
    form = form_of(wanted.model)
    check_foreign(wanted.model, form, trust=wanted.trust)
    classes = _classes(wanted.classes)
    with tempfile.TemporaryDirectory() as scratch:
        ready = _ready(wanted, form, classes, Path(scratch))
        with _new_folder(runs_dir, _name(wanted)) as folder:
            write_atomically(folder / ready.file, ready.write)
            _refuse_unsafe(folder / ready.file, wanted.model)
            hashes = {ready.file: sha256_of(folder / ready.file)}
            card = _card(wanted, form, classes, ready)
            write_card(folder, dataclasses.replace(card, hashes=hashes))
    run = Run(folder, read_card(folder))
    if ready.file == _LITERT_FILE:
        return run
    return _with_litert(run, wanted.images, progress or Silent())


def _classes(source: str) -> tuple[str, ...]:
    if source != IMAGENET:
        return read_classes(Path(source))
    start("cpu")
    return imagenet_classes()


def _ready(wanted: Import, form: Form, classes: tuple[str, ...], scratch: Path) -> _Ready:
    if form == "litert":
        return _litert(wanted.model, wanted.adaptation, classes)
    start("cpu")
    if form == "saved_model":
        file = scratch / _LITERT_FILE
        write_saved_model_as_litert(wanted.model, file)
        return _litert(file, wanted.adaptation, classes)
    model = adapt(load_foreign(wanted.model, trust=form == "h5"), wanted.adaptation, classes)
    return _Ready(model.input_shape[1:], model.output_shape[-1], MODEL_FILE, model.save)


def _litert(file: Path, adaptation: Adaptation, classes: tuple[str, ...]) -> _Ready:
    """Look at a LiteRT file, which stays as it is: nothing can be put around it."""
    adaptation.refuse_for_litert()
    engine = LiteRTEngine(file, classes, ImageSpec(1, 1, 3))
    taken, given = engine.shapes
    size = check_image(taken, None)
    multi_label = adaptation.multi_label
    check_units(given, len(classes), multi_label=multi_label)
    pictures = np.random.default_rng(0).integers(0, 256, (_PROBES, *size), np.uint8)
    found = engine.answers(pictures).probabilities
    check_probabilities(found, None, multi_label=multi_label)
    content = file.read_bytes()
    return _Ready(size, given[-1] or 0, _LITERT_FILE, lambda path: path.write_bytes(content))


def _refuse_unsafe(file: Path, model: Path) -> None:
    """Refuse what a trusted file may hold and a run may not: it would not be loaded again."""
    if file.name == MODEL_FILE:
        try:
            check_keras(file)
        except RunError as error:
            reason = error.message.partition(" is refused: ")[2]
            raise RunError(
                f"{shown(str(model))} can't become a run: {reason}",
                hint="export it as a SavedModel or a LiteRT file, and import that",
            ) from error


def _with_litert(run: Run, images: Sequence[str], progress: Progress) -> Run:
    try:
        export(run, photos=images, progress=progress)
    except (RunError, DataError) as error:
        log.warning("no fast file: %s", error)
    return Run(run.path, read_card(run.path))


def _name(wanted: Import) -> str:
    return wanted.name or re.sub(r"[^\w.-]+", "_", wanted.model.stem).strip("._-") or "imported"


def _card(wanted: Import, form: Form, classes: tuple[str, ...], ready: _Ready) -> Card:
    digest = sha256_of(wanted.model) if wanted.model.is_file() else ""
    multi_label = wanted.adaptation.multi_label
    return Card(
        name=_name(wanted),
        created=dt.datetime.now(dt.UTC).isoformat(timespec="microseconds"),
        complete=True,
        classes=classes,
        input=Input(*ready.size, wanted.interpolation, wanted.fit),
        output="sigmoid" if ready.units == 1 or multi_label else "softmax",
        multi_label=multi_label,
        preprocessing=wanted.adaptation.in_words,
        seed=0,
        data={},
        skipped=0,
        fingerprint="",
        versions=versions(),
        origin=Origin(str(wanted.model), digest, form, wanted.trust),
    )


@contextlib.contextmanager
def _new_folder(runs_dir: Path, name: str) -> Iterator[Path]:
    """Make a run's folder, and take it away again where the run does not come to be."""
    folder = create(runs_dir, name)
    try:
        yield folder
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
