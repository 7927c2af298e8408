"""Draw the pictures of README.md and docs/tutorials.md.

python -m tools.pictures   trains for some minutes in a temporary folder; needs Chromium
"""

from __future__ import annotations

import io
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright

PROJECT = Path(__file__).resolve().parent.parent
DOCS = PROJECT / "docs"
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


def run(folder: Path, command: str) -> None:
    """Run a command with this Python's programs; raise CalledProcessError if it fails."""
    program, *arguments = command.split()
    path = Path(sys.executable).parent / program
    environment = {**os.environ, "PYTHONPATH": str(PROJECT)}
    subprocess.run([str(path), *arguments], check=True, cwd=folder, env=environment)  # noqa: S603  # our own program


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
