"""`imgrec data preview|pack`."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from imgrec.cli import options
from imgrec.cli.console import Console
from imgrec.text import count_of, printable

if TYPE_CHECKING:
    from imgrec.workflows.pack import Packed


@options.group("data")
def data() -> None:
    """Preview images, or pack them into TFRecord files.

    Example: imgrec data preview cat_dog
    """


@data.command("preview")
@click.argument("config", metavar="CONFIG|PATH")
@click.option(
    "--output",
    type=click.Path(path_type=Path),
    help="PNG file to write, replaced if it exists.  [default: preview.png, which must not exist]",
)
@click.option(
    "--images",
    type=click.IntRange(1, 400),
    default=24,
    show_default=True,
    help="Number of images to show.",
)
@click.option(
    "--variants",
    type=click.IntRange(1, 9),
    default=2,
    show_default=True,
    help="Number of augmented variants beside each image.",
)
@options.overrides
@options.as_json
@click.pass_obj
def preview(
    console: Console,
    *,
    config: str,
    output: Path | None,
    images: int,
    variants: int,
    overrides: tuple[str, ...],
    as_json: bool,
) -> None:
    """Draw training images with augmented variants.

    The sheet also shows the label of each image.

    CONFIG is a YAML file or the name of a shipped config. PATH is a folder of images or a data
    file; imgrec drafts a config for it.

    Example: imgrec data preview cat_dog --output sheet.png
    """
    from imgrec.files import chosen_output, write_bytes
    from imgrec.workflows.experiment_argument import experiment_of
    from imgrec.workflows.preview import preview as drawn

    experiment, _ = experiment_of(config, overrides)
    path = chosen_output(output, Path("preview.png"), (".png",))
    found = drawn(experiment, images, variants)
    write_bytes(path, found.png())
    if as_json:
        from imgrec.cli.documents import PreviewDocument

        return console.document(PreviewDocument(1, str(path), tuple(found.captions)))
    drawn_images = count_of(len(found.captions) // (1 + found.variants), "image")
    each = f", each with {count_of(found.variants, 'variant')}" if found.variants else ""
    return console.result(f"written: {printable(str(path))} ({drawn_images}{each})")


@data.command("pack")
@click.argument("source", metavar="CONFIG|PATH")
@click.option(
    "--shards",
    type=click.IntRange(1, 99_999),
    default=1,
    show_default=True,
    help="Number of files to write per split.",
)
@click.option(
    "--output",
    type=click.Path(path_type=Path),
    help="New folder to write to.  [default: NAME-tfrecord in the working directory]",
)
@options.overrides
@options.as_json
@click.pass_obj
def pack(
    console: Console,
    *,
    source: str,
    shards: int,
    output: Path | None,
    overrides: tuple[str, ...],
    as_json: bool,
) -> None:
    """Pack images into TFRecord files, with a manifest of their hashes.

    CONFIG is a YAML file or the name of a shipped config; its splits are kept. PATH is a folder of
    class folders or of split folders, or a data file. The image files are stored unchanged.

    Example: imgrec data pack cat_dog --shards 4 --output packed
    """
    from imgrec.files import refuse_existing
    from imgrec.workflows import pack as workflow
    from imgrec.workflows.data_argument import data_argument, is_config

    found = data_argument(source, overrides)
    folder = output or Path(f"{found.name}-tfrecord")
    refuse_existing(folder, "folder")
    packed = workflow.pack(found, folder, shards=shards, progress=console)
    if as_json:
        return console.document(
            workflow.PackDocument(1, str(folder), packed.overrides, packed.manifest)
        )
    console.result(f"written: {printable(str(folder))} ({_contents(packed)})")
    if is_config(source):
        command = shlex.join(["imgrec", "train", source, *_setting(overrides, packed.overrides)])
        console.result(f"next:    {printable(command)}")
    return None


def _contents(packed: Packed) -> str:
    parts = [f"{split} {part.images:,}" for split, part in packed.manifest.splits.items()]
    images = sum(part.images for part in packed.manifest.splits.values())
    files = count_of(len(packed.manifest.shards), "file")
    return f"{count_of(images, 'image')} in {files}: {', '.join(parts)}"


def _setting(given: Sequence[str], needed: Sequence[str]) -> list[str]:
    """Return `--set` options: those of `given` that still apply, and those `needed` now."""
    keys = {each.partition("=")[0] for each in needed}
    kept = [each for each in given if each.partition("=")[0] not in keys]
    return [word for each in (*kept, *needed) for word in ("--set", each)]
