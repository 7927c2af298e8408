"""Changes that may take minutes: they go on without whoever asked, and can be looked up."""

from __future__ import annotations

import asyncio
import logging
import re
import secrets
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

from imgrec.classifiers import NotFound
from imgrec.json_documents import parse_json
from imgrec.progress import Progress, Task
from imgrec.serve.exchange import HttpRequest, HttpResponse, Refusal, problem
from imgrec.text import printable

log = logging.getLogger("imgrec")

Outcome = HttpResponse | Refusal
Work = Callable[[Progress], Outcome]

_AT_ONCE = 8
_KEPT = 16
_SECONDS = 1.0
"""How long a client waits that prefers not to: what is quick is answered as usual."""

_FAILED = 400
_WAIT = re.compile(r"wait\s*=\s*(\d{1,3})")


class Job:
    """A change of a classifier, and how far it is: a `Progress` for whatever does it.

    Args:
        kind: What is done.
        request: What was asked for.
    """

    def __init__(self, kind: str, request: HttpRequest) -> None:
        self.id = secrets.token_hex(8)
        self.kind, self.request = kind, request
        self.outcome: Future[Outcome] = Future()
        self._step, self._done, self._total = "", 0, 0

    @contextmanager
    def task(self, title: str, total: int | None, unit: str = "images") -> Iterator[Task]:
        """Show a step."""
        del unit
        self._step, self._done, self._total = title, 0, total or 0
        yield self

    def advance(self, count: int = 1, note: str = "") -> None:
        """Advance in the step."""
        del note
        self._done += count

    def repeats(self, other: Job) -> bool:
        """Return whether both do the same, at the same time."""
        mine, theirs = self.request, other.request
        same = (self.kind, mine.path, mine.body) == (other.kind, theirs.path, theirs.body)
        return same and not self.outcome.done()

    def document(self) -> dict[str, Any]:
        """Return the description of the job."""
        found = self.outcome.result() if self.outcome.done() else None
        response = problem(found, self.request) if isinstance(found, Refusal) else found
        ended = "done" if response is None or response.status < _FAILED else "failed"
        return {
            "id": self.id,
            "kind": self.kind,
            "state": "running" if response is None else ended,
            "step": self._step,
            "done": self._done,
            "total": self._total,
            "status": None if response is None else response.status,
            "answer": None if response is None else parse_json(response.body),
        }


class Jobs:
    """The jobs of all classifiers."""

    def __init__(self) -> None:
        self._mutex = threading.Lock()
        self._threads = ThreadPoolExecutor(_AT_ONCE, "job")
        self._jobs: dict[str, list[Job]] = {}

    def start(self, classifier: str, job: Job, work: Work, *, forgets: bool) -> Job:
        """Begin a job, and return it; the one that does the same if there is one.

        Args:
            classifier: The name of its classifier.
            job: What is done.
            work: Does it.
            forgets: Whether photos are deleted: what ended jobs answered may name them, so nobody
                can look it up afterwards.
        """

        def run() -> None:
            outcome = _outcome(work, job)
            with self._mutex:
                job.outcome.set_result(outcome)
                known = self._jobs.get(classifier, [])
                if forgets:
                    known[:] = [each for each in known if each is job or not each.outcome.done()]

        with self._mutex:
            known = self._jobs.setdefault(classifier, [])
            for each in known:
                if each.repeats(job):
                    return each
            ended = [each for each in known if each.outcome.done()]
            for each in ended[: max(0, len(known) - _KEPT)]:
                known.remove(each)
            known.append(job)
            self._threads.submit(run)
            return job

    def of(self, classifier: str) -> Sequence[Job]:
        """Return the jobs of a classifier, the oldest first."""
        with self._mutex:
            return tuple(self._jobs.get(classifier, ()))

    def get(self, classifier: str, identifier: str) -> Job:
        """Return a job; raises NotFound."""
        for each in self.of(classifier):
            if each.id == identifier:
                return each
        raise NotFound(
            f"there is no job {printable(identifier)}",
            hint="jobs are kept until photos are deleted, or the service ends",
        )

    def drop(self, classifier: str) -> None:
        """Drop the jobs of a classifier that is gone."""
        with self._mutex:
            self._jobs.pop(classifier, None)

    def close(self) -> None:
        """Wait until no job runs."""
        self._threads.shutdown()


async def answered(job: Job, prefer: str) -> Outcome | None:
    """Return the outcome of a job; None if a client prefers not to wait so long.

    prefer: its header `Prefer` (RFC 7240), such as `respond-async, wait=10`.
    """
    seconds = None
    if "respond-async" in prefer.lower():
        found = _WAIT.search(prefer)
        seconds = float(found[1]) if found else _SECONDS
    outcome = asyncio.wrap_future(job.outcome)
    await asyncio.wait({outcome}, timeout=seconds)
    return outcome.result() if outcome.done() else None


def _outcome(work: Work, job: Job) -> Outcome:
    try:
        return work(job)
    except Exception:
        log.exception("request %s failed", job.request.id)
        return Refusal(500, "the service failed to answer", hint="its log says why")
