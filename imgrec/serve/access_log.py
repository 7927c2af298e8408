"""The access log: a line of JSON for each request."""

from __future__ import annotations

import datetime as dt
import json
import re
import sys
from typing import TextIO

# The log outlives photos that are deleted.
_HASH = re.compile(r"([0-9a-f]{8})[0-9a-f]{56}")


class AccessLog:
    """Lines that are written together, some times a second.

    Args:
        stream: Where they go; None for nowhere.
    """

    def __init__(self, stream: TextIO | None = sys.stderr) -> None:
        self._stream = stream
        self._lines: list[str] = []

    def add(
        self,
        identifier: str,
        client: str,
        method: str,
        path: str,
        status: int,
        seconds: float,
    ) -> None:
        """Add a request that was answered; a status of 499 is a client that left before."""
        if self._stream is None:
            return
        entry = {
            "time": dt.datetime.now(dt.UTC).isoformat(timespec="milliseconds"),
            "request_id": identifier,
            "client": client,
            "method": method,
            "path": _HASH.sub(r"\1…", path),
            "status": status,
            "seconds": round(seconds, 4),
        }
        self._lines.append(json.dumps(entry) + "\n")

    def flush(self) -> None:
        """Write the lines."""
        if self._lines and self._stream is not None:
            lines, self._lines = self._lines, []
            try:
                self._stream.write("".join(lines))
                self._stream.flush()
            except OSError:  # a full disk or a closed pipe stops no answers
                self._stream = None
