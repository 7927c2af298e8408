"""What is wrong with a data set."""

from imgrec.data.check.check import CheckInput, check_images, check_records
from imgrec.data.finding_kinds import Evidence, FindingKind, Severity
from imgrec.data.findings import Finding, Findings, Occurrence, Pictures, ValueRange

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
