"""What can be found in data: how it is called, what it is found by, and how severe it is."""

from __future__ import annotations

from enum import Enum, Flag, StrEnum, auto


class Severity(StrEnum):
    """How severe a finding is.

    ERROR: results would be wrong, or training ends. WARNING: worth a look. NOTE: good to know.
    """

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


_ERROR, _WARNING, _NOTE = Severity


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
    """What can be found: evidence, severity, title for people, and what is counted."""

    UNREADABLE = (Evidence.CONTENT, _ERROR, "can't be read")
    NO_IMAGE = (Evidence.CONTENT, _ERROR, "not images")
    UNTRAINABLE = (Evidence.SOURCE, _ERROR, "a training would end", "problems")
    DUPLICATES_ACROSS_SPLITS = (
        Evidence.CONTENT | Evidence.SPLITS,
        _ERROR,
        "leakage: same file in several splits",
    )
    DUPLICATES_ACROSS_LABELS = (
        Evidence.CONTENT | Evidence.LABELS,
        _ERROR,
        "same file under several labels",
    )
    DUPLICATES = (Evidence.CONTENT, _WARNING, "same file twice in a split")
    NEAR_DUPLICATES_ACROSS_SPLITS = (
        Evidence.SPLITS | Evidence.PIXELS,
        _WARNING,
        "near-duplicates in several splits",
    )
    NEAR_DUPLICATES = (Evidence.PIXELS, _WARNING, "near-duplicates in a split")
    NOT_COMPARED = (
        Evidence(0),
        _WARNING,
        "too many similar images; the search for near-duplicates ended early",
        "splits",
    )
    IMBALANCE = (Evidence.LABELS, _WARNING, "classes of very different size", "classes")
    MISSING_CLASSES = (Evidence.LABELS, _WARNING, "classes without images", "classes")
    CLASSES_DIFFERING_IN_CASE = (
        Evidence.LABELS,
        _WARNING,
        "class names differ only in case",
        "classes",
    )
    NAMES_DIFFERING_IN_CASE = (Evidence.NAMES, _WARNING, "names differ only in case")
    ANIMATED = (Evidence.TRAITS, _WARNING, "several frames or pages; one is used")
    SIXTEEN_BIT = (Evidence.TRAITS, _WARNING, "more than 8 bits a channel, reduced to 8")
    FEW_BITS = (Evidence.TRAITS, _WARNING, "dark: even the brightest pixel leaves bits unused")
    UNUSED_CHANNELS = (Evidence.TRAITS, _WARNING, "channels that are not used")
    ELONGATED = (Evidence.TRAITS, _WARNING, "very long or very wide")
    ONE_COLOUR = (Evidence.PIXELS, _WARNING, "of nearly one colour; not compared")
    ROTATED = (Evidence.TRAITS, _NOTE, "turned upright as EXIF says")
    COLOUR_PROFILE = (Evidence.TRAITS, _NOTE, "a colour profile other than sRGB, not applied")
    TRANSPARENT = (Evidence.TRAITS, _NOTE, "transparent; laid on white")
    WRONG_SUFFIX = (
        Evidence.TRAITS,
        _NOTE,
        "a suffix of another format, or of no image; read by content",
    )
    UNUSED_FOLDERS = (Evidence.SOURCE, _WARNING, "folders that are not used", "folders")
    HIDDEN_FOLDERS = (Evidence.SOURCE, _WARNING, "hidden folders with files, not used", "folders")
    UNUSED_IMAGES = (Evidence.SOURCE, _WARNING, "images of no class, not used")
    NESTED_FOLDERS = (
        Evidence.SOURCE,
        _WARNING,
        "folders inside class folders, taken as part of the class",
        "folders",
    )
    REPEATED_FOLDERS = (
        Evidence.SOURCE,
        _WARNING,
        "every class folder contains the same folders, as splits contain the same classes",
        "folders",
    )
    UNIFIED_CLASSES = (
        Evidence.SOURCE,
        _WARNING,
        "class names with blanks or another Unicode form, unified",
        "names",
    )
    COMBINED_LABELS = (
        Evidence.SOURCE,
        _WARNING,
        "classes that look like several labels; data.multi_label separates them",
        "classes",
    )
    UNUSED_CLASSES = (
        Evidence.SOURCE,
        _WARNING,
        "named classes that no image has, not used",
        "classes",
    )
    UNUSED_ARRAYS = (Evidence.SOURCE, _WARNING, "arrays that are not used", "arrays")
    GUESSED_ENCODING = (
        Evidence.SOURCE,
        _WARNING,
        "text that is not UTF-8, read as Windows-1252",
        "files",
    )
    TABLE_FORM = (Evidence.SOURCE, _NOTE, "tables in a special form", "files")
    SKIPPED_ROWS = (Evidence.SOURCE, _NOTE, "rows that are empty or repeated", "rows")
    REWRITTEN_PATHS = (
        Evidence.SOURCE,
        _NOTE,
        "paths with backslashes, blanks or another Unicode form, corrected",
        "paths",
    )
    UNUSED_COLUMNS = (
        Evidence.SOURCE,
        _NOTE,
        "columns that only slices and groups can use",
        "columns",
    )
    UNUSED_FEATURES = (Evidence.SOURCE, _NOTE, "features besides image and label", "features")
    WRAPPER_FOLDERS = (
        Evidence.SOURCE,
        _NOTE,
        "folders around the class folders, seen through",
        "folders",
    )
    UNUSED_FILES = (Evidence.SOURCE, _NOTE, "files beside the images, not used", "files")
    HIDDEN = (Evidence.SOURCE, _NOTE, "hidden, system and sidecar files, left out", "files")

    def __init__(
        self,
        evidence: Evidence,
        severity: Severity,
        title: str,
        unit: str = "images",
    ) -> None:
        self.evidence = evidence
        self.severity = severity
        self.title = title
        self.unit = unit

    @property
    def key(self) -> str:
        """How it is called in files."""
        return self.name.lower()

    @property
    def is_bad(self) -> bool:
        """Whether it is about files that can't be read as images."""
        return self in {FindingKind.UNREADABLE, FindingKind.NO_IMAGE}

    @property
    def of_source(self) -> bool:
        """Whether loaders find it, each in its form of data."""
        return Evidence.SOURCE in self.evidence
