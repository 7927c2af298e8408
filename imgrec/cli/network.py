"""The table of a network's layers, as `train --dry-run` and `runs show` print it."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from imgrec.cli.console import Console
    from imgrec.network_summary import NetworkSummary


def show_network(console: Console, network: NetworkSummary | None) -> None:
    """Print the table; nothing if the layers are not known."""
    from imgrec.report.network import NETWORK_HEADER, fitted, network_note, network_rows

    if network is not None:
        rows = [each.cells for each in network_rows(network)]
        if console.shows_results:
            rows = fitted(rows, shutil.get_terminal_size().columns)
        console.table(NETWORK_HEADER, rows, numbers=2)
        console.result(network_note(network))
