"""The versions that results depend on."""

from __future__ import annotations

import importlib.metadata
import subprocess
import sys

import pytest

from imgrec.versions import (
    DECODER,
    PIXELS,
    TRAINING,
    changed,
    changed_libraries,
    pixel_versions,
    versions,
)


def test_the_decoder_and_its_libraries_are_recorded() -> None:
    """With Pillow and the codecs of the formats that everyone has."""
    found = versions()
    assert found["decoder"] == str(DECODER)
    assert {"pillow", "libjpeg", "numpy", "python"} <= found.keys()
    assert set(PIXELS) <= set(TRAINING)


def test_the_version_of_pillow_heif_is_that_of_its_metadata() -> None:
    """It is found without `importlib.metadata`, whose import takes longer than the comparison."""
    pytest.importorskip("pillow_heif")
    assert pixel_versions()["pillow-heif"] == importlib.metadata.version("pillow-heif")
    code = "import sys; from imgrec.versions import *; changed_libraries({})"
    code += "; sys.exit('importlib.metadata' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_what_differs_is_named_with_both_versions() -> None:
    """What was not recorded is not compared, and what is gone differs."""
    before = {"decoder": "1", "pillow": "11.3.0", "libavif": "1.3.0"}
    now = {"decoder": "1", "pillow": "12.0.0", "libwebp": "1.6.0"}
    assert changed(before, now, PIXELS) == ("pillow: 11.3.0 -> 12.0.0", "libavif: 1.3.0 -> none")


def test_a_card_without_a_decoder_is_of_version_1() -> None:
    """Its images may have had other pixels."""
    before = versions()
    assert changed_libraries(before) == ()
    del before["decoder"]
    assert changed_libraries(before) == (f"decoder: 1 -> {DECODER}",)
