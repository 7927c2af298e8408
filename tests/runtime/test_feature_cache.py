"""Features by the content of images, kept from one command to the next."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from imgrec.data.images import ImageSpec
from imgrec.runtime.feature_cache import FeatureCache

LIMIT = 10_000_000


@dataclass(frozen=True)
class _Mean:
    """The mean of each image, which is already known here."""

    spec: ImageSpec
    size: int = 1

    def features(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        return np.asarray(images.mean(axis=(1, 2)), np.float32)


def _asked(cache: FeatureCache, contents: str) -> str:
    """Return which of the images, each a letter, were computed; the features are their codes."""
    computed = list[str]()

    def compute(places: Sequence[int]) -> NDArray[np.float32]:
        computed.extend(contents[place] for place in places)
        return np.array([[ord(contents[place])] for place in places], np.float32)

    found = cache.features([*contents], compute)
    assert found[:, 0].tolist() == [ord(each) for each in contents]
    return "".join(computed)


def test_features_are_computed_once(tmp_path: Path) -> None:
    """Whatever the order and the other images; copies share theirs."""
    cache = FeatureCache(tmp_path, LIMIT, _Mean(ImageSpec(8, 8, 1)), "model")
    assert [_asked(cache, each) for each in ("abba", "cb", "ac", "dea")] == ["ab", "c", "", "de"]


def test_another_model_or_form_has_other_features(tmp_path: Path) -> None:
    """They are in other files."""
    for spec, identity in ((ImageSpec(8, 8, 1), "model"), (ImageSpec(9, 8, 1), "model")):
        assert _asked(FeatureCache(tmp_path, LIMIT, _Mean(spec), identity), "a") == "a"
    assert _asked(FeatureCache(tmp_path, LIMIT, _Mean(ImageSpec(8, 8, 1)), "other"), "a") == "a"


def test_without_room_they_are_computed(tmp_path: Path) -> None:
    """So are those that are not finite, which no file has."""
    assert _asked(FeatureCache(tmp_path, 10, _Mean(ImageSpec(8, 8, 1)), "model"), "aa") == "aa"
    cache = FeatureCache(tmp_path, LIMIT, _Mean(ImageSpec(8, 8, 1)), "model")
    found = cache.features(["a"], lambda places: np.full((len(places), 1), np.nan, np.float32))
    assert np.isnan(found).all()


def test_a_damaged_file_is_written_again(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Its checksum differs."""
    cache = FeatureCache(tmp_path, LIMIT, _Mean(ImageSpec(8, 8, 1)), "model")
    _asked(cache, "ab")
    (path,) = tmp_path.glob("*.features")
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    assert _asked(cache, "ab") == "ab"
    assert "was damaged" in caplog.text
