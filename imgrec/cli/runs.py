"""`imgrec runs`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from imgrec.cli import (
    evaluation_options,
    options,
    run_board,
    run_edits,
    run_files,
    run_list,
    run_push,
)
from imgrec.cli.console import Console
from imgrec.cli.network import show_network
from imgrec.cli.train import show_repeats
from imgrec.errors import UsageError
from imgrec.rounding import decimals, duration
from imgrec.text import count_of, printable

if TYPE_CHECKING:
    from imgrec.runs.card import Card, ImportOrigin
    from imgrec.runs.folder import Run
    from imgrec.workflows.evaluation import Compared

_CLASSES_SHOWN = 100


@options.group("runs")
def runs() -> None:
    """List, show, compare and annotate runs.

    Example: imgrec runs list
    """


@runs.command("show")
@click.argument("run", required=False)
@options.as_json
@options.runs_dir
@click.pass_obj
def show(console: Console, *, run: str | None, as_json: bool, runs_dir: Path) -> None:
    """Show the details of a run, or what the runs of `train --folds` or `--seeds` reach together.

    RUN is a folder, the name of a run, or last (the default).

    Example: imgrec runs show last
    """
    from imgrec.runs.folder import find
    from imgrec.runs.repeats import find_repeats
    from imgrec.runs.repeats_file import read_repeats

    if (folder := find_repeats(run, runs_dir)) is not None:
        repeats = read_repeats(folder)
        return console.document(repeats) if as_json else show_repeats(console, folder, repeats)
    found = find(run, runs_dir)
    if as_json:
        from imgrec.cli.documents import RunDetails
        from imgrec.workflows.run_facts import run_notes, run_provenance, run_tracking

        notes, provenance = run_notes(found.path), run_provenance(found.path)
        tracking = run_tracking(found.path)
        return console.document(
            RunDetails(1, str(found.path), found.name, found.card, notes, provenance, tracking)
        )
    console.table(("key", "value"), _lines(found), wrapped=console.shows_results)
    if found.card.network is not None:
        console.result("")
        show_network(console, found.card.network)
    return None


@runs.command("path")
@click.argument("run", required=False)
@options.as_json
@options.runs_dir
@click.pass_obj
def path(console: Console, *, run: str | None, as_json: bool, runs_dir: Path) -> None:
    """Print the folder of a run.

    RUN is a folder, the name of a run, or last (the default). Control characters in the path are
    escaped; --json has the path as it is.

    Example: ls $(imgrec runs path last)
    """
    from imgrec.runs.repeats import find_folder

    found = find_folder(run, runs_dir)
    if as_json:
        from imgrec.cli.documents import RunDocument

        return console.document(RunDocument(1, found.name, str(found)))
    return console.result(printable(str(found)))


@runs.command("compare")
@click.argument("references", metavar="RUN RUN...", nargs=-1)
@evaluation_options.images
@evaluation_options.confidence
@options.device
@options.as_json
@options.runs_dir
@click.pass_obj
def compare(
    console: Console,
    *,
    references: tuple[str, ...],
    data: Path | None,
    split: str | None,
    names: dict[str, str],
    allow_leakage: bool,
    confidence: float | None,
    device: str,
    as_json: bool,
    runs_dir: Path,
) -> None:
    """Compare runs on the same images.

    Each RUN after the first is compared with the first: metrics, images that one gets right and
    the other wrong, and configs. The images are those of the first run, unless --data is given.

    Example: imgrec runs compare cats-3 cats-4
    """
    _refuse_single(references)

    from imgrec.runs.folder import find

    found = [find(name, runs_dir) for name in references]

    from imgrec.workflows.evaluation import EvaluationRequest, ImageChoice, compare_runs

    request = EvaluationRequest(
        ImageChoice(data, split, names), allow_leakage=allow_leakage, runs_dir=runs_dir
    )
    compared = compare_runs(
        found, request, confidence=confidence or 0.95, device=device, progress=console
    )
    _show_compared(console, compared, as_json=as_json)


runs.add_command(run_list.list_runs)
runs.add_command(run_edits.tag)
runs.add_command(run_edits.note)
runs.add_command(run_board.report)
runs.add_command(run_files.open_report)
runs.add_command(run_files.delete)
runs.add_command(run_push.push)


def _refuse_single(references: tuple[str, ...]) -> None:
    if len(references) < 2:
        raise UsageError(
            "compare needs at least two runs",
            hint="name two or more; `imgrec runs list` shows them",
        )


def _show_compared(console: Console, compared: Compared, *, as_json: bool) -> None:
    from imgrec.report.documents import runs_document
    from imgrec.report.terminal.comparison import comparison_text, settings_text

    assessments, settings = compared.assessments, compared.settings
    if as_json:
        return console.document(runs_document(assessments, compared.comparisons, settings))
    first = assessments[0]
    console.result(f"on {first.split}: {printable(first.source)}")
    console.render(comparison_text(assessments, compared.comparisons))
    return console.render(settings_text([each.run for each in assessments], settings))


def _best(run: Run) -> str:
    best, head = run.card.best, run.card.head
    if head:
        return f"cross-validated {head.cross_validated}"
    if not best:
        return ""
    return f"{best['monitor']} {decimals(best['value'])} in epoch {best['epoch']}"


def _lines(run: Run) -> list[tuple[str, str]]:
    from imgrec.workflows.run_facts import note_facts, tracking_facts

    card = run.card
    pixels = card.input
    images = {
        split: f"{count_of(source.images, 'image')}, {source.written or 'embedded'}"
        for split, source in card.data.items()
    }
    return [
        ("name", run.name),
        ("path", str(run.path)),
        *note_facts(run),
        *tracking_facts(run),
        ("created", card.created),
        ("complete", "yes" if card.complete else "no"),
        *_calibrated(card),
        *(_imported(card.origin) if card.origin else _trained(run)),
        ("classes", _classes(card)),
        ("input", f"{pixels.height}x{pixels.width}, {count_of(pixels.channels, 'channel')}"),
        ("fit", pixels.fit),
        ("preprocessing", card.preprocessing),
        *images.items(),
        *card.versions.items(),
    ]


def _calibrated(card: Card) -> list[tuple[str, str]]:
    if card.calibrated_from is None:
        return []
    from imgrec.workflows.run_facts import calibration_facts

    return [("calibrated from", card.calibrated_from.in_words), *calibration_facts(card)]


def _trained(run: Run) -> list[tuple[str, str]]:
    from imgrec.workflows.run_facts import provenance_facts

    card = run.card
    return [
        *([("backbone run", card.backbone.in_words)] if card.backbone else []),
        *([("head", str(card.head))] if card.head else _epochs(run)),
        ("seed", str(card.seed)),
        *card.computing.items(),
        *_trained_for(run),
        *provenance_facts(run),
        *(("changes", line) for line in card.changes),
    ]


def _epochs(run: Run) -> list[tuple[str, str]]:
    on = f", on {run.card.validated_on}" if run.card.validated_on else ""
    return [("epochs", str(run.card.epochs)), ("best", _best(run) + on)]


def _trained_for(run: Run) -> list[tuple[str, str]]:
    from imgrec.runs.history import training_seconds

    seconds = training_seconds(run.path)
    return [] if seconds is None else [("training time", duration(seconds))]


def _imported(origin: ImportOrigin) -> list[tuple[str, str]]:
    trusted = ", trusted" if origin.trusted else ""
    place = ("imported from", f"{origin.file} ({origin.form}{trusted})")
    return [place, ("SHA-256", origin.sha256)] if origin.sha256 else [place]


def _classes(card: Card) -> str:
    first = ", ".join(map(printable, card.classes[:_CLASSES_SHOWN]))
    count = len(card.classes)
    return f"{first}, … ({count:,}; --json lists all)" if count > _CLASSES_SHOWN else first
