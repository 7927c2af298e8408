"""`imgrec explain`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from imgrec.cli import options
from imgrec.cli.console import Console
from imgrec.cli.photo_failures import refuse_unusable

if TYPE_CHECKING:
    from imgrec.report.documents import ExplainedPhoto
    from imgrec.runtime.engine import EngineName, LiteRTPrecision
    from imgrec.workflows.explanation import Explainer, Method, OutputFiles

_METHODS = ("gradcam", "occlusion", "windows", "dense")


@options.command("explain")
@click.argument("photos", nargs=-1, required=True, metavar="PHOTO...")
@click.option("--model", metavar="RUN", help="Run to ask.  [default: last]")
@click.option(
    "--method",
    type=click.Choice(_METHODS),
    help="How to find out where.  [default: gradcam, without Keras occlusion]",
)
@click.option(
    "--class", "class_name", metavar="NAME", help="Class to look for.  [default: the most probable]"
)
@click.option(
    "--output",
    type=click.Path(path_type=Path),
    default=Path("explanations"),
    show_default=True,
    help="Folder to write the pictures to.",
)
@click.option("--boxes", is_flag=True, help="Write what was found, as a picture and as JSON.")
@click.option(
    "--windows",
    type=click.IntRange(1),
    help="How many windows of a photo to ask about, at most.  [default: 200]",
)
@click.option(
    "--as-seen",
    is_flag=True,
    help="Let gradcam look at what predict sees: the model's size, cropped.",
)
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
    method: Method | None,
    class_name: str | None,
    output: Path,
    boxes: bool,
    windows: int | None,
    as_seen: bool,
    threshold: float | None,
    engine: EngineName,
    precision: LiteRTPrecision,
    device: str,
    as_json: bool,
    runs_dir: Path,
) -> None:
    """Show where in photos a class is.

    PHOTO is a file, a folder, a pattern such as 'photos/*.jpg', or - for paths on stdin.
    gradcam: where the last convolution speaks for the class, in the whole photo at its own size
    (the shorter side at most twice the model's) where the model takes any. occlusion: what
    covering a patch does to the answer. windows: a detector out of the classifier, asked about
    parts of the photo. dense: what each place shows, by the network made fully convolutional. The
    probability that is told is always the one that predict gives.

    Example: imgrec explain photo.jpg --method windows --boxes
    """
    from imgrec.report.documents import ExplanationQuery, explanations_json
    from imgrec.runs.folder import find
    from imgrec.runtime.engine import EngineOptions
    from imgrec.workflows.explanation import (
        ExplainOptions,
        WrittenFiles,
        fitting_method,
        open_explainer,
        photos_to_explain,
        plan_outputs,
    )
    from imgrec.workflows.prediction import FailureSummary

    run = find(model, runs_dir)
    computing = EngineOptions(engine, precision, device)
    method = method or fitting_method(run, computing)
    places = plan_outputs(
        photos_to_explain(photos), method, WrittenFiles(output, boxes=boxes), as_seen=as_seen
    )
    asking = ExplainOptions(class_name, threshold, windows, as_seen)
    explainer = open_explainer(run, method, asking, computing)
    done = _explained(console, places, explainer, as_json=as_json)
    if as_json:
        console.result(explanations_json(done, ExplanationQuery(explainer.model, explainer.method)))
    refuse_unusable(console, FailureSummary().with_batch(done))


def _explained(
    console: Console, places: Sequence[OutputFiles], explainer: Explainer, *, as_json: bool
) -> list[ExplainedPhoto]:
    from imgrec.report.documents import explanation_line
    from imgrec.workflows.explanation import explain_photos

    done = []
    for each in explain_photos(places, explainer, console):
        done.append(each)
        if each.error is None and not as_json:
            console.result(explanation_line(each))
    return done
