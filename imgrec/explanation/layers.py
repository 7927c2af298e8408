"""What the layers of a network make of a picture."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from imgrec.errors import RunError
from imgrec.evaluation.prediction import Ranked
from imgrec.explanation.layer_walk import (
    Filters,
    FinalNumber,
    Kept,
    LayerView,
    LayerWalk,
    UnitMap,
    UnitView,
)
from imgrec.explanation.stages import SETTINGS, Stage, chosen_for_view, find_stages
from imgrec.explanation.unit_patches import OwnPhotos, Peaks, patches, peaks
from imgrec.interface import option
from imgrec.runtime.litert_engine import LiteRTEngine
from imgrec.runtime.litert_values import LiteRTValues
from imgrec.text import printable

# How many maps of a layer are shown, and of the one that is looked at more closely.
_MAPS, _MAPS_OF_CHOSEN = 8, 32
# Of a network with more layers that make maps, some are left out.
_STAGES = 24
_PATCHES = 9
_PROBABILITIES = 10
# Photos that are searched for patches: at most so many, and as few as take so many
# multiplications, about two seconds on two cores.
_MOST, _FEWEST, _WORK = 96, 16, 200_000_000_000
# The largest window of a pooling whose numbers are shown.
_WINDOW = 3
_COLOURS = 3
# Sums of smaller numbers are finite in float32; of infinite ones, LiteRT makes its largest number.
_HUGE = 1e30

_Found = Mapping[int, NDArray[np.float32]]


class LayeredNetwork:
    """A LiteRT model whose layers can be looked at."""

    def __init__(self, engine: LiteRTEngine, photos: Callable[[int], OwnPhotos]) -> None:
        """Find the layers.

        Args:
            engine: The model.
            photos: Returns at most so many images that it was trained on; called if needed.

        Raises:
            RunError: LiteRT can't run it without XNNPACK.
        """
        self._values = LiteRTValues(engine)
        self._engine = engine
        self._photos = photos
        self._peaks: dict[int, list[Peaks]] = {}
        spec = engine.spec
        self._size = spec.height, spec.width
        noise = np.random.default_rng(0).integers(0, 256, (*self._size, spec.channels), np.uint8)
        self._values.of(noise, ())
        graph, shapes = self._values.graph, self._values.shapes
        settings = {
            number: self._values.last(number).astype(int).tolist()
            for each in graph.operators
            for number in each.inputs[SETTINGS.get(each.name, slice(0))]
        }
        self._network = find_stages(graph, engine.output.index, shapes, settings)
        if self._network.logits is None and engine.activation is not None:
            self._network = replace(
                self._network, logits=engine.output.index, activation=engine.activation
            )
        self._filters = self._filter_pictures(noise)

    @property
    def stages(self) -> tuple[Stage, ...]:
        """The layers."""
        return self._network.stages

    @property
    def usual(self) -> int | None:
        """The layer to look at more closely: the deepest whose units see at most half of a side.

        Without one, the first layer that makes maps, or else the last layer; None if the network
        has no layers.
        """
        maps = [number for number, each in enumerate(self.stages) if each.is_map]
        local = [
            number
            for number in maps
            if "convolution" in self.stages[number].kind
            and (reach := self.stages[number].reach) is not None
            and all(2 * sees <= side for sees, side in zip(reach.size, self._size, strict=True))
        ]
        return next(reversed(local or maps[:1] or [*range(len(self.stages))]), None)

    def walk(
        self,
        pixels: NDArray[np.uint8],
        answers: Sequence[Ranked],
        layer: int | None,
        unit: int | None = None,
    ) -> LayerWalk:
        """Follow a picture through the network.

        Args:
            pixels: What the model takes, uint8 (height, width, channels).
            answers: The probability of each class, in the order of the model's.
            layer: The position in `stages` of the layer to look at more closely.
            unit: One of its units; None for the strongest in the picture.

        Raises:
            RunError: A layer computes NaN, or numbers too large to be added up.
        """
        shown = [*chosen_for_view(self.stages, _STAGES, layer)]
        logits = self._network.logits
        numbers = {self.stages[each].output for each in shown}
        numbers |= {self.stages[each].entering for each in shown}
        numbers |= set() if logits is None else {logits}
        found = dict(zip(numbers, self._values.of(pixels, [*numbers]), strict=True))
        for each in shown:
            _refuse_huge(self.stages[each], found[self.stages[each].output])
        views: dict[int, LayerView] = {}
        for number in shown:
            before = views.get(next(iter(self.stages[number].parents), -1))
            if number == layer:
                views[number] = self._view(number, found, None, _MAPS_OF_CHOSEN, unit)
            else:
                views[number] = self._view(number, found, before, _MAPS)
        return LayerWalk(
            tuple(views.values()),
            len(self.stages),
            self._unit(pixels, layer, unit, views, found) if layer in views else None,
            _final(answers, None if logits is None else found[logits]),
            len(answers),
            self._network.activation,
        )

    def _view(
        self,
        number: int,
        found: _Found,
        before: LayerView | None,
        most: int,
        unit: int | None = None,
    ) -> LayerView:
        """Return the view of a layer.

        Args:
            number: Its position.
            found: The values of tensors.
            before: The view of the layer before it, whose units are shown again after a pooling.
            most: The largest number of maps.
            unit: The unit whose map comes first; None for the strongest.
        """
        stage = self.stages[number]
        values, view = found[stage.output], LayerView(number + 1, stage)
        if number == 0:
            view = replace(view, filters=self._filters)
        if stage.output == self._network.logits:
            return view
        if not stage.is_map:
            return replace(view, vector=values.reshape(-1))
        largest = peaks(stage, values, self._size).values
        same = "pooling" in stage.kind and before is not None and bool(before.maps)
        if before is not None and same:
            units = [each.unit for each in before.maps[:most]]
        else:
            # Many reach the limit of ReLU6; those with the largest mean come first.
            order = np.lexsort((-values.mean(axis=(0, 1)), -largest)).tolist()
            units = [*dict.fromkeys(order if unit is None else [unit, *order])][:most]
        maps = tuple(UnitMap(each, values[..., each], float(largest[each])) for each in units)
        kept = _kept(stage, units[0], found[stage.entering], values)
        return replace(view, maps=maps, same_units=same, kept=kept)

    def _unit(
        self,
        pixels: NDArray[np.uint8],
        layer: int,
        unit: int | None,
        views: Mapping[int, LayerView],
        found: _Found,
    ) -> UnitView:
        stage, maps = self.stages[layer], views[layer].maps
        own = peaks(stage, found[stage.output], self._size)
        if unit is None:
            unit = maps[0].unit if maps else int(own.values.argmax())
        if layer not in self._peaks:
            self._peaks[layer] = self._peaks_in(stage, self._own_photos)
        photos = self._own_photos
        return UnitView(
            [*views].index(layer),
            unit,
            own.patch(unit, stage, pixels),
            tuple(patches(unit, stage, photos, self._peaks[layer], _PATCHES)),
            len(photos.names),
            photos.total,
            photos.missing,
        )

    def _peaks_in(self, stage: Stage, photos: OwnPhotos) -> list[Peaks]:
        inner = self._engine.inner(stage.output)
        found = []
        for each in photos.pixels:
            (maps,) = inner.outputs(each[np.newaxis])
            _refuse_huge(stage, maps)
            found.append(peaks(stage, maps, self._size))
        return found

    @cached_property
    def _own_photos(self) -> OwnPhotos:
        most = _WORK // max(1, sum(each.multiply_adds for each in self.stages))
        return self._photos(min(max(most, _FEWEST), _MOST))

    def _filter_pictures(self, noise: NDArray[np.uint8]) -> Filters | None:
        """Return the filters of the first layer, if it looks at pixels; their colours are RGB.

        noise: The picture that was computed last.
        """
        first = next(iter(self.stages), None)
        if first is None or first.kind != "convolution" or first.kernel is None:
            return None
        weights = self._values.last(first.kernel)
        if weights.shape[-1] == _COLOURS:
            order = _colour_order(noise, self._values.last(self._network.picture)[0])
            if order is None:
                return None
            weights = weights[..., order]
        elif weights.shape[-1] != 1:
            return None
        if not np.isfinite(weights).all():
            return None
        ends = np.abs(weights).max(axis=(1, 2, 3), keepdims=True).clip(np.finfo(np.float32).tiny)
        return Filters(np.rint(127.5 + 127.5 * weights / ends).astype(np.uint8))


def _refuse_huge(stage: Stage, values: NDArray[np.float32]) -> None:
    if not (np.abs(values) < _HUGE).all():
        raise RunError(
            f"layer {printable(stage.name)} computes NaN, or numbers of {_HUGE:g} or more",
            hint=f"{option('method', 'occlusion')} needs the model's answers alone",
        )


def _kept(
    stage: Stage, unit: int, before: NDArray[np.float32], after: NDArray[np.float32]
) -> Kept | None:
    """Return the numbers where a max pooling keeps the largest ones, two windows on each side.

    None if windows overlap, are large, or reach beyond the map.
    """
    window, (rows, columns) = stage.window, after.shape[:2]
    if stage.kind != "max pooling" or window is None or window.size != window.stride:
        return None
    high, wide = window.size
    inside = before.shape[0] >= rows * high and before.shape[1] >= columns * wide
    if max(high, wide) > _WINDOW or min(rows, columns) < 2 or not inside:
        return None
    kept = after[..., unit]
    sums = kept[:-1, :-1] + kept[1:, :-1] + kept[:-1, 1:] + kept[1:, 1:]
    top, left = divmod(int(sums.argmax()), columns - 1)
    return Kept(
        unit,
        before[top * high : (top + 2) * high, left * wide : (left + 2) * wide, unit],
        kept[top : top + 2, left : left + 2],
    )


def _colour_order(pixels: NDArray[np.uint8], entering: NDArray[np.float32]) -> list[int] | None:
    """Return where red, green and blue of a picture are in what enters the first layer.

    None if that is something else than the picture with its colours scaled.
    """
    if entering.shape != pixels.shape:
        return None
    flat, other = (each.reshape(-1, _COLOURS).astype(float) for each in (pixels, entering))
    alike = np.abs(np.corrcoef(flat, other, rowvar=False)[:_COLOURS, _COLOURS:])
    return alike.argmax(axis=1).tolist() if (alike.max(axis=1) > 0.99).all() else None


def _final(
    answers: Sequence[Ranked], logits: NDArray[np.float32] | None
) -> tuple[FinalNumber, ...]:
    """Return the most probable classes; a single logit is the second one's of two."""
    numbers: list[float | None] = [None] * len(answers)
    if logits is not None and logits.size == len(answers):
        numbers = [*map(float, logits.reshape(-1))]
    elif logits is not None and logits.size == 1 and len(answers) == 2:
        numbers[1] = float(logits.reshape(-1)[0])
    found = [
        FinalNumber(each.class_name, value, each.probability)
        for each, value in zip(answers, numbers, strict=True)
    ]
    return tuple(sorted(found, key=lambda each: -each.probability)[:_PROBABILITIES])
