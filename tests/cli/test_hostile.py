"""One data set whose names of classes and files attack every reader goes through every output."""

from __future__ import annotations

import csv
import io
import json
import re
import subprocess
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from html.parser import HTMLParser
from pathlib import Path

import pytest
from PIL import Image

from imgrec.text import printable
from tests.report.junit import validated
from tests.report.test_xmp import keywords

pytestmark = pytest.mark.tensorflow

Imgrec = Callable[..., subprocess.CompletedProcess[str]]

NAMES = (
    "<script>alert(1)</script>",
    "a|b",
    "::error::x",
    "##[error]y",
    "=cmd()",
    "\x1b[31mred\x1b]0;title\x07",
    "[bold]x[/bold]",
    "`*_@all_*`",
    "bell\x07 nul-free\x01\x85.",
    "not \udcff\udcfe UTF-8",
    "line\nbreak\r\n| here |\u2028end",
    "gpj.\u202eexe\u2066",
    '"><img src=x onerror=alert(1)>',
    "{{ 7 * 7 }} $\\frac$",
    "&lt;b&gt; ]]> <!--",
    "\ufffe\ufeff.",
)
# A CSV file whose labels are not UTF-8 is refused.
CLASSES = (*(name for name in NAMES if "\udcff" not in name), "../x", "/etc/passwd", "C:\\x")
CONFIG = """
name: hostile
data: {train: %s, validation: %s, image_size: [8, 8]}
preprocessing: {rescale: 1/255}
model: {layers: [GlobalAveragePooling2D]}
training: {epochs: 1}
"""
COLUMN = "=camera|<b>\x1b[31m"
SEVERAL = ("data.multi_label=true", "data.separator=§", "model.output=sigmoid")
REPORTS = tuple(f"report{suffix}" for suffix in (".xml", ".md", ".json", ".csv", ".html"))
HIDDEN = {"Cc", "Cs", "Zl", "Zp", "Cf"}


class Elements(HTMLParser):
    """The elements, the handlers and the texts of a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.names: set[str] = set()
        self.handlers: list[str] = []
        self.text = ""
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note an element and its event handlers."""
        self.names.add(tag)
        self.handlers += [name for name, _ in attrs if name.startswith("on")]

    def handle_data(self, data: str) -> None:
        """Note a text."""
        self.text += data


@pytest.fixture
def data(tmp_path: Path) -> tuple[Path, Path]:
    """Two CSV files beside their images: each class has two images in either."""
    return tables(tmp_path)


def tables(tmp_path: Path, labels: int = 1) -> tuple[Path, Path]:
    """Write both CSV files and their images, each with so many labels."""
    found = []
    for part in ("train", "validation"):
        folder = tmp_path / part
        folder.mkdir()
        rows = list(_images(folder, labels))
        table = io.StringIO()
        csv.writer(table, quoting=csv.QUOTE_ALL).writerows([["path", "label", COLUMN], *rows])
        found.append(folder / "images.csv")
        found[-1].write_bytes(table.getvalue().encode("utf-8", "surrogateescape"))
    return found[0], found[1]


def _images(folder: Path, labels: int) -> Iterator[tuple[str, str, str]]:
    for number in range(len(CLASSES)):
        of_image = (CLASSES[(number + more) % len(CLASSES)] for more in range(labels))
        label = "§".join(of_image)
        for copy in range(2):
            name = f"{NAMES[(number + copy) % len(NAMES)].replace('/', '')}{number}{copy}.png"
            colour = (number * 12, copy * 90, len(folder.name))
            try:
                Image.new("RGB", (8, 8), colour).save(folder / name)
            except OSError:
                pytest.skip("this file system takes no such names")
            yield name, label, CLASSES[number]


def test_hostile_names_come_out_harmless_and_readable(
    imgrec: Imgrec, data: tuple[Path, Path], tmp_path: Path
) -> None:
    """Terminal, JSON, CSV, Markdown, JUnit and the page, of every command that shows names."""
    train, validation = map(str, data)
    (tmp_path / "c.yaml").write_text(CONFIG % (json.dumps(train), json.dumps(validation)))
    harmless(imgrec("train", "c.yaml", "--device", "cpu"))
    evaluated(imgrec)
    for command in (
        ("check", train),
        ("runs", "show", "last"),
        ("runs", "list"),
        ("runs", "compare", "hostile-1", "hostile-1", "--device", "cpu"),
    ):
        harmless(imgrec(*command))
    harmless(imgrec("evaluate", "--data", "nothing|\x1b[1m::error::"), status=3)
    photos = sorted(str(path) for path in data[1].parent.glob("*.png"))
    for form in ("table", "json", "jsonl", "csv"):
        answer = harmless(imgrec("predict", *photos, "--format", form, "--device", "cpu"))
        check_predictions(answer, form, photos)
    harmless(imgrec("predict", *photos, "--sidecar", "--output", "page.html", "--device", "cpu"))
    assert len([*data[1].parent.glob("*.png.xmp")]) == len(photos)
    for sidecar in data[1].parent.glob("*.png.xmp"):
        assert {*keywords(sidecar.read_bytes())} <= {*CLASSES, *map(printable, CLASSES)}
    check_text((tmp_path / "page.html").read_text("utf-8"))

    check_reports(tmp_path, CLASSES)
    check_csv((tmp_path / "report.csv").read_text("utf-8"))


def test_hostile_labels_of_images_with_several(imgrec: Imgrec, tmp_path: Path) -> None:
    """Two labels an image: the same outputs, where names also stand beside one another."""
    train, validation = map(str, tables(tmp_path, labels=2))
    (tmp_path / "c.yaml").write_text(CONFIG % (json.dumps(train), json.dumps(validation)))
    settings = [word for setting in SEVERAL for word in ("--set", setting)]
    harmless(imgrec("train", "c.yaml", *settings, "--device", "cpu"))
    evaluated(imgrec)
    # Blanks around one of several labels are none of it.
    check_reports(tmp_path, [name.strip() for name in CLASSES])
    rows = rows_of((tmp_path / "report.csv").read_text("utf-8"))
    truths = {frozenset(row["truth"].removeprefix("'").split(" + ")) for row in rows}
    assert frozenset(map(printable, CLASSES[1:3])) in truths
    photo = next((tmp_path / "validation").glob("*.png"))
    for form in ("table", "csv"):
        harmless(imgrec("predict", str(photo), "--threshold", "0", "--format", form))


def evaluated(imgrec: Imgrec) -> None:
    """Evaluate the last run, with a requirement that is met and one that is not."""
    asked = [word for name in REPORTS for word in ("--report", name)]
    asked += ["--slice", COLUMN]
    summary = {"GITHUB_STEP_SUMMARY": "summary.md"}
    asked += ["--require", f"recall[{CLASSES[0]}] >= 0", "--require", f"f1[{CLASSES[2]}] >= 1"]
    harmless(imgrec("evaluate", "--device", "cpu", *asked, environment=summary), status=1)


def check_reports(folder: Path, classes: Sequence[str]) -> None:
    """Every file that was written is harmless, and names every class."""
    check_page((folder / "report.html").read_text("utf-8"), classes)
    check_page((folder / "runs/hostile-1/report.html").read_text("utf-8"), classes)
    check_json((folder / "report.json").read_text("utf-8"), classes)
    validated((folder / "report.xml").read_text("utf-8"))
    for name in ("report.md", "summary.md"):
        check_markdown((folder / name).read_text("utf-8"))
    for name in REPORTS:
        check_text((folder / name).read_text("utf-8"))


def harmless(process: subprocess.CompletedProcess[str], status: int = 0) -> str:
    """Return stdout, having looked at both streams and the exit status."""
    assert process.returncode == status, process.stderr
    check_text(process.stdout)
    check_text(process.stderr)
    return process.stdout


def check_text(text: str) -> None:
    """Nothing in it steers a terminal, turns the order of letters or is a command of a CI log."""
    hidden = {character for character in text if unicodedata.category(character) in HIDDEN}
    assert hidden <= {"\n"}
    assert not [line for line in text.split("\n") if re.match(r"\s*::", line)]
    assert "##[" not in text


def check_predictions(text: str, form: str, photos: list[str]) -> None:
    """Programs get every name as it is, people as it is shown."""
    if form == "table":
        assert printable(Path(photos[0]).name)[-8:] in text
        return
    if form == "csv":
        found = {row["photo"] for row in csv.DictReader(io.StringIO(text, newline=""))}
        assert found == {printable(photo) for photo in photos}
        return
    documents = [json.loads(text)] if form == "json" else map(json.loads, text.splitlines())
    predictions = [
        each for document in documents for each in document.get("predictions", [document])
    ]
    assert [each["photo"] for each in predictions] == photos
    assert {each["class"] for one in predictions for each in one["top"]} <= set(CLASSES)


def check_page(page: str, classes: Sequence[str]) -> None:
    """The page has no element and no handler that a name brought, and shows every class."""
    found = Elements(page)
    assert not found.names & {"script", "b", "iframe"}
    assert not found.handlers
    assert all(printable(name) in found.text for name in classes)


def check_csv(text: str) -> None:
    """Every class is one cell."""
    truths = {row["truth"].removeprefix("'") for row in rows_of(text)}
    assert truths == set(map(printable, CLASSES))


def rows_of(text: str) -> list[dict[str, str]]:
    """Return a line for each image, no cell of which is a formula."""
    rows = list(csv.DictReader(io.StringIO(text, newline="")))
    assert len(rows) == 2 * len(CLASSES)
    assert not [cell for row in rows for cell in row.values() if cell.startswith(("=", "+", "@"))]
    return rows


def check_json(text: str, classes: Sequence[str]) -> None:
    """Programs get every name as it is."""
    assert {each["name"] for each in json.loads(text)["per_class"]} == set(classes)


def check_markdown(text: str) -> None:
    """Names stand in code alone: what is left is the report's own."""
    rest = re.sub(r"`[^`\n]*`|<code>[^<\n]*</code>", "", text)
    # `< 0.1 %` is text: a tag has a letter or one of `/!?` right after the bracket.
    assert set(re.findall(r"<[a-zA-Z/!?][^>]*>", rest)) <= {
        "<details>",
        "</details>",
        "<summary>",
        "</summary>",
    }
    assert not {"@", "*", "alert", "red"} & set(re.findall(r"[@*]|\w+", rest))
