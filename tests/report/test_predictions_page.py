"""Photos with their predictions on a page that stands alone, whatever the names."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

import numpy as np
import pytest

from imgrec.evaluation.prediction import Answer, ModelInfo, Prediction, Ranked
from imgrec.report.pictures import thumbnail
from imgrec.report.predictions_page import PhotoPictures, PredictionsPage
from imgrec.scores import Decision
from imgrec.text import printable
from tests.report.test_html import Page

CLASSES = ("cat", "dog")
PICTURE = thumbnail(np.zeros((8, 6, 3), np.uint8))
HEAT = thumbnail(np.full((8, 6, 3), 9, np.uint8))


def answered(name: str, label: str = "cat") -> Prediction:
    """Return a confident prediction."""
    other = next(each for each in CLASSES if each != label)
    return Prediction(name, (Ranked(label, 0.75), Ranked(other, 0.25)), labels=(label,))


def page_of(
    predictions: Sequence[Prediction],
    members: Sequence[ModelInfo] = (ModelInfo("digits-1", CLASSES),),
    *,
    heat: bool = False,
) -> str:
    """Return the page of photos that come one by one."""
    page = PredictionsPage(members, heat_maps=heat)
    pictures = [
        PhotoPictures(None if each.error else PICTURE, HEAT if heat else None)
        for each in predictions
    ]
    tiles = [page.tiles([each], [found]) for each, found in zip(predictions, pictures, strict=True)]
    return "".join(page.page(tiles))


def test_each_photo_has_its_answer() -> None:
    """Its picture, its classes with their probabilities, and bars as long as these."""
    parsed = Page(page_of([answered("a.jpg"), answered("b.jpg", "dog")]))
    assert {"2 photos", "a.jpg", "b.jpg", "cat", "dog", "75.0 %", "25.0 %", "digits-1"} <= set(
        parsed.texts
    )
    assert parsed.attributes.count(("src", PICTURE.uri)) == 2
    assert parsed.attributes.count(("style", "--share: 75.0%")) == 2


def test_what_has_no_answer_says_why() -> None:
    """An unknown answer, a photo without any label, and one that can't be read."""
    few = ModelInfo("m", CLASSES, Decision(min_probability=0.9))
    unknown = Prediction("u.jpg", answered("u.jpg").top, known=False)
    broken = Prediction("b.jpg", (), "broken: <b>", known=False)
    texts = Page(page_of([unknown, broken], [few])).texts
    assert {"unknown", "broken: <b>", "no picture", "can't be used"} <= set(texts)
    assert any("“unknown” below 90.0 %" in text for text in texts)
    several = ModelInfo("m", CLASSES, Decision(class_thresholds=(0.9, 0.9)))
    nothing = Prediction("n.jpg", answered("n.jpg").top, multi_label=True)
    assert "(none)" in Page(page_of([nothing], [several])).texts


def test_several_models_have_an_answer_each() -> None:
    """Below that of their mean, with their names; photos on which they disagree can be chosen."""
    members = [ModelInfo("one", CLASSES), ModelInfo("two", CLASSES)]
    answers = tuple(
        Answer(member.model, answered("a.jpg", label).top, labels=(label,))
        for member, label in zip(members, CLASSES, strict=True)
    )
    both = Prediction("a.jpg", answered("a.jpg").top, answers=answers, agree=False, labels=("cat",))
    texts = Page(page_of([both], members)).texts
    assert [each for each in texts if each in {"mean", "one", "two"}] == [
        "one",
        "two",
        "mean",
        "one",
        "two",
    ]
    assert "models disagree" in texts


def test_models_of_other_classes_have_no_answer_together() -> None:
    """Each answers for itself."""
    members = [ModelInfo("one", CLASSES), ModelInfo("two", ("fish", "fowl"))]
    answers = tuple(
        Answer(each.model, (Ranked(each.classes[0], 0.5),), labels=each.classes[:1])
        for each in members
    )
    texts = Page(page_of([Prediction("a.jpg", (), known=False, answers=answers)], members)).texts
    assert {"cat", "fish"} <= set(texts)
    assert not {"mean", "unknown"} & set(texts)


def test_photos_are_chosen_by_their_answer() -> None:
    """The most frequent classes first, then all others as one; each choice counts its photos."""
    names = tuple(f"class {number}" for number in range(20))
    photos = [
        Prediction(f"{number}-{place}.jpg", (Ranked(name, 1.0),), labels=(name,))
        for number, name in enumerate(names)
        for place in range(number + 1)
    ]
    text = page_of(photos, [ModelInfo("m", names)])
    found = Page(text)
    ids = [value for name, value in found.attributes if name == "id" and value != "content"]
    frequent = [f"only-class-{number}" for number in range(19, 7, -1)]
    assert ids == ["only-all", *frequent, "only-other"]
    assert {"other", "36"} <= set(found.texts)
    assert sum(each == ("class", "class-19") for each in found.attributes) == 20
    assert "main:has(#only-class-19:checked) .chosen > li:not(.class-19) { display: none; }" in text


def test_answers_of_a_single_photo_are_chosen_together() -> None:
    """A photo with two of them counts once; without a more frequent answer, there is no choice."""
    names = ("a", "b", "c", "d")
    member = ModelInfo("m", names, Decision(class_thresholds=(0.5,) * 4))
    top = tuple(Ranked(name, 1.0) for name in names)
    once = Prediction("1.jpg", top, multi_label=True, labels=("a", "b"))
    twice = [Prediction(f"{at}.jpg", top, multi_label=True, labels=("c",)) for at in (2, 3)]
    text = page_of([once, *twice], [member])
    choices = [each for each in Page(text).texts if each in {"a", "b", "c", "d", "other", "1", "2"}]
    assert choices[:4] == ["c", "2", "other", "1"]
    assert "li:not(.class-0, .class-1) { display: none; }" in text
    assert "only-other" not in page_of([once], [member])


def test_the_common_folder_is_named_once() -> None:
    """Above the photos, which show where they are in it."""
    photos = [answered("/data/new/cat/a.jpg"), answered("/data/new/dog/b.jpg")]
    text = page_of(photos)
    assert "of /data/new/, classified by " in "".join(Page(text).texts)
    assert ".in-1, .in-2, .in-3 { display: none; }" in text
    assert '<span class="in-4">cat/<wbr></span>a.jpg' in text
    assert ".in-1" not in page_of([answered("a.jpg"), photos[0]])


def test_a_heat_map_is_described_in_words_too() -> None:
    """It stands below its photo, and says of which class it is."""
    found = Page(page_of([answered("a.jpg")], heat=True))
    assert found.attributes.count(("src", HEAT.uri)) == 1
    assert ("alt", "Heat map of cat in a.jpg") in found.attributes
    assert any("contributed more to the class named first" in text for text in found.texts)


def test_hostile_names_are_text_and_nothing_else(hostile: tuple[str, ...]) -> None:
    """The page has the elements of a harmless one, loads nothing, and shows every name."""
    harmless = [f"class {number}" for number in range(len(hostile))]

    def page(names: Sequence[str]) -> str:
        known = [Prediction(name, (Ranked(name, 1.0),), labels=(name,)) for name in names]
        broken = [Prediction(name, (), name, known=False) for name in names]
        return page_of([*known, *broken], [ModelInfo(names[0], tuple(names))])

    expected, found = Page(page(harmless)), Page(page(hostile))
    folders = [each for each in found.attributes if re.fullmatch(r"in-\d+", each[1] or "")]
    elements = Counter(found.elements) - Counter(wbr=len(found.elements), span=len(folders))
    assert elements == Counter(expected.elements)
    attributes = Counter(name for name, _ in found.attributes) - Counter({"class": len(folders)})
    assert attributes == Counter(name for name, _ in expected.attributes)
    assert {printable(name) for name in hostile} <= set(found.texts)
    addresses = [value for name, value in found.attributes if name in {"src", "href"}]
    assert all(each and each.startswith(("data:", "#")) for each in addresses)
    assert not {"\x1b", "\0", "\u202e"} & set(page(hostile))


@pytest.mark.parametrize("photos", [0, 1])
def test_any_number_of_photos_is_a_page(photos: int) -> None:
    """None at all, too."""
    text = page_of([answered("a.jpg")] * photos)
    assert f"{photos} photo" in text
    assert text.endswith(("</html>\n", "</html>"))
