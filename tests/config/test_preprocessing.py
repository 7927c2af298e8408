"""Section `preprocessing`: one way of standardizing, with numbers that fit."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from imgrec.config.load import dump, parse
from imgrec.config.preprocessing import Preprocessing

Problems = Callable[..., list[str]]

BACKBONE = "model.backbone={name: VGG16}"
ONE_PER_CHANNEL = "but data.channels is 3; give one number, or one per channel"
ONE_WAY = "choose one way of standardizing"


def test_nothing_is_done_by_default() -> None:
    """Without a word, the pixels are left as they are."""
    section = Preprocessing()
    assert section.rescale is None
    assert not any((section.given, section.featurewise, section.samplewise))


@pytest.mark.parametrize("way", ["featurewise", "samplewise"])
def test_a_normalization_is_one_of_its_way(way: str) -> None:
    """Either of ImageDataGenerator's two arguments chooses the way."""
    for name in (f"{way}_center", f"{way}_std_normalization"):
        assert getattr(Preprocessing.model_validate({name: True}), way)


@pytest.mark.parametrize("mean", [0, -3.5, [0, 1.5, -2]])
def test_a_mean_is_a_number_or_one_per_channel(config: str, mean: object) -> None:
    """Both forms are kept, and survive the way to a file and back."""
    experiment = parse(config, "x", [f"preprocessing.mean={mean}", "preprocessing.std=2"])
    assert experiment.preprocessing.mean == mean
    assert parse(dump(experiment), "y") == experiment


@pytest.mark.parametrize(
    ("overrides", "expected"),
    [
        (["mean=[1, 2]"], f"mean: has 2 numbers, {ONE_PER_CHANNEL}"),
        (["std=[1, 2, 3, 4]"], f"std: has 4 numbers, {ONE_PER_CHANNEL}"),
        (["mean=[]"], "mean: [] is neither a number nor a list of numbers, one per channel"),
        (["mean=true"], "mean: true is neither a number nor a list of numbers, one per channel"),
        (["mean=.nan"], "mean: nan is neither a number nor a list of numbers, one per channel"),
        (["std=0"], ("std: 0 is neither a number above 0 nor a list of such numbers, one per "
        "channel")),
        (
            ["std=[1, 1, -1]"],
            ("std: [1, 1, -1] is neither a number above 0 nor a list of such numbers, one per "
            "channel"),
        ),
        (["featurewise_center=1"], "featurewise_center: 1 is not true or false"),
        (["zca_whitening=true"], "zca_whitening: unknown key; allowed: "),
    ],
)  # fmt: skip
def test_wrong_values(problems: Problems, overrides: list[str], expected: str) -> None:
    """Each wrong value is reported at its key, with what is allowed."""
    (problem,) = problems(*(f"preprocessing.{each}" for each in overrides))
    assert problem.startswith(f"preprocessing.{expected}")


@pytest.mark.parametrize(
    ("overrides", "expected"),
    [
        (["mean=1", "featurewise_center=true"], "mean and std and featurewise_…"),
        (["std=1", "samplewise_std_normalization=true"], "mean and std and samplewise_…"),
        (["featurewise_center=true", "samplewise_center=true"], "featurewise_… and samplewise_…"),
    ],
)
def test_two_ways_at_once(problems: Problems, overrides: list[str], expected: str) -> None:
    """Numbers given, computed and each image's own exclude one another."""
    found = problems(*(f"preprocessing.{each}" for each in overrides))
    assert found == [f"preprocessing: {expected} can't be combined; {ONE_WAY}"]


@pytest.mark.parametrize(
    "override",
    ["rescale=1/255", "mean=0", "std=1", "featurewise_center=true", "samplewise_center=true"],
)
def test_a_backbone_brings_its_own(problems: Problems, override: str) -> None:
    """Beside a backbone's own preprocessing every key is refused, a mean of 0 too."""
    name = override.partition("=")[0]
    assert problems(BACKBONE, f"preprocessing.{override}") == [
        f"preprocessing.{name}: VGG16 has its own preprocessing; leave out {name}"
    ]


def test_beside_a_backbone_what_changes_nothing_may_stand(config: str) -> None:
    """A run's config holds every default, and is read again."""
    experiment = parse(config, "x", [BACKBONE])
    assert parse(dump(experiment), "y") == experiment


@pytest.mark.parametrize("name", ["featurewise_center", "samplewise_std_normalization"])
def test_below_augmentation_the_place_is_named(problems: Problems, name: str) -> None:
    """Who writes ImageDataGenerator's argument where its others are is sent here."""
    (problem,) = problems(f"augmentation.{name}=true")
    assert problem.startswith(f"augmentation.{name}: belongs to `preprocessing.{name}`: it applies")
