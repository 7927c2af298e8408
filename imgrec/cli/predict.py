"""`imgrec predict`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from imgrec.cli import options
from imgrec.cli.console import Console, rendered
from imgrec.cli.photo_failures import refuse_unusable
from imgrec.errors import RunError, UsageError
from imgrec.progress import Silent
from imgrec.text import printable

if TYPE_CHECKING:
    from rich.console import RenderableType

    from imgrec.runs.folder import Run
    from imgrec.runtime.engine import EngineName, LiteRTPrecision
    from imgrec.workflows.prediction import FailureSummary, Predicted, Predictor

_SMALL_CLASSIFIER = "MobileNetV2"

Form = Literal["table", "json", "jsonl", "csv"]
LineForm = Literal["jsonl", "csv"]

_FORMS: tuple[Form, ...] = ("table", "json", "jsonl", "csv")
_SUFFIXES: Mapping[str, Form] = {".json": "json", ".jsonl": "jsonl", ".csv": "csv"}


@options.command("predict")
@click.argument("photos", nargs=-1, required=True, metavar="PHOTO...")
@click.option(
    "--model",
    "models",
    multiple=True,
    metavar="RUN",
    help="Run to predict with. Repeat it to get the answers of several runs and of their "
    "ensemble.  [default: last]",
)
@click.option(
    "--pretrained", metavar="NAME", help="Use this ImageNet classifier from Keras instead of a run."
)
@click.option(
    "--top", type=click.IntRange(1), default=5, show_default=True, help="Classes to show."
)
@options.threshold
@click.option(
    "--tta",
    type=click.Choice(["flip"]),
    help="Test-time augmentation: average the answers for the photo and its mirror image.",
)
@click.option(
    "--format",
    "form",
    type=click.Choice(_FORMS),
    help="Output format.  [default: from the suffix of --output, else table]",
)
@options.engine
@options.device
@options.as_json
@click.option(
    "--output", type=click.Path(path_type=Path), help="Write to this file, not to stdout."
)
@click.option(
    "--continue",
    "resume",
    is_flag=True,
    help="Resume an interrupted --output file (jsonl or csv).",
)
@options.runs_dir
@click.pass_obj
def predict(
    console: Console,
    *,
    photos: tuple[str, ...],
    models: tuple[str, ...],
    pretrained: str | None,
    top: int,
    threshold: float | None,
    tta: Literal["flip"] | None,
    form: Form | None,
    engine: EngineName,
    precision: LiteRTPrecision,
    device: str,
    as_json: bool,
    output: Path | None,
    resume: bool,
    runs_dir: Path,
) -> None:
    """Classify photos.

    PHOTO is a file, a folder, a pattern such as 'photos/*.jpg', or - to read paths from stdin.

    Example: imgrec predict photo.jpg --top 3
    """
    form = _form(form, output, as_json=as_json)
    _refuse_continue(form, output, resume=resume)
    asked = _models(console, models, pretrained, runs_dir)

    from imgrec.runtime.engine import EngineOptions
    from imgrec.workflows.prediction import open_models

    models_asked = open_models(asked, computing=EngineOptions(engine, precision, device))
    recogniser = models_asked.asking(top=top, threshold=threshold, tta=tta)
    tally = _answer(console, photos, recogniser, form, output, resume=resume)
    refuse_unusable(console, tally, elsewhere=", named in the results")


def _form(form: Form | None, output: Path | None, *, as_json: bool) -> Form:
    if as_json and form not in (None, "json"):
        raise UsageError(f"--json and --format {form} can't be combined")
    by_suffix = _SUFFIXES.get(output.suffix.lower(), "table") if output else "table"
    return "json" if as_json else form or by_suffix


def _refuse_continue(form: Form, output: Path | None, *, resume: bool) -> None:
    if resume and (output is None or form not in ("jsonl", "csv")):
        raise UsageError(
            "--continue needs an output file in jsonl or csv format",
            hint="repeat the interrupted command, with its --output FILE.jsonl or FILE.csv",
        )


def _models(
    console: Console, models: Sequence[str], pretrained: str | None, runs_dir: Path
) -> Sequence[Run | str]:
    from imgrec.runs.folder import find

    if pretrained is not None:
        if models:
            raise UsageError("--model and --pretrained can't be combined")
        return [pretrained]
    if models:
        return [find(model, runs_dir) for model in models]
    try:
        return [find(None, runs_dir)]
    except RunError:
        pass
    if not console.interactive:
        raise RunError(
            f"there is no complete run in {printable(str(runs_dir))}",
            hint="give a run with --model RUN, or an ImageNet classifier with "
            f"--pretrained {_SMALL_CLASSIFIER}",
        )
    console.say(
        f"no run in {printable(str(runs_dir))} yet: using {_SMALL_CLASSIFIER}, trained on "
        "ImageNet (14 MB, downloaded once)"
    )
    return [_SMALL_CLASSIFIER]


def _answer(
    console: Console,
    photos: Sequence[str],
    recogniser: Predictor,
    form: Form,
    output: Path | None,
    *,
    resume: bool,
) -> FailureSummary:
    from imgrec.workflows import prediction as workflow
    from imgrec.workflows.prediction import FailureSummary

    match form:
        case "table" | "json":
            predicted = workflow.collected(photos, recogniser, console)
            _show(console, predicted, form, output)
            return FailureSummary().with_batch(predicted.predictions)
        case "jsonl" | "csv":
            if output is None:
                return _print_lines(console, photos, recogniser, form)
            tally = workflow.predict_into(
                output, photos, recogniser, form, resume=resume, progress=console
            )
            console.say(f"written: {printable(str(output))}")
            return tally


def _print_lines(
    console: Console, photos: Sequence[str], recogniser: Predictor, form: LineForm
) -> FailureSummary:
    from imgrec.report.documents import header, lines
    from imgrec.workflows import prediction as workflow
    from imgrec.workflows.prediction import FailureSummary

    tally, head = FailureSummary(), header(form)
    found, total = workflow.find_photos(photos)
    progress = Silent() if console.shows_results else console
    for batch in recogniser.predictions(found, total=total, progress=progress):
        console.result(head + lines(form, batch, recogniser.members))
        tally, head = tally.with_batch(batch), ""
    return tally


def _show(console: Console, predicted: Predicted, form: Form, output: Path | None) -> None:
    if output is None and form == "table":
        return console.render(_table(predicted), whole=True)
    text = _json(predicted) if form == "json" else rendered(_table(predicted), whole=True)
    if output is None:
        return console.result(text)

    from imgrec.files import write_text

    write_text(output, text)
    return console.say(f"written: {printable(str(output))}")


def _table(predicted: Predicted) -> RenderableType:
    from imgrec.report.terminal import prediction_table

    return prediction_table(predicted.predictions, members=predicted.members)


def _json(predicted: Predicted) -> str:
    from imgrec.json_documents import json_text
    from imgrec.report.documents import prediction_document

    return json_text(prediction_document(predicted.predictions, predicted.members))
