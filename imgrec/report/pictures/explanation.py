"""Images of explanations: the photo with a heat map, segments or boxes."""

from __future__ import annotations

import io
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from imgrec.explanation.values import Area, Detection, Explanation, Heat
from imgrec.report.charts import LIGHT
from imgrec.report.pictures.small_pictures import load_font
from imgrec.rounding import percent
from imgrec.text import printable, shorten_names

# In pixels: the least and the greatest longer side, and the height of a line of text.
_LEAST, _MOST = 400, 1600
_TINY = 64
_POINTS, _GAP = 15, 8
_PANELS = 3  # along a row

# From low to high, increasingly light, so that it is readable without colour vision.
_SCALE = np.array([[20, 11, 82], [126, 32, 128], [221, 81, 58], [252, 178, 50], [252, 253, 191]])

# Okabe and Ito, "Color Universal Design", 2008: distinguishable with colour blindness.
COLOURS = ("#e69f00", "#56b4e9", "#009e73", "#f0e442", "#cc79a7", "#d55e00", "#0072b2")
GREY = "#959595"


def heat_picture(explanation: Explanation) -> bytes:
    """Return a PNG of the photo with the heat map of the explained class."""
    caption = f"{printable(explanation.class_name)} {percent(explanation.probability)}"
    if not explanation.known:
        caption = f"unknown; {caption}"
    picture = _shown(explanation)
    size = explanation.picture.image.size
    heated = Image.fromarray(heated_pixels(np.asarray(picture), explanation.heat, size))
    return _png(_captioned(heated, [(caption, None)]))


def segments_picture(explanation: Explanation, classes: Sequence[str]) -> bytes:
    """Return a PNG of the photo with each position coloured by its class.

    The legend has the fraction of the area of each class; classes without a colour are grey.
    """
    if explanation.segments is None or explanation.shares is None:
        raise ValueError("the method has no segments")
    picture, shares = _shown(explanation), explanation.shares
    answers = explanation.segments.over(explanation.picture.image.size, picture.size)
    colourful = np.asarray(picture, np.float32)
    pixels = np.asarray(_grey(picture), np.float32) * 0.7 + 60
    legend: list[tuple[str, str | None]] = []
    for name, colour in zip(shares, COLOURS, strict=False):
        mask = answers == classes.index(name)
        pixels[mask] = 0.5 * colourful[mask] + 0.5 * np.array(rgb(colour))
        legend.append((f"{printable(name)} {percent(shares[name])}", colour))
    shown = [classes.index(name) for name, _ in zip(shares, COLOURS, strict=False)]
    coloured_places = np.isin(explanation.segments.answers, shown)
    size = explanation.picture.image.size
    coloured = explanation.segments.pixels(size)[coloured_places].sum()
    if grey := size[0] * size[1] - int(coloured):
        what = "unknown, or another class" if len(shares) > len(COLOURS) else "unknown"
        legend.append((f"{what} {percent(grey / (size[0] * size[1]))}", GREY))
    picture = Image.fromarray(pixels.clip(0, 255).astype(np.uint8))
    return _png(_captioned(picture, [(f"{legend[0][0]} of the area", legend[0][1]), *legend[1:]]))


def boxes_picture(explanation: Explanation) -> bytes:
    """Return a PNG of the photo with the boxes that were found.

    Classes have the same colours as in `segments_picture`: seven, the others are grey.
    """
    picture = _shown(explanation)
    draw, letters = ImageDraw.Draw(picture), load_font(_POINTS)
    scale = picture.width / explanation.picture.image.width
    found = explanation.found
    names = dict.fromkeys([*(explanation.shares or ()), *(each.class_name for each in found)])
    colours = dict(zip(names, COLOURS, strict=False))
    taken: list[Area] = []
    boxes = []
    labels = [f"{each.class_name} {percent(each.score)}" for each in found]
    texts = shorten_names(labels, picture.width, letters.getlength)
    for each, text in zip(found, texts, strict=True):
        area = Area(*(scale * side for side in each.area))
        left, top = max(0.0, area.left), max(0.0, area.top)
        right, bottom = min(picture.width - 1, area.right), min(picture.height - 1, area.bottom)
        place = _free(left, top, letters.getlength(text) + 2 * _GAP, picture.size, taken)
        taken.append(place)
        colour = colours.get(each.class_name, GREY)
        boxes.append(((left, top, right, bottom), place, text, colour))
    for box, _, _, colour in reversed(boxes):  # the most confident on top
        draw.rectangle(box, outline=colour, width=3)
    for _, place, text, colour in reversed(boxes):
        draw.rectangle(place, fill=colour)
        draw.text((place.left + _GAP, place.top + 3), text, "black", letters)
    caption = f"{len(found)} found" if found else "nothing found"
    return _png(_captioned(picture, [(caption, None)]))


def grid_picture(explanation: Explanation) -> bytes:
    """Return a PNG of the windows that were classified, one picture for each of their sizes.

    A window has the colour of its probability of the explained class, as in a heat map.
    """
    sizes: dict[tuple[int, int], list[Detection]] = {}
    for each in explanation.windows:
        area = each.area
        size = round(area.right - area.left), round(area.bottom - area.top)
        sizes.setdefault(size, []).append(each)
    panels = [_panel(explanation, size, windows) for size, windows in sizes.items()]
    columns = min(len(panels), _PANELS)
    width, height = panels[0].size
    rows = -(-len(panels) // columns)
    canvas = Image.new("RGB", (columns * (width + _GAP) - _GAP, rows * height), LIGHT.paper)
    for place, panel in enumerate(panels):
        canvas.paste(panel, (place % columns * (width + _GAP), place // columns * height))
    return _png(canvas)


def _panel(
    explanation: Explanation, size: tuple[int, int], windows: Sequence[Detection]
) -> Image.Image:
    picture = explanation.picture.image.convert("RGB")
    scale = _LEAST / max(picture.size)
    side = max(1, round(picture.width * scale)), max(1, round(picture.height * scale))
    picture = _grey(picture.resize(side))
    draw = ImageDraw.Draw(picture)
    for each in sorted(windows, key=lambda window: window.score):  # the most probable on top
        red, green, blue = scale_colours(np.float32(each.score)).round().astype(int).tolist()
        left, top, right, bottom = (scale * at for at in each.area)
        draw.rectangle((left, top, right - 1, bottom - 1), outline=(red, green, blue), width=2)
    best = max(each.score for each in windows)
    name = printable(explanation.class_name)
    text = f"{len(windows)} of {size[0]} x {size[1]} pixels, {name} up to {percent(best)}"
    return _captioned(picture, [(text, None)])


def _free(
    left: float, top: float, width: float, size: tuple[int, int], taken: Sequence[Area]
) -> Area:
    """Return a free position for a label near the given one, above or below other labels.

    If there is no room, it overlaps them.
    """
    height = _POINTS + _GAP
    left, top = max(0, min(left, size[0] - width)), max(0, min(top, size[1] - height))
    wanted = Area(left, top, left + width, top + height - 1)
    lines = [top, *(each.bottom + 1 for each in taken), *(each.top - height for each in taken)]
    places = [wanted._replace(top=line, bottom=line + height - 1) for line in lines]
    free = [
        place
        for place in places
        if 0 <= place.top <= size[1] - height and not any(place.shared(each) for each in taken)
    ]
    return min(free, key=lambda place: abs(place.top - top), default=wanted)


def heated_pixels(
    pixels: NDArray[np.uint8], heat: Heat, size: tuple[int, int]
) -> NDArray[np.uint8]:
    """Return pixels (height, width, 3) of a photo, scaled to `size`, with a heat map overlaid.

    Low values leave the photo visible but paler; higher values have more colour.
    """
    values = heat.over(size, (pixels.shape[1], pixels.shape[0])).clip(0, 1)
    weight = (0.25 + 0.5 * values)[..., np.newaxis]
    mixed = (1 - weight) * pixels + weight * scale_colours(values)
    return np.asarray(mixed.round(), np.uint8)


def scale_colours(values: NDArray[np.float32] | np.float32) -> NDArray[np.float64]:
    """Return the colour of each value from 0 to 1, as RGB from 0 to 255 on a last axis."""
    steps = np.linspace(0, 1, len(_SCALE))
    return np.stack([np.interp(values, steps, channel) for channel in _SCALE.T], axis=-1)


def _shown(explanation: Explanation) -> Image.Image:
    """Return the photo in RGB, scaled for viewing."""
    image = explanation.picture.image.convert("RGB")
    longer = max(image.size)
    scale = min(max(longer, _LEAST), _MOST) / longer
    size = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
    tiny = longer <= _TINY
    return image.resize(size, Image.Resampling.NEAREST if tiny else Image.Resampling.BICUBIC)


def _captioned(picture: Image.Image, parts: Sequence[tuple[str, str | None]]) -> Image.Image:
    """Return the photo with lines of text below, each part preceded by a patch of its colour."""
    letters = load_font(_POINTS)
    height = _POINTS + _GAP
    canvas = Image.new("RGB", (picture.width, picture.height + _GAP + len(parts) * height))
    canvas.paste(LIGHT.paper, (0, 0, *canvas.size))
    canvas.paste(picture, (0, 0))
    draw = ImageDraw.Draw(canvas)
    room = picture.width - _GAP - (_POINTS + _GAP if any(colour for _, colour in parts) else 0)
    texts = shorten_names([text for text, _ in parts], room, letters.getlength)
    for number, (text, (_, colour)) in enumerate(zip(texts, parts, strict=True)):
        left, top = _GAP, picture.height + _GAP // 2 + number * height
        if colour is not None:
            draw.rectangle((left, top + 3, left + _POINTS, top + 3 + _POINTS), fill=colour)
            left += _POINTS + _GAP
        draw.text((left, top), text, LIGHT.ink, letters)
    return canvas


def _grey(picture: Image.Image) -> Image.Image:
    return picture.convert("L").convert("RGB")


def rgb(colour: str) -> tuple[int, int, int]:
    """Return red, green and blue of a colour such as `#e69f00`, 0 to 255."""
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)


def _png(picture: Image.Image) -> bytes:
    content = io.BytesIO()
    picture.save(content, "PNG")
    return content.getvalue()
