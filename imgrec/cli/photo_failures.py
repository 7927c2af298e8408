"""How a command ends if some photos could not be used."""

from __future__ import annotations

from typing import TYPE_CHECKING

from imgrec.errors import DataError
from imgrec.text import printable

if TYPE_CHECKING:
    from imgrec.cli.console import Console
    from imgrec.workflows.prediction import FailureSummary


def refuse_unusable(console: Console, tally: FailureSummary, *, elsewhere: str = "") -> None:
    """Raise DataError, naming the first photos that can't be used, if there are any.

    Args:
        console: Its buffered results are printed first.
        tally: The photos that failed.
        elsewhere: Where the other failures are listed; follows their number.
    """
    if not tally.failed:
        return
    console.flush()  # the results of the other photos come first
    lines = [f"  {printable(each.name)}: {printable(each.error or '')}" for each in tally.examples]
    if more := tally.failed - len(lines):
        lines.append(f"  and {more:,} more{elsewhere}")
    counts = f"{tally.failed:,} of {tally.photos:,} photos can't be used"
    raise DataError("\n".join([counts, *lines]))
