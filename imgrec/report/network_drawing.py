"""A drawing of a network as SVG, in the colours of the page that contains it."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Sequence
from xml.etree.ElementTree import Element, SubElement, tostring

from imgrec.network_summary import LayerGroup, NetworkSummary, layer_groups
from imgrec.report.network import kinds, shape_text
from imgrec.text import count_of, printable

_MOST_GROUPS = 24

# In units of the viewBox, of which a phone shows about one per pixel.
_WIDTH, _CENTER, _TEXT = 360, 68, 146
_WIDEST, _DEEPEST, _GAP, _LINE = 104, 18, 16, 15
_CHARACTERS = 28
_DECADES = 4.0  # log10 of the number that is drawn as wide as possible


def network_svg(summary: NetworkSummary) -> str:
    """Return the drawing: from top to bottom, a box for consecutive layers of one output size.

    A box is as wide as its maps, relative to the largest, and the thicker, the more of them there
    are. Colours come from the page's style sheet: `weighted` boxes have weights.
    """
    groups = layer_groups(summary, _MOST_GROUPS)
    svg = Element("svg", {"class": "network", "role": "img"})
    SubElement(svg, "title").text = f"The network: {count_of(len(groups), 'group')} of layers"
    largest = max((side for each in groups for side in _sides(each)), default=1)
    top = bottom = 0.0
    for number, group in enumerate(groups):
        element = SubElement(svg, "g", {"class": "weighted" if group.weights else "plain"})
        lines = _lines(group)
        width, depth, height = _box(group, largest)
        row = max(depth + height, _LINE * len(lines))
        middle = top + row / 2
        above = middle - (depth + height) / 2
        if number:
            _arrow(element, bottom, above)
        _draw_box(element, above, (width, depth, height))
        _write(element, middle - _LINE * len(lines) / 2, lines)
        bottom, top = above + depth + height, top + row + _GAP
    svg.set("viewBox", f"0 0 {_WIDTH} {max(top - _GAP, 1):.0f}")
    return tostring(svg, encoding="unicode")


def _sides(group: LayerGroup) -> Sequence[int]:
    """Return height and width of the maps; none without maps, or if their size is not fixed."""
    sides = [each for each in group.shape[:2] if each is not None]
    return sides if len(sides) == 2 and len(group.shape) == 3 else []


def _box(group: LayerGroup, largest: int) -> tuple[float, float, float]:
    """Return width, depth and height of the box."""
    units = math.log10(max(1, group.shape[-1] or 1))
    if not (sides := _sides(group)):
        return max(5, _WIDEST * min(1, units / _DECADES)), 0, 7
    height, width = (math.sqrt(each / largest) for each in sides)
    return max(8, _WIDEST * width), max(3, _DEEPEST * height), 4 + 6 * units


def _draw_box(element: Element, above: float, size: tuple[float, float, float]) -> None:
    width, depth, height = size
    left, right, front = _CENTER - (width + depth) / 2, _CENTER + (width - depth) / 2, above + depth
    _polygon(
        element,
        "front",
        [(left, front), (right, front), (right, front + height), (left, front + height)],
    )
    if depth:
        back = right + depth
        _polygon(
            element, "top", [(left, front), (left + depth, above), (back, above), (right, front)]
        )
        _polygon(
            element,
            "side",
            [(right, front), (back, above), (back, above + height), (right, front + height)],
        )


def _polygon(element: Element, kind: str, corners: Sequence[tuple[float, float]]) -> None:
    points = " ".join(f"{x:.1f},{y:.1f}" for x, y in corners)
    SubElement(element, "polygon", {"class": kind, "points": points})


def _arrow(element: Element, start: float, end: float) -> None:
    y = {"y1": f"{start + 3:.1f}", "y2": f"{end - 3:.1f}"}
    SubElement(element, "line", {"x1": str(_CENTER), "x2": str(_CENTER), **y})


def _lines(group: LayerGroup) -> list[tuple[str, str]]:
    """Return the lines beside a box, with their style."""
    # A count stays on the line of its kind.
    whole = printable(kinds(group.layers)).replace(" x ", "\N{NO-BREAK SPACE}x\N{NO-BREAK SPACE}")
    names = textwrap.wrap(whole, _CHARACTERS, max_lines=3, placeholder=" …")
    weights = f", {count_of(group.weights, 'weight')}" if group.weights else ""
    facts = textwrap.wrap(shape_text(group.shape) + weights, _CHARACTERS + 6)
    return [*((each, "kinds") for each in names), *((each, "facts") for each in facts)]


def _write(element: Element, top: float, lines: Sequence[tuple[str, str]]) -> None:
    for number, (line, style) in enumerate(lines):
        y = f"{top + _LINE * (number + 0.78):.1f}"
        SubElement(element, "text", {"class": style, "x": str(_TEXT), "y": y}).text = line
