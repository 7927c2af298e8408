"""A report's format follows from its file's suffix."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from imgrec.errors import UsageError
from imgrec.evaluation.results import Assessment
from imgrec.report.forms import check_formats, report_formats

pytestmark = pytest.mark.usefixtures("blank_charts")


def test_every_suffix_has_its_form(assessment: Callable[..., Assessment]) -> None:
    """The five formats, each recognised by its beginning."""
    texts = {suffix: form(assessment(2)) for suffix, form in report_formats().items()}
    beginnings = {
        ".xml": "<?xml",
        ".md": "## Accuracy",
        ".json": "{",
        ".csv": "image,truth",
        ".html": "<!DOCTYPE html>",
    }
    assert texts.keys() == beginnings.keys()
    for suffix, beginning in beginnings.items():
        assert texts[suffix].startswith(beginning)
    assert json.loads(texts[".json"])["run"] == "digits-1"


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("a/report.txt", "a/report.txt: unknown format .txt"),
        ("report", "report: no suffix"),
        ("a\n.htm", r"a\n.htm: unknown format .htm"),
    ],
)
def test_another_suffix_is_refused(name: str, message: str) -> None:
    """The message names the file, the hint the formats."""
    check_formats([Path("a.xml"), Path("B.HTML")])
    with pytest.raises(UsageError) as caught:
        check_formats([Path("a.xml"), Path(name)])
    assert caught.value.message == message
    assert caught.value.hint.endswith(".html, or another of .html, .xml, .md, .json, .csv")
