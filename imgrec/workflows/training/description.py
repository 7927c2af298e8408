"""What a run says about its training before the first step: card, config, images, environment."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from imgrec.config.data import Data
from imgrec.config.experiment import Experiment
from imgrec.config.load import dump
from imgrec.data.records import Record
from imgrec.network_summary import NetworkSummary
from imgrec.pixel_statistics import PixelStatistics
from imgrec.runs.card import BEST_MODEL, BackboneOrigin, Card, DataSource, Input
from imgrec.runs.folder import CONFIG_FILE, ENVIRONMENT_FILE, Run
from imgrec.runs.image_list import IMAGES_FILE, Identities, image_list
from imgrec.runs.notes import NO_NOTES, Notes, change_notes
from imgrec.runs.writer import RunWriter, utc_now
from imgrec.versions import environment, versions
from imgrec.workflows.backbone_run import backbone_run
from imgrec.workflows.experiment_sections import network_spec
from imgrec.workflows.prepare import Prepared, records_of, validation_part
from imgrec.workflows.statistics import preprocessing_in_words


def new_card(
    prepared: Prepared,
    statistics: PixelStatistics | None,
    computing: Mapping[str, str],
    network: NetworkSummary | None,
    transferred: Run | None = None,
) -> Card:
    """Return the card of a training that begins now.

    computing, network: as in Card. transferred: the run that the backbone is from.
    """
    spec, experiment = prepared.spec, prepared.experiment
    preprocessing = preprocessing_in_words(
        network_spec(experiment, len(prepared.splits.classes)), statistics
    )
    return Card(
        name=experiment.name,
        created=utc_now(),
        complete=False,
        classes=prepared.splits.classes,
        input=Input(
            spec.height,
            spec.width,
            spec.channels,
            spec.interpolation,
            spec.fit,
            spec.max_megapixels,
        ),
        output=experiment.model.output,
        multi_label=experiment.data.multi_label,
        preprocessing=transferred.card.preprocessing if transferred else preprocessing,
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
        validated=_validated(prepared),
        network=network,
        backbone=_backbone(experiment, transferred) if transferred else None,
    )


def _backbone(experiment: Experiment, run: Run) -> BackboneOrigin:
    section = experiment.model.backbone
    until = "" if section is None or section.until is None else section.until
    return BackboneOrigin(run.name, str(run.path), run.card.hashes[BEST_MODEL], until)


def _validated(prepared: Prepared) -> int | None:
    if prepared.experiment.model.head is not None:  # there are no epochs
        return None
    part = len(validation_part(prepared))
    return part if part < len(prepared.splits.validation) else None


def resumed_fields(
    card: Card,
    prepared: Prepared,
    computing: Mapping[str, str],
    place: str,
    changes: Sequence[str],
) -> dict[str, Any]:
    """Return the fields of a card that change when its training is resumed, here and now.

    place: where it stands, in words. changes: what changed in it, a line each.
    """
    transferred = backbone_run(prepared.experiment)
    now = new_card(prepared, card.statistics, computing, card.network, transferred)
    return {
        "complete": False,
        "ended": "",
        "data": now.data,
        "skipped": now.skipped,
        "fingerprint": now.fingerprint,
        "versions": now.versions,
        "validated": now.validated,
        "computing": now.computing,
        "backbone": now.backbone,
        "changes": (*card.changes, *(f"{place}: {line}" for line in changes)),
    }


def write_beginning(writer: RunWriter, prepared: Prepared, notes: Notes) -> None:
    """Write what is known before the first step: config, images, environment, further notes."""
    identities = identities_of(prepared)
    writer.write_text(CONFIG_FILE, dump(prepared.experiment))
    writer.write_text(IMAGES_FILE, image_list(identities, dict(prepared.skipped)))
    writer.write_text(ENVIRONMENT_FILE, environment())
    if notes != NO_NOTES:
        change_notes(
            writer.folder, lambda old: old.with_tags(notes.tags).with_note(notes.note or old.note)
        )


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
