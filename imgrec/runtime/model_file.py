"""Checks of a run's model file, and what its card says about the model."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from imgrec.data.images import ImageSpec
from imgrec.errors import RunError
from imgrec.files import reason_of, sha256_of
from imgrec.runs.card import Card, Input
from imgrec.runs.folder import Run
from imgrec.scores import Decision
from imgrec.text import printable


def image_spec(card: Card) -> ImageSpec:
    """Return the size and form of the images that a run's model takes."""
    return spec_of(card.input)


def spec_of(pixels: Input) -> ImageSpec:
    """Return the size and form of images that are described so."""
    return ImageSpec(
        pixels.height,
        pixels.width,
        pixels.channels,
        pixels.interpolation,
        pixels.fit,
        max_megapixels=pixels.max_megapixels,
    )


def decision_of(card: Card) -> Decision:
    """Return how the probabilities of a run's model become labels."""
    if card.threshold is None:
        return Decision(class_thresholds=card.class_thresholds)
    limit = card.threshold
    return Decision(limit.value, limit.ood_similarity, card.class_thresholds)


def restore_hint(run: Run) -> str:
    """Return how to get the files of a run again if they are missing or damaged."""
    if (calibrated := run.card.calibrated_from) is not None:
        return f"calibrate {printable(calibrated.run)} again, or copy the run again"
    if (origin := run.card.origin) is not None:
        return f"import {printable(origin.file)} again"
    return "copy the run again from where it was trained, or train again"


def check_hash(path: Path, card: Card, hint: str) -> None:
    """Raise RunError if `path` can't be read or is not the file that the card describes."""
    try:
        found = sha256_of(path)
    except OSError as error:
        place = printable(str(path))
        raise RunError(f"{place} can't be read: {reason_of(error)}", hint=hint) from error
    compare_hash(found, path, card, hint)


def compare_hash(found: str, path: Path, card: Card, hint: str) -> None:
    """Raise RunError unless the SHA-256 that was found is that of the file in the card."""
    if not card.describes(path.name, found):
        place = printable(str(path))
        raise RunError(f"{place} is not the file that the run's card describes", hint=hint)


def check_shapes(
    path: Path, taken: Sequence[int | None], given: Sequence[int | None], card: Card, hint: str
) -> None:
    """Raise RunError if a model's input or output has another shape than its card says.

    Args:
        path: The file, for the message.
        taken: The shape of the input, None for the batch.
        given: The shape of the output, None for the batch.
        card: The card of the run.
        hint: What to do about it.
    """
    wanted = (None, card.input.height, card.input.width, card.input.channels)
    # With an OOD similarity, both classes of a sigmoid unit have a column.
    outputs = ((None, card.units), (None, len(card.classes) + 1))
    if tuple(taken) != wanted or tuple(given) not in outputs:
        raise RunError(
            f"{printable(str(path))} takes {tuple(taken)} and gives {tuple(given)}; "
            f"its card says {wanted} and {(None, card.units)}",
            hint=hint,
        )
