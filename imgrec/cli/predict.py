"""`imgrec predict`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from imgrec.cli import options
from imgrec.cli.console import Console, rendered
from imgrec.errors import DataError, RunError, UsageError
from imgrec.text import shown

if TYPE_CHECKING:
    from imgrec.runs.folder import Run
    from imgrec.runtime.engine import EngineName, Precision
    from imgrec.workflows.predict import Predicted

_SMALL_CLASSIFIER = "MobileNetV2"


@options.command("predict")
@click.argument("photos", nargs=-1, required=True, metavar="PHOTO...")
@click.option("--model", metavar="RUN", help="Run to ask.  [default: last]")
@click.option("--pretrained", metavar="NAME", help="ImageNet classifier of Keras to ask instead.")
@click.option("--top", type=click.IntRange(1), default=5, show_default=True, help="Classes shown.")
@click.option(
    "--format",
    "form",
    type=click.Choice(["table", "json", "jsonl", "csv"]),
    help="Form of the output.  [default: table]",
)
@options.engine
@options.device
@options.as_json
@click.option("--output", type=click.Path(path_type=Path), help="File to write instead of stdout.")
@options.runs_dir
@click.pass_obj
def predict(
    console: Console,
    *,
    photos: tuple[str, ...],
    model: str | None,
    pretrained: str | None,
    top: int,
    form: str | None,
    engine: EngineName,
    precision: Precision,
    device: str,
    as_json: bool,
    output: Path | None,
    runs_dir: Path,
) -> None:
    """Say what is on photos.

    PHOTO is a file, a folder, a pattern such as 'photos/*.jpg', or - for paths on stdin.

    Example: imgrec predict photo.jpg --top 3
    """
    form = _form(form, as_json=as_json)
    asked = _model(console, model, pretrained, runs_dir)

    from imgrec.runtime.engine import Computing
    from imgrec.workflows import predict as workflow

    predicted = workflow.predict(
        photos,
        model=asked,
        top=top,
        computing=Computing(engine, precision, device),
        progress=console,
    )
    _show(console, predicted, form, output)
    _complain(console, predicted)


def _form(form: str | None, *, as_json: bool) -> str:
    if as_json and form not in (None, "json"):
        raise UsageError(f"--json and --format {form} exclude each other")
    return "json" if as_json else form or "table"


def _model(
    console: Console, model: str | None, pretrained: str | None, runs_dir: Path
) -> Run | str:
    from imgrec.runs.folder import find

    if pretrained is not None:
        if model is not None:
            raise UsageError("--model and --pretrained exclude each other")
        return pretrained
    try:
        return find(model, runs_dir)
    except RunError:
        if model is not None:
            raise
    if not console.interactive:
        raise RunError(
            f"there is no complete run in {shown(str(runs_dir))} to predict with",
            hint="name a run with --model RUN, or an ImageNet classifier with "
            f"--pretrained {_SMALL_CLASSIFIER}",
        )
    console.say(
        f"no run in {shown(str(runs_dir))} yet: taking {_SMALL_CLASSIFIER}, trained on ImageNet "
        "(14 MB, fetched once)"
    )
    return _SMALL_CLASSIFIER


def _show(console: Console, predicted: Predicted, form: str, output: Path | None) -> None:
    if output is None and form == "table":
        from imgrec.report.prediction_table import prediction_table

        return console.render(prediction_table(predicted.predictions), whole=True)
    text = _text(predicted, form)
    if output is None:
        return console.result(text)

    from imgrec.files import write_text

    write_text(output, text)
    return console.say(f"written: {shown(str(output))}")


def _text(predicted: Predicted, form: str) -> str:
    from imgrec.report import prediction_table, prediction_text

    found = predicted.predictions
    if form == "json":
        return prediction_text.predictions_json(
            found, model=predicted.model, classes=predicted.classes
        )
    if form == "jsonl":
        return prediction_text.predictions_jsonl(found, model=predicted.model)
    if form == "csv":
        return prediction_text.predictions_csv(found)
    return rendered(prediction_table.prediction_table(found), whole=True)


def _complain(console: Console, predicted: Predicted) -> None:
    failed = [each for each in predicted.predictions if each.error is not None]
    if not failed:
        return
    console.flush()
    lines = [f"  {shown(each.name)}: {shown(each.error or '')}" for each in failed]
    counts = f"{len(failed)} of {len(predicted.predictions)} photos can't be used"
    raise DataError("\n".join([counts, *lines]))
