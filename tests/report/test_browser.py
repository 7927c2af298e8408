"""The page in a browser: no error, no missing picture, no sideways scrolling, text that is read."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest

from imgrec.evaluation.prediction import Answer, ModelInfo, Prediction, Ranked
from imgrec.evaluation.results import Assessment
from imgrec.report.board import BoardRun, board_page
from imgrec.report.html import ReportContext, mistakes, page
from imgrec.report.layers_page import layers_page
from imgrec.report.pictures import thumbnail
from imgrec.report.predictions_page import PhotoPictures, PredictionsPage
from imgrec.runs.summary import RunSummary
from imgrec.scores import Decision
from tests.report.boards import board_runs
from tests.report.everything import BACKGROUND, everything
from tests.report.followed import followed

playwright = pytest.importorskip("playwright.sync_api")

LONG = "validation/a_folder_with_a_rather_long_name/" + "and_a_photo_whose_name_never_ends" * 3

pytestmark = pytest.mark.long

PAGES = ["written", "of_layers", "predicted", "of_runs"]

# Every visible text with its colour and the first background behind it that is not transparent.
TEXTS = """() => {
  const behind = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const colour = getComputedStyle(at).backgroundColor;
      if (!/, 0\\)$/.test(colour)) return colour;
    }
    return getComputedStyle(document.documentElement).backgroundColor;
  };
  const found = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node; (node = walker.nextNode());) {
    const element = node.parentElement;
    if (!node.textContent.trim() || !element.getClientRects().length) continue;
    found.push([node.textContent.trim(), getComputedStyle(element).color, behind(element)]);
  }
  return found;
}"""
MISSING = "() => [...document.images].filter(each => !each.naturalWidth).map(each => each.alt)"
SHOWN = (
    "() => [...document.querySelectorAll('.chosen > li')].filter(each => each.offsetWidth).length"
)
WIDTHS = "() => [document.documentElement.scrollWidth, innerWidth]"


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Chromium, where the machine has one."""
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if chromium is None:
        pytest.skip("no chromium on this machine")
    with playwright.sync_playwright() as started:
        yield started.chromium.launch(
            executable_path=chromium, args=["--no-sandbox", "--disable-gpu"]
        )


@pytest.fixture(scope="module")
def written(
    assessment: Callable[..., Assessment], tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """A page with everything in it, long names among it."""
    found = everything(assessment(["cat", "d" * 80, LONG]))
    picture = thumbnail(np.full((192, 128, 3), 99, np.uint8))
    names = (found.scores.names[row] for row in mistakes(found).rows)
    pictures = dict.fromkeys(names, picture)
    context = ReportContext(
        BACKGROUND.history,
        2,
        BACKGROUND.data_check,
        f"{BACKGROUND.config}{LONG}\n",
        pictures,
        dict.fromkeys(mistakes(found).worst, picture),
        sheet=True,
    )
    path = tmp_path_factory.mktemp("page") / "report.html"
    path.write_text(page(found, context), "utf-8")
    return path


@pytest.fixture(scope="module")
def of_layers(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A page of a network's layers, long names among it."""
    path = tmp_path_factory.mktemp("page") / "layers.html"
    found = followed(LONG, class_name="d" * 80, layer="conv" * 30)
    path.write_text(layers_page(found, LONG), "utf-8")
    return path


@pytest.fixture(scope="module")
def of_runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A board of runs, long names among them."""
    path = tmp_path_factory.mktemp("page") / "board.html"
    long = RunSummary(name=LONG, tags=("t" * 64,), note=LONG, data=LONG, settings={LONG: LONG})
    path.write_text(
        board_page([BoardRun(long), *board_runs(30)], of=LONG, facts=[(LONG, [LONG])]), "utf-8"
    )
    return path


@pytest.fixture(scope="module")
def predicted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A page of photos with their predictions, long names among them, and a few without."""
    path = tmp_path_factory.mktemp("page") / "predictions.html"
    members = [ModelInfo(name, ("cat", "d" * 80), Decision(0.6)) for name in ("one", LONG)]
    small = thumbnail(np.full((192, 128, 3), 99, np.uint8))
    page = PredictionsPage(members, heat_maps=True)
    photos = [_prediction(f"{number}-{LONG}", members, number) for number in range(9)]
    broken = Prediction(LONG, (), LONG, known=False)
    pictures = [*(PhotoPictures(small, small) for _ in photos), PhotoPictures()]
    path.write_text("".join(page.page([page.tiles([*photos, broken], pictures)])), "utf-8")
    return path


def _prediction(name: str, members: Sequence[ModelInfo], number: int) -> Prediction:
    cat, dog = members[0].classes
    label = (cat, dog, None)[number % 3]
    share = 0.75 if label == cat else 0.55
    top = Ranked(cat, share), Ranked(dog, 1 - share)
    labels = () if label is None else (label,)
    answers = tuple(Answer(each.model, top, label is not None, labels) for each in members)
    return Prediction(
        name, top, known=label is not None, answers=answers, agree=number < 6, labels=labels
    )


def opened(
    browser: Any, path: Path, width: int, scheme: Literal["light", "dark"]
) -> tuple[Any, list[str]]:
    """Return the page as a browser shows it, everything unfolded, and its console errors."""
    found = browser.new_page(viewport={"width": width, "height": 800}, color_scheme=scheme)
    said: list[str] = []
    found.on("console", lambda message: said.append(message.text))
    found.on("pageerror", lambda error: said.append(str(error)))
    found.on("request", lambda request: said.append(request.url[:99]))
    found.goto(path.as_uri())
    found.evaluate("() => document.querySelectorAll('details').forEach(each => each.open = true)")
    return found, [each for each in said if not each.startswith(("data:", path.as_uri()))]


@pytest.mark.parametrize(("scheme", "width"), [("light", 360), ("dark", 1200)])
@pytest.mark.parametrize("name", PAGES)
def test_the_page_is_whole_and_can_be_read(
    browser: Any,
    request: pytest.FixtureRequest,
    name: str,
    scheme: Literal["light", "dark"],
    width: int,
) -> None:
    """No error, no request, every picture, no sideways scrolling, WCAG's contrast of 4.5."""
    found, said = opened(browser, request.getfixturevalue(name), width, scheme)
    assert said == []
    assert found.evaluate(MISSING) == []
    needed, there = found.evaluate(WIDTHS)
    assert needed <= there
    texts = found.evaluate(TEXTS)
    assert len(texts) > 50
    assert [text for text, ink, paper in texts if contrast(ink, paper) < 4.5] == []


def test_the_page_goes_by_keyboard(browser: Any, written: Path) -> None:
    """The first stop skips to the report; what scrolls can be reached; the focus is seen."""
    found, _ = opened(browser, written, 360, "light")
    found.keyboard.press("Tab")
    assert found.evaluate("() => document.activeElement.textContent") == "Skip to the report"
    stops = set()
    for _ in range(60):
        found.keyboard.press("Tab")
        outline, label = found.evaluate(
            "() => [getComputedStyle(document.activeElement).outlineStyle,"
            " document.activeElement.getAttribute('aria-label')]"
        )
        stops.add(label)
        if found.evaluate("() => document.activeElement !== document.body"):
            assert outline != "none", label
    assert {"Metrics", "Classes", "Config"} <= stops


@pytest.mark.parametrize(
    ("name", "choice", "shown"),
    [("written", "wrong", 2), ("written", "right", 10), ("predicted", "unknown", 3)],
)
def test_a_choice_shows_some_of_the_images(
    browser: Any, request: pytest.FixtureRequest, name: str, choice: str, shown: int
) -> None:
    """By keyboard or mouse, without a script; the first choice shows all again."""
    found, _ = opened(browser, request.getfixturevalue(name), 1200, "light")
    everything = found.evaluate(SHOWN)
    assert everything > shown
    for key, expected in ((choice, shown), ("all", everything)):
        found.check(f"#only-{key}")
        assert found.evaluate(SHOWN) == expected


@pytest.mark.parametrize("name", PAGES)
def test_headings_are_in_order(browser: Any, request: pytest.FixtureRequest, name: str) -> None:
    """One h1, and no level is left out on the way down; tables say what their heads are for."""
    found, _ = opened(browser, request.getfixturevalue(name), 1200, "light")
    levels = found.evaluate(
        "() => [...document.querySelectorAll('h1,h2,h3,h4')].map(each => +each.tagName[1])"
    )
    assert levels.count(1) == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))
    assert found.evaluate("() => document.querySelectorAll('th:not([scope])').length") == 0
    assert found.evaluate("() => document.querySelectorAll('img:not([alt])').length") == 0


def contrast(ink: str, paper: str) -> float:
    """Return the contrast of two colours, `rgb(0, 0, 0)`, as WCAG 2 defines it."""
    lighter, darker = sorted(map(luminance, (ink, paper)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def luminance(colour: str) -> float:
    """Return WCAG's relative luminance."""
    channels = [float(each) / 255 for each in colour[colour.index("(") + 1 : -1].split(",")[:3]]
    linear = [
        each / 12.92 if each <= 0.04045 else ((each + 0.055) / 1.055) ** 2.4 for each in channels
    ]
    return float(np.dot(linear, (0.2126, 0.7152, 0.0722)))
