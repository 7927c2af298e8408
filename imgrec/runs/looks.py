"""How often images were looked at as a test set: a line for each look, in the runs folder."""

from __future__ import annotations

import datetime as dt
import json
import os
from pathlib import Path

from imgrec.files import MAX_TABLE_BYTES, read_regular

LOOKS_FILE = "test_looks.jsonl"


def count_look(runs_dir: Path, fingerprint: str, run: str) -> int:
    """Note that a model was evaluated on test images; return how often that was done with them.

    Each look is appended at once, so several processes can note theirs. Returns 0 if the file
    can't be written: an evaluation is valid without.

    Args:
        runs_dir: The runs folder.
        fingerprint: That of the test images.
        run: The model.
    """
    when = dt.datetime.now(dt.UTC).isoformat(timespec="seconds")
    line = json.dumps({"fingerprint": fingerprint, "run": run, "when": when}) + "\n"
    path = runs_dir / LOOKS_FILE
    try:
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0)
        number = os.open(path, flags, 0o666)
        try:
            os.write(number, line.encode())
        finally:
            os.close(number)
        return read_regular(path, MAX_TABLE_BYTES).count(fingerprint.encode())
    except OSError:
        return 0
