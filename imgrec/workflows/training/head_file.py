"""The LiteRT file of a run whose head is solved exactly, with its certificate."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
from msgspec import structs
from numpy.typing import NDArray

from imgrec.evaluation.export_parity import require_parity
from imgrec.models.files import embed
from imgrec.runs.card import Calibration, ExportParity
from imgrec.runs.folder import Run
from imgrec.runs.writer import RunWriter
from imgrec.runtime.litert_engine import FILES, litert_engine
from imgrec.scores import Scores
from imgrec.workflows.model_metadata import model_description

COMPUTING = {"device": "cpu", "precision": "float32", "replicas": "1"}

_COMPARED = 64  # the backbone of the file is the one that computed the features


def compared_rows(images: int, seed: int) -> NDArray[np.intp]:
    """Return which images the file is compared with the head on."""
    return np.random.default_rng(seed).permutation(images)[:_COMPARED]


def write_head_file(
    writer: RunWriter,
    content: bytes,
    exact: Scores,
    pixels: NDArray[np.uint8],
    calibration: Calibration,
    *,
    name: str = "",
) -> None:
    """Write a LiteRT file into a run that has none, and its parity and calibration on the card.

    Args:
        writer: Of a run whose card has the classes, and the threshold if there is one.
        content: The file, without a description.
        exact: What the head answers for some images, in float64.
        pixels: Of these images, uint8 (images, height, width, channels).
        calibration: The temperature that the file has.
        name: What the file calls the run; by default, the name of the folder.

    Raises:
        RunError: The answers of the file differ, or it can't be written.
    """
    file = FILES["float32"]

    def export(path: Path) -> ExportParity:
        path.write_bytes(content)
        card = writer.card
        engine = litert_engine(content, card)
        # Many at once would be computed with a copy of the model for each core.
        found = np.concatenate([engine.answers(each[np.newaxis]).probabilities for each in pixels])
        parity = require_parity(
            file, exact, dataclasses.replace(exact, probabilities=found), "float32"
        ).on_card(file, "litert", "float32")
        run = Run(Path(name or writer.run.name), card)
        embed(path, "litert", card.classes, model_description(run, parity))
        return parity

    writer.write_export(file, export)
    digest = writer.card.hashes[file]
    writer.update(calibration=structs.replace(calibration, model=digest))
