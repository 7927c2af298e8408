"""Problems of a data set: duplicates, leakage, near-duplicates, unreadable and odd images."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Self, TypeAlias

from imgrec.data.check.find import (
    ImageSummary,
    Thumbnail,
    copies,
    describe_pictures,
    differing_in_case,
    near_duplicates,
    oddities,
    one_colour,
    summarize_image,
)
from imgrec.data.finding_kinds import Evidence, FindingKind
from imgrec.data.findings import Finding, Findings, Occurrence, merged
from imgrec.data.images import NO_IMAGE, Traits
from imgrec.data.records import MAX_MEGAPIXELS, Record, Splits
from imgrec.progress import Progress
from imgrec.scores import Skipped
from imgrec.text import count_of

# Largest class to smallest.
_UNEVEN = 3


@dataclass(frozen=True)
class CheckInput:
    """The images to check, by split.

    splits: names are unique across them. classes: empty if the images have no labels.
    findings: what of the source was not used, or not as it is written.
    max_megapixels: of an image that is decoded.
    """

    splits: Mapping[str, tuple[Record, ...]]
    classes: tuple[str, ...]
    findings: tuple[Finding, ...] = ()
    max_megapixels: int = MAX_MEGAPIXELS

    @classmethod
    def of(cls, splits: Splits, max_megapixels: int = MAX_MEGAPIXELS) -> Self:
        """Return the images of the splits that have any."""
        parts = {"train": splits.train, "validation": splits.validation, "test": splits.test}
        there = {name: records for name, records in parts.items() if records}
        return cls(there, splits.classes, splits.findings, max_megapixels)

    @property
    def records(self) -> tuple[Record, ...]:
        """The records of all splits."""
        return tuple(record for records in self.splits.values() for record in records)


def check_records(
    stock: CheckInput,
    identities: Mapping[str, str],
    bad: Sequence[Skipped],
    traits: Mapping[str, Traits],
    thumbnails: Mapping[str, Thumbnail | None] | None = None,
    *,
    lacking: Mapping[Evidence, str],
) -> Findings:
    """Return what can be found from hashes, labels, names, traits and thumbnails.

    No file is opened. The search for near-duplicates takes a few kB for each image.

    Args:
        stock: The images.
        identities: The SHA-256 of each image that has one, by its record's name.
        bad: The records that can't be read as images.
        traits: What each readable image is like, by its record's name.
        thumbnails: That of each readable image, by its record's name; None for an image of nearly
            one colour. None if pixels are not compared.
        lacking: Why some evidence is not known, or not of all images.
    """
    cases = _cases(stock, identities, bad, traits)
    if thumbnails is not None:
        cases |= near_duplicates(stock.splits, identities, thumbnails)
        cases[FindingKind.ONE_COLOUR] = one_colour(thumbnails)
    found = (Finding(kind, each) for kind, each in cases.items() if each)
    return Findings(
        {split: len(records) for split, records in stock.splits.items()},
        _counts(stock),
        bool(stock.classes),
        len(bad),
        merged((*found, *stock.findings)),
        _not_checked(stock, lacking),
        None if Evidence.TRAITS in lacking else describe_pictures([*traits.values()]),
    )


def check_images(stock: CheckInput, progress: Progress) -> Findings:
    """Return all that can be found; every file is read and decoded once, in parallel.

    About 2 kB per image stay in memory, whatever its size, and more for `check_records`.
    """
    looks: dict[str, ImageSummary] = {}
    with progress.task("checking images", len(stock.records)) as task:
        found = summarize_image(stock.records, stock.max_megapixels)
        for record, look in zip(stock.records, found, strict=True):
            looks[record.name] = look
            task.advance()
    identities = {name: look.identity for name, look in looks.items() if look.identity}
    bad = [Skipped(name, look.reason) for name, look in looks.items() if look.reason]
    traits = {name: look.traits for name, look in looks.items() if look.traits}
    thumbnails = {name: looks[name].thumbnail for name in traits}
    return check_records(stock, identities, bad, traits, thumbnails, lacking={})


_Cases: TypeAlias = dict[FindingKind, tuple[Occurrence, ...]]


def _cases(
    stock: CheckInput,
    identities: Mapping[str, str],
    bad: Sequence[Skipped],
    traits: Mapping[str, Traits],
) -> _Cases:
    unreadable = {each.name for each in bad}
    sound = {name: identities[name] for name in identities if name not in unreadable}
    return {
        **_bad(bad),
        **copies(stock.splits, sound),
        **_labels(stock),
        **oddities(traits),
        FindingKind.NAMES_DIFFERING_IN_CASE: differing_in_case(
            record.name for record in stock.records
        ),
    }


def _not_checked(stock: CheckInput, lacking: Mapping[Evidence, str]) -> dict[FindingKind, str]:
    reasons = dict(lacking)
    if not stock.classes:
        reasons[Evidence.LABELS] = "the images have no labels"
    if len(stock.splits) < 2:
        reasons[Evidence.SPLITS] = "the images are not divided into splits"
    return {
        kind: reason
        for evidence, reason in reasons.items()
        for kind in FindingKind
        if evidence in kind.evidence
    }


def _bad(bad: Sequence[Skipped]) -> dict[FindingKind, tuple[Occurrence, ...]]:
    strange = [each for each in bad if each.reason.startswith(NO_IMAGE)]
    broken = [each for each in bad if not each.reason.startswith(NO_IMAGE)]
    return {
        FindingKind.UNREADABLE: tuple(Occurrence((each.name,), each.reason) for each in broken),
        FindingKind.NO_IMAGE: tuple(Occurrence((each.name,), each.reason) for each in strange),
    }


def _counts(stock: CheckInput) -> dict[str, dict[str, int]]:
    counts: dict[str, dict[str, int]] = {}
    for split, records in stock.splits.items():
        labels = Counter(label for record in records for label in record.labels)
        counts[split] = {name: labels[label] for label, name in enumerate(stock.classes or ("",))}
    return counts


def _labels(stock: CheckInput) -> dict[FindingKind, tuple[Occurrence, ...]]:
    if not stock.classes:
        return {}
    return {
        FindingKind.IMBALANCE: tuple(_imbalance(stock)),
        FindingKind.MISSING_CLASSES: tuple(_missing(stock)),
        FindingKind.CLASSES_DIFFERING_IN_CASE: differing_in_case(stock.classes),
    }


def _imbalance(stock: CheckInput) -> Iterator[Occurrence]:
    # The first split is the one to train on.
    counts = next(iter(_counts(stock).values()), {})
    there = sorted((count, name) for name, count in counts.items() if count)
    if there and there[-1][0] > _UNEVEN * there[0][0]:
        for count, name in (there[-1], there[0]):
            yield Occurrence((name,), count_of(count, "image"))


def _missing(stock: CheckInput) -> Iterator[Occurrence]:
    counts = _counts(stock)
    for name in stock.classes:
        lacking = [split for split, classes in counts.items() if not classes[name]]
        if lacking:
            yield Occurrence((name,), f"none in {', '.join(lacking)}")
