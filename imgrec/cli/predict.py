"""`imgrec predict`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click
from click.core import ParameterSource

from imgrec.cli import options
from imgrec.cli.chosen_model import chosen_models
from imgrec.cli.console import Console, aligned
from imgrec.cli.options import refuse_unusable
from imgrec.errors import DataError, UsageError
from imgrec.files import check_suffix, check_writable, is_stream, write_output
from imgrec.garbage import without_collections
from imgrec.progress import Silent
from imgrec.text import count_of, join_few, printable

if TYPE_CHECKING:
    from imgrec.evaluation.prediction import ModelInfo, Prediction
    from imgrec.runs.folder import Run
    from imgrec.runtime.engine import EngineName, LiteRTPrecision
    from imgrec.workflows.prediction import Predictor, Sink

# The options that choose photos and the model.
_WITH_FEATURES = {
    *("photos", "models", "pretrained", "engine", "precision", "device", "runs_dir"),
    *("features", "normalize"),
}

Form = Literal["table", "json", "jsonl", "csv", "html"]

_FORMS: tuple[Form, ...] = ("table", "json", "jsonl", "csv", "html")
_SUFFIXES: Mapping[str, Form] = {
    ".csv": "csv",
    ".html": "html",
    ".json": "json",
    ".jsonl": "jsonl",
    ".txt": "table",
}


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
@options.pretrained
@click.option(
    "--top", type=click.IntRange(1), default=5, show_default=True, help="Classes to show."
)
@options.named_classes
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
    "--output",
    type=click.Path(path_type=Path),
    help="Write to this file (.csv, .html, .json, .jsonl or .txt), not to stdout. It is replaced "
    "if it exists.",
)
@click.option(
    "--continue",
    "resume",
    is_flag=True,
    help="Resume an interrupted --output file (jsonl or csv). A complete one stays as it is.",
)
@click.option(
    "--heat-maps",
    is_flag=True,
    help="Add a heat map of the most probable class to each photo of an HTML page, by occlusion. "
    "It takes about 80 times as long as the prediction.",
)
@click.option(
    "--sidecar",
    is_flag=True,
    help="Also write the labels as keywords (XMP) into a sidecar file beside each photo, such as "
    "photo.jpg.xmp. Its other content is kept.",
)
@click.option(
    "--features",
    type=click.Path(path_type=Path),
    metavar="FILE.npz",
    help="Write the photos' features, the values that the model's last layer takes, to this new "
    "file, and no predictions.",
)
@click.option(
    "--normalize", is_flag=True, help="Scale the --features of each photo to length 1 (L2)."
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
    names: Mapping[str, str],
    threshold: float | None,
    tta: Literal["flip"] | None,
    form: Form | None,
    engine: EngineName,
    precision: LiteRTPrecision,
    device: str,
    as_json: bool,
    output: Path | None,
    resume: bool,
    heat_maps: bool,
    sidecar: bool,
    features: Path | None,
    normalize: bool,
    runs_dir: Path,
) -> None:
    """Classify photos.

    PHOTO is a file, a folder, a pattern such as 'photos/*.jpg', or - to read paths, one per line,
    or a single photo from stdin.

    Example: imgrec predict photo.jpg --top 3
    """
    if features is not None or normalize:
        path = _checked_features(features, click.get_current_context())
        runs = chosen_models(console, models, pretrained, runs_dir)
        _write_features(
            console, photos, runs, path, (engine, precision, device), normalized=normalize
        )
        return
    form = _form(form, output, as_json=as_json)
    _refuse_continue(form, output, resume=resume)
    _refuse_heat_maps(form, heat_maps=heat_maps)
    if output is not None:
        check_writable(output)
    if form == "table":
        _refuse_missing(photos)
    with without_collections():
        runs = chosen_models(console, models, pretrained, runs_dir)

        from imgrec.runtime.engine import EngineOptions
        from imgrec.workflows.prediction import (
            SidecarCounts,
            open_models,
            predict_photos,
            sidecar_sink,
        )

        predictor = open_models(runs, EngineOptions(engine, precision, device, packed=True), names)
    predictor = predictor.with_options(top=top, threshold=threshold, tta=tta)
    sink = _sink(console, predictor, form, output, resume=resume, heat_maps=heat_maps)
    sidecars = SidecarCounts()
    if sidecar:
        sink = sidecar_sink(sink, predictor, sidecars)
    # Lines on a terminal show by themselves how far it is.
    lines_shown = form in ("jsonl", "csv") and output is None and console.shows_results
    summary = predict_photos(photos, predictor, sink, Silent() if lines_shown else console)
    if output is not None and 0 < summary.photos == summary.resumed:
        console.say(f"{printable(str(output))} is complete: nothing is left to do")
    elif output is not None:
        console.say(f"written: {printable(str(output))}")
    if sidecar:
        kept = f", {sidecars.unchanged:,} unchanged" if sidecars.unchanged else ""
        console.say(f"written: {count_of(sidecars.written, 'sidecar file')}{kept}")
    above = form == "table" and output is None and console.shows_results
    refuse_unusable(console, summary, elsewhere=", named in the results", named=above)
    if sidecars.failed:
        console.flush()
        raise DataError(
            f"{count_of(sidecars.failed, 'sidecar file')} not written, see above",
            hint="move those files away, and repeat the command",
        )


def _refuse_missing(photos: Sequence[str]) -> None:
    """Raise DataError if there would be nothing in the table but folders that don't exist."""
    from imgrec.data.photo_arguments import is_missing_folder, missing_folder

    if all(map(is_missing_folder, photos)):
        message = f"{printable(photos[0])}: {printable(missing_folder(photos[0]))}"
        raise DataError(message, hint="check the path")


def _checked_features(features: Path | None, context: click.Context) -> Path:
    """Return the file of `--features`; raise UsageError if it doesn't fit the other options."""
    from imgrec.workflows.similarity import check_new_file

    if features is None:
        raise UsageError("--normalize needs --features", hint="add --features FILE.npz")
    given = [
        each.opts[-1]
        for each in context.command.params
        if each.name not in _WITH_FEATURES
        and context.get_parameter_source(each.name or "") is ParameterSource.COMMANDLINE
    ]
    if given:
        raise UsageError(
            f"--features writes no predictions, so it can't be combined with {given[0]}",
            hint=f"leave out {join_few(given)}, or predict in a second command",
        )
    check_new_file(features)
    return features


def _write_features(
    console: Console,
    photos: Sequence[str],
    runs: Sequence[Run | str],
    path: Path,
    engine: tuple[EngineName, LiteRTPrecision, str],
    *,
    normalized: bool,
) -> None:
    from imgrec.runtime.engine import EngineOptions
    from imgrec.workflows.similarity import open_feature_model, write_photo_features

    if len(runs) > 1:
        raise UsageError("--features takes one model", hint="give one --model")
    model = open_feature_model(runs[0], EngineOptions(*engine))
    summary = write_photo_features(photos, model, path, normalized=normalized, progress=console)
    written = summary.failed < summary.photos
    if written:
        console.say(f"written: {printable(str(path))}")
    refuse_unusable(console, summary, elsewhere=", named in the file" if written else "")


def _form(form: Form | None, output: Path | None, *, as_json: bool) -> Form:
    if as_json and form not in (None, "json"):
        raise UsageError(f"--json and --format {form} can't be combined")
    if as_json:
        return "json"
    if form is not None:
        return form
    if output is None or is_stream(output):
        return "table"
    check_suffix(output, tuple(_SUFFIXES))
    return _SUFFIXES[output.suffix.lower()]


def _refuse_continue(form: Form, output: Path | None, *, resume: bool) -> None:
    if resume and (output is None or form not in ("jsonl", "csv")):
        raise UsageError(
            "--continue needs an output file in jsonl or csv format",
            hint="repeat the interrupted command, with its --output FILE.jsonl or FILE.csv",
        )


def _refuse_heat_maps(form: Form, *, heat_maps: bool) -> None:
    if heat_maps and form != "html":
        raise UsageError(
            "--heat-maps needs an HTML page",
            hint="add --output FILE.html, or use `imgrec explain` for larger ones",
        )


def _sink(
    console: Console,
    predictor: Predictor,
    form: Form,
    output: Path | None,
    *,
    resume: bool,
    heat_maps: bool,
) -> Sink:
    """Return where the predictions go: to a file or to stdout, line by line or as a whole."""
    from imgrec.workflows.prediction import document_sink, file_sink, line_sink, page_sink

    match form:
        case "table":
            return _table_sink(console, output, predictor.members)
        case "html":
            return page_sink(predictor, partial(_deliver, console, output), heat_maps=heat_maps)
        case "json":
            return document_sink(partial(_show_json, console, output, predictor.members))
        case "jsonl" | "csv" if output is None:
            return line_sink(console.result, predictor, form)
        case "jsonl" | "csv":
            return file_sink(output, predictor, form, resume=resume)


def _table_sink(console: Console, output: Path | None, members: Sequence[ModelInfo]) -> Sink:
    """Return a sink that prints tables, or writes them to a file, once all photos are predicted."""
    from imgrec.report.terminal.predictions import (
        Disagreement,
        prediction_rows,
        prediction_table,
        remarks,
    )
    from imgrec.workflows.prediction import table_sink

    seen = Disagreement()

    def table(predictions: Sequence[Prediction], *, last: bool) -> str:
        nonlocal seen
        seen = seen.with_batch(predictions)
        said = seen if last else Disagreement()
        if output is None and console.shows_results:
            shown = prediction_table(predictions, members=members, disagreement=said)
            return console.rendered(shown)
        # To import rich, which draws on terminals, takes longer than to predict a photo.
        header, rows = prediction_rows(predictions, members=members)
        below = [text for text, _ in remarks(predictions, said)]
        lines = aligned(header, rows, numbers=1) + [""] * bool(below) + below + [""] * (not last)
        return "".join(f"{line}\n" for line in lines)

    return table_sink(table, partial(_deliver, console, output))


def _deliver(console: Console, output: Path | None, text: Iterator[str]) -> None:
    """Print a text that comes in pieces, or write it to a file."""
    if output is None:
        for piece in text:
            console.result(piece)
    else:
        write_output(output, partial(_write, text))


def _write(text: Iterator[str], path: Path) -> None:
    with path.open("w", encoding="utf-8", errors="surrogateescape", newline="") as file:
        file.writelines(text)


def _show_json(
    console: Console,
    output: Path | None,
    members: Sequence[ModelInfo],
    predictions: Sequence[Prediction],
) -> None:
    from imgrec.json_documents import json_text
    from imgrec.report.documents import prediction_document

    _deliver(console, output, iter([json_text(prediction_document(predictions, members))]))
