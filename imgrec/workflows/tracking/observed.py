"""Record a training while it runs, without ever ending it."""

from __future__ import annotations

import contextlib
import logging
import shlex
from collections.abc import Iterator, Sequence

from imgrec.config.tracking import Tracking
from imgrec.runs.writer import RunWriter
from imgrec.text import printable
from imgrec.training.observers import EpochEnd, TrainingBegin, TrainingObserver
from imgrec.workflows.tracking.tracker import Destination, Tracker, open_trackers, reason

log = logging.getLogger("imgrec")


@contextlib.contextmanager
def tracked(writer: RunWriter, tracking: Tracking | None) -> Iterator[TrainingObserver]:
    """Return an observer that records the training of a run until the context ends.

    A tracker that fails is reported by one warning, and tries again at the end.

    Args:
        writer: Of the run.
        tracking: The config's section.
    """
    trackers = open_trackers(Destination.of(tracking), writer)
    observer = _TrackingObserver([_Tolerated(each, writer) for each in trackers])
    try:
        yield observer
    finally:
        observer.update(ended=True)


class _TrackingObserver(TrainingObserver):
    """Updates trackers at the beginning and after each epoch."""

    def __init__(self, trackers: Sequence[_Tolerated]) -> None:
        self._trackers = trackers

    def begin(self, event: TrainingBegin) -> None:
        """Begin, or catch up."""
        self.update(ended=False)

    def epoch(self, event: EpochEnd) -> None:
        """Add the epoch, which is in history.csv by now."""
        self.update(ended=False)

    def update(self, *, ended: bool) -> None:
        for tracker in self._trackers:
            tracker.update(ended=ended)


class _Tolerated:
    """A tracker that may fail; from then on it is left alone until the end of the training."""

    def __init__(self, tracker: Tracker, writer: RunWriter) -> None:
        self._tracker, self._writer, self._failed = tracker, writer, False

    def update(self, *, ended: bool) -> None:
        if (self._failed and not ended) or not self._writer.begun:
            return
        try:
            place = self._tracker.update(ended=ended)
        except Exception as error:  # noqa: BLE001 - of a library; no tracker ends a training
            if not self._failed:
                self._warn(error)
            self._failed = True
        else:
            if ended:
                log.info("recorded: %s", printable(place))

    def _warn(self, error: Exception) -> None:
        path = printable(shlex.quote(str(self._writer.folder)))
        log.warning(
            "%s: %s\nthe training does not need it; afterwards, "
            "`imgrec runs push %s --to %s` adds what is missing there",
            printable(self._tracker.title),
            reason(error),
            path,
            self._tracker.name,
        )
