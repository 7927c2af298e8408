"""A picture on its way through a network, as one long image."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from imgrec.explanation.layer_walk import Kept, LayerView, LayerWalk, UnitView
from imgrec.explanation.values import Explanation
from imgrec.report import layer_wording as wording
from imgrec.report.charts import LIGHT
from imgrec.report.pictures.explanation import scale_colours
from imgrec.report.pictures.small_pictures import load_font
from imgrec.rounding import percent, short
from imgrec.text import printable, shorten_names

# In pixels.
_WIDTH, _MARGIN, _GAP = 1200, 36, 10
_TITLE, _HEADING, _TEXT, _SMALL = 26, 20, 15, 12
_TILES, _FILTER, _CELL, _CELL_HEIGHT, _BARS = 8, 56, 54, 27, 110
_TINY = 1e-30
# More numbers than that share their bars.
BARS = 512


def map_picture(values: NDArray[np.float32]) -> Image.Image:
    """Return a map with a pixel for each number, from dark (0, or the least) to light."""
    least, most = min(0.0, float(values.min())), float(values.max())
    levels = (values - least) / max(most - least, _TINY)
    picture = Image.fromarray(np.rint(255 * levels).astype(np.uint8), "P")
    steps = np.linspace(0, 1, 256, dtype=np.float32)
    picture.putpalette(np.rint(scale_colours(steps)).astype(np.uint8).tobytes())
    return picture


def bars_of(vector: NDArray[np.float32], height: float) -> tuple[NDArray[np.float64], float]:
    """Return the lengths of at most BARS bars, and how far below the top 0 is.

    Of more numbers, a bar shows the one furthest from 0 in each group of neighbours.

    Args:
        vector: The numbers.
        height: From the top of the highest bar to the bottom of the lowest; a bar of a negative
            number has a negative length.
    """
    values = _furthest(vector).astype(float)
    least, most = min(0.0, values.min()), max(0.0, values.max())
    scale = height / max(most - least, _TINY)
    return values * scale, float(most * scale)


def pixel_picture(pixels: NDArray[np.uint8]) -> Image.Image:
    """Return pixels (height, width, 1 or 3) as an image."""
    return Image.fromarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels)


def layers_picture(explanation: Explanation, model: str) -> bytes:
    """Return a PNG of a photo on its way through a network, from top to bottom.

    Args:
        explanation: That of the method `layers`.
        model: Its name.
    """
    walk = explanation.walk
    if walk is None:
        raise ValueError("the method has no layers")
    sheet = _Sheet()
    _head(sheet, explanation, model, walk)
    for place, view in enumerate(walk.views):
        _layer(sheet, view, explanation.picture.pixels.shape[:2])
        if walk.unit is not None and walk.unit.layer == place:
            _unit(sheet, walk, walk.unit)
    _final(sheet, explanation, walk)
    return sheet.png()


@dataclass
class _Sheet:
    """Pieces of an image, one below the other."""

    pieces: list[Image.Image] = field(default_factory=list)

    def space(self, height: int) -> None:
        self.pieces.append(Image.new("RGB", (1, height), LIGHT.paper))

    def line(self) -> None:
        """Add a line across, with space around it."""
        self.space(22)
        self.pieces.append(Image.new("RGB", (_WIDTH - 2 * _MARGIN, 1), LIGHT.faint))
        self.space(18)

    def text(self, text: str, points: int, colour: str = LIGHT.ink) -> None:
        """Add a paragraph, broken into lines."""
        letters = load_font(points)
        lines = [*_broken(text, points, _WIDTH - 2 * _MARGIN)]
        height = round(1.45 * points)
        piece = Image.new("RGB", (_WIDTH - 2 * _MARGIN, height * len(lines)), LIGHT.paper)
        draw = ImageDraw.Draw(piece)
        for row, line in enumerate(lines):
            draw.text((0, row * height), line, colour, letters)
        self.pieces.append(piece)

    def tiles(
        self,
        pictures: Sequence[Image.Image],
        captions: Sequence[str],
        width: int,
        *,
        framed: int | None = None,
    ) -> None:
        """Add pictures in rows, a caption below each, if there are captions.

        width: That of a column, and the longer side of each picture. framed: The position of one
        that has a frame.
        """
        letters = load_font(_SMALL)
        shown = [_scaled(each, width) for each in pictures]
        line = round(1.5 * _SMALL) if captions else 0
        high = max(each.height for each in shown) + line + _GAP
        columns = (_WIDTH - 2 * _MARGIN + _GAP) // (width + _GAP)
        rows = -(-len(shown) // columns)
        piece = Image.new("RGB", (_WIDTH - 2 * _MARGIN, rows * high), LIGHT.paper)
        draw = ImageDraw.Draw(piece)
        texts = shorten_names(captions, width, letters.getlength)
        for place, each in enumerate(shown):
            left, top = place % columns * (width + _GAP), place // columns * high
            piece.paste(each, (left, top))
            if place == framed:
                box = left, top, left + each.width - 1, top + each.height - 1
                draw.rectangle(box, outline=LIGHT.validation, width=3)
            if captions:
                draw.text((left, top + each.height + 2), texts[place], LIGHT.quiet, letters)
        self.pieces.append(piece)

    def png(self) -> bytes:
        """Return all of them."""
        height = sum(each.height for each in self.pieces) + 2 * _MARGIN
        canvas = Image.new("RGB", (_WIDTH, height), LIGHT.paper)
        top = _MARGIN
        for each in self.pieces:
            canvas.paste(each, (_MARGIN, top))
            top += each.height
        content = io.BytesIO()
        canvas.save(content, "PNG", compress_level=3)
        return content.getvalue()


def _head(sheet: _Sheet, explanation: Explanation, model: str, walk: LayerWalk) -> None:
    picture = explanation.picture
    name = shorten_names([picture.name.rpartition("/")[2]], 60)[0]
    sheet.text(f"{name} on its way through {printable(model)}", _TITLE)
    sheet.space(4)
    sheet.text(wording.HOW_TO_READ, _TEXT, LIGHT.quiet)
    if some := wording.layers_left_out(walk):
        sheet.text(some, _TEXT, LIGHT.quiet)
    sheet.line()
    sheet.text("The picture", _HEADING)
    sheet.text(wording.picture_text(picture.pixels.shape), _TEXT)
    sheet.space(8)
    sheet.tiles([pixel_picture(picture.pixels)], [], 280)


def _layer(sheet: _Sheet, view: LayerView, size: tuple[int, int]) -> None:
    sheet.line()
    sheet.text(f"{wording.layer_title(view)}: {printable(view.stage.name)}", _HEADING)
    sheet.text(wording.layer_text(view), _TEXT)
    sheet.text(" · ".join(wording.layer_facts(view, size)), _SMALL, LIGHT.quiet)
    sheet.space(8)
    if view.filters is not None:
        sheet.text(f"{wording.filters_text(view)}:", _SMALL, LIGHT.quiet)
        sheet.space(4)
        sheet.tiles([pixel_picture(each) for each in view.filters.pixels], [], _FILTER)
    if view.maps:
        sheet.text(f"{wording.maps_text(view)}:", _SMALL, LIGHT.quiet)
        sheet.space(4)
        captions = [f"unit {each.unit}: {short(each.largest)}" for each in view.maps]
        width = (_WIDTH - 2 * _MARGIN + _GAP) // _TILES - _GAP
        sheet.tiles([map_picture(each.values) for each in view.maps], captions, width)
    elif view.vector is not None and view.stage.kind != "flatten":
        sheet.text(f"{wording.vector_text(view)}:", _SMALL, LIGHT.quiet)
        sheet.space(4)
        sheet.pieces.append(_bars(view.vector))
    if view.kept is not None:
        sheet.text(f"{wording.kept_text(view.kept)}:", _SMALL, LIGHT.quiet)
        sheet.space(4)
        sheet.pieces.append(_kept(view.kept))


def _unit(sheet: _Sheet, walk: LayerWalk, unit: UnitView) -> None:
    sheet.space(14)
    sheet.text(wording.unit_title(walk), round(0.9 * _HEADING))
    sheet.text(wording.unit_text(unit), _TEXT)
    sheet.space(8)
    pictures = [
        pixel_picture(unit.own.pixels),
        *(pixel_picture(each.pixels) for each in unit.patches),
    ]
    captions = [f"this picture: {short(unit.own.value)}"]
    captions += [f"{short(each.value)}  {each.photo.rpartition('/')[2]}" for each in unit.patches]
    columns = len(pictures) if len(pictures) < _TILES else -(-len(pictures) // 2)
    width = min(150, (_WIDTH - 2 * _MARGIN + _GAP) // columns - _GAP)
    sheet.tiles(pictures, captions, width, framed=0)


def _final(sheet: _Sheet, explanation: Explanation, walk: LayerWalk) -> None:
    sheet.line()
    sheet.text(wording.ANSWER_TITLE, _HEADING)
    sheet.text(wording.final_text(walk), _TEXT)
    sheet.space(8)
    letters = load_font(_TEXT)
    row = 26
    names = shorten_names([each.class_name for each in walk.final], 240, letters.getlength)
    piece = Image.new("RGB", (_WIDTH - 2 * _MARGIN, row * len(names)), LIGHT.paper)
    draw = ImageDraw.Draw(piece)
    for place, (name, each) in enumerate(zip(names, walk.final, strict=True)):
        top = place * row
        draw.text((0, top), name, LIGHT.ink, letters)
        value = "" if each.number is None else short(each.number)
        draw.text((340, top), value, LIGHT.ink, letters, anchor="ra")
        length = round(500 * each.probability)
        draw.rectangle((370, top + 4, 370 + length, top + 16), fill=LIGHT.training)
        draw.text((385 + length, top), percent(each.probability), LIGHT.ink, letters)
    sheet.pieces.append(piece)
    if some := wording.classes_left_out(walk):
        sheet.text(some, _SMALL, LIGHT.quiet)
    if not explanation.known:
        sheet.text(wording.UNKNOWN, _TEXT)


def _bars(vector: NDArray[np.float32]) -> Image.Image:
    """Return a bar for each number, above or below a line at 0."""
    width = _WIDTH - 2 * _MARGIN
    piece = Image.new("RGB", (width, _BARS), LIGHT.scale[0])
    draw = ImageDraw.Draw(piece)
    lengths, below = bars_of(vector, _BARS - 9)
    zero = 4 + below
    step = min(width / len(lengths), 40)
    for place, length in enumerate(lengths.tolist()):
        top, bottom = sorted((zero, zero - length))
        left, right = round(place * step), round((place + 0.8) * step) - 1
        box = left, round(top), max(left, right), round(bottom)
        draw.rectangle(box, fill=LIGHT.training)
    draw.line((0, round(zero), width, round(zero)), fill=LIGHT.quiet)
    return piece


def _kept(kept: Kept) -> Image.Image:
    """Return two tables of numbers, before and after a max pooling; what is kept is marked."""
    (high, wide), (rows, columns) = kept.window, kept.before.shape
    size = _WIDTH - 2 * _MARGIN, rows * _CELL_HEIGHT + 2
    piece = Image.new("RGB", size, LIGHT.paper)
    draw = ImageDraw.Draw(piece)
    for row, numbers in enumerate(kept.rows):
        for column, (value, is_kept) in enumerate(numbers):
            _cell(draw, row, column, value, filled=is_kept)
    for row, column in np.ndindex(kept.after.shape):
        box = _box(row * high, column * wide, (row + 1) * high, (column + 1) * wide)
        draw.rectangle(box, outline=LIGHT.ink, width=2)
        _cell(draw, row, columns + 1 + column, float(kept.after[row, column]), filled=True)
    middle = (columns + 0.5) * _CELL, rows * _CELL_HEIGHT / 2
    draw.text(middle, "→", LIGHT.ink, load_font(_HEADING), anchor="mm")
    return piece


def _furthest(vector: NDArray[np.float32]) -> NDArray[np.float32]:
    group = -(-vector.size // BARS)
    padded = np.pad(vector, (0, -vector.size % group)).reshape(-1, group)
    return np.asarray(padded[np.arange(len(padded)), np.abs(padded).argmax(axis=1)])


def _cell(draw: ImageDraw.ImageDraw, row: int, column: int, value: float, *, filled: bool) -> None:
    left, top, right, bottom = box = _box(row, column, row + 1, column + 1)
    draw.rectangle(box, fill=LIGHT.scale[1] if filled else LIGHT.scale[0], outline=LIGHT.faint)
    middle = (left + right) / 2, (top + bottom) / 2
    draw.text(middle, short(value), LIGHT.ink, load_font(_SMALL + 1), anchor="mm")


def _box(top: int, left: int, bottom: int, right: int) -> tuple[int, int, int, int]:
    """Return the pixels of a part of a table, which is given in cells."""
    return left * _CELL, top * _CELL_HEIGHT, right * _CELL, bottom * _CELL_HEIGHT


def _scaled(picture: Image.Image, side: int) -> Image.Image:
    """Return a picture whose longer side has a length."""
    scale = side / max(picture.size)
    size = max(1, round(scale * picture.width)), max(1, round(scale * picture.height))
    method = Image.Resampling.NEAREST if scale >= 1 else Image.Resampling.BOX
    return picture.convert("RGB").resize(size, method)


def _broken(text: str, points: int, width: int) -> Iterator[str]:
    """Yield the lines of a paragraph."""
    letters, line = load_font(points), ""
    for word in text.split():
        longer = f"{line} {word}" if line else word
        if line and letters.getlength(longer) > width:
            yield line
            line = word
        else:
            line = longer
    yield line
