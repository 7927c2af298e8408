"""What is written on a colour can be read."""

from __future__ import annotations

import math

import numpy as np
import pytest

from imgrec.report.charts import DARK, LIGHT
from imgrec.report.charts.style import PlotStyle, contrast, ink_on, scale_of


def test_contrast_is_that_of_wcag() -> None:
    """From none to that of black on white, whichever comes first."""
    assert contrast("#123456", "#123456") == 1
    assert contrast("black", "white") == contrast("white", "black") == pytest.approx(21)
    assert contrast("#777777", "white") == pytest.approx(4.48, abs=0.01)


@pytest.mark.parametrize("look", [LIGHT, DARK])
def test_numbers_are_read_on_every_share(look: PlotStyle) -> None:
    """Nearly all with WCAG's contrast of 4.5 for small text, and none with less than 3.8."""
    found = [
        contrast(ink_on(look, share), scale_of(look)(share)) for share in np.linspace(0, 1, 101)
    ]
    assert min(found) > 3.8
    assert np.mean(np.array(found) >= 4.5) > 0.85
    assert ink_on(look, math.nan) == look.ink
