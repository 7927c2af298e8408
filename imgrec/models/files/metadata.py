"""Labels and a description of the input, inside the files that other programs run."""

from __future__ import annotations

import zipfile
from collections.abc import Sequence
from pathlib import Path

from imgrec.errors import RunError
from imgrec.text import printable

LABELS = "labels.txt"
DESCRIPTION = "imgrec.json"
_FOLDER = "assets.extra"  # of a SavedModel

MAX_BYTES = 16 << 20

# As `zipfile` has it where no date is given: the same model gives the same bytes.
_NO_DATE = (1980, 1, 1, 0, 0, 0)


def embed(path: Path, form: str, labels: Sequence[str], description: str) -> None:
    """Put the labels, a line each, and a JSON document into an exported file.

    A `.tflite` file gets them as the zip archive behind the model that TensorFlow Lite Metadata
    uses, a `.keras` file as two more members, a SavedModel in its folder `assets.extra`: as
    `labels.txt` and `imgrec.json`. An ONNX file has them in its metadata, as `labels` and
    `imgrec`.
    """
    # A line break in a class name would move all labels behind it.
    lines = "".join(f"{' '.join(label.splitlines())}\n" for label in labels)
    if form == "onnx":
        return _into_onnx(path, lines, description)
    files = {LABELS: lines, DESCRIPTION: description}
    return _into_folder(path, files) if form == "saved_model" else _into_zip(path, files)


def read_description(path: Path) -> bytes | None:
    """Return the JSON document that `embed` put into a file or SavedModel; None: there is none.

    Raises RunError where it can't be read, or is larger than MAX_BYTES. An ONNX file is not asked.
    """
    try:
        if path.is_dir():
            file = path / _FOLDER / DESCRIPTION
            return _bounded(file.read_bytes()) if file.is_file() else None
        return _out_of_zip(path) if zipfile.is_zipfile(path) else None
    except Exception as error:  # a damaged archive raises whatever its ways of packing raise
        reason = printable(str(error))
        raise RunError(
            f"{printable(str(path))}: its {DESCRIPTION} can't be read: {reason}"
        ) from error


def _out_of_zip(path: Path) -> bytes | None:
    with zipfile.ZipFile(path) as archive:
        if DESCRIPTION not in archive.namelist():
            return None
        with archive.open(DESCRIPTION) as file:
            return _bounded(file.read(MAX_BYTES + 1))


def _bounded(content: bytes) -> bytes:
    if len(content) > MAX_BYTES:
        raise ValueError(f"it is larger than {MAX_BYTES >> 20} MiB")
    return content


def _into_zip(path: Path, files: dict[str, str]) -> None:
    with zipfile.ZipFile(path, "a") as archive:
        for name, text in files.items():
            archive.writestr(zipfile.ZipInfo(name, _NO_DATE), text)


def _into_folder(path: Path, files: dict[str, str]) -> None:
    folder = path / _FOLDER
    folder.mkdir()
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8")


def _into_onnx(path: Path, labels: str, description: str) -> None:
    import onnx

    model = onnx.load(path)
    for key, value in (("labels", labels), ("imgrec", description)):
        model.metadata_props.add(key=key, value=value)
    onnx.save(model, path)
