"""`imgrec data preview`."""

from __future__ import annotations

from pathlib import Path

import click

from imgrec.cli import options
from imgrec.cli.console import Console
from imgrec.text import shown


@options.group("data")
def data() -> None:
    """Look at the images of a config.

    Example: imgrec data preview cat_dog
    """


@data.command("preview")
@click.argument("config")
@click.option(
    "--output",
    type=click.Path(path_type=Path),
    default=Path("preview.png"),
    show_default=True,
    help="PNG file to write.",
)
@click.option(
    "--images",
    type=click.IntRange(1, 400),
    default=24,
    show_default=True,
    help="How many images to show.",
)
@options.overrides
@options.as_json
@click.pass_obj
def preview(
    console: Console,
    *,
    config: str,
    output: Path,
    images: int,
    overrides: tuple[str, ...],
    as_json: bool,
) -> None:
    """Draw augmented training images with their labels, as the training will see them.

    CONFIG is a file, or the name of a shipped config.

    Example: imgrec data preview cat_dog --output sheet.png
    """
    from imgrec.config.load import load
    from imgrec.files import write_bytes
    from imgrec.workflows.preview import preview as drawn

    experiment = load(config, overrides)
    options.refuse_existing(output)
    found = drawn(experiment, images)
    write_bytes(output, found.png())
    if as_json:
        return console.document({"path": str(output), "captions": list(found.captions)})
    return console.result(f"written: {shown(str(output))} ({len(found.captions)} images)")
