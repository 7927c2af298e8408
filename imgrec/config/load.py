"""Read a config from YAML with overrides, and write it back."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, get_args

from pydantic import ValidationError

from imgrec.config import shipped
from imgrec.config.experiment import ConfigOrigin, Experiment
from imgrec.config.keras.named import plain
from imgrec.config.overrides import apply
from imgrec.errors import UsageError
from imgrec.files import open_regular, reason_of
from imgrec.sections import yaml
from imgrec.sections.problems import (
    Problem,
    config_error,
    problem_at,
    written_path,
)
from imgrec.sections.section import Section, findings
from imgrec.sections.yaml import Document, KeyPath, write
from imgrec.sections.yaml_errors import YamlError
from imgrec.text import nearest, printable

CONFIG_SUFFIXES = (".yaml", ".yml")
"""The suffixes of a config's file."""

_ARCHIVES = (".zip", ".tar", ".gz", ".tgz", ".7z", ".rar")
_IMAGES = (".jpg", ".jpeg", ".png", ".gif", ".bmp", ".webp", ".tif", ".tiff", ".avif", ".jp2")


def load(source: str, overrides: Sequence[str] = ()) -> Experiment:
    """Return the experiment that a config describes.

    Args:
        source: A YAML file, or the name of a shipped config.
        overrides: `key.path=value` each; the value is parsed as YAML.

    Raises:
        UsageError: There is no such file, or an override can't be parsed.
        ConfigError: The config is invalid; the message lists every problem.

    Example:
        >>> load("small_cnn", ["training.epochs=3"]).training.epochs
        3
    """
    name = source.removesuffix(".yaml")
    if name in shipped.names() and not Path(source).is_file():
        return parse(shipped.text(name), f"{name} (shipped)", overrides)
    return parse(_read(source), source, overrides)


def parse(text: str | bytes, source: str, overrides: Sequence[str] = ()) -> Experiment:
    """Return the experiment that `text` describes; error messages refer to it as `source`.

    Raises:
        UsageError: An override can't be parsed.
        ConfigError: The config is invalid; the message lists every problem.
    """
    try:
        document = yaml.read(text)
    except YamlError as error:
        raise config_error(source, [Problem(error.line, "", error.message)]) from error
    if not isinstance(document.value, dict):
        message = "is empty" if document.value is None else "is not a mapping of keys to values"
        raise config_error(source, [Problem(1, "", f"the config {message}")])
    return _experiment(document, source, overrides)


def load_mapping(mapping: Mapping[str, Any], overrides: Sequence[str] = ()) -> Experiment:
    """Return the experiment that a mapping with a config's keys describes; raises as `load`."""
    return _experiment(yaml.Document(dict(mapping), {}), "the mapping", overrides)


def with_values(mapping: Mapping[str, Any], overrides: Sequence[str], source: str) -> Experiment:
    """Return the experiment of a mapping with overrides that errors don't call so.

    Raises as `load`; error messages refer to it as `source`.
    """
    value, _ = apply(overrides, Document(dict(mapping), {}))
    return _experiment(Document(value, {}), source, ())


def find_problem(mapping: Mapping[str, Any], overrides: Sequence[str]) -> str | None:
    """Return what is wrong with a mapping if `overrides` are applied, None if nothing is."""
    try:
        value, _ = apply(overrides, Document(dict(mapping), {}))
        Experiment.model_validate(value)
    except UsageError as error:
        return error.message.partition(": ")[2]
    except ValidationError as error:
        path, message = findings(error)[0]
        return f"{written_path(path)}: {_elsewhere(path, message, value)}"
    return None


def _experiment(document: Document, source: str, overrides: Sequence[str]) -> Experiment:
    value, lines = apply(overrides, document)
    try:
        experiment = Experiment.model_validate(value)
    except ValidationError as error:
        problems = [
            problem_at(path, _elsewhere(path, message, value), lines)
            for path, message in findings(error)
        ]
        raise config_error(source, problems) from None
    return experiment.written_at(ConfigOrigin(source, lines))


def _elsewhere(path: KeyPath, message: str, config: Any) -> str:
    """Return `message`; for the key of another section, the message that names its place."""
    if len(path) > 2 or not message.startswith("unknown key"):
        return message
    if path[-1] in ("learning_rate", "lr"):
        return f"belongs to the optimizer: {_optimizer(path, config)}"
    places = places_of(str(path[-1]))
    return f"unknown key; did you mean {' or '.join(places)}?" if places else message


def _optimizer(path: KeyPath, config: Any) -> str:
    """Return the optimizer of a config with the learning rate that is at `path`."""
    rate = functools.reduce(lambda section, key: section[key], path, config)
    training = config.get("training")
    named = training.get("optimizer") if isinstance(training, dict) else None
    name = named if isinstance(named, str) and named.isalnum() else "Adam"
    rate = rate if isinstance(rate, int | float) else 0.001
    return f"training.optimizer: {{{name}: {{learning_rate: {rate}}}}}"


def places_of(key: str) -> list[str]:
    """Return the paths of a section's key: `epochs` is `training.epochs`; none of other names."""
    top = [key] if key in ("name", "seed") else []
    return top + [
        f"{section}.{key}"
        for section, field in Experiment.model_fields.items()
        for kind in (field.annotation, *get_args(field.annotation))
        if isinstance(kind, type) and issubclass(kind, Section) and key in kind.model_fields
    ]


def dump(experiment: Experiment) -> str:
    """Return `experiment` as YAML with all defaults; `parse` returns an equal experiment."""
    return write(plain(experiment))


def _read(source: str) -> bytes:
    try:
        with open_regular(Path(source)) as file:
            _refuse_data(source)
            return file.read(yaml.MAX_BYTES + 1)
    except IsADirectoryError:
        raise UsageError(
            f"{printable(source)} is a folder, not a config",
            hint="`imgrec init FOLDER` writes a config for a folder with one subfolder per class",
        ) from None
    except FileNotFoundError:
        raise _missing(source) from None
    except (OSError, ValueError) as error:
        raise UsageError(f"{printable(source)} can't be read: {reason_of(error)}") from error


def _refuse_data(source: str) -> None:
    """Raise UsageError if the suffix of a file says that it is an image, or an archive of some."""
    suffix, shown = Path(source).suffix.lower(), printable(source)
    if suffix in _IMAGES:
        raise UsageError(
            f"{shown} is an image, not a config", hint=f"`imgrec predict {shown}` classifies it"
        )
    if suffix in _ARCHIVES:
        raise UsageError(
            f"{shown} is an archive, not a config",
            hint="unpack it; `imgrec init FOLDER` writes a config for a folder of images",
        )


def _missing(source: str) -> UsageError:
    known = _beside(Path(source)) | {
        name: f"the shipped config {name!r}" for name in shipped.names()
    }
    near = nearest(Path(source).stem, known)
    meant = f"; did you mean {known[near]}?" if near else ""
    is_yaml = Path(source).suffix.lower() in CONFIG_SUFFIXES
    what = "config file" if is_yaml else "config, file or folder"
    return UsageError(
        f"{printable(source)}: no such {what}{meant}",
        hint="give a YAML file, a folder with one subfolder per class, or a shipped config: "
        f"{', '.join(shipped.names())}",
    )


def _beside(missing: Path) -> dict[str, str]:
    """Return the folders next to a missing file: name -> description."""
    try:
        folders = [each for each in missing.parent.iterdir() if each.is_dir()]
    except (OSError, ValueError):
        return {}
    return {each.name: f"the folder {printable(str(each))}" for each in folders}
