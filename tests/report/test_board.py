"""The board of many runs."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from imgrec.evaluation.importance import importance
from imgrec.report.board import BoardRun, board_page
from imgrec.runs.summary import MetricSummary, RunSummary
from tests.report.boards import RATE, board_runs

HOSTILE = "</script><script>alert(1)</script>\x1b[2J\u202e"


def data_of(page: str) -> dict[str, Any]:
    """Return the data in a page."""
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', page, re.DOTALL)
    assert found
    data: dict[str, Any] = json.loads(found[1])
    return data


def test_the_page_holds_what_differs() -> None:
    """Metrics with intervals, curves, costs, and the settings that vary; not those that don't."""
    data = data_of(board_page(board_runs(30), of="in runs", facts=[("looked at", ["7 times"])]))
    columns = {each["key"]: each for each in data["columns"]}
    assert data["names"][:2] == ["cats-1", "cats-2"]
    assert columns["accuracy"]["low"][0] < columns["accuracy"]["values"][0]
    assert columns["accuracy"]["values"][9] is None
    assert [columns[key]["label"] for key in (RATE, "model.layers[1].Dense.units")] == [
        "learning_rate",
        "Dense.units",
    ]
    assert "training.on_nan" not in columns
    assert len(data["curves"]["val_loss"][0]) == board_runs(1)[0].summary.epochs
    assert data["ranked"] == "accuracy"


def test_only_the_script_of_the_page_runs() -> None:
    """The policy names its hash, and nothing else may be loaded."""
    page = board_page(board_runs(3))
    policy = re.search(r'Content-Security-Policy" content="([^"]+)"', page)
    scripts = re.findall(r'<script type="module">(.*?)</script>', page, re.DOTALL)
    assert policy
    assert len(scripts) == 1
    digest = base64.b64encode(hashlib.sha256(scripts[0].encode()).digest()).decode()
    assert f"script-src 'sha256-{digest}'" in policy[1]
    assert policy[1].startswith("default-src 'none'")


def test_names_can_not_leave_the_data() -> None:
    """Of runs, settings, tags and notes, which may come from a stranger."""
    run = RunSummary(name=HOSTILE, note=HOSTILE, data=HOSTILE, settings={HOSTILE: HOSTILE})
    page = board_page([BoardRun(run), *board_runs(2)], of=HOSTILE)
    assert "alert(1)</script>" not in page
    assert page.count("</script>") == 2
    assert data_of(page)["names"][0] == r"</script><script>alert(1)</script>\x1b[2J\u202e"


def test_what_can_not_be_measured_is_left_out() -> None:
    """Runs without metrics, history, settings or costs are listed; long histories are thinned."""
    nan = float("nan")
    runs = [
        BoardRun(RunSummary(name="a"), {"val_loss": [nan, *[1.0] * 999]}),
        BoardRun(RunSummary(name="b", logs={"val_loss": 0.5})),
    ]
    data = data_of(board_page(runs))
    assert data["ranked"] == "val_loss"
    assert data["curves"]["val_loss"][0][:2] == [None, 1.0]
    assert len(data["curves"]["val_loss"][0]) == 200
    assert data["every"] == [5, 1]
    assert data["importance"] is None
    assert data_of(board_page([BoardRun(RunSummary(name="a"))]))["ranked"] == ""


def test_importance() -> None:
    """The setting that matters is found; with noise alone, nothing is predicted."""
    runs = [run.summary for run in board_runs(200)]
    settings = {key: [run.settings[key] for run in runs] for key in (RATE, "seed")}
    found = importance(settings, [run.value("accuracy") for run in runs])  # type: ignore[misc]
    assert found is not None
    assert found.runs == 180
    assert found.explained > 0.7
    assert [each.name for each in found.settings] == [RATE, "seed"]
    assert found.settings[0].importance > 0.6
    assert found.settings[1].importance < 0.05
    noise = importance({"seed": range(100)}, [(number * 7919 % 101) / 101 for number in range(100)])
    assert noise is not None
    assert noise.explained < 0.1
    assert importance(settings, [0.5] * 200) is None
    assert importance({"a": range(19)}, [*range(19)]) is None


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """The board of a thousand runs in Chromium."""
    playwright = pytest.importorskip("playwright.sync_api")
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if chromium is None:
        pytest.skip("no chromium on this machine")
    path = tmp_path_factory.mktemp("board") / "board.html"
    path.write_text(board_page(board_runs(1000)), "utf-8")
    with playwright.sync_playwright() as started:
        browser = started.chromium.launch(
            executable_path=chromium, args=["--no-sandbox", "--disable-gpu"]
        )
        found = browser.new_page(viewport={"width": 1200, "height": 900})
        said: list[str] = []
        found.on("console", lambda message: said.append(message.text))
        found.on("pageerror", lambda error: said.append(str(error)))
        found.goto(path.as_uri())
        yield found
        assert said == []
        browser.close()


@pytest.fixture
def board(page: Any) -> Any:
    """The same, as it is at first."""
    page.locator("#reset").click()
    _expect(page, "1,000 runs")
    return page


def _expect(board: Any, shown: str | re.Pattern[str]) -> None:
    """Wait until the page says how many runs it shows."""
    from playwright.sync_api import expect

    expect(board.locator("#shown")).to_have_text(shown)


def accuracies(board: Any) -> list[float]:
    """Return the first column of the table; runs without an accuracy are left out."""
    cells = board.locator("#runs tbody tr td:nth-child(2)").all_inner_texts()
    return [float(cell.split()[0]) for cell in cells if "%" in cell]


@pytest.mark.long
def test_the_table_is_sorted_by_keyboard(board: Any) -> None:
    """The best first; a heading reverses the order and says so; all runs can be shown."""
    found = accuracies(board)
    assert found == sorted(found, reverse=True)
    heading = board.locator("#runs th", has_text="accuracy")
    heading.locator("button").press("Enter")
    assert heading.get_attribute("aria-sort") == "ascending"
    assert board.evaluate("() => document.activeElement.textContent").startswith("accuracy")
    found = accuracies(board)
    assert found == sorted(found)
    assert board.locator("#runs tbody tr").count() == 100
    board.get_by_text("show 900 more").click()
    assert board.locator("#runs tbody tr").count() == 1000


@pytest.mark.long
def test_runs_are_found_and_chosen(board: Any) -> None:
    """By words, by an axis of the settings, also with the keyboard, and by being complete."""
    board.fill("#find", "dense.units=128 best")
    _expect(board, re.compile("^[0-9]+ of 1,000 runs$"))
    first = int(board.inner_text("#shown").split()[0])
    assert 20 < first < 80
    handle = board.locator("#axes .handle").first
    handle.focus()
    for _ in range(5):
        board.keyboard.press("ArrowUp")
    fewer = int(board.inner_text("#shown").split()[0])
    assert fewer < first
    board.keyboard.press("Escape")
    assert int(board.inner_text("#shown").split()[0]) == first
    board.check("#complete")
    assert int(board.inner_text("#shown").split()[0]) < first


@pytest.mark.long
def test_runs_are_picked_and_compared(board: Any) -> None:
    """In a chart by arrow keys and Enter, or in the table; their settings stand side by side."""
    best, other = board.locator("#runs tbody th bdi").all_inner_texts()[:2]
    board.locator("#curves svg").focus()
    board.keyboard.press("ArrowRight")
    assert board.locator("#curves .tip strong").inner_text() == best
    board.keyboard.press("Enter")
    assert board.locator("#runs tbody tr.pinned").count() == 1
    board.locator("#runs tbody input").nth(1).check()
    heads = board.locator("#compare thead bdi").all_inner_texts()
    assert heads == [best, other]
    assert "learning_rate" in board.locator("#compare tbody").inner_text()


@pytest.mark.long
def test_a_pointer_that_rests_picks_no_run(board: Any) -> None:
    """Also if the page moves below it, while the keyboard goes from run to run."""
    best = board.locator("#runs tbody th bdi").first.inner_text()
    chart = board.locator("#curves svg")
    chart.focus()
    box = chart.bounding_box()
    board.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    board.keyboard.press("Home")
    for top in (0, 300, 0):
        board.evaluate("top => window.scrollTo(0, top)", top)
        board.wait_for_timeout(200)
        assert board.locator("#curves .tip strong").inner_text() == best


@pytest.mark.long
def test_numbers_say_no_more_than_is_true(page: Any, tmp_path: Path) -> None:
    """What is nearly 1, or nearly 0, is shown as a bound, as in the tables of the terminal."""
    accuracy, loss = MetricSummary(0.9999, 0.9998, 1.0), MetricSummary(1e-5, 1e-6, 0.1)
    runs = [
        RunSummary(name="a", complete=True, metrics={"accuracy": accuracy, "log_loss": loss}),
        RunSummary(name="b", complete=True, metrics={"accuracy": MetricSummary(0.5, 0.4, 0.6)}),
    ]
    path = tmp_path / "board.html"
    path.write_text(board_page([BoardRun(each) for each in runs]), "utf-8")
    board = page.context.browser.new_page()
    board.goto(path.as_uri())
    row, cards = board.locator("#runs tbody tr").first, board.locator(".cards").inner_text()
    accuracies, interval = row.inner_text(), row.locator(".level").get_attribute("title")
    board.select_option("#rank", "log_loss")
    losses = row.inner_text()
    board.close()
    assert "> 99.9 %" in cards
    assert "> 99.9 %" in accuracies
    assert "< 0.0001" in losses
    assert interval == "> 99.9 % to 100.0 % (95 %)"


@pytest.mark.long
def test_the_pareto_front_is_not_beaten(board: Any) -> None:
    """From run to run it costs more and is better; runs can be ranked by another metric."""
    parts = [
        re.search(r": ([\d.]+) %, (\d+)", text)
        for text in board.locator("#cost .front-list button").all_inner_texts()
    ]
    front = [(float(part[1]), float(part[2])) for part in parts if part]
    assert len(front) == len(parts) > 1
    assert front == sorted(front)
    board.select_option("#rank", "log_loss")
    cells = board.locator("#runs tbody tr td:nth-child(2)").all_inner_texts()
    losses = [float(cell.split()[0]) for cell in cells if cell != "–"]
    assert len(losses) > 90
    assert losses == sorted(losses)


@pytest.mark.long
def test_importance_is_shown(board: Any) -> None:
    """With what it rests on, the most important setting first."""
    text = board.locator("#importance").inner_text()
    assert "of the variance of the accuracy" in text
    assert board.locator("#importance .key").first.inner_text() == "learning_rate"
