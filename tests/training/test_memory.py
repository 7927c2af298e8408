"""What a training holds while its epochs go by."""

from __future__ import annotations

import pytest

from tools.memory import STATM, growth, peaks


@pytest.mark.skipif(not STATM.is_file(), reason="this system has no such file")
def test_forty_more_epochs_take_no_more_memory() -> None:
    """Less than 5 MB, seen from outside.

    A model that is kept for each epoch, a program traced again or a list of batches would be
    several megabytes an epoch; the rest is what the allocators of Python and TensorFlow keep.
    """
    assert growth() < 5


@pytest.mark.skipif(not STATM.is_file(), reason="this system has no such file")
def test_images_from_files_take_no_memory_of_their_own() -> None:
    """With `data.cache: none`, 900 more of them add less than a third of the 177 MB they are.

    300 fill all that is read ahead.
    """
    few, many = peaks(300, 1200)
    assert many - few < 59
