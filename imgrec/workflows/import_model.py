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
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from imgrec.data.images import ImageSpec
from imgrec.errors import DataError, RunError
from imgrec.files import sha256_of, write_atomically
from imgrec.models.adapt import Adaptation, adapt
from imgrec.models.backend import start
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
from imgrec.runs.card import Card, Input, Origin
from imgrec.runs.card_file import read_card, write_card
from imgrec.runs.folder import Run, check_place, create
from imgrec.runtime.engine import Engine
from imgrec.runtime.keras_engine import MODEL_FILE, KerasEngine, load_keras
from imgrec.runtime.litert_engine import FILES, LiteRTEngine
from imgrec.text import shown
from imgrec.training.versions import versions
from imgrec.workflows.description import Description
from imgrec.workflows.export import export
from imgrec.workflows.import_options import Import, in_words, usage

log = logging.getLogger("imgrec")

_LITERT_FILE = FILES["float32"]
_PROBES = 8


@dataclass(frozen=True)
class _Ready:
    """A model that gives probabilities: (height, width, channels), units, and how it is saved."""

    size: tuple[int, int, int]
    units: int
    file: str
    write: Callable[[Path], object]


def import_model(wanted: Import, *, runs_dir: Path, progress: Progress | None = None) -> Run:
    """Return the new run that holds the model, ready to predict.

    A file that imgrec wrote brings its classes, and how photos are prepared. Nothing is written
    before the model is known to give probabilities for pixels. A Keras model gets its LiteRT file
    too, where one can be had. Raises RunError where the model is refused or of another kind,
    UsageError for what does not go with it or contradicts it, DataError for a bad list of classes.
    """
    check_place(runs_dir)
    form = form_of(wanted.model)
    check_foreign(wanted.model, form, trust=wanted.trust)
    known = usage(wanted)
    with tempfile.TemporaryDirectory() as scratch:
        ready = _ready(wanted, form, known, Path(scratch))
        log.info("%s", in_words(wanted, known, ready.size, adaptable=ready.file == MODEL_FILE))
        with _new_folder(runs_dir, _name(wanted)) as folder:
            write_atomically(folder / ready.file, ready.write)
            _refuse_unsafe(folder / ready.file, wanted.model)
            hashes = {ready.file: sha256_of(folder / ready.file)}
            card = _card(wanted, form, known, ready)
            write_card(folder, dataclasses.replace(card, hashes=hashes))
    run = Run(folder, read_card(folder))
    if ready.file == _LITERT_FILE:
        return run
    return _with_litert(run, wanted.images, progress or Silent())


def _ready(wanted: Import, form: Form, known: Description, scratch: Path) -> _Ready:
    if form == "litert":
        return _litert(wanted.model, wanted.adaptation, known)
    log.info("opening %s", shown(str(wanted.model)))
    start("cpu")
    if form == "saved_model":
        file = scratch / _LITERT_FILE
        write_saved_model_as_litert(wanted.model, file)
        return _litert(file, wanted.adaptation, known)
    if known.run is not None:
        return _keras(wanted.model, known)
    model = load_foreign(wanted.model, trust=form == "h5")
    model = adapt(model, wanted.adaptation, known.classes)
    return _Ready(model.input_shape[1:], model.output_shape[-1], MODEL_FILE, model.save)


def _keras(file: Path, known: Description) -> _Ready:
    """Look at a Keras file that imgrec wrote, which stays as it is."""
    model = load_keras(file)
    engine = KerasEngine(model, known.classes, ImageSpec(1, 1, 3))
    return _as_it_is(file, MODEL_FILE, engine, model.input_shape, model.output_shape, known)


def _litert(file: Path, adaptation: Adaptation, known: Description) -> _Ready:
    """Look at a LiteRT file, which stays as it is: nothing can be put around it."""
    adaptation.refuse_for_litert()
    engine = LiteRTEngine(file, known.classes, ImageSpec(1, 1, 3))
    return _as_it_is(file, _LITERT_FILE, engine, *engine.shapes, known)


def _as_it_is(
    file: Path,
    name: str,
    engine: Engine,
    taken: Sequence[int | None],
    given: Sequence[int | None],
    known: Description,
) -> _Ready:
    size = check_image(taken, None)
    if known.familiar and len(given) == 2:
        given = (given[0], (given[1] or 0) - 1)
    check_units(given, len(known.classes), multi_label=known.multi_label)
    pictures = np.random.default_rng(0).integers(0, 256, (_PROBES, *size), np.uint8)
    found = engine.answers(pictures).probabilities
    check_probabilities(found, None, multi_label=known.multi_label)
    content = file.read_bytes()
    return _Ready(size, given[-1] or 0, name, lambda path: path.write_bytes(content))


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
    log.info("writing its LiteRT file, whose answers are compared with the model's")
    try:
        export(run, photos=images, progress=progress)
    except (RunError, DataError) as error:
        log.warning("no fast file: %s", error)
    return Run(run.path, read_card(run.path))


def _name(wanted: Import) -> str:
    return wanted.name or re.sub(r"[^\w.-]+", "_", wanted.model.stem).strip("._-") or "imported"


def _card(wanted: Import, form: Form, known: Description, ready: _Ready) -> Card:
    digest = sha256_of(wanted.model) if wanted.model.is_file() else ""
    return Card(
        name=_name(wanted),
        created=dt.datetime.now(dt.UTC).isoformat(timespec="microseconds"),
        complete=True,
        classes=known.classes,
        input=Input(*ready.size, known.interpolation, known.fit),
        output="sigmoid" if ready.units == 1 or known.multi_label else "softmax",
        multi_label=known.multi_label,
        preprocessing=known.preprocessing,
        seed=0,
        data={},
        skipped=0,
        fingerprint="",
        versions=versions(),
        threshold=known.threshold,
        origin=Origin(str(wanted.model), digest, form, wanted.trust),
        thresholds=known.thresholds,
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
