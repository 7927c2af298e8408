"""`imgrec check`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from imgrec.cli import options
from imgrec.cli.console import Console
from imgrec.errors import DataError
from imgrec.text import count_of, printable

if TYPE_CHECKING:
    from imgrec.workflows.check import Checked


@options.command("check")
@click.argument("data", metavar="PATH|CONFIG")
@click.option("--strict", is_flag=True, help="Treat warnings as errors.")
@click.option(
    "--quarantine",
    metavar="DIR",
    type=click.Path(path_type=Path),
    help="Move damaged files to this new folder and list them in its moved.csv.",
)
@options.as_json
@click.pass_context
def check(
    context: click.Context, *, data: str, strict: bool, quarantine: Path | None, as_json: bool
) -> None:
    """Check images for problems before training.

    PATH is a folder of images, of class folders or of split folders, or a data file; CONFIG is a
    YAML file or the name of a shipped config. Reports unreadable files, duplicates, leakage between
    splits, and unusual sizes. The exit status is 3 if there are errors.

    Example: imgrec check photos --quarantine unreadable
    """
    from imgrec.workflows import check as workflow

    console: Console = context.obj
    checked = workflow.check(data, quarantine=quarantine, progress=console)
    if as_json:
        _document(console, checked, strict=strict)
    else:
        _show(console, checked)
    if not checked.findings.passed(strict=strict):
        context.exit(DataError.exit_status)


def _document(console: Console, checked: Checked, *, strict: bool) -> None:
    from imgrec.report.documents import check_document

    console.document(
        check_document(
            checked.findings,
            data=checked.source,
            strict=strict,
            moved=checked.moved,
        )
    )


def _show(console: Console, checked: Checked) -> None:
    from imgrec.data.check import FindingKind
    from imgrec.report.terminal.check import check_text

    console.render(check_text(checked.findings, data=checked.source))
    if checked.quarantine is not None:
        place = printable(str(checked.quarantine))
        also = f", listed in {printable(str(checked.quarantine / 'moved.csv'))}"
        console.result(
            f"{count_of(len(checked.moved), 'file')} moved to {place}"
            f"{also if checked.moved else ''}"
        )
        if copies := checked.findings.count(FindingKind.DUPLICATES_ACROSS_LABELS):
            console.result(
                f"not moved (sound, but under several labels): {count_of(copies, 'file')}; "
                "remove the copies that have the wrong label"
            )
        if left := checked.findings.bad - len(checked.moved) - len(checked.outside):
            console.result(f"not moved (unreadable, but not damaged): {count_of(left, 'file')}")
