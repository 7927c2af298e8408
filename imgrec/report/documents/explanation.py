"""The JSON documents of explanations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

from msgspec import UNSET, Meta, Struct, UnsetType, field

from imgrec.evaluation.prediction import (
    MergedDocument,
    RankedDocument,
    Share,
    ranked_documents,
)
from imgrec.explanation.layer_walk import LayerSummary
from imgrec.explanation.values import (
    Area,
    Detection,
    ExplainedPhoto,
    ExplanationQuery,
    ViewedRegion,
)
from imgrec.json_documents import as_builtins

_VERSION: Literal[2] = 2

_Side = Annotated[int, Meta(ge=1)]
_Pixel = Annotated[int, Meta(ge=0)]


class ExplanationHead(Struct, frozen=True):
    """Whose explanations these are."""

    schema_version: Literal[2]
    model: Annotated[str, Meta(description="The name of the run, or of the ImageNet classifier.")]
    method: Annotated[str, Meta(description="gradcam, occlusion, windows, dense or layers.")]
    merged: MergedDocument | UnsetType = UNSET


class ViewDocument(Struct, frozen=True):
    """A part of the photo, in its pixels, and the size it was resized to."""

    left: _Pixel
    top: _Pixel
    right: _Pixel
    bottom: _Pixel
    width: _Side | None
    height: _Side | None


class BoxDocument(Struct, frozen=True):
    """A part of the upright photo, in pixels; right and bottom are just beyond the box."""

    class_name: str = field(name="class")
    score: Annotated[
        Share,
        Meta(
            description="With windows the probability of the class for the box, classified on its "
            "own; with dense the highest one in the box; with gradcam and occlusion that of the "
            "whole photo."
        ),
    ]
    left: _Pixel
    top: _Pixel
    right: _Pixel
    bottom: _Pixel


class ShareDocument(Struct, frozen=True):
    """How much of the photo shows a class."""

    class_name: str = field(name="class")
    share: Share


class MapDocument(Struct, frozen=True):
    """The classes that each place shows, as in the files `map` and `map_array`.

    The places evenly cover a part of the photo, in its pixels, perhaps beyond its edges.
    """

    rows: _Side
    columns: _Side
    left: float
    top: float
    right: float
    bottom: float


class UnitDocument(Struct, frozen=True):
    """A unit of a layer, with the largest number of its map."""

    unit: Annotated[int, Meta(ge=0)]
    largest: float


class LayerDocument(Struct, frozen=True):
    """A layer of the network."""

    name: str
    operation: Annotated[str, Meta(description="What it does, such as convolution or max pooling.")]
    shape: Annotated[
        tuple[_Side, ...],
        Meta(description="Of what it gives: rows, columns and maps, or the number of units."),
    ]
    weights: _Pixel
    sees: Annotated[
        tuple[_Side, _Side] | None,
        Meta(
            description="Width and height, in pixels of the model's input, of the part on which "
            "each number of its maps depends; null for all of it."
        ),
    ]
    units: Annotated[
        tuple[UnitDocument, ...], Meta(description="The units whose maps are in the picture.")
    ]


class ExplainedDocument(Struct, frozen=True):
    """Where in a photo a class is, or why the photo can't be used."""

    photo: Annotated[str, Meta(description="The photo as it was named.")]
    error: Annotated[str | None, Meta(description="Why the photo can't be used; null if it can.")]
    width: Annotated[_Side | None, Meta(description="Of the upright photo, in pixels.")]
    height: _Side | None
    class_name: Annotated[
        str | None,
        Meta(
            description="The class that is explained: the chosen one, else the most probable one "
            "of the whole photo."
        ),
    ] = field(name="class")
    probability: Annotated[
        Share | None, Meta(description="The probability of that class for the whole photo.")
    ]
    named: Annotated[
        Sequence[RankedDocument],
        Meta(
            description="The classes that are explained: one; where a photo may have several, all "
            "that reach their thresholds, most probable first."
        ),
    ]
    known: Annotated[bool, Meta(description="False if the answer for the whole photo is unknown.")]
    view: Annotated[
        ViewDocument | None,
        Meta(
            description="The part that the method looked at, and its size after resizing; width "
            "and height are null with windows, which looks at parts of many sizes."
        ),
    ]
    boxes: Annotated[
        tuple[BoxDocument, ...],
        Meta(
            description="What was found, highest score first; with all methods but windows, the "
            "regions of the map, of one score the largest first."
        ),
    ]
    shares: Annotated[
        tuple[ShareDocument, ...] | None,
        Meta(
            description="With dense: how much of the photo shows each class, the largest share "
            "first; the rest is unknown. Else null."
        ),
    ]
    map: Annotated[MapDocument | None, Meta(description="With dense. Else null.")]
    layers: Annotated[
        tuple[LayerDocument, ...] | None,
        Meta(
            description="With layers: those in the picture, in the order of computation. Else null."
        ),
    ]
    files: Annotated[
        Mapping[str, str],
        Meta(
            description="The files that were written: `heat` is the picture with its heat map, "
            "`boxes` the one with boxes, `json` the document, `grid` the picture of the "
            "windows. With dense, `mask` and `mask_array` "
            "have the class of each pixel, `map` and `map_array` of each place of the map: 0 is "
            "unknown and 1 the first class in PNG files, -1 and 0 in `.npy` files. With layers, "
            "`layers` is the picture and `page` the page."
        ),
    ]


class ExplanationDocument(ExplanationHead, frozen=True, kw_only=True):
    """All photos of one command, in the order in which they were named."""

    explanations: tuple[ExplainedDocument, ...]


def explanation_document(
    explained: Sequence[ExplainedPhoto], asked: ExplanationQuery
) -> ExplanationDocument:
    """Return the document of all photos."""
    return ExplanationDocument(
        schema_version=_VERSION,
        model=asked.model,
        method=asked.method,
        merged=asked.merged or UNSET,
        explanations=tuple(map(_photo, explained)),
    )


def photo_explanation(explained: ExplainedPhoto, asked: ExplanationQuery) -> dict[str, Any]:
    """Return the document of one photo: the keys of ExplanationHead and ExplainedDocument."""
    head = ExplanationHead(_VERSION, asked.model, asked.method, asked.merged or UNSET)
    found: dict[str, Any] = as_builtins(head) | as_builtins(_photo(explained))
    return found


def _photo(explained: ExplainedPhoto) -> ExplainedDocument:
    shares, size = explained.shares, explained.size
    named = ranked_documents(explained.named)
    return ExplainedDocument(
        photo=explained.name,
        error=explained.error,
        width=size and size[0],
        height=size and size[1],
        class_name=named[0].class_name if named else None,
        probability=named[0].probability if named else None,
        named=named,
        known=explained.known,
        view=_view(explained.view, size) if explained.view and size else None,
        boxes=tuple(_box(each, size) for each in explained.found) if size else (),
        shares=None
        if shares is None
        else tuple(ShareDocument(name, round(share, 4)) for name, share in shares.items()),
        map=_map(explained.class_map),
        layers=None if explained.layers is None else tuple(map(_layer, explained.layers)),
        files={name: str(path) for name, path in explained.files.items()},
    )


def _map(found: ViewedRegion | None) -> MapDocument | None:
    if found is None or found.size is None:
        return None
    columns, rows = found.size
    return MapDocument(rows, columns, *(round(each, 2) for each in found.area))


def _layer(layer: LayerSummary) -> LayerDocument:
    stage = layer.stage
    return LayerDocument(
        stage.name,
        stage.kind,
        stage.shape,
        stage.weights,
        None if stage.reach is None else stage.reach.size[::-1],
        tuple(UnitDocument(*each) for each in layer.units),
    )


def _view(view: ViewedRegion, size: tuple[int, int]) -> ViewDocument:
    return ViewDocument(*_sides(view.area, size), *(view.size or (None, None)))


def _box(found: Detection, size: tuple[int, int]) -> BoxDocument:
    return BoxDocument(found.class_name, found.score, *_sides(found.area, size))


def _sides(area: Area, size: tuple[int, int]) -> tuple[int, int, int, int]:
    """Return left, top, right and bottom of an area in a picture of `size`, a pixel at least."""
    left, top, right, bottom = map(round, area)
    left, top = min(max(0, left), size[0] - 1), min(max(0, top), size[1] - 1)
    right, bottom = max(left + 1, min(size[0], right)), max(top + 1, min(size[1], bottom))
    return left, top, right, bottom
