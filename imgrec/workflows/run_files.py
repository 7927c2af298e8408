"""What a training writes into its run's folder beside the model."""

from __future__ import annotations

import csv
import dataclasses
import datetime as dt
import importlib.metadata
import io
import platform
from collections.abc import Mapping, Sequence
from pathlib import Path

from imgrec.config.data import Data
from imgrec.config.experiment import Experiment
from imgrec.config.load import dump, parse
from imgrec.data.records import Record
from imgrec.errors import ConfigError, RunError, UsageError
from imgrec.files import sha256_of, write_text
from imgrec.pixel_statistics import PixelStatistics
from imgrec.runs.card import Card, DataSource, Input
from imgrec.runs.card_file import read_card, write_card
from imgrec.runs.folder import Run
from imgrec.runs.versions import versions
from imgrec.text import printable
from imgrec.training.checkpoint import TrainingProgress
from imgrec.workflows.prepare import Prepared, records_of
from imgrec.workflows.statistics import preprocessing_in_words

CONFIG_FILE = "config.yaml"
IMAGES_FILE = "images.csv"
Identities = dict[tuple[str, str], tuple[str, str]]
_TRAIN_AGAIN = "train again"
_MODEL_FILES = ("best.keras", "last.keras")


def new_card(
    experiment: Experiment,
    prepared: Prepared,
    statistics: PixelStatistics | None,
    computing: Mapping[str, str],
) -> Card:
    """Return the card of a training that begins now; computing: as in Card."""
    spec = prepared.spec
    return Card(
        name=experiment.name,
        created=_now(),
        complete=False,
        classes=prepared.splits.classes,
        input=Input(spec.height, spec.width, spec.channels, spec.interpolation, spec.fit),
        output=experiment.model.output,
        multi_label=experiment.data.multi_label,
        preprocessing=preprocessing_in_words(experiment, statistics),
        seed=experiment.seed,
        data={
            split: _source(experiment.data, split, records, prepared.splits.classes)
            for split, records in records_of(prepared.splits)
        },
        skipped=len(prepared.skipped),
        fingerprint=prepared.fingerprint,
        versions=versions(),
        statistics=statistics,
        computing=computing,
    )


def write_beginning(folder: Path, experiment: Experiment, prepared: Prepared) -> None:
    """Write what is known before the first step: config, images, environment."""
    (folder / "state").mkdir(exist_ok=True)
    write_text(folder / CONFIG_FILE, dump(experiment))
    write_text(folder / IMAGES_FILE, _images(prepared))
    write_text(folder / "environment.txt", _environment())


def resumed_card(
    card: Card,
    experiment: Experiment,
    prepared: Prepared,
    computing: Mapping[str, str],
    place: str,
    changes: Sequence[str],
) -> Card:
    """Return the card of a training that goes on here and now.

    place: where it stands, in words. changes: what changed in it, a line each.
    """
    now = new_card(experiment, prepared, card.statistics, computing)
    return dataclasses.replace(
        card,
        complete=False,
        ended="",
        data=now.data,
        skipped=now.skipped,
        fingerprint=now.fingerprint,
        versions=now.versions,
        computing=now.computing,
        changes=(*card.changes, *(f"{place}: {line}" for line in changes)),
    )


def finished_card(card: Card) -> Card:
    """Return the card of a training that came to its end just now."""
    return dataclasses.replace(card, complete=True, ended=_now())


def announce_best(folder: Path, monitor: str, state: TrainingProgress, digest: str) -> None:
    """Let the card describe the best model that is about to be put into the folder, too.

    `best` is of that one already: a run whose checkpoint does not come that far knows by it that
    best.keras is ahead.
    """
    card = read_card(folder).announcing("best.keras", digest)
    write_card(folder, dataclasses.replace(card, best=_best(state, monitor)))


def update_card(folder: Path, card: Card, monitor: str, state: TrainingProgress) -> None:
    """Write the card with the hashes of the model files and the best epoch.

    What was fitted to another best model is not in it.
    """
    hashes = {name: sha256_of(folder / name) for name in _MODEL_FILES if (folder / name).is_file()}
    if card.calibration is not None and card.calibration.model != hashes.get("best.keras"):
        card = dataclasses.replace(card, calibration=None, threshold=None, thresholds=None)
    updated = dataclasses.replace(
        card, hashes=hashes, best=_best(state, monitor), epochs=state.epoch
    )
    write_card(folder, updated)


def data_config(run: Run, data: Path | None) -> Data:
    """Return section `data` of a run's config; for an imported run, one that reads `data`.

    Raises UsageError where an imported run, which has no images of its own, is given none;
    RunError as `run_config`.
    """
    if run.card.origin is None:
        return run_config(run.path).data
    if data is None:
        raise UsageError(
            f"{printable(run.name)} was imported: it has no images of its own",
            hint="measure it on others with --data FOLDER",
        )
    pixels = run.card.input
    return Data.model_validate(
        {
            "root": str(data),
            "image_size": [pixels.height, pixels.width],
            "channels": pixels.channels,
            "fit": pixels.fit,
            "interpolation": pixels.interpolation,
            "multi_label": run.card.multi_label,
        }
    )


def run_config(folder: Path, overrides: Sequence[str] = ()) -> Experiment:
    """Return the experiment of a run's folder.

    Raises RunError where its config is missing or damaged, UsageError for a wrong override.
    """
    path = folder / CONFIG_FILE
    try:
        text = path.read_bytes()
        experiment = parse(text, str(path))
    except OSError as error:
        raise _unreadable(path, error, _TRAIN_AGAIN) from error
    except ConfigError as error:
        raise RunError(error.message, hint=_TRAIN_AGAIN) from error
    return parse(text, str(path), overrides) if overrides else experiment


def recorded_images(folder: Path) -> dict[str, dict[str, str]]:
    """Return the images of each split as the training found them: SHA-256 by name.

    It is empty for a file that could not be read. Raises RunError as `recorded_identities`.
    """
    images: dict[str, dict[str, str]] = {}
    for (split, name), (_, identity) in recorded_identities(folder).items():
        images.setdefault(split, {})[name] = identity
    return images


def recorded_identities(folder: Path) -> Identities:
    """Return the class and the SHA-256 of each image, by its split and name, as a training saw it.

    Raises RunError where the file that holds it is missing or damaged.
    """
    path = folder / IMAGES_FILE
    hint = "evaluate a folder with --data, or train again"
    try:
        text = path.read_bytes().decode("utf-8", "surrogateescape")
        return {
            (row["split"], row["name"]): (row["class"], row["sha256"])
            for row in csv.DictReader(io.StringIO(text, newline=""), restval="")
        }
    except OSError as error:
        raise _unreadable(path, error, hint) from error
    except (KeyError, csv.Error) as error:
        raise RunError(f"{printable(str(path))} is damaged", hint=hint) from error


def identities_of(prepared: Prepared) -> Identities:
    """Return the class and the SHA-256 of each image, by its split and name.

    Of several classes, one a line.
    """
    classes, identities = prepared.found.classes, prepared.identities
    return {
        (split, record.name): (
            "\n".join(classes[label] for label in record.labels),
            identities.get(record.name, ""),
        )
        for split, records in records_of(prepared.found)
        for record in records
    }


def _now() -> str:
    return dt.datetime.now(dt.UTC).isoformat(timespec="microseconds")


def _unreadable(path: Path, error: OSError, hint: str) -> RunError:
    return RunError(f"{printable(str(path))} can't be read: {error.strerror}", hint=hint)


def _source(
    data: Data, split: str, records: tuple[Record, ...], classes: tuple[str, ...]
) -> DataSource:
    written = data.root or getattr(data, split) or data.train
    counts = [0] * len(classes)
    for record in records:
        for label in record.labels:
            counts[label] += 1
    return DataSource(
        written=written,
        absolute=str(Path(written).resolve()) if written and data.loader != "keras" else None,
        images=len(records),
        per_class=dict(zip(classes, counts, strict=True)),
    )


def _images(prepared: Prepared) -> str:
    text = io.StringIO()
    # All quoted: the writer takes a carriage return in a name for harmless, the reader doesn't.
    rows = csv.writer(text, lineterminator="\n", quoting=csv.QUOTE_ALL)
    rows.writerow(["split", "class", "sha256", "name", "skipped"])
    skipped = dict(prepared.skipped)
    for (split, name), (class_name, identity) in identities_of(prepared).items():
        rows.writerow([split, class_name, identity, name, skipped.get(name, "")])
    return text.getvalue()


def _environment() -> str:
    packages = sorted(f"{each.name}=={each.version}" for each in importlib.metadata.distributions())
    return "\n".join(
        [f"# Python {platform.python_version()}, {platform.platform()}", *packages, ""]
    )


def _best(state: TrainingProgress, monitor: str) -> Mapping[str, float | str]:
    if state.best_value is None:
        return {}
    return {"epoch": state.best_epoch, "monitor": monitor, "value": state.best_value}
