"""Predictions become a page with a picture of each photo."""

from __future__ import annotations

import gc
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from imgrec.errors import UsageError
from imgrec.evaluation.prediction import ModelInfo
from imgrec.runtime.engine import Engine
from imgrec.workflows.prediction import Predictor, page_sink, predict_photos
from tests.report.test_html import Page
from tests.runtime.brightness import Brightness


def predictor(*engines: Engine) -> Predictor:
    """Return what asks these engines."""
    members = [ModelInfo(f"m{number}", each.classes) for number, each in enumerate(engines)]
    return Predictor(tuple(members), engines, ("hash",) * len(engines))


def page_of(photos: list[str], *, heat_maps: bool = False) -> str:
    """Return the page of these photos."""
    delivered: list[str] = []
    asked = predictor(Brightness())
    predict_photos(photos, asked, page_sink(asked, delivered.extend, heat_maps=heat_maps))
    return "".join(delivered)


def test_every_photo_is_on_the_page_in_order(tmp_path: Path) -> None:
    """With its own picture, over several batches; one that can't be read says why."""
    photos = []
    for level in range(40):
        Image.new("L", (4, 4), 6 * level).save(tmp_path / f"{level}.png")
        photos.append(str(tmp_path / f"{level}.png"))
    photos.insert(1, "none.png")
    found = Page(page_of(photos))
    alts = [Path(value).name for name, value in found.attributes if name == "alt" and value]
    assert alts == [f"{level}.png" for level in range(40)]
    assert len({value for name, value in found.attributes if name == "src"}) == 40
    assert {"41 photos", "none.png", "no such file"} <= set(found.texts)


def test_a_heat_map_shows_what_the_answer_needs(tmp_path: Path) -> None:
    """Below the photo, of the same size, another picture."""
    pixels = np.zeros((40, 60), np.uint8)
    pixels[:, :30] = 255
    Image.fromarray(pixels).save(tmp_path / "half.png")
    found = Page(page_of([str(tmp_path / "half.png"), "none.png"], heat_maps=True))
    alts = [value for name, value in found.attributes if name == "alt"]
    assert alts == [str(tmp_path / "half.png"), f"Heat map of bright in {tmp_path / 'half.png'}"]
    assert found.attributes.count(("width", "60")) == 2


def test_heat_maps_are_of_one_model() -> None:
    """Several see different things."""
    with pytest.raises(UsageError, match="what one model sees"):
        page_sink(predictor(Brightness(), Brightness()), print, heat_maps=True)


def test_memory_does_not_grow_with_the_photos(tmp_path: Path) -> None:
    """Pictures wait on the disk, not in memory."""
    noise = np.random.default_rng(0).integers(0, 256, (64, 64), np.uint8)
    Image.fromarray(noise).save(tmp_path / "noise.png")

    def peak(count: int) -> int:
        tracemalloc.start()
        asked = predictor(Brightness())

        def deliver(text: Iterator[str]) -> None:
            assert sum(map(len, text)) > 4_000 * count

        predict_photos([str(tmp_path / "noise.png")] * count, asked, page_sink(asked, deliver))
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return most

    peak(50)
    gc.freeze()
    assert peak(600) - peak(200) < 1_000_000  # all pictures take 3 MB more
