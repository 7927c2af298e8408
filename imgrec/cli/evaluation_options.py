"""Options of the commands that evaluate runs: on which images, and with which requirements."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import click

from imgrec.cli import options
from imgrec.cli.options import Function, pair, refuse_repeated
from imgrec.text import printable

if TYPE_CHECKING:
    from imgrec.requirement import Requirement


split = click.option(
    "--split",
    type=click.Choice(["train", "validation", "test"]),
    help="Split to use.  [default: test, else validation]",
)
"""Adds `--split`."""

class_names = options.class_names(
    "Count the class NAME of --data as the run's CLASS, or as any of several."
)
"""Adds `--map` to a command that has `--data`."""


def images(function: Function) -> Function:
    """Add `--data`, `--split`, `--map` and `--allow-leakage`: the images to evaluate on."""
    added = (
        click.option(
            "--data",
            type=click.Path(path_type=Path),
            help="Images to evaluate on: a folder with one subfolder per class, or per split.",
        ),
        split,
        class_names,
        click.option(
            "--allow-leakage",
            is_flag=True,
            help="Evaluate even if the model was trained on some of the images.",
        ),
    )
    return _added(function, added)


def gate(function: Function) -> Function:
    """Add `--require`, `--baseline`, `--max-drop` and `--confidence`."""
    added = (
        click.option(
            "--require",
            "requirements",
            multiple=True,
            metavar="TEXT",
            callback=_requirements,
            help="Requirement such as 'accuracy >= 0.95', in addition to those in the config. "
            "Can be repeated.",
        ),
        click.option(
            "--baseline",
            metavar="RUN",
            help="Run to compare with, on the same images; the model must not be worse.",
        ),
        click.option(
            "--max-drop",
            multiple=True,
            metavar="METRIC=NUMBER",
            callback=_drops,
            help="How much worse than the baseline a metric may be. Can be repeated.  "
            "[default: accuracy=0]",
        ),
        confidence,
    )
    return _added(function, added)


def _confidence(
    _context: click.Context, _parameter: click.Parameter, value: float | None
) -> float | None:
    if value is not None and not 0.5 <= value < 1:
        raise click.BadParameter(f"{value} is not at least 0.5 and below 1")
    return value


confidence = click.option(
    "--confidence",
    type=float,
    metavar="NUMBER",
    callback=_confidence,
    help="Confidence from which a difference between runs counts as real.  [default: 0.95]",
)
"""Adds `--confidence`; None if it is not given."""


def _added(function: Function, decorators: tuple[object, ...]) -> Function:
    for option in reversed(decorators):
        function = option(function)  # type: ignore[operator]
    return function


def _requirements(
    _context: click.Context, _parameter: click.Parameter, texts: tuple[str, ...]
) -> tuple[Requirement, ...]:
    from imgrec.requirement import parse  # help loads no NumPy

    return tuple(map(parse, texts))


def _drops(
    _context: click.Context, _parameter: click.Parameter, texts: tuple[str, ...]
) -> dict[str, float]:
    from imgrec.requirement import with_top_k  # help loads no NumPy

    found = [_drop(text) for text in texts]
    refuse_repeated([with_top_k(name) for name, _ in found])
    return dict(found)


def _drop(text: str) -> tuple[str, float]:
    from imgrec.requirement import unpaired  # help loads no NumPy

    name, number = pair(text, "METRIC=NUMBER")
    if reason := unpaired(name):
        _refuse(text, reason)
    try:
        drop = float(number)
    except ValueError:
        drop = math.nan
    if not 0 <= drop < math.inf:
        _refuse(text, f"{printable(number)} is not a number of at least 0")
    return name, drop


def _refuse(text: str, problem: str) -> NoReturn:
    raise click.BadParameter(f"{printable(text)}: {problem}")
