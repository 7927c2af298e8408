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
