"""`imgrec explain` finds a cat and a dog in one picture, as docs/results.md says."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from experiments import explanations, pet_head
from imgrec.runs.folder import Run
from imgrec.workflows.import_model import import_model
from imgrec.workflows.import_usage import ImportSpec
from tools.photos import PETS

pytestmark = pytest.mark.slow

PICTURES = 12


@pytest.fixture(scope="module")
def lite0(shared: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory) -> Run:
    """EfficientNet-Lite0 with ImageNet's 1,000 classes."""
    model = shared("weights/efficientnet_lite0_imagenet_top.keras")
    classes = shared("weights/imagenet_class_index.json")
    return import_model(ImportSpec(model, str(classes)), runs_dir=tmp_path_factory.mktemp("lite0"))


@pytest.fixture(scope="module")
def pets(lite0: Run, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Its features with a head for cats and dogs."""
    folder = tmp_path_factory.mktemp("pets")
    model, classes = folder / "pets.keras", folder / "classes.txt"
    pet_head.main([str(model)])
    classes.write_text("\n".join(PETS))
    return import_model(ImportSpec(model, str(classes)), runs_dir=lite0.path.parent)


@pytest.mark.parametrize("method", ["gradcam", "dense"])
def test_a_cat_dog_model_points_at_the_right_animal(pets: Run, method: str) -> None:
    """The hottest place is on it, the right half is coloured: in at least 80 %."""
    assert _share(pets, method) >= 0.8


@pytest.mark.parametrize(("method", "least"), [("gradcam", 0.8), ("dense", 0.8), ("windows", 0.6)])
def test_a_model_of_many_classes_finds_both_animals(lite0: Run, method: str, least: float) -> None:
    """One that knows other things than pets meets the goal of each method."""
    assert _share(lite0, method) >= least


def _share(run: Run, method: str) -> float:
    judge = explanations.METHODS[method](run, None)
    hits = sum(judge(seed)[0] for seed in range(1000, 1000 + PICTURES))
    return hits / (len(PETS) * PICTURES)
