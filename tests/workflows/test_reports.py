"""Reports are looked at before work, and written whole."""

from __future__ import annotations

import logging
import shutil
from pathlib import Path

import pytest

from imgrec.errors import RunError, UsageError
from imgrec.runs.folder import Run
from imgrec.workflows.evaluation import EvaluationRequest, evaluate
from imgrec.workflows.reports import append_summary, check_reports


def test_every_form_of_a_run(trained: Run, tmp_path: Path) -> None:
    """`evaluate` writes each file; the page has the run's curves and pictures of mistakes."""
    names = ("junit.xml", "summary.md", "numbers.json", "images.csv", "page.html")
    found = evaluate(trained, EvaluationRequest(reports=[tmp_path / name for name in names]))
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(names)
    page = (tmp_path / "page.html").read_text()
    assert page.count("data:image/webp") > 0
    assert 'id="training"' in page
    assert len((tmp_path / "images.csv").read_text().splitlines()) == 1 + found.evaluation.images


def test_a_training_writes_the_same_page(trained: Run) -> None:
    """The run's own report has everything that `evaluate` would write."""
    page = (trained.path / "report.html").read_text()
    for part in ("data:image/webp", 'id="training"', 'id="config"', "found no problems"):
        assert part in page


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("check.json", "[" * 100_000),
        ("check.json", '{"findings": [], "counts": [1], "not_checked": [1]}'),
        ("history.csv", "epoch,loss\n1," + "1" * 140_000),
    ],
)
def test_damaged_files_are_left_out_of_the_page(
    trained: Run, tmp_path: Path, caplog: pytest.LogCaptureFixture, name: str, content: str
) -> None:
    """A warning names the file."""
    folder = shutil.copytree(trained.path, tmp_path / "run")
    (folder / name).write_text(content)
    run = Run(folder, trained.card)
    with caplog.at_level(logging.WARNING, "imgrec"):
        evaluate(run, EvaluationRequest(reports=[tmp_path / "page.html"]))
    assert 'id="config"' in (tmp_path / "page.html").read_text()
    assert f"left out of the report: {folder / name} can't be read" in caplog.messages


def test_places_are_looked_at_before_work(tmp_path: Path) -> None:
    """A wrong suffix is wrong usage; a missing folder, or a folder, can't be written."""
    check_reports([tmp_path / "a.md"])
    with pytest.raises(UsageError, match=r"b\.txt: unknown format \.txt"):
        check_reports([tmp_path / "a.md", tmp_path / "b.txt"])
    with pytest.raises(RunError, match=r"missing/a\.md can't be written: there is no folder"):
        check_reports([tmp_path / "missing" / "a.md"])
    (tmp_path / "c.md").mkdir()
    with pytest.raises(RunError, match=r"c\.md is a folder"):
        check_reports([tmp_path / "c.md"])
    assert [path.name for path in tmp_path.iterdir()] == ["c.md"]


def test_a_summary_is_added_to_what_is_there(
    trained: Run, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """What other steps wrote stays; where there is no place, a warning says so."""
    found = evaluate(trained)
    place = tmp_path / "summary.md"
    place.write_text("others\n")
    append_summary(place, found)
    assert place.read_text().startswith("others\n## Accuracy ")
    with caplog.at_level(logging.WARNING, "imgrec"):
        append_summary(tmp_path / "no" / "summary.md", found)
    assert caplog.messages == [f"no summary in {tmp_path}/no/summary.md: no such file or directory"]
