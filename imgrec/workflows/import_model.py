"""Import a model file as a run."""

from __future__ import annotations

import contextlib
import logging
import re
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import NoReturn

import numpy as np
from numpy.typing import NDArray

from imgrec.data.images import ImageSpec, decode_in_order
from imgrec.data.photo_arguments import expand_photos
from imgrec.data.records import Photo
from imgrec.errors import BadImage, DataError, RunError, UsageError
from imgrec.files import sha256_of, write_atomically
from imgrec.models.backend import start
from imgrec.models.files import ClassList, check_keras, imagenet_classes, read_classes
from imgrec.models.importing import (
    Adaptation,
    ModelFormat,
    check_image,
    check_model_file,
    check_probabilities,
    check_units,
    model_format,
    random_images,
    tensor_shape,
    wrap_model,
)
from imgrec.models.keras_files import load_model_file
from imgrec.models.litert_graph import ends_linear
from imgrec.models.saved_model import write_saved_model_as_litert
from imgrec.parallel import usable_cores
from imgrec.progress import Progress, Silent
from imgrec.runs.card import BEST_MODEL, Card, Fit, ImportOrigin, Input
from imgrec.runs.folder import Run, check_name, check_place, create
from imgrec.runs.writer import RunWriter, utc_now
from imgrec.runtime.keras_engine import KerasEngine, load_keras
from imgrec.runtime.litert_engine import FILES, LiteRTEngine
from imgrec.runtime.outputs import Activation
from imgrec.text import class_name, join_few, printable
from imgrec.versions import versions
from imgrec.workflows.export import IMAGES as PHOTOS
from imgrec.workflows.export import export_imported, require_answers
from imgrec.workflows.model_metadata import ModelDescription, read_model_description

log = logging.getLogger("imgrec")

IMAGENET = "imagenet"

_FEW = 6
_FITTED = {"crop": "cropped to", "stretch": "stretched to", "pad": "padded to"}


@dataclass(frozen=True)
class ImportSpec:
    """What is imported, and what a file says only if imgrec wrote it.

    Args:
        model: The file, or the folder of a SavedModel.
        classes: A file of names, or `imagenet`.
        adaptation: Layers that are put around the model.
        fit: How images are brought to the model's size. Default: as in the file, else `crop`.
        interpolation: How images are resized. Default: as in the file, else `bilinear`.
        photos: Files, folders or patterns to compare the answers of the LiteRT file on. Default:
            random pictures.
        name: The name of the run. Default: that of the file.
        trust: Whether a format that can contain code is loaded.
        output_name: The output that has the probabilities, if a LiteRT file has several.
    """

    model: Path
    classes: str | None = None
    adaptation: Adaptation = field(default_factory=Adaptation)
    fit: Fit | None = None
    interpolation: str | None = None
    photos: Sequence[str] = ()
    name: str | None = None
    trust: bool = False
    output_name: str = ""


def import_usage(wanted: ImportSpec) -> ModelDescription:
    """Return how the model is used: as its file says if imgrec wrote it, else as the options say.

    Raises:
        UsageError: An option contradicts the file, or the classes are missing.
        DataError: The list of classes is not valid.
        RunError: The description in the file is damaged.
    """
    if wanted.output_name and wanted.model.suffix.lower() not in ("", ".tflite"):
        raise UsageError(
            f"--output-name: {printable(wanted.model.name)} is not a LiteRT file or a SavedModel",
            hint="leave --output-name out",
        )
    own = read_model_description(wanted.model)
    return _said(wanted) if own is None else _unopposed(wanted, own)


def describe_import(
    wanted: ImportSpec,
    known: ModelDescription,
    size: tuple[int, int, int],
    pixel_range: tuple[float, float] | None = None,
) -> str:
    """Describe how photos become the input of the model, and where that was specified.

    Args:
        wanted: What is imported.
        known: How the model is used.
        size: (height, width, channels) of the input.
        pixel_range: What a LiteRT file takes the pixels 0 and 255 for; None for a model in front
            of which preprocessing can be put.
    """
    photos = f"photos are {_FITTED[known.fit]} {size[0]}x{size[1]} pixels"
    if known.run is not None:
        said = f"{printable(wanted.model.name)} is of run {printable(known.run)}"
        return f"{said}: {len(known.classes)} classes, {photos}"
    if pixel_range is None:
        return f"{photos}, values {_values(wanted.adaptation)} (--fit, --rescale change that)"
    low, high = pixel_range
    return f"{photos}, values from {low:.3g} to {high:.4g} (--fit changes that)"


def _classes(source: str | None, model: Path, outputs: int | None = None) -> ClassList:
    if source is None:
        raise UsageError(
            f"{printable(str(model))} does not say what its classes are called",
            hint="name them with --classes FILE, or --classes imagenet",
        )
    if source != IMAGENET:
        return read_classes(Path(source), outputs)
    start("cpu")
    return imagenet_classes()


def _said(wanted: ImportSpec) -> ModelDescription:
    """Return how a model from elsewhere is used, as the options say."""
    classes = _classes(wanted.classes, wanted.model)
    return ModelDescription(
        classes.names,
        wanted.fit or "crop",
        wanted.interpolation or "bilinear",
        wanted.adaptation.multi_label,
        wanted.adaptation.in_words,
        remarks=classes.remarks,
    )


def _fitted(
    wanted: ImportSpec, known: ModelDescription, output: Sequence[int | None]
) -> ModelDescription:
    """Return `known` without a class `background` that is one too many for this `output`."""
    outputs = output[-1] or 0
    if outputs == 1 and not known.multi_label:
        outputs = 2
    if known.run is None and len(known.classes) == outputs + 1:
        classes = _classes(wanted.classes, wanted.model, outputs)
        known = replace(known, classes=classes.names, remarks=classes.remarks)
    for remark in known.remarks:
        log.info("%s", remark)
    return known


def _unopposed(wanted: ImportSpec, own: ModelDescription) -> ModelDescription:
    """Return `own`; raise UsageError if an option contradicts it."""
    for option in wanted.adaptation.around:
        _oppose(wanted, option, "holds all that is done to photos")
    if wanted.adaptation.multi_label and not own.multi_label:
        _oppose(wanted, "--multi-label", "says that a photo has one class")
    for option, value, said in (
        ("--fit", wanted.fit, own.fit),
        ("--interpolation", wanted.interpolation, own.interpolation),
    ):
        if value not in (None, said):
            _oppose(wanted, f"{option} {value}", f"says {said}")
    if wanted.classes is not None:
        names = _classes(wanted.classes, wanted.model, len(own.classes)).names
        if names != tuple(map(class_name, own.classes)):
            _oppose(
                wanted, f"--classes {printable(wanted.classes)}", _differing(own.classes, names)
            )
    return own


def _oppose(wanted: ImportSpec, option: str, words: str) -> NoReturn:
    raise UsageError(
        f"{option}: {printable(str(wanted.model))}, which imgrec wrote, {words}",
        hint=f"leave {option.partition(' ')[0]} out",
    )


def _differing(own: Sequence[str], names: Sequence[str]) -> str:
    """Describe how two lists differ: all classes if they are few, else the first difference."""
    if len(own) == len(names) > _FEW:
        place = next(
            place for place, pair in enumerate(zip(own, names, strict=True)) if len({*pair}) > 1
        )
        return (
            f"says that class {place + 1} is {printable(own[place])}, not {printable(names[place])}"
        )
    return f"has the classes {join_few(own, _FEW)}, not {join_few(names, _FEW)}"


def _values(adaptation: Adaptation) -> str:
    if adaptation.preprocessing is not None:
        return f"as {adaptation.preprocessing} takes them"
    return f"from 0 to {255 * (adaptation.rescale or 1):.4g}"


_LITERT_FILE = FILES["float32"]


@dataclass(frozen=True)
class _Ready:
    """A model that returns probabilities: how it is used, its input size, and how it is saved."""

    known: ModelDescription
    size: tuple[int, int, int]
    units: int
    file: str
    write: Callable[[Path], object]
    engine: LiteRTEngine | None = None

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
        with _new_folder(runs_dir, _name(wanted)) as folder, RunWriter(folder) as writer:
            write_atomically(folder / ready.file, ready.write)
            _refuse_unsafe(folder / ready.file, wanted.model)
            writer.begin(_card(wanted, form, known, ready), models=[ready.file])
            if ready.file != _LITERT_FILE:
                log.info("writing its LiteRT file, whose answers are compared with the model's")
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
    start("cpu")
    if form == "saved_model":
        file = scratch / _LITERT_FILE
        images = partial(_images, photos, known)
        write_saved_model_as_litert(wanted.model, file, wanted.adaptation, images)
        return _litert(file, wanted, known)
    if known.run is not None:
        return _keras(wanted.model, known)
    model = load_model_file(wanted.model, trust=form == "h5")
    known = _fitted(wanted, known, tensor_shape(model, "output"))
    model = wrap_model(model, wanted.adaptation, known.classes)
    return _Ready(known, model.input_shape[1:], model.output_shape[-1], BEST_MODEL, model.save)


def _images(
    photos: Sequence[Photo], known: ModelDescription, size: tuple[int, int, int]
) -> NDArray[np.uint8]:
    """Return random images and up to 256 of the photos, as a model of this size takes them."""
    spec = ImageSpec(*size, known.interpolation, known.fit)
    decoded = (found for _, found in decode_in_order(photos[:PHOTOS], spec, usable_cores()))
    usable = [found for found in decoded if not isinstance(found, BadImage)]
    return np.stack([*random_images(size), *usable])


def _keras(file: Path, known: ModelDescription) -> _Ready:
    """Check a Keras file that imgrec wrote; it is kept unchanged."""
    model = load_keras(file)
    engine = KerasEngine(model, known.classes, ImageSpec(1, 1, 3), known.decision)
    size, units = _sizes(tensor_shape(model, "input"), tensor_shape(model, "output"), known)
    engine.answers(random_images(size))
    return _Ready(known, size, units, BEST_MODEL, partial(shutil.copyfile, file))


def _litert(file: Path, wanted: ImportSpec, known: ModelDescription) -> _Ready:
    """Check a LiteRT file; it is kept unchanged, as no layers can be put around it."""
    activation = known.activation or wanted.adaptation.activation
    engine = LiteRTEngine(
        file,
        known.classes,
        ImageSpec(1, 1, 3),
        known.decision,
        activation=activation,
        output_name=known.output_name or wanted.output_name,
    )
    known = _fitted(wanted, known, engine.shapes[1])
    size, units = _sizes(*engine.shapes, known)
    outputs = engine.outputs(random_images(size))
    check_probabilities(
        outputs[:, :units],
        activation,
        logits=ends_linear(file, engine.output.index),
        multi_label=known.multi_label,
        step=engine.output.scale,
        adaptable=file != wanted.model,
    )
    write = partial(shutil.copyfile, file)
    engine.classes = known.classes
    engine.spec = ImageSpec(*size, known.interpolation, known.fit)
    return _Ready(known, size, units, _LITERT_FILE, write, engine)


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
    )


@contextlib.contextmanager
def _new_folder(runs_dir: Path, name: str) -> Iterator[Path]:
    """Create a run's folder, and remove it if the run can't be completed."""
    folder = create(runs_dir, name)
    try:
        yield folder
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
