"""docs/config.md: every key, layer, optimizer, loss, metric, callback and backbone."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from inspect import getdoc
from typing import Any

from imgrec.backbones import BACKBONES
from imgrec.config.keras.named import OneOf, argument_names
from imgrec.config.schema import KINDS, SECTIONS, schema

_INTRODUCTION = """# Configs

A config is a YAML 1.2 file that describes one experiment. `imgrec config list` lists the shipped
configs, `imgrec config copy` copies one to start from, and `--set key.path=value` overrides a key
for one run: `--set training.epochs=5`, `--set model.layers[0].Conv2D.filters=16`. Keys that are
left out have their defaults. Paths are relative to the working directory.

Layers, optimizers, losses, metrics and callbacks have the names they have in Keras: the name alone
(`Flatten`), or the name with Keras' arguments (`Conv2D: {filters: 32, kernel_size: 3}`).

For completion and checks in an editor, save the output of `imgrec config schema` to a file and
start the config with the line `# yaml-language-server: $schema=FILE`."""

_PLURALS = {kind.kind: f"{kind.kind}s" for kind in KINDS} | {"loss": "losses"}

_Schema = Mapping[str, Any]


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


def _section(path: str, meaning: str, section: _Schema) -> Iterator[str]:
    yield f"## {f'`{path}`' if path else 'The file'}"
    yield meaning
    rows = [
        (f"`{name}`", _type(key), _default(name, key, section), _meaning(key))
        for name, key in section["properties"].items()
    ]
    yield _table(("key", "value", "default", "meaning"), rows)


def _kind(kind: OneOf, definitions: _Schema) -> Iterator[str]:
    yield f"## {_PLURALS[kind.kind].capitalize()}"
    types: dict[str, dict[str, None]] = {}
    rows = []
    for name, cls in kind.table.items():
        arguments = definitions[f"{kind.kind}.{name}"]
        rows.append((f"`{name}`", _arguments(argument_names(cls), arguments), getdoc(cls) or ""))
        for argument, key in arguments["properties"].items():
            types.setdefault(argument, {})[_type(key)] = None
    yield _table(("name", "arguments (**required**)", "meaning"), rows)
    if types:
        kinds = [(f"`{argument}`", ", or ".join(texts)) for argument, texts in types.items()]
        yield _table(("argument", "value"), sorted(kinds))


def _arguments(names: list[str], arguments: _Schema) -> str:
    needed = arguments.get("required", ())
    keys = arguments["properties"]
    return ", ".join(
        f"**`{name}`**" if name in needed else _optional(name, keys[name]) for name in names
    )


def _optional(name: str, key: _Schema) -> str:
    default = key.get("default")
    return f"`{name}`" if default is None else f"`{name}={_json(default)}`"


def _backbones() -> str:
    rows = [
        (f"`{name}`", str(each.size), str(each.minimum), str(each.megabytes or ""))
        for name, each in BACKBONES.items()
    ]
    header = ("name", "image size (pixels)", "smallest (pixels)", "ImageNet weights (MB)")
    return f"## Backbones\n\n{_table(header, rows)}"


def _meaning(key: _Schema) -> str:
    cls = next((cls for cls in SECTIONS.values() if f"/{cls.__name__}'" in str(key)), None)
    section = (getdoc(cls) or "").partition("\n")[0]
    return str(key.get("description", section))


def _default(name: str, key: _Schema, section: _Schema) -> str:
    if name in section.get("required", ()):
        return "required"
    default = key.get("default")
    if default is None:
        return ""
    # The defaults of a section are listed with its own keys.
    return "" if isinstance(default, dict) else f"`{_json(default)}`"


def _json(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _type(key: _Schema) -> str:
    """Return in words what a JSON schema allows, without null."""
    if "$ref" in key:
        return _referred(str(key["$ref"]).rsplit("/", 1)[-1])
    if "anyOf" in key:
        texts = [_type(each) for each in key["anyOf"] if each.get("type") != "null"]
        return " or ".join(dict.fromkeys(texts))
    if "enum" in key or "const" in key:
        return _choices(key.get("enum") or [key["const"]])
    if key["type"] == "array":
        return _list(key)
    if key["type"] == "object":
        return f"mapping of names to {_type(key['additionalProperties'])}"
    return _scalar(key)


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


def _list(key: _Schema) -> str:
    if "prefixItems" in key:
        return f"[{', '.join(_type(item) for item in key['prefixItems'])}]"
    return f"list: {_type(key['items'])}"


def _scalar(key: _Schema) -> str:
    types = key["type"]
    if isinstance(types, list):
        return "number above 0, or fraction"
    words = {"integer": "whole number", "number": "number", "boolean": "`true`, `false`"}
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
