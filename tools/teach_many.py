"""How a service does with many photos in 20 classes: `python -m tools.teach_many FOLDER PHOTOS`.

Uploads drawn photos, those that are missing in FOLDER; measures, publishes and deletes some.
"""

from __future__ import annotations

import base64
import http.client
import io
import json
import re
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import psutil
from PIL import Image

from imgrec.files import sha256

CLASSES = 20
_AT_ONCE = 400
_SECONDS = 600
_LOOK = 0.1
"""Seconds between looks at the memory."""

_ROOT = "/v1/classifiers/many"


def main() -> None:
    """Print the figures."""
    folder, photos = Path(sys.argv[1]), int(sys.argv[2])
    folder.mkdir(parents=True, exist_ok=True)
    for what, seconds, processor, megabytes in figures(folder, photos):
        print(f"{what}: {seconds:.1f} s, processor {processor:.1f} s, peak {megabytes:.0f} MB")


def figures(folder: Path, photos: int) -> Iterator[tuple[str, float, float, float]]:
    """Yield what was done, its seconds, those of the processor, and the megabytes of all processes.

    The megabytes are the most that they held together at one of ten moments a second.
    """
    steps: Mapping[str, Callable[[Service], object]] = {
        "started": lambda service: service.ask("PUT", ""),
        f"{photos:,} photos uploaded": lambda service: _upload(service, photos),
        "accuracy measured": _measure,
        "published": lambda service: service.job("/publish", {"force": True}),
        "100 photos deleted": _delete,
    }
    with _serving(folder) as service, service.watched():
        for what, step in steps.items():
            began, processor = time.perf_counter(), service.processor
            step(service)
            seconds = time.perf_counter() - began
            yield what, seconds, service.processor - processor, service.megabytes


class Service:
    """A service that runs.

    Args:
        process: Its first process.
        port: Where it answers.
    """

    def __init__(self, process: psutil.Process, port: int) -> None:
        self._process, self._port = process, port
        self.megabytes = 0.0

    def ask(
        self, method: str, path: str, body: object = None, **headers: str
    ) -> tuple[Any, Mapping[str, str]]:
        """Return the document and the headers of a response."""
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=_SECONDS)
        content = b"" if body is None else json.dumps(body).encode()
        headers["content-type"] = "application/json"
        connection.request(method, path or _ROOT, content, headers)
        response = connection.getresponse()
        found, status = json.loads(response.read()), response.status
        connection.close()
        if status >= http.client.BAD_REQUEST:
            raise RuntimeError(f"{method} {path}: {found}")
        return found, {key.lower(): value for key, value in response.getheaders()}

    def job(self, path: str, body: object) -> None:
        """Begin a job, and look at it until it has ended."""
        job, headers = self.ask("POST", _ROOT + path, body, prefer="respond-async, wait=0")
        shown = ""
        while job.get("state") == "running":
            if shown != (step := f"{job['step']}: {job['done']} of {job['total']}"):
                sys.stderr.write(f"  {step}\n")
            shown = step
            time.sleep(0.2)
            job, _ = self.ask("GET", headers["location"])
        if job.get("state") == "failed":
            raise RuntimeError(f"{path}: {job}")

    @property
    def processor(self) -> float:
        """Its seconds of processor time, those of its other processes included."""
        times = [each.cpu_times() for each in self._processes()]
        return sum(each.user + each.system for each in times)

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Keep `megabytes` up to date in the context: the most that its processes have held."""
        ended = threading.Event()

        def watch() -> None:
            while not ended.wait(_LOOK):
                self.megabytes = max(self.megabytes, sum(map(_megabytes, self._processes())))

        thread = threading.Thread(target=watch)
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()

    def _processes(self) -> list[psutil.Process]:
        return [self._process, *self._process.children(recursive=True)]


def _megabytes(process: psutil.Process) -> float:
    """Return the megabytes that a process holds, its share of shared pages; 0 if it is gone."""
    try:
        return process.memory_full_info().pss / 1e6
    except psutil.Error:
        return 0.0


@contextmanager
def _serving(folder: Path) -> Iterator[Service]:
    command = [sys.executable, "-m", "imgrec", "serve", "--classifiers", str(folder)]
    command += ["--port", "0", "--no-access-log"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:  # noqa: S603  # our own
        lines: Iterable[str] = process.stderr or ()
        try:
            port = next(found[1] for each in lines if (found := re.search(r":(\d+)$", each)))
            yield Service(psutil.Process(process.pid), int(port))
        finally:
            process.terminate()
            process.communicate()


def _upload(service: Service, photos: int) -> None:
    there = sum(service.ask("GET", "")[0]["photos"].values())
    for start in range(there, photos, _AT_ONCE):
        for place in range(CLASSES):
            numbers = range(start, min(start + _AT_ONCE, photos))
            chosen = [picture(each) for each in numbers if each % CLASSES == place]
            if chosen:
                path = f"{_ROOT}/classes/class-{place}/photos"
                service.ask("POST", path, {"photos": [_text(each) for each in chosen]})


def _measure(service: Service) -> None:
    while (found := service.ask("GET", "")[0]["standing"])["state"] != "done":
        time.sleep(0.5)
    sys.stderr.write(f"  accuracy {found['accuracy']}\n")


def _delete(service: Service) -> None:
    hashes = [sha256(picture(each)) for each in range(100)]
    service.job("/photos:forget", {"photos": hashes})


def _text(photo: bytes) -> str:
    return base64.b64encode(photo).decode()


def picture(number: int) -> bytes:
    """Return a JPEG of a wave in two colours: its direction and length are those of a class."""
    random, place = np.random.default_rng(number), number % CLASSES
    y, x = np.mgrid[:96, :96] / 96
    angle, waves = np.pi * (place % 5) / 5 + random.normal(0, 0.1), 3 + 3 * (place // 5)
    phase = waves * (x * np.cos(angle) + y * np.sin(angle)) + random.random()
    wave = (1 + np.sin(2 * np.pi * phase))[..., None] / 2
    low, high = random.integers(0, 255, (2, 3))
    pixels = low + (high - low) * wave + random.normal(0, 12, (96, 96, 3))
    file = io.BytesIO()
    Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(file, "JPEG", quality=85)
    return file.getvalue()


if __name__ == "__main__":
    main()
