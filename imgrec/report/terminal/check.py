"""The findings of a data check, for the terminal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from imgrec.data.check import Finding, Findings, Occurrence, Pictures, Severity, ValueRange
from imgrec.report.terminal.names import name_cells
from imgrec.text import count_of, printable, quoted, shorten_names, wrapped

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.table import Table
    from rich.text import Text

_MANY_CLASSES = 20
_CASES = 3
_NAMES = 3
_NAME_WIDTH = 60
_MODES = 6
_STYLE = {Severity.ERROR: "bold red", Severity.WARNING: "yellow", Severity.NOTE: ""}


def check_text(findings: Findings, *, data: str) -> RenderableType:
    """Return a summary of the data, the findings with a few examples, and the verdict.

    Args:
        findings: The result of the check.
        data: What was checked.
    """
    from rich.console import Group

    parts = [_line(printable(data)), *_facts(findings), *_classes(findings)]
    if findings.found:
        parts += [_line(""), _table_of(findings)]
    parts += [_line(""), _verdict(findings), *map(_line, findings.gaps)]
    if _shortened(findings):
        parts.append(_line("--json names every image"))
    return Group(*parts)


def _facts(findings: Findings) -> Iterator[RenderableType]:
    splits = [f"{printable(name)} {size:,}" for name, size in findings.sizes.items()]
    by_split = f" ({', '.join(splits)})" if len(splits) > 1 else ""
    bad = f", {findings.bad:,} can't be read" if findings.bad else ""
    yield _line(f"  {count_of(findings.images, 'image')}{by_split}{bad}")
    if findings.pictures is not None:
        yield from _pictures(findings.pictures)


def _pictures(pictures: Pictures) -> Iterator[RenderableType]:
    yield _line(f"  width {_range(pictures.width)}, height {_range(pictures.height)} pixels")
    yield _line(f"  width / height {_range(pictures.aspect, '.2f')}")
    for title, numbers in (("formats", pictures.formats), ("modes", pictures.modes)):
        some = [f"{name} {count:,}" for name, count in list(numbers.items())[:_MODES]]
        yield _line(f"  {title}: {', '.join([*some, *_rest(len(numbers) - _MODES)])}")


def _range(found: ValueRange, form: str = ".0f") -> str:
    low, middle, high = (
        format(each, form) for each in (found.smallest, found.median, found.largest)
    )
    return low if low == high else f"{low} to {high} (median {middle})"


def _classes(findings: Findings) -> Iterator[RenderableType]:
    if not findings.labelled:
        return
    splits = findings.counts
    names = list(next(iter(splits.values())))
    if len(names) > _MANY_CLASSES:
        names.sort(key=lambda name: sum(counts[name] for counts in splits.values()))
        yield _line(f"  {count_of(len(names), 'class')}; those with the fewest images:")
    table = _table(["  class", *map(printable, splits)])
    cells = name_cells([f"  {name}" for name in names[:_MANY_CLASSES]], _NAME_WIDTH)
    for cell, name in zip(cells, names, strict=False):
        table.add_row(cell, *(f"{counts[name]:,}" for counts in splits.values()))
    yield _line("")
    yield table


def _table_of(findings: Findings) -> Table:
    from rich.text import Text

    table = _table(["", "found"])
    table.add_column("", ratio=1, overflow="fold")
    for severity in Severity:
        for finding in findings.of(severity):
            examples = Text("\n").join(map(Text, _examples(finding)))
            cell = Text.assemble((finding.kind.title, "bold"), "\n", examples)
            what = Text(severity.value, _STYLE[severity])
            table.add_row(what, f"{finding.count:,}", cell)
    return table


def _examples(finding: Finding) -> Iterator[str]:
    for case in finding.cases[:_CASES]:
        yield _example(case)
    yield from _rest(len(finding.cases) - _CASES)


def _example(case: Occurrence) -> str:
    names = shorten_names([quoted(name) for name in case.names[:_NAMES]], _NAME_WIDTH)
    together = ", ".join([*names, *_rest(len(case.names) - _NAMES)])
    return f"{together}: {printable(case.detail)}" if case.detail else together


def _shortened(findings: Findings) -> bool:
    return any(
        len(finding.cases) > _CASES or any(len(case.names) > _NAMES for case in finding.cases)
        for finding in findings.found
    )


def _rest(count: int) -> list[str]:
    return [f"and {count:,} more"] if count > 0 else []


def _verdict(findings: Findings) -> Text:
    from rich.text import Text

    errors, warnings = (findings.of(each) for each in (Severity.ERROR, Severity.WARNING))
    also = f"; {_kinds(warnings, 'warning')}" if warnings else ""
    if errors:
        text = f"{_kinds(errors, 'error')}{also}: results on these images would be unreliable"
        return Text(text, _STYLE[Severity.ERROR])
    if warnings:
        text = f"no errors; {_kinds(warnings, 'warning')} to look at"
        return Text(text, _STYLE[Severity.WARNING])
    images = count_of(findings.images, "image")
    looked_for = wrapped(findings.looked_for)
    return Text(f"no problems found in {images}; looked for:\n{looked_for}", "green")


def _kinds(found: Sequence[Finding], severity: str) -> str:
    return f"{severity}s of {count_of(len(found), 'kind')}"


def _table(titles: Sequence[str]) -> Table:
    from rich.table import Table

    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for place, title in enumerate(titles):
        table.add_column(title, justify="right" if place else "left", no_wrap=True)
    return table


def _line(text: str) -> Text:
    from rich.text import Text

    return Text(text)
