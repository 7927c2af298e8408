"""`imgrec evaluate`."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from imgrec.cli import evaluation_options, options
from imgrec.cli.console import Console
from imgrec.errors import RunError
from imgrec.interface import option
from imgrec.slicing import Slicing
from imgrec.text import count_of, printable

if TYPE_CHECKING:
    from imgrec.corruption import Corruption
    from imgrec.evaluation.results import Assessment
    from imgrec.requirement import Requirement
    from imgrec.runs.folder import Run
    from imgrec.runtime.engine import EngineName, LiteRTPrecision
    from imgrec.slicing import SliceBy

NOT_MET = 1
"""The exit status if a requirement is not met; nothing else uses it."""


@options.command("evaluate")
@click.argument("runs", metavar="[RUN]...", nargs=-1)
@evaluation_options.images
@evaluation_options.gate
@options.slices
@options.corrupting
@options.engine
@options.device
@click.option(
    "--strict-versions",
    is_flag=True,
    help="Fail with status 4 if the decoder, Pillow, a codec or the engine's library has another "
    "version than the run was made with. Default: warn.",
)
@click.option(
    "--report",
    "reports",
    type=click.Path(path_type=Path),
    multiple=True,
    metavar="FILE",
    help="Report to write: .xml (JUnit), .md, .json, .csv or .html, replaced if it exists. "
    "Can be repeated.",
)
@options.as_json
@options.runs_dir
@click.pass_context
def evaluate(
    context: click.Context,
    *,
    runs: tuple[str, ...],
    data: Path | None,
    split: str | None,
    names: dict[str, str],
    allow_leakage: bool,
    requirements: tuple[Requirement, ...],
    baseline: str | None,
    max_drop: dict[str, float],
    confidence: float | None,
    slices: tuple[SliceBy, ...],
    rotate: tuple[Corruption, ...],
    blur: tuple[Corruption, ...],
    noise: tuple[Corruption, ...],
    brightness: tuple[Corruption, ...],
    jpeg: tuple[Corruption, ...],
    engine: EngineName,
    precision: LiteRTPrecision,
    device: str,
    strict_versions: bool,
    reports: tuple[Path, ...],
    as_json: bool,
    runs_dir: Path,
) -> None:
    """Evaluate a run on labelled images.

    RUN is a folder, the name of a run, or last (the default). Several runs are evaluated as one
    ensemble, which averages their probabilities. The exit status is 1 if a requirement, given
    here or in the config, is not met. In a GitHub Actions job, the Markdown report is appended to
    the job summary.

    Example: imgrec evaluate last --require 'accuracy >= 0.95' --baseline cats-3
    """
    corruptions = (*rotate, *blur, *noise, *brightness, *jpeg)
    models = _models(runs, runs_dir, corruptions)

    from imgrec.runtime.engine import EngineOptions
    from imgrec.workflows import evaluation as workflow
    from imgrec.workflows.gate import Gate

    request = workflow.EvaluationRequest(
        images=workflow.ImageChoice(data, split, names),
        slicing=Slicing(slices, corruptions),
        gate=Gate(requirements, baseline, max_drop, confidence),
        allow_leakage=allow_leakage,
        runs_dir=runs_dir,
        reports=reports,
    )
    engine_options = EngineOptions(engine, precision, device, strict_versions)
    assessment = workflow.evaluate(
        models, request, engine_options=engine_options, progress=context.obj
    )
    _conclude(context, assessment, as_json=as_json)


def _models(runs: Sequence[str], runs_dir: Path, corruptions: Sequence[Corruption]) -> list[Run]:
    from imgrec.runs.repeats import find_members

    try:
        return [run for each in runs or ("last",) for run in find_members(each, runs_dir)]
    except RunError as error:
        number = next(filter(_is_number, runs), None)
        if number is None or not corruptions:
            raise
        kind, _, level = str(corruptions[-1]).partition("=")
        hint = f"write several levels with a comma, such as {option(kind, f'{level},{number}')}"
        raise RunError(error.message, hint=hint) from error


def _is_number(text: str) -> bool:
    return text.replace(".", "", 1).isdecimal()


def _conclude(context: click.Context, assessment: Assessment, *, as_json: bool) -> None:
    console: Console = context.obj
    _summarise(assessment)
    _show(console, assessment, as_json=as_json)
    if not assessment.passed:
        _say_not_met(console, assessment)
        context.exit(NOT_MET)


def _summarise(assessment: Assessment) -> None:
    """Append the Markdown report to the job summary when running in GitHub Actions."""
    if place := os.environ.get("GITHUB_STEP_SUMMARY"):
        from imgrec.workflows.reports import append_summary

        append_summary(Path(place), assessment)


def _show(console: Console, assessment: Assessment, *, as_json: bool) -> None:
    from imgrec.report.documents import evaluation_document
    from imgrec.report.terminal.comparison import differences_text, verdicts_text
    from imgrec.report.terminal.evaluation import evaluation_text
    from imgrec.report.wording import looks_fact

    if as_json:
        return console.document(evaluation_document(assessment))
    run, split, source = assessment.run, assessment.split, assessment.source
    console.result(f"{printable(run)} on {split}: {printable(source)}")
    for fact in looks_fact(assessment.test_looks):
        console.result(": ".join(fact))
    console.render(evaluation_text(assessment.evaluation))
    if assessment.comparison:
        console.render(differences_text(assessment.comparison, assessment.evaluation))
    if assessment.verdicts:
        console.render(verdicts_text(assessment.verdicts))
    return None


def _say_not_met(console: Console, assessment: Assessment) -> None:
    missed = [verdict for verdict in assessment.verdicts if not verdict.met]
    for verdict in missed:
        console.say(f"not met: {verdict.requirement}: {verdict.reason}")
    of_all = f"{len(missed)} of {count_of(len(assessment.verdicts), 'requirement')}"
    console.say(f"imgrec: {of_all} not met")
