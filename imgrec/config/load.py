"""A config from YAML to an Experiment and back: default < file < `--set`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from pydantic import ValidationError

from imgrec.config import shipped, yaml
from imgrec.config.emit import write
from imgrec.config.experiment import Experiment, Origin
from imgrec.config.named import plain
from imgrec.config.overrides import apply
from imgrec.config.problems import Problem, config_error, problem_at
from imgrec.config.section import findings
from imgrec.errors import UsageError
from imgrec.text import nearest, shown

_IMAGES = (".jpg", ".jpeg", ".png", ".gif", ".bmp", ".webp", ".tif", ".tiff", ".avif", ".jp2")


def load(source: str, overrides: Sequence[str] = ()) -> Experiment:
    """Return the experiment that the YAML file or shipped config `source` describes.

    overrides: `key.path=value` each, the value read as YAML. Raises UsageError where there
    is no such file or an override can't be read, ConfigError with every problem found.
    """
    name = source.removesuffix(".yaml")
    if name in shipped.names() and not Path(source).is_file():
        return parse(shipped.text(name), f"{name} (shipped)", overrides)
    return parse(_read(source), source, overrides)


def parse(text: str | bytes, source: str, overrides: Sequence[str] = ()) -> Experiment:
    """Return the experiment that `text` describes; `source` is how problems call it."""
    try:
        document = yaml.read(text)
    except yaml.YamlError as error:
        raise config_error(source, [Problem(error.line, "", error.message)]) from error
    if not isinstance(document.value, dict):
        message = "is empty" if document.value is None else "is not a mapping of keys to values"
        raise config_error(source, [Problem(1, "", f"the config {message}")])
    value, lines = apply(overrides, document)
    try:
        experiment = Experiment.model_validate(value)
    except ValidationError as error:
        problems = [problem_at(path, message, lines) for path, message in findings(error)]
        raise config_error(source, problems) from None
    return experiment.written_at(Origin(source, lines))


def dump(experiment: Experiment) -> str:
    """Return `experiment` as YAML with every default written out; `parse` reads it back equal."""
    return write(plain(experiment))


def _read(source: str) -> bytes:
    try:
        with Path(source).open("rb") as file:
            if Path(source).suffix.lower() in _IMAGES:
                raise UsageError(
                    f"{shown(source)} is an image, not a config",
                    hint=f"`imgrec predict {shown(source)}` says what is on it",
                )
            return file.read(yaml.MAX_BYTES + 1)
    except IsADirectoryError:
        raise UsageError(
            f"{shown(source)} is a folder, not a config",
            hint="`imgrec init FOLDER` writes a config for a folder of class folders",
        ) from None
    except FileNotFoundError:
        raise _missing(source) from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise UsageError(f"{shown(source)} can't be read: {reason}") from error


def _missing(source: str) -> UsageError:
    known = _beside(Path(source)) | {
        name: f"the shipped config {name!r}" for name in shipped.names()
    }
    near = nearest(Path(source).stem, known)
    meant = f"; did you mean {known[near]}?" if near else ""
    return UsageError(
        f"{shown(source)}: no such config file{meant}",
        hint=f"give a YAML file, or a shipped config: {', '.join(shipped.names())}; "
        "`imgrec train` takes a folder of class folders too",
    )


def _beside(missing: Path) -> dict[str, str]:
    """Return the folders where a file is missing, by name, and what to call them."""
    try:
        folders = [each for each in missing.parent.iterdir() if each.is_dir()]
    except (OSError, ValueError):
        return {}
    return {each.name: f"the folder {shown(str(each))}" for each in folders}
