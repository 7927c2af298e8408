"""Images that are the same file, byte by byte."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence

from imgrec.data.findings import Case, Kind
from imgrec.data.records import Record


def copies(
    splits: Mapping[str, Sequence[Record]], identities: Mapping[str, str]
) -> dict[Kind, tuple[Case, ...]]:
    """Return the groups of records that have one identity.

    identities: by the record's name; a record without one has no copies. A group may be of
    several kinds: inside a split, across splits, under several labels.
    """
    groups: dict[str, list[tuple[str, Record]]] = defaultdict(list)
    for split, records in splits.items():
        for record in records:
            if identity := identities.get(record.name):
                groups[identity].append((split, record))
    found: dict[Kind, list[Case]] = {
        Kind.COPIES: [],
        Kind.COPIES_ACROSS_SPLITS: [],
        Kind.COPIES_ACROSS_LABELS: [],
    }
    for group in groups.values():
        for kind in _kinds(group):
            found[kind].append(Case(tuple(record.name for _, record in group)))
    return {kind: tuple(cases) for kind, cases in found.items()}


def _kinds(group: Sequence[tuple[str, Record]]) -> set[Kind]:
    kinds = set()
    splits = Counter(split for split, _ in group)
    if len(splits) > 1:
        kinds.add(Kind.COPIES_ACROSS_SPLITS)
    if max(splits.values()) > 1:
        kinds.add(Kind.COPIES)
    if len({record.labels for _, record in group}) > 1:
        kinds.add(Kind.COPIES_ACROSS_LABELS)
    return kinds
