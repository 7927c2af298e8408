"""A model that explains photos, by one of several methods."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from imgrec.data.images import decode, decode_whole
from imgrec.data.records import Photo
from imgrec.errors import BadImage, RunError
from imgrec.evaluation.prediction import Ranked
from imgrec.explanation.dense import FullyConvolutional, enlarged, segments, shares, things
from imgrec.explanation.gradcam import gradcam, in_own_size, takes_any_size
from imgrec.explanation.layer_walk import LayerWalk
from imgrec.explanation.layers import LayeredNetwork
from imgrec.explanation.occlusion import occlusion
from imgrec.explanation.values import (
    Area,
    Detection,
    Explanation,
    ExplanationQuery,
    Heat,
    Picture,
    ViewedRegion,
    regions,
)
from imgrec.explanation.windows import WINDOWS, detections, score_windows
from imgrec.interface import option
from imgrec.rounding import percent
from imgrec.runs.card import BEST_MODEL
from imgrec.runtime.engine import Engine
from imgrec.runtime.keras_engine import KerasEngine
from imgrec.runtime.merged_classes import ClassLists, MergedEngine
from imgrec.scores import Decision, Scores, require_finite
from imgrec.text import printable

log = logging.getLogger("imgrec")

Method = Literal["gradcam", "occlusion", "windows", "dense", "layers"]

INSIDE: tuple[Method, ...] = ("gradcam", "dense")
"""The methods that need a Keras model; the others work with any engine."""

OF_ALL: tuple[Method, ...] = ("windows", "dense")
"""The methods that look for every class all over the picture; the others explain one answer."""

# Zhou et al. draw the box around everything at least a fifth as hot as the hottest place; around a
# small object, that would include much of the background.
_HOT = 0.4


@dataclass(frozen=True)
class CloserLook:
    """What `layers` looks at.

    Args:
        network: The model's layers.
        layer: The position of the one to look at more closely; None of a network without layers.
        unit: One of its units; None for the strongest in each picture.
    """

    network: LayeredNetwork
    layer: int | None = None
    unit: int | None = None

    def walk(self, pixels: NDArray[np.uint8], ranked: Sequence[Ranked]) -> LayerWalk:
        """Follow a picture through the network; see LayeredNetwork."""
        return self.network.walk(pixels, ranked, self.layer, self.unit)


@dataclass(frozen=True)
class Explainer:
    """A model that explains photos.

    Args:
        model: Its name.
        method: `gradcam`, `occlusion`, `windows`, `dense` or `layers`.
        engine: The engine.
        decision: How probabilities become labels.
        wanted: The column of the class to explain; None for the predicted one.
        windows: The largest number of windows per photo.
        as_seen: As in ExplainOptions.
        closer: What `layers` looks at; None for the other methods.
        lists: The model's classes that each name means, where they are merged.
    """

    model: str
    method: Method
    engine: Engine
    decision: Decision
    wanted: int | None = None
    windows: int = WINDOWS
    as_seen: bool = False
    closer: CloserLook | None = None
    lists: ClassLists = field(default_factory=dict)

    @property
    def query(self) -> ExplanationQuery:
        """What explains the photos."""
        return ExplanationQuery(self.model, self.method, self.lists)

    def explain(self, photo: Photo) -> Explanation:
        """Explain a photo.

        Raises:
            BadImage: It can't be read, or is too small.
            RunError: The method can't be used with the model, or its answer is not a number.
        """
        return self.explain_picture(_picture(photo, self.engine))

    def explain_picture(self, picture: Picture) -> Explanation:
        """Explain a photo that is decoded, as `explain` does.

        Raises:
            RunError: The method can't be used with the model, or its answer is not a number.
        """
        answers = self.engine.answers(picture.pixels[np.newaxis])
        (row,) = answers.probabilities
        require_finite(Scores((picture.name,), None, answers.probabilities, self.engine.classes))
        (named,) = self.decision.decide(answers.probabilities, answers.ood_similarity)
        columns = self._explained(row, named)
        ranked = tuple(map(Ranked, self.engine.classes, map(float, row)))
        whole = Explanation(
            picture,
            tuple(ranked[each] for each in columns),
            bool(named.any()),
            ViewedRegion(picture.seen, (self.engine.spec.width, self.engine.spec.height)),
            Heat(np.zeros((1, 1), np.float32), picture.seen),
        )
        if self.closer is not None:
            return replace(whole, walk=self.closer.walk(picture.pixels, ranked))
        found = self._placed(whole, columns)
        if self.wanted is None and not whole.known and self.method not in OF_ALL:
            return replace(found, found=())  # there is no answer to explain
        return found

    def _explained(self, row: NDArray[np.float32], named: NDArray[np.bool_]) -> list[int]:
        """Return the columns of the classes to explain, the most probable first."""
        if self.wanted is not None:
            return [self.wanted]
        order = np.argsort(-row, kind="stable")
        return [each for each in order.tolist() if named[each]] or order[:1].tolist()

    def _placed(self, whole: Explanation, columns: Sequence[int]) -> Explanation:
        match self.method:
            case "windows":
                return self._windows(whole, columns[0])
            case "dense":
                return self._dense(whole, columns[0])
            case "gradcam":
                return self._gradcam(whole, columns)
            case "occlusion":
                pixels = whole.picture.pixels
                return _hottest(whole, [occlusion(self.engine, pixels, each) for each in columns])
            case "layers":
                raise ValueError("layers needs a closer look")

    def _windows(self, whole: Explanation, column: int) -> Explanation:
        looked = score_windows(self.engine, whole.picture, self.decision, self.windows)
        found = detections(self.engine, looked, self.decision, self.wanted)
        view = ViewedRegion(whole.picture.whole, None)
        name, scores = whole.class_name, looked.scores(column).tolist()
        windows = tuple(map(Detection, [name] * len(scores), scores, looked.windows))
        return replace(whole, view=view, heat=looked.heat(column), found=found, windows=windows)

    def _dense(self, whole: Explanation, column: int) -> Explanation:
        merging = self.engine.merging if isinstance(self.engine, MergedEngine) else None
        found = segments(self._network, self._keras, whole.picture, self.decision, merging)
        if whole.known and not found.known.any():
            log.info(
                "%s: all is unknown: no place of the map reaches its limit; the highest "
                "probability of a place is %s, that of the whole photo %s",
                printable(whole.picture.name),
                percent(float(found.probabilities.max())),
                percent(whole.probability),
            )
        there = things(found, self.engine.classes, whole.picture.image.size)
        boxes = self._of_class(sorted(there, key=lambda each: -each.score))
        spec = enlarged(whole.picture, self.engine.spec)
        view = ViewedRegion(whole.picture.whole, (spec.width, spec.height))
        shown = shares(found, self.engine.classes, whole.picture.image.size)
        return replace(
            whole, view=view, heat=found.heat(column), found=boxes, segments=found, shares=shown
        )

    def _gradcam(self, whole: Explanation, columns: Sequence[int]) -> Explanation:
        pixels = whole.picture.pixels
        if self._takes_any_size:
            pixels, view = in_own_size(whole.picture, self.engine.spec)
            whole = replace(whole, view=view)
        own = [self._own(each) for each in columns]
        return _hottest(whole, [gradcam(self._keras.model, pixels, *each) for each in own])

    def _own(self, column: int) -> tuple[int, ...]:
        """Return the columns of the model that a column adds up."""
        if isinstance(self.engine, MergedEngine):
            return self.engine.merging.columns[column]
        return (column,)

    def _of_class(self, found: Iterable[Detection]) -> tuple[Detection, ...]:
        name = None if self.wanted is None else self.engine.classes[self.wanted]
        return tuple(each for each in found if name in (None, each.class_name))

    @property
    def _keras(self) -> KerasEngine:
        engine = self.engine.engine if isinstance(self.engine, MergedEngine) else self.engine
        if not isinstance(engine, KerasEngine):
            raise needs_keras(self.method, self.model)
        return engine

    @cached_property
    def _network(self) -> FullyConvolutional:
        return FullyConvolutional(self._keras.model)

    @cached_property
    def _takes_any_size(self) -> bool:
        return not self.as_seen and takes_any_size(self._keras.model)


def needs_keras(method: Method, model: str) -> RunError:
    """Return the error for a model without a Keras file."""
    return RunError(
        f"{printable(model)} has no {BEST_MODEL}, which {option('method', method)} needs",
        hint=f"{option('method', 'occlusion')} and {option('method', 'windows')} "
        "work with the LiteRT file",
    )


def _picture(photo: Photo, engine: Engine) -> Picture:
    if isinstance(photo.source, BadImage):
        raise photo.source
    spec = engine.spec
    pixels = decode(photo.source, spec, photo.name)
    image = decode_whole(
        photo.source, 1 if spec.channels == 1 else 3, photo.name, spec.max_megapixels
    )
    return Picture(photo.name, image, pixels, Area(*spec.visible_part(image.size)))


def _hottest(whole: Explanation, values: Sequence[NDArray[np.float32]]) -> Explanation:
    """Return the explanation with the heat of the first class, and the boxes of each."""
    heats = [Heat(each, whole.view.area) for each in values]
    found = tuple(
        Detection(*named, area)
        for named, heat in zip(whole.named, heats, strict=True)
        for area in _hot_regions(heat, whole.picture.image.size)
    )
    return replace(whole, heat=heats[0], found=found)


def _hot_regions(heat: Heat, size: tuple[int, int]) -> tuple[Area, ...]:
    """Return the hot regions of a picture; if all are tiny, the largest."""
    return regions(heat, size, _HOT) or regions(heat, size, _HOT, smallest=0)[:1]
