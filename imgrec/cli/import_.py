"""`imgrec import`."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from imgrec.cli import options
from imgrec.cli.console import Console
from imgrec.cli.new_run import show_new_run

if TYPE_CHECKING:
    from imgrec.runs.card import Fit


def _factor(_context: click.Context, _parameter: click.Parameter, text: str | None) -> float | None:
    if text is None:
        return None
    form = re.fullmatch(r"(\d{1,9}(?:\.\d{0,12})?)(?:/(\d{1,9}(?:\.\d{0,12})?))?", text, re.ASCII)
    if form is None or not float(form[1]) or not float(form[2] or 1):
        raise click.BadParameter(f"{text!r} is neither a number nor a fraction such as 1/255")
    return float(form[1]) / float(form[2] or 1)


def _size(
    _context: click.Context, _parameter: click.Parameter, text: str | None
) -> tuple[int, int] | None:
    if text is None:
        return None
    form = re.fullmatch(r"([1-9]\d{0,3})x([1-9]\d{0,3})", text, re.ASCII)
    if form is None:
        raise click.BadParameter(f"{text!r} is not a height and width such as 224x224")
    return int(form[1]), int(form[2])


@options.command("import")
@click.argument("model", type=click.Path(path_type=Path))
@click.option(
    "--classes",
    metavar="FILE|imagenet",
    help="Class names in the order of the model's output: a text file with one name per line, a "
    "CSV, JSON or .pbtxt file, or `imagenet`.  [default: from the file, if imgrec wrote it]",
)
@click.option(
    "--rescale",
    metavar="FACTOR",
    callback=_factor,
    help="Multiply pixel values (0 to 255) by this factor, e.g. 1/255.",
)
@click.option(
    "--preprocessing",
    metavar="NAME",
    help="Preprocess pixels as for this keras.applications model, e.g. ResNet50.",
)
@click.option(
    "--image-size",
    metavar="HxW",
    callback=_size,
    help="Height and width in pixels, for a model that accepts any size.",
)
@click.option(
    "--activation",
    type=click.Choice(["softmax", "sigmoid"]),
    help="Apply this function to a model that outputs logits.",
)
@click.option(
    "--multi-label",
    is_flag=True,
    help="A photo can have several classes, or none; each class has its own probability.",
)
@click.option(
    "--fit",
    type=click.Choice(["crop", "stretch", "pad"]),
    help="What to do with a photo whose aspect ratio differs from the model's input.  "
    "[default: from the file, else crop]",
)
@click.option(
    "--interpolation",
    type=click.Choice(["nearest", "bilinear", "bicubic", "lanczos", "box", "hamming"]),
    help="How to resize photos.  [default: from the file, else bilinear]",
)
@click.option(
    "--photos",
    multiple=True,
    metavar="PATH",
    help="Photo, folder or pattern on which to compare the LiteRT file with the model, instead of "
    "random images. Can be repeated.",
)
@click.option(
    "--output-name",
    default="",
    metavar="NAME",
    help="The output with the probabilities, for a LiteRT file or SavedModel that has several.",
)
@click.option(
    "--max-parameters",
    type=click.IntRange(min=1),
    default=1_000_000_000,
    show_default=False,
    metavar="N",
    help="Maximum number of parameters of a Keras model.  [default: 1,000,000,000]",
)
@click.option("--name", help="Name of the run.  [default: the file's name]")
@click.option(
    "--trust", is_flag=True, help="Load .h5 models and SavedModels, which can contain code to run."
)
@options.as_json
@options.runs_dir
@click.pass_obj
def import_(
    console: Console,
    *,
    model: Path,
    classes: str | None,
    rescale: float | None,
    preprocessing: str | None,
    image_size: tuple[int, int] | None,
    activation: Literal["softmax", "sigmoid"] | None,
    multi_label: bool,
    fit: Fit | None,
    interpolation: str | None,
    photos: tuple[str, ...],
    output_name: str,
    max_parameters: int,
    name: str | None,
    trust: bool,
    as_json: bool,
    runs_dir: Path,
) -> None:
    """Import a model file as a run.

    MODEL is a .keras or .tflite file that classifies images. The run works with predict, evaluate
    (with --data), explain and export like one trained here. A file that imgrec wrote already
    includes its class names and how to prepare photos.

    Example: imgrec import model.keras --classes names.txt --rescale 1/255
    """
    from imgrec.models.importing import Adaptation
    from imgrec.workflows.import_model import import_model
    from imgrec.workflows.import_usage import ImportSpec

    adaptation = Adaptation(rescale, preprocessing, image_size, activation, multi_label)
    wanted = ImportSpec(
        model,
        classes,
        adaptation,
        fit,
        interpolation,
        photos,
        name,
        trust,
        output_name,
        max_parameters,
    )
    run = import_model(wanted, runs_dir=runs_dir, progress=console)
    show_new_run(console, run, as_json=as_json)
