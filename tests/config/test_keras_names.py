"""The vocabulary against Keras itself: names, arguments, defaults."""

from __future__ import annotations

import importlib
import inspect
import re
from collections.abc import Mapping
from typing import Any, get_args

import pytest

from imgrec.backbones import BACKBONES
from imgrec.config.augmentation import Augmentation
from imgrec.config.keras.callbacks import CALLBACKS
from imgrec.config.keras.layers import LAYERS, REGULARIZERS, Layer
from imgrec.config.keras.losses import LOSSES
from imgrec.config.keras.metrics import METRICS, metric_directions
from imgrec.config.keras.named import Named, OneOf
from imgrec.config.keras.optimizers import OPTIMIZERS, SCHEDULES
from imgrec.sections.section import Function, Initializer

pytestmark = pytest.mark.tensorflow

TABLES: dict[str, Mapping[str, type[Named]]] = {
    "layers": LAYERS,
    "regularizers": REGULARIZERS,
    "optimizers": OPTIMIZERS,
    "optimizers.schedules": SCHEDULES,
    "losses": LOSSES,
    "metrics": METRICS,
    "callbacks": CALLBACKS,
}
OURS = {"Residual", "Repeat", "accuracy"}
KERAS = [(module, name) for module, table in TABLES.items() for name in table if name not in OURS]


def parameters(module: str, name: str) -> Mapping[str, inspect.Parameter]:
    """Return the parameters of a class of Keras; every layer takes a name."""
    cls = getattr(importlib.import_module(f"keras.{module}"), name)
    return inspect.signature(cls.__init__).parameters


def alike(default: Any) -> Any:
    """Return a default so that 1 and (1, 1), `zeros` and `Zeros` are the same."""
    if isinstance(default, tuple) and len(set(default)) == 1:
        return default[0]
    return default.lower() if isinstance(default, str) else default


@pytest.mark.parametrize(("module", "name"), KERAS)
def test_arguments(module: str, name: str) -> None:
    """Every argument is one of Keras', with Keras' default, and needed where Keras needs it."""
    keras_parameters = parameters(module, name)
    for argument, field in TABLES[module][name].model_fields.items():
        if argument == "name" and module == "layers":
            continue
        theirs = keras_parameters[argument]
        if (name, argument) in {("F1Score", "average"), ("FBetaScore", "average")}:
            assert field.is_required()
        elif theirs.default is inspect.Parameter.empty:
            assert field.is_required(), argument
        elif argument != "name":
            assert alike(field.default) == alike(theirs.default), argument


@pytest.mark.parametrize(("module", "name"), KERAS)
def test_first_arguments(module: str, name: str) -> None:
    """Arguments without names are in Keras' order."""
    positional = TABLES[module][name].positional
    assert tuple(parameters(module, name))[1 : len(positional) + 1] == positional


def test_aliases_of_layers() -> None:
    """Keras has the other names of layers, too."""
    import keras

    (kind,) = (each for each in get_args(Layer) if isinstance(each, OneOf))
    for alias, name in kind.aliases.items():
        assert getattr(keras.layers, alias) is getattr(keras.layers, name)


@pytest.mark.parametrize("name", sorted(set(METRICS) - OURS))
def test_metric_names_and_directions(name: str) -> None:
    """What may be monitored has Keras' name, and a direction where Keras has one."""
    import keras

    given = {"average": "macro"} if name in {"F1Score", "FBetaScore"} else {}
    metric = getattr(keras.metrics, name)(**given)
    direction = {"up": "max", "down": "min", None: None}[getattr(metric, "_direction", None)]
    # Keras counts some of its default names: auc_1 is the second AUC of this process.
    default = re.sub(r"(?<!f1)_\d+$", "", metric.name)
    assert metric_directions([METRICS[name](**given)]) == {"loss": "min", default: direction}


def test_only_seeds_and_formats_are_missing() -> None:
    """What Keras' layers take beyond ours is decided by the run, or for experts of tensors."""
    left_out = {
        parameter
        for module, name in KERAS
        if module == "layers"
        for parameter in parameters(module, name)
        if parameter not in TABLES[module][name].model_fields
    }
    assert left_out == {
        *("self", "kwargs", "data_format", "dtype", "seed", "noise_shape"),
        *("renorm", "renorm_clipping", "renorm_momentum", "quantization_config"),
        *("lora_rank", "lora_alpha", "moving_mean_initializer", "moving_variance_initializer"),
        *("kernel_constraint", "bias_constraint", "beta_constraint", "gamma_constraint"),
        *("depthwise_constraint", "pointwise_constraint", "alpha_constraint"),
    }


def test_functions_and_initializers() -> None:
    """Every activation and initializer is known to Keras by its name."""
    import keras

    for name in get_args(Function):
        assert callable(keras.activations.get(name))
    for name in get_args(Initializer):
        assert callable(keras.initializers.get(name))


def test_augmentation() -> None:
    """Every argument of ImageDataGenerator is either there, with its default, or explained."""
    import tensorflow as tf

    generator = tf.keras.preprocessing.image.ImageDataGenerator
    theirs = dict(inspect.signature(generator.__init__).parameters)
    del theirs["self"]
    ours = Augmentation().transform_arguments
    assert set(theirs) == set(ours) | set(Augmentation.elsewhere)
    assert all(default == theirs[name].default for name, default in ours.items())


def test_backbones() -> None:
    """The table holds exactly the classifiers of keras.applications, with their modules."""
    import keras

    names = {name for name in dir(keras.applications) if name[0].isupper()}
    of_keras = {name: each for name, each in BACKBONES.items() if each.packaged is None}
    assert set(of_keras) == names
    assert len(of_keras) == 40
    for name, application in of_keras.items():
        module = importlib.import_module(f"keras.applications.{application.module}")
        assert callable(module.preprocess_input)
        assert hasattr(module, name) or application.module == "mobilenet_v3"


@pytest.mark.parametrize("name", [name for name in BACKBONES if BACKBONES[name].module])
def test_smallest_sizes(name: str) -> None:
    """Keras takes no smaller images than the table says."""
    import keras

    minimum = BACKBONES[name].minimum
    build = getattr(keras.applications, name)
    with pytest.raises(ValueError, match=f"at least {minimum}x{minimum}"):
        build(weights=None, include_top=False, input_shape=(minimum - 1, minimum, 3))
