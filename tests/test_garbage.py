"""When Python looks for garbage."""

from __future__ import annotations

import gc

import pytest

from imgrec.garbage import without_collections


def test_collections_go_on_after_an_error() -> None:
    """As without one."""
    with pytest.raises(RuntimeError), without_collections():
        raise RuntimeError
    assert gc.isenabled()


def test_contexts_within_each_other_are_one() -> None:
    """The inner one ends nothing."""
    with without_collections():
        with without_collections():
            pass
        assert not gc.isenabled()
    assert gc.isenabled()


def test_what_was_frozen_stays_so() -> None:
    """A service freezes what lives as long as it does, and may import TensorFlow later."""
    gc.freeze()
    with without_collections():
        pass
    assert gc.get_freeze_count() > 0  # for good: other tests leave libraries out of collections
