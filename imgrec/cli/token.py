"""`imgrec token`."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import click

from imgrec.cli import options
from imgrec.cli.console import Console


@options.group("token")
def token() -> None:
    """Make tokens for `imgrec serve`.

    Example: imgrec token add tokens.json --right ask
    """


@token.command("add")
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "--right",
    type=click.Choice(["ask", "manage"]),
    required=True,
    help="What it allows: to have photos classified, or also to manage the models.",
)
@click.pass_obj
def add(console: Console, *, file: Path, right: Literal["ask", "manage"]) -> None:
    """Add a new token to FILE, and print it.

    FILE has only its hash, so that the token is never shown again. To withdraw a token, remove its
    entry from FILE, and send SIGHUP to the service.

    Example: imgrec token add tokens.json --right manage
    """
    from imgrec.serve.security import add_token

    console.result(add_token(file, right))
