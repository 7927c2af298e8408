"""Add to trackers what they don't know of a run."""

from __future__ import annotations

from imgrec.errors import RunError, UsageError
from imgrec.interface import option
from imgrec.runs.folder import CONFIG_FILE, Run
from imgrec.runs.writer import RunWriter
from imgrec.text import printable
from imgrec.workflows.run_config import run_config
from imgrec.workflows.tracking.tracker import (
    Destination,
    Tracker,
    TrackerName,
    open_trackers,
    reason,
)


def destination_of(run: Run, to: tuple[TrackerName, ...], uri: str, experiment: str) -> Destination:
    """Return where a run goes: what is not given here is as in its config.

    Raises:
        UsageError: A tracker can't be used.
        RunError: The config can't be read.
    """
    configured = Destination()
    if "mlflow" in to and (run.path / CONFIG_FILE).is_file():
        configured = Destination.of(run_config(run.path).tracking)
    destination = Destination(to, uri or configured.uri, experiment or configured.experiment)
    for name, problem in destination.problems():
        hint = f"{option('uri', 'ADDRESS')} names it" if not destination.address else ""
        raise UsageError(f"{name} {problem}", hint=hint)
    return destination


def push_run(run: Run, destination: Destination) -> tuple[str, ...]:
    """Add to each tracker what it does not know of a run; return where the run is found there.

    Raises RunError if a tracker fails, or the run is being trained.
    """
    with RunWriter(run.path) as writer:
        return tuple(_pushed(run, each) for each in open_trackers(destination, writer))


def _pushed(run: Run, tracker: Tracker) -> str:
    try:
        return tracker.update(ended=True)
    except RunError:
        raise
    except Exception as error:  # of any kind, as it comes from a library
        raise RunError(
            f"{printable(run.name)} can't be added to {printable(tracker.title)}: {reason(error)}",
            hint="try it again later: nothing is added twice",
        ) from error
