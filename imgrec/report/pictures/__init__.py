"""Pictures as PNG files: explanations, thumbnails and contact sheets."""

from imgrec.report.pictures.explanation import (
    boxes_picture,
    grid_picture,
    heat_picture,
    heated_pixels,
    segments_picture,
)
from imgrec.report.pictures.layers import bars_of, layers_picture, map_picture, pixel_picture
from imgrec.report.pictures.masks import mask_array, mask_picture
from imgrec.report.pictures.small_pictures import (
    THUMBNAIL_SIDE,
    Thumbnail,
    contact_sheet,
    data_uri,
    thumbnail,
)

__all__ = [
    "THUMBNAIL_SIDE",
    "Thumbnail",
    "bars_of",
    "boxes_picture",
    "contact_sheet",
    "data_uri",
    "grid_picture",
    "heat_picture",
    "heated_pixels",
    "layers_picture",
    "map_picture",
    "mask_array",
    "mask_picture",
    "pixel_picture",
    "segments_picture",
    "thumbnail",
]
