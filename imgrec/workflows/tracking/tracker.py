"""What a tracker is, and which ones are asked for."""

from __future__ import annotations

import importlib.util
import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, Protocol, get_args

from imgrec.config.tracking import CREDENTIALS, Tracking, has_credentials
from imgrec.errors import SettingError
from imgrec.runs.writer import RunWriter
from imgrec.text import printable

TrackerName = Literal["mlflow", "tensorboard"]
TRACKERS: tuple[TrackerName, ...] = get_args(TrackerName)

ADDRESS = "MLFLOW_TRACKING_URI"
"""The environment variable in which MLflow looks for the address of its server."""

_LONGEST = 300
_IN_ADDRESS = re.compile(r"(?<=://)[^/@\s]*@")


class Tracker(Protocol):
    """Adds to what another program knows of a run what is new in the run's files.

    It does not matter how often it is called, and in which process: nothing is added twice, and a
    tracker that has failed catches up the next time.
    """

    @property
    def name(self) -> TrackerName:
        """What a config calls it."""

    @property
    def title(self) -> str:
        """What people call it, with its address if it has one."""

    def update(self, *, ended: bool) -> str:
        """Add what is new, and return where the run is found.

        Args:
            ended: Whether the training has ended: finished, interrupted or failed. Results, files
                and the model are added at its end.

        Raises:
            Exception: Of any kind, since it comes from another library.
        """


@dataclass(frozen=True)
class Destination:
    """Trackers, and for MLflow the address of its server and the experiment.

    Without an experiment it is that of the run, without an address that of the environment.
    """

    names: tuple[TrackerName, ...] = ()
    uri: str = ""
    experiment: str = ""

    @classmethod
    def of(cls, tracking: Tracking | None) -> Destination:
        """Return what a config asks for."""
        if tracking is None:
            return cls()
        section = tracking.mlflow
        wanted = {"mlflow": section is not None, "tensorboard": tracking.tensorboard}
        return cls(
            tuple(name for name in TRACKERS if wanted[name]),
            (section and section.uri) or "",
            (section and section.experiment) or "",
        )

    @property
    def address(self) -> str:
        """That of MLflow's server; empty if there is none."""
        return self.uri or os.environ.get(ADDRESS, "")

    def problems(self) -> Iterable[tuple[TrackerName, str]]:
        """Yield why a tracker can't be used."""
        for name in self.names:
            if importlib.util.find_spec(name) is None:
                yield name, f"needs the extra `{name}`: pip install 'imgrec[{name}]'"
        if "mlflow" in self.names:
            if not self.address:
                yield "mlflow", f"needs the address of a server: set its uri, or {ADDRESS}"
            elif has_credentials(self.address):
                yield "mlflow", CREDENTIALS


def check_tracking(tracking: Tracking | None) -> None:
    """Raise SettingError if a tracker of a config can't be used: its extra is not installed."""
    for name, problem in Destination.of(tracking).problems():
        raise SettingError(("tracking", name), problem)


def open_trackers(destination: Destination, writer: RunWriter) -> list[Tracker]:
    """Return the trackers of a run; nothing is written or sent before their first update."""
    from imgrec.workflows.tracking.mlflow_tracker import MlflowTracker
    from imgrec.workflows.tracking.tensorboard_log import TensorBoardLog

    found: list[Tracker] = []
    for name in destination.names:
        if name == "mlflow":
            uri = destination.address.rstrip("/")
            found.append(MlflowTracker(writer, uri, destination.experiment))
        else:
            found.append(TensorBoardLog(writer))
    return found


def reason(error: Exception) -> str:
    """Return in a line why a tracker failed, without a password in an address.

    What the system said, if it is behind the error, is enough.
    """
    behind: BaseException | None = error
    while behind is not None:
        if isinstance(behind, OSError) and behind.strerror:
            return printable(behind.strerror)
        behind = behind.__cause__ or behind.__context__
    first = (str(error).strip() or type(error).__name__).splitlines()[0]
    return printable(_IN_ADDRESS.sub("***@", first)[:_LONGEST])
