"""Pictures are drawn for any names and numbers, and the same on every machine."""

from __future__ import annotations

import io
import math
import subprocess
import sys
from collections.abc import Callable

import matplotlib as mpl
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageColor

from imgrec.evaluation.evaluate import evaluate_scores
from imgrec.evaluation.results import Evaluation
from imgrec.report.charts import DARK, LIGHT, confusion, curves, lowest_loss_epoch
from imgrec.scores import Scores

Make = Callable[..., Evaluation]

HISTORY = {
    "loss": [1.0, 0.5, 0.25],
    "accuracy": [0.5, 0.75, 1.0],
    "val_loss": [1.0, 0.5, 0.75],
    "val_accuracy": [0.5, 0.75, 0.5],
    "learning_rate": [0.1, 0.1, 0.1],
}


def pixels(png: bytes) -> NDArray[np.uint8]:
    """Return a picture as an array of shape (height, width, 3)."""
    return np.asarray(Image.open(io.BytesIO(png)).convert("RGB"))


def count(png: bytes, colour: str) -> int:
    """Return how many pixels of the picture have exactly this colour."""
    return int((pixels(png) == ImageColor.getrgb(colour)[:3]).all(axis=2).sum())


def test_curves_show_training_and_validation() -> None:
    """Both lines are drawn; without validation only one is."""
    both = curves(HISTORY)
    training = curves({"loss": HISTORY["loss"]})
    assert count(both, LIGHT.training) > 0
    assert count(both, LIGHT.validation) > 0
    assert count(training, LIGHT.validation) == 0
    assert pixels(both).shape[1] > 1.8 * pixels(training).shape[1]


@pytest.mark.parametrize(
    "history",
    [
        {},
        {"loss": []},
        {"loss": [1.0], "accuracy": [0.5]},
        {"loss": [math.nan, math.inf]},
        {"loss": [1.0, 0.5], "val_loss": [1.0]},
        {"loss": [1.0], "$\\frac acc": [0.5]},
    ],
)
def test_curves_of_any_history(history: dict[str, list[float]]) -> None:
    """A training of one epoch, a diverged or an interrupted one still has its picture."""
    assert pixels(curves(history)).size
    assert pixels(curves(history, best_epoch=2)).size


def test_the_best_epoch_has_the_lowest_validation_loss() -> None:
    """Validation decides where there is one; what is not finite never does."""
    assert lowest_loss_epoch(HISTORY) == 2
    assert lowest_loss_epoch({"loss": [1.0, 0.5, 0.25]}) == 3
    assert lowest_loss_epoch({"loss": [1.0], "val_loss": [math.nan]}) is None
    assert curves(HISTORY) == curves(HISTORY, best_epoch=2) != curves(HISTORY, best_epoch=3)


@pytest.mark.parametrize("classes", [2, 10, 21, 101])
def test_confusion_of_few_and_many_classes(evaluation: Make, classes: int) -> None:
    """Every number of classes gives a picture a screen can hold."""
    height, width, _ = pixels(confusion(evaluation(classes))).shape
    assert 250 < height < 2000
    assert 250 < width < 2000


def test_classes_without_images_have_no_row(scored: Callable[..., Scores]) -> None:
    """Three of thirty give the picture of three; answers of the others share a column."""
    thirty, three = scored(30), scored(3)
    of_three = thirty.right & (thirty.true_labels < 3)
    few, expected = thirty.where(of_three), three.where(three.right)
    few_pixels, pixels_expected = (pixels(confusion(evaluate_scores(s))) for s in (few, expected))
    assert few_pixels.shape == pixels_expected.shape
    one = thirty.where(thirty.true_labels == 0)
    assert not one.right.all()
    height, width, _ = pixels(confusion(evaluate_scores(one))).shape
    assert height < width


def test_light_and_dark_have_their_own_paper(evaluation: Make) -> None:
    """The corner of each picture has the paper's colour."""
    for look in (LIGHT, DARK):
        for png in (confusion(evaluation(2), look=look), curves(HISTORY, look=look)):
            assert tuple(pixels(png)[0, 0]) == ImageColor.getrgb(look.paper)


def test_hostile_names_are_drawn_as_they_are_shown(
    evaluation: Make, hostile: tuple[str, ...]
) -> None:
    """No name is a formula, no missing letter is a warning."""
    assert pixels(confusion(evaluation(hostile))).size
    assert confusion(evaluation(["$a$", "b"])) != confusion(evaluation(["a", "b"]))


def test_settings_of_the_user_change_nothing(evaluation: Make) -> None:
    """A matplotlibrc that asks for LaTeX or other sizes is not followed, nor overwritten."""
    plain = confusion(evaluation(2))
    with mpl.rc_context({"text.usetex": True, "font.size": 30}):
        assert confusion(evaluation(2)) == plain
        assert mpl.rcParams["text.usetex"]


def test_no_display_and_no_state_is_touched() -> None:
    """Drawing never loads pyplot, and importing the pictures loads no matplotlib."""
    program = (
        "import sys; from imgrec.report.charts import curves;"
        "loaded = 'matplotlib' in sys.modules;"
        "curves({'loss': [1.0]}); print(loaded, 'matplotlib.pyplot' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
    assert done.stdout.split() == [b"False", b"False"]
