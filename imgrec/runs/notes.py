"""notes.json: the tags and the note that people give to a run."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Annotated, Literal

from msgspec import Meta, Struct

from imgrec.errors import RunError, UsageError
from imgrec.files import cannot_write, reason_of, write_bytes_atomically
from imgrec.json_documents import json_text
from imgrec.runs.document import read_document
from imgrec.text import count_of, printable, quoted

NOTES_FILE = "notes.json"

_LOCK = ".notes.lock"
_SECONDS = 10
_LONGEST = 10_000
_MOST_TAGS = 100
_TAG = re.compile(r"[^\W_][\w.:/+-]{0,63}")


class Notes(Struct, frozen=True):
    """The tags of a run, sorted, and a text about it."""

    schema_version: Annotated[Literal[1], Meta(description="Of this document.")] = 1
    tags: tuple[str, ...] = ()
    note: str = ""

    def with_tags(self, tags: Iterable[str]) -> Notes:
        """Return the notes with further tags."""
        return Notes(1, tuple(sorted({*self.tags, *tags})), self.note)

    def without_tags(self, tags: Iterable[str]) -> Notes:
        """Return the notes without these tags."""
        return Notes(1, tuple(each for each in self.tags if each not in {*tags}), self.note)

    def with_note(self, note: str) -> Notes:
        """Return the notes with another text; an empty one removes it."""
        return Notes(1, self.tags, note)


NO_NOTES = Notes()
"""Those of a run that has neither tags nor a note."""


def checked_notes(tags: Iterable[str] = (), note: str = "") -> Notes:
    """Return notes; raise UsageError for a tag or a note that no run can have.

    Example:
        >>> checked_notes(["baseline", "2026/june"]).tags
        ('2026/june', 'baseline')
    """
    notes = NO_NOTES.with_tags(tags).with_note(note.strip())
    for tag in notes.tags:
        if not _TAG.fullmatch(tag):
            raise UsageError(
                f"{quoted(tag)} can't be a tag",
                hint="a tag begins with a letter or a digit, has at most 64 characters, and "
                "consists of letters, digits, and `.`, `_`, `-`, `:`, `/`, `+`",
            )
    if len(notes.note) > _LONGEST:
        raise UsageError(
            f"the note has {count_of(len(notes.note), 'character')}, more than {_LONGEST:,}",
            hint="write it into a file in the run's folder",
        )
    return notes


def read_notes(folder: Path) -> Notes:
    """Return the notes of a run's folder, empty ones if there is no file.

    Raises:
        OSError: The file can't be read.
        ValueError: It is damaged.
    """
    return read_document(folder / NOTES_FILE, Notes) or NO_NOTES


def change_notes(folder: Path, change: Callable[[Notes], Notes]) -> Notes:
    """Change the notes of a run's folder, also while it is trained; return the new ones.

    Two processes that change them at once do so one after the other.

    Args:
        folder: The run's folder.
        change: Returns the new notes for the old ones.

    Raises:
        RunError: The file is damaged, or can't be written.
        UsageError: There would be too many tags.
    """
    from filelock import FileLock, Timeout

    path = folder / NOTES_FILE
    try:
        with FileLock(folder / _LOCK, timeout=_SECONDS):
            notes = change(read_notes(folder))
            if len(notes.tags) > _MOST_TAGS:
                raise UsageError(f"a run has at most {_MOST_TAGS} tags")
            write_bytes_atomically(path, json_text(notes).encode())
            return notes
    except Timeout:
        raise RunError(
            f"{printable(str(path))} is being changed by another process", hint="try it again"
        ) from None
    except ValueError as error:
        raise RunError(
            f"{printable(str(path))} is damaged: {reason_of(error)}", hint="remove the file"
        ) from error
    except OSError as error:
        raise cannot_write(path, error) from error
