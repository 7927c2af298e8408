"""How often test images were looked at, counted in the runs folder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from imgrec.data.images import fingerprint
from imgrec.data.records import Record
from imgrec.runs.folder import Run
from imgrec.runs.image_list import recorded_identities
from imgrec.runs.looks import count_look


def note_look(
    runs_dir: Path,
    run: str,
    records: Sequence[Record],
    identities: Mapping[str, str],
    classes: Sequence[str],
) -> int | None:
    """Count one more look at test images; return how many these are, None if it can't be counted.

    Whoever compares models by the same test images chooses by them, more so with each look.

    Args:
        runs_dir: The runs folder, which keeps the count.
        run: The model.
        records: The images.
        identities: Their SHA-256 by name.
        classes: Their classes.
    """
    known = [record for record in records if identities.get(record.name)]
    if not known:
        return None
    return count_look(runs_dir, fingerprint(known, identities, classes), run) or None


def note_recorded_look(runs_dir: Path, run: Run) -> int | None:
    """Count one more look at the test images that a run recorded; as `note_look`."""
    classes = run.card.classes
    found = {
        name: (text, identity)
        for (split, name), (text, identity) in recorded_identities(run.path).items()
        if split == "test"
    }
    records = [
        Record(name, tuple(map(classes.index, filter(None, text.split("\n")))), run.path)
        for name, (text, _) in found.items()
    ]
    identities = {name: identity for name, (_, identity) in found.items()}
    return note_look(runs_dir, run.name, records, identities, classes)
