"""A version of a classifier: a complete run of the head that was solved."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from msgspec import structs
from numpy.typing import NDArray

from imgrec.allocator import give_all_back
from imgrec.classifier_folder import PHOTOS
from imgrec.classifiers import Store, StoredVersion, VersionPhoto
from imgrec.config.experiment import Experiment
from imgrec.config.load import load_mapping
from imgrec.data.images import ImageSpec, fingerprint
from imgrec.data.records import Record, Splits
from imgrec.evaluation.comparison import compare
from imgrec.evaluation.evaluate import evaluate_scores
from imgrec.evaluation.results import Assessment, Evaluation, RequirementResult
from imgrec.evaluation.verdicts import check_drop, check_requirements
from imgrec.models.litert import with_head
from imgrec.progress import Progress
from imgrec.requirement import MetricTarget, Requirement, parse
from imgrec.runs.folder import Run
from imgrec.runs.notes import NO_NOTES
from imgrec.runs.writer import RunWriter
from imgrec.scores import ONE_LABEL, Scores
from imgrec.text import count_of, join_few, printable
from imgrec.workflows.prepare import Prepared
from imgrec.workflows.reports import write_results
from imgrec.workflows.teaching.backbone import Backbone, Decoding
from imgrec.workflows.teaching.draft import Solved
from imgrec.workflows.teaching.outcomes import Judgement, judgement_of
from imgrec.workflows.training import (
    COMPUTING,
    CROSS_VALIDATED,
    QUICK,
    compared_rows,
    head_on_card,
    new_card,
    write_beginning,
    write_head_file,
)

REQUIRE = "require"
"""The setting of a classifier with what is required of a version."""

_TOP_K = 5


def model_content(backbone: Backbone, solved: Solved) -> bytes:
    """Return the LiteRT file of a head, without its description."""
    head = solved.calibrated
    return with_head(backbone.content, head.kernel, head.bias, known=solved.known)


def judge(store: Store, solved: Solved) -> Judgement:
    """Return how good a head is by its cross-validation, and whether it may be published."""
    assessment = _assessment(store.name, solved.scores)
    required = [parse(each) for each in store.setting(REQUIRE, [])]
    verdicts = tuple(_verdict(assessment.evaluation, each) for each in required)
    hashes = [each.sha256 for each in solved.examples.photos]
    compared, not_compared = compare_with_published(store, solved.scores, hashes)
    return judgement_of(assessment, verdicts + compared, not_compared)


def _verdict(evaluation: Evaluation, required: Requirement) -> RequirementResult:
    """Return whether a requirement is met, which may be about a class that is in no answer."""
    quantity = required.quantity
    if quantity.of is MetricTarget.CLASS and quantity.name not in evaluation.classes:
        why = f"no photo of {printable(quantity.name)} was measured"
        reason = f"{printable(str(quantity))} can't be measured: {why}"
        return RequirementResult(str(required), None, met=False, reason=reason)
    return check_requirements(evaluation, [required])[0]


def compare_with_published(
    store: Store, scores: Scores, hashes: Sequence[str]
) -> tuple[tuple[RequirementResult, ...], str]:
    """Return whether answers are not worse than those of the published version, or why not known.

    The version is compared by the answers that it was judged by, on the photos that both were
    measured on, with their labels of now. If there is no such photo, or there are other classes,
    nothing is compared, and the text says why. It is empty if nothing is published.

    Args:
        store: The classifier.
        scores: The answers for some of its photos, none of which their model was trained on.
        hashes: The SHA-256 of each of these photos.
    """
    published = store.published
    if published is None:
        return (), ""
    before = f"version {published.number}"
    if tuple(published.classes) != scores.classes:
        differ = _class_changes(published.classes, scores.classes)
        return (), f"not compared with {before}, as the classes differ: {differ}"
    known = {
        each.sha256: each.probabilities
        for each in store.version_photos(published.number)
        if len(each.probabilities)
    }
    rows = np.array([row for row, each in enumerate(hashes) if each in known], np.intp)
    if not len(rows):
        return (), f"not compared with {before}: there is no photo that both were measured on"
    now = scores.at(rows)
    found = np.stack([known[hashes[row]] for row in rows.tolist()])
    then = replace(now, probabilities=found, ood_similarity=None, decision=ONE_LABEL)
    baseline = _assessment(before, then)
    comparison = compare(_assessment(store.name, now), baseline)
    shared = "photo" if len(rows) == 1 else count_of(len(rows), "photo")
    verdicts = tuple(
        replace(each, reason=f"on the {shared} that both were measured on, {each.reason}")
        for each in check_drop(comparison, {"accuracy": 0.0})
    )
    return verdicts, ""


def _class_changes(before: Sequence[str], now: Sequence[str]) -> str:
    """Return which classes are new, and which are gone, in words."""
    changes = {"new": [each for each in now if each not in before]}
    changes["gone"] = [each for each in before if each not in now]
    return "; ".join(
        f"{join_few([*map(printable, names)])} {'is' if len(names) == 1 else 'are'} {what}"
        for what, names in changes.items()
        if names
    )


def write_version(
    store: Store, backbone: Backbone, solved: Solved, progress: Progress
) -> StoredVersion:
    """Write the run of a head, and publish it.

    Raises:
        NotFound: A photo was deleted meanwhile.
        DataError: The file of a photo is missing.
        RunError: The run can't be written.
    """
    with store.new_version_folder() as (number, folder):
        run = _write_run(folder, store, backbone, solved, progress)
        head = run.card.head
        version = StoredVersion(
            number,
            folder.name,
            run.card.created,
            len(solved.examples.photos),
            solved.examples.classes,
            None if head is None else head.accuracy,
            None if head is None else head.low,
            None if head is None else head.high,
            run.card.fingerprint,
        )
        store.publish(version, _known_photos(solved))
    give_all_back()
    return store.version(number)


def _write_run(
    folder: Path, store: Store, backbone: Backbone, solved: Solved, progress: Progress
) -> Run:
    prepared = _prepared(store, backbone, solved)
    calibration, threshold = solved.calibration, solved.threshold
    card = new_card(prepared, None, COMPUTING, None)
    card = structs.replace(
        card,
        preprocessing=backbone.description.preprocessing,
        backbone=backbone.description.origin,
        head=head_on_card(solved.head),
        threshold=threshold,
        data={name: structs.replace(each, absolute=None) for name, each in card.data.items()},
    )
    records = prepared.splits.train
    rows = compared_rows(len(records), prepared.experiment.seed)
    with RunWriter(folder) as writer, progress.task("writing the version", 3, "steps") as task:
        write_beginning(writer, prepared, NO_NOTES)
        writer.begin(card)
        task.advance()
        write_head_file(
            writer,
            model_content(backbone, solved),
            _exact(solved, rows),
            prepared.pixels.take(rows),
            calibration,
            name=store.name,
        )
        task.advance()
        assessment = _assessment(writer.run.name, solved.scores)
        source = replace(assessment, source=PHOTOS)
        write_results(writer, source, records)
        writer.finish()
        task.advance()
        return writer.run


def _experiment(store: Store, backbone: Backbone) -> Experiment:
    taken = backbone.spec
    overrides = (
        *QUICK,
        f"model={json.dumps(backbone.description.network)}",
        f"data.image_size={[taken.height, taken.width]}",
        f"data.channels={taken.channels}",
        f"data.fit={taken.fit}",
        f"data.interpolation={taken.interpolation}",
        f"data.max_megapixels={taken.max_megapixels}",
    )
    # No path on this machine: a classifier can be moved, and a version given away.
    data = {"train": PHOTOS, "split": {}, "cache": "none"}
    config = {"name": store.name, "data": data, "training": {}, "model": {}}
    return load_mapping(config, overrides)


def _prepared(store: Store, backbone: Backbone, solved: Solved) -> Prepared:
    examples, taken = solved.examples, backbone.spec
    rows = zip(examples.names, examples.labels.tolist(), examples.photos, strict=True)
    records = tuple(Record(name, label, store.path(photo)) for name, label, photo in rows)
    hashes = (each.sha256 for each in examples.photos)
    identities = dict(zip(examples.names, hashes, strict=True))
    splits = Splits(examples.classes, records, (), ())
    return Prepared(
        _experiment(store, backbone),
        splits,
        splits,
        taken,
        identities,
        {},
        (),
        fingerprint(records, identities, examples.classes),
        _Files(records, taken, backbone.decoding),
    )


@dataclass(frozen=True)
class _Files:
    """Pixels that are decoded when they are taken."""

    records: Sequence[Record]
    spec: ImageSpec
    decoding: Decoding

    @property
    def shape(self) -> tuple[int, int, int]:
        """Height, width and channels of every image."""
        return self.spec.height, self.spec.width, self.spec.channels

    def take(self, rows: Sequence[int] | NDArray[np.intp]) -> NDArray[np.uint8]:
        """Return a copy of these images; raises BadImage."""
        chosen = [self.records[row] for row in np.asarray(rows).tolist()]
        with self.decoding() as decode:
            return np.stack([decode(each.source, self.spec, each.name) for each in chosen])


def _exact(solved: Solved, rows: NDArray[np.intp]) -> Scores:
    """Return what the head answers in float64, for some of the examples."""
    found = solved.calibrated.probabilities(solved.examples.features[rows])
    return replace(solved.scores.at(rows), probabilities=found.astype(np.float32))


def _assessment(name: str, scores: Scores) -> Assessment:
    return Assessment(name, CROSS_VALIDATED, "", scores, evaluate_scores(scores, _TOP_K))


def _known_photos(solved: Solved) -> tuple[VersionPhoto, ...]:
    rows = zip(solved.examples.photos, solved.scores.probabilities, strict=True)
    return tuple(VersionPhoto(each.sha256, str(each.class_name), found) for each, found in rows)
