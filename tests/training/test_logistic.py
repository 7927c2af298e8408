"""The exact head: a function of the set of labelled photos, bit for bit."""

from __future__ import annotations

import gc
import hashlib
import os
import subprocess
import sys
import weakref
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, replace
from threading import Event, Thread
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from threadpoolctl import threadpool_info, threadpool_limits

from imgrec.errors import DataError, ImgrecError, RunError
from imgrec.training.logistic import (
    STEPS,
    STRENGTHS,
    LabelledPhotos,
    LogisticHead,
    deal_folds,
    fit_head,
    preview_head,
    problem,
    streamed,
)


@dataclass(frozen=True)
class Set:
    """Photos with their features."""

    photos: LabelledPhotos
    features: NDArray[np.float32]

    def of(self, rows: Sequence[int] | NDArray[np.intp]) -> Set:
        """Return the photos at these rows."""
        photos = LabelledPhotos(
            self.photos.labels[rows],
            [self.photos.hashes[row] for row in rows],
            [self.photos.names[row] for row in rows],
            self.photos.classes,
            [self.photos.groups[row] for row in rows] if self.photos.groups else (),
        )
        return Set(photos, self.features[rows])

    def changed(self, **photos: Any) -> Set:
        """Return the set with other labels, hashes, names or classes."""
        return Set(replace(self.photos, **photos), self.features)

    def fit(self, **how: Any) -> LogisticHead:
        """Return the head of these photos."""
        return fit_head(self.photos, self.features, **how)


def _made(count: int, features: int, classes: int, *, apart: float = 2.0) -> Set:
    """Return photos with random features; one of them is higher by `apart` for each class."""
    values = np.random.default_rng(0).normal(size=(count, features)).astype(np.float32)
    labels = np.arange(count) % classes
    values[np.arange(count), labels] += apart
    hashes = [hashlib.sha256(row.tobytes()).hexdigest() for row in values]
    names = [f"{number}.png" for number in range(count)]
    photos = LabelledPhotos(labels, hashes, names, [f"class {k}" for k in range(classes)])
    return Set(photos, values)


def _bytes(head: LogisticHead) -> tuple[bytes, ...]:
    facts = repr((head.strength, head.cross_validation)).encode()
    return head.kernel.tobytes(), head.bias.tobytes(), facts


@pytest.mark.parametrize(("count", "features"), [(60, 10), (24, 40)])
@pytest.mark.parametrize("classes", [2, 3])
def test_the_solution_is_scikit_learns(count: int, features: int, classes: int) -> None:
    """The probabilities are the same to 1e-9, with more photos than features and with fewer."""
    from sklearn.linear_model import LogisticRegression

    photos = _made(count, features, classes)
    head, values = photos.fit(), photos.features.astype(np.float64)
    variance = values.var(0).sum()
    # scikit-learn's coefficients of two classes are one vector: the difference of the two.
    inverse = (2 if classes == 2 else 1) / (count * head.strength * variance)
    theirs = LogisticRegression(C=inverse, tol=1e-12, solver="newton-cholesky")
    theirs.fit(values, photos.photos.labels)
    expected = theirs.predict_proba(values)
    np.testing.assert_allclose(head.probabilities(photos.features), expected, rtol=0, atol=1e-9)


@pytest.mark.parametrize("apart", [0.0, 1.0, 100.0])
def test_the_gradient_vanishes(apart: float) -> None:
    """Its norm is at most 1e-12, computed from kernel and bias alone, also for classes apart."""
    photos = _made(90, 20, 3, apart=apart)
    head, values = photos.fit(), photos.features.astype(np.float64)
    centred = values - values.mean(0)
    scale = np.sqrt((centred**2).sum(1).mean())
    errors = (head.probabilities(photos.features) - np.eye(3)[photos.photos.labels]) / len(values)
    gradient = centred.T @ errors / scale + head.strength * scale * head.kernel
    assert head.gradient <= 1e-12
    assert np.hypot(np.linalg.norm(gradient), np.linalg.norm(errors.sum(0))) < 2e-12


@settings(max_examples=10)
@given(st.randoms(use_true_random=False))
def test_order_and_copies_change_nothing(random: object) -> None:
    """The same set of photos in any order, some of them twice, gives the same bytes."""
    photos = _made(30, 12, 3)
    rows = [*range(30), 3, 3, 8]
    random.shuffle(rows)  # type: ignore[attr-defined]
    assert _bytes(photos.of(rows).fit()) == _bytes(photos.fit())


def test_photos_that_are_added_and_removed_leave_no_trace() -> None:
    """The head of a set is the same whatever it was before; with more photos it is another."""
    photos = _made(40, 12, 2)
    before, more = photos.of(list(range(30))).fit(), photos.fit()
    assert _bytes(more) != _bytes(before)
    kept = [row for row in range(40) if row < 30]
    assert _bytes(photos.of(kept).fit()) == _bytes(before)


_PROGRAM = """
from tests.training.test_logistic import _bytes, _made
import hashlib
print(hashlib.sha256(b"".join(_bytes(_made(400, 300, 3).fit()))).hexdigest())
"""


@pytest.mark.long
def test_a_computation_can_be_stopped() -> None:
    """What the check raises ends it at once, however many steps are left."""
    calls = 0

    def check() -> None:
        nonlocal calls
        calls += 1
        if calls == last:
            raise KeyboardInterrupt

    photos, last = _made(20, 3, 2), 0
    photos.fit(check=check)
    for last in (1, calls // 2, calls):
        calls = 0
        with pytest.raises(KeyboardInterrupt):
            photos.fit(check=check)
        assert last <= calls <= last + 1  # by the other thread


def test_the_number_of_threads_changes_nothing() -> None:
    """Processes whose BLAS has one thread, two and four compute the same bytes."""
    found = {
        subprocess.run(
            [sys.executable, "-c", _PROGRAM],
            env={**os.environ, "OPENBLAS_NUM_THREADS": threads, "OMP_NUM_THREADS": threads},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for threads in ("1", "2", "4")
    }
    assert len(found) == 1


def test_a_computation_that_ends_lets_go_of_its_arrays() -> None:
    """At once, and not when Python looks for cycles: a service ends many of them."""
    photos, calls = _made(20, 3, 2), 0

    def check() -> None:
        nonlocal calls
        calls += 1
        if calls == 10:
            raise KeyboardInterrupt

    features = photos.features.copy()
    there = weakref.ref(features)
    gc.disable()
    try:
        with suppress(KeyboardInterrupt):
            fit_head(photos.photos, features, check=check)
        del features
        assert calls >= 10
        assert there() is None
    finally:
        gc.enable()


def test_heads_that_are_solved_at_once_keep_to_one_thread() -> None:
    """Also when the first one ends; afterwards, BLAS has its threads back."""
    photos = _made(20, 3, 2)
    photos.fit()  # loads all that has a BLAS
    began, go_on = (Event(), Event()), (Event(), Event())

    def fit(number: int) -> None:
        def wait() -> None:
            began[number].set()
            go_on[number].wait(60)

        photos.fit(check=wait)

    before = _blas_threads()
    _set_blas_threads(2)
    with ThreadPoolExecutor(2) as threads:
        first = threads.submit(fit, 0)
        assert began[0].wait(60)
        second = threads.submit(fit, 1)
        assert began[1].wait(60)
        go_on[0].set()
        first.result()
        meanwhile = _blas_threads()
        go_on[1].set()
        second.result()
    after = _blas_threads()
    _set_blas_threads(max(before))
    assert (meanwhile, after) == ({1}, {2})


def _blas_threads() -> set[int]:
    return {each["num_threads"] for each in threadpool_info() if each["user_api"] == "blas"}


def _set_blas_threads(count: int) -> None:
    """Set it for good, in a thread that ends: other threads may change it then."""
    setter = Thread(target=threadpool_limits, args=(count, "blas"))
    setter.start()
    setter.join()


def test_a_preview_is_close_to_the_solution() -> None:
    """From the head of 56 photos, that of 60 and of 50: within 1e-6, in probability."""
    photos = _made(60, 20, 3)
    last = photos.of(list(range(56))).fit()
    for rows in (list(range(60)), list(range(50))):
        here = photos.of(rows)
        exact = here.fit(strength=last.strength)
        close = preview_head(here.photos, here.features, last).probabilities(photos.features)
        np.testing.assert_allclose(close, exact.probabilities(photos.features), rtol=0, atol=1e-6)


def test_large_problems_are_solved_in_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """The solution is the same to 1e-9, of the same set the same bytes, and so is a preview."""
    photos = _made(60, 20, 3)
    whole = photos.fit()
    monkeypatch.setattr(problem, "LARGE", 1)
    monkeypatch.setattr(streamed, "BLOCK", 16)
    head = photos.fit()
    assert _bytes(photos.of([*reversed(range(60)), 3]).fit()) == _bytes(head) != _bytes(whole)
    assert head.gradient <= 1e-12
    assert head.strength == whole.strength
    assert head.cross_validation.correct == whole.cross_validation.correct
    np.testing.assert_allclose(head.kernel, whole.kernel, rtol=0, atol=1e-9)
    part = photos.of(list(range(50)))
    exact = part.fit(strength=head.strength).probabilities(photos.features)
    close = preview_head(part.photos, part.features, head).probabilities(photos.features)
    np.testing.assert_allclose(close, exact, rtol=0, atol=1e-6)


def test_large_problems_do_not_try_strengths_after_the_loss_has_risen(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The choice is that among all of them, the losses of the others are the same, all count."""
    photos = _made(90, 20, 3, apart=1.0)
    whole = photos.fit()
    monkeypatch.setattr(problem, "LARGE", 1)
    steps: list[int] = []
    head = photos.fit(advance=steps.append)
    losses, all_losses = np.array(head.cross_validation.losses), whole.cross_validation.losses
    tried = np.isfinite(losses)
    first = int(tried.argmax())
    assert 0 < first < STRENGTHS.index(head.strength)
    assert tried[first:].all()
    np.testing.assert_allclose(losses[tried], np.array(all_losses)[tried], rtol=1e-3)
    assert (head.strength, sum(steps)) == (whole.strength, STEPS)
    assert head.cross_validation.correct == whole.cross_validation.correct


def test_cross_validation_is_that_of_heads_without_the_fold() -> None:
    """Each photo's loss comes from a head that was fitted without the photos of its fold."""
    photos = _made(30, 8, 2)
    order = np.argsort(photos.photos.hashes)
    folds = np.empty(30, int)
    for label, dealt in ((0, 0), (1, 15)):
        mine = [row for row in order if photos.photos.labels[row] == label]
        folds[mine] = (np.arange(15) + dealt) % 5
    loss = 0.0
    for fold in range(5):
        train, held_out = np.flatnonzero(folds != fold), np.flatnonzero(folds == fold)
        # In units of all photos: the strength is relative to the variance of the features.
        part, whole = photos.features[train].var(0).sum(), photos.features.var(0).sum()
        head = photos.of(train).fit(strength=STRENGTHS[6] * float(whole / part))
        found = head.probabilities(photos.features[held_out])
        loss -= np.log(found[np.arange(len(held_out)), photos.photos.labels[held_out]]).sum()
    assert photos.fit().cross_validation.losses[6] == pytest.approx(loss / 30, rel=1e-3)


def test_the_logits_of_the_cross_validation_are_those_it_counts() -> None:
    """Of each photo by the head without its fold: they are less sure than the head itself."""
    photos = _made(40, 30, 2)
    head = photos.fit()
    found = head.cross_validation
    order = np.argsort(photos.photos.hashes)
    np.testing.assert_array_equal(found.labels, photos.photos.labels[order])
    assert (found.logits.argmax(1) == found.labels).sum() == found.correct
    own = head.probabilities(photos.features)[order]
    held_out = np.exp(found.logits) / np.exp(found.logits).sum(1, keepdims=True)
    rows = np.arange(40)
    assert held_out[rows, found.labels].mean() < own[rows, found.labels].mean()


def _grouped() -> Set:
    photos = _made(60, 10, 3)
    groups = [f"animal {row // 9 if row < 36 else row}" for row in range(60)]
    return photos.changed(groups=groups)


def test_folds_do_not_divide_groups() -> None:
    """They are nearly as even as without, and depend on neither names nor order."""
    photos = _grouped()
    canonical = photos.of(np.argsort(photos.photos.hashes))
    folds, groups = deal_folds(canonical.photos), np.array(canonical.photos.groups)
    assert all(len(set(folds[groups == name])) == 1 for name in groups)
    sizes = np.array([np.bincount(folds[canonical.photos.labels == k]) for k in range(3)])
    assert sizes.shape == (3, 5)
    assert sizes.min() >= 3
    renamed = photos.changed(groups=[name[::-1] for name in photos.photos.groups])
    mixed = renamed.of(np.random.default_rng(1).permutation(60))
    assert _bytes(mixed.fit()) == _bytes(photos.fit())


def test_groups_with_a_photo_in_common_are_one() -> None:
    """Whichever copy comes first."""
    photos = _grouped()
    groups, hashes = [*photos.photos.groups], photos.photos.hashes
    twice = photos.of([*range(60), 0])
    twice = twice.changed(groups=[*groups, groups[59]])
    canonical = photos.of(np.argsort(hashes)).photos
    found = deal_folds(twice.photos)
    np.testing.assert_array_equal(found, deal_folds(twice.of([60, *range(60)]).photos))
    joined = [name in (groups[0], groups[59]) for name in canonical.groups]
    assert len(set(found[joined])) == 1


@pytest.mark.parametrize(
    ("groups", "message"),
    [
        (["a", "b"] * 10, r"class 0 has 1 group, too few for 2 folds"),
        (["a" if row < 12 else "b" if row < 19 else "c" for row in range(20)], None),
        (
            ["a" if row % 2 else "b" if row < 10 else "c" for row in range(20)],
            "class 1 has 1 group",
        ),
    ],
)
def test_too_few_groups_are_named(groups: list[str], message: str | None) -> None:
    """Each class needs two of them, in different folds."""
    photos = _made(20, 6, 2).changed(groups=groups)
    if message is None:
        assert photos.fit().cross_validation.folds == 2
        return
    with pytest.raises(DataError, match=message):
        photos.fit()


def test_the_strength_follows_the_made() -> None:
    """Classes that are far apart need less regularisation than classes that are noise."""
    near, far = _made(60, 20, 2, apart=0).fit(), _made(60, 20, 2, apart=20).fit()
    assert far.strength < near.strength
    assert far.cross_validation.correct == 60
    assert near.cross_validation.accuracy < 0.75


_GOOD = _made(20, 6, 2)


def _with(row: int, value: float) -> Set:
    features = _GOOD.features.copy()
    features[row] = value
    return Set(_GOOD.photos, features)


_BAD: dict[str, tuple[Set, type[ImgrecError], str]] = {
    "a feature that is no number": (
        _with(3, np.nan),
        RunError,
        "3.png has features that are not finite numbers",
    ),
    "an infinite feature": (
        _with(4, np.inf),
        RunError,
        "4.png has features that are not finite numbers",
    ),
    "features that are all equal": (
        Set(_GOOD.photos, np.ones((20, 6), np.float32)),
        DataError,
        "all 20 photos have the same features",
    ),
    "one class": (
        _GOOD.changed(labels=np.zeros(20, int), classes=["cat"]),
        DataError,
        "only one class",
    ),
    "a class with one photo": (
        _GOOD.changed(labels=(np.arange(20) == 7).astype(int), classes=["cat", "dog"]),
        DataError,
        "too few photos of dog",
    ),
    "a class without photos": (
        _GOOD.changed(classes=["cat", "dog", "bird"]),
        DataError,
        "too few photos of bird",
    ),
    "a class with one photo, twice": (
        _GOOD.of([*range(0, 20, 2), 1, 1]),
        DataError,
        "too few photos of class 1",
    ),
    "a photo in two classes": (
        _GOOD.changed(hashes=[_GOOD.photos.hashes[5], *_GOOD.photos.hashes[1:]]),
        DataError,
        r"0.png \(class 0\) and 5.png \(class 1\) are the same photo in two classes",
    ),
}


@pytest.mark.parametrize("case", _BAD)
def test_photos_that_give_no_head_are_named(case: str) -> None:
    """What is wrong with them, and with which ones."""
    photos, error, message = _BAD[case]
    with pytest.raises(error, match=message):
        photos.fit()


def test_a_class_with_fewer_photos_than_folds() -> None:
    """By default there are as few folds as that; those that are asked for are refused."""
    photos = _made(20, 6, 2).of([*range(0, 20, 2), 1, 3, 5])
    assert photos.fit().cross_validation.folds == 3
    with pytest.raises(DataError, match="class 1 has 3 different photos, too few for 4 folds"):
        photos.fit(folds=4)
