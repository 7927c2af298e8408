"""Why nothing reads what is at a path, and what to do instead."""

from __future__ import annotations

import shlex
from pathlib import Path, PurePath

from imgrec.classifier_folder import INDEX, PHOTOS
from imgrec.data.sources.loaders import LOADERS
from imgrec.data.storage import cannot_read, entries, exists, is_file, is_pattern, read_part
from imgrec.data.suffixes import format_of
from imgrec.errors import DataError
from imgrec.interface import setting
from imgrec.text import either, printable, similar_names

_UNPACK = {
    (".zip",): "unzip -q {file} -d {folder}",
    (".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".tar.xz", ".txz"): (
        "mkdir {folder} && tar xf {file} -C {folder}"
    ),
    (".7z",): "7z x {file} -o{folder}",
    (".rar",): "unrar x {file} {folder}/",
}
_SPREADSHEETS = (".xlsx", ".xls", ".ods", ".numbers")
_RUN = ("card.json", "config.yaml", "best.keras", "model.tflite")
_FORMS = (
    "name a folder that contains one folder per class, or in a config set data.loader to one of "
    f"{', '.join(loader.name for loader in LOADERS)}"
)


def undetected(path: str, key: str) -> DataError:
    """Return the error for a path that no loader detects.

    Args:
        path: A file, folder or pattern.
        key: The key of the config that names the path, if one does.
    """
    for loader in LOADERS:
        if path in (loader.datasets or ()):
            return DataError(
                f"no file or folder {path}",
                hint=f"{setting('data.loader', loader.name)} reads the data set {path}",
            )
    if exists(path):
        return _strange(path)
    return DataError(
        f"no file or folder {printable(path)}{_meant(path)}",
        hint="check the path" + (_of_config(path, key) if key else ""),
        path=tuple(key.split(".")) if key else (),
    )


def _meant(path: str) -> str:
    """Return the path that was probably meant: a part of it that does not exist is misspelt."""
    there, rest = Path(), list(PurePath(path).parts)
    while rest and exists(there / rest[0]):
        there /= rest.pop(0)
    if not rest or is_pattern(path):
        return ""
    try:
        names = [each.name for each, _ in entries(there)]
    except (OSError, ValueError):
        return ""
    below = ((there / name).joinpath(*rest[1:]) for name in similar_names(rest[0], names))
    near = [str(each) for each in below if exists(each)]
    return f"; did you mean {either(near)}?" if near else ""


def _of_config(path: str, key: str) -> str:
    """Return what else to do about a path that a config names."""
    relative = (
        "" if PurePath(path).is_absolute() else ", which is relative to the working directory"
    )
    return f"{relative}, or name another: {setting(key, 'FOLDER')}"


def refuse_others(path: str) -> None:
    """Raise DataError if a folder is a run or a classifier rather than data."""
    if is_file(Path(path) / INDEX):
        photos = printable(shlex.quote(str(Path(path) / PHOTOS)))
        raise DataError(
            f"{printable(path)} is a classifier, not a data set",
            hint=f"name the folder of its photos: {photos}",
        )
    there = {name for name in _RUN if is_file(Path(path) / name)}
    if "card.json" not in there or len(there) < 2:
        return
    config = shlex.quote(str(Path(path) / "config.yaml"))
    raise DataError(
        f"{printable(path)} is a run, not a data set",
        hint=f"`imgrec check {printable(config)}` checks the data of its config"
        if "config.yaml" in there
        else "name a folder that contains one folder per class",
    )


def _strange(path: str) -> DataError:
    """Return the error for a file that is there."""
    shown = printable(path)
    for suffixes, command in _UNPACK.items():
        if suffix := next((each for each in suffixes if path.lower().endswith(each)), None):
            folder = PurePath(path).name[: -len(suffix)] or "photos"
            unpacked = command.format(file=shlex.quote(path), folder=shlex.quote(folder))
            return DataError(
                f"{shown} is an archive, not a folder",
                hint=f"unpack it and name the folder: {printable(unpacked)}",
            )
    if path.lower().endswith(_SPREADSHEETS):
        return DataError(f"{shown} is a spreadsheet", hint="save it as CSV in UTF-8")
    what = _content(Path(path))
    if what is None:
        return DataError(f"{shown} is a file that no loader reads", hint=_FORMS)
    return DataError(f"{shown} is {what}, not a data set", hint=_FORMS)


def _content(file: Path) -> str | None:
    """Return what a file is by its first bytes, None if that is not known."""
    from imgrec.data.images import HEAD, content_type

    try:
        head = read_part(file, 0, HEAD)
    except (OSError, ValueError) as error:
        raise cannot_read(file, error) from error
    if not head:
        return "an empty file"
    found = content_type(head)
    if found is None:
        return None if format_of(file.name) is None else "an image"
    return found.name if found.kind == "other" else "an image"
