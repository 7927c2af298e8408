"""The list of runs as a table."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from imgrec.report.run_list import cells, fitted
from imgrec.runs.settings import Setting
from imgrec.runs.summary import MetricSummary, RunSummary, predecessors

MEASURED = {"accuracy": MetricSummary(0.95, 0.9, 0.99)}


@pytest.mark.parametrize(
    ("run", "accuracy"),
    [
        (RunSummary(name="a", complete=True, metrics=MEASURED), "95.0 % (90.0 to 99.0)"),
        (RunSummary(name="a", complete=True), "not measured"),
        (RunSummary(name="a", kind="solved"), "unfinished"),
        (
            RunSummary(name="a", epochs=3, best={"epoch": 2, "monitor": "val_loss", "value": 0.25}),
            "unfinished, 3 epochs, val_loss 0.2500",
        ),
        (RunSummary(name="a", complete=True, kind="imported"), "imported"),
        (RunSummary(name="a", kind="imported"), "imported, unfinished"),
        (
            RunSummary(name="a", complete=True, kind="calibrated", origin="b"),
            "calibrated from b",
        ),
    ],
)
def test_accuracy_or_why_there_is_none(run: RunSummary, accuracy: str) -> None:
    """A run that is not complete, or was not evaluated, says so."""
    assert cells([run], ["accuracy"], {}) == [(accuracy,)]


def test_changes() -> None:
    """The settings and the images that differ; many are counted."""
    before: dict[str, Setting] = {f"x.k{number}": number for number in range(5)}
    after: dict[str, Setting] = {"x.k0": True, "z.k1": 3e-5, "x.k3": "a\x1b"}
    one = RunSummary(name="a", created="1", fingerprint="0", settings=before)
    two = RunSummary(name="b", created="2", fingerprint="1", settings=after)
    none, found = cells([one, two], ["changes"], predecessors([one, two]))
    assert none == ("",)
    assert found == ("k0 0 -> true, x.k1 1 -> none, k2 2 -> none, k3 3 -> a\\x1b and 3 more",)


@dataclass(frozen=True)
class _Table:
    header: tuple[str, ...]
    rows: list[tuple[str, ...]]


TABLE = _Table(
    ("name", "created", "data", "changes"),
    [
        ("cats-1", "2026-01-02 10:00", "/home/me/photos/of/cats", "learning_rate 0.01 -> 0.001"),
        ("cats-2", "2026-01-02 11:00", "/home/me/photos/of/cars", "epochs 3 -> 5"),
    ],
)


@pytest.mark.parametrize("width", [36, 50, 60, 70, 200])
def test_a_table_fits_the_terminal(width: int) -> None:
    """Texts lose their middle, then the last columns go; names stay different."""
    header, rows = fitted(TABLE.header, TABLE.rows, width)
    table = [tuple(header), *rows]
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    assert sum(widths) + 2 * (len(widths) - 1) <= width
    assert header[0] == "name"
    assert len(set(rows)) == 2
    if width == 200:
        assert [*map(tuple, rows)] == TABLE.rows
