"""`imgrec init`."""

from __future__ import annotations

import shlex
from pathlib import Path

import click

from imgrec.cli import options
from imgrec.cli.console import Console
from imgrec.text import printable, wrapped


@options.command("init")
@click.argument("path", type=click.Path(path_type=Path))
@click.option(
    "--output",
    type=click.Path(path_type=Path),
    help="File to write, which must not exist.  [default: NAME.yaml in the working directory]",
)
@options.as_json
@click.pass_obj
def init(console: Console, *, path: Path, output: Path | None, as_json: bool) -> None:
    """Write a config for a folder of images, or for a data file.

    PATH is a folder of images, with one subfolder per class or with split folders (train, val,
    test) that contain those, or a data file, such as a CSV file of paths and labels.

    Example: imgrec init photos --output photos.yaml
    """
    from imgrec.config.load import CONFIG_SUFFIXES
    from imgrec.files import chosen_output, write_text
    from imgrec.workflows.init import draft_config

    drafted = draft_config(path)
    written = chosen_output(output, Path(f"{drafted.name}.yaml"), CONFIG_SUFFIXES, edited=True)
    write_text(written, drafted.config)
    found = [*drafted.found, *drafted.bad]
    if as_json:
        from imgrec.cli.documents import InitDocument

        return console.document(InitDocument(1, str(written), (*found, *drafted.gaps)))
    console.result("\n".join([*found, *(wrapped(gap, first="") for gap in drafted.gaps)]))
    return console.result(f"written: {printable(str(written))}\nnext:    {_next_command(written)}")


def _next_command(path: Path) -> str:
    return f"imgrec train {printable(shlex.quote(str(path)))}"
