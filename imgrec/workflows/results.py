"""What a finished training says about itself: numbers, pictures, report."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence

from imgrec.config.experiment import Experiment
from imgrec.config.load import dump
from imgrec.data.records import Record, Splits
from imgrec.evaluation.metrics import Evaluation
from imgrec.files import write_bytes, write_text
from imgrec.report import plots
from imgrec.report.evaluation_json import evaluation_json
from imgrec.report.html import report
from imgrec.runs.folder import Run

log = logging.getLogger("imgrec")


def final_split(splits: Splits) -> tuple[str, tuple[Record, ...]]:
    """Return the split that judges a model: test, else validation, else (said so) train."""
    if splits.test:
        return "test", splits.test
    if splits.validation:
        return "validation", splits.validation
    log.warning("no test or validation images: the final numbers are of the training images")
    return "train", splits.train


def write_results(
    run: Run,
    experiment: Experiment,
    split: str,
    evaluation: Evaluation,
    history: Mapping[str, Sequence[float]],
) -> None:
    """Write metrics.json, curves.png, confusion.png and report.html into the run."""
    source = run.card.data[split].written or experiment.data.loader or ""
    write_text(
        run.path / "metrics.json",
        evaluation_json(evaluation, run=run.name, split=split, data=source),
    )
    best = int(run.card.best["epoch"])
    write_bytes(run.path / "curves.png", plots.curves(history, best_epoch=best))
    write_bytes(run.path / "confusion.png", plots.confusion(evaluation))
    page = report(
        run.name,
        evaluation,
        history=history,
        config_text=dump(experiment),
        facts=_facts(run, split, source),
        best_epoch=best,
    )
    write_text(run.path / "report.html", page)


def _facts(run: Run, split: str, source: str) -> list[tuple[str, str]]:
    card = run.card
    return [
        ("evaluated on", f"the {split} images of {source}"),
        ("created", card.created),
        ("best epoch", f"{card.best['epoch']} of {card.epochs} by {card.best['monitor']}"),
        ("input", f"{card.input.height} x {card.input.width} x {card.input.channels} pixels"),
        ("preprocessing", card.preprocessing),
        ("seed", str(card.seed)),
        *((f"{split} images", str(data.images)) for split, data in card.data.items()),
        ("training images' fingerprint", card.fingerprint),
        *card.versions.items(),
    ]
