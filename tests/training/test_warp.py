"""The batched steps, each against what it stands for."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np

from imgrec.training.augmentation.warp import transformed
from tests.forks import Forks

STILL: dict[str, Any] = {
    "theta": 0,
    "tx": 0,
    "ty": 0,
    "shear": 0,
    "zx": 1,
    "zy": 1,
    "flip_horizontal": 0,
    "flip_vertical": False,
    "channel_shift_intensity": None,
    "brightness": None,
}


def _images(count: int) -> Any:
    return np.random.default_rng(0).integers(0, 256, (count, 6, 9, 3), np.uint8)


def test_standing_still_changes_no_pixel() -> None:
    """Float32 of the same values."""
    found = transformed(_images(2), [STILL, STILL], "nearest", 0)
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, _images(2))


def test_flips_are_exact() -> None:
    """A mirrored pixel is the pixel, not nearly so."""
    across, down = {**STILL, "flip_horizontal": True}, {**STILL, "flip_vertical": True}
    found = transformed(_images(2), [across, down], "constant", 7)
    np.testing.assert_array_equal(found[0], _images(2)[0, :, ::-1])
    np.testing.assert_array_equal(found[1], _images(2)[1, ::-1])


def test_a_shift_by_whole_pixels_draws_the_constant_only_outside() -> None:
    """`tx` moves along the width by 2, and exactly two columns are filled."""
    found = transformed(_images(1), [{**STILL, "tx": 2}], "constant", 7)
    np.testing.assert_array_equal(found[0, :, :7], _images(1)[0, :, 2:])
    assert (found[0, :, 7:] == 7).all()


def test_reflect_mirrors_at_the_outer_edge_and_wrap_repeats() -> None:
    """A row of nine, moved by four: `abcd|dcba`; SciPy's `wrap` takes the last for the first."""
    image = np.arange(9, dtype=np.uint8).reshape(1, 1, 9, 1).repeat(9, axis=1)
    shift = {**STILL, "tx": 4}
    reflected = transformed(image, [shift], "reflect", 0)[0, 0, :, 0]
    np.testing.assert_array_equal(reflected, [4, 5, 6, 7, 8, 8, 7, 6, 5])
    wrapped = transformed(image, [shift], "wrap", 0)[0, 0, :, 0]
    np.testing.assert_array_equal(wrapped, [4, 5, 6, 7, 8, 1, 2, 3, 4])


def test_a_channel_shift_stays_between_the_images_own_extremes() -> None:
    """Each image has its intensity and its limits."""
    images = np.array([[10, 200], [0, 255]], np.uint8).reshape(2, 1, 2, 1)
    shifts = [{**STILL, "channel_shift_intensity": each} for each in (50.0, -50.0)]
    found = transformed(images, shifts, "nearest", 0)
    np.testing.assert_array_equal(found.ravel(), [60, 200, 0, 205])


def test_brightness_counts_in_whole_levels() -> None:
    """A pixel of 100.5 between two others is a 100; what is too bright is 255."""
    images = np.array([100, 101, 200, 250], np.uint8).reshape(1, 1, 4, 1)
    found = transformed(images, [{**STILL, "tx": 0.5, "brightness": 1.5}], "nearest", 0)
    np.testing.assert_array_equal(found.ravel(), [150, 225, 255, 255])


def test_no_program_reduces(forks: Forks, tmp_path: Path) -> None:
    """XLA's code for reductions on a CPU is not safe in two threads: TensorFlow 2.21 crashed."""
    everything = {**STILL, "channel_shift_intensity": 9.0, "brightness": 1.5}
    transform = (
        "import numpy as np; from imgrec.training.augmentation.warp import transformed;"
        f"transformed(np.zeros((8, 150, 150, 3), np.uint8), [{everything}] * 8, 'reflect', 0)"
    )
    flags = f"--xla_dump_to={tmp_path} --xla_dump_hlo_as_text"
    environment = {**os.environ, "XLA_FLAGS": flags}
    process = forks.run(tmp_path, environment, "-c", transform)
    _, stderr = process.communicate()
    assert process.wait() == 0, stderr
    programs = [each.read_text() for each in tmp_path.glob("*cpu_after_optimizations.txt")]
    assert len(programs) == 3
    assert not any("ynn" in each for each in programs)
