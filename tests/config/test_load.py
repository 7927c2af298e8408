"""From files to experiments and back."""

from __future__ import annotations

from pathlib import Path

import pytest

from imgrec.config import shipped
from imgrec.config.load import dump, load, parse
from imgrec.errors import ConfigError, UsageError


def test_file(tmp_path: Path, config: str) -> None:
    """A file is read, and `--set` goes before it."""
    path = tmp_path / "pets.yaml"
    path.write_text(config)
    assert load(str(path)) == parse(config, "x")
    assert load(str(path), ["training.epochs=3"]).training.epochs == 3


def test_every_problem_at_once(config: str) -> None:
    """The whole message: every problem, by line, with what is allowed."""
    wrong = (
        config.replace("root", "rot")
        .replace("filters: 8", "filters: many")
        .replace("Flatten", "Dens: {units: 1}")
        .replace("Adam:", "SGD:")
        .replace("learning_rate", "momentum: 2, learning_rate")
    )
    with pytest.raises(ConfigError) as caught:
        parse(wrong, "configs/pets.yaml", ["training.epochs=ten"])
    assert str(caught.value) == (
        "configs/pets.yaml has 5 problems\n"
        "  line 3     data.rot: unknown key; did you mean 'root'? allowed: bad_images, batch_size, "
        "cache, channels, columns, features, fit, fold, group, image_size, images, interpolation, "
        "label_map, loader, max_megapixels, multi_label, root, separator, split, split_seed, "
        "test, train, validation\n"
        "  line 7     model.layers[0].Conv2D.filters: 'many' is not a whole number\n"
        "  line 8     model.layers[1]: unknown layer 'Dens'; did you mean 'Dense'? allowed: "
        "Activation, AveragePooling2D, BatchNormalization, Conv2D, Dense, DepthwiseConv2D, "
        "Dropout, ELU, Flatten, GaussianDropout, GaussianNoise, GlobalAveragePooling2D, "
        "GlobalMaxPooling2D, GroupNormalization, LayerNormalization, LeakyReLU, MaxPooling2D, "
        "PReLU, ReLU, Repeat, Residual, SeparableConv2D, SpatialDropout2D, ZeroPadding2D\n"
        "  line 10    training.optimizer.SGD.momentum: must be at most 1, got 2\n"
        "  overrides  training.epochs: 'ten' is not a whole number"
    )
    assert "`imgrec config show small_cnn` prints a valid config" in caught.value.hint
    with pytest.raises(ConfigError) as caught:
        parse(config, "configs/pets.yaml", ["training.epochs=ten"])
    assert caught.value.hint == "docs/config.md describes `training`"


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("", 1, "the config is empty"),
        ("# only a remark\n", 1, "the config is empty"),
        ("- a\n", 1, "the config is not a mapping of keys to values"),
        ("a: 1\nb: [\n", 3, "the text ends here, but a bracket is not closed"),
        ("a: 1\na: 1\n", 2, "key 'a' is repeated, see line 1"),
    ],
)
def test_no_config(text: str, line: int, message: str) -> None:
    """What is not YAML, or not a mapping, is one problem."""
    with pytest.raises(ConfigError) as caught:
        parse(text, "x.yaml")
    assert str(caught.value) == f"x.yaml, line {line}: {message}"


@pytest.mark.parametrize("source", ["small_cnn", "small_cnn.yaml"])
def test_shipped_name(source: str) -> None:
    """A shipped config is found by its name."""
    assert load(source).name == "small_cnn"


def test_missing(tmp_path: Path) -> None:
    """A name that is neither a file nor shipped comes with the nearest shipped one, or folder."""
    with pytest.raises(UsageError) as caught:
        load("small_cn.yaml")
    assert str(caught.value) == (
        "small_cn.yaml: no such config file; did you mean the shipped config 'small_cnn'?"
    )
    assert caught.value.hint == (
        "give a YAML file, a folder with one subfolder per class, or a shipped config: "
        f"{', '.join(shipped.names())}"
    )
    (tmp_path / "my_photos").mkdir()
    with pytest.raises(UsageError, match=r"did you mean the folder .*my_photos\?"):
        load(str(tmp_path / "my_photo"))
    with pytest.raises(UsageError, match=r"no such config file$"):
        load(str(tmp_path / "qqqq.yaml"))


def test_unreadable(tmp_path: Path) -> None:
    """Folders, binary files and impossible names are one clear line each."""
    with pytest.raises(UsageError, match="is a folder, not a config"):
        load(str(tmp_path))
    photo = tmp_path / "photo.JPG"
    photo.write_bytes(b"\xff\xd8")
    with pytest.raises(UsageError, match=r"JPG is an image, not a config$") as caught:
        load(str(photo))
    assert caught.value.hint == f"`imgrec predict {photo}` classifies it"
    (tmp_path / "a.zip").write_bytes(b"PK")
    with pytest.raises(UsageError, match="is an archive") as caught:
        load(str(tmp_path / "a.zip"))
    assert "imgrec" in caught.value.hint
    binary = tmp_path / "model.keras"
    binary.write_bytes(b"PK\x03\x04\xff\xfe")
    with pytest.raises(ConfigError, match="byte 0xff is not UTF-8"):
        load(str(binary))
    with pytest.raises(UsageError, match=r"^a\\x00b can't be read: "):
        load("a\0b")
    with pytest.raises(UsageError, match="can't be read: file name too long"):
        load("x" * 5000)


@pytest.mark.parametrize("name", shipped.names())
def test_dump_reads_back(name: str) -> None:
    """What is dumped has every default written out, and reads back equal."""
    experiment = load(name)
    assert parse(dump(experiment), "dumped") == experiment


def test_dump(config: str) -> None:
    """The whole dump of a small config."""
    assert dump(parse(config, "x", ["training.class_weight={no: 1, 1e-4: 2.5}"])) == (
        "name: pets\n"
        "seed: 0\n"
        "data:\n"
        "  root: pets\n"
        "  multi_label: false\n"
        "  image_size: [32, 48]\n"
        "  channels: 3\n"
        "  fit: stretch\n"
        "  interpolation: bilinear\n"
        "  max_megapixels: 100\n"
        "  batch_size: 32\n"
        "  bad_images: error\n"
        "  cache: {memory: true, limit: 20GB}\n"
        "preprocessing:\n"
        "  featurewise_center: false\n"
        "  featurewise_std_normalization: false\n"
        "  samplewise_center: false\n"
        "  samplewise_std_normalization: false\n"
        "model:\n"
        "  layers:\n"
        "    - Conv2D: {filters: 8, kernel_size: 3}\n"
        "    - Flatten\n"
        "  output: softmax\n"
        "training:\n"
        "  epochs: 10\n"
        "  optimizer:\n"
        "    Adam: {learning_rate: 0.001}\n"
        "  metrics: [accuracy]\n"
        "  class_weight: {'no': 1.0, '1e-4': 2.5}\n"
        "  callbacks: []\n"
        "  checkpoint: {every: 5 minutes, keep: 2, monitor: val_loss, mode: auto}\n"
        "  on_nan: stop\n"
        "  precision: auto\n"
        "  deterministic: false\n"
        "  export: [float32]\n"
        "evaluation:\n"
        "  require: []\n"
        "  slices: []\n"
        "  top_k: 5\n"
    )
