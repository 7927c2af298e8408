"""`imgrec config`."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from syrupy.assertion import SnapshotAssertion

from imgrec.cli.documents import ConfigDocument, ConfigsDocument, WrittenDocument
from imgrec.config import shipped
from imgrec.sections.yaml import read
from tests.cli.documents import printed
from tests.cli.transcript import transcript

Imgrec = Callable[..., subprocess.CompletedProcess[str]]


def test_list(imgrec: Imgrec) -> None:
    """Every shipped config stands in the list with its description, within 80 columns."""
    text = imgrec("config", "list").stdout
    assert max(map(len, text.splitlines())) <= 80
    expected = [(name, shipped.description(name)) for name in shipped.names()]
    words = " ".join(f"{name} {description}" for name, description in expected)
    assert text.split() == f"name description {words}".split()
    assert [line.split()[0] for line in text.splitlines()[1:] if line[0] != " "] == [
        name for name, _ in expected
    ]


def test_list_as_json(imgrec: Imgrec) -> None:
    """The list as JSON holds the same."""
    document = printed(ConfigsDocument, imgrec("config", "list", "--json"))
    assert [each.name for each in document.configs] == list(shipped.names())


def test_show(imgrec: Imgrec) -> None:
    """A config is shown as it is shipped, remarks and all."""
    assert imgrec("config", "show", "small_cnn").stdout == shipped.text("small_cnn")
    document = printed(ConfigDocument, imgrec("config", "show", "small_cnn", "--json"))
    assert document == ConfigDocument(1, "small_cnn", shipped.text("small_cnn"))


@pytest.mark.parametrize(
    ("destination", "path"),
    [([], "small_cnn.yaml"), (["mine.yaml"], "mine.yaml"), (["."], "small_cnn.yaml")],
)
def test_copy(destination: list[str], path: str, imgrec: Imgrec, tmp_path: Path) -> None:
    """A copy lies in the working directory, in the folder named, or in the file named."""
    process = imgrec("config", "copy", "small_cnn", *destination)
    assert (process.returncode, process.stdout) == (0, f"written: {path}\n")
    assert (tmp_path / path).read_text("utf-8") == shipped.text("small_cnn")


def test_copy_as_json(imgrec: Imgrec) -> None:
    """The document names the file."""
    process = imgrec("config", "copy", "small_cnn", "mine.yaml", "--json")
    assert printed(WrittenDocument, process).path == "mine.yaml"


def test_copy_overwrites_nothing(
    imgrec: Imgrec, tmp_path: Path, snapshot: SnapshotAssertion
) -> None:
    """An existing file stays as it is."""
    (tmp_path / "small_cnn.yaml").write_text("mine")
    process = imgrec("config", "copy", "small_cnn.yaml")
    assert process.returncode == 2
    assert transcript(process) == snapshot
    assert (tmp_path / "small_cnn.yaml").read_text() == "mine"


def test_copy_to_nowhere(imgrec: Imgrec, snapshot: SnapshotAssertion) -> None:
    """A folder that isn't there is reported, with exit status 4."""
    process = imgrec("config", "copy", "small_cnn", "no/where.yaml")
    assert process.returncode == 4
    assert transcript(process) == snapshot


@pytest.mark.parametrize("command", ["show", "copy"])
def test_unknown_names(command: str, imgrec: Imgrec, snapshot: SnapshotAssertion) -> None:
    """A name that isn't shipped gives the nearest one."""
    process = imgrec("config", command, "smal_cnn")
    assert process.returncode == 2
    assert transcript(process) == snapshot


def test_a_file_is_not_shipped(imgrec: Imgrec, tmp_path: Path, snapshot: SnapshotAssertion) -> None:
    """A file of the user's is distinguished from a wrong name."""
    (tmp_path / "mine.yaml").write_text("name: mine")
    process = imgrec("config", "copy", "mine.yaml")
    assert process.returncode == 2
    assert transcript(process) == snapshot


def test_show_a_file(imgrec: Imgrec, tmp_path: Path) -> None:
    """A file is shown with Keras' names for what tutorials write, and with the defaults."""
    (tmp_path / "mine.yaml").write_text("""\
name: mine
data: {root: photos, image_size: (150, 150)}
preprocessing: {rescale: 1./255}
model:
  layers:
    - Conv2D(32, (3, 3), activation='relu', input_shape=(150, 150, 3))
    - MaxPooling2D: 2
    - layers.Flatten()
    - Dense: [2, softmax]
training:
  optimizer: optimizers.RMSprop(lr=1e-4)
  metrics: [acc]
""")
    process = imgrec("config", "show", "mine.yaml")
    assert process.returncode == 0
    shown = read(process.stdout).value
    assert shown["data"]["image_size"] == [150, 150]
    assert shown["data"]["batch_size"] == 32
    assert shown["preprocessing"]["rescale"] == 1 / 255
    assert shown["model"]["layers"] == [
        {"Conv2D": {"filters": 32, "kernel_size": [3, 3], "activation": "relu"}},
        {"MaxPooling2D": {"pool_size": 2}},
        "Flatten",
        {"Dense": {"units": 2, "activation": "softmax"}},
    ]
    assert shown["training"]["optimizer"] == {"RMSprop": {"learning_rate": 1e-4}}
    assert shown["training"]["metrics"] == ["accuracy"]


def test_schema(imgrec: Imgrec) -> None:
    """The JSON schema names the sections of a config."""
    schema = json.loads(imgrec("config", "schema").stdout)
    assert {"name", "data", "model", "training"} <= set(schema["properties"])
