"""Names that are one on a system that takes small and capital letters for the same."""

from __future__ import annotations

import unicodedata
from collections import defaultdict
from collections.abc import Iterable

from imgrec.data.findings import Case


def differing_in_case(names: Iterable[str]) -> tuple[Case, ...]:
    """Return the groups of names that are equal but for case and for how accents are stored."""
    groups: dict[str, list[str]] = defaultdict(list)
    for name in names:
        groups[unicodedata.normalize("NFC", name).casefold()].append(name)
    return tuple(Case(tuple(group)) for group in groups.values() if len(group) > 1)
