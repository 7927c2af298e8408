"""The JSON document of a check: `check --json`, and a run's check.json."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Literal

from msgspec import UNSET, Meta, Struct, UnsetType, field

from imgrec.data.check import Finding, Findings, Occurrence, Pictures
from imgrec.data.quarantine import Moved


class CheckedImages(Struct, frozen=True):
    """How many images there are, and how many of them can be read."""

    all: int
    readable: int
    bad: int


class CheckedSplit(Struct, frozen=True):
    """A split of the data."""

    images: int
    per_class: Annotated[
        Mapping[str, int] | None, Meta(description="Images of each class; null without classes.")
    ]


class FindingDocument(Struct, frozen=True):
    """Every case of one kind."""

    kind: str
    severity: Literal["error", "warning", "note"]
    title: str
    unit: Annotated[str, Meta(description="What `count` counts: images or classes.")]
    count: int
    cases: tuple[Occurrence, ...]


class MovedDocument(Struct, frozen=True):
    """A file that was moved."""

    source: str = field(name="from")
    target: str = field(name="to")
    reason: str


class CheckDocument(Struct, frozen=True):
    """What a check of images found."""

    schema_version: Literal[1]
    data: Annotated[str, Meta(description="What was checked, as it was written.")]
    passed: bool
    strict: Annotated[bool, Meta(description="Whether warnings count as errors.")]
    images: CheckedImages
    labelled: Annotated[bool, Meta(description="Whether the images have classes.")]
    splits: Mapping[str, CheckedSplit]
    counts: Annotated[
        Mapping[str, int],
        Meta(description="How often each kind that was looked for was found; 0 if it was not."),
    ]
    not_checked: Annotated[
        Mapping[str, str],
        Meta(description="Why each other kind was not looked for, or not in all images."),
    ]
    findings: Annotated[
        tuple[FindingDocument, ...], Meta(description="The kinds that were found, with each case.")
    ]
    pictures: Annotated[
        Pictures | None, Meta(description="Null where no image was looked at, or none can be read.")
    ]
    moved: Annotated[
        tuple[MovedDocument, ...] | UnsetType,
        Meta(description="What --quarantine moved; with `imgrec check` only."),
    ] = UNSET


def check_document(
    findings: Findings,
    *,
    data: str,
    strict: bool = False,
    moved: Sequence[Moved] | None = None,
) -> CheckDocument:
    """Return the document of a check.

    Args:
        findings: What was found.
        data: What was checked, as it was written.
        strict: Whether warnings count as errors.
        moved: The files that were moved; None if that is not part of the document.
    """
    return CheckDocument(
        schema_version=1,
        data=data,
        passed=findings.passed(strict=strict),
        strict=strict,
        images=CheckedImages(findings.images, findings.images - findings.bad, findings.bad),
        labelled=findings.labelled,
        splits={split: _split(split, findings) for split in findings.counts},
        counts={kind.key: findings.count(kind) for kind in findings.checked},
        not_checked={kind.key: reason for kind, reason in findings.not_checked.items()},
        findings=tuple(map(_finding, findings.found)),
        pictures=findings.pictures,
        moved=UNSET
        if moved is None
        else tuple(
            MovedDocument(str(each.source), str(each.target), each.reason) for each in moved
        ),
    )


def _split(split: str, findings: Findings) -> CheckedSplit:
    classes = findings.counts[split] if findings.labelled else None
    return CheckedSplit(findings.sizes[split], classes)


def _finding(finding: Finding) -> FindingDocument:
    kind = finding.kind
    return FindingDocument(
        kind.key, kind.severity.value, kind.title, kind.unit, finding.count, finding.cases
    )
