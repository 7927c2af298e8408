"""`imgrec train`."""

from __future__ import annotations

import contextlib
import json
import shlex
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from imgrec.cli import options
from imgrec.cli.console import Console
from imgrec.cli.network import show_network
from imgrec.errors import GroupError, UsageError
from imgrec.text import printable

if TYPE_CHECKING:
    from imgrec.config.experiment import Experiment
    from imgrec.runs.repeats_file import Repeats
    from imgrec.workflows.training import (
        DryRun,
        TrainingOptions,
        TrainingResult,
    )


@options.command("train")
@click.argument("config", metavar="[CONFIG|PATH]", required=False)
@click.option("--resume", metavar="RUN", help="Resume a run: a folder, a name, or last.")
@click.option(
    "--allow-changes",
    is_flag=True,
    help="Resume even if settings, versions, device or images have changed.",
)
@options.overrides
@click.option("--name", help="Name of the run.  [default: the config's name]")
@click.option("--tag", "tags", multiple=True, metavar="TAG", help="Tag the run. Can be repeated.")
@click.option("--note", default="", metavar="TEXT", help="A note about the run.")
@options.device
@click.option("--dry-run", is_flag=True, help="Show config, network and image counts only.")
@click.option(
    "--quick",
    is_flag=True,
    help="Solve a classifier on EfficientNet-Lite0's features, in seconds and without TensorFlow; "
    "needs `imgrec[weights]`.",
)
@click.option(
    "--folds",
    type=click.IntRange(2, 100),
    help="Cross-validate: train on all folds but one, for each of so many folds.",
)
@click.option(
    "--groups",
    metavar="GROUP",
    help="Divide no group of images, as data.group: a CSV column, or a regular expression.",
)
@click.option(
    "--seeds", type=click.IntRange(2, 100), help="Train with so many seeds, on the same images."
)
@click.option("--profile", is_flag=True, help="Report how long the device waits for images.")
@options.as_json
@options.runs_dir
@click.pass_obj
def train(
    console: Console,
    *,
    config: str | None,
    resume: str | None,
    allow_changes: bool,
    overrides: tuple[str, ...],
    name: str | None,
    tags: tuple[str, ...],
    note: str,
    device: str,
    dry_run: bool,
    quick: bool,
    folds: int | None,
    groups: str | None,
    seeds: int | None,
    profile: bool,
    as_json: bool,
    runs_dir: Path,
) -> None:
    """Train a model from a config, or resume a run.

    CONFIG is a YAML file or the name of a shipped config. PATH is a folder of images, with one
    subfolder per class or per split, or a data file, such as a CSV file of paths and labels; imgrec
    drafts a config for it.

    Example: imgrec train small_cnn --set training.epochs=3
    """
    new_only = name is not None or dry_run or quick or folds or seeds or groups is not None
    _check(config, resume, new_only=bool(new_only), old_only=allow_changes)
    _check_repeats(folds, seeds, groups)
    excluded = [*["--device"] * (device != "auto"), *["--profile"] * profile]
    if quick and excluded:
        raise UsageError(
            "--quick computes on the CPU: it takes neither --device nor --profile",
            hint=f"leave out {' and '.join(excluded)}, or train without --quick",
        )

    from imgrec.runs.folder import find
    from imgrec.runs.notes import checked_notes
    from imgrec.runs.repeats import find_repeats
    from imgrec.workflows import training
    from imgrec.workflows.data_argument import is_config

    notes = checked_notes(tags, note)
    chosen = training.TrainingOptions(profile, notes=notes)

    if config is None:
        if (folder := find_repeats(resume, runs_dir, resumable=True)) is not None:
            return _repeat(console, folder, chosen, device=device, as_json=as_json)
        run = find(resume, runs_dir, resumable=True)
        start = partial(
            training.resume, run, overrides=overrides, allow_changes=allow_changes, device=device
        )
    else:
        with _naming_groups(groups):
            changes = (*training.QUICK, *overrides) if quick else overrides
            grouping = () if groups is None else (f"data.group={json.dumps(groups)}",)
            experiment = _experiment(console, config, (*changes, *grouping, *naming(name)))
            if quick and is_config(config):
                console.say(
                    "--quick has its own preprocessing, augmentation, model, training and image "
                    f"size: those of {printable(config)} are not used"
                )
            if dry_run:
                if quick:
                    plan = training.plan_quick(experiment, runs_dir=runs_dir)
                else:
                    plan = training.plan_training(experiment, runs_dir=runs_dir, device=device)
                _show_plan(console, plan, as_json=as_json)
                if plan.missing is not None:
                    raise plan.missing
                return None
            if folds or seeds:
                folder = training.begin_repeats(
                    experiment,
                    "folds" if folds else "seeds",
                    folds or seeds or 0,
                    runs_dir=runs_dir,
                    quick=quick,
                )
                return _repeat(console, folder, chosen, device=device, as_json=as_json)
            if quick:
                start = partial(training.train_quick, experiment, runs_dir=runs_dir)
            else:
                start = partial(training.train, experiment, runs_dir=runs_dir, device=device)
    result = start(options=chosen, progress=console)
    return _show_result(console, result, as_json=as_json)


def _check(config: str | None, resume: str | None, *, new_only: bool, old_only: bool) -> None:
    if (config is None) == (resume is None):
        raise UsageError(
            "train takes one of: a folder of photos, a CONFIG, --resume RUN",
            hint="`imgrec train FOLDER` trains on a folder with one subfolder per class; `imgrec "
            "config list` shows the shipped configs, `imgrec runs list` the runs",
        )
    if resume is not None and new_only:
        raise UsageError(
            "--name, --dry-run, --quick, --folds, --groups and --seeds go with a CONFIG, "
            "not with --resume"
        )
    if config is not None and old_only:
        raise UsageError("--allow-changes goes with --resume, not with a CONFIG")


def _check_repeats(folds: int | None, seeds: int | None, groups: str | None) -> None:
    if folds and seeds:
        raise UsageError("--folds and --seeds can't be combined")
    if groups is not None and not folds:
        raise UsageError("--groups goes with --folds; --set data.group=GROUP sets it otherwise")


@contextlib.contextmanager
def _naming_groups(groups: str | None) -> Iterator[None]:
    """Let an error about `data.group` within the block name `--groups` if that has set it."""
    try:
        yield
    except GroupError as error:
        if groups is None:
            raise
        raise UsageError(f"--groups {error.problem}", hint=error.hint) from error


def _repeat(
    console: Console, folder: Path, options: TrainingOptions, *, device: str, as_json: bool
) -> None:
    """Train the runs of a folder, and show what they reach together."""
    from imgrec.workflows.training import train_repeats

    console.say(f"runs: {printable(str(folder))}")
    trained = train_repeats(folder, device=device, options=options, progress=console)
    if as_json:
        return console.document(trained.repeats)
    return show_repeats(console, folder, trained.repeats)


def show_repeats(console: Console, folder: Path, repeats: Repeats) -> None:
    """Print what several runs reach together, and a command that uses all of them as one model."""
    from imgrec.evaluation.results import MetricValue
    from imgrec.metrics import format_value
    from imgrec.report.wording import format_bounds, looks_fact

    path = shlex.quote(str(folder))
    if not repeats.metrics:
        console.result(f"runs:   {printable(str(folder))}, not all trained to their ends")
        return console.result(f"next:   imgrec train --resume {printable(path)}")
    rows = [
        (
            name,
            format_value(name, each.value),
            format_bounds(name, MetricValue(each.value, each.low, each.high)),
            format_bounds(name, MetricValue(each.value, min(each.runs), max(each.runs))),
        )
        for name, each in repeats.metrics.items()
    ]
    console.table(("metric", "mean", "95 % interval", f"range of {repeats.kind}"), rows)
    folds = repeats.kind == "folds"
    where = "held out, each once" if folds else f"in the {repeats.split} split"
    console.result(f"images: {repeats.images:,} {where}")
    for fact in looks_fact(repeats.test_looks):
        console.result(": ".join(fact))
    console.result(f"runs:   {printable(str(folder))}")
    return console.result(f"next:   imgrec predict PHOTO --model {printable(path)}")


def _experiment(console: Console, config: str, overrides: tuple[str, ...]) -> Experiment:
    from imgrec.workflows.experiment_argument import experiment_of

    experiment, found = experiment_of(config, overrides)
    if found:
        console.say(f"training with a config drafted for {printable(config)}")
    for line in found:
        console.say(f"  {line}")
    return experiment


def naming(name: str | None) -> tuple[str, ...]:
    """Return the override that names an experiment, none without a name."""
    # In JSON's quotes, YAML does not read a name such as 1e3 as a number.
    return () if name is None else (f"name={json.dumps(name)}",)


def _show_plan(console: Console, plan: DryRun, *, as_json: bool) -> None:
    if as_json:
        from imgrec.cli.documents import PlanDocument

        return console.document(PlanDocument(1, plan.config, plan.network, plan.counts))
    console.result(plan.config)
    show_network(console, plan.network)
    if plan.missing is not None:
        return None
    console.result("")
    splits = list(plan.counts)
    classes = list(plan.counts[splits[0]])
    rows = [[name, *(str(plan.counts[split][name]) for split in splits)] for name in classes]
    totals = [str(plan.images[split]) for split in splits]
    console.table(["images", *splits], [*rows, ["all", *totals]])
    return None


def _show_result(console: Console, result: TrainingResult, *, as_json: bool) -> None:
    from imgrec.report.documents import evaluation_document
    from imgrec.report.terminal.comparison import verdicts_text
    from imgrec.report.terminal.evaluation import evaluation_text
    from imgrec.report.wording import looks_fact

    run, assessment = result.run, result.assessment
    if as_json:
        return console.document(evaluation_document(assessment, path=str(run.path)))
    console.render(evaluation_text(assessment.evaluation))
    if assessment.verdicts:
        console.render(verdicts_text(assessment.verdicts))
    console.result(f"split:  {assessment.split}")
    for fact in looks_fact(assessment.test_looks):
        console.result(": ".join(fact))
    console.result(f"run:    {printable(str(run.path))}")
    console.result(f"report: {printable(str(run.path / 'report.html'))}")
    console.result(f"next:   imgrec predict PHOTO --model {printable(shlex.quote(str(run.path)))}")
    return None
