"""Give inputs of each kind to worker processes, and keep those that imgrec does not answer well."""

from __future__ import annotations

import hashlib
import json
import os
import select
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory

from tools.fuzz.kinds import KINDS
from tools.fuzz.worker import Answer, make_input, place_in, seed_files

_PROJECT = Path(__file__).resolve().parents[2]
_SEEDS_OF = ("seeds.py", "containers.py")

# Of so many inputs, before a new process begins: what one leaves behind is bounded.
_LIFETIME = 500
_SLOWER = 4


@dataclass
class Count:
    """How the inputs of a kind were answered; findings by what is wrong and where."""

    answers: int = 0
    errors: int = 0
    findings: Counter[str] = field(default_factory=Counter)


class Worker:
    """A worker process with its own copy of the seeds."""

    def __init__(self, folder: Path, seeds: Path, kind: str, seed: int) -> None:
        shutil.copytree(seeds, folder / "seeds")
        self._output = folder / "output"
        self._seconds = KINDS[kind].seconds
        self.inputs = 0
        command = [sys.executable, "-m", "tools.fuzz.worker", kind, str(seed)]
        self._process = subprocess.Popen(  # noqa: S603  # our own
            command,
            cwd=folder / "seeds",
            env=_environment(folder),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,
        )

    def ask(self, line: str) -> Answer:
        """Return what imgrec answers to an input, or how the process ended."""
        process = self._process
        if process.stdin is None or process.stdout is None:
            raise RuntimeError("a worker without pipes")
        self.inputs += 1
        process.stdin.write(f"{line}\n".encode())
        process.stdin.flush()
        ready, _, _ = select.select([process.stdout], [], [], _SLOWER * self._seconds + 60)
        if ready and (answer := process.stdout.readline()):
            return Answer(**json.loads(answer))
        self.end()
        return Answer(
            70, "no answer" if not ready else _ending(process.returncode), place_in(self.output())
        )

    @property
    def alive(self) -> bool:
        """Whether it takes another input."""
        return self._process.poll() is None and self.inputs < _LIFETIME

    def output(self) -> str:
        """Return what imgrec printed about the last input."""
        return self._output.read_text("utf-8", "backslashreplace") if self._output.exists() else ""

    def end(self) -> None:
        """End the process, and those that it started."""
        if self._process.stdin:
            self._process.stdin.close()
        try:
            self._process.wait(1)
        except subprocess.TimeoutExpired:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()


def _ending(code: int) -> str:
    return f"ended by {signal.Signals(-code).name}" if code < 0 else f"ended with status {code}"


def seeds_in(folder: Path) -> Path:
    """Return the folder of the seeds, made once for each version of what makes them."""
    sources = b"".join((Path(__file__).parent / name).read_bytes() for name in _SEEDS_OF)
    seeds = folder / f"seeds-{hashlib.sha256(sources).hexdigest()[:8]}"
    if not seeds.exists():
        print(f"making seeds in {seeds}", flush=True)
        new = folder / "new-seeds"
        shutil.rmtree(new, ignore_errors=True)
        command = [sys.executable, "-m", "tools.fuzz.seeds", str(new)]
        subprocess.run(command, check=True, env=_environment(folder), capture_output=True)  # noqa: S603
        new.rename(seeds)
    return seeds


def fuzz(folder: Path, kind: str, seed: int, seconds: float, most: int) -> Count:
    """Give inputs of a kind to workers for so many seconds, and `most` inputs at most.

    An input of each kind of finding is kept in `folder/findings`.
    """
    seeds, count = seeds_in(folder), Count()
    unchanged, end, number = len(seed_files(seeds, kind)), time.monotonic() + seconds, 0
    while number < most and time.monotonic() < end:
        with _worker(folder, seeds, kind, seed) as worker:
            while worker.alive and number < most and time.monotonic() < end:
                answer = worker.ask(str(number))
                if number < unchanged and answer.status and not answer.finding:
                    answer = replace(answer, finding="a seed is refused")
                _count(count, answer)
                if answer.finding and count.findings[answer.what] == 1:
                    _keep(folder, (kind, seed, number), seeds, answer, worker.output())
                number += 1
    return count


def again(folder: Path, kept: Path) -> tuple[Answer, str]:
    """Return the answer to a kept input, and what imgrec prints about it."""
    seeds, kind = seeds_in(folder), kept.parent.name
    [file] = (each for each in kept.rglob("*") if each.is_file())
    with _worker(folder, seeds, kind, 0) as worker:
        return worker.ask(f"{file.resolve()} {file.relative_to(kept)}"), worker.output()


@contextmanager
def _worker(folder: Path, seeds: Path, kind: str, seed: int) -> Iterator[Worker]:
    with TemporaryDirectory(prefix=f"{kind}-", dir=folder) as work:
        worker = Worker(Path(work), seeds, kind, seed)
        try:
            yield worker
        finally:
            worker.end()


def _count(count: Count, answer: Answer) -> None:
    if answer.finding:
        count.findings[answer.what] += 1
    elif answer.status:
        count.errors += 1
    else:
        count.answers += 1


def _keep(
    folder: Path, which: tuple[str, int, int], seeds: Path, answer: Answer, output: str
) -> None:
    kind, seed, number = which
    path, content = make_input(seeds, kind, seed, number)
    kept = folder / "findings" / kind / f"{seed}-{number}"
    (kept / path).parent.mkdir(parents=True, exist_ok=True)
    (kept / path).write_bytes(content)
    kept.with_suffix(".txt").write_text(f"{answer.what}\n\n{output}", "utf-8")
    print(f"{kind}: {answer.what}\n  again: python -m tools.fuzz --again {kept}", flush=True)


def _environment(folder: Path) -> dict[str, str]:
    """Return the environment of a worker: caches and home below `folder`, and no GPU."""
    own = {"HOME": folder / "home", "IMGREC_CACHE": folder / "cache", "PYTHONPATH": _PROJECT}
    return {
        **os.environ,
        **{name: str(path.resolve()) for name, path in own.items()},
        "CUDA_VISIBLE_DEVICES": "",
        "TF_CPP_MIN_LOG_LEVEL": "3",
        "COLUMNS": "100",
    }
