"""`imgrec calibrate`."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from imgrec.cli import evaluation_options, options
from imgrec.cli.console import Console
from imgrec.cli.new_run import show_new_run
from imgrec.errors import UsageError
from imgrec.text import printable

if TYPE_CHECKING:
    from imgrec.evaluation.selective_prediction import Target


@options.command("calibrate")
@click.argument("runs", metavar="RUN", nargs=-1, required=True)
@click.option(
    "--data",
    required=True,
    type=click.Path(path_type=Path),
    help="Images that the model was not trained on: a folder with one subfolder per class, or per "
    "split.",
)
@evaluation_options.split
@evaluation_options.class_names
@click.option(
    "--precision",
    type=float,
    metavar="NUMBER",
    help='Choose the threshold below which an answer is "unknown": at least this fraction of the '
    "other answers is right, such as 0.98.",
)
@click.option(
    "--coverage",
    type=float,
    metavar="NUMBER",
    help="Choose the threshold so that at least this fraction of the images is answered.",
)
@click.option("--name", help="Name of the new run.  [default: that of RUN]")
@options.as_json
@options.runs_dir
@click.pass_obj
def calibrate(
    console: Console,
    *,
    runs: tuple[str, ...],
    data: Path,
    split: str | None,
    names: Mapping[str, str],
    precision: float | None,
    coverage: float | None,
    name: str | None,
    as_json: bool,
    runs_dir: Path,
) -> None:
    """Calibrate a run on labelled images, as a new run.

    The probabilities of the new run match how often it is right on such images (temperature
    scaling). With --precision or --coverage, it also answers "unknown", so that this target is
    kept on new images of the same kind with 95 % confidence. That does not recognise photos unlike
    the training images, unless RUN was trained to. RUN itself stays as it is.

    Example: imgrec calibrate flowers-1 --data photos --precision 0.98
    """
    target = _target(precision, coverage)
    reference = _single(runs)

    from imgrec.runs.folder import find
    from imgrec.workflows.calibration import CalibrationRequest, calibrate_run
    from imgrec.workflows.evaluation import ImageChoice

    wanted = CalibrationRequest(ImageChoice(data, split, names), target, name)
    run = calibrate_run(find(reference, runs_dir), wanted, runs_dir=runs_dir, progress=console)
    show_new_run(console, run, as_json=as_json)


def _target(precision: float | None, coverage: float | None) -> tuple[Target, float] | None:
    if precision is not None and coverage is not None:
        raise UsageError("--precision and --coverage can't be combined")
    if precision is not None:
        return "precision", precision
    return None if coverage is None else ("coverage", coverage)


def _single(runs: Sequence[str]) -> str:
    if len(runs) > 1:
        raise UsageError(
            "an ensemble can't be calibrated: each run has its own temperature",
            hint=f"calibrate one run, such as {printable(shlex.quote(runs[0]))}",
        )
    return runs[0]
