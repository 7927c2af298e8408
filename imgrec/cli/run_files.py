"""`imgrec runs open|delete`."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING

import click

from imgrec.cli import options
from imgrec.cli.console import Console
from imgrec.errors import RunError, UsageError
from imgrec.text import count_of, printable

if TYPE_CHECKING:
    from imgrec.runs.trash import DeletedRun


@options.command("open")
@click.argument("run", required=False)
@options.runs_dir
@click.pass_obj
def open_report(console: Console, *, run: str | None, runs_dir: Path) -> None:
    """Open the report of a run in the browser.

    RUN is a folder, the name of a run, or last (the default).

    Example: imgrec runs open last
    """
    import webbrowser

    from imgrec.runs.folder import REPORT_FILE, find

    found = find(run, runs_dir)
    report = found.path / REPORT_FILE
    if not report.is_file():
        raise RunError(
            f"{printable(found.name)} has no {REPORT_FILE}",
            hint=f"`imgrec evaluate {printable(shlex.quote(str(found.path)))} --report page.html` "
            "writes one",
        )
    console.result(printable(str(report)))
    if not webbrowser.open(report.resolve().as_uri()):
        console.say("no browser was found; open the file above")


@options.command("delete")
@click.argument("references", metavar="RUN...", nargs=-1)
@click.option("--dry-run", is_flag=True, help="Show only what would be deleted.")
@click.option("--purge", is_flag=True, help="Empty the trash: remove deleted runs for good.")
@options.runs_dir
@click.pass_obj
def delete(
    console: Console, *, references: tuple[str, ...], dry_run: bool, purge: bool, runs_dir: Path
) -> None:
    """Move runs into the trash, or empty it.

    RUN is a folder, the name of a run, or last. The trash is the folder .trash beside the run.

    Example: imgrec runs delete cats-3
    """
    if bool(references) == purge:
        raise UsageError(
            "delete takes either RUNs or --purge",
            hint="`imgrec runs delete RUN` moves a run into the trash; "
            "`imgrec runs delete --purge` empties the trash",
        )

    from imgrec.runs import trash
    from imgrec.runs.folder import in_runs_dir

    if purge:
        if not (trashed := trash.trashed(runs_dir)):
            console.say("the trash is empty")
        for each in trashed:
            if not dry_run:
                trash.purge(each)
            _say(console, each, "would be removed" if dry_run else "removed")
        return
    folders = [trash.deletable(each, runs_dir) for each in dict.fromkeys(references)]
    for folder in folders:
        found = trash.delete(folder, dry_run=dry_run)
        place = printable(shlex.quote(str(found.place)))
        _say(console, found, f"would be moved to {place}" if dry_run else f"moved to {place}")
        if not dry_run:
            console.say(f"`mv {place} {printable(shlex.quote(str(folder)))}` brings it back")
    for parent in () if dry_run else dict.fromkeys(folder.parent for folder in folders):
        console.say(f"`imgrec runs delete --purge{in_runs_dir(parent)}` empties the trash")


def _say(console: Console, found: DeletedRun, done: str) -> None:
    from imgrec.rounding import size_in_words

    size = f"{count_of(found.files, 'file')}, {size_in_words(found.size)}"
    console.result(f"{printable(found.path.name)} ({size}): {done}")
