"""Search for better values of a config's keys: `imgrec sweep`."""

from imgrec.workflows.sweep.finish import Finished, finish_sweep
from imgrec.workflows.sweep.folder import SweepFolder, open_sweep, sweep_path, trials_of
from imgrec.workflows.sweep.ranking import (
    SweepTable,
    best_first,
    short_keys,
    sweep_table,
    time_left,
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
    "open_sweep",
    "short_keys",
    "start_sweep",
    "sweep_path",
    "sweep_table",
    "time_left",
    "trials_of",
    "work",
]
