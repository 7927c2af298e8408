"""The images that a model is evaluated on, and leakage: training images among them."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from imgrec.data.classes import relabelled, renamed
from imgrec.data.findings import log_findings, merged
from imgrec.data.images import identities_of_images
from imgrec.data.records import ALL_SPLITS, Dataset, Record, first_multilabel
from imgrec.data.sources import DataLocation, read_other
from imgrec.errors import DataError, UsageError
from imgrec.interface import flag, offers, option
from imgrec.progress import Progress
from imgrec.runs.folder import Run
from imgrec.runs.image_list import image_differences, recorded_identities, recorded_images
from imgrec.runtime.merged_classes import ClassLists, class_lists, merge_classes
from imgrec.text import count_of, nearest, plural, printable
from imgrec.workflows.prepare import read_images
from imgrec.workflows.run_config import data_config, run_config

log = logging.getLogger("imgrec")

_PREFERRED = ("test", "validation")


@dataclass(frozen=True)
class ImageChoice:
    """Which images to evaluate on.

    Args:
        data: Other images than the run's own, in any form that a loader reads.
        split: `train`, `validation` or `test`. Default: test, or validation if there is none; all
            of `data` if it has no splits.
        names: The run's class for each class of `data` that has another name there; several, with
            commas in between, for one that is any of them.
    """

    data: Path | None = None
    split: str | None = None
    names: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class EvaluationData:
    """The images of a split.

    Args:
        split: Its name.
        source: Where the data comes from.
        records: The images.
        identities: The SHA-256 of each image by its name, if the training recorded it.
        lists: The run's classes that count as one, by its name.
    """

    split: str
    source: str
    records: Sequence[Record]
    identities: Mapping[str, str] | None = None
    lists: ClassLists = field(default_factory=dict)


def choose_images(run: Run, asked: ImageChoice, progress: Progress | None = None) -> EvaluationData:
    """Return the images to evaluate on, their labels in the order of `evaluated_classes`.

    The run's own are read to compare them with those of its training.

    Raises:
        DataError: They can't be read, have a class that the model does not know, or are the run's
            own and have changed.
        UsageError: There is no such split.
    """
    if asked.data is None:
        if asked.names:
            raise UsageError(
                f"{option('map')} renames the classes of other images",
                hint=f"name them with {option('data', 'FOLDER')}",
            )
        return _own(run, asked.split, progress)
    return _other(run, data_config(run, asked.data), asked)


def _own(run: Run, split: str | None, progress: Progress | None) -> EvaluationData:
    data_config(run, None)
    experiment = run_config(run.path)
    try:
        splits = read_images(experiment.data, experiment.seed)
    except DataError as error:
        raise DataError(error.message, hint=_where_they_were(run)) from error
    parts = {"train": splits.train, "validation": splits.validation, "test": splits.test}
    name = _choose(split, [part for part, records in parts.items() if records], run.name)
    identities = _unchanged(run, name, parts[name], splits.classes, progress)
    source = run.card.data[name].written or experiment.data.loader or ""
    return EvaluationData(name, source, parts[name], identities)


def _unchanged(
    run: Run,
    split: str,
    records: Sequence[Record],
    classes: Sequence[str],
    progress: Progress | None,
) -> Mapping[str, str]:
    """Return the SHA-256 of each image; raise DataError unless they are those of the training.

    Splitting a folder again that has changed since would mix training images in. An image that
    can't be read now is left to the engine, which names the reason.
    """
    recorded = recorded_identities(run.path)
    before = {key: known for key, known in recorded.items() if key[0] == split}
    found = identities_of_images(records, progress, "comparing images with the training's")
    now = {}
    for record in records:
        key = split, record.name
        _, known = before.get(key, ("", ""))
        labels = "\n".join(classes[label] for label in record.labels)
        now[key] = labels, found[record.name] or known
    differences = "; ".join(image_differences(before, now))
    if differences:
        raise DataError(
            f"the {split} images of {printable(run.name)} changed since its training: "
            f"{differences}",
            hint=_where_they_were(run),
        )
    return {name: identity for (_, name), (_, identity) in now.items()}


def _where_they_were(run: Run) -> str:
    """Return what to do about images that are gone or have changed."""
    hint = f"restore them, or evaluate the images as they are now with {option('data', 'FOLDER')}"
    for source in run.card.data.values():
        if source.written and source.absolute not in (None, str(Path(source.written).resolve())):
            return f"the training read them from {printable(str(source.absolute))}; {hint}"
    return hint


def _other(run: Run, config: DataLocation, asked: ImageChoice) -> EvaluationData:
    path = str(asked.data)
    parts = read_other(path, config, run.card.seed)
    log_findings(merged(each for part in parts.values() for each in part.findings))
    if ALL_SPLITS in parts and asked.split is not None:
        raise UsageError(
            f"{option('split', asked.split)}: {printable(path)} is not split",
            hint=f"leave out {option('split')} to evaluate all of it",
        )
    name = ALL_SPLITS if ALL_SPLITS in parts else _choose(asked.split, list(parts), path)
    _refuse_several(run, parts[name].records, path)
    lists = _lists(run, asked.names)
    several = _several(lists)
    names = {name: name if name in several else members[0] for name, members in lists.items()}
    dataset = _named_as_in(evaluated_classes(run, asked), parts[name], names, path)
    _warn_missing(dataset, path)
    return EvaluationData(name, path, dataset.records, lists=several)


def evaluated_classes(run: Run, asked: ImageChoice) -> tuple[str, ...]:
    """Return the run's classes, those merged that count as one; raises UsageError for `names`."""
    return merge_classes(_several(_lists(run, asked.names)), run.card.classes, run.name).names


def _lists(run: Run, names: Mapping[str, str]) -> ClassLists:
    card = run.card
    return class_lists(names, card.classes, run.name, multi_label=card.multi_label)


def _several(lists: ClassLists) -> ClassLists:
    """Return the lists of several classes; one alone is just renamed in the data."""
    return {name: members for name, members in lists.items() if len(members) > 1}


def _refuse_several(run: Run, records: Sequence[Record], path: str) -> None:
    found = first_multilabel(records)
    if found is not None and not run.card.multi_label:
        raise DataError(
            f"images in {printable(path)} may have several labels, such as "
            f"{printable(found.name)}; "
            f"{printable(run.name)} gives each image one",
        )


def _named_as_in(
    classes: Sequence[str], dataset: Dataset, names: Mapping[str, str], path: str
) -> Dataset:
    try:
        return relabelled(renamed(dataset, names, path), classes, path)
    except DataError as error:
        strange = [name for name in dataset.classes if name not in {*classes, *names}]
        also = _mapping(strange, classes) if strange and offers("map") else ""
        raise DataError(error.message, hint=error.hint + also) from error


def _mapping(strange: Sequence[str], classes: Sequence[str]) -> str:
    """Return the options that say which classes the `strange` ones are."""
    options = (option("map", f"{name}={nearest(name, classes) or 'CLASS'}") for name in strange)
    they_are = "it is" if len(strange) == 1 else "they are"
    return f"; or say which {plural('class', len(strange))} {they_are}: {' '.join(options)}"


def _warn_missing(dataset: Dataset, path: str) -> None:
    there = {label for record in dataset.records for label in record.labels}
    missing = [name for label, name in enumerate(dataset.classes) if label not in there]
    if missing and there:
        listed = ", ".join(map(printable, missing[:10])) + (" ..." if len(missing) > 10 else "")
        log.warning("%s has no images of %s", printable(path), listed)


def _choose(split: str | None, available: Sequence[str], where: str) -> str:
    if split is not None and split not in available:
        raise UsageError(
            f"{option('split', split)}: {printable(where)} has no {split} images",
            hint=f"it has {', '.join(available)}",
        )
    preferred = [name for name in _PREFERRED if name in available]
    if split is None and not preferred:
        raise UsageError(
            f"{printable(where)} has no test or validation images",
            hint=f"{option('split', 'train')} evaluates the training images",
        )
    return split or preferred[0]


def measured_identities(
    runs: Sequence[Run], images: EvaluationData, progress: Progress
) -> Mapping[str, str]:
    """Return the SHA-256 of each image by its name; files are read unless a training recorded it.

    Empty if no run has a list of images: what imported ones were trained on is not known.
    """
    if not any(run.card.lists_images for run in runs):
        return {}
    return images.identities or identities_of_images(
        images.records, progress, "looking for training images"
    )


def find_leakage(
    runs: Sequence[Run], measured: Mapping[str, str], *, allow: bool
) -> tuple[str, ...]:
    """Return the names of the images that one of `runs` was trained on, by their content.

    Args:
        runs: The runs; of imported ones, the training images are not known.
        measured: As `measured_identities` returns it.
        allow: Whether there may be some.

    Raises:
        DataError: There are some, and `allow` is false.
    """
    found: dict[str, None] = {}
    for run in runs:
        known = _recorded(run, "train")
        there = [name for name, identity in measured.items() if identity in known]
        if there:
            first = known[measured[there[0]]]
            _refuse_or_warn(
                f"{printable(run.name)} was trained on {_of(there, measured)}, "
                f"{_such(there[0], first)}",
                allow=allow,
            )
        found |= dict.fromkeys(there)
    return tuple(found)


def selection_notes(runs: Sequence[Run], measured: Mapping[str, str]) -> tuple[str, ...]:
    """Return, and log, a note on each run that has some of the images as validation images."""
    return _notes(runs, measured, "validation")


def calibration_notes(runs: Sequence[Run], measured: Mapping[str, str]) -> tuple[str, ...]:
    """Return, and log, a note on each run that `imgrec calibrate` made of some of the images."""
    return _notes(runs, measured, "calibration")


def _notes(runs: Sequence[Run], measured: Mapping[str, str], split: str) -> tuple[str, ...]:
    notes = []
    for run in runs:
        known = _recorded(run, split)
        if there := sum(identity in known for identity in measured.values()):
            images = f"{there:,} of {count_of(len(measured), 'image')}"
            notes.append(f"{_used(run, split, images)}, so these numbers are not independent of it")
            log.warning("%s", notes[-1])
    return tuple(notes)


def _used(run: Run, split: str, images: str) -> str:
    """Return what the images of a split were used for."""
    name = printable(run.name)
    if split == "calibration":
        return f"{name} was calibrated on {images}"
    chosen = "the temperature" if run.card.head else "the best epoch and the temperature"
    return f"{images} chose {chosen} of {name}"


def _recorded(run: Run, split: str) -> Mapping[str, str]:
    """Return the names of the images of a split of the training by their identity."""
    if not run.card.lists_images:
        return {}
    recorded = recorded_images(run.path).get(split, {})
    return {identity: name for name, identity in recorded.items() if identity}


def _of(there: Sequence[str], measured: Mapping[str, str]) -> str:
    return f"{len(there):,} of {count_of(len(measured), 'image')}"


def _such(name: str, trained_as: str) -> str:
    return f"such as {printable(name)}" + (
        "" if name == trained_as else f" ({printable(trained_as)})"
    )


def _refuse_or_warn(message: str, *, allow: bool) -> None:
    if not allow:
        raise DataError(
            message,
            hint=f"remove them, or evaluate anyway with {flag('allow-leakage')}",
        )
    log.warning("%s", message)
