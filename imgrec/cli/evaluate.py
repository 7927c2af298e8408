"""`imgrec evaluate`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

from imgrec.cli import options
from imgrec.cli.console import Console
from imgrec.cli.silence import only_python_speaks
from imgrec.text import shown

if TYPE_CHECKING:
    from imgrec.evaluation.assessment import Assessment
    from imgrec.runtime.engine import EngineName, Precision
    from imgrec.slicing import SliceBy, Turn


@options.command("evaluate")
@click.argument("run", required=False)
@click.option(
    "--data",
    type=click.Path(path_type=Path),
    help="Folder of class folders, or of split folders, to measure on.",
)
@click.option(
    "--split",
    type=click.Choice(["train", "validation", "test"]),
    help="Part of the data to measure on.  [default: test, else validation]",
)
@options.engine
@options.slices
@options.device
@click.option(
    "--report",
    "reports",
    type=click.Path(path_type=Path),
    multiple=True,
    metavar="FILE",
    help="File to write: .xml (JUnit), .md, .json, .csv or .html; may be repeated.",
)
@options.as_json
@options.runs_dir
@click.pass_obj
def evaluate(
    console: Console,
    *,
    run: str | None,
    data: Path | None,
    split: str | None,
    engine: EngineName,
    precision: Precision,
    slices: tuple[SliceBy, ...],
    rotate: tuple[Turn, ...],
    device: str,
    reports: tuple[Path, ...],
    as_json: bool,
    runs_dir: Path,
) -> None:
    """Measure a run on images whose classes are known.

    RUN is a folder, a name below the runs folder, or last, which is the default. In a job of
    GitHub Actions, the .md report becomes part of the job's summary.

    Example: imgrec evaluate last --split test
    """
    from imgrec.runs.folder import find

    found = find(run, runs_dir)

    from imgrec.runtime.engine import Computing
    from imgrec.slicing import Slicing
    from imgrec.workflows import evaluate as workflow

    with only_python_speaks():
        assessment = workflow.evaluate(
            found,
            data=data,
            split=split,
            slicing=Slicing(slices, rotate),
            computing=Computing(engine, precision, device),
            reports=reports,
            progress=console,
        )
    _summarise(assessment)
    _show(console, assessment, as_json=as_json)


def _summarise(assessment: Assessment) -> None:
    """Add the Markdown report to the summary of the GitHub job that this is part of, if any."""
    if place := os.environ.get("GITHUB_STEP_SUMMARY"):
        from imgrec.workflows.reports import append_summary

        append_summary(Path(place), assessment)


def _show(console: Console, assessment: Assessment, *, as_json: bool) -> None:
    from imgrec.report.evaluation_json import evaluation_json
    from imgrec.report.evaluation_text import evaluation_text

    run, split, source = assessment.run, assessment.split, assessment.source
    if as_json:
        return console.result(
            evaluation_json(assessment.evaluation, run=run, split=split, data=source)
        )
    console.result(f"{shown(run)} on {split}: {shown(source)}")
    return console.render(evaluation_text(assessment.evaluation))
