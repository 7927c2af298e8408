"""The page of the service in a browser: teach, relabel, delete, publish, classify."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.serve.running import Running
from tests.teaching.small import create, picture, pictures

playwright = pytest.importorskip("playwright.sync_api")

SECONDS = 60
WIDTHS = "() => [document.documentElement.scrollWidth, innerWidth]"


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A service with an empty classifier, `pets`."""
    folder: Path = tmp_path_factory.mktemp("page")
    create(folder / "classifiers/pets").close()
    with Running(["--classifiers", "classifiers"], folder) as running:
        yield running


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


class Visit:
    """A tab of the page; `said` are errors, and requests to other hosts, which are refused."""

    def __init__(self, browser: Any, service: Running, **options: Any) -> None:
        self.said: list[str] = []
        self._own = f"http://127.0.0.1:{service.port}/"
        context = browser.new_context(**options)
        context.route(lambda url: not url.startswith((self._own, "blob:")), self._refuse)
        self.page = context.new_page()
        self.page.set_default_timeout(1000 * SECONDS)
        self.page.on("console", lambda message: self.said.append(message.text))
        self.page.on("pageerror", lambda error: self.said.append(str(error)))

    def _refuse(self, route: Any) -> None:
        self.said.append(route.request.url)
        route.abort()

    def go(self, place: str) -> None:
        """Go to a place of the page."""
        self.page.goto(f"{self._own}#/{place}")

    def has(self, selector: str, text: str) -> None:
        """Wait until a part of the page has a text."""
        playwright.expect(self.page.locator(selector)).to_contain_text(
            re.compile(text), timeout=1000 * SECONDS
        )

    def press(self, name: str) -> None:
        """Press the button of a name."""
        self.page.get_by_role("button", name=name, exact=True).click()


def _files(contents: Sequence[bytes]) -> list[dict[str, Any]]:
    return [
        {"name": f"{number}.png", "mimeType": "image/png", "buffer": content}
        for number, content in enumerate(contents)
    ]


def test_the_story(browser: Any, service: Running) -> None:
    """Two classes are taught, photos are relabelled and deleted; what is published classifies."""
    visit = Visit(browser, service, viewport={"width": 1280, "height": 800})
    page = visit.page
    visit.go("")
    page.get_by_role("link", name="pets").click()
    visit.has(".standing", "Two classes with two photos each")
    for name, red in (("red", True), ("blue", False)):
        page.get_by_label("Name of a new class").fill(name)
        page.keyboard.press("Enter")
        card = page.locator(".class", has=page.get_by_role("heading", name=name))
        with page.expect_file_chooser() as chooser:
            card.get_by_role("button", name="Add photos").click()
        chooser.value.set_files(_files(pictures(0 if red else 100, 10, red=red)))
        playwright.expect(card).to_contain_text("10 photos")
        playwright.expect(card.locator(".strip img:not(.waiting)").first).to_be_visible()
    visit.has(".standing", r"between .* and .*cross-validated with 20 photos")

    page.get_by_role("link", name="Photos").click()
    page.get_by_role("radio", name="red").check()
    shown = page.locator(".photos > li:visible")
    playwright.expect(shown).to_have_count(10)
    shown.first.get_by_role("button").focus()
    page.keyboard.press("1")  # blue
    playwright.expect(shown).to_have_count(9)
    page.keyboard.press("z")
    playwright.expect(shown).to_have_count(10)
    shown.first.get_by_role("button").focus()
    page.keyboard.press("Delete")
    visit.press("Cancel")
    playwright.expect(shown).to_have_count(10)
    page.keyboard.press("Delete")
    visit.press("Delete")
    playwright.expect(shown).to_have_count(9)

    page.get_by_role("link", name="Teach").click()
    visit.press("Publish")
    visit.has(".publish", "Version 1 answers")
    with page.expect_file_chooser() as chooser:
        visit.press("Choose a photo")
    chooser.value.set_files(_files([picture(50, red=True)]))
    visit.has(".answered .answer", "red")
    visit.press("Heat map")
    playwright.expect(page.get_by_alt_text("Heat map of")).to_be_visible()

    page.get_by_role("link", name="Versions").click()
    visit.has(".version.published", "pets-1 answers now")
    with page.expect_download() as download:
        visit.press(".tflite")
    assert download.value.suggested_filename == "pets-1.tflite"
    with page.expect_popup() as popup:
        page.get_by_role("link", name="Report").click()
    assert "pets-1" in popup.value.title()
    assert visit.said == []


@pytest.mark.parametrize("place", ["", "?ask", "pets", "pets/photos", "pets/versions"])
def test_the_page_fits_a_phone(browser: Any, service: Running, place: str) -> None:
    """In the dark too: no sideways scrolling, one h1, and nothing from other hosts."""
    visit = Visit(browser, service, viewport={"width": 360, "height": 740}, color_scheme="dark")
    visit.go(place)
    visit.page.get_by_role("heading", level=1).wait_for()
    needed, there = visit.page.evaluate(WIDTHS)
    assert needed <= there
    assert visit.said == []
