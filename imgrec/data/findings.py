"""What can be found in data, how severe it is, and the values of a check's result.

A loader returns findings of what it did not use, or not as it is written; a check adds its own.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum, Flag, StrEnum, auto

from imgrec.text import join_few, printable, quoted


class Severity(StrEnum):
    """How severe a finding is.

    ERROR: results would be wrong, or training ends. WARNING: worth a look. NOTE: good to know.
    """

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


class Evidence(Flag):
    """What has to be known to look for something.

    SOURCE: how the images are stored, which loaders know. CONTENT: the bytes of every image.
    SPLITS: that there are several. TRAITS: the headers of all images. PIXELS: of all images.
    """

    SOURCE = auto()
    NAMES = auto()
    CONTENT = auto()
    LABELS = auto()
    SPLITS = auto()
    TRAITS = auto()
    PIXELS = auto()


class FindingKind(Enum):
    """What can be found: key in files, evidence, severity, title for people, what is counted."""

    UNREADABLE = ("unreadable", Evidence.CONTENT, Severity.ERROR, "can't be read")
    NO_IMAGE = ("no_image", Evidence.CONTENT, Severity.ERROR, "not images")
    UNTRAINABLE = (
        "untrainable",
        Evidence.SOURCE,
        Severity.ERROR,
        "a training would end",
        "problems",
    )
    COPIES_ACROSS_SPLITS = (
        "duplicates_across_splits",
        Evidence.CONTENT | Evidence.SPLITS,
        Severity.ERROR,
        "leakage: same file in several splits",
    )
    COPIES_ACROSS_LABELS = (
        "duplicates_across_labels",
        Evidence.CONTENT | Evidence.LABELS,
        Severity.ERROR,
        "same file under several labels",
    )
    COPIES = ("duplicates", Evidence.CONTENT, Severity.WARNING, "same file twice in a split")
    NEAR_ACROSS_SPLITS = (
        "near_duplicates_across_splits",
        Evidence.PIXELS | Evidence.SPLITS,
        Severity.WARNING,
        "near-duplicates in several splits",
    )
    NEAR = ("near_duplicates", Evidence.PIXELS, Severity.WARNING, "near-duplicates in a split")
    NOT_COMPARED = (
        "not_compared",
        Evidence(0),
        Severity.WARNING,
        "too many similar images; the search for near-duplicates ended early",
        "splits",
    )
    IMBALANCE = (
        "imbalance",
        Evidence.LABELS,
        Severity.WARNING,
        "classes of very different size",
        "classes",
    )
    MISSING_CLASSES = (
        "missing_classes",
        Evidence.LABELS,
        Severity.WARNING,
        "classes without images",
        "classes",
    )
    CLASSES_BY_CASE = (
        "classes_differing_in_case",
        Evidence.LABELS,
        Severity.WARNING,
        "class names differ only in case",
        "classes",
    )
    NAMES_BY_CASE = (
        "names_differing_in_case",
        Evidence.NAMES,
        Severity.WARNING,
        "names differ only in case",
    )
    ANIMATED = (
        "animated",
        Evidence.TRAITS,
        Severity.WARNING,
        "several frames or pages; one is used",
    )
    SIXTEEN_BIT = (
        "sixteen_bit",
        Evidence.TRAITS,
        Severity.WARNING,
        "more than 8 bits a channel, reduced to 8",
    )
    FEW_BITS = (
        "few_bits",
        Evidence.TRAITS,
        Severity.WARNING,
        "dark: even the brightest pixel leaves bits unused",
    )
    UNUSED_CHANNELS = (
        "unused_channels",
        Evidence.TRAITS,
        Severity.WARNING,
        "channels that are not used",
    )
    ELONGATED = ("elongated", Evidence.TRAITS, Severity.WARNING, "very long or very wide")
    ONE_COLOUR = (
        "one_colour",
        Evidence.PIXELS,
        Severity.WARNING,
        "of nearly one colour; not compared",
    )
    ROTATED = ("rotated", Evidence.TRAITS, Severity.NOTE, "turned upright as EXIF says")
    PROFILE = (
        "colour_profile",
        Evidence.TRAITS,
        Severity.NOTE,
        "a colour profile other than sRGB, not applied",
    )
    TRANSPARENT = ("transparent", Evidence.TRAITS, Severity.NOTE, "transparent; laid on white")
    WRONG_SUFFIX = (
        "wrong_suffix",
        Evidence.TRAITS,
        Severity.NOTE,
        "named like another format; read by content",
    )
    UNUSED_FOLDERS = (
        "unused_folders",
        Evidence.SOURCE,
        Severity.WARNING,
        "folders that are not used",
        "folders",
    )
    HIDDEN_FOLDERS = (
        "hidden_folders",
        Evidence.SOURCE,
        Severity.WARNING,
        "hidden folders with files, not used",
        "folders",
    )
    UNUSED_IMAGES = (
        "unused_images",
        Evidence.SOURCE,
        Severity.WARNING,
        "images of no class, not used",
    )
    NESTED_FOLDERS = (
        "nested_folders",
        Evidence.SOURCE,
        Severity.WARNING,
        "folders inside class folders, taken as part of the class",
        "folders",
    )
    REPEATED_FOLDERS = (
        "repeated_folders",
        Evidence.SOURCE,
        Severity.WARNING,
        "every class folder contains the same folders, as splits contain the same classes",
        "folders",
    )
    UNIFIED_CLASSES = (
        "unified_classes",
        Evidence.SOURCE,
        Severity.WARNING,
        "class names with blanks or another Unicode form, unified",
        "names",
    )
    COMBINED_LABELS = (
        "combined_labels",
        Evidence.SOURCE,
        Severity.WARNING,
        "classes that look like several labels; data.multi_label separates them",
        "classes",
    )
    UNUSED_CLASSES = (
        "unused_classes",
        Evidence.SOURCE,
        Severity.WARNING,
        "named classes that no image has, not used",
        "classes",
    )
    UNUSED_ARRAYS = (
        "unused_arrays",
        Evidence.SOURCE,
        Severity.WARNING,
        "arrays that are not used",
        "arrays",
    )
    GUESSED_ENCODING = (
        "guessed_encoding",
        Evidence.SOURCE,
        Severity.WARNING,
        "text that is not UTF-8, read as Windows-1252",
        "files",
    )
    TABLE_FORM = ("table_form", Evidence.SOURCE, Severity.NOTE, "tables in a special form", "files")
    SKIPPED_ROWS = (
        "skipped_rows",
        Evidence.SOURCE,
        Severity.NOTE,
        "rows that are empty or repeated",
        "rows",
    )
    REWRITTEN_PATHS = (
        "rewritten_paths",
        Evidence.SOURCE,
        Severity.NOTE,
        "paths with backslashes, blanks or another Unicode form, corrected",
        "paths",
    )
    UNUSED_COLUMNS = (
        "unused_columns",
        Evidence.SOURCE,
        Severity.NOTE,
        "columns that only slices and groups can use",
        "columns",
    )
    UNUSED_FEATURES = (
        "unused_features",
        Evidence.SOURCE,
        Severity.NOTE,
        "features besides image and label",
        "features",
    )
    WRAPPER_FOLDERS = (
        "wrapper_folders",
        Evidence.SOURCE,
        Severity.NOTE,
        "folders around the class folders, seen through",
        "folders",
    )
    UNUSED_FILES = (
        "unused_files",
        Evidence.SOURCE,
        Severity.NOTE,
        "files beside the images, not used",
        "files",
    )
    HIDDEN = (
        "hidden",
        Evidence.SOURCE,
        Severity.NOTE,
        "hidden and system files, not used",
        "files",
    )

    def __init__(
        self,
        key: str,
        evidence: Evidence,
        severity: Severity,
        title: str,
        unit: str = "images",
    ) -> None:
        self.key = key
        self.evidence = evidence
        self.severity = severity
        self.title = title
        self.unit = unit

    @property
    def is_bad(self) -> bool:
        """Whether it is about files that can't be read as images."""
        return self in {FindingKind.UNREADABLE, FindingKind.NO_IMAGE}

    @property
    def of_source(self) -> bool:
        """Whether loaders find it, each in its form of data."""
        return Evidence.SOURCE in self.evidence


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


def looked_for(keys: Collection[str]) -> str:
    """Return in words what a check has looked for: the kinds of these keys that are no notes.

    Example:
        >>> looked_for(["duplicates", "rotated", "unused_folders"])
        'duplicates, and what of the data is not used'
    """
    kinds = [
        kind
        for kind in FindingKind
        if kind.key in keys and kind.severity is not Severity.NOTE and not kind.of_source
    ]
    words = [_words(kind.key) for kind in kinds if kind.evidence]
    return f"{', '.join(words)}, and what of the data is not used"


def gap_lines(not_checked: Mapping[str, str]) -> tuple[str, ...]:
    """Return what was not checked, a line for each reason; `not_checked` is by the kind's key.

    Example:
        >>> gap_lines({"near_duplicates": "no pixels", "one_colour": "no pixels"})
        ('not checked: near duplicates, one colour: no pixels',)
    """
    words: dict[str, list[str]] = {}
    for key, reason in not_checked.items():
        words.setdefault(reason, []).append(_words(key))
    return tuple(f"not checked: {', '.join(each)}: {reason}" for reason, each in words.items())


def _words(key: str) -> str:
    return key.replace("_", " ")


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
