"""What a classifier has learned from its photos: computed when it is asked for, never stored."""

from __future__ import annotations

import contextlib
import dataclasses
import threading
from collections.abc import Callable, Iterator
from functools import partial

import numpy as np

from imgrec.allocator import give_all_back
from imgrec.classifiers import Conflict, Store
from imgrec.progress import Progress, Silent, Task
from imgrec.text import printable
from imgrec.training.logistic import STEPS
from imgrec.workflows.teaching.backbone import Backbone, Decoding, open_backbone
from imgrec.workflows.teaching.draft import Draft, Solved, draft_of, solve
from imgrec.workflows.teaching.examples import FEWEST, Examples, examples_of
from imgrec.workflows.teaching.features import Features, FeatureTable
from imgrec.workflows.teaching.standing import Standing, standing_of

# Seconds for each photo, in which more may come before all that are there are computed with.
_PAUSE = 5e-5


class Learner:
    """The backbone, the features, the head and its cross-validation; threads can share it."""

    def __init__(self, store: Store, decoding: Decoding) -> None:
        self._store, self._decoding = store, decoding
        self._mutex = threading.RLock()
        self._solving = threading.Lock()
        self._steps = _Steps()
        self._stopped = threading.Event()
        self._backbone: Backbone | None = None
        self._features: FeatureTable | None = None
        self._examples: Examples | None = None
        self._checked = -1  # the revision that the examples are those of
        self._labels: list[tuple[str, str | None]] = []  # of all photos, also too few of a class
        self._solved: Solved | None = None
        self._standing: Standing | None = None
        self._draft: tuple[Examples, Draft] | None = None
        self._worker: threading.Thread | None = None

    @property
    def backbone(self) -> Backbone:
        """The backbone; raises RunError if it can't be used."""
        with self._mutex:
            if self._backbone is None:
                self._backbone = open_backbone(self._store, self._decoding)
            return self._backbone

    @property
    def features(self) -> FeatureTable:
        """The features of each photo; whoever adds photos to the store adds them here as well.

        It is read again after `unlearn`: use it while the store is unchanged.
        """
        with self._store.unchanged():
            if self._features is None:
                self._features = FeatureTable(self._store.features())
            return self._features

    def unlearn(self, gone: set[str]) -> None:
        """Drop everything about photos that are being deleted, and what was computed from them.

        The last head stays as a place to start from, which makes no difference to any result.
        """
        with self._mutex, self._store.unchanged():
            self._features = self._examples = self._draft = self._standing = None
            if self._solved is not None:
                self._solved = _without(self._solved, gone)

    def examples(self) -> Examples:
        """Return the labelled photos as they are now."""
        with self._mutex, self._store.unchanged():
            revision, last = self._store.revision, self._examples
            if last is not None and revision == self._checked:
                return last
            labelled = self._store.photos(status="labelled")
            self._checked = revision
            labels = [(each.sha256, each.class_name) for each in labelled]
            if last is None or labels != self._labels:
                self._labels = labels
                last = self._examples = examples_of(revision, labelled, self.features)
                self._draft = None  # like the solved head, it has features of its own
                if self._solved is not None:
                    self._solved = _without(self._solved, set())
            return last

    def solvable(self) -> Examples:
        """Return the labelled photos as they are now; raise Conflict if there are too few."""
        examples = self.examples()
        if not examples.solvable:
            raise Conflict(
                f"{printable(self._store.name)} has too few photos for a model: {examples.missing}",
                hint=f"it takes {FEWEST} classes with {FEWEST} photos each",
            )
        return examples

    def solve(
        self,
        examples: Examples,
        progress: Progress | None = None,
        check: Callable[[], None] = lambda: None,
    ) -> Solved:
        """Return the exact head of the examples; computed once, whoever else waits for it.

        check: called repeatedly. An exception that it raises ends the computation.

        Raises:
            Conflict: `stop` was called before it was done.
        """
        with self._steps.shown(progress or Silent()), self._solving:
            with self._mutex:
                before = self._solved
            if before is not None and before.examples is examples:
                return before
            self._steps.begin()

            def check_all() -> None:
                self._check()
                check()

            solved = solve(examples, check_all, self._steps.advance)
            grey = self._store.grey(each.sha256 for each in examples.photos)
            standing = standing_of(solved, before, grey)
            give_all_back()
            with self._mutex:
                if self._examples is examples:
                    self._solved, self._standing = solved, standing
            return solved

    def standing(
        self, *, wait: bool, progress: Progress | None = None
    ) -> tuple[Standing | None, bool]:
        """Return how good the classifier is, and whether that is of the photos as they are now.

        Args:
            wait: Whether to wait until it is; otherwise it is computed in the background.
            progress: Where progress is reported.

        Returns:
            None if there are too few photos, or nothing was computed yet.
        """
        examples = self.examples()
        if not examples.solvable:
            return None, True
        if wait:
            self.solve(examples, progress)
        with self._mutex:
            current = self._solved is not None and self._solved.examples is examples
            if not current and (self._worker is None or not self._worker.is_alive()):
                self._worker = threading.Thread(target=self._solve_all, daemon=True)
                self._worker.start()
            return self._standing, current

    def draft(self) -> tuple[Examples, Draft]:
        """Return the labelled photos, and what classifies as they teach.

        Raises:
            Conflict: There are too few photos.
        """
        examples = self.solvable()
        with self._mutex:
            last, solved = self._draft, self._solved
        exact = solved is not None and solved.examples is examples
        if last is not None and last[0] is examples and last[1].exact == exact:
            return last
        if solved is None or solved.examples.classes != examples.classes:
            solved = self.solve(examples)
        last = examples, draft_of(self.backbone, examples, solved)
        with self._mutex:
            self._draft = last
        return last

    def stop(self) -> None:
        """End the computation of a head, and begin no other."""
        self._stopped.set()

    def wait(self) -> None:
        """Wait until nothing is computed in the background."""
        if (worker := self._worker) is not None:
            worker.join()

    def _check(self) -> None:
        if self._stopped.is_set():
            raise Conflict(f"{printable(self._store.name)} is being closed")

    def _solve_all(self) -> None:
        """Solve until nothing has changed meanwhile."""
        with contextlib.suppress(Exception):  # whoever waits for it meets the error
            while (examples := self._settled()).solvable:
                with contextlib.suppress(_OutdatedError):
                    self.solve(examples, check=partial(self._check_current, examples))
                with self._mutex:
                    if self.examples() is examples:
                        self._worker = None
                        return

    def _settled(self) -> Examples:
        """Return the labelled photos once no more have come for a while; holds none meanwhile."""
        while True:
            examples = self.examples()
            before, seconds = id(examples), _PAUSE * len(examples.photos)
            del examples
            self._stopped.wait(seconds)
            if id(examples := self.examples()) == before:
                return examples

    def _check_current(self, examples: Examples) -> None:
        if self._examples is not examples:
            raise _OutdatedError


class _Steps:
    """The steps of a computation, which several threads may wait for."""

    def __init__(self) -> None:
        self._mutex = threading.Lock()
        self._done = 0
        self._tasks: list[Task] = []

    def begin(self) -> None:
        """Begin a computation."""
        with self._mutex:
            self._done = 0

    def advance(self, count: int) -> None:
        """Show everybody that so many steps are done."""
        with self._mutex:
            self._done += count
            for each in self._tasks:
                each.advance(count)

    @contextlib.contextmanager
    def shown(self, progress: Progress) -> Iterator[None]:
        """Show the steps until the context ends, with those that are done already."""
        with progress.task("learning", STEPS, "steps") as task:
            with self._mutex:
                task.advance(self._done % STEPS)
                self._tasks.append(task)
            try:
                yield
            finally:
                with self._mutex:
                    self._tasks.remove(task)


class _OutdatedError(Exception):
    """The photos have changed since."""


def _without(solved: Solved, gone: set[str]) -> Solved:
    """Return a solved head to compare with: no features, and of some photos only its weights."""
    photos = solved.examples.photos
    kept = np.array([row for row, each in enumerate(photos) if each.sha256 not in gone], np.intp)
    examples = dataclasses.replace(
        solved.examples, photos=[photos[row] for row in kept.tolist()], known=Features()
    )
    known = solved.known[:0].copy()
    return dataclasses.replace(
        solved, examples=examples, scores=solved.scores.at(kept), known=known
    )
