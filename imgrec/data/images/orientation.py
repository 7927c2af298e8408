"""How an image is stored: upright, or to be turned as EXIF says."""

from __future__ import annotations

from PIL import ExifTags, Image

TRANSPOSE = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
SIDEWAYS = {5, 6, 7, 8}


def orientation(image: Image.Image) -> int:
    """Return EXIF's orientation, 1 to 8; 1 where there is none, or none that can be read."""
    try:
        # Not image.getexif(): PNG's loads the pixels, and what that raises would be lost here.
        found = Image.Image.getexif(image).get(ExifTags.Base.Orientation, 1)
    except Exception:  # noqa: BLE001 - broken EXIF raises anything, and the pixels may be sound
        return 1
    return found if found in TRANSPOSE else 1


def upright_size(image: Image.Image) -> tuple[int, int]:
    """Return the (width, height) in pixels that an image has when it stands upright."""
    width, height = image.size
    # TIFF's plugin has taken orientation into account already.
    sideways = image.format != "TIFF" and orientation(image) in SIDEWAYS
    return (height, width) if sideways else (width, height)
