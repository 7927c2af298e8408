"""Search for better values of a config's keys: `imgrec sweep`."""

from imgrec.workflows.sweep.board import found_in_words, write_sweep_board
from imgrec.workflows.sweep.finish import Finished, finish_sweep
from imgrec.workflows.sweep.folder import SweepFolder, open_sweep, sweep_path, trials_of
from imgrec.workflows.sweep.ranking import (
    SweepTable,
    best_first,
    how_far,
    sweep_table,
    value_in_words,
)
from imgrec.workflows.sweep.storage import SweepStorage, Trial
from imgrec.workflows.sweep.winner import Winner, find_winner
from imgrec.workflows.sweep.worker import Notify, start_sweep, work

__all__ = [
    "Finished",
    "Notify",
    "SweepFolder",
    "SweepStorage",
    "SweepTable",
    "Trial",
    "Winner",
    "best_first",
    "find_winner",
    "finish_sweep",
    "found_in_words",
    "how_far",
    "open_sweep",
    "start_sweep",
    "sweep_path",
    "sweep_table",
    "trials_of",
    "value_in_words",
    "work",
    "write_sweep_board",
]
