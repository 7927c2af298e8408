"""The page of the service in a browser: teach, relabel, delete, publish, classify."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from imgrec.files import sha256
from imgrec.serve.security import add_token
from tests.conftest import PROJECT
from tests.serve.running import Running
from tests.teaching.small import create, picture, pictures, taught

playwright = pytest.importorskip("playwright.sync_api")
axe = pytest.importorskip("axe_playwright_python.sync_playwright")

SECONDS = 60
playwright.expect.set_options(timeout=1000 * SECONDS)
WIDTHS = "() => [document.documentElement.scrollWidth, innerWidth]"
LARGE = {"viewport": {"width": 1280, "height": 800}}
PHONE = {"viewport": {"width": 360, "height": 740}, "color_scheme": "dark", "has_touch": True}
PLACES = {
    "": "Your classifiers",
    "?ask": "What is in the photo?",
    "birds": "birds",
    "birds/photos": "birds",
    "birds/versions": "birds",
    "nothing": "Not found",
}
"""Places of the page, and their headings."""

# A photo that is dropped, or pasted.
GIVE = """(element, [kind, bytes]) => {
  const transfer = new DataTransfer();
  transfer.items.add(new File([Uint8Array.from(bytes)], kind + ".png", { type: "image/png" }));
  const given = { bubbles: true, dataTransfer: transfer, clipboardData: transfer };
  const Kind = kind === "drop" ? DragEvent : ClipboardEvent;
  element.dispatchEvent(new Kind(kind, given));
}"""


class Tokened(NamedTuple):
    """A service, its token to manage, one that may only ask, and the folder of its classifiers."""

    running: Running
    token: str
    asking: str
    classifiers: Path


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tokened]:
    """A service with an empty classifier, `pets`, and two that were taught, `birds` and `many`."""
    folder: Path = tmp_path_factory.mktemp("page")
    create(folder / "classifiers/pets").close()
    for name in ("birds", "many"):
        taught(folder / "classifiers" / name).close()
    token, asking = (add_token(folder / "tokens.json", right) for right in ("manage", "ask"))
    arguments = ["--classifiers", "classifiers", "--token-file", "tokens.json"]
    with Running(arguments, folder) as running:
        yield Tokened(running, token, asking, folder / "classifiers")


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Chromium, where the machine has one, with a drawn camera."""
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if chromium is None:
        pytest.skip("no chromium on this machine")
    camera = ["--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"]
    with playwright.sync_playwright() as started:
        yield started.chromium.launch(
            executable_path=chromium, args=["--no-sandbox", "--disable-gpu", *camera]
        )


class Visit:
    """A tab of the page; `said` are errors, and requests to other hosts, which are refused."""

    def __init__(self, browser: Any, service: Tokened, **options: Any) -> None:
        self.said: list[str] = []
        self._own = f"http://127.0.0.1:{service.running.port}/"
        context = browser.new_context(**options)
        context.route(lambda url: not url.startswith((self._own, "blob:")), self._refuse)
        self.page = context.new_page()
        self.page.set_default_timeout(1000 * SECONDS)
        self.page.on(
            "console", lambda message: self.said.append(f"{message.text} {message.location}")
        )
        self.page.on("pageerror", lambda error: self.said.append(str(error)))

    def enter(self, token: str) -> None:
        """Keep a token for the tab."""
        self.page.add_init_script(f"sessionStorage.setItem('imgrec-token', '{token}')")

    def _refuse(self, route: Any) -> None:
        self.said.append(route.request.url)
        route.abort()

    def go(self, place: str) -> None:
        """Go to a place of the page."""
        self.page.goto(f"{self._own}#/{place}")

    def has(self, selector: str, text: str) -> None:
        """Wait until a part of the page has a text."""
        playwright.expect(self.page.locator(selector)).to_contain_text(re.compile(text))

    def press(self, name: str) -> None:
        """Press the button of a name."""
        self.page.get_by_role("button", name=name, exact=True).click()


def _files(contents: Sequence[bytes]) -> list[dict[str, Any]]:
    return [
        {"name": f"{number}.png", "mimeType": "image/png", "buffer": content}
        for number, content in enumerate(contents)
    ]


@pytest.mark.long
def test_the_story(browser: Any, service: Tokened, tmp_path: Path) -> None:
    """Two classes are taught, photos are relabelled and deleted; what is published classifies.

    It is the same file that the command line and Python make of the same photos.
    """
    visit = Visit(browser, service, **LARGE)
    visit.go("")
    _enter_token(visit, service.token)
    visit.page.get_by_role("button", name="Forget token").wait_for()
    visit.page.get_by_role("link", name="pets").click()
    _teach(visit)
    _relabel(visit)
    _select(visit)
    _delete(visit)
    _publish_and_ask(visit)
    _download(visit)
    assert [each for each in visit.said if "401" not in each] == []
    pets = service.classifiers / "pets"
    folders = sorted((pets / "photos").iterdir())
    expected = (pets / "versions/pets-1/model.tflite").read_bytes()
    assert _taught_from_python(tmp_path, folders) == expected
    assert _taught_on_the_command_line(tmp_path, folders) == expected


@pytest.mark.long
def test_a_name_that_is_not_allowed(browser: Any, service: Tokened) -> None:
    """The dialog says at the field what is allowed, and takes another name then."""
    visit = Visit(browser, service, **LARGE)
    visit.enter(service.token)
    visit.go("")
    visit.press("New classifier")
    for name in ("a/b", "..", "pets"):
        visit.page.get_by_label("Name").fill(name)
        visit.page.keyboard.press("Enter")
        visit.has("dialog .error", rf"{re.escape(name)} (can't be .*; a name|already)")
    visit.page.get_by_label("Name").fill("  ")
    visit.page.keyboard.press("Enter")
    assert visit.page.get_by_label("Name").evaluate("field => field.validity.valueMissing")
    visit.page.get_by_label("Name").fill("fish")
    visit.page.keyboard.press("Enter")
    visit.page.get_by_role("heading", level=1, name="fish").wait_for()
    for name, why in (
        ("a/b", "a/b can't be the name of a class; it is that of a folder"),
        ("trout", "^$"),
        ("trout", "there is a class trout already"),
        ("perch", "^$"),
    ):
        visit.page.get_by_label("Name of a new class").fill(name)
        visit.page.keyboard.press("Enter")
        visit.has(".class.new .error", why)
    visit.page.get_by_role("heading", level=3, name="perch").wait_for()


@pytest.mark.long
def test_a_class_is_added_once(browser: Any, service: Tokened) -> None:
    """Pressing Enter twice sends one request; the next name can be typed when it is answered."""
    headers = {"authorization": f"Bearer {service.token}"}
    assert service.running.ask("PUT", "/v1/classifiers/zoo", headers=headers).status == 201
    visit = Visit(browser, service, **LARGE)
    visit.enter(service.token)
    visit.go("zoo")
    requests: list[Any] = []

    def hold(route: Any) -> None:
        requests.append(route)

    visit.page.route("**/zoo/classes/otter", hold)
    field = visit.page.get_by_label("Name of a new class")
    field.fill("otter")
    with visit.page.expect_request("**/zoo/classes/otter"):
        visit.page.keyboard.press("Enter")
    visit.page.keyboard.press("Enter")
    assert not field.is_editable()
    (request,) = requests
    request.continue_()
    field.fill("badger")
    visit.page.keyboard.press("Enter")
    for name in ("otter", "badger"):
        visit.page.get_by_role("heading", level=3, name=name).wait_for()
    visit.has(".class.new .error", "^$")


@pytest.mark.long
def test_messages_are_about_their_place(browser: Any, service: Tokened) -> None:
    """One is beside the answers, not over them; in another place of the page, it is gone."""
    visit = Visit(browser, service, **LARGE)
    visit.enter(service.token)
    visit.go("birds")
    trying = visit.page.locator(".trying")
    trying.wait_for()
    visit.page.keyboard.press("z")
    visit.has("#toasts .toast", "nothing to undo")
    message, answers = visit.page.locator("#toasts").bounding_box(), trying.bounding_box()
    assert message["x"] + message["width"] <= answers["x"]
    visit.go("many")
    visit.page.get_by_role("heading", level=1, name="many").wait_for()
    playwright.expect(visit.page.locator("#toasts .toast")).to_have_count(0)
    assert visit.said == []
    for place, here in (("?ask", "Classify"), ("nothing", "Classifiers")):
        visit.go(place)
        visit.has("#places [aria-current]", f"^{here}$")


@pytest.mark.long
def test_another_token_has_its_own_rights(browser: Any, service: Tokened) -> None:
    """A token that is entered when the last one is refused can teach at once."""
    visit = Visit(browser, service, **LARGE)
    visit.enter(service.asking)
    visit.go("birds")
    visit.has(".rights", "right to manage")
    visit.page.evaluate("sessionStorage.setItem('imgrec-token', 'imgrec_withdrawn')")
    # No click: the dialog may be there already, as the page asks how good the classifier is.
    visit.page.evaluate("location.hash = '#/birds/photos'")
    visit.page.get_by_label("Token", exact=True).fill(service.token)
    visit.page.keyboard.press("Enter")
    playwright.expect(visit.page.locator(".rights")).to_be_hidden()


@pytest.mark.slow
def test_photos_are_dropped_pasted_and_taken(browser: Any, service: Tokened) -> None:
    """In the place where the focus is; the camera answers as long as it is on."""
    visit = Visit(browser, service, **LARGE)
    visit.enter(service.token)
    visit.go("birds")
    place = visit.page.get_by_label("Place for photos")
    place.focus()
    for kind in ("drop", "paste"):
        place.evaluate(GIVE, [kind, [*picture(60, red=False)]])
        visit.has(".answered .file", f"{kind}.png")
        visit.has(".answered .answer", "blue")
    visit.page.locator(".trying").get_by_role("button", name="Camera").click()
    visit.has(".live .ranked", "%")
    visit.press("Stop the camera")
    playwright.expect(visit.page.locator("video")).to_have_count(0)
    assert visit.said == []


@pytest.mark.slow
def test_looking_on(browser: Any, service: Tokened) -> None:
    """With a token that may only ask, photos are shown and tried; nothing changes them.

    Neither a button nor a key nor a photo that is dropped on a class.
    """
    visit = Visit(browser, service, **LARGE)
    visit.enter(service.asking)
    visit.go("birds")
    visit.has(".rights", "right to manage")
    assert visit.page.get_by_role("button").all_inner_texts() == [
        "Forget token",
        "Choose a photo",
        "Camera",
    ]
    card = visit.page.locator(".class").first
    card.evaluate(GIVE, ["drop", [*picture(61, red=False)]])
    visit.go("birds/photos")
    visit.page.locator(".photos .frame").first.focus()
    for key in ("Delete", "1", "2", "u", "z", "Shift+ArrowRight", "Control+a"):
        visit.page.keyboard.press(key)
    playwright.expect(visit.page.locator(".selection, dialog, .toast")).to_be_hidden()
    visit.page.locator(".photos .frame").first.click()
    actions = visit.page.get_by_role("dialog").get_by_role("button")
    assert actions.all_inner_texts() == ["←", "→", "Close"]
    visit.page.keyboard.press("2")
    visit.page.keyboard.press("ArrowRight")
    visit.has("dialog", "2 of")
    assert [each for each in visit.said if "page/manages" not in each] == []


@pytest.mark.slow
def test_a_version_that_is_refused(browser: Any, service: Tokened) -> None:
    """The page says what it does not meet, until it is published anyway."""
    path, headers = "/v1/classifiers/birds", {"authorization": f"Bearer {service.token}"}
    body = b'{"require": ["log_loss <= 0"]}'
    sent = {**headers, "content-type": "application/json"}
    assert service.running.ask("PATCH", path, body, sent).status == 200
    visit = Visit(browser, service, **LARGE)
    visit.enter(service.token)
    visit.go("birds")
    visit.press("Publish")
    visit.has(".verdict", "Not published")
    visit.press("Publish anyway")
    visit.has(".publish", "Version 1 is published")
    playwright.expect(visit.page.locator(".verdict")).to_have_count(0)


@pytest.mark.slow
def test_a_job_is_found_again(browser: Any, service: Tokened) -> None:
    """A page that is loaded while a version is published shows how far that is, until it is."""
    path, headers = "/v1/classifiers/many", {"authorization": f"Bearer {service.token}"}
    assert service.running.ask("POST", f"{path}/publish", headers=headers).status == 201
    (job,) = service.running.ask("GET", f"{path}/jobs", headers=headers).document["jobs"]
    # What the service says while the job runs, for as long as the test wants to.
    job |= {"state": "running", "step": "learning", "done": 5, "status": None, "answer": None}
    visit = Visit(browser, service, **LARGE)
    visit.enter(service.token)
    visit.page.route("**/many/jobs", lambda route: route.fulfill(json={"jobs": [job]}))
    visit.page.route("**/many/jobs/*", lambda route: route.fulfill(json=job))
    visit.go("many")
    visit.has(".jobs", "Publishing.*learning")
    visit.page.get_by_role("link", name="Photos").click()
    visit.has(".jobs", "Publishing.*learning")
    visit.page.unroute_all(behavior="wait")
    playwright.expect(visit.page.locator(".jobs > *")).to_have_count(0)
    assert visit.said == []


@pytest.mark.long
def test_the_versions_are_those_of_now(browser: Any, service: Tokened) -> None:
    """When a job ends that withdrew some, and when one comes back to a tab that is open."""
    _teach_over_rest(service, "birch", red=3, blue=3)
    ask, path = _Asking(service), "/v1/classifiers/birch"
    assert ask("POST", f"{path}/publish")["version"]["number"] == 1
    job = {"id": "1", "kind": "delete", "state": "running", "step": "", "done": 0, "total": 0}
    visit = Visit(browser, service, **LARGE)
    visit.enter(service.token)
    visit.page.route("**/birch/jobs", lambda route: route.fulfill(json={"jobs": [job]}))
    visit.page.route("**/birch/jobs/1", lambda route: route.fulfill(json=job))
    visit.go("birch/versions")
    visit.has(".version.published", "birch-1")
    visit.has(".jobs", "Deleting")
    gone = {"photos": [sha256(picture(0, red=True))]}
    assert ask("POST", f"{path}/photos:forget", gone)["published"] == 2
    job |= {"state": "done", "status": 200, "answer": {}}
    visit.has(".version.published", "birch-2")
    visit.has(".version.withdrawn", "birch-1")
    assert ask("POST", f"{path}/publish", {"force": True})["version"]["number"] == 3
    visit.page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    visit.has(".version.published", "birch-3")
    ask("POST", f"{path}/photos:forget", {"photos": [sha256(picture(1, red=True))]})
    visit.page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    visit.has("#content", "Nothing is published|birch-3 withdrawn")
    playwright.expect(visit.page.get_by_role("heading", name="Use it")).to_have_count(0)
    assert visit.said == []


@pytest.mark.slow
@pytest.mark.parametrize("options", [LARGE, PHONE], ids=["large", "phone"])
def test_everybody_can_use_the_page(
    browser: Any, service: Tokened, options: dict[str, Any]
) -> None:
    """Axe finds nothing, on a phone in the dark either; one h1, and no sideways scrolling."""
    visit = Visit(browser, service, **options, bypass_csp=True)
    visit.enter(service.token)
    for place, title in PLACES.items():
        visit.go(place)
        visit.page.get_by_role("heading", level=1, name=title).wait_for()
        needed, there = visit.page.evaluate(WIDTHS)
        assert needed <= there, place
        found = axe.Axe().run(visit.page)
        assert found.violations_count == 0, found.generate_report()
    assert [each for each in visit.said if "404" not in each] == []


@pytest.mark.long
def test_a_version_of_other_classes_is_not_compared(browser: Any, service: Tokened) -> None:
    """The page says so where one publishes, and what it promises of requirements is true."""
    _teach_over_rest(service, "snakes", red=2, blue=2)
    ask, path = _Asking(service), "/v1/classifiers/snakes"
    ask("POST", f"{path}/publish")
    visit = Visit(browser, service, **LARGE)
    visit.enter(service.token)
    visit.go("snakes/versions")
    visit.has(".settings", "If their classes differ, .* they are not compared")
    one, other = pictures(200, 2, red=False)
    ask("POST", f"{path}/classes/green/photos", one)
    visit.go("snakes")
    visit.has(".publish", "Version 1 is published.*needs at least two. Too few: green")
    playwright.expect(visit.page.get_by_role("button", name="Publish")).to_be_hidden()
    ask("POST", f"{path}/classes/green/photos", other)
    ask("PATCH", path, {"require": ["log_loss <= 0"]})
    visit.page.reload()
    visit.press("Publish")
    why = "not compared with version 1, as the classes differ: green is new"
    visit.has(".verdict", why)
    visit.press("Publish anyway")
    visit.has(".publish", f"Version 2 is published.*It was {why}")


class _Asking:
    """Requests with the right to manage, whose answers are documents."""

    def __init__(self, service: Tokened) -> None:
        self._running = service.running
        self._headers = {"authorization": f"Bearer {service.token}"}

    def __call__(self, method: str, path: str, body: bytes | dict[str, Any] = b"") -> Any:
        """Return the answer, which is not one of an error."""
        kind = {"content-type": "application/json"} if isinstance(body, dict) else {}
        content = json.dumps(body).encode() if isinstance(body, dict) else body
        found = self._running.ask(method, path, content, self._headers | kind)
        assert found.status < 300, found.document
        return found.document


def _teach_over_rest(service: Tokened, name: str, **photos: int) -> None:
    """Make a classifier with some photos of each class, in `red` and others."""
    ask, path = _Asking(service), f"/v1/classifiers/{name}"
    ask("PUT", path)
    for place, (class_name, count) in enumerate(photos.items()):
        for content in pictures(100 * place, count, red=class_name == "red"):
            ask("POST", f"{path}/classes/{class_name}/photos", content)


def _enter_token(visit: Visit, right: str) -> None:
    page = visit.page
    for token in ("imgrec_wrong", right):
        page.get_by_label("Token", exact=True).fill(token)
        page.keyboard.press("Enter")
        if token != right:
            visit.has("dialog", "not accepted")


def _teach(visit: Visit) -> None:
    page = visit.page
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


def _relabel(visit: Visit) -> None:
    page = visit.page
    page.get_by_role("link", name="Photos").click()
    page.get_by_role("radio", name="red").check()
    shown = page.locator(".photos li:visible")
    playwright.expect(shown).to_have_count(10)
    shown.first.get_by_role("button").focus()
    page.keyboard.press("1")  # blue
    playwright.expect(shown).to_have_count(9)
    page.get_by_role("radio", name="all").check()
    playwright.expect(shown).to_have_count(20)
    shown.first.get_by_role("button").focus()
    page.keyboard.press("u")
    visit.has("#toasts", "Moved to Unsure")
    page.keyboard.press("n")
    visit.has("#toasts", "Moved to None of these")
    for label in ("Unsure", "(red|blue)", "red"):
        page.keyboard.press("z")
        visit.has("#toasts", f"Moved back to {label}")
    page.get_by_role("radio", name="red").check()
    playwright.expect(shown).to_have_count(10)


def _select(visit: Visit) -> None:
    """Several photos are selected by keys and clicks, relabelled, and moved back."""
    page = visit.page
    shown = page.locator(".photos li:visible")
    shown.first.get_by_role("button").focus()
    page.keyboard.press("Shift+ArrowRight")
    visit.has(".selection", "2 photos selected")
    shown.nth(5).get_by_role("button").click(modifiers=["Control"])
    shown.nth(7).get_by_role("button").click(modifiers=["Shift"])
    visit.has(".selection", "3 photos selected")
    shown.first.get_by_role("checkbox").check()
    visit.has(".selection", "4 photos selected")
    page.get_by_label("Move to").select_option("blue")
    visit.press("Move")
    playwright.expect(shown).to_have_count(6)
    playwright.expect(page.locator(".selection")).to_be_hidden()
    page.keyboard.press("z")
    visit.has("#toasts", "4 photos moved back to red")
    playwright.expect(page.locator("#toasts .toast")).to_have_count(1)
    playwright.expect(shown).to_have_count(10)
    shown.first.get_by_role("button").focus()
    page.keyboard.press("Control+a")
    visit.has(".selection", "10 photos selected")
    page.keyboard.press("Escape")
    playwright.expect(page.locator(".selection")).to_be_hidden()


def _delete(visit: Visit) -> None:
    page = visit.page
    shown = page.locator(".photos li:visible")
    # A thumbnail that is on its way when its photo is deleted is not found.
    playwright.expect(page.locator(".photos li:visible img.waiting")).to_have_count(0)
    shown.first.get_by_role("button").focus()
    page.keyboard.press("Delete")
    visit.press("Cancel")
    playwright.expect(shown).to_have_count(10)
    page.keyboard.press("Delete")
    visit.press("Delete")
    playwright.expect(shown).to_have_count(9)


def _publish_and_ask(visit: Visit) -> None:
    page = visit.page
    page.get_by_role("link", name="Teach").click()
    visit.press("Publish")
    visit.has(".publish", "Version 1 is published")
    with page.expect_file_chooser() as chooser:
        visit.press("Choose a photo")
    chooser.value.set_files(_files([picture(50, red=True)]))
    visit.has(".answered .answer", "red")
    visit.press("Heat map")
    playwright.expect(page.get_by_alt_text("Heat map of")).to_be_visible()


def _download(visit: Visit) -> None:
    page = visit.page
    page.get_by_role("link", name="Versions").click()
    visit.has(".version.published", "pets-1 published")
    for name, file in ((".tflite", "pets-1.tflite"), ("Report", "pets-1.html")):
        with page.expect_download() as download:
            visit.press(name)
        assert download.value.suggested_filename == file


def _taught_from_python(place: Path, folders: Sequence[Path]) -> bytes:
    with create(place / "python/pets") as pets:
        for folder in reversed(folders):
            pets.add(sorted(folder.iterdir(), reverse=True), folder.name)
        assert pets.publish().version is not None
        return (pets.run(1).path / "model.tflite").read_bytes()


def _taught_on_the_command_line(place: Path, folders: Sequence[Path]) -> bytes:
    create(pets := place / "cli/pets").close()
    for folder in folders:
        command = [sys.executable, "-m", "imgrec", "teach", str(pets), folder.name, str(folder)]
        last = ["--publish"] if folder == folders[-1] else []
        subprocess.run([*command, *last], cwd=PROJECT, check=True, capture_output=True)
    return (pets / "versions/pets-1/model.tflite").read_bytes()
