"""What the picture and the page of a network's layers say and show."""

from __future__ import annotations

import io
from dataclasses import replace

import numpy as np
import pytest
from msgspec import structs
from PIL import Image

from imgrec.explanation.layer_walk import FinalNumber
from imgrec.report.layer_wording import final_text, layer_facts, layer_text, unit_text
from imgrec.report.layers_page import layers_page
from imgrec.report.pictures import bars_of, layers_picture, map_picture
from tests.report.followed import SIDE, followed

HOSTILE = "<script>alert(1)</script>\x1b[31m"


def test_names_are_text_on_the_page() -> None:
    """Those of the photo, its class, a layer and the model are escaped."""
    page = layers_page(followed(HOSTILE, class_name=HOSTILE, layer=HOSTILE), HOSTILE)
    assert "<script" not in page
    assert "\x1b" not in page
    assert page.count("&lt;script&gt;") > 6


def test_the_page_says_what_each_layer_does() -> None:
    """Kind, sizes, weights, the receptive field; and how many layers are left out."""
    page = layers_page(followed(), "cat_dog-1")
    for text in (
        "8 filters of 3 x 3 numbers per channel move over the picture",
        "24 x 24 x 3 → 22 x 22 x 8",
        "224 weights",
        "each number sees 3 x 3 pixels",
        "only the largest is kept",
        "The same 8 units as above",
        "at most one from each of 96 of 2,000 training images",
        "and 2 less probable classes",
        "5 of 7 layers are shown",
        "unknown",
    ):
        assert text in page


@pytest.mark.parametrize("name", ["cat.jpg", "photos/" + "long_name" * 30 + ".jpg"])
def test_the_picture_has_every_part(name: str) -> None:
    """It has one width, whatever the names; each layer makes it longer."""
    found = followed(name)
    assert found.walk is not None
    shorter = replace(found, walk=replace(found.walk, views=found.walk.views[:2]))
    sizes = [Image.open(io.BytesIO(layers_picture(each, "run"))).size for each in (found, shorter)]
    assert [width for width, _ in sizes] == [1200, 1200]
    assert sizes[0][1] > sizes[1][1] + 300


def test_a_map_is_as_light_as_its_numbers() -> None:
    """A pixel for each; 0 is dark, whether or not there are negative numbers."""
    values = np.array([[0, 1], [2, 4]], np.float32)
    picture = np.asarray(map_picture(values).convert("L"), int)
    assert picture.shape == (2, 2)
    assert picture[0, 0] < picture[0, 1] < picture[1, 0] < picture[1, 1]
    assert len({*np.asarray(map_picture(np.zeros((2, 2), np.float32))).ravel().tolist()}) == 1


def test_many_numbers_share_bars() -> None:
    """Each shows the number of its group that is furthest from 0; few have a bar each."""
    few = np.array([1, -2, 3], np.float32)
    lengths, zero = bars_of(few, height=10)
    np.testing.assert_array_equal(lengths, 2 * few)
    assert zero == 6
    many = np.zeros(1030, np.float32)
    many[[4, 1029]] = [-5, 7]
    lengths, zero = bars_of(many, height=12)
    assert (len(lengths), lengths[1], lengths[-1], zero) == (344, -5, 7, 7)


def test_a_number_that_sees_everything() -> None:
    """Its receptive field is the picture, not the pixels beyond it."""
    walk = followed().walk
    assert walk is not None
    assert "each number sees the whole picture" in layer_facts(walk.views[0], (2, 3))
    assert "each number sees 3 x 3 pixels" in layer_facts(walk.views[0], (SIDE, SIDE))


def test_a_layer_that_only_mixes_maps() -> None:
    """A convolution with a window of one place finds no pattern."""
    walk = followed().walk
    assert walk is not None
    stage = walk.views[0].stage
    assert stage.window is not None
    mixing = replace(stage, window=structs.replace(stage.window, size=(1, 1)), before=(24, 24, 16))
    text = layer_text(replace(walk.views[0], number=2, stage=mixing))
    assert text.startswith("Each of 8 units combines the 16 maps")


def test_a_layer_whose_numbers_are_never_negative() -> None:
    """The activation is named only where there is one."""
    walk = followed().walk
    assert walk is not None
    view = walk.views[0]
    relu6 = replace(view, stage=replace(view.stage, relu=True, relu6=True))
    assert layer_text(relu6).endswith("numbers above 6 become 6 (ReLU6).")
    relu = replace(view, stage=replace(view.stage, relu=True))
    assert layer_text(relu) == f"{layer_text(view)} Negative numbers then become 0 (ReLU)."


def test_why_there_are_no_patches() -> None:
    """The photos are gone, or nothing in them excites the unit."""
    walk = followed().walk
    assert walk is not None
    assert walk.unit is not None
    gone = replace(walk.unit, patches=(), missing="its training images are not files")
    assert "its training images are not files" in unit_text(gone)
    assert "excites it" in unit_text(replace(walk.unit, patches=()))


def test_how_probabilities_are_computed() -> None:
    """One sigmoid for two classes, one for each, a softmax, or what the file does not say."""
    walk = followed().walk
    assert walk is not None
    two = FinalNumber("dog", 1.2, 0.77), FinalNumber("cat", None, 0.23)
    single = final_text(replace(walk, final=two, activation="sigmoid"))
    assert "The probability of dog is" in single
    assert "of each class" in final_text(replace(walk, activation="sigmoid"))
    assert "softmax" in final_text(walk)
    assert "ends with" in final_text(replace(walk, activation=None))
