"""Where in a picture a class is: by looking into the model, or by asking it about parts."""

from __future__ import annotations

import importlib.util
import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from imgrec.data.images import decode, seen, whole
from imgrec.data.records import Photo
from imgrec.errors import BadImage, RunError, UsageError
from imgrec.evaluation.abstention import fitted_limits
from imgrec.evaluation.prediction import Ranked
from imgrec.explanation.dense import FullyConvolutional
from imgrec.explanation.gradcam import gradcam
from imgrec.explanation.occlusion import occlusion
from imgrec.explanation.regions import regions
from imgrec.explanation.segments import enlarged, segments, things
from imgrec.explanation.unknown import LIKELY, Least
from imgrec.explanation.values import Area, Explanation, Found, Heat, Picture, View
from imgrec.explanation.view import in_own_size, takes_any_size
from imgrec.explanation.windows import WINDOWS, detections, look
from imgrec.runs.folder import Run
from imgrec.runtime.engine import ANYHOW, Computing, Engine, open_engine
from imgrec.runtime.keras_engine import MODEL_FILE, KerasEngine
from imgrec.runtime.outputs import Answers
from imgrec.text import did_you_mean, few, shown

Method = Literal["gradcam", "occlusion", "windows", "dense"]

INSIDE: tuple[Method, ...] = ("gradcam", "dense")
"""The methods that look into a Keras model; the others ask any engine."""

# What the methods that look for every class do then.
_WITHOUT_UNKNOWN = {
    "windows": f"a window has a class from {LIKELY:.0%} on".replace("%", " %"),
    "dense": "each place has its most probable class",
}

# Zhou et al. draw the box around what is as hot as a fifth of the hottest; that takes in a lot of
# what is around a thing that fills little of the picture.
_HOT = 0.4

log = logging.getLogger("imgrec")


@dataclass(frozen=True)
class Asking:
    """What a model is asked.

    class_name: the class to explain; None for what the model says of each picture. threshold: the
    probability, 0 to 1, below which an answer is "unknown"; None for the run's own. windows: how
    many of a picture are asked about, at most. as_seen: whether gradcam looks at what `predict`
    shows the model; else at all of the picture in its own size, where the model takes any.
    """

    class_name: str | None = None
    threshold: float | None = None
    windows: int = WINDOWS
    as_seen: bool = False


ANYTHING = Asking()


@dataclass(frozen=True)
class Explainer:
    """A model that is asked where.

    wanted: the column of the class to explain; None for what the model says of each picture.
    least: what an answer has to reach, not to be "unknown". windows, as_seen: as in Asking.
    """

    model: str
    method: Method
    engine: Engine
    least: Least
    wanted: int | None = None
    windows: int = WINDOWS
    as_seen: bool = False

    def explain(self, photo: Photo) -> Explanation:
        """Return where in a photo the class is.

        Raises BadImage for one that can't be read or is too small, RunError for a model that the
        method can't be used with.
        """
        picture = _picture(photo, self.engine)
        answers = self.engine.answers(picture.pixels[np.newaxis])
        (row,) = answers.probabilities
        columns = self._named(answers)
        whole = Explanation(
            picture,
            tuple(Ranked(self.engine.classes[each], float(row[each])) for each in columns),
            bool(self.least.named(answers, self.engine.classes).any()),
            View(picture.seen, (self.engine.spec.width, self.engine.spec.height)),
            Heat(np.zeros((1, 1), np.float32), picture.seen),
        )
        found = self._placed(whole, columns)
        if self.wanted is None and not whole.known and self.method not in _WITHOUT_UNKNOWN:
            return replace(found, found=())  # it explains an answer that there is not
        return found

    def _named(self, answers: Answers) -> list[int]:
        """Return the columns of the classes to explain, the most probable first."""
        if self.wanted is not None:
            return [self.wanted]
        (named,) = self.least.named(answers, self.engine.classes)
        order = np.argsort(-answers.probabilities[0], kind="stable")
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

    def _windows(self, whole: Explanation, column: int) -> Explanation:
        looked = look(self.engine, whole.picture, self.least, self.windows)
        found = detections(looked, self.engine.classes, self.least, self.wanted)
        view = View(whole.picture.whole, None)
        return replace(whole, view=view, heat=looked.heat(column), found=found)

    def _dense(self, whole: Explanation, column: int) -> Explanation:
        found = segments(self._network, self._keras, whole.picture, self.least)
        there = things(found, self.engine.classes, whole.picture.image.size)
        boxes = self._of_class(sorted(there, key=lambda each: -each.score))
        spec = enlarged(whole.picture, self.engine.spec)
        view = View(whole.picture.whole, (spec.width, spec.height))
        return replace(whole, view=view, heat=found.heat(column), found=boxes, segments=found)

    def _gradcam(self, whole: Explanation, columns: Sequence[int]) -> Explanation:
        pixels = whole.picture.pixels
        if self._takes_any_size:
            pixels, view = in_own_size(whole.picture, self.engine.spec)
            whole = replace(whole, view=view)
        return _hottest(whole, [gradcam(self._keras.model, pixels, each) for each in columns])

    def _of_class(self, found: Iterable[Found]) -> tuple[Found, ...]:
        name = None if self.wanted is None else self.engine.classes[self.wanted]
        return tuple(each for each in found if name in (None, each.class_name))

    @property
    def _keras(self) -> KerasEngine:
        if not isinstance(self.engine, KerasEngine):
            raise _needs_keras(self.method)
        return self.engine

    @cached_property
    def _network(self) -> FullyConvolutional:
        return FullyConvolutional(self._keras.model)

    @cached_property
    def _takes_any_size(self) -> bool:
        return not self.as_seen and takes_any_size(self._keras.model)


def open_explainer(
    run: Run,
    method: Method | None = None,
    asking: Asking = ANYTHING,
    computing: Computing = ANYHOW,
) -> Explainer:
    """Return a run's model, ready to be asked where a class is.

    method: None for the `fitting` one.
    Raises UsageError for a class that the model doesn't know, and for an engine or a view that the
    method can't use, RunError where the model can't be used.
    """
    classes = run.card.classes
    wanted = None if asking.class_name is None else _column(asking.class_name, classes)
    method = method or fitting(run, computing)
    least = _least(run, asking.threshold)
    if asking.as_seen and method in _WITHOUT_UNKNOWN:
        raise UsageError(
            f"--as-seen: {method} looks at all of a photo, whatever predict sees",
            hint="--as-seen goes with --method gradcam, and occlusion never looks at more",
        )
    if method in INSIDE:
        computing = _inside(run, method, computing)
    if method in _WITHOUT_UNKNOWN and least == Least():
        log.info(
            '%s knows no "unknown" (evaluation.abstain): %s; --threshold sets another limit',
            shown(run.name),
            _WITHOUT_UNKNOWN[method],
        )
    engine = open_engine(run, **vars(computing))
    return Explainer(run.name, method, engine, least, wanted, asking.windows, asking.as_seen)


def fitting(run: Run, computing: Computing = ANYHOW) -> Method:
    """Return gradcam, where the Keras model and TensorFlow are there and asked for, else occlusion.

    computing: what is asked for.
    """
    if _forbids_keras(computing):
        return "occlusion"
    if (run.path / MODEL_FILE).is_file() and importlib.util.find_spec("tensorflow"):
        return "gradcam"
    log.info("%s: no Keras model, or no TensorFlow: occlusion shows where", shown(run.name))
    return "occlusion"


def _least(run: Run, threshold: float | None) -> Least:
    limits, thresholds = fitted_limits(run.card.threshold), run.card.class_thresholds
    if threshold is None:
        return Least(limits, thresholds)
    if thresholds is None:
        return Least(limits._replace(threshold=threshold))
    return Least(limits, (threshold,) * len(thresholds))


def _inside(run: Run, method: Method, computing: Computing) -> Computing:
    if _forbids_keras(computing):
        raise UsageError(
            f"--method {method} looks into the Keras model",
            hint="leave --engine and --precision out, or take --method occlusion or windows",
        )
    if not (run.path / MODEL_FILE).is_file():
        raise _needs_keras(method, run)
    return replace(computing, engine="keras")


def _forbids_keras(computing: Computing) -> bool:
    return computing.engine == "litert" or computing.precision != "float32"


def _needs_keras(method: Method, run: Run | None = None) -> RunError:
    lead = f"{shown(run.name)} has no {MODEL_FILE}: " if run else ""
    return RunError(
        f"{lead}{method} looks into a Keras model, and a LiteRT file can only be asked",
        hint="--method occlusion and --method windows ask it",
    )


def _column(name: str, classes: tuple[str, ...]) -> int:
    if name in classes:
        return classes.index(name)
    raise UsageError(
        f"--class {shown(name)}: the model knows no such class"
        f"{did_you_mean(name, classes, cutoff=0.5)}",
        hint=f"it knows {few(classes, 10)}",
    )


def _picture(photo: Photo, engine: Engine) -> Picture:
    if isinstance(photo.source, BadImage):
        raise photo.source
    spec = engine.spec
    pixels = decode(photo.source, spec, photo.name)
    image = whole(photo.source, 1 if spec.channels == 1 else 3, photo.name)
    return Picture(photo.name, image, pixels, Area(*seen(image.size, spec)))


def _hottest(whole: Explanation, values: Sequence[NDArray[np.float32]]) -> Explanation:
    """Return the explanation with the heat of each class that is named, and its boxes."""
    heats = [Heat(each, whole.view.area) for each in values]
    found = tuple(
        Found(*named, area)
        for named, heat in zip(whole.named, heats, strict=True)
        for area in regions(heat, whole.picture.image.size, _HOT)
    )
    return replace(whole, heat=heats[0], found=found)
