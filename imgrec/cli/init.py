"""`imgrec init`."""

from __future__ import annotations

import shlex
from pathlib import Path

import click

from imgrec.cli import options
from imgrec.cli.console import Console
from imgrec.text import printable


@options.command("init")
@click.argument("folder", type=click.Path(path_type=Path))
@click.option(
    "--output",
    type=click.Path(path_type=Path),
    help="File to write.  [default: FOLDER.yaml in the working directory]",
)
@options.as_json
@click.pass_obj
def init(console: Console, *, folder: Path, output: Path | None, as_json: bool) -> None:
    """Write a config for a folder of images.

    FOLDER contains one subfolder of images per class, or split folders (train, val, test) that
    contain those.

    Example: imgrec init photos --output photos.yaml
    """
    from imgrec.files import refuse_existing, write_text
    from imgrec.workflows.init import draft_config

    drafted = draft_config(folder)
    path = output or Path(f"{drafted.name}.yaml")
    refuse_existing(path)
    write_text(path, drafted.config)
    found = [*drafted.found, *drafted.bad, *drafted.gaps]
    if as_json:
        return console.document({"path": str(path), "found": found})
    console.result("\n".join(found))
    return console.result(f"written: {printable(str(path))}\nnext:    {_next_command(path)}")


def _next_command(path: Path) -> str:
    return f"imgrec train {printable(shlex.quote(str(path)))}"
