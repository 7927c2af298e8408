"""An explanation to look at: the picture with a heat map, with segments, or with boxes."""

from __future__ import annotations

import io
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from imgrec.explanation.values import Area, Explanation, Heat
from imgrec.report.font import cut, font
from imgrec.report.look import LIGHT
from imgrec.report.wording import percent
from imgrec.text import shown

# The longer side, in pixels, at least and at most, of what is shown; below it a line of text.
_LEAST, _MOST = 400, 1600
_TINY = 64
_POINTS, _GAP = 15, 8

# From cold to hot, ever lighter, so that it can be read without telling colours apart.
_SCALE = np.array([[20, 11, 82], [126, 32, 128], [221, 81, 58], [252, 178, 50], [252, 253, 191]])

# Okabe and Ito's, "Color Universal Design", 2008: told apart by everyone.
_COLOURS = ("#e69f00", "#56b4e9", "#009e73", "#f0e442", "#cc79a7", "#d55e00", "#0072b2")
_GREY = "#959595"


def heat_picture(explanation: Explanation) -> bytes:
    """Return a PNG of the picture with the heat map of the class that is explained."""
    caption = f"{shown(explanation.class_name)} {percent(explanation.probability)}"
    if not explanation.known:
        caption = f"unknown; {caption}"
    picture = _shown(explanation)
    size = explanation.picture.image.size
    heated = Image.fromarray(heated_pixels(np.asarray(picture), explanation.heat, size))
    return _png(_captioned(heated, [(caption, None)]))


def segments_picture(explanation: Explanation, classes: Sequence[str]) -> bytes:
    """Return a PNG of the picture with what each place shows in the colour of its class.

    The legend tells the share of the area that each has; what has no colour is grey.
    """
    if explanation.segments is None:
        raise ValueError("the method has no segments")
    picture = _shown(explanation)
    answers = explanation.segments.over(explanation.picture.image.size, picture.size)
    counts = np.bincount(answers[answers >= 0], minlength=len(classes))
    order = np.argsort(-counts, kind="stable")[: min(len(_COLOURS), np.count_nonzero(counts))]
    pixels = np.asarray(_grey(picture), np.float32) * 0.7 + 60
    legend: list[tuple[str, str | None]] = []
    for column, colour in zip(order.tolist(), _COLOURS, strict=False):
        mask = answers == column
        pixels[mask] = 0.5 * np.asarray(picture, np.float32)[mask] + 0.5 * np.array(_rgb(colour))
        legend.append((_of_area(shown(classes[column]), mask), colour))
    grey = ~np.isin(answers, order)
    if grey.any():
        what = "unknown" if np.count_nonzero(counts) == len(order) else "unknown, or another class"
        legend.append((_of_area(what, grey), _GREY))
    coloured = Image.fromarray(pixels.clip(0, 255).astype(np.uint8))
    return _png(_captioned(coloured, legend))


def boxes_picture(explanation: Explanation) -> bytes:
    """Return a PNG of the picture with a box around each thing that was found."""
    picture = _shown(explanation)
    draw, letters = ImageDraw.Draw(picture), font(_POINTS)
    scale = picture.width / explanation.picture.image.width
    names = list(dict.fromkeys(each.class_name for each in explanation.found))
    taken: list[Area] = []
    boxes = []
    for each in explanation.found:
        area = Area(*(scale * side for side in each.area))
        left, top = max(0.0, area.left), max(0.0, area.top)
        right, bottom = min(picture.width - 1, area.right), min(picture.height - 1, area.bottom)
        text = cut(f"{shown(each.class_name)} {percent(each.score)}", picture.width, letters)
        place = _free(left, top, letters.getlength(text) + 2 * _GAP, picture.size, taken)
        taken.append(place)
        colour = _COLOURS[names.index(each.class_name) % len(_COLOURS)]
        boxes.append(((left, top, right, bottom), place, text, colour))
    for box, place, text, colour in reversed(boxes):  # the surest on top
        draw.rectangle(box, outline=colour, width=3)
        draw.rectangle(place, fill=colour)
        draw.text((place.left + _GAP, place.top + 3), text, "black", letters)
    found = len(explanation.found)
    caption = f"{found} found" if found else "nothing found"
    return _png(_captioned(picture, [(caption, None)]))


def _free(
    left: float, top: float, width: float, size: tuple[int, int], taken: Sequence[Area]
) -> Area:
    """Return where a label goes: at the place given, or below the labels that are there."""
    height = _POINTS + _GAP
    left, top = max(0, min(left, size[0] - width)), max(0, min(top, size[1] - height))
    place = Area(left, top, left + width, top + height - 1)
    while any(place.shared(each) for each in taken) and place.bottom + height <= size[1]:
        place = place._replace(top=place.top + height, bottom=place.bottom + height)
    return place


def heated_pixels(
    pixels: NDArray[np.uint8], heat: Heat, size: tuple[int, int]
) -> NDArray[np.uint8]:
    """Return pixels (height, width, 3) of a picture of `size` with a heat map laid over them.

    Cold places stay as they are, but paler; the hotter, the more of its colour a place has.
    """
    values = heat.over(size, (pixels.shape[1], pixels.shape[0])).clip(0, 1)
    steps = np.linspace(0, 1, len(_SCALE))
    colours = np.stack([np.interp(values, steps, channel) for channel in _SCALE.T], axis=-1)
    weight = (0.25 + 0.5 * values)[..., np.newaxis]
    mixed = (1 - weight) * pixels + weight * colours
    return np.asarray(mixed.round(), np.uint8)


def _shown(explanation: Explanation) -> Image.Image:
    """Return the picture in RGB, in a size to look at."""
    image = explanation.picture.image.convert("RGB")
    longer = max(image.size)
    scale = min(max(longer, _LEAST), _MOST) / longer
    size = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
    tiny = longer <= _TINY
    return image.resize(size, Image.Resampling.NEAREST if tiny else Image.Resampling.BICUBIC)


def _captioned(picture: Image.Image, parts: Sequence[tuple[str, str | None]]) -> Image.Image:
    """Return the picture over lines of text, each part after a patch of its colour, if any."""
    letters = font(_POINTS)
    height = _POINTS + _GAP
    canvas = Image.new("RGB", (picture.width, picture.height + _GAP + len(parts) * height))
    canvas.paste(LIGHT.paper, (0, 0, *canvas.size))
    canvas.paste(picture, (0, 0))
    draw = ImageDraw.Draw(canvas)
    for number, (text, colour) in enumerate(parts):
        left, top = _GAP, picture.height + _GAP // 2 + number * height
        if colour is not None:
            draw.rectangle((left, top + 3, left + _POINTS, top + 3 + _POINTS), fill=colour)
            left += _POINTS + _GAP
        draw.text((left, top), cut(text, picture.width - left, letters), LIGHT.ink, letters)
    return canvas


def _of_area(what: str, mask: NDArray[np.bool_]) -> str:
    return f"{what} {percent(float(mask.mean()))} of the area"


def _grey(picture: Image.Image) -> Image.Image:
    return picture.convert("L").convert("RGB")


def _rgb(colour: str) -> tuple[int, int, int]:
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)


def _png(picture: Image.Image) -> bytes:
    content = io.BytesIO()
    picture.save(content, "PNG")
    return content.getvalue()
