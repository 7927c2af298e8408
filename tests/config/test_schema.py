"""The JSON schema and the reference, both made from the models."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import jsonschema
import pytest

from imgrec.backbones import BACKBONES
from imgrec.config import shipped
from imgrec.config.load import parse
from imgrec.config.reference import KINDS, SECTIONS, reference, schema
from imgrec.errors import ConfigError
from imgrec.sections.yaml import read


@pytest.fixture(scope="module")
def validator() -> Any:
    """Return a validator of the schema, which is itself a valid one."""
    jsonschema.Draft202012Validator.check_schema(schema())
    return jsonschema.Draft202012Validator(schema())


@pytest.mark.parametrize("name", shipped.names())
def test_shipped_configs(validator: Any, name: str) -> None:
    """Every shipped config follows the schema."""
    validator.validate(read(shipped.text(name)).value)


LAYER = "    - Flatten"


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("name: pets", "nam: pets"),
        ("root: pets", "root: 3"),
        ("image_size: [32, 48]", "image_size: [32]"),
        (LAYER, "    - Flaten"),
        (LAYER, "    - Dense"),
        (LAYER, "    - Dense: {units: 0}"),
        (LAYER, "    - Dense: 0"),
        (LAYER, "    - Conv2D: 32"),
        (LAYER, "    - {Flatten: null, ReLU: null}"),
        (LAYER, "    - Residual: {layers: [Foo]}"),
        (LAYER, "    - Dense: {units: 1, kernel_regularizer: {L3: {}}}"),
        ("learning_rate: 1e-3", "learning_rate: -1"),
        ("learning_rate: 1e-3", "learning_rate: {CosineDecay: {}}"),
        ("{Adam: {learning_rate: 1e-3}}", "Adams"),
    ],
)
def test_wrong_configs(validator: Any, config: str, right: str, wrong: str) -> None:
    """What the loader refuses, the schema refuses too."""
    assert validator.is_valid(read(config).value)
    changed = config.replace(right, wrong)
    assert changed != config
    assert not validator.is_valid(read(changed).value)
    with pytest.raises(ConfigError):
        parse(changed, "x")


@pytest.mark.parametrize(
    "layer",
    [
        "ReLU",
        "{Flatten: null}",
        "{Dense: {units: 1, kernel_regularizer: l2}}",
        (
            "{Repeat: {times: 2, layers: [{Residual: {layers: [{Conv2D: "
            "{filters: 4, kernel_size: [3, 3]}}]}}]}}"
        ),
        "{ZeroPadding2D: {padding: [[1, 0], [0, 1]]}}",
        "{Dense: 512}",
        "{Dense: [512, relu]}",
        "{Conv2D: [32, (3, 3), activation: relu]}",
    ],
)
def test_layers(validator: Any, config: str, layer: str) -> None:
    """What the loader takes, the schema takes too."""
    changed = config.replace(LAYER, f"    - {layer}")
    parse(changed, "x")
    validator.validate(read(changed).value)


def test_no_reference_is_open() -> None:
    """Every reference in the schema has its definition, and nothing of pydantic's is left."""
    whole = schema()
    text = json.dumps(whole)
    assert all(f'"#/$defs/{kind.kind}"' in text for kind in KINDS)
    assert "x-one-of" not in text
    for part in text.split('"$ref": "#/$defs/')[1:]:
        assert part.partition('"')[0] in whole["$defs"]


def test_reference_names_everything() -> None:
    """The reference describes every key, name and backbone, and never null."""
    text = reference()
    for path, cls in SECTIONS.items():
        assert not path or f"## `{path}`" in text
        keys = [field.alias or name for name, field in cls.model_fields.items()]
        assert all(f"| `{key}` |" in text for key in keys)
    for kind in KINDS:
        assert all(f"| `{name}` |" in text for name in kind.table)
    assert all(f"| `{name}` |" in text for name in BACKBONES)
    assert "null=" not in text
    assert "| `rescale` | number above 0, or fraction |" in text
    assert "| `rate` | number from 0 below 1 |" in text


def test_links() -> None:
    """Every link leads to a heading of the page."""
    text = reference()
    headings = [line[3:] for line in text.splitlines() if line.startswith("## ")]
    anchors = {
        heading.lower().replace("`", "").replace(".", "").replace(" ", "-") for heading in headings
    }
    assert {part.partition(")")[0] for part in text.split("](#")[1:]} <= anchors


def test_nothing_slow_is_loaded() -> None:
    """Configs are read and described without TensorFlow, Keras or scikit-learn."""
    code = (
        "import sys; from imgrec.config import load, reference; load.load('cat_dog');"
        "reference.schema(); reference.reference();"
        "print({'tensorflow', 'keras', 'sklearn', 'numpy', 'PIL'} & set(sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.strip() == "set()"
