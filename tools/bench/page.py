"""docs/performance.md: a table per section, and sections that other commands measure."""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from importlib.util import find_spec

from imgrec.models.backend import describe
from tools.bench.figures import Figure

_HEADING = re.compile(r"^(?=## )", re.MULTILINE)


def updated(page: str, title: str, figures: Sequence[Figure], measured: str) -> str:
    """Return the page with this section replaced, or added at the end.

    measured: how the figures were measured.

    Other sections are kept, with the machine that each names.
    """
    _, *sections = _HEADING.split(page)
    section = _section(title, figures, measured)
    titles = [each.partition("\n")[0].removeprefix("## ") for each in sections]
    if title in titles:
        sections[titles.index(title)] = section
    else:
        sections.append(section)
    return "\n".join(f"{each.rstrip()}\n" for each in (_introduction(), *sections))


def _introduction() -> str:
    names = [
        *("tensorflow", "keras", "pillow", "numpy"),
        *(["torch"] if find_spec("torch") else []),
    ]
    versions = ", ".join(f"{name} {version(name)}" for name in names)
    return f"""# Performance

Measured by `make bench` with Python {sys.version.split()[0]}, {versions}.
Compared figures were measured in turns in one session; each is the median of its rounds.
Photos are of cats and dogs (JPEG, about 447x374).
`python -m tools.bench --only SECTION --output docs/performance.md` measures a section alone.
"""


def _section(title: str, figures: Sequence[Figure], measured: str) -> str:
    machine = describe()
    device = ", ".join(machine.gpus) or "no GPU"
    rows = "\n".join(f"| {each.name} | {each.value} | {each.goal} |" for each in figures)
    return f"""## {title}

| measurement | result | goal |
| --- | --- | --- |
{rows}

Measured on {datetime.now(UTC):%Y-%m-%d} {measured}, \
on {machine.processor}, {machine.cores} cores, {device}.
"""
