"""`imgrec similar`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from imgrec.cli import options
from imgrec.cli.chosen_model import chosen_model
from imgrec.cli.console import Console
from imgrec.errors import DataError, UsageError
from imgrec.files import check_suffix, check_writable, write_bytes, write_text
from imgrec.text import count_of, listed, printable

if TYPE_CHECKING:
    from imgrec.evaluation.similarity import SimilarPhotos
    from imgrec.runtime.engine import EngineName, LiteRTPrecision

_SUFFIXES = (".html", ".png", ".json", ".csv")
_REFUSED = 3


@options.command("similar")
@click.argument("photo", type=click.Path(path_type=Path))
@click.option(
    "--in",
    "place",
    type=click.Path(path_type=Path),
    required=True,
    metavar="FOLDER|FILE.npz",
    help="Folder to search, with everything below it, or a file from `imgrec predict --features`.",
)
@click.option(
    "--top",
    type=click.IntRange(1),
    default=12,
    show_default=True,
    help="Photos to find. Those with the same content count as one.",
)
@click.option("--model", metavar="RUN", help="Run whose features are compared.  [default: last]")
@options.pretrained
@click.option(
    "--output",
    type=click.Path(path_type=Path),
    help="Write to this file (.html or .png for a contact sheet, .json or .csv), not to stdout. "
    "It is replaced if it exists.",
)
@options.engine
@options.device
@options.as_json
@options.runs_dir
@click.pass_obj
def similar(
    console: Console,
    *,
    photo: Path,
    place: Path,
    top: int,
    model: str | None,
    pretrained: str | None,
    output: Path | None,
    engine: EngineName,
    precision: LiteRTPrecision,
    device: str,
    as_json: bool,
    runs_dir: Path,
) -> None:
    """Find the photos that are most similar to PHOTO.

    Photos are compared by their features, the values that the last layer of the model takes: the
    similarity is the cosine of the angle between them, 1 for the same direction. The features of a
    folder are kept in the cache, so that the next search in it takes a second.

    Example: imgrec similar photo.jpg --in holiday/ --output similar.html
    """
    from imgrec.data.storage import exists
    from imgrec.runtime.engine import EngineOptions
    from imgrec.workflows.similarity import find_similar, open_feature_model

    if not exists(str(photo)):
        raise DataError(f"{printable(str(photo))}: no such file", hint="check the path")
    if output is not None:
        check_suffix(output, _SUFFIXES)
        check_writable(output)
    if as_json and output is not None:
        raise UsageError(
            "--json prints on stdout, and --output writes to a file", hint="leave out one of them"
        )
    chosen = chosen_model(console, model, pretrained, runs_dir)
    opened = open_feature_model(chosen, EngineOptions(engine, precision, device))
    found = find_similar(photo, place, opened, top, console)
    _say_refused(console, found)
    if output is not None:
        _write(found, output, opened.extractor.spec.max_megapixels)
        console.say(f"written: {printable(str(output))}")
    elif as_json:
        from imgrec.report.documents import similarity_document

        console.document(similarity_document(found))
    else:
        _show(console, found)


def _say_refused(console: Console, found: SimilarPhotos) -> None:
    if not found.refused:
        return
    total = found.searched + len(found.refused)
    lines = [f"{printable(each.name)}: {each.reason}" for each in found.refused[:_REFUSED]]
    if more := len(found.refused) - len(lines):
        lines.append(f"and {more:,} more")
    head = f"{len(found.refused):,} of {count_of(total, 'photo')} can't be used"
    console.say(listed(head, lines))


def _show(console: Console, found: SimilarPhotos) -> None:
    from imgrec.report.terminal.similarity import similarity_rows

    header, *rows = similarity_rows(found)
    console.table(header, rows)


def _write(found: SimilarPhotos, output: Path, max_megapixels: int) -> None:
    from imgrec.json_documents import json_text
    from imgrec.report.documents import similarity_csv, similarity_document
    from imgrec.workflows.similarity import similar_page, similar_sheet

    match output.suffix.lower():
        case ".html":
            write_text(output, similar_page(found, max_megapixels))
        case ".png":
            write_bytes(output, similar_sheet(found, max_megapixels))
        case ".json":
            write_text(output, json_text(similarity_document(found)))
        case _:
            write_text(output, similarity_csv(found))
