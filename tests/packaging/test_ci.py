"""The recipes of docs/ci.md are YAML that servers read, and their commands do what they say."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from PIL import Image

from imgrec.config.load import parse
from imgrec.workflows.training import train
from tests.conftest import PROJECT, without_charts
from tests.report.junit import validated

pytestmark = pytest.mark.tensorflow

PAGE = (PROJECT / "docs/ci.md").read_text("utf-8")
CONFIG = """
name: cat_dog
data: {root: photos/train, image_size: [8, 8], batch_size: 8}
preprocessing: {rescale: 1/255}
model: {layers: [Flatten]}
training: {epochs: 20, optimizer: {Adam: {learning_rate: 1e-2}}}
"""


def recipes() -> list[Any]:
    """Return the YAML blocks of the page."""
    return [yaml.safe_load(block) for block in re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)]


def scripts(recipe: Any) -> Iterator[str]:
    """Yield every shell script of a recipe."""
    if isinstance(recipe, dict):
        for key, value in recipe.items():
            if key == "run":
                yield value
            elif key in {"script", "before_script"}:
                yield "\n".join(value)
            else:
                yield from scripts(value)
    elif isinstance(recipe, list):
        for each in recipe:
            yield from scripts(each)


def evaluations() -> list[str]:
    """Return the scripts that evaluate."""
    return [text for recipe in recipes() for text in scripts(recipe) if "imgrec evaluate" in text]


def test_every_script_is_one_that_a_shell_can_read() -> None:
    """Bash parses each, once the server has filled in its expressions."""
    found = [text for recipe in recipes() for text in scripts(recipe)]
    assert len(found) >= 6
    for text in found:
        filled = re.sub(r"\$\{\{.*?\}\}", "1", text)
        subprocess.run(["/bin/bash", "-n", "-c", filled], check=True)


def test_jobs_keep_the_reports_of_a_gate_that_is_missed() -> None:
    """What is uploaded is what the command writes, also where it fails."""
    github, _, gitlab = recipes()
    steps = github["jobs"]["gate"]["steps"]
    (upload,) = [step for step in steps if "upload-artifact" in step.get("uses", "")]
    written = [set(re.findall(r"--report (\S+)", text)) for text in evaluations()]
    assert upload["if"] == "always()"
    assert set(upload["with"]["path"].split()) == written[0]
    kept = gitlab["gate"]["artifacts"]
    assert kept["when"] == "always"
    assert {*kept["paths"], kept["reports"]["junit"]} == written[1]


@pytest.fixture(scope="module")
def workplace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkout as the recipes have it, with `imgrec` on its path and the run in place."""
    folder = tmp_path_factory.mktemp("checkout")
    random = np.random.default_rng(0)
    for place in ("train/cats", "train/dogs", "test/cats", "test/dogs"):
        (folder / "photos" / place).mkdir(parents=True)
        level = 30 if place.endswith("cats") else 200
        for number in range(20):
            pixels = random.integers(level, level + 40, (8, 8, 3), np.uint8)
            Image.fromarray(pixels).save(folder / "photos" / place / f"{number}.png")
    with pytest.MonkeyPatch.context() as patch, without_charts():
        patch.chdir(folder)
        run = train(parse(CONFIG, "c.yaml"), runs_dir=Path("runs")).run
        run.path.rename("runs/cat_dog-3")
    command = folder / "bin/imgrec"
    command.parent.mkdir()
    command.write_text(f'#!/bin/sh\nexec {sys.executable} -m imgrec "$@"\n')
    command.chmod(0o755)
    return folder


@pytest.mark.parametrize("script", evaluations(), ids=["github", "gitlab"])
def test_the_gate_of_a_recipe_runs(workplace: Path, script: str) -> None:
    """The very script, in a checkout with a run: it is met, and writes what the job uploads."""
    process = run(workplace, script, GITHUB_STEP_SUMMARY="met.md")
    assert process.returncode == 0, process.stderr
    for name in re.findall(r"--report (\S+)", script):
        assert (workplace / name).stat().st_size > 0
    assert validated((workplace / "junit.xml").read_text())[0].get("failures") == "0"
    assert (workplace / "met.md").read_text().startswith("## ✅ Gate met: 2 of 2 requirements")


def test_a_gate_that_is_missed_stops_the_job(workplace: Path) -> None:
    """Exit status 1, the reports are written all the same, and the job's summary says why."""
    script = evaluations()[0].replace("accuracy >= 0.9", "log_loss <= 0")
    process = run(workplace, script, GITHUB_STEP_SUMMARY="step.md")
    assert process.returncode == 1
    assert validated((workplace / "junit.xml").read_text())[0].get("failures") == "1"
    assert (workplace / "step.md").read_text().startswith("## ❌ Gate not met: 1 of 2 requirements")


def run(folder: Path, script: str, **more: str) -> subprocess.CompletedProcess[str]:
    """Run a script as the servers do: it ends with the first command that fails."""
    path = f"{folder / 'bin'}{os.pathsep}{os.environ['PATH']}"
    environment = {**os.environ, "PATH": path, "PYTHONPATH": str(PROJECT), **more}
    return subprocess.run(
        ["/bin/bash", "-e", "-o", "pipefail", "-c", script],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
