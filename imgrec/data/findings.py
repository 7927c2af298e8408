"""What can be found in data, how severe it is, and the values of a check's result.

A loader returns findings of what it did not use, or not as it is written; a check adds its own.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum, StrEnum

from imgrec.text import join_few, printable, quoted


class Severity(StrEnum):
    """How severe a finding is.

    ERROR: results would be wrong, or training ends. WARNING: worth a look. NOTE: good to know.
    """

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


class FindingKind(Enum):
    """What can be found: key in files, severity, title for people, what is counted."""

    UNREADABLE = "unreadable", Severity.ERROR, "can't be read"
    NO_IMAGE = "no_image", Severity.ERROR, "not images"
    UNTRAINABLE = "untrainable", Severity.ERROR, "a training would end", "problems"
    COPIES_ACROSS_SPLITS = (
        "duplicates_across_splits",
        Severity.ERROR,
        "leakage: same file in several splits",
    )
    COPIES_ACROSS_LABELS = (
        "duplicates_across_labels",
        Severity.ERROR,
        "same file under several labels",
    )
    COPIES = "duplicates", Severity.WARNING, "same file twice in a split"
    NEAR_ACROSS_SPLITS = (
        "near_duplicates_across_splits",
        Severity.WARNING,
        "near-duplicates in several splits",
    )
    NEAR = "near_duplicates", Severity.WARNING, "near-duplicates in a split"
    NOT_COMPARED = (
        "not_compared",
        Severity.WARNING,
        "too many similar images; the search for near-duplicates ended early",
        "splits",
    )
    IMBALANCE = "imbalance", Severity.WARNING, "classes of very different size", "classes"
    MISSING_CLASSES = "missing_classes", Severity.WARNING, "classes without images", "classes"
    CLASSES_BY_CASE = (
        "classes_differing_in_case",
        Severity.WARNING,
        "class names differ only in case",
        "classes",
    )
    NAMES_BY_CASE = "names_differing_in_case", Severity.WARNING, "names differ only in case"
    ANIMATED = "animated", Severity.WARNING, "several frames or pages; one is used"
    SIXTEEN_BIT = "sixteen_bit", Severity.WARNING, "more than 8 bits a channel, reduced to 8"
    FEW_BITS = "few_bits", Severity.WARNING, "dark: even the brightest pixel leaves bits unused"
    UNUSED_CHANNELS = "unused_channels", Severity.WARNING, "channels that are not used"
    ELONGATED = "elongated", Severity.WARNING, "very long or very wide"
    ONE_COLOUR = "one_colour", Severity.WARNING, "of nearly one colour; not compared"
    ROTATED = "rotated", Severity.NOTE, "turned upright as EXIF says"
    PROFILE = "colour_profile", Severity.NOTE, "a colour profile other than sRGB, not applied"
    TRANSPARENT = "transparent", Severity.NOTE, "transparent; laid on white"
    WRONG_SUFFIX = "wrong_suffix", Severity.NOTE, "named like another format; read by content"
    UNUSED_FOLDERS = "unused_folders", Severity.WARNING, "folders that are not used", "folders"
    HIDDEN_FOLDERS = (
        "hidden_folders",
        Severity.WARNING,
        "hidden folders with files, not used",
        "folders",
    )
    UNUSED_IMAGES = "unused_images", Severity.WARNING, "images of no class, not used"
    NESTED_FOLDERS = (
        "nested_folders",
        Severity.WARNING,
        "folders inside class folders, taken as part of the class",
        "folders",
    )
    REPEATED_FOLDERS = (
        "repeated_folders",
        Severity.WARNING,
        "every class folder contains the same folders, as splits contain the same classes",
        "folders",
    )
    UNIFIED_CLASSES = (
        "unified_classes",
        Severity.WARNING,
        "class names with blanks or another Unicode form, unified",
        "names",
    )
    COMBINED_LABELS = (
        "combined_labels",
        Severity.WARNING,
        "classes that look like several labels; data.multi_label separates them",
        "classes",
    )
    UNUSED_CLASSES = (
        "unused_classes",
        Severity.WARNING,
        "named classes that no image has, not used",
        "classes",
    )
    UNUSED_ARRAYS = "unused_arrays", Severity.WARNING, "arrays that are not used", "arrays"
    GUESSED_ENCODING = (
        "guessed_encoding",
        Severity.WARNING,
        "text that is not UTF-8, read as Windows-1252",
        "files",
    )
    TABLE_FORM = "table_form", Severity.NOTE, "tables in a special form", "files"
    SKIPPED_ROWS = "skipped_rows", Severity.NOTE, "rows that are empty or repeated", "rows"
    REWRITTEN_PATHS = (
        "rewritten_paths",
        Severity.NOTE,
        "paths with backslashes, blanks or another Unicode form, corrected",
        "paths",
    )
    UNUSED_COLUMNS = (
        "unused_columns",
        Severity.NOTE,
        "columns that only slices and groups can use",
        "columns",
    )
    UNUSED_FEATURES = (
        "unused_features",
        Severity.NOTE,
        "features besides image and label",
        "features",
    )
    WRAPPER_FOLDERS = (
        "wrapper_folders",
        Severity.NOTE,
        "folders around the class folders, seen through",
        "folders",
    )
    UNUSED_FILES = "unused_files", Severity.NOTE, "files beside the images, not used", "files"
    HIDDEN = "hidden", Severity.NOTE, "hidden and system files, not used", "files"

    def __init__(self, key: str, severity: Severity, title: str, unit: str = "images") -> None:
        self.key = key
        self.severity = severity
        self.title = title
        self.unit = unit

    @property
    def is_bad(self) -> bool:
        """Whether it is about files that can't be read as images."""
        return self in {FindingKind.UNREADABLE, FindingKind.NO_IMAGE}


SOURCE_KINDS = frozenset(
    {
        FindingKind.UNTRAINABLE,
        FindingKind.UNUSED_FOLDERS,
        FindingKind.HIDDEN_FOLDERS,
        FindingKind.UNUSED_IMAGES,
        FindingKind.NESTED_FOLDERS,
        FindingKind.REPEATED_FOLDERS,
        FindingKind.UNIFIED_CLASSES,
        FindingKind.COMBINED_LABELS,
        FindingKind.UNUSED_CLASSES,
        FindingKind.UNUSED_ARRAYS,
        FindingKind.GUESSED_ENCODING,
        FindingKind.TABLE_FORM,
        FindingKind.SKIPPED_ROWS,
        FindingKind.REWRITTEN_PATHS,
        FindingKind.UNUSED_COLUMNS,
        FindingKind.UNUSED_FEATURES,
        FindingKind.WRAPPER_FOLDERS,
        FindingKind.UNUSED_FILES,
        FindingKind.HIDDEN,
    }
)
"""What loaders find, each in its own form of data."""


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
    checked: what was looked for, and the kinds of the source's findings. found: what there was
    of it.
    bad: how many images can't be read. pictures: None if the images were not looked at,
    or none can be read.
    """

    sizes: Mapping[str, int]
    counts: Mapping[str, Mapping[str, int]]
    labelled: bool
    bad: int
    checked: tuple[FindingKind, ...]
    found: tuple[Finding, ...]
    pictures: Pictures | None = field(default=None)

    @property
    def images(self) -> int:
        """All images of all splits, bad ones among them."""
        return sum(self.sizes.values())

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
