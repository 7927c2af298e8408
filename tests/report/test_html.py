"""The report is one page that stands alone, whatever the names in it."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
from collections.abc import Callable
from html.parser import HTMLParser

import numpy as np
import pytest

from imgrec.corruption import Corruption
from imgrec.evaluation.evaluate import evaluate_scores
from imgrec.evaluation.results import Assessment, RequirementResult
from imgrec.network_summary import NetworkLayer, NetworkSummary
from imgrec.report.html import ReportContext, mistakes, page
from imgrec.report.pictures import thumbnail
from imgrec.scores import Decision, Skipped
from imgrec.text import printable
from tests.report.everything import BACKGROUND, everything

pytestmark = pytest.mark.usefixtures("blank_charts")

Make = Callable[..., Assessment]

BAD = [Skipped("bad.png", "is not an image")]


class Page(HTMLParser):
    """What a browser would find: elements, attributes, and text outside of style."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.texts: list[str] = []
        self._is_continued = False
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note an element; a text goes on after a place where its line may break."""
        self._is_continued = tag == "wbr"
        self.elements.append(tag)
        self.attributes.extend(attrs)

    def handle_data(self, data: str) -> None:
        """Note a text."""
        if self._is_continued:
            self.texts[-1] += data
        else:
            self.texts.append(data)
        self._is_continued = False


def test_the_page_says_everything(assessment: Make) -> None:
    """Numbers, verdicts, comparison, slices, mistakes, facts, findings and config are there."""
    found = page(everything(assessment(["cat", "dog"], BAD)), BACKGROUND)
    texts = Page(found).texts
    for text in (
        "digits-1",
        "Gate not met: 1 of 2 requirements not met",
        "accuracy >= 0.9",
        "accuracy is 75.0 %, less than 90 %",
        "75.0 %",
        "34.9 to 96.8 %",
        "digits-0",
        "-10.0 points",
        "-20.0 to -1.0 points",
        "worse",
        "camera=front",
        "Robustness",
        "blur=0.01",
        "cat",
        "bad.png",
        "fingerprint",
        "abc",
        "test images looked at",
        "7 times",
        ": same file twice in a split",
        "b.jpg",
        "name: digits\nseed: 0\n",
        "290 of 330 weights are trainable",
        "1,296",
        "A & <B>",
    ):
        assert any(text in each for each in texts), text


def test_each_kind_of_corruption_has_a_plot(assessment: Make) -> None:
    """It is named in the alternative text of its plot, whatever the number of its levels."""
    found = everything(assessment(2))
    front, blur = found.evaluation.slices
    others = [
        dataclasses.replace(blur, name=str(each), corruption=each)
        for each in (Corruption("noise", 0.1), Corruption("noise", 0.2))
    ]
    evaluation = dataclasses.replace(found.evaluation, slices=(front, blur, *others))
    parsed = Page(page(dataclasses.replace(found, evaluation=evaluation)))
    texts = [text for name, text in parsed.attributes if name == "alt" and text]
    assert [each.split(";")[0] for each in texts if "level" in each] == [
        "Accuracy by the level of blur",
        "Accuracy by the level of noise",
    ]


def test_a_page_without_a_background_has_the_evaluation_alone(assessment: Make) -> None:
    """No curves, no config, no verdict where nothing was required, and no empty heading."""
    parsed = Page(page(assessment(2)))
    assert not {"Training", "Config", "Slices", "Gate met"} & set(parsed.texts)
    assert parsed.elements.count("source") == 4


def test_a_backbone_unfolds_into_its_layers(assessment: Make) -> None:
    """So does a row that several layers share."""
    layer = NetworkLayer("block1_conv1", "Conv2D", (8, 8, 4), 112, 6912)
    backbone = NetworkLayer("vgg16", "Functional", (8, 8, 4), 112, 6912, 1, (layer,))
    for layers in ((backbone,), (layer,) * 50):
        network = NetworkSummary(layers, 112, 0)
        parsed = Page(page(assessment(2), ReportContext(network=network)))
        assert parsed.elements.count("details") == 1
        assert "block1_conv1" in parsed.texts


def test_the_worst_mistakes_are_pictures(assessment: Make) -> None:
    """What is there is shown, each once; of what is not, the page says so."""
    found = assessment(2)
    wrong = [mistake.name for mistake in mistakes(found).worst]
    assert wrong == ["0.png", "7.png"]
    small = thumbnail(np.zeros((8, 6, 3), np.uint8))
    text = page(found, ReportContext(pictures={"0.png": small}))
    parsed = Page(text)
    assert parsed.attributes.count(("src", small.uri)) == 1
    assert ("class", "tiny") in parsed.attributes
    assert parsed.texts.count("no picture") == 1


def test_every_image_is_on_the_sheet_with_its_truth(assessment: Make) -> None:
    """The wrong ones first; an unknown answer says so; the choices count them."""
    found = assessment(["cat", "dog"])
    half = dataclasses.replace(found.scores, decision=Decision(min_probability=1.0))
    parsed = Page(page(dataclasses.replace(found, scores=half), ReportContext(sheet=True)))
    kinds = [value for name, value in parsed.attributes if name == "class" and value]
    assert [each for each in kinds if each.endswith("unknown")] == [
        *["wrong unknown"] * 2,
        *["right unknown"] * 6,
    ]
    assert [
        value for name, value in parsed.attributes if name == "id" and "only-" in str(value)
    ] == [
        "only-all",
        "only-wrong",
        "only-right",
        "only-unknown",
    ]
    assert sum("truth: " in text for text in parsed.texts) == 2
    assert "answers" not in {value for _, value in Page(page(found)).attributes}


def test_classes_without_images_are_counted(assessment: Make) -> None:
    """They have no row, as there is nothing to measure."""
    found = assessment(["cat", "dog", "fish"])
    only = found.scores.where(found.scores.right & ~found.scores.positives[:, 2])
    evaluation = evaluate_scores(only)
    texts = Page(page(dataclasses.replace(found, scores=only, evaluation=evaluation))).texts
    assert "Not shown: 1 class without images" in texts
    assert {"cat", "dog"} <= set(texts)
    assert "fish" not in texts


def test_a_heat_map_is_described_in_words_too(assessment: Make) -> None:
    """It stands below the picture of its mistake, and says what it shows."""
    found = assessment(["cat", "dog"])
    worst = mistakes(found).worst[0]
    heat = thumbnail(np.full((8, 6, 3), 9, np.uint8))
    parsed = Page(page(found, ReportContext(heat_maps={worst: heat})))
    assert parsed.attributes.count(("src", heat.uri)) == 1
    alt = f"Heat map of {worst.prediction} in {worst.name}"
    assert ("alt", alt) in parsed.attributes
    assert any("contributed more to the predicted class" in text for text in parsed.texts)


def test_mistakes_are_the_highest_losses_then_others_of_each_pair(assessment: Make) -> None:
    """At most twelve, the least probable truth first; a pair shows what is not above already."""
    found = assessment(30)
    shown = mistakes(found)
    losses = [mistake.of_truth for mistake in shown.worst]
    assert losses == sorted(losses)
    assert len(shown.worst) == 12
    assert len(set(shown.rows)) == len(shown.rows)
    assert (len(shown.pairs), shown.repeated) == (2, 4)


def test_the_page_asks_the_network_nothing(assessment: Make) -> None:
    """Pictures are inside, links lead into the page, no script, and a policy forbids the rest."""
    parsed = Page(page(everything(assessment(3)), BACKGROUND))
    addresses = [value for name, value in parsed.attributes if name in {"src", "srcset", "href"}]
    assert addresses
    assert all(address and address.startswith(("data:", "#")) for address in addresses)
    assert not {"script", "iframe", "object"} & set(parsed.elements)
    assert ("http-equiv", "Content-Security-Policy") in parsed.attributes


def test_every_link_leads_somewhere(assessment: Make) -> None:
    """Each in-page address is the id of an element, and no id stands twice."""
    attributes = Page(page(everything(assessment(3)), BACKGROUND)).attributes
    ids = [value for name, value in attributes if name == "id"]
    linked = {str(value)[1:] for name, value in attributes if name == "href" and value != "data:,"}
    assert linked <= set(ids)
    assert len(ids) == len(set(ids))


def test_hostile_names_are_text_and_nothing_else(
    assessment: Make, hostile: tuple[str, ...]
) -> None:
    """The page has the elements of a harmless one, and every name stands in it readably."""
    harmless = [f"class {i}" for i in range(len(hostile))]
    pages = [
        page(
            assessment(
                names,
                [Skipped(name, name) for name in names],
                run=names[0],
                verdicts=[RequirementResult(name, 1.0, met=True, reason=name) for name in names],
                facts=[(name, name) for name in names],
            ),
            ReportContext(config="\n".join(name.replace("\n", "") for name in names), sheet=True),
        )
        for names in (harmless, hostile)
    ]
    expected, found = map(Page, pages)
    assert [each for each in found.elements if each != "wbr"] == expected.elements
    assert [name for name, _ in found.attributes] == [name for name, _ in expected.attributes]
    assert {printable(name) for name in hostile} <= set(found.texts)
    pages[1].encode("utf-8")
    assert not {"\x1b", "\0", "\u202e"} & set(pages[1])


def test_a_class_never_predicted_has_no_interval(assessment: Make) -> None:
    """What has no interval shows none, rather than `None`."""
    text = page(assessment(2))
    assert "None" not in text
    assert "nan" not in " ".join(Page(text).texts)


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
