"""A service compared with `imgrec predict` and with others, and what it does under load."""

from __future__ import annotations

import itertools
import os
import shlex
import signal
import socket
import statistics
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import psutil
from PIL import Image

from tools.bench.figures import Figure, Size, rate
from tools.bench.peers import FOLDER, Peer, peers
from tools.bench.processes import cost_of, imgrec
from tools.load import Load, load, photo_request

CLIENTS = 16
WARM_UP = 2.0
_PORT = 18_437
_STOP_SECONDS = 10.0
_FIRST = photo_request(b"P6 1 1 255\n\x00\x00\x00")
_GOALS = {"imgrec predict": 0.85, "FastAPI": 4, "LitServe": 2, "BentoML": 2}


def serving(runs: Path, folder: Path, size: Size) -> Iterator[Figure]:
    """Yield the figures of a service with the run `cat_dog-1`.

    Args:
        runs: The folder of the run.
        folder: JPEGs of cats and dogs, which are resized to 400x300.
        size: How many rounds and photos.
    """
    run = runs / "cat_dog-1"
    photos = _resized(folder, runs / "photos", size.images // 4)
    requests = [photo_request(each.read_bytes()) for each in photos]
    seconds = 3.0 + size.rounds
    with _served(imgrec("serve", str(run), "--port", str(_PORT), "--no-access-log")) as service:
        yield Figure(
            "a service of `cat_dog`: start to the first answer",
            f"{service.start:.2f} s",
            "at most 1.5 s",
        )
        yield from _throughput(run, photos, requests, service, size.rounds, seconds)
        yield Figure(
            "the same, memory of all processes", f"{service.memory / 1e6:.0f} MB", "at most 200 MB"
        )
        yield from _overload(requests, service, seconds)


def _throughput(
    run: Path,
    photos: Sequence[Path],
    requests: Sequence[bytes],
    service: _Service,
    rounds: int,
    seconds: float,
) -> Iterator[Figure]:
    """Yield photos per second of the service and of the other ways, measured in turns."""
    found: dict[str, list[float]] = {"imgrec serve": [], "imgrec predict": []}
    costs: dict[str, list[Costs]] = {}
    others = list(peers())
    contents = [each.read_bytes() for each in photos]
    predict = imgrec("predict", *map(str, [*photos] * 4), "--model", str(run), "--json")
    how: dict[str, str] = {}
    for _ in range(rounds):
        own = asked(service, requests, CLIENTS, seconds)
        found["imgrec serve"].append(own.load.rate)
        costs.setdefault("imgrec serve", []).append(own.costs)
        found["imgrec predict"].append(4 * len(photos) / cost_of(predict).seconds)
        for each in others:
            name, given = f"{each.name} {each.version}", [*map(each.request, contents)]
            how[name] = f", {each.how}"
            with _peer(each, run, given[0]) as other:
                theirs = asked(other, given, CLIENTS, seconds)
            found.setdefault(name, []).append(theirs.load.rate)
            costs.setdefault(name, []).append(theirs.costs)
    for name, rates in found.items():
        title = f"400x300 JPEGs, `cat_dog`: {name}{how.get(name, '')}"
        yield Figure(title, rate(statistics.median(rates)))
    for name, rates in itertools.islice(found.items(), 1, None):
        pairs = zip(found["imgrec serve"], rates, strict=True)
        ratio = statistics.median(own / other for own, other in pairs)
        goal = next(goal for known, goal in _GOALS.items() if name.startswith(known))
        yield Figure(
            f"the same, imgrec serve over {name}", f"{ratio:.2f} times", f"at least {goal}"
        )
    yield from _processor_times(costs)


def _processor_times(costs: Mapping[str, Sequence[Costs]]) -> Iterator[Figure]:
    """Yield what a photo costs in each service, and where in this one."""
    for name, rounds in costs.items():
        parts = Costs(*map(statistics.median, zip(*rounds, strict=True)))
        where = (
            f": decoding {parts.children:.1f}, network {parts.threads:.1f}, "
            f"all else {parts.main_thread:.1f}"
        )
        total = f"{sum(parts):.1f} ms" + (where if name == "imgrec serve" else "")
        yield Figure(f"the same, processor time of a photo: {name}", total)


def _overload(requests: Sequence[bytes], service: _Service, seconds: float) -> Iterator[Figure]:
    """Yield how the service behaves at 80 % and at 300 % of what it can take."""
    capacity = asked(service, requests, CLIENTS, seconds).load.rate
    usual = asked(service, requests, 200, seconds, rate=0.8 * capacity).load
    much = asked(service, requests, 400, seconds, rate=3 * capacity).load
    sent = f"{3 * capacity:.0f} requests/s at random times"
    yield Figure(
        "80 % of its capacity: half and 99 % of the answers within",
        f"{1e3 * usual.quantile(0.5):.0f} ms, {1e3 * usual.quantile(0.99):.0f} ms",
    )
    yield Figure(
        f"three times its capacity, {sent}: goodput over capacity",
        f"{much.rate / capacity:.0%}",
        "at least 90 %",
    )
    yield Figure(
        "three times its capacity: 99 % of what is answered, over that at 80 %",
        f"{much.quantile(0.99) / usual.quantile(0.99):.1f} times",
        "at most 3",
    )
    yield Figure(
        "three times its capacity: processor time of the generator",
        f"{1e3 * much.processor / much.requests:.3f} ms a request",
        "under 0.1 ms",
    )


class Costs(NamedTuple):
    """Processor time in ms: of the main thread, of all others, and of child processes.

    In this service, they take requests, compute the network, and decode photos.
    """

    main_thread: float
    threads: float
    children: float


class Asked(NamedTuple):
    """What came of requests, and what an answer cost the service."""

    load: Load
    costs: Costs


def asked(
    service: _Service,
    requests: Sequence[bytes],
    clients: int,
    seconds: float,
    *,
    rate: float = 0,
) -> Asked:
    """Ask a service for some time, after it has warmed up."""
    address = f"http://127.0.0.1:{service.port}"

    def run(length: float) -> Load:
        return load(address, requests, clients=clients, seconds=length, rate=rate)

    run(WARM_UP)
    before = service.costs()
    found = run(seconds)
    answers = max(1, len(found.seconds))
    spent = zip(before, service.costs(), strict=True)
    return Asked(found, Costs(*((after - once) / answers for once, after in spent)))


@dataclass
class _Service:
    """A service in a process: its port, and how long it took to give the first answer."""

    process: subprocess.Popen[bytes]
    port: int
    start: float

    @property
    def memory(self) -> int:
        """The bytes of all its processes; what they share counts once."""
        parent = psutil.Process(self.process.pid)
        return sum(each.memory_full_info().pss for each in (parent, *parent.children()))

    def costs(self) -> Costs:
        """Return the processor time that it has taken so far."""
        parent = psutil.Process(self.process.pid)
        threads = {each.id: each.user_time + each.system_time for each in parent.threads()}
        main_thread = threads.pop(parent.pid)
        children = [each.cpu_times() for each in parent.children(recursive=True)]
        spent = (
            main_thread,
            sum(threads.values()),
            sum(each.user + each.system for each in children),
        )
        return Costs(*(1e3 * seconds for seconds in spent))


@contextmanager
def _served(
    command: Sequence[str],
    port: int = _PORT,
    first: bytes = _FIRST,
    folder: Path | None = None,
    variables: Mapping[str, str] | None = None,
) -> Iterator[_Service]:
    began = time.perf_counter()
    process = subprocess.Popen(  # noqa: S603  # our own
        command,
        cwd=folder,
        env=variables,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    with process:
        try:
            while not _answers(port, first):
                if process.poll() is not None:
                    raise RuntimeError(f"it has ended: {shlex.join(command)}")
                time.sleep(0.01)
            yield _Service(process, port, time.perf_counter() - began)
        finally:
            process.terminate()
            with suppress(subprocess.TimeoutExpired):
                process.wait(_STOP_SECONDS)
            with suppress(ProcessLookupError):  # what it has started
                os.killpg(process.pid, signal.SIGKILL)


def _peer(peer: Peer, run: Path, first: bytes) -> AbstractContextManager[_Service]:
    command, variables = peer.started(run, _PORT + 1)
    return _served(command, _PORT + 1, first, FOLDER, variables)


def _answers(port: int, request: bytes) -> bool:
    """Return whether a service gives the answer to a request."""
    with suppress(OSError), socket.create_connection(("127.0.0.1", port), _STOP_SECONDS) as opened:
        opened.settimeout(_STOP_SECONDS)
        opened.sendall(request)
        return opened.recv(12).endswith(b" 200")
    return False


def _resized(folder: Path, to: Path, count: int) -> list[Path]:
    """Write so many photos below a folder at 400x300, and return them."""
    to.mkdir()
    photos = sorted((folder / "validation").rglob("*.jpg"))
    written = []
    for number, path in enumerate(itertools.islice(itertools.cycle(photos), min(count, 200))):
        written.append(to / f"{number:03}.jpg")
        with Image.open(path) as image:
            image.convert("RGB").resize((400, 300)).save(written[-1], quality=90)
    return written
