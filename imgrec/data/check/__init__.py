"""What is wrong with a data set."""

from imgrec.data.check.check import CheckInput, check_images, check_records
from imgrec.data.findings import (
    Evidence,
    Finding,
    FindingKind,
    Findings,
    Occurrence,
    Pictures,
    Severity,
    ValueRange,
)

__all__ = [
    "CheckInput",
    "Evidence",
    "Finding",
    "FindingKind",
    "Findings",
    "Occurrence",
    "Pictures",
    "Severity",
    "ValueRange",
    "check_images",
    "check_records",
]
