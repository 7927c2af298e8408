"""`imgrec explain`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import click

from imgrec.cli import options
from imgrec.cli.chosen_model import chosen_model
from imgrec.cli.console import Console
from imgrec.cli.options import refuse_unusable

if TYPE_CHECKING:
    from imgrec.explanation.values import ExplainedPhoto
    from imgrec.runtime.engine import EngineName, LiteRTPrecision
    from imgrec.workflows.explanation import Method

_METHODS = ("gradcam", "occlusion", "windows", "dense", "layers")


@options.command("explain")
@click.argument("photos", nargs=-1, required=True, metavar="PHOTO...")
@click.option("--model", metavar="RUN", help="Run to explain.  [default: last]")
@options.pretrained
@click.option(
    "--method",
    type=click.Choice(_METHODS),
    help="Method to use, see above.  [default: gradcam, or occlusion without Keras]",
)
@click.option(
    "--class", "class_name", metavar="NAME", help="Class to locate.  [default: the most probable]"
)
@click.option(
    "--output",
    type=click.Path(path_type=Path),
    default=Path("explanations"),
    show_default=True,
    help="Folder to write the images to. Existing files are never replaced.",
)
@click.option("--boxes", is_flag=True, help="Also write the boxes found, as an image and as JSON.")
@click.option(
    "--windows",
    type=click.IntRange(1),
    help="Maximum number of windows to classify in each photo.  [default: 200]",
)
@click.option(
    "--grid", is_flag=True, help="Also write the windows of --method windows, as an image."
)
@click.option(
    "--as-seen",
    is_flag=True,
    help="Run Grad-CAM on exactly what predict sees: cropped, at the model's input size.",
)
@click.option(
    "--layer",
    metavar="NAME",
    help="Layer to examine with --method layers.  [default: the deepest one whose units see at "
    "most half of the photo's side]",
)
@click.option(
    "--unit",
    type=click.IntRange(0),
    help="Unit of that layer to show patches for.  [default: the strongest in the photo]",
)
@options.named_classes
@options.threshold
@options.engine
@options.device
@options.as_json
@options.runs_dir
@click.pass_obj
def explain(
    console: Console,
    *,
    photos: tuple[str, ...],
    model: str | None,
    pretrained: str | None,
    method: Method | None,
    class_name: str | None,
    output: Path,
    boxes: bool,
    windows: int | None,
    grid: bool,
    as_seen: bool,
    layer: str | None,
    unit: int | None,
    names: Mapping[str, str],
    threshold: float | None,
    engine: EngineName,
    precision: LiteRTPrecision,
    device: str,
    as_json: bool,
    runs_dir: Path,
) -> None:
    """Show where the model sees a class, or what each layer computes.

    PHOTO is a file, a folder, a pattern such as 'photos/*.jpg', or - to read paths, one per line,
    or a single photo from stdin.

    \b
    The methods:
      gradcam    heat map from the gradients at the last convolution (Grad-CAM),
                 of the whole photo if the model accepts any size
      occlusion  how much covering each patch of the photo lowers the answer
      windows    boxes, from classifying many windows of the photo; each shows
                 its own probability, which is at least --threshold
      dense      coarse map of all classes, from the model as a fully
                 convolutional network; also as masks, .mask.* at the photo's size
                 and .map.* at the map's: .npy has the number of each class from 0,
                 -1 is unknown; .png has that number plus 1, 0 is unknown
      layers     what each layer of the network makes of the photo, and what
                 excites one of its units, as an image and as a page

    The probability shown is always the one from `imgrec predict`.

    Example: imgrec explain photo.jpg --method windows --boxes
    """  # noqa: D301 - Click takes \b for "keep these lines"
    from imgrec.report.documents import explanation_document
    from imgrec.runtime.engine import EngineOptions
    from imgrec.workflows.explanation import ExplainOptions, WrittenFiles, explain_files
    from imgrec.workflows.prediction import FailureSummary

    chosen = chosen_model(console, model, pretrained, runs_dir)
    query, explained = explain_files(
        photos,
        chosen,
        WrittenFiles(output, boxes=boxes, grid=grid),
        options=ExplainOptions(
            class_name, threshold, windows, as_seen, method, layer=layer, unit=unit, names=names
        ),
        engine_options=EngineOptions(engine, precision, device),
        progress=console,
    )
    done = list(explained if as_json else _printed(console, explained))
    if as_json:
        console.document(explanation_document(done, query))
    if method == "windows" and not boxes and any(each.found for each in done):
        console.say("the pictures are heat maps; --boxes also draws the boxes found")
    refuse_unusable(console, FailureSummary().with_batch(done))


def _printed(console: Console, explained: Iterable[ExplainedPhoto]) -> Iterator[ExplainedPhoto]:
    """Yield each photo after printing its line, if it could be explained."""
    from imgrec.report.terminal.predictions import explanation_line

    for photo in explained:
        if photo.error is None:
            console.result(explanation_line(photo))
        yield photo
