"""A whole config, and the checks between its sections."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import Field, PrivateAttr, model_validator

from imgrec.backbones import BACKBONES, application_of, wants_colour
from imgrec.config.augmentation import Augmentation
from imgrec.config.data import Data
from imgrec.config.evaluation import EvaluationConfig
from imgrec.config.keras.forms import without_input_shape
from imgrec.config.keras.layers import (
    Dense,
    Flatten,
    GlobalAveragePooling2D,
    GlobalMaxPooling2D,
    Layer,
)
from imgrec.config.keras.losses import LossBase, Truth, default_loss, losses_for, truth_of
from imgrec.config.keras.metrics import metric_problem
from imgrec.config.keras.named import Named
from imgrec.config.preprocessing import Preprocessing
from imgrec.config.sweep import Sweep
from imgrec.config.training import Checkpoint, Training
from imgrec.data.sources import SplitConfig
from imgrec.errors import ConfigError
from imgrec.metrics import METRICS
from imgrec.sections.problems import config_error, problem_at, shown_value, unknown
from imgrec.sections.section import (
    ConfigFinding,
    ProperFraction,
    Section,
    Text,
    field_error,
)
from imgrec.sections.yaml import KeyPath
from imgrec.text import count_of, either

__all__ = [
    "Augmentation",
    "Backbone",
    "Checkpoint",
    "ConfigOrigin",
    "Data",
    "EvaluationConfig",
    "Experiment",
    "ModelConfig",
    "Preprocessing",
    "SplitConfig",
    "Sweep",
    "Training",
]


class Backbone(Section):
    """A pretrained network without its classifier, with its own preprocessing.

    It has either a `name`, or is the model of a `run`.
    """

    name: str | None = Field(
        default=None,
        description="The name of a keras.applications model, `EfficientNetLite0` or "
        "`EfficientNetLite2`.",
        json_schema_extra={"enum": [*BACKBONES, None]},
    )
    run: Text | None = Field(
        default=None,
        description="A run that was trained or imported, and has a Keras model: a folder, a name "
        "below the runs folder, or `last`. Its own preprocessing is part of the backbone. The "
        "config of the new run contains the absolute path.",
    )
    until: Text | None = Field(
        default=None,
        description="The last layer of the `run` that is used, by its name, which "
        "`imgrec runs show RUN` lists. null: the one before the output layer.",
    )
    weights: Text | None = Field(
        default="imagenet",
        description="`imagenet`, a weights file, or null for random weights. A `run` has its own.",
    )
    trainable: bool = Field(
        default=False, description="Whether the backbone is trained too, from the first epoch on."
    )
    batch_norm_momentum: ProperFraction | None = Field(
        default=None,
        description="Momentum of the batch normalization layers. null: the network's own, such "
        "as NASNetMobile's 0.9997, which takes 10,000 steps to converge from random weights. 0.9 "
        "suits short trainings.",
    )

    @model_validator(mode="before")
    @classmethod
    def _not_a_name(cls, written: Any) -> Any:
        if isinstance(written, str) and written in BACKBONES:
            raise field_error(f"write {{name: {written}}} instead of {written}")
        return written

    @property
    def title(self) -> str:
        """What messages call it."""
        return self.name or "the backbone run"

    @property
    def pretrained(self) -> bool:
        """Whether its weights are not random."""
        return self.run is not None or self.weights is not None

    def resolved(self) -> Self:
        """Return the section without the default of `weights` if it is a run."""
        if self.run is None or "weights" in self.model_fields_set:
            return self
        return self.model_copy(update={"weights": None})

    def problems(self) -> Iterator[ConfigFinding]:
        """Yield an unknown name, and keys that have no effect."""
        if (self.name is None) == (self.run is None):
            yield (), "needs either a name or a run"
        if self.name is not None and self.name not in BACKBONES:
            yield (
                ("name",),
                f"unknown backbone {shown_value(self.name)}" + unknown(self.name, BACKBONES),
            )
        if self.run is not None and self.weights is not None:
            yield ("weights",), "a run has its own weights; leave out weights"
        if self.run is None and self.until is not None:
            yield ("until",), "is for a run"
        if self.batch_norm_momentum is not None and not self.trainable:
            yield (
                ("batch_norm_momentum",),
                "has no effect with `trainable: false`: running means and variances stay fixed",
            )


class ModelConfig(Section):
    """The network. The output layer is added automatically, with one unit per class.

    If the last of `layers` is the same layer, such as `Dense: [10, softmax]` for 10 classes, no
    other one is added.
    """

    elsewhere: ClassVar[dict[str, str]] = {
        "input_shape": "remove it: data.image_size and data.channels give the shape of the input",
    }

    backbone: Backbone | None = Field(
        default=None,
        description="A pretrained network whose output the layers get; by default "
        "they get the image.",
    )
    layers: list[Layer] = Field(
        default_factory=list[Named], description="Keras layers from the input to the output."
    )
    output: Literal["softmax", "sigmoid"] = Field(
        default="softmax",
        description="`softmax`: one unit per class; the probabilities sum to 1. `sigmoid`: one "
        "unit for two classes; with `data.multi_label`, one independent unit per class.",
    )
    head: Literal["logistic"] | None = Field(
        default=None,
        description="`logistic`: one dense layer on the features of a frozen backbone, solved "
        "exactly instead of trained in epochs: logistic regression. The strength of its L2 "
        "penalty, relative to the variance of the features, is chosen by cross-validation; a "
        "larger one means smaller weights. The head depends on the training images alone, not on "
        "their order or a seed. `layers` is one global pooling or Flatten; "
        "images are not augmented.",
    )
    weights: Text | None = Field(
        default=None,
        description="Initial weights of `layers`, matched by layer name: a `.weights.h5`, `.h5` or "
        "`.keras` file of Keras, or "
        "`imagenet/NAME` for the ImageNet weights of a keras.applications model, such as "
        "`imagenet/VGG16`.",
    )

    @property
    def written_output(self) -> Dense | None:
        """The last layer if it may be the output layer: dense, with the activation `output`."""
        last = self.layers[-1] if self.layers else None
        if isinstance(last, Dense) and last == Dense(units=last.units, activation=self.output):
            return last
        return None

    def problems(self) -> Iterator[ConfigFinding]:
        """Yield an empty model, and weights that have no use or don't exist."""
        if self.backbone is None and not self.layers:
            yield (), "has neither layers nor a backbone"
        if (count := _number_of(self.layers)) > _MAX_LAYERS:
            yield (
                ("layers",),
                f"{count_of(count, 'layer')}, and at most {_MAX_LAYERS:,} are allowed",
            )
        if self.written_output is None:
            yield from _output_layers(self.layers, ("layers",))
        if self.weights is None:
            return
        if self.backbone is not None:
            yield ("weights",), "are for models without a backbone; set model.backbone.weights"
        if (name := application_of(self.weights)) is not None and name not in BACKBONES:
            yield (
                ("weights",),
                f"unknown application {shown_value(name)}" + unknown(name, BACKBONES),
            )


_MAX_LAYERS = 2_000
"""Of a network, twice those of the largest one in keras.applications."""


def _number_of(layers: Sequence[Named]) -> int:
    """Return how many layers there are, with all repetitions."""
    return sum(
        getattr(each, "times", 1) * _number_of(inner)
        if (inner := getattr(each, "layers", []))
        else 1
        for each in layers
    )


_OUTPUT_FUNCTIONS = ("softmax", "log_softmax", "sparsemax")


def _output_layers(layers: Sequence[Named], path: KeyPath) -> Iterator[ConfigFinding]:
    """Yield a last layer that is an output layer, to which another would be added."""
    if not layers:
        return
    last = layers[-1]
    place: KeyPath = (*path, len(layers) - 1, type(last).__name__)
    if (function := getattr(last, "activation", None)) in _OUTPUT_FUNCTIONS:
        message = (
            f"{function} belongs to the output layer, which is added with one unit per class "
            "(model.output); leave this layer out"
        )
        yield (*place, "activation"), message
    if isinstance(last, Dense) and (last.units, function) == (1, "sigmoid"):
        message = (
            "one unit with sigmoid is the output layer for two classes, which is added with "
            "`model.output: sigmoid`; leave this layer out"
        )
        yield (*place, "activation"), message
    yield from _output_layers(getattr(last, "layers", []), (*place, "layers"))


@dataclass(frozen=True)
class ConfigOrigin:
    """Where an experiment was written; not part of its equality."""

    source: str = field(default="", compare=False)
    lines: Mapping[KeyPath, int] = field(default_factory=dict, compare=False)


_TO_VECTOR = (GlobalAveragePooling2D, GlobalMaxPooling2D, Flatten)
# The keys of `training` that matter without epochs.
_WITHOUT_EPOCHS = ("precision", "deterministic", "export")


class Experiment(Section):
    """Everything that a training depends on, apart from the images."""

    name: Annotated[str, Field(max_length=64, pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")] = Field(
        description="The name of the runs: at most 64 letters, digits, `.`, `_` and `-`."
    )
    seed: Annotated[int, Field(ge=0, lt=2**32)] = Field(
        default=0,
        description="Seed of the split, the order of images, the augmentation and the initial "
        "weights.",
    )
    data: Data
    preprocessing: Preprocessing = Field(default_factory=Preprocessing)
    augmentation: Augmentation | None = Field(default=None)
    model: ModelConfig
    training: Training = Field(default_factory=Training)
    evaluation: EvaluationConfig = Field(default_factory=EvaluationConfig)
    sweep: Sweep | None = Field(default=None)

    _origin: ConfigOrigin = PrivateAttr(default_factory=ConfigOrigin)

    @model_validator(mode="before")
    @classmethod
    def _simplified(cls, config: Any) -> Any:
        return without_input_shape(config)

    @property
    def loss(self) -> LossBase:
        """The loss in the config, or the default one for its output."""
        return self.training.loss or default_loss(self.model.output)

    @property
    def truth(self) -> Truth:
        """What the loss compares the output with: `binary`, `one_hot` or `index`."""
        return truth_of(type(self.loss), self.model.output) or "one_hot"

    @property
    def source(self) -> str:
        """The file that it was read from, or another description of where it was written."""
        return self._origin.source

    def written_at(self, origin: ConfigOrigin) -> Self:
        """Set where this experiment was written, and return it."""
        self._origin = origin
        return self

    def problem(self, path: KeyPath, message: str) -> ConfigError:
        """Return an error about the key at `path`, with file and line."""
        return self.refusal([(path, message)])

    def refusal(self, found: Sequence[ConfigFinding]) -> ConfigError:
        """Return an error about the keys at the paths of `found`, with file and lines."""
        origin = self._origin
        problems = [problem_at(path, message, origin.lines) for path, message in found]
        return config_error(origin.source, problems)

    def problems(self) -> Iterator[ConfigFinding]:
        """Yield conflicts between sections."""
        yield from self._backbone_problems()
        for path, message in self.preprocessing.channel_problems(self.data.channels):
            yield ("preprocessing", *path), message
        yield from self._loss_problems()
        yield from self._mixing_problems()
        yield from self._label_problems()
        yield from self._fine_tune_problems()
        if self.training.feature_views is not None and (reason := self._without_views()):
            yield ("training", "feature_views"), reason
        if self.model.head is not None:
            yield from self._head_problems()
        if self.sweep is not None:
            yield from self._sweep_problems(self.sweep)

    def _sweep_problems(self, sweep: Sweep) -> Iterator[ConfigFinding]:
        for name in sweep.directions:
            metric = METRICS.get(name)
            if metric is not None and not metric.applies(multi_label=self.data.multi_label):
                labels = "one label" if metric.labels == "single" else "multiple labels"
                yield ("sweep", "metric"), f"{name} is only measured if images have {labels}"
        if sweep.prune != "none" and self.model.head is not None:
            yield ("sweep", "prune"), f"has no effect with model.head {self.model.head}"

    def _head_problems(self) -> Iterator[ConfigFinding]:
        """Yield what an exact head can't be combined with, or what has no effect on it."""
        model, backbone, training = self.model, self.model.backbone, self.training
        if backbone is None or backbone.trainable:
            yield ("model", "head"), "needs a backbone with `trainable: false`"
        if self.data.multi_label:
            yield ("model", "head"), "can't be combined with data.multi_label"
        elif model.output != "softmax":
            yield ("model", "output"), f"must be softmax with model.head {model.head}"
        if self.augmentation is not None:
            message = f"can't be combined with model.head {model.head}, which sees each image once"
            yield ("augmentation",), f"{message}, as it is"
        layers = model.layers[:-1] if model.written_output else model.layers
        fitting: list[list[type[Named]]] = [[kind] for kind in _TO_VECTOR]
        if backbone is not None and backbone.run is not None:
            fitting.append([])  # its output may be a vector
        if [type(layer) for layer in layers] not in fitting:
            names = [kind.__name__ for kind in _TO_VECTOR]
            yield ("model", "layers"), f"must be {either(names)} with model.head {model.head}"
        for name, value in Training():
            if name not in _WITHOUT_EPOCHS and getattr(training, name) != value:
                message = f"has no effect with model.head {model.head}, which is not trained"
                yield ("training", name), f"{message} in epochs; leave it out"

    def _fine_tune_problems(self) -> Iterator[ConfigFinding]:
        backbone = self.model.backbone
        if self.training.fine_tune is not None and (backbone is None or backbone.trainable):
            yield (
                ("training", "fine_tune"),
                "needs a backbone with `trainable: false`",
            )

    def _label_problems(self) -> Iterator[ConfigFinding]:
        """Yield settings that don't fit images of one label, or of several."""
        multi_label = self.data.multi_label
        for path, message in self.evaluation.label_problems(multi_label=multi_label):
            yield ("evaluation", *path), message
        if not multi_label:
            return
        if self.model.output != "sigmoid":
            message = (
                f"{self.model.output} gives each image one class; data.multi_label needs sigmoid"
            )
            yield ("model", "output"), message
        if self.training.class_weight is not None:
            yield (
                ("training", "class_weight"),
                (
                    "needs one class per image; with data.multi_label, use the loss "
                    "BinaryFocalCrossentropy with apply_class_balancing"
                ),
            )

    def _without_views(self) -> str:
        """Return why the features of views can't be kept; empty if they can."""
        backbone, augmentation = self.model.backbone, self.augmentation
        if backbone is None or backbone.trainable:
            return "needs a backbone with `trainable: false`"
        if augmentation is None:
            return "needs augmentation; without it, features are always kept"
        mixes = [name for name in ("mixup", "cutmix") if getattr(augmentation, name) is not None]
        return f"can't be combined with augmentation.{mixes[0]}" if mixes else ""

    def _backbone_problems(self) -> Iterator[ConfigFinding]:
        backbone = self.model.backbone
        if backbone is None:
            return
        for name, value in self.preprocessing:
            if value is not None and value is not False:
                yield (
                    ("preprocessing", name),
                    (f"{backbone.title} has its own preprocessing; leave out {name}"),
                )
        if backbone.name is None:
            return
        minimum = BACKBONES[backbone.name].minimum
        if self.data.channels == 1 and backbone.weights is not None:
            yield (
                ("data", "channels"),
                (f"the weights of {backbone.name} need 3 channels (grey images work too)"),
            )
        elif self.data.channels == 1 and wants_colour(backbone.name):
            yield (
                ("data", "channels"),
                (f"the preprocessing of {backbone.name} needs 3 channels (grey images work too)"),
            )
        if min(self.data.image_size) < minimum:
            height, width = self.data.image_size
            yield (
                ("data", "image_size"),
                (f"{backbone.name} needs {minimum} x {minimum} or more, got {height} x {width}"),
            )

    def _loss_problems(self) -> Iterator[ConfigFinding]:
        output, loss = self.model.output, self.loss
        truth = truth_of(type(loss), output)
        if truth is None:
            yield (
                ("training", "loss"),
                (
                    f"{type(loss).__name__} does not fit model.output {output}; "
                    f"use one of {', '.join(losses_for(output))}"
                ),
            )
            return
        for index, metric in enumerate(self.training.metrics):
            if reason := metric_problem(metric, truth):
                yield ("training", "metrics", index), reason

    def _mixing_problems(self) -> Iterator[ConfigFinding]:
        if self.augmentation is None or type(self.loss).mixes:
            return
        for name in ("mixup", "cutmix"):
            if getattr(self.augmentation, name) is not None:
                yield (
                    ("augmentation", name),
                    (
                        f"mixes classes, which {type(self.loss).__name__} does not support; "
                        f"use one of {', '.join(losses_for(self.model.output, mixed=True))}"
                    ),
                )
