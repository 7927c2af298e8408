"""The one class that changes a run."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from msgspec.structs import replace

from imgrec.errors import RunError
from imgrec.files import (
    cannot_write,
    remove_partial,
    sha256_of,
    write_atomically,
    write_bytes_atomically,
    writing,
)
from imgrec.runs.card import Card, ExportParity
from imgrec.runs.card_file import CARD_FILE, read_card, write_card
from imgrec.runs.folder import Run
from imgrec.text import printable

if TYPE_CHECKING:
    from filelock import BaseFileLock


_LOCK = ".lock"


def utc_now() -> str:
    """Return the time in the format of cards: ISO 8601 in UTC, to the microsecond."""
    return dt.datetime.now(dt.UTC).isoformat(timespec="microseconds")


def check_unlocked(folder: Path) -> None:
    """Raise RunError if another process holds the lock of a run's folder."""
    if (folder / _LOCK).exists():  # nobody holds one without a file, and none is left behind
        _locked(folder).release()


class RunWriter:
    """Writes a run's card and files while it holds the lock of the run's folder.

    It owns the order in which things appear, so that the folder can be used whenever the process
    ends. A card and the model file whose hash it contains can't change in one step; hence three:

    1. announce: the card is written with the hashes of both the old and the new file;
    2. write: the new file takes the place of the old one, atomically;
    3. settle: the card is written with the hash of the new file alone.

    If a writer is killed in between, the next one completes the last step. The system releases the
    lock when the process ends, however it ends.

    Args:
        folder: The run's folder. That of a new run has no card yet: see `begin`.

    Raises:
        RunError: On entering the context, if another process holds the lock or the card can't be
            read; by each method, if the folder can't be written.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder, RunWriter(Path(folder)) as writer:
        ...     writer.write_text("notes.txt", "blue ones are from June")
        ...     (writer.folder / "notes.txt").read_text()
        'blue ones are from June'
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._card: Card | None = None
        self._lock: BaseFileLock | None = None

    def __enter__(self) -> Self:
        self._lock = _locked(self.folder)
        try:
            if (self.folder / CARD_FILE).exists():
                self._card = self._settled(read_card(self.folder))
        except BaseException:
            self._lock.release()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._lock is not None:
            self._lock.release()

    @property
    def card(self) -> Card:
        """The card as last written; ValueError before `begin`."""
        if self._card is None:
            raise ValueError(f"{self.folder} has no card yet")
        return self._card

    @property
    def begun(self) -> bool:
        """Whether the run has a card."""
        return self._card is not None

    @property
    def run(self) -> Run:
        """The run as last written; ValueError before `begin`."""
        return Run(self.folder, self.card)

    def begin(self, card: Card, *, models: Sequence[str] = ()) -> None:
        """Write the first card, which makes the folder a run.

        The other files are in the folder by then. `models` are those whose hashes go on the card.
        """
        hashes = {name: sha256_of(self.folder / name) for name in models}
        self._write(replace(card, hashes={**card.hashes, **hashes}))

    def update(self, **changes: Any) -> None:
        """Write the card with new values of these fields."""
        self._write(replace(self.card, **changes))

    def finish(self) -> None:
        """Write the card of a training that is finished now."""
        self.update(complete=True, ended=utc_now())

    def write_text(self, name: str, text: str) -> None:
        """Write a file that the card says nothing about."""
        self.write_bytes(name, text.encode("utf-8", "surrogateescape"))

    def write_bytes(self, name: str, content: bytes) -> None:
        """Write a file that the card says nothing about."""
        write_bytes_atomically(self.folder / name, content)

    def write_model(self, name: str, save: Callable[[Path], object], **changes: Any) -> None:
        """Announce, write and settle a model file.

        Args:
            name: The file's name in the folder.
            save: Writes the model to the path that it is given.
            changes: Fields of the card that belong to the new file. A calibration among them is
                recorded as that of this file; that of the old file is dropped.
        """

        def write(temporary: Path) -> None:
            save(temporary)
            digest = sha256_of(temporary)
            if (calibration := changes.get("calibration")) is not None:
                changes["calibration"] = replace(calibration, model=digest)
            card = replace(self.card, **changes)
            self._write(card.announcing(name, digest))

        write_atomically(self.folder / name, write)
        self._write(self._settled(self.card))

    def write_export(self, name: str, export: Callable[[Path], ExportParity]) -> None:
        """Write a file exported from the best model, and its export parity on the card."""

        def write(temporary: Path) -> None:
            parity = export(temporary)
            # A missing file contradicts no card: whenever this ends, the run can be used.
            (self.folder / name).unlink(missing_ok=True)
            self._write(self.card.with_export(parity, sha256_of(temporary)))

        write_atomically(self.folder / name, write)

    def remove_exports(self, names: Sequence[str]) -> None:
        """Remove these exported files, as the best model will change, and all from the card."""
        for name in names:
            (self.folder / name).unlink(missing_ok=True)
        self._write(self.card.without_exports())

    def remove_partial(self) -> None:
        """Remove the partial files of processes that were killed while writing."""
        remove_partial(self.folder)

    def subfolder(self, name: str) -> Path:
        """Return a folder in the run, created if it doesn't exist.

        Raises RunError if it is a link or contains one: a run from somebody else can't have files
        written elsewhere.
        """
        folder = self.folder / name
        if link := next((each for each in (folder, *folder.glob("*")) if each.is_symlink()), None):
            raise RunError(
                f"{printable(str(link))} is a link, and nothing is written through it",
                hint="replace it by what it leads to",
            )
        with writing(folder):
            folder.mkdir(exist_ok=True)
        return folder

    def _write(self, card: Card) -> None:
        write_card(self.folder, card)
        self._card = card

    def _settled(self, card: Card) -> Card:
        """Return the card with the hashes of the announced files as they are."""
        for name in card.announced:
            path = self.folder / name
            card = card.settled(name, sha256_of(path) if path.is_file() else None)
        return card


def _locked(folder: Path) -> BaseFileLock:
    from filelock import FileLock, Timeout

    lock = FileLock(folder / _LOCK)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise RunError(
            f"another process is training {printable(str(folder))}",
            hint="wait for it, or take another run",
        ) from None
    except OSError as error:
        raise cannot_write(folder, error) from error
    return lock
