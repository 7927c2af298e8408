"""The report is one page that stands alone, whatever the names in it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from html.parser import HTMLParser

import pytest

from imgrec.evaluation.metrics import Evaluation
from imgrec.report.html import report
from imgrec.scores import Skipped
from imgrec.text import shown

Make = Callable[..., Evaluation]

HISTORY = {"loss": [1.0, 0.5], "accuracy": [0.5, 1.0]}


class Page(HTMLParser):
    """What a browser would find: elements, attributes, and text outside of style."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.texts: list[str] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note an element."""
        self.elements.append(tag)
        self.attributes.extend(attrs)

    def handle_data(self, data: str) -> None:
        """Note a text."""
        self.texts.append(data)


def test_the_page_says_everything(evaluation: Make) -> None:
    """Numbers, facts, classes, images not used and the config are all there."""
    found = evaluation(["cat", "dog"], [Skipped("bad.png", "is no image")])
    page = Page(report("digits-1", found, HISTORY, "name: digits\nseed: 0\n", [("data", "test")]))
    for text in ("digits-1", "75.0 %", "95 % interval 40.9 to 92.9 %", "test", "cat", "bad.png"):
        assert text in page.texts
    assert any("name: digits\nseed: 0\n" in text for text in page.texts)
    assert page.elements.count("img") == page.elements.count("source") == 2


@pytest.mark.parametrize("history", [{}, {"loss": []}])
def test_without_epochs_there_are_no_curves(
    evaluation: Make, history: dict[str, list[float]]
) -> None:
    """A page without a training has only the confusion matrix, one image not more."""
    page = Page(report("t", evaluation(2), history, "", []))
    assert page.elements.count("img") == 1
    assert "Training" not in page.texts


def test_the_page_asks_the_network_nothing(evaluation: Make) -> None:
    """Pictures are inside, there is no link and no script, and a policy forbids the rest."""
    page = Page(report("t", evaluation(3), HISTORY, "", []))
    addresses = [value for name, value in page.attributes if name in {"src", "srcset", "href"}]
    assert addresses
    assert all(address and address.startswith("data:image/png;base64,") for address in addresses)
    assert not {"script", "link", "iframe", "object"} & set(page.elements)
    assert ("http-equiv", "Content-Security-Policy") in page.attributes


def test_hostile_names_are_text_and_nothing_else(
    evaluation: Make, hostile: tuple[str, ...]
) -> None:
    """The page has the elements of a harmless one, and every name stands in it readably."""
    harmless = [f"class {i}" for i in range(len(hostile))]
    pages = [
        report(
            names[0],
            evaluation(names, [Skipped(name, name) for name in names]),
            HISTORY,
            "\n".join(name.replace("\n", "") for name in names),
            [(name, name) for name in names],
        )
        for names in (harmless, hostile)
    ]
    expected, found = map(Page, pages)
    assert found.elements == expected.elements
    assert [name for name, _ in found.attributes] == [name for name, _ in expected.attributes]
    assert {shown(name) for name in hostile} <= set(found.texts)
    pages[1].encode("utf-8")
    assert not {"\x1b", "\0", "\u202e"} & set(pages[1])


def test_a_class_never_predicted_has_no_interval(evaluation: Make) -> None:
    """What has no interval shows none, rather than `None`."""
    found = evaluation(2)
    page = report("t", found, {}, "", [])
    assert "None" not in page
    assert "nan" not in " ".join(Page(page).texts)


def test_reports_load_slow_libraries_only_when_used() -> None:
    """Importing every module of evaluations and reports loads none of the slow ones."""
    program = """
import pkgutil, sys, importlib, imgrec.evaluation, imgrec.report
for package in (imgrec.evaluation, imgrec.report):
    for module in pkgutil.iter_modules(package.__path__):
        importlib.import_module(package.__name__ + "." + module.name)
print({"sklearn", "scipy", "matplotlib", "rich", "jinja2", "tensorflow"} & set(sys.modules))
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
    assert done.stdout.strip() == b"set()"
