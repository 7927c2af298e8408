"""How long `imgrec similar` takes as a process, in many photos."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

from tools.bench.figures import QUICK, Figure, Size
from tools.bench.processes import cost_of, cost_text, imgrec, middle, own_cache
from tools.teach_many import picture

_ROUNDS = 7


def similar(size: Size) -> Iterator[Figure]:
    """Yield the cost of a search in drawn photos, before and after their features are known."""
    count = 1_000 if size == QUICK else 10_000
    with tempfile.TemporaryDirectory() as place, own_cache(place):
        folder = Path(place) / "photos"
        folder.mkdir()
        for number in range(count):
            (folder / f"{number}.jpg").write_bytes(picture(number))
        photo, found = str(folder / "0.jpg"), f"{place}/found.json"
        command = imgrec("similar", photo, "--in", str(folder), "--output", found)
        command += ["--pretrained", "EfficientNetLite0", "--runs-dir", place]
        first = cost_of(command)
        again = middle([cost_of(command) for _ in range(_ROUNDS)])
    yield Figure(f"`imgrec similar` in {count:,} photos, the first time", cost_text(first))
    yield Figure(f"`imgrec similar` in {count:,} photos, again", cost_text(again), "at most 1 s")
