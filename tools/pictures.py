"""Draw the pictures of README.md, docs/teach.md and docs/tutorials.md.

python -m tools.pictures   trains for some minutes in a temporary folder; needs Chromium
"""

from __future__ import annotations

import io
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, Page, ViewportSize, sync_playwright

PROJECT = Path(__file__).resolve().parent.parent
DOCS = PROJECT / "docs"
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(PROJECT)}
GAP = 24  # between pictures that stand side by side, in pixels
WIDTH, HEIGHT = 1000, 1540  # of each of the two columns of the report, in pixels

# The right column has the plots alone.
PLOTS_ONLY = """<style>
body > :not(main), main > :not(.plots, #classes, #confidence, #training) { display: none }
main > h2 { border: 0; padding: 0; margin: 1rem 0 }
body { zoom: 0.9 }
</style>"""

COLUMNS = f"""<body style="margin: 0; display: flex; background: white">
<iframe src="left.html"></iframe><iframe src="right.html"></iframe>
<style>iframe {{ border: 0; width: {WIDTH}px; height: {HEIGHT}px }}</style>"""


def main() -> None:
    """Train in a temporary folder and write all pictures."""
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if chromium is None:
        sys.exit("make pictures needs Chromium or Chrome")
    with tempfile.TemporaryDirectory() as name, sync_playwright() as started:
        options = ["--no-sandbox", "--disable-gpu"]
        browser = started.chromium.launch(executable_path=chromium, args=options)
        folder = Path(name)
        report(folder, browser)
        tutorials(folder, browser)
        teaching(folder, browser)


def report(folder: Path, browser: Browser) -> None:
    """Draw the report of small_cnn in two columns."""
    run(folder, "imgrec train small_cnn")
    text = (folder / "runs/small_cnn-1/report.html").read_text("utf-8")
    (folder / "left.html").write_text(text, "utf-8")
    (folder / "right.html").write_text(text + PLOTS_ONLY, "utf-8")
    (folder / "columns.html").write_text(COLUMNS, "utf-8")
    page = opened(browser, folder / "columns.html", 2 * WIDTH)
    write(page.screenshot(), "report.png", 1600)


def tutorials(folder: Path, browser: Browser) -> None:
    """Draw what some commands of docs/tutorials.md write."""
    run(folder, "python -m tools.tutorial_images data")
    run(folder, "imgrec data preview cat_dog --images 6 --output preview.png")
    write((folder / "preview.png").read_bytes(), "tutorials/preview.png", 800)
    run(folder, "imgrec train cat_dog --set training.epochs=10")
    dog = "data/cats_dogs/validation/dog/0003.jpg"
    run(folder, f"imgrec explain {dog} --model cat_dog-1 --method layers")
    page = opened(browser, folder / "explanations/0003.layers.html", 1100)
    layer = page.locator("section").first
    write(layer.screenshot(), "tutorials/layers.png", 800)
    write(page.locator(".patches").screenshot(), "tutorials/eyes.png", 800)
    run(folder, "imgrec train data/things")
    run(folder, "imgrec predict data/unsorted --top 3 --output predictions.html")
    page = opened(browser, folder / "predictions.html", 1100)
    top = page.screenshot(clip={"x": 0, "y": 0, "width": 1100, "height": 575})
    write(top, "tutorials/predictions.png", 800)


def teaching(folder: Path, browser: Browser) -> None:
    """Draw the page of a service on which a classifier is taught."""
    for kind in ("cat", "dog", "fish"):
        run(folder, f"imgrec teach classifiers/pets {kind} data/things/{kind}/00[0-2]*.jpg")
    run(folder, "imgrec teach classifiers/pets cat data/things/dog/0030.jpg --publish")
    with serving(folder, "--classifiers classifiers") as address:
        view = ViewportSize(width=1280, height=860)
        page = browser.new_page(viewport=view, color_scheme="light")
        page.goto(f"{address}/#/pets")
        photo = folder / "data/things/cat/0042.jpg"
        page.locator(".trying input[multiple]").set_input_files(photo)
        page.locator(".ranked").wait_for()
        page.wait_for_load_state("networkidle")
        write(page.screenshot(), "teach/page.png", 1000)
        phones = [
            phone(browser, address, place, folder) for place in ("pets/photos", "pets", "?ask")
        ]
        write(beside(phones), "teach/phone.png", 1000)


def phone(browser: Browser, address: str, place: str, folder: Path) -> bytes:
    """Return a picture of a place of the page on a phone, in dark colours."""
    view = ViewportSize(width=390, height=760)
    page = browser.new_page(viewport=view, color_scheme="dark")
    page.goto(f"{address}/#/{place}")
    page.locator("h1").wait_for()
    if place == "?ask":
        photos = [f"data/things/{each}/0044.jpg" for each in ("cat", "dog", "car")]
        page.locator("input[multiple]").set_input_files([folder / each for each in photos])
    page.wait_for_load_state("networkidle")
    return page.screenshot()


def beside(pictures: Sequence[bytes]) -> bytes:
    """Return pictures of the same size as one, side by side."""
    images = [Image.open(io.BytesIO(each)) for each in pictures]
    width, height = images[0].size
    step = width + GAP
    whole = Image.new("RGB", (step * len(images) - GAP, height), "white")
    for number, each in enumerate(images):
        whole.paste(each, (number * step, 0))
    content = io.BytesIO()
    whole.save(content, "PNG")
    return content.getvalue()


@contextmanager
def serving(folder: Path, options: str) -> Iterator[str]:
    """Yield the address of a service, which runs until the context ends."""
    program = str(Path(sys.executable).parent / "imgrec")
    command = [program, "serve", *options.split(), "--port", "0"]
    with subprocess.Popen(  # noqa: S603  # our own program
        command, cwd=folder, env=ENVIRONMENT, stderr=subprocess.PIPE, text=True
    ) as service:
        lines: Iterable[str] = service.stderr or ()
        try:
            yield next(each for each in lines if "listening on" in each).split()[-1]
        finally:
            service.kill()


def run(folder: Path, command: str) -> None:
    """Run a command with this Python's programs; raise CalledProcessError if it fails."""
    program, *arguments = command.split()
    path = Path(sys.executable).parent / program
    subprocess.run([str(path), *arguments], check=True, cwd=folder, env=ENVIRONMENT)  # noqa: S603  # our own program


def opened(browser: Browser, path: Path, width: int) -> Page:
    """Return a page of a width in pixels, in light colours."""
    page = browser.new_page(viewport={"width": width, "height": HEIGHT}, color_scheme="light")
    page.goto(path.as_uri())
    return page


def write(content: bytes, name: str, width: int) -> None:
    """Write a picture, smaller and with 256 colours, to docs/."""
    with Image.open(io.BytesIO(content)) as image:
        size = width, round(image.height * width / image.width)
        small = image.convert("RGB").resize(size, Image.Resampling.LANCZOS)
    (DOCS / name).parent.mkdir(exist_ok=True)
    small.quantize(256, dither=Image.Dither.NONE).save(DOCS / name, optimize=True)
    print(f"wrote {DOCS / name}")


if __name__ == "__main__":
    main()
