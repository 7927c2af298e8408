"""The picture that the demo predicts."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from tools.digit import main


def test_picture_is_a_digit(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The demo's picture is a grey PNG of 8 x 8 pixels, and its digit is printed."""
    main(tmp_path / "digit.png")

    with Image.open(tmp_path / "digit.png") as picture:
        assert (picture.format, picture.mode, picture.size) == ("PNG", "L", (8, 8))
    assert capsys.readouterr().out.rstrip()[-1].isdigit()
