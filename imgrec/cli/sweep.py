"""`imgrec sweep`, and `imgrec sweep show|resume|stop|report|finish`."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from imgrec.cli import options
from imgrec.cli.console import Console
from imgrec.cli.sweep_trials import follow_trials, show_trials
from imgrec.cli.train import naming
from imgrec.text import count_of, printable

if TYPE_CHECKING:
    from imgrec.evaluation.results import MetricValue
    from imgrec.workflows.sweep import (
        Finished,
        SweepFolder,
        SweepStorage,
        Winner,
    )

_Function = TypeVar("_Function", bound=Callable[..., Any])
START = "start"
"""The command that `imgrec sweep` means if its first argument names no other."""


class SweepGroup(options.Group):
    """A group whose first argument may be a config, for `start`."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse the arguments; those of `start` need not name it."""
        own = {name for each in self.get_params(ctx) for name in each.opts}
        if args and args[0] not in {*self.commands, *own}:
            args = [START, *args]
        return super().parse_args(ctx, args)


@click.group("sweep", cls=SweepGroup)
def sweep() -> None:
    """Search for better values of a config's keys.

    `imgrec sweep CONFIG` means `imgrec sweep start CONFIG`. SWEEP is the name of a sweep: that of
    its config, or --name.

    Example: imgrec sweep small_cnn.yaml
    """


def _storage(function: _Function) -> _Function:
    return click.option(
        "--storage",
        metavar="ADDRESS",
        help="Keep the list of trials in this database, such as postgresql+psycopg://HOST/NAME, "
        "instead of a file in the sweep's folder.",
    )(function)


@sweep.command(START)
@click.argument("config", metavar="CONFIG")
@click.option("--worker", is_flag=True, help="Join the sweep if it has begun already.")
@options.overrides
@click.option("--name", help="Name of the sweep.  [default: the config's name]")
@click.option(
    "--quick",
    is_flag=True,
    help="Train each trial as by `imgrec train --quick`, without TensorFlow.",
)
@_storage
@options.device
@options.as_json
@options.runs_dir
@click.pass_obj
def start(
    console: Console,
    *,
    config: str,
    worker: bool,
    overrides: tuple[str, ...],
    name: str | None,
    quick: bool,
    storage: str | None,
    device: str,
    as_json: bool,
    runs_dir: Path,
) -> None:
    """Begin a sweep, or join it as one more worker.

    CONFIG is a YAML file with a section `sweep`. Each trial is a run in the folder
    RUNS/sweeps/NAME/trials, evaluated on the validation images. Ctrl-C ends a worker; what it was
    training is continued by the next one.

    Example: imgrec sweep start photos.yaml --set sweep.trials=20
    """
    from imgrec.workflows.experiment_argument import experiment_of
    from imgrec.workflows.sweep import start_sweep
    from imgrec.workflows.training import QUICK

    changes = (*QUICK, *overrides) if quick else overrides
    experiment, _ = experiment_of(config, (*changes, *naming(name)))
    folder, found = start_sweep(
        experiment, runs_dir=runs_dir, join=worker, storage=storage, quick=quick
    )
    _work(console, folder, found, device=device, as_json=as_json)


@sweep.command("resume")
@click.argument("name", metavar="SWEEP")
@_storage
@options.device
@options.as_json
@options.runs_dir
@click.pass_obj
def resume(
    console: Console,
    *,
    name: str,
    storage: str | None,
    device: str,
    as_json: bool,
    runs_dir: Path,
) -> None:
    """Continue a sweep that was stopped or killed, or join it.

    A trial whose process ended is continued from its checkpoint.

    Example: imgrec sweep resume photos
    """
    folder, found = _opened(name, runs_dir, storage)
    found.stopped = False
    _work(console, folder, found, device=device, as_json=as_json)


@sweep.command("stop")
@click.argument("name", metavar="SWEEP")
@_storage
@options.runs_dir
@click.pass_obj
def stop(console: Console, *, name: str, storage: str | None, runs_dir: Path) -> None:
    """Let all workers end after the trial that they are training.

    Example: imgrec sweep stop photos
    """
    from imgrec.workflows.sweep import trials_of

    folder, found = _opened(name, runs_dir, storage)
    trials, planned = found.observed(), trials_of(folder)
    if sum(each.seconds is not None for each in trials) == planned:
        return console.say(f"the sweep has ended already, after {count_of(planned, 'trial')}")
    found.stopped = True
    running = any(each.state == "running" for each in trials)
    ending = "its workers end after their trials" if running else "no worker is training a trial"
    return console.say(f"{ending}; `imgrec sweep resume {printable(folder.name)}` continues it")


@sweep.command("show")
@click.argument("name", metavar="SWEEP")
@_storage
@options.as_json
@options.runs_dir
@click.pass_obj
def show(
    console: Console, *, name: str, storage: str | None, as_json: bool, runs_dir: Path
) -> None:
    """Show the trials of a sweep, best first.

    Example: imgrec sweep show photos
    """
    folder, found = _opened(name, runs_dir, storage)
    show_trials(console, folder, found.observed(), as_json=as_json)


@sweep.command("report")
@click.argument("name", metavar="SWEEP")
@click.option(
    "--output",
    type=click.Path(path_type=Path),
    help="Also write an HTML file: the page of `imgrec runs report` with all trials.",
)
@_storage
@options.as_json
@options.runs_dir
@click.pass_obj
def report(
    console: Console,
    *,
    name: str,
    output: Path | None,
    storage: str | None,
    as_json: bool,
    runs_dir: Path,
) -> None:
    """Show the best trial, corrected for having been chosen, and which trials tie with it.

    Of many equally good trials, the best one looks better than it is. See docs/sweep.md.

    Example: imgrec sweep report photos --output board.html
    """
    from imgrec.files import check_suffix, check_writable
    from imgrec.workflows.sweep import find_winner, write_sweep_board

    if output is not None:
        check_suffix(output, (".html",))
        check_writable(output)
    folder, found = _opened(name, runs_dir, storage)
    trials = found.observed()
    winner = find_winner(folder, trials)
    if output is not None:
        write_sweep_board(folder, trials, winner, output)
    if as_json:
        return console.document(winner)
    return _show_winner(console, folder, winner)


@sweep.command("finish")
@click.argument("name", metavar="SWEEP")
@click.option(
    "--trial",
    type=click.IntRange(0),
    metavar="N",
    help="Finish with this trial.  [default: the cheapest of those that tie with the best]",
)
@_storage
@options.device
@options.as_json
@options.runs_dir
@click.pass_obj
def finish(
    console: Console,
    *,
    name: str,
    trial: int | None,
    storage: str | None,
    device: str,
    as_json: bool,
    runs_dir: Path,
) -> None:
    """Train the best trial with new seeds, and evaluate the models on the test images, once.

    The new runs are in RUNS/sweeps/NAME/finalists, which `imgrec predict --model` takes as one
    model, the mean of them. Without test images, they are not evaluated.

    Example: imgrec sweep finish photos
    """
    from imgrec.workflows.sweep import finish_sweep

    folder, found = _opened(name, runs_dir, storage)
    winner, finished = finish_sweep(
        folder, found.trials(), number=trial, device=device, progress=console
    )
    if as_json:
        return console.document(finished)
    _show_winner(console, folder, winner)
    return _show_finished(console, finished)


def _show_finished(console: Console, finished: Finished) -> None:
    if finished.split is not None:
        _show_tested(console, finished)
    console.result(f"next: imgrec predict PHOTO --model {printable(shlex.quote(finished.path))}")


def _show_tested(console: Console, finished: Finished) -> None:
    from imgrec.evaluation.results import MetricValue
    from imgrec.metrics import format_value
    from imgrec.report.wording import format_bounds, looks_fact

    def shown(name: str, value: MetricValue) -> str:
        bounds = format_bounds(name, value)
        return format_value(name, value.value) + (f" ({bounds})" if bounds else "")

    rows = [
        (name, shown(name, MetricValue(each.value, each.low, each.high)), shown(name, one))
        for name, each in finished.metrics.items()
        if (one := finished.mean.get(name)) is not None
    ]
    console.result("")
    console.table(("test", "of a run (95 % interval)", "of their mean as one model"), rows)
    runs = count_of(max(len(each.runs) for each in finished.metrics.values()), "run")
    images = count_of(finished.images, "test image")
    console.result(f"trial {finished.trial} with new seeds: {runs}, on {images}")
    for fact in looks_fact(finished.test_looks):
        console.result(": ".join(fact))


def _show_winner(console: Console, folder: SweepFolder, winner: Winner) -> None:
    from imgrec.workflows.sweep import found_in_words

    for name, lines in found_in_words(winner):
        console.result(f"{name}: " + "\n  ".join(map(printable, lines)))
    console.result(f"run: {printable(str(folder.run_of(winner.cheapest)))}")


def _opened(name: str, runs_dir: Path, storage: str | None) -> tuple[SweepFolder, SweepStorage]:
    from imgrec.workflows.sweep import SweepStorage, open_sweep, sweep_path

    folder = open_sweep(sweep_path(runs_dir, name))
    return folder, SweepStorage(folder, storage)


def _work(
    console: Console, folder: SweepFolder, storage: SweepStorage, *, device: str, as_json: bool
) -> None:
    from imgrec.workflows.sweep import work

    console.say(f"sweep: {printable(str(folder.path))}")
    work(folder, storage, partial(follow_trials, console), device=device, progress=console)
    show_trials(console, folder, storage.observed(), as_json=as_json)
