"""How good a model is, on its own images or on others, and whether that is good enough."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

from imgrec.config.evaluation import Evaluation as Section
from imgrec.evaluation import evaluate as measures
from imgrec.evaluation.assessment import Assessment, Comparison, Verdict
from imgrec.evaluation.comparison import compare
from imgrec.evaluation.ensemble import mean_scores
from imgrec.evaluation.slices import Slice, check, cut
from imgrec.evaluation.verdicts import judge, judge_drop
from imgrec.progress import Progress, Silent
from imgrec.runs.folder import Run, default_runs_dir
from imgrec.runtime.engine import open_engine
from imgrec.runtime.score import Turn, score
from imgrec.scores import Scores
from imgrec.slicing import Slicing, slice_by
from imgrec.workflows.chosen import Chosen, Images, choose
from imgrec.workflows.gate import (
    Against,
    Gate,
    check_gate,
    find_baseline,
    joined,
    refuse_other_classes,
)
from imgrec.workflows.overlap import overlapping
from imgrec.workflows.reports import check_reports, write_reports
from imgrec.workflows.results import run_facts
from imgrec.workflows.run_files import data_config, run_config


@dataclass(frozen=True)
class Wanted:
    """What to measure on, and what to hold it to.

    slicing, gate: what is asked for besides the config's own. allow_overlap: whether images
    that the model was trained on may be among the others. runs_dir: where a baseline is looked
    for by its name. reports: files to write, each in the form that its suffix tells.
    """

    images: Images = field(default_factory=Images)
    slicing: Slicing = field(default_factory=Slicing)
    gate: Gate = field(default_factory=Gate)
    allow_overlap: bool = False
    runs_dir: Path = field(default_factory=default_runs_dir)
    reports: Sequence[Path] = ()


@dataclass(frozen=True)
class Scorer:
    """How images are brought to models, and the order of classes in what they answer."""

    images: Chosen
    classes: tuple[str, ...]
    bad_images: Literal["error", "skip"]
    device: str
    progress: Progress

    def scores(self, runs: Sequence[Run], turns: Sequence[Turn] = (0,)) -> list[Scores]:
        """Return the answers to the images turned by each angle, several runs' as their mean."""
        by_run = [self._of_run(run, turns) for run in runs]
        if len(runs) == 1:
            return by_run[0]
        return [mean_scores(answers) for answers in zip(*by_run, strict=True)]

    def _of_run(self, run: Run, turns: Sequence[Turn]) -> list[Scores]:
        engine = open_engine(run, self.device)
        columns = [engine.classes.index(name) for name in self.classes]
        answers = (
            score(
                engine,
                self.images.records,
                labelled=True,
                bad_images=self.bad_images,
                progress=self.progress,
                turn=turn,
            )
            for turn in turns
        )
        # The images' labels are in the order of `classes` already.
        return [
            replace(each, probabilities=each.probabilities[:, columns], classes=self.classes)
            for each in answers
        ]


def evaluate(
    runs: Run | Sequence[Run],
    wanted: Wanted | None = None,
    *,
    device: str = "auto",
    progress: Progress | None = None,
) -> Assessment:
    """Evaluate a run's best model on its own test images (validation where there are none).

    runs: several are one model, whose probabilities are the mean of theirs; the first one's
    config and images hold.
    Raises DataError where the images can't be read, the run's own ones changed or the model was
    trained on some, UsageError where there is no such split, metric, class or form, RunError
    where a model can't be used or a report not written. That a requirement is not met raises
    nothing: `Assessment.passed` tells.
    """
    models = [runs] if isinstance(runs, Run) else list(runs)
    run, wanted = models[0], wanted or Wanted()
    check_reports(wanted.reports)
    section = _section(run)
    requirements, gate = joined(section, wanted.gate)
    slicing = _slicing(section, wanted.slicing)
    check_gate(requirements, run.card.classes, slicing)
    against = find_baseline(gate, run, wanted.runs_dir)
    for other in models[1:]:
        refuse_other_classes(run, other)
    scorer = _scorer(run, wanted, device, progress or Silent())
    check(scorer.images.records, slicing.by)
    overlap = _overlap(models + ([against.run] if against else []), scorer, wanted)
    assessment = replace(
        _measured(models, scorer, slicing, section.top_k),
        facts=tuple(run_facts(run)),
        overlap=len(overlap),
        measured=dt.datetime.now(dt.UTC),
    )
    verdicts = judge(assessment.evaluation, requirements)
    assessment = replace(assessment, verdicts=verdicts)
    if against:
        comparison, kept = _held_against(against, assessment, scorer)
        assessment = replace(assessment, verdicts=verdicts + kept, comparison=comparison)
    write_reports(wanted.reports, assessment, run, scorer.images.records)
    return assessment


def measure(
    runs: Sequence[Run], wanted: Wanted, *, device: str = "auto", progress: Progress
) -> tuple[Assessment, ...]:
    """Return the assessment of each of `runs` on the same images, those of the first one.

    The gate is left aside. Raises as `evaluate` does.
    """
    section = _section(runs[0])
    slicing = _slicing(section, wanted.slicing)
    scorer = _scorer(runs[0], wanted, device, progress)
    check(scorer.images.records, slicing.by)
    overlap = _overlap(runs, scorer, wanted)
    return tuple(
        replace(_measured([run], scorer, slicing, section.top_k), overlap=len(overlap))
        for run in runs
    )


def _section(run: Run) -> Section:
    return Section() if run.card.origin else run_config(run.path).evaluation


def _slicing(section: Section, asked: Slicing) -> Slicing:
    words = {each.word: each for each in (*map(slice_by, section.slices), *asked.by)}
    return Slicing(tuple(words.values()), asked.turns)


def _scorer(run: Run, wanted: Wanted, device: str, progress: Progress) -> Scorer:
    images = choose(run, wanted.images)
    bad_images = data_config(run, wanted.images.data).bad_images
    return Scorer(images, run.card.classes, bad_images, device, progress)


def _overlap(runs: Sequence[Run], scorer: Scorer, wanted: Wanted) -> tuple[str, ...]:
    if scorer.images.split == "train" and wanted.images.data is None:
        return ()
    allow, progress = wanted.allow_overlap, scorer.progress
    return overlapping(runs, scorer.images, allow=allow, progress=progress)


def _measured(models: Sequence[Run], scorer: Scorer, slicing: Slicing, top_k: int) -> Assessment:
    images = scorer.images
    scores, *turned = scorer.scores(models, (0, *slicing.turns))
    parts = cut(scores, images.records, slicing.by)
    turns = zip(slicing.turns, turned, strict=True)
    slices = (*parts, *(Slice(f"rotate={turn}", each) for turn, each in turns))
    evaluation = measures.evaluate(scores, top_k, slices)
    name = " + ".join(model.name for model in models)
    return Assessment(name, images.split, images.source, scores, evaluation)


def _held_against(
    against: Against, assessment: Assessment, scorer: Scorer
) -> tuple[Comparison, tuple[Verdict, ...]]:
    (scores,) = scorer.scores([against.run])
    evaluation = measures.evaluate(scores, assessment.evaluation.top_k)
    baseline = replace(assessment, run=against.run.name, scores=scores, evaluation=evaluation)
    comparison = compare(assessment, baseline, against.confidence)
    return comparison, judge_drop(comparison, against.max_drop)
