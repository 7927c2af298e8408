"""Images in rows, each over its caption."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from imgrec.report.pictures import contact_sheet


def _sheet(
    images: np.ndarray[tuple[int, ...], np.dtype[np.uint8]], captions: list[str]
) -> Image.Image:
    return Image.open(io.BytesIO(contact_sheet(images, captions)))


@pytest.mark.parametrize("shape", [(8, 8, 1), (150, 150, 3), (300, 40, 3), (2, 500, 1)], ids=str)
def test_images_of_any_form_are_there(shape: tuple[int, int, int]) -> None:
    """A sheet of seven plain images holds their colour; enlarging and reducing keep it."""
    images = np.full((7, *shape), 77, np.uint8)
    sheet = _sheet(images, ["name"] * 7).convert("L")
    longer = max(shape[:2])
    size = [max(1, round(side * 160 / longer)) for side in shape[:2]]
    assert (np.asarray(sheet) == 77).sum() >= 7 * size[0] * size[1]


def test_images_stand_in_the_order_given() -> None:
    """From left to right."""
    images = np.stack([np.full((4, 4, 1), level, np.uint8) for level in (10, 200)])
    pixels = np.asarray(_sheet(images, ["dark", "light"]).convert("L"))
    assert np.nonzero(pixels == 10)[1].mean() < np.nonzero(pixels == 200)[1].mean()


def test_captions_are_drawn_and_kept_short() -> None:
    """A long one changes nothing beyond the width of its image; none leaves the line empty."""
    images = np.full((2, 160, 160, 3), 255, np.uint8)
    empty = np.asarray(_sheet(images, ["", ""]).convert("L"))
    assert (empty == 255).all()
    drawn = np.asarray(_sheet(images, ["w" * 500, ""]).convert("L"))
    columns = np.nonzero((drawn < 255).any(axis=0))[0]
    assert len(columns)
    assert columns.max() < drawn.shape[1] // 2


def test_strange_captions_can_be_drawn() -> None:
    """Control characters, undecodable bytes, scripts that the font may lack."""
    captions = ["\x1b[31m\n\udcff", "猫", "кошка", "[bold]<script>"]
    assert _sheet(np.zeros((4, 8, 8, 3), np.uint8), captions).width > 0
