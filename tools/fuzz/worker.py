"""A process that gives inputs to imgrec, one after the other, within limits.

python -m tools.fuzz.worker KIND SEED

Its working directory is a copy of the seeds. Each line of stdin is the number of an input, or the
path of a file to use as it is, with the path of the seed that it replaces. Each line of stdout is
an Answer in JSON. What imgrec prints is written to the file `../output`.
"""

from __future__ import annotations

import contextlib
import faulthandler
import json
import os
import re
import resource
import shutil
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from random import Random

from imgrec.cli.main import main as imgrec
from tools.fuzz.kinds import KINDS, Kind
from tools.peak_memory import peak_memory

OUTPUT = Path("../output")

_MAX_MEMORY = 1 << 30
_MAX_ADDRESSES = 4 << 30
_MAX_OUTPUT = 1 << 16

_CONTROL = re.compile(r"[^\n\x20-\x7e\xa0-\U0010ffff]")
_FRAME = re.compile(r'File "(?:.*/)?(\w+/\w+\.py)", line (\d+)')


@dataclass(frozen=True)
class Answer:
    """What imgrec answered to an input.

    Attributes:
        status: The highest exit status of its commands.
        finding: What is wrong with the answer; empty if nothing is.
        place: Where it comes from, as far as that is known.
    """

    status: int
    finding: str = ""
    place: str = ""

    @property
    def what(self) -> str:
        """The finding with its place; findings that are equal in both are one."""
        return f"{self.finding}: {self.place}" if self.place else self.finding


def seed_files(seeds: Path, kind: str) -> list[Path]:
    """Return the paths of a kind's seeds, relative to the folder of all seeds."""
    found = (each.relative_to(seeds) for each in seeds.glob(KINDS[kind].seeds) if each.is_file())
    return sorted(found)


def make_input(seeds: Path, kind: str, seed: int, number: int) -> tuple[Path, bytes]:
    """Return the path and the content of an input; the first ones are the seeds, unchanged."""
    files = seed_files(seeds, kind)
    if number < len(files):
        return files[number], (seeds / files[number]).read_bytes()
    random = Random(f"{seed}/{kind}/{number}")  # noqa: S311  # nothing secret
    path = random.choice(files)
    return path, KINDS[kind].mutate(random, (seeds / path).read_bytes())


def place_in(output: str) -> str:
    """Return the last error and the last place in a traceback, of Python or of faulthandler."""
    errors = re.findall(
        r"^(?:\w+\.)*(\w+(?:Error|Exception|Warning)|Fatal Python error).*", output, re.MULTILINE
    )
    frames = _FRAME.findall(output)
    if "most recent call first" in output:
        frames = frames[:1]
    return " ".join([*errors[-1:], *(":".join(frame) for frame in frames[-1:])])


def main(name: str, seed: int) -> None:
    """Answer every line of stdin."""
    answers = os.fdopen(os.dup(1), "w")
    output = os.open(OUTPUT, os.O_RDWR | os.O_CREAT | os.O_APPEND)
    os.dup2(output, 1)
    os.dup2(output, 2)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    faulthandler.enable()
    faulthandler.register(signal.SIGXCPU, all_threads=True, chain=True)
    kind = KINDS[name]
    for line in sys.stdin:
        given = line.split()
        path, content = (
            make_input(Path(), name, seed, int(given[0]))
            if len(given) == 1
            else (Path(given[1]), Path(given[0]).read_bytes())
        )
        print(json.dumps(asdict(_answer(kind, path, content))), file=answers, flush=True)


def _answer(kind: Kind, path: Path, content: bytes) -> Answer:
    original = path.read_bytes()
    path.write_bytes(content)
    kind.prepare(path)
    try:
        commands = kind.commands(str(path))
        status, finding = _judged(kind, commands)
        if not finding:
            return Answer(status)
        shutil.rmtree("imported", ignore_errors=True)
        _run([(*command, "--traceback") for command in commands])
        return Answer(status, finding, place_in(_output()))
    finally:
        path.write_bytes(original)
        shutil.rmtree("imported", ignore_errors=True)


def _judged(kind: Kind, commands: Sequence[Sequence[str]]) -> tuple[int, str]:
    os.truncate(OUTPUT, 0)
    before = _resident()
    with _limits(kind.seconds):
        statuses = _run(commands)
    memory, output = peak_memory() - before, _output()
    surprising = [status for status in statuses if status not in kind.statuses]
    if surprising:
        return surprising[0], f"exit status {surprising[0]}"
    for finding, found in (
        ("an unexpected error", "--traceback shows where" in output),
        ("out of memory", "no more memory" in output),
        ("control characters", _CONTROL.search(output) is not None),
        ("endless output", len(output) > _MAX_OUTPUT),
        (f"{memory >> 20} MiB of memory", memory > _MAX_MEMORY),
    ):
        if found:
            return max(statuses), finding
    return max(statuses), ""


def _run(commands: Sequence[Sequence[str]]) -> list[int]:
    statuses = []
    for command in commands:
        try:
            imgrec(command)
        except SystemExit as end:
            statuses.append(int(end.code or 0))
    return statuses


def _output() -> str:
    return OUTPUT.read_text("utf-8", "backslashreplace")


@contextlib.contextmanager
def _limits(seconds: int) -> Iterator[None]:
    """Limit the processor time and the address space of what is done next."""
    used = time.process_time()
    _, most = resource.getrlimit(resource.RLIMIT_CPU)
    resource.setrlimit(resource.RLIMIT_CPU, (int(used) + seconds + 1, most))
    _, largest = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (_addresses() + _MAX_ADDRESSES, largest))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (largest, largest))
        resource.setrlimit(resource.RLIMIT_CPU, (most, most))


def _addresses() -> int:
    return int(Path("/proc/self/statm").read_text("ascii").split()[0]) * resource.getpagesize()


def _resident() -> int:
    """Return the bytes of memory held, and begin to measure the most held from here."""
    Path("/proc/self/clear_refs").write_text("5", "ascii")
    return int(Path("/proc/self/statm").read_text("ascii").split()[1]) * resource.getpagesize()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
