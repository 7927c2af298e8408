"""Where runs are, and how they are found."""

from __future__ import annotations

import contextlib
import errno
import logging
import os
import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from imgrec.errors import RunError, UsageError
from imgrec.files import cannot_write, reason_of
from imgrec.interface import option
from imgrec.runs.card import Card
from imgrec.runs.card_file import CARD_FILE, read_card
from imgrec.runs.repeats_file import REPEATS_FILE, read_repeats
from imgrec.text import join_few, nearest, printable, quoted

LAST = "last"

CONFIG_FILE = "config.yaml"
"""The config of a run, with all defaults."""

METRICS_FILE = "metrics.json"
"""The final evaluation of a run."""

REPORT_FILE = "report.html"
"""The report of the final evaluation."""

CURVES_FILE = "curves.png"
"""The learning curves."""

CONFUSION_FILE = "confusion.png"
"""The confusion matrix of the final evaluation."""

CHECK_FILE = "check.json"
"""What the check of the images before a training found."""

ENVIRONMENT_FILE = "environment.txt"
"""The versions of all installed packages."""

PATCH_FILE = "working_tree.patch"
"""The differences of a Git working tree from its commit; resumed trainings add a number."""

STATE = "state"
"""The folder of a run that contains the checkpoints."""

log = logging.getLogger("imgrec")


@dataclass(frozen=True)
class Run:
    """A run's folder and its card as read."""

    path: Path
    card: Card

    @property
    def name(self) -> str:
        """The folder's name, by which the run is found below the runs folder."""
        return self.path.name

    @property
    def state(self) -> Path:
        """The folder of the checkpoints that resuming needs."""
        return self.path / STATE

    @property
    def resumable(self) -> bool:
        """Whether the training has begun to write checkpoints."""
        return self.state.is_dir()


@dataclass(frozen=True)
class UnreadableRun:
    """A folder whose card can't be read, and why."""

    path: Path
    error: str


def default_runs_dir() -> Path:
    """Return the runs folder: $IMGREC_RUNS, else `runs` in the working directory."""
    return Path(os.environ.get("IMGREC_RUNS") or "runs")


def in_runs_dir(runs_dir: Path) -> str:
    """Return the option that names a runs folder, to follow a command; nothing if it is usual."""
    usual = runs_dir == default_runs_dir()
    return "" if usual else f" --runs-dir {printable(shlex.quote(str(runs_dir)))}"


def check_place(runs_dir: Path) -> None:
    """Raise RunError if no run can be made below `runs_dir`, before work is put into one."""
    there = next(path for path in (runs_dir, *runs_dir.parents) if path.exists())
    if not there.is_dir():
        raise cannot_write(runs_dir, _os_error(errno.ENOTDIR))
    if not os.access(there, os.W_OK | os.X_OK):
        raise cannot_write(runs_dir, _os_error(errno.EACCES))


def check_named(runs_dir: Path) -> None:
    """Raise RunError if there is no such folder; the usual one appears with the first run."""
    if runs_dir != default_runs_dir() and not runs_dir.is_dir():
        raise RunError(
            f"there is no folder {printable(str(runs_dir))}",
            hint=f"{option('runs-dir', 'FOLDER')} names the folder that contains the runs",
        )


def check_name(name: str) -> None:
    """Raise UsageError unless `name` can be that of a run: letters, digits, `.`, `_` and `-`."""
    if not re.fullmatch(r"[^\W_][\w.-]{0,63}", name):
        raise UsageError(
            f"{quoted(name)} can't be the name of a run: a name consists of letters, digits, "
            "`.`, `_` and `-`, begins with a letter or digit, and is no longer than 64 characters",
            hint="choose another one with --name",
        )


def create(runs_dir: Path, name: str) -> Path:
    """Make and return the new folder `<name>-<n>`, n one above the highest there.

    Two processes never get the same one. Raises RunError if it can't be made, and UsageError
    if no folder can have the `name`.
    """
    check_name(name)
    try:
        runs_dir.mkdir(parents=True, exist_ok=True)
        number = 1 + max(_numbers(runs_dir, name), default=0)
        while True:
            try:
                folder = runs_dir / f"{name}-{number}"
                folder.mkdir()
                return folder
            except FileExistsError:
                number += 1
    except OSError as error:
        raise cannot_write(runs_dir, error) from error


@contextlib.contextmanager
def new_folder(runs_dir: Path, name: str) -> Iterator[Path]:
    """Create the folder of a run, as `create` does; remove it if the run can't be completed."""
    folder = create(runs_dir, name)
    try:
        yield folder
    except BaseException:
        import shutil

        shutil.rmtree(folder, ignore_errors=True)
        raise


def find_runs(runs_dir: Path) -> tuple[tuple[Run, ...], tuple[UnreadableRun, ...]]:
    """Return the runs below `runs_dir`, oldest first, and those whose cards can't be read."""
    if not runs_dir.is_dir():
        return (), ()
    runs: list[Run] = []
    unreadable: list[UnreadableRun] = []
    for folder in sorted(path for path in runs_dir.iterdir() if path.is_dir()):
        try:
            if (folder / CARD_FILE).exists():
                runs.append(Run(folder, read_card(folder)))
        except RunError as error:
            unreadable.append(UnreadableRun(folder, error.message))
        except OSError as error:
            reason = f"{printable(str(folder))}: {reason_of(error)}"
            unreadable.append(UnreadableRun(folder, reason))
    return tuple(sorted(runs, key=lambda run: run.card.created)), tuple(unreadable)


def list_runs(runs_dir: Path) -> tuple[Run, ...]:
    """Return the runs below `runs_dir`, oldest first; the log names those that can't be read."""
    runs, unreadable = find_runs(runs_dir)
    for each in unreadable:
        log.warning("left out: %s", each.error)
    return runs


def find(reference: str | None, runs_dir: Path, *, resumable: bool = False) -> Run:
    """Return the run that `reference` means: a folder, a name below `runs_dir`, or `last`.

    None means `last`: the run that was completed last (with `resumable`, the newest that can be
    resumed). Raises RunError if there is none, or if it is a folder of repeats.
    """
    if reference is None or reference == LAST:
        return _last(runs_dir, resumable=resumable)
    for folder in (runs_dir / reference, Path(reference)):
        if (folder / REPEATS_FILE).is_file() and not (folder / CARD_FILE).exists():
            raise _several(folder)
        if folder.is_dir():
            return Run(folder, read_card(folder))
    raise _missing(reference, runs_dir)


def find_all_repeats(runs_dir: Path) -> tuple[Path, ...]:
    """Return the folders of repeats below `runs_dir`, complete or not."""
    return tuple(sorted(file.parent for file in runs_dir.glob(f"*/{REPEATS_FILE}")))


def last_repeats(runs_dir: Path, *, resumable: bool = False) -> Path | None:
    """Return the folder of repeats that `last` means, None if it means a run.

    It is the one that was completed last (with `resumable`, the newest that is not complete).
    """
    folders = find_all_repeats(runs_dir)
    since = {each: _repeats_since(each, resumable=resumable) for each in folders}
    newest = max(since, key=lambda folder: since[folder], default=None)
    if newest is None:
        return None
    runs, _ = find_runs(runs_dir)
    latest_run = max((_since(run, resumable=resumable) for run in runs), default="")
    return newest if since[newest] > latest_run else None


def _since(run: Run, *, resumable: bool) -> str:
    """Return when a run was completed, or created; nothing if `last` can't mean it."""
    if resumable:
        return run.card.created if run.resumable else ""
    return run.card.ready if run.card.complete else ""


def _repeats_since(folder: Path, *, resumable: bool) -> str:
    """Return when the newest run in a folder of repeats was; nothing if `last` can't mean it."""
    try:
        complete = bool(read_repeats(folder).metrics)
    except RunError as error:
        log.warning("left out: %s", error.message)
        return ""
    cards = [run.card for run in find_runs(folder)[0]] if complete != resumable else []
    return max((each.created if resumable else each.ready for each in cards), default="")


def _last(runs_dir: Path, *, resumable: bool) -> Run:
    if (repeats := last_repeats(runs_dir, resumable=resumable)) is not None:
        raise _several(repeats, "last: ")
    runs = list_runs(runs_dir)
    since = {run.path: _since(run, resumable=resumable) for run in runs}
    wanted = [run for run in runs if since[run.path]]
    if wanted:
        last = max(wanted, key=lambda run: since[run.path])
        newest = runs[-1]
        if newest not in wanted:
            log.info("last: %s; %s is newer, but %s", last.name, newest.name, _why(newest))
        return last
    kind = "resumable" if resumable else "complete"
    newest_one = f": {printable(runs[-1].name)} {_why(runs[-1])}" if runs else ""
    if not runs and (unfinished := find_all_repeats(runs_dir)):
        newest_one = f": {printable(unfinished[-1].name)} is not complete"
    raise RunError(
        f"there is no {kind} run in {printable(str(runs_dir))}{newest_one}",
        hint="train one with `imgrec train CONFIG`, or name the folder of the runs with "
        f"{option('runs-dir', 'FOLDER')}",
    )


def _why(run: Run) -> str:
    """Return why a run can't be resumed, or used before it is complete, to follow its name."""
    if not run.card.complete:
        return "is not complete"
    return "was imported" if run.card.origin else "has finished"


def _missing(reference: str, runs_dir: Path) -> RunError:
    """Return what is wrong with a reference to no run; as `check_named` if the folder is."""
    parent = Path(reference).parent
    if os.sep in reference and (beside := [run.name for run in find_runs(parent)[0]]):
        return RunError(
            f"there is no run {printable(reference)}: no such folder",
            hint=f"{printable(str(parent))} has {join_few(beside, 10)}",
        )
    check_named(runs_dir)
    names, where = [run.name for run in list_runs(runs_dir)], printable(str(runs_dir))
    if others := [each for each in names if _stem(each) == _stem(reference)]:
        meant = f"{where} has {join_few(others, 10)}; "
    else:
        near = nearest(reference, names)
        meant = f"did you mean {printable(near)}? " if near else ""
    return RunError(
        f"there is no run {printable(reference)}: no such folder, and no such name in {where}",
        hint=f"{meant}`imgrec runs list{in_runs_dir(runs_dir)}` shows the runs that can be used",
    )


def _stem(name: str) -> str:
    """Return the name of a run without its number."""
    return re.sub(r"-\d+$", "", name)


def _several(folder: Path, reference: str = "") -> RunError:
    runs, _ = find_runs(folder)
    name = f", such as {printable(shlex.quote(str(runs[0].path)))}" if runs else ""
    return RunError(
        f"{reference}{printable(str(folder))} is a folder of runs, and a single run is needed here",
        hint=f"name one of them{name}",
    )


def _os_error(number: int) -> OSError:
    return OSError(number, os.strerror(number))


def _numbers(runs_dir: Path, name: str) -> list[int]:
    suffixes = (path.name.removeprefix(f"{name}-") for path in runs_dir.glob(f"{name}-*"))
    return [int(suffix) for suffix in suffixes if suffix.isdecimal()]
