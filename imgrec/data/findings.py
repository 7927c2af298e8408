"""What was found in data, and the values of a check's result.

A loader returns findings of what it did not use, or not as it is written; a check adds its own.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field

from imgrec.data.finding_kinds import FindingKind, Severity
from imgrec.text import join_few, printable, quoted

log = logging.getLogger("imgrec.data")


@dataclass(frozen=True)
class Occurrence:
    """What belongs together in a finding: names of images (or classes), and a detail."""

    names: tuple[str, ...]
    detail: str = ""

    @property
    def text(self) -> str:
        """The names and the detail in one line that is safe to print."""
        names = ", ".join(map(quoted, self.names))
        return f"{names}: {printable(self.detail)}" if self.detail else names


@dataclass(frozen=True)
class Finding:
    """All cases of one kind."""

    kind: FindingKind
    cases: tuple[Occurrence, ...]

    @property
    def count(self) -> int:
        """How many names the cases have."""
        return sum(len(case.names) for case in self.cases)

    @property
    def line(self) -> str:
        """The finding in one line that is safe to print, with its count and a few names."""
        cases = join_few([case.text for case in self.cases])
        return f"{self.kind.title}: {self.count:,} ({cases})"


def finding(kind: FindingKind, cases: Iterable[Occurrence]) -> tuple[Finding, ...]:
    """Return the finding as a tuple, which is empty if there are no cases."""
    there = tuple(cases)
    return (Finding(kind, there),) if there else ()


def merged(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Return one finding for each kind, in the order of the kinds."""
    cases: dict[FindingKind, tuple[Occurrence, ...]] = {}
    for each in findings:
        cases[each.kind] = (*cases.get(each.kind, ()), *each.cases)
    return tuple(Finding(kind, cases[kind]) for kind in FindingKind if kind in cases)


def log_findings(findings: Iterable[Finding]) -> None:
    """Log findings, a line each: notes as information, others as warnings."""
    for each in findings:
        level = logging.INFO if each.kind.severity is Severity.NOTE else logging.WARNING
        log.log(level, "%s", each.line)


def looked_for(keys: Collection[str]) -> str:
    """Return in words what a check has looked for: the kinds of these keys except notes.

    Example:
        >>> looked_for(["duplicates", "rotated", "unused_folders"])
        'duplicates, and parts of the data that are not used'
    """
    kinds = [
        kind
        for kind in FindingKind
        if kind.key in keys and kind.severity is not Severity.NOTE and not kind.of_source
    ]
    words = [_words(kind.key) for kind in kinds if kind.evidence]
    return f"{', '.join(words)}, and parts of the data that are not used"


def gap_lines(not_checked: Mapping[str, str]) -> tuple[str, ...]:
    """Return what was not checked, a line for each reason; `not_checked` is by the kind's key.

    Example:
        >>> gap_lines({"near_duplicates": "no pixels", "one_colour": "no pixels"})
        ('not checked: near duplicates, images of one colour: no pixels',)
    """
    words: dict[str, list[str]] = {}
    for key, reason in not_checked.items():
        words.setdefault(reason, []).append(_words(key))
    return tuple(f"not checked: {', '.join(each)}: {reason}" for reason, each in words.items())


_WORDS = {
    "unreadable": "unreadable files",
    "no_image": "files that are not images",
    "imbalance": "classes of very different size",
    "missing_classes": "classes without images",
    "classes_differing_in_case": "class names that differ only in case",
    "names_differing_in_case": "file names that differ only in case",
    "animated": "several frames or pages",
    "sixteen_bit": "more than 8 bits a channel",
    "few_bits": "very dark images",
    "elongated": "very long or wide images",
    "rotated": "images rotated by EXIF",
    "transparent": "transparent images",
    "wrong_suffix": "wrong suffixes",
    "one_colour": "images of one colour",
}
"""Of the other kinds, the key says what they are."""


def _words(key: str) -> str:
    return _WORDS.get(key, key.replace("_", " "))


@dataclass(frozen=True)
class ValueRange:
    """The smallest, the median and the largest of some numbers."""

    smallest: float
    median: float
    largest: float


@dataclass(frozen=True)
class Pictures:
    """What the readable images are like.

    width, height: pixels, standing upright. aspect: width / height.
    formats, modes: how many images have each, as Pillow calls them; pixels of an array have
    the format `pixels`.
    """

    width: ValueRange
    height: ValueRange
    aspect: ValueRange
    formats: Mapping[str, int]
    modes: Mapping[str, int]


@dataclass(frozen=True)
class Findings:
    """What a check has found.

    sizes: how many images each split has. counts: those of each class, by split; an image may have
    several, or none. labelled: if False, there are no classes, and each split counts its images
    under an empty name.
    found: each kind with its cases. not_checked: why a kind was not looked for, or not in all
    images.
    bad: how many images can't be read. pictures: None if the images were not looked at,
    or none can be read.
    """

    sizes: Mapping[str, int]
    counts: Mapping[str, Mapping[str, int]]
    labelled: bool
    bad: int
    found: tuple[Finding, ...]
    not_checked: Mapping[FindingKind, str] = field(default_factory=dict)
    pictures: Pictures | None = field(default=None)

    @property
    def images(self) -> int:
        """All images of all splits, bad ones among them."""
        return sum(self.sizes.values())

    @property
    def checked(self) -> tuple[FindingKind, ...]:
        """What was looked for in all images."""
        return tuple(kind for kind in FindingKind if kind not in self.not_checked)

    @property
    def looked_for(self) -> str:
        """What was looked for, in words."""
        return looked_for({kind.key for kind in self.checked})

    @property
    def gaps(self) -> tuple[str, ...]:
        """What was not looked for, a line for each reason."""
        return gap_lines({kind.key: reason for kind, reason in self.not_checked.items()})

    @property
    def worst(self) -> Severity:
        """The highest severity found; NOTE if there is nothing."""
        grave = {finding.kind.severity for finding in self.found}
        return next((each for each in Severity if each in grave), Severity.NOTE)

    def passed(self, *, strict: bool) -> bool:
        """Return whether there are no errors; if `strict`, no warnings either."""
        doubtful = {Severity.ERROR, Severity.WARNING} if strict else {Severity.ERROR}
        return self.worst not in doubtful

    def of(self, severity: Severity) -> tuple[Finding, ...]:
        """Return the findings of one severity."""
        return tuple(each for each in self.found if each.kind.severity is severity)

    def count(self, kind: FindingKind) -> int:
        """Return how many were found of `kind`."""
        return sum(finding.count for finding in self.found if finding.kind is kind)
