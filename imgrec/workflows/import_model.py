"""Import a model file as a run."""

from __future__ import annotations

import logging
import re
import shutil
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from imgrec.data.images import ImageSpec, decode_in_order
from imgrec.data.photo_arguments import expand_photos
from imgrec.data.records import Photo
from imgrec.errors import BadImage, DataError, RunError
from imgrec.explanation.litert_summary import summarize_litert
from imgrec.files import sha256_of, write_atomically
from imgrec.models.backend import start
from imgrec.models.files import check_keras
from imgrec.models.formats import ModelFormat, check_model_file, model_format
from imgrec.models.importing import (
    check_image,
    check_probabilities,
    check_units,
    random_images,
    tensor_shape,
    wrap_model,
)
from imgrec.models.keras_files import load_keras, load_model_file
from imgrec.models.litert import ends_linear, read_litert
from imgrec.models.network import summarize
from imgrec.network_summary import NetworkSummary
from imgrec.parallel import usable_cores
from imgrec.progress import Progress, Silent
from imgrec.runs.card import BEST_MODEL, Card, ImportOrigin, Input
from imgrec.runs.folder import Run, check_name, check_place, new_folder
from imgrec.runs.writer import RunWriter, utc_now
from imgrec.runtime.keras_engine import KerasEngine
from imgrec.runtime.litert_engine import FILES, LiteRTEngine
from imgrec.runtime.outputs import Activation
from imgrec.text import printable
from imgrec.versions import versions
from imgrec.workflows.export import export_imported, require_answers
from imgrec.workflows.import_isolation import try_litert, try_saved_model, trying_keras
from imgrec.workflows.import_usage import ImportSpec, describe_import, fit_classes, import_usage
from imgrec.workflows.model_metadata import ModelDescription

log = logging.getLogger("imgrec")

_LITERT_FILE = FILES["float32"]


@dataclass(frozen=True)
class _Ready:
    """A model that returns probabilities: how it is used, its size, how it is saved, its layers."""

    known: ModelDescription
    size: tuple[int, int, int]
    units: int
    file: str
    write: Callable[[Path], object]
    engine: LiteRTEngine | None = None
    network: NetworkSummary | None = None

    @property
    def activation(self) -> Activation | None:
        """What the engine of a LiteRT file applies to its output."""
        return self.engine.activation if self.engine else None

    @property
    def pixel_range(self) -> tuple[float, float] | None:
        """What a LiteRT file takes the pixels 0 and 255 for."""
        return self.engine.input.pixel_range if self.engine else None


def import_model(wanted: ImportSpec, *, runs_dir: Path, progress: Progress | None = None) -> Run:
    """Import a model file as a new run, ready to predict.

    A file that imgrec wrote contains its classes and how photos are prepared. Nothing is written
    before the model has returned probabilities for pixels. A Keras model also gets a LiteRT file
    if possible. If the import fails, nothing is left of the run.

    Args:
        wanted: What is imported.
        runs_dir: The folder of the runs.
        progress: Where progress is reported.

    Raises:
        RunError: The model is refused, or is not an image classifier.
        UsageError: An option can't be used with the model, or contradicts it, or the name can't be
            that of a run.
        DataError: The list of classes is not valid, or no photo can be read.
    """
    check_place(runs_dir)
    check_name(_name(wanted))
    form = model_format(wanted.model)
    check_model_file(wanted.model, form, trust=wanted.trust)
    known = import_usage(wanted)
    photos, progress = _photos(wanted.photos), progress or Silent()
    with tempfile.TemporaryDirectory() as scratch:
        ready = _ready(wanted, form, known, photos, Path(scratch))
        known = ready.known
        if photos and ready.engine is not None:
            require_answers(ready.engine, photos, progress)
        pixel_range = ready.pixel_range if form == "litert" else None
        log.info("%s", describe_import(wanted, known, ready.size, pixel_range))
        name = _name(wanted)
        with new_folder(runs_dir, name) as folder, RunWriter(folder) as writer:
            if folder.name != f"{name}-1":
                log.info("there are other runs called %s: this one is %s", name, folder.name)
            write_atomically(folder / ready.file, ready.write)
            _refuse_unsafe(folder / ready.file, wanted.model)
            writer.begin(_card(wanted, form, known, ready), models=[ready.file])
            if ready.file != _LITERT_FILE:
                export_imported(writer, photos, progress)
            writer.update(complete=True)
            return writer.run


def _photos(photos: Sequence[str]) -> list[Photo]:
    """Return the photos; raise DataError if none can be read."""
    found = [*expand_photos(photos, sys.stdin)]
    smallest = ImageSpec(1, 1, 3)
    decoded = decode_in_order(found, smallest, usable_cores())
    if found and all(isinstance(each, BadImage) for _, each in decoded):
        raise DataError("none of the photos can be read", hint="name others with --photos")
    return found


def _ready(
    wanted: ImportSpec,
    form: ModelFormat,
    known: ModelDescription,
    photos: Sequence[Photo],
    scratch: Path,
) -> _Ready:
    if form == "litert":
        wanted.adaptation.refuse_for_litert()
        return _litert(wanted.model, wanted, known)
    log.info("opening %s", printable(str(wanted.model)))
    if form == "saved_model":
        file = scratch / _LITERT_FILE
        try_saved_model(wanted, file, photos, known)
        return _litert(file, wanted, known)
    with trying_keras(wanted, own=known.run is not None):
        start("cpu")
    if known.run is not None:
        return _keras(wanted.model, known)
    model = load_model_file(wanted.model, trust=form == "h5", max_parameters=wanted.max_parameters)
    known = fit_classes(wanted, known, tensor_shape(model, "output"))
    model = wrap_model(model, wanted.adaptation, known.classes)
    size, units, network = model.input_shape[1:], model.output_shape[-1], summarize(model)
    return _Ready(known, size, units, BEST_MODEL, model.save, network=network)


def _keras(file: Path, known: ModelDescription) -> _Ready:
    """Check a Keras file that imgrec wrote; it is kept unchanged."""
    model = load_keras(file)
    engine = KerasEngine(model, known.classes, ImageSpec(1, 1, 3), known.decision)
    size, units = _sizes(tensor_shape(model, "input"), tensor_shape(model, "output"), known)
    engine.answers(random_images(size))
    write = partial(shutil.copyfile, file)
    return _Ready(known, size, units, BEST_MODEL, write, network=summarize(model))


def _litert(file: Path, wanted: ImportSpec, known: ModelDescription) -> _Ready:
    """Check a LiteRT file; it is kept unchanged, as no layers can be put around it."""
    activation = known.activation or wanted.adaptation.activation
    output_name = known.output_name or wanted.output_name
    try_litert(file, known.classes, output_name)
    engine = LiteRTEngine(
        file,
        known.classes,
        ImageSpec(1, 1, 3),
        known.decision,
        activation=activation,
        output_name=output_name,
    )
    known = fit_classes(wanted, known, engine.shapes[1])
    size, units = _sizes(*engine.shapes, known)
    outputs = engine.outputs(random_images(size))
    check_probabilities(
        outputs[:, :units],
        activation,
        logits=ends_linear(read_litert(file), engine.output.index),
        multi_label=known.multi_label,
        step=engine.output.scale,
        adaptable=file != wanted.model,
    )
    write = partial(shutil.copyfile, file)
    engine.classes = known.classes
    engine.spec = ImageSpec(*size, known.interpolation, known.fit)
    network = summarize_litert(engine.content, engine.output.index)
    return _Ready(known, size, units, _LITERT_FILE, write, engine, network)


def _sizes(
    taken: Sequence[int | None], given: Sequence[int | None], known: ModelDescription
) -> tuple[tuple[int, int, int], int]:
    """Return the size of the images and the number of units; raise RunError if they don't fit."""
    size = check_image(taken, None, adaptable=False)
    if known.has_ood_similarity and len(given) == 2:
        given = (given[0], (given[1] or 0) - 1)
    check_units(given, len(known.classes), multi_label=known.multi_label)
    return size, given[-1] or 0


def _refuse_unsafe(file: Path, model: Path) -> None:
    """Raise RunError for what only a trusted file may contain: the run would not load again."""
    if file.name == BEST_MODEL:
        try:
            check_keras(file)
        except RunError as error:
            reason = error.message.partition(" is refused: ")[2]
            raise RunError(
                f"{printable(str(model))} can't become a run: {reason}",
                hint="export it as a SavedModel or a LiteRT file, and import that",
            ) from error


def _name(wanted: ImportSpec) -> str:
    if wanted.name is not None:
        return wanted.name
    return re.sub(r"[^\w.-]+", "_", wanted.model.stem).strip("._-")[:64] or "imported"


def _card(wanted: ImportSpec, form: ModelFormat, known: ModelDescription, ready: _Ready) -> Card:
    digest = sha256_of(wanted.model) if wanted.model.is_file() else ""
    return Card(
        name=_name(wanted),
        created=utc_now(),
        complete=False,
        classes=known.classes,
        input=Input(*ready.size, known.interpolation, known.fit, known.max_megapixels),
        output="sigmoid" if ready.units == 1 or known.multi_label else "softmax",
        multi_label=known.multi_label,
        preprocessing=known.preprocessing,
        seed=0,
        data={},
        skipped=0,
        fingerprint="",
        versions=versions(),
        threshold=known.threshold,
        origin=ImportOrigin(
            str(wanted.model),
            digest,
            form,
            wanted.trust,
            ready.activation,
            known.output_name or wanted.output_name,
        ),
        thresholds=known.thresholds,
        network=ready.network,
    )
