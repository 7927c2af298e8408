"""Export a run's best model as a file for other programs, and check its parity."""

from __future__ import annotations

import logging
import shlex
import shutil
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from imgrec.data.images import decode_in_order
from imgrec.data.memory import available_memory
from imgrec.data.photo_arguments import expand_photos
from imgrec.data.records import Photo, Record, Splits
from imgrec.errors import BadImage, DataError, RunError, UsageError
from imgrec.evaluation.export_parity import require_parity
from imgrec.files import check_suffix, check_writable, refuse_existing, write_folder, write_output
from imgrec.interface import option
from imgrec.models.export import export_model, require_memory, require_onnx
from imgrec.models.files import embed
from imgrec.parallel import usable_cores
from imgrec.progress import Progress, Silent
from imgrec.rounding import percent
from imgrec.runs.card import BEST_MODEL, ExportParity, Input
from imgrec.runs.folder import Run
from imgrec.runs.writer import RunWriter
from imgrec.runtime.engine import Engine
from imgrec.runtime.exported import open_exported
from imgrec.runtime.keras_engine import KerasEngine, open_keras
from imgrec.runtime.litert_engine import FILES, LiteRTEngine, litert_engine, open_litert
from imgrec.runtime.litert_tensor import DType
from imgrec.runtime.score import score
from imgrec.scores import Scores, Skipped, require_finite
from imgrec.text import printable
from imgrec.workflows.bad_files import list_bad
from imgrec.workflows.model_metadata import OOD_SIMILARITY, model_description, output_columns
from imgrec.workflows.prepare import read_images
from imgrec.workflows.quick_model import add_keras_model
from imgrec.workflows.run_config import names_images, run_config

IMAGES = 256
_RANDOM_PICTURES = 32
SUFFIXES = {"litert": ".tflite", "onnx": ".onnx", "saved_model": "", "keras": ".keras"}

_RANDOM = "random pictures"

_OVER_LIMIT = "predict with the Keras file, or export another format or precision"

log = logging.getLogger("imgrec")


@dataclass(frozen=True)
class Exported:
    """An exported file, or folder for SavedModel, and how its answers compare with the model's."""

    path: Path
    parity: ExportParity


@dataclass(frozen=True)
class _Evidence:
    """The images on which answers are compared, decoded, and the scores of the model."""

    part: str
    records: tuple[Record, ...]
    scores: Scores


@dataclass(frozen=True)
class _Plan:
    """What is written: `fill` writes the file, `open` opens it to compare its answers."""

    run: Run
    original: str
    form: str
    precision: str
    evidence: _Evidence
    fill: Callable[[Path], object]
    open: Callable[[Path], Engine]
    dtype: DType = "float32"


def _converted(
    run: Run, engine: KerasEngine, form: str, precision: str, evidence: _Evidence
) -> _Plan:
    return _Plan(
        run,
        BEST_MODEL,
        form,
        precision,
        evidence,
        lambda path: export_model(engine.model, path, form, precision),
        lambda path: open_exported(path, form, engine.classes, engine.spec, engine.decision),
    )


def _copied(run: Run, engine: LiteRTEngine, evidence: _Evidence) -> _Plan:
    file = FILES["float32"]
    return _Plan(
        run,
        file,
        "litert",
        "float32",
        evidence,
        lambda path: shutil.copyfile(run.path / file, path),
        lambda path: litert_engine(path, run.card),
        engine.input.dtype,
    )


def export(
    run: Run,
    *,
    form: str = "litert",
    precision: str = "float32",
    output: Path | None = None,
    photos: Sequence[str] = (),
    progress: Progress | None = None,
) -> Exported:
    """Export a run's best model.

    Args:
        run: The run.
        form: `litert`, `onnx`, `saved_model` or `keras`.
        precision: The precision of the weights; other than `float32` only for LiteRT.
        output: The file. Default: a LiteRT file becomes part of the run, as does the Keras model
            that a run of `train --quick` lacks; others go into the working directory.
        photos: Files, folders or patterns to compare the answers on, instead of the run's own
            images.
        progress: Where progress is reported.

    Raises:
        UsageError: The options exclude each other.
        DataError: There is no image to compare on.
        RunError: The model can't be converted, as of an imported LiteRT file, or the answers of
            the file differ too much from the model's. No file is left then.

    A run of `train --quick` gets its Keras model first, if that is needed.
    """
    if form != "litert" and precision != "float32":
        raise UsageError(
            f"only LiteRT files have a precision, not {form} files",
            hint=f"leave out {option('precision')}",
        )
    _refuse_without_original(run, form, precision)
    if form == "onnx":
        require_onnx()
    output = output or default_output(run, form, precision)
    if output is not None:
        _check_output(output, form)
    progress = progress or Silent()
    with RunWriter(run.path) as writer:
        found = [*expand_photos(photos, sys.stdin)]
        return _export(writer, form, precision, output, found, progress)


def export_trained(
    writer: RunWriter, splits: Splits, precisions: Sequence[str], progress: Progress
) -> None:
    """Write the LiteRT files of a finished training.

    If one can't be written, there is a warning: the run is complete without it.
    """
    if not precisions:
        return
    engine = open_keras(writer.run)
    evidence = _evidence(engine, writer.card.seed, *_part(splits), progress)
    for precision in precisions:
        try:
            _into_run(writer, engine, precision, evidence, progress)
        except RunError as error:
            log.warning("no LiteRT file: %s", error)


def export_imported(
    writer: RunWriter,
    photos: Sequence[Photo],
    progress: Progress,
    precisions: Sequence[str] = ("float32",),
) -> None:
    """Write the LiteRT files of an imported or calibrated model.

    If one can't be written, there is a warning.

    Args:
        writer: The run's writer.
        photos: The photos to compare the answers on; none for random pictures.
        progress: Where progress is reported.
        precisions: Those of the files.
    """
    for precision in precisions:
        log.info("writing the %s LiteRT file, to be compared with the model", precision)
        try:
            _export(writer, "litert", precision, None, photos, progress)
        except (RunError, DataError) as error:
            log.warning("no LiteRT file: %s", error)


def require_answers(engine: Engine, photos: Sequence[Photo], progress: Progress) -> None:
    """Check that a model answers photos, up to 256 of them, with probabilities.

    Raises:
        DataError: None of them can be read.
        RunError: It does not.
    """
    require_finite(_evidence(engine, 0, "photos", photos, progress).scores)


def default_output(run: Run, form: str, precision: str) -> Path | None:
    """Return where a file is written by default; None for into the run."""
    if _is_copied(run, form, precision):
        return Path(f"{run.name}{SUFFIXES[form]}")
    if form == "litert" or (form == "keras" and run.card.quick):
        return None
    return Path(f"{run.name}{SUFFIXES[form] or '_saved_model'}")


def _export(
    writer: RunWriter,
    form: str,
    precision: str,
    output: Path | None,
    photos: Sequence[Photo],
    progress: Progress,
) -> Exported:
    run = writer.run
    part, images = ("photos", photos) if photos else _own(run)
    if run.card.only_litert:
        engine = open_litert(run)
        evidence = _evidence(engine, run.card.seed, part, images, progress)
        if output is not None and _is_copied(run, form, precision):
            return _write(_copied(run, engine, evidence), output, write_output, progress)
        parity = add_keras_model(writer, engine, evidence.records, evidence.scores, progress)
        run = writer.run
        if output is None and form == "keras":
            return Exported(run.path / BEST_MODEL, parity)
    keras = open_keras(run, "cpu")
    require_memory(keras.model, form, available_memory())
    evidence = _evidence(keras, run.card.seed, part, images, progress)
    if output is None:
        return _into_run(writer, keras, precision, evidence, progress)
    write = write_folder if form == "saved_model" else write_output
    return _write(_converted(run, keras, form, precision, evidence), output, write, progress)


def _is_copied(run: Run, form: str, precision: str) -> bool:
    """Return whether the file that is wanted is the one that the run consists of."""
    return run.card.only_litert and (form, precision) == ("litert", "float32")


def _check_output(output: Path, form: str) -> None:
    """Raise UsageError for a name of another format, RunError for a file that can't be written."""
    if form == "saved_model":
        refuse_existing(output, "folder")
        return
    forms = {suffix: each for each, suffix in SUFFIXES.items() if suffix}
    if (named := forms.get(output.suffix.lower(), form)) != form:
        named_like_form = f"{printable(output.stem)}{SUFFIXES[form]}"
        raise UsageError(
            f"{printable(str(output))}: {output.suffix} is for the format {named}, not {form}",
            hint=f"use {option('format', named)}, or write {named_like_form}",
        )
    check_suffix(output, (SUFFIXES[form],))
    check_writable(output)


def _refuse_without_original(run: Run, form: str, precision: str) -> None:
    """Raise RunError for what can't be written from a LiteRT file."""
    if (origin := run.card.origin) is None or not run.card.only_litert:
        return
    if form != "litert" or precision != "float32":
        wanted = form if form != "litert" else f"{form} in {precision}"
        raise RunError(
            f"{printable(run.name)} has only a LiteRT file, which can't be converted to {wanted}",
            hint=f"convert what {printable(origin.file)} was made from; `imgrec export "
            f"{printable(shlex.quote(str(run.path)))}` writes a copy of the LiteRT file",
        )


def _into_run(
    writer: RunWriter, engine: KerasEngine, precision: str, evidence: _Evidence, progress: Progress
) -> Exported:
    plan = _converted(writer.run, engine, "litert", precision, evidence)
    path = writer.folder / FILES[precision]
    return _write(plan, path, lambda path, fill: writer.write_export(path.name, fill), progress)


def _write(
    plan: _Plan,
    path: Path,
    write: Callable[[Path, Callable[[Path], ExportParity]], None],
    progress: Progress,
) -> Exported:
    found = []

    def fill(temporary: Path) -> ExportParity:
        plan.fill(temporary)
        parity = _parity(plan, temporary, path.name, progress)
        description = model_description(plan.run, parity, plan.dtype)
        embed(temporary, plan.form, _labels(plan.run), description)
        found.append(parity)
        return parity

    write(path, fill)
    log.info("%s", _describe(path, found[0], plan))
    if (classes := len(plan.run.card.classes)) < len(columns := output_columns(plan.run.card)):
        log.info(
            "its output has %d columns: the first %d are the classes, the last is %s, which is not "
            "one",
            len(columns),
            classes,
            OOD_SIMILARITY,
        )
    return Exported(path, found[0])


def _labels(run: Run) -> tuple[str, ...]:
    """Return a name for each column of the output; of both classes for one sigmoid unit."""
    return max(output_columns(run.card), run.card.classes, key=len)


def _parity(plan: _Plan, file: Path, name: str, progress: Progress) -> ExportParity:
    answers = _scores(plan.open(file), plan.evidence.records, progress)
    hint = _on_photos() if plan.evidence.part == _RANDOM else _OVER_LIMIT
    found = require_parity(name, plan.evidence.scores, answers, plan.precision, hint)
    return found.on_card(name, plan.form, plan.precision)


def _evidence(
    engine: Engine, seed: int, part: str, images: Sequence[Photo], progress: Progress
) -> _Evidence:
    chosen = np.random.default_rng(seed).permutation(len(images))[:IMAGES]
    usable: list[Record] = []
    bad: list[Skipped] = []
    for image, found in decode_in_order(
        [images[index] for index in sorted(chosen)], engine.spec, usable_cores()
    ):
        if isinstance(found, BadImage):
            bad.append(Skipped(image.name, found.reason))
        else:
            usable.append(Record(image.name, 0, found))
    if not usable:
        raise DataError(
            f"none of the {part} can be read, to compare the answers of the file on",
            hint=f"give some with {option('data', 'FOLDER')}",
        )
    if bad:
        log.warning("%s", list_bad(bad, len(chosen)))
    return _Evidence(part, tuple(usable), _scores(engine, usable, progress))


def _scores(engine: Engine, records: Sequence[Record], progress: Progress) -> Scores:
    return score(engine, records, labelled=False, bad_images="error", progress=progress)


def _on_photos() -> str:
    return (
        "random pictures belong to no class: compare on photos of your own with "
        f"{option('data', 'FOLDER')}, or export another format or precision"
    )


def _own(run: Run) -> tuple[str, list[Photo]]:
    """Return the run's own images.

    Without any, random pictures show whether the file computes the same.
    """
    if not names_images(run):
        return _RANDOM, _random_pictures(run.card.input)
    experiment = run_config(run.path)
    try:
        return _part(read_images(experiment.data, experiment.seed))
    except DataError as error:
        hint = f"give photos to compare the answers on with {option('data', 'FOLDER')}"
        raise DataError(error.message, hint=hint) from error


def _random_pictures(pixels: Input) -> list[Photo]:
    random = np.random.default_rng(0)
    size = (pixels.height, pixels.width, pixels.channels)
    return [
        Photo(f"random picture {number}", random.integers(0, 256, size, np.uint8))
        for number in range(1, _RANDOM_PICTURES + 1)
    ]


def _part(splits: Splits) -> tuple[str, list[Photo]]:
    """Return the validation images; if there are none, the test or training images."""
    parts = {"validation": splits.validation, "test": splits.test, "training": splits.train}
    name = next(name for name, records in parts.items() if records)
    return f"{name} images", [Photo(record.name, record.source) for record in parts[name]]


def _describe(path: Path, parity: ExportParity, plan: _Plan) -> str:
    exact = "and all probabilities are equal"
    near = f"and no probability differs by more than {parity.difference:.1g}"
    return (
        f"{printable(str(path))}: on {parity.images:,} {plan.evidence.part} "
        f"{percent(parity.agreement)} of the answers are those of {plan.original}, "
        f"{near if parity.difference else exact}"
    )
