"""What is wrong with a data set."""

from imgrec.data.check.check import CheckInput, check_images, check_input, check_records
from imgrec.data.check.findings import (
    Finding,
    FindingKind,
    Findings,
    Occurrence,
    Pictures,
    Severity,
    ValueRange,
)
from imgrec.data.check.quarantine import Moved, move_bad, refuse_place

__all__ = [
    "CheckInput",
    "Finding",
    "FindingKind",
    "Findings",
    "Moved",
    "Occurrence",
    "Pictures",
    "Severity",
    "ValueRange",
    "check_images",
    "check_input",
    "check_records",
    "move_bad",
    "refuse_place",
]
