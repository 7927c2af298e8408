"""A service under load: its end, models that are opened again, and photos that do harm."""

from __future__ import annotations

import random
import shutil
import signal
import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest

from imgrec.runs.folder import Run
from tests.serve.running import Running, drawn
from tools.load import load, photo_request

pytestmark = [pytest.mark.slow, pytest.mark.tensorflow]

ENDS = 200
SWAPS = 200
MUTATED = 1_000


def under_load(running: Running, clients: int, during: Callable[[], object]) -> Counter[int]:
    """Return how many requests had each status while something was done; 0 for no answer."""
    requests = [photo_request(drawn(number)) for number in range(8)]
    found: list[Counter[int]] = []
    address = f"http://127.0.0.1:{running.port}"
    ended = threading.Event()

    def ask() -> None:
        asked = load(address, requests, clients=clients, seconds=600, stop=ended.is_set)
        found.append(asked.statuses)

    thread = threading.Thread(target=ask)
    thread.start()
    try:
        during()
    finally:
        ended.set()
        thread.join()
    return found[0]


def test_ends_lose_no_answer(trained: Run, tmp_path: Path) -> None:
    """Each request that was sent before a SIGTERM or while the service ends is answered."""
    choose, lost, answered = _random(), Counter[int](), 0
    for number in range(ENDS):
        with Running([f"digits={trained.path}", "--no-access-log"], tmp_path) as running:

            def end(running: Running = running) -> None:
                while running.metric("imgrec_photos_total") < 20:
                    pass
                threading.Event().wait(choose.uniform(0, 0.05))
                assert running.end(signal.SIGTERM) == 0, running.lines

            found = under_load(running, 1 + number % 16, end)
        answered += found.pop(200)
        lost += found
    assert answered > 20 * ENDS
    assert lost == Counter()


def test_swaps_lose_no_answer(trained: Run, tmp_path: Path) -> None:
    """Models that are opened again while they are asked answer every request."""
    run = tmp_path / "run"
    shutil.copytree(trained.path, run)
    with Running([f"digits={run}", "--no-access-log"], tmp_path) as running:

        def swap() -> None:
            for _ in range(SWAPS):
                assert running.ask("POST", "/v1/models/digits:reload").status == 200

        found = under_load(running, 8, swap)
        assert set(found) == {200}
        assert found[200] > SWAPS
        assert psutil.Process(running.process.pid).memory_info().rss < 400e6


def test_no_photo_harms_the_service(
    trained: Run, shared: Callable[[str], Path], tmp_path: Path
) -> None:
    """Awkward images and changed ones have answers or reasons, and memory stays bounded."""
    files = [path for path in sorted(shared("data/awkward").rglob("*")) if path.is_file()]
    contents = [path.read_bytes() for path in files]
    choose = _random()
    contents += [changed(choose.choice(contents), choose) for _ in range(MUTATED)]
    with Running([f"digits={trained.path}", "--no-access-log"], tmp_path) as running:
        with ThreadPoolExecutor(8) as pool:
            statuses = Counter(pool.map(lambda body: running.classify(body).status, contents))
        assert set(statuses) <= {200, 400, 422}, statuses
        assert statuses[200] > 100
        assert running.classify(drawn(1)).status == 200
        assert psutil.Process(running.process.pid).memory_info().rss < 300e6
        assert all(each.memory_info().rss < 600e6 for each in running.decoders)
        assert running.end() == 0


def changed(content: bytes, choose: random.Random) -> bytes:
    """Return a file of which bytes are changed, cut off or repeated."""
    found = bytearray(content)
    for _ in range(choose.randint(1, 20)):
        if found:
            found[choose.randrange(len(found))] = choose.randrange(256)
    if choose.random() < 0.3:
        del found[choose.randrange(len(found) + 1) :]
    if choose.random() < 0.1:
        place = choose.randrange(len(found) + 1)
        found[place:place] = found[: choose.randrange(1000)]
    return bytes(found)


def _random() -> random.Random:
    return random.Random(0)  # noqa: S311 - the same numbers each time
