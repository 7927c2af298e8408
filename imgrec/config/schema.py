"""The JSON schema of a config file, for completion and checks in editors."""

from __future__ import annotations

from typing import Any, get_args

from pydantic import BaseModel

from imgrec.config.augmentation import Augmentation
from imgrec.config.data import Data
from imgrec.config.evaluation import (
    Baseline,
    EvaluationConfig,
    SelectivePrediction,
    ThresholdsConfig,
)
from imgrec.config.experiment import Backbone, Experiment, Model
from imgrec.config.keras.callbacks import Callback
from imgrec.config.keras.layers import Layer, Regularizer
from imgrec.config.keras.losses import Loss
from imgrec.config.keras.metrics import KerasMetric
from imgrec.config.keras.named import PLACEHOLDER, Named, OneOf, plain
from imgrec.config.keras.optimizers import LearningRateSchedule, Optimizer
from imgrec.config.preprocessing import Preprocessing
from imgrec.config.training import Checkpoint, FineTune, Training
from imgrec.data.cache_config import CacheConfig
from imgrec.data.sources import LOADERS, SplitConfig


def _loader_sections() -> dict[str, type[BaseModel]]:
    """Return the sections among the loaders' own keys."""
    return {
        f"data.{key}": part
        for loader in LOADERS
        for key, field in loader.options.model_fields.items()
        for part in get_args(field.annotation)
        if isinstance(part, type) and issubclass(part, BaseModel)
    }


SECTIONS: dict[str, type[BaseModel]] = {
    "": Experiment,
    "data": Data,
    "data.split": SplitConfig,
    **_loader_sections(),
    "data.cache": CacheConfig,
    "preprocessing": Preprocessing,
    "augmentation": Augmentation,
    "model": Model,
    "model.backbone": Backbone,
    "training": Training,
    "training.checkpoint": Checkpoint,
    "training.fine_tune": FineTune,
    "evaluation": EvaluationConfig,
    "evaluation.baseline": Baseline,
    "evaluation.selective_prediction": SelectivePrediction,
    "evaluation.thresholds": ThresholdsConfig,
}
"""All sections: path -> class."""

_FIELDS = (Layer, Regularizer, Optimizer, LearningRateSchedule, Loss, KerasMetric, Callback)
KINDS: tuple[OneOf, ...] = tuple(get_args(field)[1] for field in _FIELDS)
"""The kinds of Keras objects: layers, optimizers, losses and so on."""

_Schema = dict[str, Any]


def schema() -> dict[str, Any]:
    """Return the JSON schema (draft 2020-12) of a config file."""
    root = Experiment.model_json_schema()
    definitions: _Schema = {**root.pop("$defs"), **_named_definitions()}
    for cls in SECTIONS.values():
        _add_defaults(definitions.get(cls.__name__, root), cls)
    whole = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **root,
        "$defs": dict(sorted(definitions.items())),
    }
    return {**_finished(whole), "title": "An imgrec experiment"}


def _named_definitions() -> _Schema:
    definitions: _Schema = {}
    for kind in KINDS:
        definitions[kind.kind] = _choice(kind)
        for name, cls in kind.table.items():
            definitions[f"{kind.kind}.{name}"] = _arguments(cls)
    return definitions


def _choice(kind: OneOf) -> _Schema:
    names = {name: name for name in kind.table} | dict(kind.aliases)
    bare = [name for name, cls in names.items() if not _required(kind.table[cls])]
    with_arguments = {
        "type": "object",
        "properties": {name: _with(kind, cls) for name, cls in names.items()},
        "additionalProperties": False,
        "minProperties": 1,
        "maxProperties": 1,
    }
    return {"anyOf": [{"enum": bare}, with_arguments] if bare else [with_arguments]}


def _with(kind: OneOf, name: str) -> _Schema:
    reference = {"$ref": f"#/$defs/{kind.kind}.{name}"}
    return reference if _required(kind.table[name]) else {"anyOf": [reference, {"type": "null"}]}


def _arguments(cls: type[Named]) -> _Schema:
    arguments = cls.model_json_schema()
    # Definitions for nested layers are at the top level.
    arguments.pop("$defs", None)
    return arguments


def _required(cls: type[Named]) -> bool:
    return any(field.is_required() for field in cls.model_fields.values())


def _add_defaults(section: _Schema, cls: type[BaseModel]) -> None:
    """Add the defaults from factories, which pydantic leaves out."""
    for name, field in cls.model_fields.items():
        if field.default_factory is not None:
            default = plain(field.get_default(call_default_factory=True, validated_data={}))
            section["properties"][name]["default"] = default


def _finished(value: Any) -> Any:
    """Return `value` with placeholders replaced by references, and without pydantic's titles."""
    if isinstance(value, list):
        return [_finished(each) for each in value]
    if not isinstance(value, dict):
        return value
    if PLACEHOLDER in value:
        value = {"$ref": f"#/$defs/{value[PLACEHOLDER]}", **value}
    return {
        key: {name: _finished(each) for name, each in inner.items()}
        # A key called title would be a field there.
        if key in ("properties", "$defs")
        else _finished(inner)
        for key, inner in value.items()
        if key not in ("title", PLACEHOLDER)
    }
