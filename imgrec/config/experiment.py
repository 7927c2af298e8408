"""A whole config, and the checks between its sections."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, Self

from pydantic import Field, PrivateAttr, model_validator

from imgrec.backbones import BACKBONES, wants_colour
from imgrec.config.augmentation import Augmentation
from imgrec.config.data import Data
from imgrec.config.evaluation import EvaluationConfig
from imgrec.config.keras.forms import without_input_shape
from imgrec.config.keras.layers import Flatten, GlobalAveragePooling2D, GlobalMaxPooling2D
from imgrec.config.keras.losses import LossBase, Truth, default_loss, losses_for, truth_of
from imgrec.config.keras.metrics import metric_problem
from imgrec.config.keras.named import Named
from imgrec.config.model import ModelConfig
from imgrec.config.preprocessing import Preprocessing
from imgrec.config.sweep import Sweep
from imgrec.config.tracking import Tracking
from imgrec.config.training import Training
from imgrec.errors import ConfigError
from imgrec.metrics import METRICS
from imgrec.sections.problems import config_error, problem_at
from imgrec.sections.section import ConfigFinding, Section
from imgrec.sections.yaml import KeyPath
from imgrec.text import either


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
    tracking: Tracking | None = Field(default=None)

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

    def refusal(self, found: Sequence[ConfigFinding], hint: str = "") -> ConfigError:
        """Return an error about the keys at the paths of `found`, with file and lines.

        hint: What to do; by default, where the keys are described.
        """
        origin = self._origin
        problems = [problem_at(path, message, origin.lines) for path, message in found]
        return config_error(origin.source, problems, hint)

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
