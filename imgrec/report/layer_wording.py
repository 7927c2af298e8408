"""What is said of a picture on its way through a network, in the picture and on the page."""

from __future__ import annotations

import math

from imgrec.explanation.layer_walk import Kept, LayerView, LayerWalk, UnitView
from imgrec.interface import option
from imgrec.report.network import shape_text
from imgrec.rounding import short
from imgrec.text import count_of, printable

_TITLES = {
    "convolution": "Convolution",
    "depthwise convolution": "Depthwise convolution",
    "max pooling": "Max pooling",
    "average pooling": "Average pooling",
    "global pooling": "Global pooling",
    "flatten": "Flatten",
    "dense": "Dense layer",
    "sum": "Sum",
    "concatenation": "Concatenation",
}

_RELU = "Negative numbers then become 0 (ReLU)."
_RELU6 = "Negative numbers then become 0, and numbers above 6 become 6 (ReLU6)."
_MIX = "mix"  # a convolution whose window is a single place
_TEXTS = {
    "convolution": "{filters} of {window} numbers per channel move over {input}. Each filter makes "
    "a map of where it finds its pattern.",
    _MIX: "Each of {units} combines the {channels:,} maps of the layer before into one new map, "
    "place by place.",
    "depthwise convolution": "A filter of {window} numbers moves over each map of the layer "
    "before.",
    "max pooling": "Of each {window} numbers of a map, only the largest is kept. What was found "
    "remains, but less precisely where.",
    "average pooling": "Each {window} numbers of a map are replaced by their mean.",
    "global pooling": "Of each map, a single number remains.",
    "flatten": "The numbers of {input} are written one after the other, in a single row. From here "
    "on, they have no place in the picture.",
    "dense": "Each unit multiplies the {numbers} of the layer before by its own weights and "
    "adds them up.",
    "sum": "The maps of earlier layers are added, number by number.",
    "concatenation": "The maps of earlier layers are put together.",
}

HOW_TO_READ = (
    "Each layer computes numbers from those of the layer before it. As long as the numbers have a "
    "place in the picture, they are shown as maps: the lighter, the larger the number. Each map "
    "has its own scale."
)

ANSWER_TITLE = "The numbers that become probabilities"
UNKNOWN = 'No class reaches its limit: the answer is "unknown".'


def layers_left_out(walk: LayerWalk) -> str:
    """Return how many layers are shown; empty if all are."""
    if len(walk.views) == walk.layers:
        return ""
    return (
        f"{len(walk.views)} of {walk.layers} layers are shown: the first, and the last "
        "of each map size. "
        f"{option('layer', 'NAME')} shows another one."
    )


def picture_text(shape: tuple[int, ...]) -> str:
    """Return what the network takes, without a full stop.

    shape: (height, width, channels).
    """
    values = "red, green and blue" if shape[-1] == 3 else "brightness"
    return f"What the network is given: {shape_text(shape)} numbers ({values})"


def layer_title(view: LayerView) -> str:
    """Return what a layer is, without its name."""
    return f"{view.number} {_TITLES[view.stage.kind]}"


def layer_text(view: LayerView) -> str:
    """Return what a layer does, in a sentence or two."""
    stage = view.stage
    window = (1, 1) if stage.window is None else stage.window.size
    kind = _MIX if stage.kind == "convolution" and window == (1, 1) else stage.kind
    text = _TEXTS[kind].format(
        filters=count_of(stage.units, "filter"),
        units=count_of(stage.units, "unit"),
        window=sides(*window),
        channels=stage.before[-1],
        numbers=count_of(math.prod(stage.before), "number"),
        input="the picture" if view.number == 1 else "the maps of the layer before",
    )
    if stage.relu6:
        return f"{text} {_RELU6}"
    return f"{text} {_RELU}" if stage.relu else text


def layer_facts(view: LayerView, size: tuple[int, int]) -> list[str]:
    """Return the sizes of a layer: what enters and leaves it, its weights, what it sees.

    size: (height, width) of the picture.
    """
    stage = view.stage
    facts = [f"{shape_text(stage.before)} → {shape_text(stage.shape)}"]
    if stage.weights:
        facts.append(count_of(stage.weights, "weight"))
    if stage.is_map:
        reach = stage.reach
        whole = reach is None or reach.covers(size)
        seen = "the whole picture" if whole or reach is None else f"{sides(*reach.size)} pixels"
        facts.append(f"each number sees {seen}")
    return facts


def maps_text(view: LayerView) -> str:
    """Return which maps of a layer are shown."""
    if view.same_units:
        return f"The same {count_of(len(view.maps), 'unit')} as above"
    if len(view.maps) == view.stage.units:
        return f"All {count_of(len(view.maps), 'map')}, the strongest first"
    return f"The {len(view.maps)} strongest of {view.stage.units:,} maps"


def vector_text(view: LayerView) -> str:
    """Return what the bars of a layer without maps are."""
    count = count_of(view.stage.units, "number")
    if view.vector is None or view.vector.size == 0:
        return count
    strongest = int(view.vector.argmax())
    largest = f"the largest is unit {strongest}: {short(float(view.vector[strongest]))}"
    return count if view.stage.units == 1 else f"{count}, a bar for each; {largest}"


def filters_text(view: LayerView) -> str:
    """Return what the pictures of the filters are."""
    colours = " in the colours that they look for" if view.stage.before[-1] == 3 else ""
    return f"The {count_of(view.stage.units, 'filter')}{colours}; a weight of 0 is grey"


def kept_text(kept: Kept) -> str:
    """Return what the numbers of a max pooling are."""
    return f"What is kept of unit {kept.unit} in four windows, those with the largest sum"


def unit_title(walk: LayerWalk) -> str:
    """Return the title of the patches."""
    unit = walk.unit
    if unit is None:
        return ""
    return f"What excites unit {unit.unit} of {printable(walk.views[unit.layer].stage.name)}"


def unit_text(unit: UnitView) -> str:
    """Return what the patches are, or why there are none."""
    if unit.missing:
        return f"No training images to compare with: {printable(unit.missing)}."
    height, width = unit.own.pixels.shape[:2]
    looked = count_of(unit.photos, "training image")
    if unit.total > unit.photos:
        looked = f"{unit.photos:,} of {count_of(unit.total, 'training image')}"
    if not unit.patches:
        return f"Nothing in {looked} excites it."
    return (
        f"The parts of {sides(height, width)} pixels for which its number is largest, at most one "
        f"from each of {looked}."
    )


def final_text(walk: LayerWalk) -> str:
    """Return how the last numbers become probabilities."""
    single = sum(each.number is not None for each in walk.final) == 1 < len(walk.final)
    match walk.activation:
        case "sigmoid" if single:
            (name,) = (each.class_name for each in walk.final if each.number is not None)
            (other,) = (each.class_name for each in walk.final if each.number is None)
            return (
                f"A single number x is left. The probability of {printable(name)} is "
                "1 / (1 + e⁻ˣ): 50 % for 0, more for larger numbers (sigmoid). The rest is that of "
                f"{printable(other)}."
            )
        case "sigmoid":
            return "The probability of each class is 1 / (1 + e⁻ˣ) of its number x (sigmoid)."
        case "softmax":
            return (
                "The larger the number of a class, the more probable it is: e to the power of it, "
                "divided by the sum of these powers over all classes (softmax)."
            )
    return "These are the numbers that the network ends with."


def classes_left_out(walk: LayerWalk) -> str:
    """Return how many classes are not shown; empty if all are."""
    left = walk.classes - len(walk.final)
    return f"and {count_of(left, 'less probable class')}" if left else ""


def sides(height: int, width: int) -> str:
    """Return a height and a width as text, the width first as for pictures.

    Example:
        >>> sides(3, 5)
        '5 x 3'
    """
    return f"{width} x {height}"
