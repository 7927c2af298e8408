"""How good a run's model is: on its own images, or on others."""

from __future__ import annotations

import datetime as dt
import functools
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from imgrec.config.experiment import Data
from imgrec.data.classes import relabelled
from imgrec.data.parts import ALL
from imgrec.data.read import read_other
from imgrec.data.records import Record
from imgrec.errors import DataError, UsageError
from imgrec.evaluation import evaluate as measures
from imgrec.evaluation.assessment import Assessment
from imgrec.evaluation.slices import Slice, check, cut
from imgrec.progress import Progress, Silent
from imgrec.runs.folder import Run
from imgrec.runtime.engine import ANYHOW, Computing, open_engine
from imgrec.runtime.score import score
from imgrec.slicing import Slicing
from imgrec.text import shown
from imgrec.workflows.prepare import read_images, refuse_several
from imgrec.workflows.reports import check_reports, write_reports
from imgrec.workflows.results import run_facts
from imgrec.workflows.run_files import data_config, recorded_images, run_config

_PREFERRED = ("test", "validation")
_WHOLE = Slicing()


@dataclass(frozen=True)
class _Images:
    split: str
    source: str
    records: Sequence[Record]


def evaluate(  # noqa: PLR0913  # what the command asks
    run: Run,
    *,
    data: Path | None = None,
    split: str | None = None,
    slicing: Slicing = _WHOLE,
    computing: Computing = ANYHOW,
    reports: Sequence[Path] = (),
    progress: Progress | None = None,
) -> Assessment:
    """Evaluate a run's best model on its own test images (validation where there are none).

    data: other images, in any form that a loader reads; the run's class order stays.
    split: `train`, `validation` or `test`.
    computing: what answers for the run.
    slicing: what to measure on its own too.
    reports: files to write, each in the form that its suffix tells.
    Raises DataError where the images can't be read or the run's own ones changed,
    UsageError where there is no such split or form, RunError where the model can't be used
    or a report not written.
    """
    check_reports(reports)
    config = data_config(run, data)
    images = _own(run, split) if data is None else _other(run, config, str(data), split)
    check(images.records, slicing.by)
    scored = functools.partial(
        score,
        open_engine(run, **vars(computing)),
        images.records,
        labelled=True,
        bad_images=config.bad_images,
        progress=progress or Silent(),
    )
    scores = scored()
    parts = cut(scores, images.records, slicing.by)
    turned = tuple(Slice(f"rotate={turn}", scored(turn=turn)) for turn in slicing.turns)
    assessment = Assessment(
        run.name,
        images.split,
        images.source,
        scores,
        measures.evaluate(scores, slices=parts + turned),
        facts=tuple(run_facts(run)),
        measured=dt.datetime.now(dt.UTC),
    )
    write_reports(reports, assessment, run, images.records)
    return assessment


def _own(run: Run, split: str | None) -> _Images:
    experiment = run_config(run.path)
    splits = read_images(experiment.data, experiment.seed)
    parts = {"train": splits.train, "validation": splits.validation, "test": splits.test}
    name = _choose(split, [part for part, records in parts.items() if records], run.name)
    _refuse_changes(run, name, parts[name])
    return _Images(name, run.card.data[name].written or experiment.data.loader or "", parts[name])


def _refuse_changes(run: Run, split: str, found: Sequence[Record]) -> None:
    """Refuse images that are not those of the training's split.

    A seeded split of a folder that has changed since would mix training images into it.
    """
    names = {record.name for record in found}
    recorded = recorded_images(run.path).get(split, set())
    missing, new = recorded - names, names - recorded
    if missing or new:
        example = shown(min(missing or new))
        raise DataError(
            f"the {split} images of {run.name} changed since its training: "
            f"{len(missing)} are gone, {len(new)} are new (such as {example})",
            hint="bring them back, or evaluate a folder as it is now with --data",
        )


def _other(run: Run, config: Data, path: str, split: str | None) -> _Images:
    parts = read_other(path, config, run.card.seed)
    if ALL in parts and split is not None:
        raise UsageError(
            f"--split {split}: {shown(path)} has no parts of its own",
            hint="leave --split out to evaluate all of it",
        )
    name = ALL if ALL in parts else _choose(split, list(parts), path)
    refuse_several(parts[name].records)
    return _Images(name, path, relabelled(parts[name], run.card.classes, path).records)


def _choose(split: str | None, available: Sequence[str], where: str) -> str:
    if split is not None and split not in available:
        raise UsageError(
            f"--split {split}: {shown(where)} has no {split} images",
            hint=f"it has {', '.join(available)}",
        )
    preferred = [name for name in _PREFERRED if name in available]
    if split is None and not preferred:
        raise UsageError(
            f"{shown(where)} has no test or validation images",
            hint="--split train evaluates the training images",
        )
    return split or preferred[0]
