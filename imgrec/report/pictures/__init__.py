"""Charts and pictures as PNG files."""

from imgrec.report.pictures.charts import (
    class_bars,
    confusion,
    coverage_plot,
    curves,
    draw_plot,
    lowest_loss_epoch,
    reliability_plot,
)
from imgrec.report.pictures.explanation import (
    boxes_picture,
    heat_picture,
    heated_pixels,
    segments_picture,
)
from imgrec.report.pictures.small_pictures import (
    SIDE,
    Thumbnail,
    contact_sheet,
    data_uri,
    thumbnail,
)
from imgrec.report.pictures.style import DARK, LIGHT

__all__ = [
    "DARK",
    "LIGHT",
    "SIDE",
    "Thumbnail",
    "boxes_picture",
    "class_bars",
    "confusion",
    "contact_sheet",
    "coverage_plot",
    "curves",
    "data_uri",
    "draw_plot",
    "heat_picture",
    "heated_pixels",
    "lowest_loss_epoch",
    "reliability_plot",
    "segments_picture",
    "thumbnail",
]
