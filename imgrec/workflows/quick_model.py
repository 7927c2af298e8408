"""The Keras model of a run of `train --quick`, which is made only if something needs it."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from msgspec import structs

from imgrec.data.records import Record
from imgrec.evaluation.export_parity import require_parity
from imgrec.models.backend import start
from imgrec.models.litert import read_head, read_known
from imgrec.models.network import set_output, summarize, with_ood_similarity
from imgrec.progress import Progress
from imgrec.runs.card import BEST_MODEL, ExportParity
from imgrec.runs.writer import RunWriter
from imgrec.runtime.keras_engine import KerasEngine
from imgrec.runtime.litert_engine import LiteRTEngine
from imgrec.runtime.score import score
from imgrec.scores import Scores
from imgrec.workflows.experiment_sections import build_network
from imgrec.workflows.run_config import run_config

log = logging.getLogger("imgrec")


def add_keras_model(
    writer: RunWriter,
    litert: LiteRTEngine,
    records: Sequence[Record],
    scores: Scores,
    progress: Progress,
) -> ExportParity:
    """Write best.keras: the network of the run's config, with the head of its LiteRT file.

    Args:
        writer: The run's writer.
        litert: The engine of its LiteRT file.
        records: Images to compare the answers on.
        scores: Those of the LiteRT file, for these images.
        progress: Where progress is reported.

    Returns:
        How its answers compare with those of the LiteRT file.

    Raises:
        RunError: TensorFlow or the weights of the backbone are missing, or the answers of the Keras
            model are not those of the LiteRT file.
    """
    start("cpu")
    run = writer.run
    model = build_network(run_config(run.path), len(run.card.classes))
    set_output(model, *read_head(litert.content))
    if (known := read_known(litert.content)) is not None:
        model = with_ood_similarity(model, known)
    engine = KerasEngine(model, litert.classes, litert.spec, litert.decision)
    answers = score(engine, records, labelled=False, bad_images="error", progress=progress)
    parity = require_parity(BEST_MODEL, scores, answers, "float32")
    writer.write_model(BEST_MODEL, model.save, network=summarize(model))
    log.info("%s: added to the run, with the answers of its LiteRT file", BEST_MODEL)
    if (calibration := writer.card.calibration) is not None:
        settled = structs.replace(calibration, model=writer.card.hashes[BEST_MODEL])
        writer.update(calibration=settled)
    return parity.on_card(BEST_MODEL, "keras", "float32")
