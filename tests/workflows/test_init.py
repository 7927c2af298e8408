"""A first config for a folder of images."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from imgrec.config.experiment import Experiment
from imgrec.config.load import parse
from imgrec.data.sources import SplitConfig
from imgrec.errors import DataError
from imgrec.workflows.dataset_summary import DatasetSummary
from imgrec.workflows.init import draft_config, draft_config_for, draft_experiment
from imgrec.workflows.prepare import read_splits
from imgrec.workflows.pretrained_weights import PretrainedWeights, missing_weights
from tests.workflows.class_folders import fill


def drafted(folder: Path, weights: PretrainedWeights = PretrainedWeights.CACHED) -> Experiment:
    """Return the experiment that is drafted for a folder."""
    return parse(draft_config(folder, lambda _: weights).config, "the draft")


def layers(experiment: Experiment) -> list[str]:
    """Return the names of an experiment's layers."""
    return [type(layer).__name__ for layer in experiment.model.layers]


def test_tiny_images_get_a_small_network(tmp_path: Path) -> None:
    """Tiny images keep their size and get a small network, with or without weights."""
    experiment = drafted(fill(tmp_path / "pets", {"cat": 2, "dog": 2}))
    assert experiment.name == "pets"
    assert experiment.data.image_size == (30, 40)
    assert experiment.model.backbone is None
    assert layers(experiment) == [*["Conv2D", "MaxPooling2D"] * 2, "Flatten", "Dropout", "Dense"]


@pytest.mark.parametrize(
    ("size", "side"), [((64, 64), 160), ((200, 300), 160), ((224, 400), 224), ((500, 400), 224)]
)
def test_photos_get_a_backbone(size: tuple[int, int], side: int, tmp_path: Path) -> None:
    """Photos are learned on top of MobileNetV2, at a size that it has weights for."""
    experiment = drafted(fill(tmp_path, {"cat": 1, "dog": 1}, size))
    assert experiment.model.backbone is not None
    assert experiment.model.backbone.name == "MobileNetV2"
    assert experiment.data.image_size == (side, side)
    assert experiment.preprocessing.rescale is None


@pytest.mark.parametrize(
    ("weights", "name", "size"),
    [
        (PretrainedWeights.INSTALLED, "EfficientNetLite0", 224),
        (PretrainedWeights.CACHED, "MobileNetV2", 160),
        (PretrainedWeights.ABSENT, None, 128),
    ],
)
def test_installed_weights_come_first(
    weights: PretrainedWeights, name: str | None, size: int, tmp_path: Path
) -> None:
    """The backbone is the one whose weights are there, at a size that it was trained with."""
    experiment = drafted(fill(tmp_path, {"cat": 1, "dog": 1}, (200, 200)), weights)
    backbone = experiment.model.backbone
    assert (backbone and backbone.name) == name
    assert experiment.data.image_size == (size, size)


@pytest.mark.parametrize("weights", [PretrainedWeights.CACHED, PretrainedWeights.REACHABLE])
def test_a_remark_says_where_weights_are(weights: PretrainedWeights, tmp_path: Path) -> None:
    """The config and the remarks say whether the weights must be fetched."""
    found = draft_config(fill(tmp_path, {"cat": 1, "dog": 1}, (64, 64)), lambda _: weights)
    assert f"# {weights.value}.\n" in found.config
    assert found.found[-1] == weights.value


def test_photos_without_weights_get_a_small_network(tmp_path: Path) -> None:
    """If weights can't be had, photos get a small network, and a remark says why."""
    folder = fill(tmp_path, {"cat": 1, "dog": 1}, (300, 300))
    experiment = drafted(folder, PretrainedWeights.ABSENT)
    assert experiment.model.backbone is None
    assert experiment.data.image_size == (128, 128)
    assert layers(experiment).count("Conv2D") == 4
    found = draft_config(folder, lambda _: PretrainedWeights.ABSENT)
    assert found.found[-1].endswith("--set model.backbone.weights=FILE")
    assert all(f"\n# {line}\n" in found.config for line in found.found[-2:])


def test_the_remark_about_weights_trains_on_the_folder(tmp_path: Path) -> None:
    """The command that it names reads the folder's images, and the file of weights."""
    folder = fill(tmp_path / "pets", {"cat": 10, "dog": 10}, (300, 300))
    remark = draft_config(folder, lambda _: PretrainedWeights.ABSENT).found[-1]
    _, _, command = remark.partition("imgrec train ")
    path, _, override = shlex.split(command.replace("FILE", "x.h5"))
    experiment, draft = draft_experiment(Path(path), [override], lambda _: PretrainedWeights.ABSENT)
    assert "fetched" not in draft.config
    assert experiment.model.backbone is not None
    assert experiment.model.backbone.weights == "x.h5"
    assert len(read_splits(experiment).train) == 14  # 20 without those for validation and test


@pytest.mark.parametrize(
    ("labels", "value"), [(["cat;dog", "", "dog"], "true"), (["cat", "dog", "dog"], "True")]
)
def test_images_are_said_to_have_several_labels(
    labels: list[str], value: str, tmp_path: Path
) -> None:
    """What `data.multi_label=true` says of a CSV file holds for the draft, too."""
    Image.new("RGB", (20, 20)).save(tmp_path / "a.png")
    (tmp_path / "labels.csv").write_text("path,label\n" + "".join(f"a.png,{x}\n" for x in labels))
    experiment, _ = draft_experiment(tmp_path / "labels.csv", [f"data.multi_label={value}"])
    assert (experiment.data.multi_label, experiment.model.output) == (True, "sigmoid")


@pytest.mark.parametrize(("mode", "channels"), [("L", 1), ("I;16", 1), ("RGB", 3), ("P", 3)])
def test_grey_images_have_one_channel(mode: str, channels: int, tmp_path: Path) -> None:
    """A folder of grey pictures is trained on in grey."""
    folder = fill(tmp_path / "scans", {"a": 3, "b": 3}, (28, 28))
    for path in folder.glob("*/*.png"):
        Image.new(mode, (28, 28)).save(path)
    assert drafted(folder, PretrainedWeights.ABSENT).data.channels == channels


@pytest.mark.parametrize("size", [(1, 1), (3, 5), (8, 8), (15, 400), (63, 63)])
def test_pooling_never_empties_the_image(size: tuple[int, int], tmp_path: Path) -> None:
    """However small the images are, four pixels a side are left after the last pooling."""
    experiment = drafted(fill(tmp_path, {"cat": 1, "dog": 1}, size))
    halvings = layers(experiment).count("MaxPooling2D")
    assert halvings >= 1
    assert min(experiment.data.image_size) // 2**halvings >= 4
    assert max(experiment.data.image_size) <= 128


@pytest.mark.parametrize(
    ("folders", "images", "split"),
    [
        ([""], 10, SplitConfig(validation=0.2, test=0.1)),
        ([""], 9, SplitConfig(validation=0.2)),
        (["train"], 10, SplitConfig(validation=0.2, test=0.1)),
        (["train", "test"], 10, SplitConfig(validation=0.2)),
        (["train", "valid"], 10, None),
        (["train", "val", "test"], 10, None),
    ],
)
def test_parts_that_have_no_folder_are_split_off(
    folders: list[str], images: int, split: SplitConfig | None, tmp_path: Path
) -> None:
    """A part without a folder is split off the training images."""
    for folder in folders:
        fill(tmp_path / folder, {"cat": images, "dog": images}, (4, 4))
    experiment = drafted(tmp_path)
    assert (experiment.data.root, experiment.data.split) == (str(tmp_path), split)


@pytest.mark.parametrize(("rare", "balanced"), [(1, True), (2, False)])
def test_uneven_classes_are_balanced(rare: int, *, balanced: bool, tmp_path: Path) -> None:
    """Classes that differ by more than a factor of three are weighted."""
    experiment = drafted(fill(tmp_path, {"cat": rare, "dog": 6}))
    assert (experiment.training.class_weight == "balanced") is balanced


@pytest.mark.parametrize(
    ("images", "epochs", "batch_size"),
    [(40, 50, 8), (2_000, 50, 32), (20_000, 25, 64), (200_000, 12, 64)],
)
def test_more_images_need_fewer_epochs(images: int, epochs: int, batch_size: int) -> None:
    """The more images, the fewer epochs and the larger batches."""
    found = DatasetSummary(Path("pets"), (), {"cat": images, "dog": images}, ((9, 9),), ())
    experiment = parse(draft_config_for(found).config, "the draft")
    assert (experiment.training.epochs, experiment.data.batch_size) == (epochs, batch_size)


def test_the_run_stops_early(tmp_path: Path) -> None:
    """The training ends when the validation loss falls no more."""
    experiment = drafted(fill(tmp_path, {"cat": 1, "dog": 1}))
    assert [type(each).__name__ for each in experiment.training.callbacks] == ["EarlyStopping"]


@pytest.mark.parametrize(
    ("folder", "name"),
    [
        ("cats & dogs", "cats_dogs"),
        ("1e3", "1e3"),
        ("no", "no"),
        ("-_.", "images"),
        ("日本", "images"),
        ("x" * 99, "x" * 64),
        ('a"b\\c: #\n- d', "a_b_c_-_d"),
    ],
)
def test_any_folder_name_makes_a_config(folder: str, name: str, tmp_path: Path) -> None:
    """Whatever a folder is called, the config loads and names it and its runs."""
    path = fill(tmp_path / folder, {"cat": 1, "dog": 1})
    experiment = drafted(path)
    assert (experiment.name, experiment.data.root) == (name, str(path))


@given(
    st.lists(
        st.text(st.characters(exclude_characters="/\0"), min_size=1, max_size=8),
        min_size=2,
        max_size=4,
        unique=True,
    )
)
def test_any_class_name_makes_a_config(names: list[str]) -> None:
    """Whatever the classes are called, the config loads."""
    found = DatasetSummary(Path("pets"), (), dict.fromkeys(names, 5), ((9, 9),), ())
    assert parse(draft_config_for(found).config, "the draft").name == "pets"


def test_errors_pass_through(tmp_path: Path) -> None:
    """A folder that can't be trained on is refused as a training would refuse it."""
    with pytest.raises(DataError, match="no images"):
        draft_config(tmp_path)


def test_a_draft_for_real_photos(shared: Callable[[str], Path]) -> None:
    """Tiny bird pictures with a test folder give a small network and a validation split."""
    experiment = parse(draft_config(shared("data/birds")).config, "the draft")
    assert experiment.data.image_size == (32, 32)
    assert experiment.data.split == SplitConfig(validation=0.2)


def test_cached_weights_belong_to_one_application(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those of a later version are not taken for the first one's."""
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    (tmp_path / "models").mkdir()
    (tmp_path / "models/mobilenet_v2_weights_tf_dim_ordering_tf_kernels_1.0_224.h5").touch()
    assert not missing_weights("MobileNetV2", top=True)
    assert "MobileNet are not in" in missing_weights("MobileNet", top=True)
    (tmp_path / "models/mobilenet_1_0_224_tf_no_top.h5").touch()
    assert not missing_weights("MobileNet", top=False)
