"""`imgrec export`."""

from __future__ import annotations

from pathlib import Path

import click

from imgrec.cli import options
from imgrec.cli.console import Console
from imgrec.text import printable


@options.command("export")
@click.argument("run", required=False)
@click.option(
    "--format",
    "form",
    type=click.Choice(["litert", "onnx", "saved_model", "keras"]),
    default="litert",
    show_default=True,
    help="File format to write.",
)
@click.option(
    "--precision",
    type=click.Choice(["float32", "float16", "int8"]),
    default="float32",
    show_default=True,
    help="Precision of the weights in a LiteRT file.",
)
@click.option(
    "--output",
    type=click.Path(path_type=Path),
    help="File to write, replaced if it exists, or new folder for a SavedModel.  "
    "[default: in the run's folder for LiteRT, and for the Keras model that a run of `train "
    "--quick` lacks; else RUN.onnx, RUN.keras or RUN_saved_model, which must not exist]",
)
@click.option(
    "--data",
    multiple=True,
    metavar="PHOTO",
    help="Photo, folder or pattern to check the exported model on, instead of the run's own "
    "images. Can be repeated.",
)
@options.as_json
@options.runs_dir
@click.pass_obj
def export(
    console: Console,
    *,
    run: str | None,
    form: str,
    precision: str,
    output: Path | None,
    data: tuple[str, ...],
    as_json: bool,
    runs_dir: Path,
) -> None:
    """Export a run's best model to LiteRT, ONNX, SavedModel or Keras.

    RUN is a folder, the name of a run, or last (the default). The file includes the preprocessing
    and the class names. Its answers are compared with the original model's on up to 256 images; if
    they differ too much, nothing is written.

    Example: imgrec export last --format onnx
    """
    from imgrec.files import refuse_existing
    from imgrec.runs.folder import find

    found = find(run, runs_dir)

    from imgrec.workflows import export as workflow

    if output is None and (path := workflow.default_output(found, form, precision)) is not None:
        refuse_existing(path)
    exported = workflow.export(
        found, form=form, precision=precision, output=output, photos=data, progress=console
    )
    if as_json:
        from imgrec.cli.documents import ExportDocument

        return console.document(ExportDocument(1, str(exported.path), exported.parity))
    return console.result(f"written: {printable(str(exported.path))}")
