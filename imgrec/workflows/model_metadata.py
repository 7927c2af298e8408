"""The description inside a model file that imgrec wrote: how the model is used."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

from msgspec import Meta, Struct

from imgrec import __version__
from imgrec.config.data import Interpolation
from imgrec.data.records import MAX_MEGAPIXELS
from imgrec.errors import RunError
from imgrec.files import sha256_of
from imgrec.json_documents import as_builtins, from_builtins, json_text, parse_json
from imgrec.models.files import DESCRIPTION, read_description
from imgrec.runs.card import (
    DEFAULT_CLASS_THRESHOLD,
    Card,
    ExportParity,
    Fit,
    Input,
    LabelThresholds,
    Threshold,
)
from imgrec.runs.card_file import CARD_FILE, read_card, with_new_keys
from imgrec.runs.folder import Run
from imgrec.runtime.litert_tensor import DType
from imgrec.scores import ONE_LABEL, Decision
from imgrec.text import printable

SCHEMA_VERSION: Literal[2] = 2

OOD_SIMILARITY = "ood_similarity"
"""The name of the column after those of the classes."""

_EARLIER = 1


class DescribedInput(Input, frozen=True):
    """The pixels that a model file takes: those of Input, as the numbers it wants.

    dtype: of its input. An integer that is not uint8 stands for a pixel by scale and zero point.
    """

    dtype: DType = "float32"
    range: tuple[int, int] = (0, 255)


class DescriptionDocument(Struct, frozen=True):
    """The JSON in a model file.

    columns: those of the output: the probability of each class, of the second alone for one
    sigmoid unit, and `ood_similarity` where the model has it. thresholds: by class, where an image
    may have several. activation, output_name: of an imported LiteRT file, as in ImportOrigin.
    """

    schema_version: Literal[2]
    imgrec: str
    run: str
    classes: Annotated[tuple[str, ...], Meta(min_length=1)]
    input: DescribedInput
    columns: tuple[str, ...]
    preprocessing: str
    threshold: Threshold | None
    thresholds: Mapping[str, float] | None
    export_parity: ExportParity
    activation: Literal["softmax", "sigmoid"] | None = None
    output_name: str = ""


def model_description(run: Run, parity: ExportParity, dtype: DType = "float32") -> str:
    """Return the JSON that goes into an exported file of a run, whose input has this dtype."""
    card = run.card
    return json_text(
        DescriptionDocument(
            schema_version=SCHEMA_VERSION,
            imgrec=__version__,
            run=run.name,
            classes=card.classes,
            input=DescribedInput(**as_builtins(card.input), dtype=dtype),
            columns=output_columns(card),
            preprocessing=card.preprocessing,
            threshold=card.threshold,
            thresholds=_thresholds(card),
            export_parity=parity,
            activation=card.origin.activation if card.origin else None,
            output_name=card.origin.output_name if card.origin else "",
        )
    )


def output_columns(card: Card) -> tuple[str, ...]:
    """Return the names of the columns of the output of a run's model."""
    if card.threshold is not None and card.threshold.ood_similarity is not None:
        return (*card.classes, OOD_SIMILARITY)
    return card.classes[1:] if card.units == 1 else card.classes


def _thresholds(card: Card) -> dict[str, float] | None:
    values = card.class_thresholds
    return None if values is None else dict(zip(card.classes, values, strict=True))


@dataclass(frozen=True)
class ModelDescription:
    """How a model is used, each as in Card, Input and ImportOrigin.

    run: the name of the run that the file belongs to; None if imgrec did not write it.
    remarks: what was changed in the list of classes.
    """

    classes: tuple[str, ...]
    fit: Fit
    interpolation: str
    multi_label: bool
    preprocessing: str
    threshold: Threshold | None = None
    thresholds: LabelThresholds | None = None
    run: str | None = None
    activation: Literal["softmax", "sigmoid"] | None = None
    output_name: str = ""
    remarks: tuple[str, ...] = ()
    max_megapixels: int = MAX_MEGAPIXELS

    @property
    def has_ood_similarity(self) -> bool:
        """Whether the last column of the output is the OOD similarity."""
        return self.threshold is not None and self.threshold.ood_similarity is not None

    @property
    def decision(self) -> Decision:
        """How probabilities become labels, without thresholds that were chosen."""
        return (
            Decision(class_thresholds=(DEFAULT_CLASS_THRESHOLD,) * len(self.classes))
            if self.multi_label
            else ONE_LABEL
        )


def read_model_description(path: Path) -> ModelDescription | None:
    """Return how the model file at `path` is used, as it says itself or the card beside it.

    A card counts where it knows the file by its SHA-256; it may be of an earlier version.

    Returns:
        The description; None if imgrec did not write the file.

    Raises:
        RunError: The description in the file, or the card, is damaged.
    """
    if (content := read_description(path)) is None:
        return _of_card(path)
    try:
        return _parsed(parse_json(content))
    except ValueError as error:
        raise RunError(
            f"{printable(str(path))}: its {DESCRIPTION} is damaged: {printable(str(error))}",
            hint="export it again from its run",
        ) from error


def _of_card(path: Path) -> ModelDescription | None:
    if not (path.is_file() and (path.parent / CARD_FILE).is_file()):
        return None
    card = read_card(path.parent, earlier=True)
    if not card.describes(path.name, sha256_of(path)):
        return None
    return ModelDescription(
        card.classes,
        card.input.fit,
        card.input.interpolation,
        card.multi_label,
        card.preprocessing,
        card.threshold,
        card.thresholds,
        path.resolve().parent.name,
        card.origin.activation if card.origin else None,
        card.origin.output_name if card.origin else "",
        max_megapixels=card.input.max_megapixels,
    )


def _parsed(content: Any) -> ModelDescription:
    if isinstance(content, dict) and content.get("schema_version") == _EARLIER:
        content = with_new_keys(content) | {"schema_version": SCHEMA_VERSION}
    found = from_builtins(DescriptionDocument, content)
    if len(set(found.classes)) < len(found.classes):
        raise ValueError("classes: expected names that differ")
    if found.input.interpolation not in get_args(Interpolation):
        raise ValueError(f"input.interpolation: unknown {found.input.interpolation!r}")
    return ModelDescription(
        found.classes,
        found.input.fit,
        found.input.interpolation,
        found.thresholds is not None,
        found.preprocessing,
        found.threshold,
        _chosen(found.thresholds),
        found.run,
        found.activation,
        found.output_name,
        max_megapixels=found.input.max_megapixels,
    )


def _chosen(values: Mapping[str, float] | None) -> LabelThresholds | None:
    """Return the thresholds that were chosen; the file does not say what for."""
    if values is None or set(values.values()) == {DEFAULT_CLASS_THRESHOLD}:
        return None
    return LabelThresholds(values, "those of the imported file", "", 0)
