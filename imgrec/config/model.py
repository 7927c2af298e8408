"""The section `model`: a backbone, layers, the output layer."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any, ClassVar, Literal, Self

from pydantic import Field, model_validator

from imgrec.backbones import BACKBONES, application_of
from imgrec.config.keras.layers import Dense, Layer
from imgrec.config.keras.named import Named
from imgrec.sections.problems import shown_value, unknown
from imgrec.sections.section import ConfigFinding, ProperFraction, Section, Text, field_error
from imgrec.sections.yaml import KeyPath, write_on_one_line
from imgrec.text import count_of, nearest, printable

_MAX_LAYERS = 2_000
"""Of a network, twice those of the largest one in keras.applications."""

_LONGEST = 200
"""Of a value that is shown as it should be written, in characters."""

_PAIR = re.compile(r"=|: ")
_OUTPUT_FUNCTIONS = ("softmax", "log_softmax", "sparsemax")


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
        description="The name of the last layer of the `run` that is used. "
        "`imgrec runs show RUN` lists them, its report those within a backbone. null: the one "
        "before the output layer.",
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
        if not isinstance(written, str) or len(written) > _LONGEST or _PAIR.search(written):
            return written
        if written in BACKBONES:
            raise field_error(f"write {{name: {written}}} instead of {written}")
        name = nearest(written, BACKBONES) or "VGG16"
        run = printable(write_on_one_line({"run": written}))
        raise field_error(
            f"{shown_value(written)} is not a mapping; write `{{name: {name}}}` for a pretrained "
            f"network, `{run}` for that of a run"
        )

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
            both = "either a name or a run, not both"
            yield (), f"needs {both if self.name else 'a name or a run'}"
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


def _number_of(layers: Sequence[Named]) -> int:
    """Return how many layers there are, with all repetitions."""
    return sum(
        getattr(each, "times", 1) * _number_of(inner)
        if (inner := getattr(each, "layers", []))
        else 1
        for each in layers
    )


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
