"""Keras' own training and test steps, run under a `tf.distribute` strategy."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imgrec.config.experiment import Experiment
from imgrec.models.backend import Devices
from imgrec.models.build import assemble
from imgrec.models.keras_objects import make
from imgrec.statistics import Statistics
from imgrec.training.batch import Batch
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
        import keras

        self._experiment, self._classes = experiment, classes
        self.device = devices.kind
        self._strategy = devices.strategy
        self.policy = _policy(experiment, devices)
        self.statistics = statistics
        with self._strategy.scope():
            self._network = assemble(
                experiment, classes, policy=self.policy, weights=weights, statistics=statistics
            )
            self.model = self._network.model
            optimizer = make(keras.optimizers, experiment.training.optimizer)
            optimizer.build(self.model.trainable_variables)
            # What is trained: the whole model, or its head alone.
            self._trained = self._compiled(self.model, optimizer)
        self._train = self._function(self._trained.train_step)
        self._test = self._function(self._trained.test_step)

    def extractor(self) -> Any:
        """Return the model from pixels to the features that `train_head` wants."""
        return self._network.extractor()

    def train_head(self) -> None:
        """From now on take features in place of images, and train what stands on them.

        `model` stays the whole: its weights, optimizer and random generators are the head's.
        """
        with self._strategy.scope():
            self._trained = self._compiled(self._network.head(), self.model.optimizer)
        self._train = self._function(self._trained.train_step)
        self._test = self._function(self._trained.test_step)

    def train(self, batch: Batch) -> None:
        """Update the weights with one batch."""
        self._train(*self._on_replicas(batch))

    def test(self, batch: Batch) -> None:
        """Update the metrics with one batch, in inference mode."""
        self._test(*self._on_replicas(batch))

    def reset(self) -> None:
        """Begin the metrics anew."""
        self._trained.reset_metrics()

    def logs(self) -> dict[str, float]:
        """Return the mean loss and the metrics since the last reset."""
        measured = self._trained.get_metrics_result()
        return {name: float(np.mean(value)) for name, value in measured.items()}

    @property
    def learning_rate(self) -> float:
        """The learning rate of the next step."""
        return float(np.asarray(self.model.optimizer.learning_rate))

    def _compiled(self, model: Any, optimizer: Any) -> Any:
        experiment = self._experiment
        _compile(model, optimizer, experiment)
        self._strategy.run(_build_metrics, args=(model, experiment, self._classes))
        model.reset_metrics()
        return model

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


def _compile(model: Any, optimizer: Any, experiment: Experiment) -> None:
    import keras

    model.compile(
        optimizer=optimizer,
        loss=make(keras.losses, experiment.loss),
        metrics=[_metric(metric) for metric in experiment.training.metrics],
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
