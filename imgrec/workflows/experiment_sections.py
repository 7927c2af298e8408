"""From an experiment to the sections and small values that the packages below take."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from imgrec.config.data import Data
from imgrec.config.experiment import Experiment
from imgrec.errors import DataError, SettingError
from imgrec.models.backend import Devices
from imgrec.models.network import NetworkSpec, build
from imgrec.pixel_statistics import PixelStatistics
from imgrec.training.features import InputSettings
from imgrec.training.steps import Objective, Steps, explain_out_of_memory


@contextmanager
def located_problems(experiment: Experiment) -> Iterator[None]:
    """Give an error within the block about a key of the config the file and the line.

    A SettingError becomes a ConfigError.
    """
    try:
        yield
    except SettingError as error:
        raise experiment.problem(error.path, error.message) from error
    except DataError as error:
        if not error.path:
            raise
        message = experiment.problem(error.path, error.message).message
        raise DataError(message, hint=error.hint) from error


def network_spec(experiment: Experiment, classes: int) -> NetworkSpec:
    """Return what the network of an experiment is made of, for so many classes."""
    data, fine_tune = experiment.data, experiment.training.fine_tune
    return NetworkSpec(
        experiment.model,
        experiment.preprocessing,
        (*data.image_size, data.channels),
        classes,
        data.multi_label,
        fine_tune.first_layer if fine_tune else None,
    )


def build_network(
    experiment: Experiment,
    classes: int,
    *,
    policy: str = "float32",
    weights: bool = True,
    statistics: PixelStatistics | None = None,
) -> Any:
    """Return the uncompiled Keras model of an experiment: see `imgrec.models.network.assemble`.

    Raises ConfigError with the line of the layer whose shape does not work.
    """
    spec = network_spec(experiment, classes)
    with located_problems(experiment):
        return build(spec, policy=policy, weights=weights, statistics=statistics)


def build_steps(
    experiment: Experiment,
    classes: int,
    devices: Devices,
    *,
    weights: bool,
    statistics: PixelStatistics | None = None,
) -> Steps:
    """Return the steps of an experiment's training; raises as `build_network`.

    Also RunError if the memory is too small.
    """
    training = experiment.training
    objective = Objective(
        experiment.loss,
        experiment.truth,
        training.metrics,
        training.optimizer,
        training.precision,
    )
    spec = network_spec(experiment, classes)
    with located_problems(experiment), explain_out_of_memory(memory_hint(experiment.data)):
        return Steps(spec, objective, devices, weights=weights, statistics=statistics)


def input_settings(experiment: Experiment) -> InputSettings:
    """Return what is done to an experiment's images before they are trained on."""
    return InputSettings(
        experiment.data,
        experiment.augmentation,
        experiment.model.backbone,
        experiment.seed,
        experiment.training.feature_views,
    )


def memory_hint(data: Data) -> str:
    """Return what to lower where the memory is too small."""
    height, width = data.image_size
    return (
        f"lower data.batch_size ({data.batch_size}), data.image_size ([{height}, {width}]), or the "
        "filters and units in model.layers"
    )
