"""A folder of runs that belong together: the folds of a cross-validation, or several seeds."""

from __future__ import annotations

import shlex
from pathlib import Path

from imgrec.errors import RunError
from imgrec.runs.card_file import CARD_FILE, read_card
from imgrec.runs.folder import LAST, Run, find, last_repeats
from imgrec.runs.repeats_file import REPEATS_FILE, read_repeats
from imgrec.text import printable


def find_repeats(reference: str | None, runs_dir: Path, *, resumable: bool = False) -> Path | None:
    """Return the folder of repeats that `reference` means: a folder, a name, or `last`.

    None means `last`: what was completed last below `runs_dir` (with `resumable`, the newest that
    can be resumed), if that is one.
    """
    if reference is None or reference == LAST:
        return last_repeats(runs_dir, resumable=resumable)
    folders = (runs_dir / reference, Path(reference))
    return next((each for each in folders if (each / REPEATS_FILE).is_file()), None)


def find_folder(reference: str | None, runs_dir: Path) -> Path:
    """Return the folder of the run, or of the repeats, that `reference` means.

    Raises RunError if there is none.
    """
    return find_repeats(reference, runs_dir) or find(reference, runs_dir).path


def find_members(reference: str | None, runs_dir: Path) -> tuple[Run, ...]:
    """Return the runs that `reference` means: those of a folder of repeats, else the one of `find`.

    Raises RunError if there is none, or if a run of the folder is not complete.
    """
    if (folder := find_repeats(reference, runs_dir)) is None:
        return (find(reference, runs_dir),)
    names = read_repeats(folder).members
    if any(Path(name).name != name for name in names):
        raise RunError(f"{printable(str(folder))} names runs outside of it")
    return tuple(_member(folder, name) for name in names)


def _member(folder: Path, name: str) -> Run:
    path = folder / name
    if (path / CARD_FILE).is_file() and (card := read_card(path)).complete:
        return Run(path, card)
    raise RunError(
        f"{printable(str(folder))} is not complete: {printable(name)} is not trained to its end",
        hint=f"`imgrec train --resume {printable(shlex.quote(str(folder)))}` continues it",
    )
