"""What commands say of the run that they wrote."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from imgrec.cli.console import Console
from imgrec.text import printable

if TYPE_CHECKING:
    from imgrec.runs.folder import Run


def show_new_run(console: Console, run: Run, *, as_json: bool) -> None:
    """Print where a run is, and a command that uses it."""
    if as_json:
        from imgrec.cli.documents import RunDocument

        console.document(RunDocument(1, run.name, str(run.path)))
        return
    path = str(run.path)
    console.result(f"run:  {printable(path)}")
    console.result(f"next: imgrec predict PHOTO --model {printable(shlex.quote(path))}")
