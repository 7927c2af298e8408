"""What is said of a model that is imported: by the options, or by the file itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NoReturn

from imgrec.errors import UsageError
from imgrec.models.adapt import Adaptation
from imgrec.models.backend import start
from imgrec.models.class_list import imagenet_classes, read_classes
from imgrec.runs.card import Fit
from imgrec.text import few, shown
from imgrec.workflows.description import Description, description_of

IMAGENET = "imagenet"

_FEW = 6
_FITTED = {"crop": "cropped to", "stretch": "stretched to", "pad": "padded to"}


@dataclass(frozen=True)
class Import:
    """What is imported, and what a file that imgrec did not write does not say.

    classes: a file of names, or `imagenet`. fit, interpolation: how images are brought to the
    model's size; by default as the file says, else `crop` and `bilinear`. images: files or folders
    to compare the fast file's answers on; where empty, random pictures. trust: whether a form that
    is a program is loaded.
    """

    model: Path
    classes: str | None = None
    adaptation: Adaptation = field(default_factory=Adaptation)
    fit: Fit | None = None
    interpolation: str | None = None
    images: Sequence[str] = ()
    name: str | None = None
    trust: bool = False


def usage(wanted: Import) -> Description:
    """Return how the model is used: as its file says where imgrec wrote it, else as the options do.

    Raises UsageError where an option contradicts the file, or the classes are not said; DataError
    for a bad list of classes; RunError where what the file says is damaged.
    """
    own = description_of(wanted.model)
    return _said(wanted) if own is None else _unopposed(wanted, own)


def in_words(
    wanted: Import, known: Description, size: tuple[int, int, int], *, adaptable: bool
) -> str:
    """Say how photos become pixels of `size` (height, width, channels), and who says so.

    adaptable: whether something can be put in front of the model.
    """
    photos = f"photos are {_FITTED[known.fit]} {size[0]}x{size[1]} pixels"
    if known.run is not None:
        said = f"{shown(wanted.model.name)} is of run {shown(known.run)}"
        return f"{said}: {len(known.classes)} classes, {photos}"
    more = "--fit, --rescale change that" if adaptable else "--fit changes that"
    return f"{photos}, values {_values(wanted.adaptation)} ({more})"


def _classes(source: str | None, model: Path) -> tuple[str, ...]:
    if source is None:
        raise UsageError(
            f"{shown(str(model))} does not say what its classes are called",
            hint="name them with --classes FILE, or --classes imagenet",
        )
    if source != IMAGENET:
        return read_classes(Path(source))
    start("cpu")
    return imagenet_classes()


def _said(wanted: Import) -> Description:
    """Return how somebody else's model is used, as the options say."""
    return Description(
        _classes(wanted.classes, wanted.model),
        wanted.fit or "crop",
        wanted.interpolation or "bilinear",
        wanted.adaptation.multi_label,
        wanted.adaptation.in_words,
    )


def _unopposed(wanted: Import, own: Description) -> Description:
    """Return `own`; raise UsageError where an option contradicts what the file says itself."""
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
        names = _classes(wanted.classes, wanted.model)
        if names != own.classes:
            _oppose(wanted, f"--classes {shown(wanted.classes)}", _differing(own.classes, names))
    return own


def _oppose(wanted: Import, option: str, words: str) -> NoReturn:
    raise UsageError(
        f"{option}: {shown(str(wanted.model))}, which imgrec wrote, {words}",
        hint=f"leave {option.partition(' ')[0]} out",
    )


def _differing(own: Sequence[str], names: Sequence[str]) -> str:
    """Tell two lists apart: with all classes where they are few, else the first that differs."""
    if len(own) == len(names) > _FEW:
        place = next(
            place for place, pair in enumerate(zip(own, names, strict=True)) if len({*pair}) > 1
        )
        return f"says that class {place + 1} is {shown(own[place])}, not {shown(names[place])}"
    return f"has the classes {few(own, _FEW)}, not {few(names, _FEW)}"


def _values(adaptation: Adaptation) -> str:
    if adaptation.preprocessing is not None:
        return f"as {adaptation.preprocessing} takes them"
    return f"from 0 to {255 * (adaptation.rescale or 1):.4g}"
