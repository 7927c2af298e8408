"""What is said where a model and its batch are too large for the memory there is."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from imgrec.config.experiment import Experiment
from imgrec.errors import RunError


@contextmanager
def within_memory(experiment: Experiment) -> Iterator[None]:
    """Turn an allocation that failed within the block into a RunError that says what to lower."""
    import tensorflow as tf

    try:
        yield
    except (MemoryError, tf.errors.ResourceExhaustedError) as error:
        data = experiment.data
        size = f"[{data.image_size[0]}, {data.image_size[1]}]"
        raise RunError(
            "the memory is too small for this model and batch",
            hint=f"lower data.batch_size ({data.batch_size}), data.image_size ({size}), or the "
            "filters and units in model.layers",
        ) from error
