"""How an imported model is used: what its file says if imgrec wrote it, or what the options say."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import NoReturn

from imgrec.errors import UsageError
from imgrec.models.class_lists import ClassList, imagenet_classes, read_classes
from imgrec.models.importing import Adaptation
from imgrec.models.parameters import MAX_PARAMETERS
from imgrec.runs.card import Fit
from imgrec.text import class_name, count_of, join_few, printable
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
        max_parameters: How many parameters a Keras model may have.
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
    max_parameters: int = MAX_PARAMETERS


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
        return f"{said}: {count_of(len(known.classes), 'class')}, {photos}"
    if pixel_range is None:
        return f"{photos}, values {_values(wanted.adaptation)} (--fit, --rescale change that)"
    low, high = pixel_range
    return f"{photos}, values from {low:.3g} to {high:.4g} (--fit changes that)"


def fit_classes(
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


def _classes(source: str | None, model: Path, outputs: int | None = None) -> ClassList:
    if source is None:
        raise UsageError(
            f"{printable(str(model))} does not say what its classes are called",
            hint="name them with --classes FILE, or --classes imagenet",
        )
    if source != IMAGENET:
        return read_classes(Path(source), outputs)
    return imagenet_classes()


def _said(wanted: ImportSpec) -> ModelDescription:
    """Return how a model from elsewhere is used, as the options say."""
    classes = _classes(wanted.classes, wanted.model)
    rescale = wanted.adaptation.rescale or 1
    if rescale > 1 and wanted.model.suffix.lower() != ".tflite":  # which takes no factor
        log.warning(
            "--rescale %g multiplies pixel values: they reach %s; --rescale 1/%g divides them",
            rescale,
            f"{255 * rescale:,.10g}",
            rescale,
        )
    return ModelDescription(
        classes.names,
        wanted.fit or "crop",
        wanted.interpolation or "bilinear",
        wanted.adaptation.multi_label,
        wanted.adaptation.in_words,
        remarks=classes.remarks,
    )


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
