"""What is wrong with a data set."""

from imgrec.data.check.check import CheckInput, check_images, check_records
from imgrec.data.check.find import thumbnail_of
from imgrec.data.check.look_alikes import SIDE, LookAlikes, find_look_alikes, has_contrast
from imgrec.data.finding_kinds import Evidence, FindingKind, Severity
from imgrec.data.findings import Finding, Findings, Occurrence, Pictures, ValueRange

__all__ = [
    "SIDE",
    "CheckInput",
    "Evidence",
    "Finding",
    "FindingKind",
    "Findings",
    "LookAlikes",
    "Occurrence",
    "Pictures",
    "Severity",
    "ValueRange",
    "check_images",
    "check_records",
    "find_look_alikes",
    "has_contrast",
    "thumbnail_of",
]
