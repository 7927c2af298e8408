"""`imgrec runs push`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, cast

import click

from imgrec.cli import options
from imgrec.cli.console import Console
from imgrec.text import printable

if TYPE_CHECKING:
    from imgrec.workflows.tracking import TrackerName


@options.command("push")
@click.argument("references", metavar="RUN...", nargs=-1, required=True)
@click.option(
    "--to",
    "names",
    multiple=True,
    required=True,
    type=click.Choice(["mlflow", "tensorboard"]),
    help="Where. Can be repeated.",
)
@click.option(
    "--uri",
    metavar="ADDRESS",
    default="",
    help="MLflow's server.  [default: the config's tracking.mlflow.uri, or $MLFLOW_TRACKING_URI]",
)
@click.option(
    "--experiment",
    metavar="NAME",
    default="",
    help="MLflow's experiment.  [default: the config's tracking.mlflow.experiment, or its name]",
)
@options.runs_dir
@click.pass_obj
def push(
    console: Console,
    *,
    references: tuple[str, ...],
    names: tuple[str, ...],
    uri: str,
    experiment: str,
    runs_dir: Path,
) -> None:
    """Add runs to MLflow, or write their TensorBoard logs.

    RUN is a folder, the name of a run, or last. Nothing is added twice, so this also completes what
    a training could not add because the server was away.

    Example: imgrec runs push last --to mlflow --uri http://localhost:5000
    """
    from imgrec.runs.folder import find

    found = [find(name, runs_dir) for name in references]

    from imgrec.workflows.tracking import destination_of, push_run

    wanted = cast("tuple[TrackerName, ...]", tuple(dict.fromkeys(names)))
    destinations = [destination_of(run, wanted, uri, experiment) for run in found]
    for run, destination in zip(found, destinations, strict=True):
        for place in push_run(run, destination):
            console.result(f"{printable(run.name)}: {printable(place)}")
