"""The lock files: what `make` installs from."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

PROJECT = Path(__file__).resolve().parents[2]
LOCKS = (
    *(f"requirements{name}.txt" for name in ("", "-dev", "-predict", "-release", "-serve")),
    *(str(path.relative_to(PROJECT)) for path in sorted(PROJECT.glob("t*/**/requirements-*.txt"))),
)


@pytest.mark.parametrize("name", LOCKS)
def test_lock_holds_no_address(name: str) -> None:
    """A lock names packages only: no index, link, path or private version."""
    text = (PROJECT / name).read_text(encoding="utf-8")

    assert re.findall(r"\S*(?://|file:|\.whl)\S*", text) == []
    assert re.findall(r"^-.*$", text, re.MULTILINE) == []
    assert [pin for pin in pins(name) if "+" in str(pin.specifier) or pin.url] == []


@pytest.mark.parametrize("name", LOCKS)
def test_every_pin_is_exact_and_hashed(name: str) -> None:
    """Each entry is one version with at least one SHA-256, so pip takes nothing else."""
    for entry in entries(name):
        assert re.match(r"[a-z0-9.-]+==[^ ]+", entry), entry
        assert re.search(r"--hash=sha256:[0-9a-f]{64}", entry), entry


def test_both_locks_agree() -> None:
    """What developers test is what users get: the development lock holds all of the other."""
    assert {str(pin) for pin in pins("requirements.txt")} <= {
        str(pin) for pin in pins("requirements-dev.txt")
    }


@pytest.mark.parametrize("python", ["3.11", "3.12", "3.13"])
@pytest.mark.parametrize("system", ["linux", "darwin", "win32"])
def test_locks_hold_what_the_project_asks_for(python: str, system: str) -> None:
    """For each supported Python and system every dependency has one pin within its bounds."""
    environment = {"python_full_version": f"{python}.0", "sys_platform": system}
    for lock, asked in (
        ("requirements.txt", dependencies()),
        ("requirements-dev.txt", development_dependencies()),
    ):
        chosen = [
            pin for pin in pins(lock) if pin.marker is None or pin.marker.evaluate(environment)
        ]
        for requirement in asked:
            versions = [
                next(iter(pin.specifier)).version
                for pin in chosen
                if canonicalize_name(pin.name) == canonicalize_name(requirement.name)
            ]
            assert len(versions) == 1, requirement
            assert requirement.specifier.contains(versions[0]), requirement


def test_predicting_needs_no_tensorflow() -> None:
    """The third lock is a part of the first, for a part of its dependencies, without Keras."""
    chosen = project()["dependency-groups"]["predict"]
    assert set(chosen) < set(project()["project"]["dependencies"])
    assert set(map(str, pins("requirements-predict.txt"))) < set(map(str, pins("requirements.txt")))
    names = {canonicalize_name(pin.name) for pin in pins("requirements-predict.txt")}
    assert {Requirement(line).name for line in chosen} <= names
    assert not names & {"tensorflow", "keras", "h5py", "tensorboard"}


def test_serving_needs_no_evaluation() -> None:
    """The smaller light set is a part of the development lock, without statistics and charts."""
    chosen = project()["dependency-groups"]["serve"]
    asked = {*project()["project"]["dependencies"]}
    asked.update(project()["project"]["optional-dependencies"]["serve"])
    assert set(chosen) < asked
    names = {canonicalize_name(pin.name) for pin in pins("requirements-serve.txt")}
    assert {Requirement(line).name for line in chosen} <= names
    assert not names & {"tensorflow", "keras", "scipy", "scikit-learn", "matplotlib"}


def test_every_dependency_has_bounds() -> None:
    """Users without the locks are kept from versions that are too old or not tried yet."""
    for requirement in dependencies():
        assert {specifier.operator for specifier in requirement.specifier} == {">=", "<"}


@pytest.mark.long
def test_every_imported_library_is_a_dependency() -> None:
    """What the package imports, pyproject.toml asks for: no library is there by chance."""
    names = {
        "PIL": "pillow",
        "ai_edge_litert": "ai-edge-litert",
        "flatbuffers": "ai-edge-litert",  # which needs it
        "h5py": "keras",  # of Keras too
        "google_crc32c": "google-crc32c",
        "markupsafe": "jinja2",  # which needs it
        "mlflow": "mlflow-skinny",
        "pillow_heif": "pillow-heif",
        "prometheus_client": "prometheus-client",
        "pydantic_core": "pydantic",  # which pins it
        "python_multipart": "python-multipart",
        "sklearn": "scikit-learn",
        "yaml": "pyyaml",
    }
    imported = {
        names.get(module, module)
        for path in (PROJECT / "imgrec").rglob("*.py")
        for module in imports(path)
        if module != "imgrec" and module not in sys.stdlib_module_names
    }

    extras = project()["project"]["optional-dependencies"].values()
    asked = [*dependencies(), *(Requirement(line) for extra in extras for line in extra)]
    assert imported <= {canonicalize_name(requirement.name) for requirement in asked}


def imports(path: Path) -> set[str]:
    """Return the top-level modules that a Python file imports, inside functions too."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add(node.module or "")
    return {module.split(".")[0] for module in found}


def pins(name: str) -> list[Requirement]:
    """Return the requirements of a lock file, without their hashes."""
    return [Requirement(entry.split("--hash")[0]) for entry in entries(name)]


def entries(name: str) -> list[str]:
    """Return the entries of a lock file, each on one line, without comments."""
    text = (PROJECT / name).read_text(encoding="utf-8").replace("\\\n", " ")
    return [line for line in text.splitlines() if line and not line.lstrip().startswith("#")]


def dependencies() -> list[Requirement]:
    """Return the dependencies that pyproject.toml names."""
    return [Requirement(line) for line in project()["project"]["dependencies"]]


def development_dependencies() -> list[Requirement]:
    """Return the development dependencies and the extras that pyproject.toml names."""
    extras = project()["project"]["optional-dependencies"].values()
    lines = [*project()["dependency-groups"]["dev"], *(line for extra in extras for line in extra)]
    return [Requirement(line) for line in lines]


def project() -> dict[str, Any]:
    """Return pyproject.toml."""
    return tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))
