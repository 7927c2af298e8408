"""Evaluate a run on its own images or on others, alone or beside other runs."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any, Literal

import numpy as np

from imgrec.config.evaluation import EvaluationConfig as Section
from imgrec.config.keras.named import plain
from imgrec.corruption import Corruption
from imgrec.errors import UsageError
from imgrec.evaluation import evaluate as measures
from imgrec.evaluation.comparison import compare
from imgrec.evaluation.ensemble import mean_scores
from imgrec.evaluation.results import Assessment, Comparison
from imgrec.evaluation.slices import ImageSlice, check_slices, cut_slices
from imgrec.evaluation.verdicts import check_drop, check_requirements
from imgrec.interface import option
from imgrec.progress import Progress, Silent
from imgrec.requirement import check_names
from imgrec.runs.folder import Run, default_runs_dir
from imgrec.runtime.engine import DEFAULT_ENGINE, EngineOptions, open_engine
from imgrec.runtime.merged_classes import lists_in_words, with_merged_classes
from imgrec.runtime.score import score
from imgrec.scores import Scores
from imgrec.slicing import Slicing
from imgrec.versions import pixel_versions
from imgrec.workflows.evaluation.evaluation_data import (
    EvaluationData,
    ImageChoice,
    calibration_notes,
    choose_images,
    evaluated_classes,
    find_leakage,
    measured_identities,
    selection_notes,
)
from imgrec.workflows.gate import (
    Gate,
    check_gate,
    find_baseline,
    joined_gates,
    refuse_other_classes,
)
from imgrec.workflows.run_config import run_config
from imgrec.workflows.run_facts import run_facts
from imgrec.workflows.test_looks import note_look


@dataclass(frozen=True)
class EvaluationRequest:
    """What to evaluate, and what is required.

    Args:
        images: Which images to evaluate on.
        slicing: Slices, in addition to those of the config.
        gate: Requirements, in addition to those of the config.
        allow_leakage: Whether images that the model was trained on are allowed.
        runs_dir: Where a baseline is looked up by its name.
        reports: Files to write; the suffix determines the format.
    """

    images: ImageChoice = field(default_factory=ImageChoice)
    slicing: Slicing = field(default_factory=Slicing)
    gate: Gate = field(default_factory=Gate)
    allow_leakage: bool = False
    runs_dir: Path = field(default_factory=default_runs_dir)
    reports: Sequence[Path] = ()


@dataclass(frozen=True)
class Evaluator:
    """Evaluates models on the same images, with the same order of classes."""

    images: EvaluationData
    classes: tuple[str, ...]
    bad_images: Literal["error", "skip"]
    top_k: int
    progress: Progress

    def assess(
        self, runs: Sequence[Run], engine_options: EngineOptions, slicing: Slicing
    ) -> Assessment:
        """Return the assessment of one model, or of the mean of several."""
        answers = [self._scores(run, engine_options, slicing.corruptions) for run in runs]
        scores, *others = (
            mean_scores(each) if len(runs) > 1 else each[0] for each in zip(*answers, strict=True)
        )
        parts = cut_slices(scores, self.images.records, slicing.by)
        corrupted = zip(slicing.corruptions, others, strict=True)
        slices = (*parts, *(ImageSlice(str(each), found, each) for each, found in corrupted))
        evaluation = measures.evaluate_scores(scores, self.top_k, slices)
        name = " + ".join(run.name for run in runs)
        images = self.images
        return Assessment(
            name, images.split, images.source, scores, evaluation, merged=images.lists
        )

    def _scores(
        self, run: Run, engine_options: EngineOptions, corruptions: Sequence[Corruption]
    ) -> list[Scores]:
        """Return the scores of the images as they are, then of those with each corruption."""
        engine = open_engine(run, engine_options)
        engine = with_merged_classes(engine, self.images.lists, run.name)
        columns = [engine.classes.index(name) for name in self.classes]
        measure = partial(score, engine, labelled=True, progress=self.progress)
        scores = measure(self.images.records, bad_images=self.bad_images)
        used = [self.images.records[row] for row in scores.rows]
        corrupted = (measure(used, bad_images="error", corruption=each) for each in corruptions)
        # The images' labels are in the order of `classes` already.
        decision = engine.decision.for_columns(columns)
        return [
            replace(
                each,
                probabilities=each.probabilities[:, columns],
                classes=self.classes,
                decision=decision,
            )
            for each in (scores, *corrupted)
        ]


def evaluate(
    runs: Run | Sequence[Run],
    wanted: EvaluationRequest | None = None,
    *,
    engine_options: EngineOptions = DEFAULT_ENGINE,
    progress: Progress | None = None,
) -> Assessment:
    """Evaluate a run's best model, by default on its own test (or else validation) images.

    Args:
        runs: A run, or several that are evaluated as one: the mean of their probabilities. The
            config and the images are those of the first.
        wanted: What to evaluate, and what is required.
        engine_options: Which engine runs them. A baseline runs in float32 on the same device.
        progress: Where progress is reported.

    Returns:
        The metrics; `Assessment.passed` says whether all requirements are met.

    Raises:
        DataError: The images can't be read, the run's own have changed, or the model was trained
            on some of them.
        UsageError: There is no such split, metric, class or report format.
        RunError: A model can't be used, or a report can't be written.
    """
    models = [runs] if isinstance(runs, Run) else list(runs)
    run, wanted = models[0], wanted or EvaluationRequest()
    if wanted.reports:  # without any, templates and charts need not be imported
        from imgrec.workflows.reports import check_reports

        check_reports(wanted.reports)
    section = _section(run)
    requirements, gate = joined_gates(section, wanted.gate)
    slicing = _slicing(section, wanted.slicing)
    check_gate(requirements, gate, run, slicing, evaluated_classes(run, wanted.images))
    against = find_baseline(gate, run, wanted.runs_dir)
    for other in models[1:]:
        refuse_other_classes(run, other)
    _refuse_folds(models, wanted)
    measuring = _measuring(run, wanted, progress or Silent())
    check_slices(measuring.images.records, slicing.by)
    compared = [*models, *([against.run] if against else [])]
    identities = measured_identities(compared, measuring.images, measuring.progress)
    leakage = _leakage(compared, identities, measuring, wanted)
    notes = _notes(compared, identities, measuring, slicing, comparing=against is not None)
    assessment = _noted(measuring.assess(models, engine_options, slicing), leakage, notes)
    names = [each.name for each in assessment.evaluation.slices]
    check_names(requirements, measuring.classes, names)
    verdicts = check_requirements(assessment.evaluation, requirements)
    comparison = None
    if against:
        same = EngineOptions(
            device=engine_options.device, strict_versions=engine_options.strict_versions
        )
        baseline = measuring.assess([against.run], same, Slicing())
        comparison = compare(assessment, baseline, against.confidence)
        verdicts += check_drop(comparison, against.max_drop)
    assessment = replace(
        assessment,
        verdicts=verdicts,
        comparison=comparison,
        facts=tuple(run_facts(run)),
        test_looks=_looks(run, measuring, identities, wanted),
        measured=dt.datetime.now(dt.UTC),
    )
    if wanted.reports:
        from imgrec.workflows.reports import write_reports

        write_reports(wanted.reports, assessment, run, measuring.images.records)
    return assessment


def _refuse_folds(runs: Sequence[Run], wanted: EvaluationRequest) -> None:
    """Raise UsageError if the images would be a fold on which the other runs were trained."""
    trained = [run for run in runs if not run.card.origin]
    folds = [run.name for run in trained if run_config(run.path).data.fold is not None]
    if len(folds) > 1 and wanted.images.data is None and not wanted.allow_leakage:
        raise UsageError(
            f"{folds[0]} is tested on images that {folds[1]} was trained on",
            hint="repeats.json has what the runs reach on the folds; evaluate their mean on other "
            f"images: {option('data', 'FOLDER')}",
        )


def _looks(
    run: Run, measuring: Evaluator, identities: Mapping[str, str], wanted: EvaluationRequest
) -> int | None:
    """Count that these images were looked at, unless the model was trained or chosen by them."""
    images = measuring.images
    if images.split in ("train", "validation") or not identities:
        return None
    return note_look(wanted.runs_dir, run, images.records, identities, measuring.classes)


def evaluate_request(
    runs: Sequence[Run],
    wanted: EvaluationRequest,
    *,
    engine_options: EngineOptions = DEFAULT_ENGINE,
    progress: Progress,
) -> tuple[Assessment, ...]:
    """Return the assessment of each run on the same images, by default those of the first.

    Only the slices of `wanted` are evaluated, and requirements are ignored. Raises as `evaluate`.
    """
    measuring = _measuring(runs[0], wanted, progress)
    check_slices(measuring.images.records, wanted.slicing.by)
    identities = measured_identities(runs, measuring.images, measuring.progress)
    leakage = _leakage(runs, identities, measuring, wanted)
    notes = _notes(runs, identities, measuring, wanted.slicing, comparing=True)
    return tuple(
        _noted(measuring.assess([run], engine_options, wanted.slicing), leakage, notes)
        for run in runs
    )


def _noted(assessment: Assessment, leakage: Sequence[str], notes: Sequence[str]) -> Assessment:
    """Return the assessment with `notes`, and one on images that the model was trained on."""
    were = "was" if len(leakage) == 1 else "were"
    trained = f"{len(leakage):,} of the images {were} trained on: expect worse results on new ones"
    evaluation = assessment.evaluation
    added = (*evaluation.notes, *([trained] if leakage else ()), *notes)
    evaluation = replace(evaluation, notes=added)
    return replace(assessment, evaluation=evaluation, leakage=len(leakage))


def _notes(
    runs: Sequence[Run],
    identities: Mapping[str, str],
    measuring: Evaluator,
    slicing: Slicing,
    *,
    comparing: bool,
) -> tuple[str, ...]:
    """Return what else the numbers depend on: merged classes, choices, versions of libraries."""
    notes = [lists_in_words(measuring.images.lists), *calibration_notes(runs, identities)]
    if comparing:
        notes += selection_notes(runs, identities)
    if slicing.corruptions:
        found = pixel_versions()
        pillow = f"Pillow {found['pillow']} (libjpeg {found['libjpeg']})"
        notes.append(f"the images were changed by {pillow} and NumPy {np.__version__}")
    return tuple(filter(None, notes))


def _section(run: Run) -> Section:
    return Section() if run.card.origin else run_config(run.path).evaluation


def _slicing(section: Section, asked: Slicing) -> Slicing:
    return Slicing(tuple(dict.fromkeys((*section.slicing.by, *asked.by))), asked.corruptions)


def _measuring(run: Run, wanted: EvaluationRequest, progress: Progress) -> Evaluator:
    images = choose_images(run, wanted.images, progress)
    bad_images = "error" if run.card.origin else run_config(run.path).data.bad_images
    classes = evaluated_classes(run, wanted.images)
    return Evaluator(images, classes, bad_images, _section(run).top_k, progress)


def _leakage(
    runs: Sequence[Run],
    identities: Mapping[str, str],
    measuring: Evaluator,
    wanted: EvaluationRequest,
) -> tuple[str, ...]:
    if measuring.images.split == "train" and wanted.images.data is None:
        return ()
    return find_leakage(runs, identities, allow=wanted.allow_leakage)


NOT_THERE = "-"


@dataclass(frozen=True)
class Compared:
    """The assessments of several runs, and how each but the first differs from the first.

    Args:
        assessments: One per run.
        comparisons: One per run but the first.
        settings: The values of each run, for every key of their configs that differs.
    """

    assessments: tuple[Assessment, ...]
    comparisons: tuple[Comparison, ...]
    settings: Mapping[str, tuple[str, ...]]


def compare_runs(
    runs: Sequence[Run],
    wanted: EvaluationRequest,
    *,
    confidence: float = 0.95,
    device: str = "auto",
    progress: Progress | None = None,
) -> Compared:
    """Evaluate runs on the same images and compare them with the first one.

    Args:
        runs: At least two.
        wanted: The images, by default those of the first run, and the slices.
        confidence: The confidence, 0 to 1, from which a difference counts as real.
        device: Where to compute.
        progress: Where progress is reported.

    Raises:
        RunError: The runs know different classes. Otherwise as in `evaluate`.
    """
    first, *others = runs
    for other in others:
        refuse_other_classes(first, other)
    assessments = evaluate_request(
        runs, wanted, engine_options=EngineOptions(device=device), progress=progress or Silent()
    )
    labels = _labels(runs)
    named = [replace(each, run=label) for each, label in zip(assessments, labels, strict=True)]
    comparisons = (compare(each, named[0], confidence) for each in named[1:])
    return Compared(tuple(named), tuple(comparisons), differing_settings(runs))


def differing_settings(runs: Sequence[Run]) -> Mapping[str, tuple[str, ...]]:
    """Return the keys of the runs' configs whose values differ, with the values."""
    configs = [dict(_settings(run)) for run in runs]
    keys = {key: None for config in configs for key in config}
    found = {key: tuple(config.get(key, NOT_THERE) for config in configs) for key in keys}
    return {key: values for key, values in found.items() if len(set(values)) > 1}


def _settings(run: Run) -> Iterator[tuple[str, str]]:
    if run.card.origin is None:
        yield from _flat(plain(run_config(run.path)), "")


def _flat(value: Any, path: str) -> Iterator[tuple[str, str]]:
    """Yield the keys below `path`; an item of a list, such as a layer, is one value."""
    if isinstance(value, list) and any(isinstance(each, dict) for each in value):
        yield from ((f"{path}[{index}]", json.dumps(each)) for index, each in enumerate(value))
    elif isinstance(value, dict) and value:
        for key, inner in value.items():
            yield from _flat(inner, f"{path}.{key}".removeprefix("."))
    else:
        yield path, value if isinstance(value, str) else json.dumps(value)


def _labels(runs: Sequence[Run]) -> list[str]:
    """Return the runs' names, or their folders where two have the same name."""
    names = [run.name for run in runs]
    return names if len(set(names)) == len(names) else [str(run.path) for run in runs]
