"""Labels and metadata inside exported model files."""

from __future__ import annotations

import zipfile
from collections.abc import Container, Sequence
from pathlib import Path

from imgrec.archives import check_directory
from imgrec.errors import RunError
from imgrec.files import open_regular, read_regular
from imgrec.text import printable

LABELS = "labels.txt"
DESCRIPTION = "imgrec.json"
_FOLDER = "assets.extra"  # of a SavedModel

MAX_BYTES = 16 << 20

# The default of `zipfile`, so that the same model gives the same bytes.
_NO_DATE = (1980, 1, 1, 0, 0, 0)


def embed(path: Path, form: str, labels: Sequence[str], description: str) -> None:
    """Write the labels, one per line, and a JSON document into an exported file.

    They are called `labels.txt` and `imgrec.json`. In a `.tflite` file they are in a zip archive
    after the model, as in TensorFlow Lite Metadata; in a `.keras` file they are two more members;
    in a SavedModel they are in the folder `assets.extra`. An ONNX file has them in its metadata, as
    `labels` and `imgrec`.
    """
    # A line break in a class name would shift all following labels.
    lines = "".join(f"{' '.join(label.splitlines())}\n" for label in labels)
    lines = lines.encode("utf-8", "backslashreplace").decode()
    if form == "onnx":
        return _into_onnx(path, lines, description)
    files = {LABELS: lines, DESCRIPTION: description}
    return _into_folder(path, files) if form == "saved_model" else _into_zip(path, files)


def read_description(path: Path) -> bytes | None:
    """Return the JSON document that `embed` wrote into a file or SavedModel; None if it has none.

    ONNX files are not read.

    Raises:
        RunError: It can't be read, or is larger than MAX_BYTES.
    """
    try:
        if path.is_dir():
            file = path / _FOLDER / DESCRIPTION
            return read_regular(file, MAX_BYTES) if file.is_file() else None
        return _out_of_zip(path) if path.is_file() and zipfile.is_zipfile(path) else None
    except Exception as error:  # a damaged archive raises whatever its compression raises
        reason = printable(str(error))
        raise RunError(
            f"{printable(str(path))}: its {DESCRIPTION} can't be read: {reason}"
        ) from error


def remove_description(path: Path) -> None:
    """Remove the JSON document that `embed` wrote into a `.tflite` file, if it has one."""
    if read_description(path) is not None:
        _rewrite(path, without={DESCRIPTION})


def _out_of_zip(path: Path) -> bytes | None:
    with open_regular(path) as file:
        check_directory(file)
    with zipfile.ZipFile(path) as archive:
        if DESCRIPTION not in archive.namelist():
            return None
        with archive.open(DESCRIPTION) as member:
            return _bounded(member.read(MAX_BYTES + 1))


def _bounded(content: bytes) -> bytes:
    if len(content) > MAX_BYTES:
        raise ValueError(f"it is larger than {MAX_BYTES >> 20} MiB")
    return content


def _into_zip(path: Path, files: dict[str, str]) -> None:
    """Append an archive to a file; one that a LiteRT file has already is rewritten."""
    if path.suffix == ".tflite" and zipfile.is_zipfile(path):
        _rewrite(path, without=files)
    with zipfile.ZipFile(path, "a") as archive:
        for name, text in files.items():
            archive.writestr(zipfile.ZipInfo(name, _NO_DATE), text)


def _rewrite(path: Path, without: Container[str]) -> None:
    with zipfile.ZipFile(path) as archive:
        members = archive.infolist()
        kept = [each for each in members if each.filename not in without]
        contents = [(each, archive.read(each)) for each in kept if each.file_size <= MAX_BYTES]
    with path.open("r+b") as file:
        file.truncate(min((each.header_offset for each in members), default=None))
    with zipfile.ZipFile(path, "a") as archive:
        for member, content in contents:
            archive.writestr(member, content)


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
