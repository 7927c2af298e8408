"""Keras' own training and test steps, run under a `tf.distribute` strategy."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imgrec.config.keras.losses import LossBase, Truth
from imgrec.config.keras.metrics import names
from imgrec.config.keras.named import Named
from imgrec.config.training import FineTune
from imgrec.errors import RunError
from imgrec.models.backbone import unfreeze
from imgrec.models.backend import Devices
from imgrec.models.keras_objects import make
from imgrec.models.network import (
    NetworkSpec,
    SplitNetwork,
    assemble,
    pool_before_relu,
    unfuse_biases,
)
from imgrec.models.processor import computes_bfloat16
from imgrec.pixel_statistics import PixelStatistics
from imgrec.training.batch import Batch, encode
from imgrec.training.precision import keras_precision


@contextmanager
def explain_out_of_memory(hint: str) -> Iterator[None]:
    """Turn an allocation that failed within the block into a RunError with this hint."""
    import tensorflow as tf

    try:
        yield
    except (MemoryError, tf.errors.ResourceExhaustedError) as error:
        raise RunError("the memory is too small for this model and batch", hint=hint) from error


@contextmanager
def averaged_weights(model: Any) -> Iterator[None]:
    """Give the model its averaged weights within the block, if its optimizer averages.

    The weights of the training itself are put back afterwards, bit for bit.
    """
    optimizer = model.optimizer
    if not getattr(optimizer, "inner_optimizer", optimizer).use_ema:
        yield
        return
    variables = model.trainable_variables
    own = [np.array(variable) for variable in variables]
    optimizer.finalize_variable_values(variables)
    try:
        yield
    finally:
        for variable, value in zip(variables, own, strict=True):
            variable.assign(value)


@dataclass(frozen=True)
class Objective:
    """What a model is trained for, and how.

    loss, metrics, optimizer: as a config names them. truth: what the loss compares the output
    with. precision: `auto`, or a Keras policy.
    """

    loss: LossBase
    truth: Truth
    metrics: Sequence[Named]
    optimizer: Named
    precision: str = "auto"


class Steps:
    """A compiled model and its steps, one batch at a time.

    `model.fit` can neither stop in the middle of an epoch and resume bit for bit, nor run on
    several machines; calling `model.train_step` from a loop of ours can.
    """

    def __init__(
        self,
        network: NetworkSpec,
        objective: Objective,
        devices: Devices,
        *,
        weights: bool,
        statistics: PixelStatistics | None = None,
    ) -> None:
        import keras

        self.network, self._objective = network, objective
        self.device = devices.kind
        self._strategy = devices.strategy
        self.policy = keras_precision(objective.precision, devices)
        self.statistics = statistics
        self._first: str | None = None
        with self._strategy.scope():
            self._assembled = assemble(
                network, policy=self.policy, weights=weights, statistics=statistics
            )
            self.model = self._assembled.model
            self._take(self.model, make(keras.optimizers, objective.optimizer))

    @property
    def backbone(self) -> Any:
        """The backbone's Keras model; None where there is none."""
        return self._assembled.backbone

    def split(self) -> SplitNetwork | None:
        """Return the model cut in two right before what learns; None where that can't be."""
        with self._strategy.scope():
            return self._assembled.split(self._first)

    def train_head(self, head: Any) -> None:
        """From now on take features in place of images, and train `head`, of `split`, on them.

        `model` stays the whole: its weights, optimizer and random generators are the head's.
        """
        with self._strategy.scope():
            self._take(head, self.model.optimizer)
        # A training may be resumed in the middle of an epoch.
        for own, before in zip(_measured(self._trained), _measured(self.model), strict=True):
            own.assign(np.asarray(before))

    def fine_tune(self, wanted: FineTune) -> None:
        """From now on take images, and train the backbone from the layer `wanted` on, too.

        With a new optimizer. The backbone stays in inference mode: its batch normalization goes
        by the mean and variance that it has.
        """
        import keras

        settings = self._objective.optimizer
        renewed = settings.model_copy(update={"learning_rate": wanted.learning_rate})
        with self._strategy.scope():
            unfreeze(self.backbone, wanted.first_layer)
            self._first = wanted.first_layer
            self._take(self.model, make(keras.optimizers, renewed))

    def train(self, batch: Batch) -> None:
        """Update the weights with one batch."""
        self._train(*self._on_replicas(batch))

    def test(self, batch: Batch) -> None:
        """Update the metrics with one batch, in inference mode."""
        self._test(*self._on_replicas(batch))

    def reset(self) -> None:
        """Reset the metrics."""
        self._trained.reset_metrics()

    def logs(self) -> dict[str, float]:
        """Return the mean loss and the metrics since the last reset."""
        measured = self._trained.get_metrics_result()
        return {name: float(np.mean(value)) for name, value in measured.items()}

    def loss_so_far(self) -> Any:
        """Return the sum of the images' losses, and their number, since the last reset.

        A float32 tensor (2,) that may not be ready yet.
        """
        import tensorflow as tf

        mean = self._trained.metrics[0]
        return tf.stack([mean.total.value, mean.count.value])

    def finish(self) -> None:
        """Return when the device is done with the last step."""
        np.asarray(self.loss_so_far())

    @property
    def learning_rate(self) -> float:
        """The learning rate of the next step; it can be set where it follows no schedule."""
        return float(np.asarray(self.model.optimizer.learning_rate))

    @learning_rate.setter
    def learning_rate(self, rate: float) -> None:
        self.model.optimizer.learning_rate = rate

    @property
    def variables(self) -> list[Any]:
        """All that a step changes: of the model, with its random generators, optimizer, metrics."""
        frozen = {id(variable) for variable in self.frozen}
        changing = [each for each in self.model.variables if id(each) not in frozen]
        return [*changing, *self.model.optimizer.variables, *_measured(self._trained)]

    @property
    def frozen(self) -> list[Any]:
        """The variables of a backbone in inference mode that no step of this phase changes."""
        backbone = self.network.model.backbone
        if backbone is None or backbone.trainable:
            return []
        learning = {id(variable) for variable in self.model.trainable_variables}
        return [each for each in self.backbone.variables if id(each) not in learning]

    def _take(self, model: Any, optimizer: Any) -> None:
        """Make the steps those of `model`: the whole one, or its head alone."""
        if self.device == "cpu":
            if "bfloat16" in self.policy and computes_bfloat16():
                pool_before_relu(model)
            else:
                unfuse_biases(model)
        _compile(model, optimizer, self._objective, multi_label=self.network.multi_label)
        # Now, as a step under a strategy can't make variables. `compile` wraps the optimizer where
        # float16 needs it, and the wrapper has variables too.
        if not model.optimizer.built:
            model.optimizer.build(model.trainable_variables)
        self._strategy.run(_build_metrics, args=(model, self._objective.truth, self.network))
        model.reset_metrics()
        self._trained = model
        # Keras' own choice: not where a layer can't be compiled, nor over several GPUs.
        compiled = self.device == "gpu" and model.jit_compile
        self._train = self._function(model.train_step, compiled=compiled)
        self._test = self._function(model.test_step, compiled=compiled)

    def _function(self, step: Callable[..., Any], *, compiled: bool) -> Callable[..., Any]:
        """Return the step as one program; compiled: by XLA."""
        import tensorflow as tf

        strategy = self._strategy
        on_replica = (
            tf.function(step, jit_compile=True, reduce_retracing=True) if compiled else step
        )

        @tf.function(reduce_retracing=True)  # type: ignore[untyped-decorator]
        def run(images: Any, targets: Any, weights: Any) -> None:
            strategy.run(on_replica, args=((images, targets, weights),))

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


def _compile(model: Any, optimizer: Any, objective: Objective, *, multi_label: bool) -> None:
    import keras

    wanted = objective.metrics
    model.compile(
        optimizer=optimizer,
        loss=make(keras.losses, objective.loss),
        metrics=[
            _metric(metric, name, multi_label=multi_label)
            for metric, name in zip(wanted, names(wanted), strict=True)
        ],
    )


def _build_metrics(model: Any, truth: Truth, network: NetworkSpec) -> None:
    """Make the variables of loss and metrics now: a step under a strategy can't make them."""
    import tensorflow as tf

    predicted = tf.fill((1, *model.output_shape[1:]), 0.5)
    classes = network.classes
    labels = np.zeros((1, classes), bool) if network.multi_label else np.zeros(1, np.int64)
    targets = tf.constant(encode(truth, labels, classes))
    model.compute_loss(x=None, y=targets, y_pred=predicted)
    model.compute_metrics(None, targets, predicted)


def _measured(model: Any) -> list[Any]:
    return [variable for metric in model.metrics for variable in metric.variables]


def _metric(metric: Any, name: str, *, multi_label: bool) -> Any:
    import keras

    if hasattr(keras.metrics, type(metric).__name__):
        # Keras numbers the names that it makes, by how many there were before in the process.
        return make(keras.metrics, metric.model_copy(update={"name": name}))
    # `accuracy` is not a class: Keras chooses the kind that fits the targets, but takes several
    # labels for one-hot.
    return keras.metrics.BinaryAccuracy(name) if multi_label else name
