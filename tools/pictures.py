"""Draw docs/report.png, the picture of a report in the README.

python tools/pictures.py   trains configs/small_cnn.yaml in a temporary folder; needs Chromium
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from PIL import Image

PROJECT = Path(__file__).resolve().parent.parent
PICTURE = PROJECT / "docs" / "report.png"
WIDTH, HEIGHT = 1000, 1540  # of each of the two columns, in pixels
SCALE = 0.8

# The right column has the plots alone.
PLOTS_ONLY = """<style>
body > :not(main), main > :not(.plots, #classes, #confidence, #training) { display: none }
main > h2 { border: 0; padding: 0; margin: 1rem 0 }
body { zoom: 0.9 }
</style>"""

COLUMNS = """<body style="margin: 0; display: flex; background: white">
<iframe src="left.html"></iframe><iframe src="right.html"></iframe>
<style>iframe {{ border: 0; width: {WIDTH}px; height: {HEIGHT}px }}</style>"""


def main() -> None:
    """Train, lay the report out in two columns, and write its picture."""
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if chromium is None:
        sys.exit("make pictures needs Chromium or Chrome")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        run("imgrec", "train", "small_cnn", "--runs-dir", str(folder))
        report = (folder / "small_cnn-1" / "report.html").read_text("utf-8")
        (folder / "left.html").write_text(report, "utf-8")
        (folder / "right.html").write_text(report + PLOTS_ONLY, "utf-8")
        (folder / "columns.html").write_text(COLUMNS.format(WIDTH=WIDTH, HEIGHT=HEIGHT), "utf-8")
        shot = folder / "shot.png"
        screenshot(chromium, folder / "columns.html", shot)
        shrink(shot)
    print(f"wrote {PICTURE}")


def run(*command: str) -> None:
    """Run a command with this Python's programs; raise CalledProcessError if it fails."""
    program = Path(sys.executable).parent / command[0]
    subprocess.run([str(program), *command[1:]], check=True)  # noqa: S603  # our own program


def screenshot(chromium: str, page: Path, target: Path) -> None:
    """Write `page`, as the browser shows it, to `target`."""
    size = f"--window-size={2 * WIDTH},{HEIGHT}"
    options = ["--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", size]
    command = [chromium, *options, f"--screenshot={target}", page.as_uri()]
    subprocess.run(command, check=True, capture_output=True)  # noqa: S603  # the browser found


def shrink(shot: Path) -> None:
    """Write the screenshot to PICTURE, smaller and with 256 colours."""
    with Image.open(shot) as image:
        size = round(image.width * SCALE), round(image.height * SCALE)
        small = image.convert("RGB").resize(size, Image.Resampling.LANCZOS)
    small.quantize(256, dither=Image.Dither.NONE).save(PICTURE, optimize=True)


if __name__ == "__main__":
    main()
