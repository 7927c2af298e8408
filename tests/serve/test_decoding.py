"""Photos that are decoded in child processes."""

from __future__ import annotations

import os
import signal
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from imgrec.data.images import ImageSpec
from imgrec.errors import BadImage
from imgrec.serve import decoding


def test_a_decoder_that_hangs_is_replaced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It waits without computing, as one that is stopped does; the next photo is decoded."""
    path, spec = tmp_path / "photo.png", ImageSpec(8, 8, 3)
    Image.new("RGB", (8, 8), "red").save(path)
    before, limits = _children(), decoding._LIMITS  # noqa: SLF001
    with decoding.decoding_apart() as decode:
        decode(path, spec, "photo")
        (child,) = _children() - before
        os.kill(child, signal.SIGSTOP)
        with monkeypatch.context() as patch:
            patch.setattr(decoding, "_LIMITS", replace(limits, seconds=1))
            with pytest.raises(BadImage, match="the decoder took longer than"):
                decode(path, spec, "photo")
        assert decode(path, spec, "photo").tolist() == [[[255, 0, 0]] * 8] * 8


def _children() -> set[int]:
    return {*map(int, Path("/proc/thread-self/children").read_text().split())}
