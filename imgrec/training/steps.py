"""Keras' own training and test steps, run under a `tf.distribute` strategy."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imgrec.config.experiment import Experiment
from imgrec.models.backend import Devices
from imgrec.models.build import build
from imgrec.models.keras_objects import make
from imgrec.statistics import Statistics
from imgrec.training.batch import Batch
from imgrec.training.memory import within_memory
from imgrec.training.targets import encode


class Steps:
    """A compiled model and its steps, one batch at a time.

    `model.fit` can neither stop in the middle of an epoch and go on bit for bit, nor run on
    several machines; calling `model.train_step` from a loop of ours can.
    """

    def __init__(
        self,
        experiment: Experiment,
        classes: int,
        devices: Devices,
        *,
        weights: bool,
        statistics: Statistics | None = None,
    ) -> None:
        self._strategy = devices.strategy
        self.policy = _policy(experiment, devices)
        self.statistics = statistics
        with within_memory(experiment), self._strategy.scope():
            self.model = build(
                experiment, classes, policy=self.policy, weights=weights, statistics=statistics
            )
            _compile(self.model, experiment)
            self.model.optimizer.build(self.model.trainable_variables)
            self._strategy.run(_build_metrics, args=(self.model, experiment, classes))
            self.model.reset_metrics()
        self._loss = self.model.metrics[0]
        self._train = self._function(self.model.train_step)
        self._test = self._function(self.model.test_step)

    def train(self, batch: Batch) -> None:
        """Update the weights with one batch."""
        self._train(*self._on_replicas(batch))

    def test(self, batch: Batch) -> None:
        """Update the metrics with one batch, in inference mode."""
        self._test(*self._on_replicas(batch))

    def reset(self) -> None:
        """Begin the metrics anew."""
        self.model.reset_metrics()

    def logs(self) -> dict[str, float]:
        """Return the mean loss and the metrics since the last reset."""
        return {
            name: float(np.mean(value)) for name, value in self.model.get_metrics_result().items()
        }

    def loss(self) -> Any:
        """Return the mean loss since the last reset: a scalar tensor that may not be ready yet."""
        return self._loss.result()

    @property
    def learning_rate(self) -> float:
        """The learning rate of the next step; it can be set where it follows no schedule."""
        return float(np.asarray(self.model.optimizer.learning_rate))

    @learning_rate.setter
    def learning_rate(self, rate: float) -> None:
        self.model.optimizer.learning_rate = rate

    def _function(self, step: Callable[..., Any]) -> Callable[..., Any]:
        import tensorflow as tf

        strategy = self._strategy

        @tf.function(reduce_retracing=True)  # type: ignore[untyped-decorator]
        def run(images: Any, targets: Any, weights: Any) -> None:
            strategy.run(step, args=((images, targets, weights),))

        return run  # type: ignore[no-any-return]

    def _on_replicas(self, batch: Batch) -> tuple[Any, Any, Any]:
        """Return the batch as tensors, cut in equal parts where there are several replicas."""
        replicas = self._strategy.num_replicas_in_sync
        if replicas > 1:
            batch = _divisible(batch, replicas)
        return (
            self._distribute(batch.images, replicas),
            self._distribute(batch.targets, replicas),
            self._distribute(batch.weights, replicas),
        )

    def _distribute(self, values: NDArray[Any], replicas: int) -> Any:
        import tensorflow as tf

        if replicas == 1:
            return tf.constant(values)
        parts = np.split(values, replicas)
        return self._strategy.experimental_distribute_values_from_function(
            lambda context: tf.constant(parts[context.replica_id_in_sync_group])
        )


def _divisible(batch: Batch, replicas: int) -> Batch:
    """Fill the batch up with its own first images, which weigh nothing in the loss.

    The others weigh more in turn, so that the mean over the replicas stays the mean over the
    real images.
    """
    size = len(batch.images)
    missing = -size % replicas
    if not missing:
        return batch
    filled = np.resize(np.arange(size), size + missing)
    weights = batch.weights[filled] * np.float32((size + missing) / size)
    weights[size:] = 0
    return Batch(batch.images[filled], batch.targets[filled], weights)


def _policy(experiment: Experiment, devices: Devices) -> str:
    wanted = experiment.training.precision
    if wanted != "auto":
        return wanted
    return "mixed_float16" if devices.kind == "gpu" else "float32"


def _compile(model: Any, experiment: Experiment) -> None:
    import keras

    training = experiment.training
    model.compile(
        optimizer=make(keras.optimizers, training.optimizer),
        loss=make(keras.losses, experiment.loss),
        metrics=[_metric(metric) for metric in training.metrics],
    )


def _build_metrics(model: Any, experiment: Experiment, classes: int) -> None:
    """Make the variables of loss and metrics now: a step under a strategy can't make them."""
    import tensorflow as tf

    labels = encode(experiment, np.zeros(1, np.int64), classes)
    predicted = tf.fill((1, *model.output_shape[1:]), 0.5)
    targets = tf.constant(labels)
    model.compute_loss(x=None, y=targets, y_pred=predicted)
    model.compute_metrics(None, targets, predicted)


def _metric(metric: Any) -> Any:
    import keras

    name = type(metric).__name__
    # `accuracy` is no class: Keras chooses the kind that fits the targets.
    return make(keras.metrics, metric) if hasattr(keras.metrics, name) else name
