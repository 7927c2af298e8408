"""The examples in the docstrings of imgrec run, and print what they say."""

from __future__ import annotations

import doctest
import importlib
from pathlib import Path

import pytest

from tests.conftest import PROJECT

OPTIONS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


def modules_with_examples() -> list[str]:
    """Return the names of the modules whose docstrings hold examples."""
    paths = sorted((PROJECT / "imgrec").rglob("*.py"))
    found = [path.relative_to(PROJECT) for path in paths if ">>> " in path.read_text("utf-8")]
    return [".".join(path.with_suffix("").parts).removesuffix(".__init__") for path in found]


@pytest.mark.parametrize("name", modules_with_examples())
def test_examples(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each example of a module prints what the docstring shows, in an empty folder."""
    monkeypatch.chdir(tmp_path)
    result = doctest.testmod(importlib.import_module(name), optionflags=OPTIONS)
    assert result.failed == 0
