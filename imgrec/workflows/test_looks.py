"""How often test images were looked at, counted in the runs folder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from imgrec.data.images import fingerprint
from imgrec.data.records import Record
from imgrec.runs.card import BEST_MODEL, LITERT_MODEL
from imgrec.runs.folder import Run
from imgrec.runs.image_list import recorded_identities
from imgrec.runs.looks import count_look


def note_look(
    runs_dir: Path,
    run: Run,
    records: Sequence[Record],
    identities: Mapping[str, str],
    classes: Sequence[str],
    *,
    once: bool = False,
) -> int | None:
    """Count one more look at test images; return how many these are, None if it can't be counted.

    Whoever compares models by the same test images chooses by them, more so with each look.

    Args:
        runs_dir: The runs folder, which keeps the count.
        run: The run that has the model.
        records: The images.
        identities: Their SHA-256 by name.
        classes: Their classes.
        once: Whether this model's look counts once, though a process that was killed looks again.
    """
    known = [record for record in records if identities.get(record.name)]
    if not known:
        return None
    hashes = run.card.hashes
    model = hashes.get(BEST_MODEL) or hashes.get(LITERT_MODEL) or "" if once else ""
    return count_look(runs_dir, fingerprint(known, identities, classes), run.name, model) or None


def note_recorded_look(runs_dir: Path, run: Run) -> int | None:
    """Count the look of a run at the test images that it recorded, once; as `note_look`."""
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
    return note_look(runs_dir, run, records, identities, classes, once=True)
