"""How a command ends that met photos it can't use."""

from __future__ import annotations

from typing import TYPE_CHECKING

from imgrec.errors import DataError
from imgrec.text import printable

if TYPE_CHECKING:
    from imgrec.cli.console import Console
    from imgrec.workflows.prediction import FailureSummary


def refuse_unusable(console: Console, tally: FailureSummary, *, elsewhere: str = "") -> None:
    """Raise DataError where photos can't be used, the first of them named.

    elsewhere: where the others are, behind their number.
    """
    if not tally.failed:
        return
    console.flush()  # what is known of the others comes first
    lines = [f"  {printable(each.name)}: {printable(each.error or '')}" for each in tally.examples]
    if more := tally.failed - len(lines):
        lines.append(f"  and {more:,} more{elsewhere}")
    counts = f"{tally.failed:,} of {tally.photos:,} photos can't be used"
    raise DataError("\n".join([counts, *lines]))
