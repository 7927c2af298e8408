"""How often images were looked at as a test set: a line for each look, in the runs folder."""

from __future__ import annotations

import datetime as dt
import json
import os
from pathlib import Path

from imgrec.files import MAX_TABLE_BYTES, read_regular

LOOKS_FILE = "test_looks.jsonl"


def count_look(runs_dir: Path, fingerprint: str, run: str, model: str = "") -> int:
    """Note that a model was evaluated on test images; return how often that was done with them.

    Each look is appended at once, so several processes can note theirs. Returns 0 if the file
    can't be written: an evaluation is valid without.

    Args:
        runs_dir: The runs folder.
        fingerprint: That of the test images.
        run: The run that has the model.
        model: The SHA-256 of the model, if its look counts once, though a process that is killed
            before it has noted the result looks again.
    """
    look = {"fingerprint": fingerprint, "run": run} | ({"model": model} if model else {})
    when = dt.datetime.now(dt.UTC).isoformat(timespec="seconds")
    line = json.dumps({**look, "when": when}) + "\n"
    path = runs_dir / LOOKS_FILE
    try:
        if model and path.exists():
            content = read_regular(path, MAX_TABLE_BYTES)
            if json.dumps(look).removesuffix("}").encode() in content:
                return content.count(fingerprint.encode())
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0)
        number = os.open(path, flags, 0o666)
        try:
            os.write(number, line.encode())
        finally:
            os.close(number)
        return read_regular(path, MAX_TABLE_BYTES).count(fingerprint.encode())
    except OSError:
        return 0
