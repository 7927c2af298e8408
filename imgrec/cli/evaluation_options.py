"""The options of commands that measure runs: on which images, and what has to be reached."""

from __future__ import annotations

import math
from pathlib import Path
from typing import NoReturn

import click

from imgrec.cli.options import Function
from imgrec.requirement import Requirement, parse, unpaired
from imgrec.text import printable


def images(function: Function) -> Function:
    """Add `--data`, `--split`, `--map` and `--allow-leakage`: the images to measure on."""
    options = (
        click.option(
            "--data",
            type=click.Path(path_type=Path),
            help="Folder of class folders, or of split folders, to measure on.",
        ),
        click.option(
            "--split",
            type=click.Choice(["train", "validation", "test"]),
            help="Part of the data to measure on.  [default: test, else validation]",
        ),
        click.option(
            "--map",
            "names",
            multiple=True,
            metavar="NAME=CLASS",
            callback=_names,
            help="The run's CLASS for a class that --data calls NAME; may be repeated.",
        ),
        click.option(
            "--allow-leakage",
            is_flag=True,
            help="Go on where the model was trained on some of the images.",
        ),
    )
    return _added(function, options)


def gate(function: Function) -> Function:
    """Add `--require`, `--baseline`, `--max-drop` and `--confidence`."""
    options = (
        click.option(
            "--require",
            "requirements",
            multiple=True,
            metavar="TEXT",
            callback=_requirements,
            help="What has to hold, as 'accuracy >= 0.95', besides what the config requires; "
            "may be repeated.",
        ),
        click.option(
            "--baseline",
            metavar="RUN",
            help="Run that the model must not fall behind, on the same images.",
        ),
        click.option(
            "--max-drop",
            multiple=True,
            metavar="METRIC=NUMBER",
            callback=_drops,
            help="By how much a metric may be worse than the baseline's; may be repeated.  "
            "[default: accuracy=0]",
        ),
        confidence,
    )
    return _added(function, options)


def _confidence(
    _context: click.Context, _parameter: click.Parameter, value: float | None
) -> float | None:
    if value is not None and not 0.5 <= value < 1:
        raise click.BadParameter(f"{value} is not from 0.5 to below 1")
    return value


confidence = click.option(
    "--confidence",
    type=float,
    metavar="NUMBER",
    callback=_confidence,
    help="How sure it has to be that two runs differ.  [default: 0.95]",
)
"""Adds `--confidence`: None where it is not given."""


def _added(function: Function, options: tuple[object, ...]) -> Function:
    for option in reversed(options):
        function = option(function)  # type: ignore[operator]
    return function


def _names(
    _context: click.Context, _parameter: click.Parameter, texts: tuple[str, ...]
) -> dict[str, str]:
    return dict(_pair(text, "NAME=CLASS") for text in texts)


def _requirements(
    _context: click.Context, _parameter: click.Parameter, texts: tuple[str, ...]
) -> tuple[Requirement, ...]:
    return tuple(map(parse, texts))


def _drops(
    _context: click.Context, _parameter: click.Parameter, texts: tuple[str, ...]
) -> dict[str, float]:
    return dict(map(_drop, texts))


def _drop(text: str) -> tuple[str, float]:
    name, number = _pair(text, "METRIC=NUMBER")
    if reason := unpaired(name):
        _refuse(text, reason)
    try:
        drop = float(number)
    except ValueError:
        drop = math.nan
    if not 0 <= drop < math.inf:
        _refuse(text, f"{printable(number)} is no number from 0")
    return name, drop


def _pair(text: str, form: str) -> tuple[str, str]:
    name, equals, value = (part.strip() for part in text.partition("="))
    if not (name and equals and value):
        _refuse(text, f"is not of the form {form}")
    return name, value


def _refuse(text: str, problem: str) -> NoReturn:
    raise click.BadParameter(f"{printable(text)}: {problem}")
