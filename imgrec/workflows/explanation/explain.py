"""Where in a picture a class is: what can be asked, and of which model."""

from __future__ import annotations

import importlib.util
import logging
from dataclasses import dataclass, replace
from typing import get_args

from imgrec.errors import UsageError
from imgrec.explanation.windows import WINDOWS
from imgrec.runs.folder import Run
from imgrec.runtime.engine import DEFAULT_ENGINE, EngineOptions, open_engine
from imgrec.runtime.keras_engine import MODEL_FILE
from imgrec.runtime.model_file import decision_of
from imgrec.scores import DEFAULT_THRESHOLD, ONE_LABEL
from imgrec.text import did_you_mean, join_few, printable
from imgrec.workflows.explanation.explainer import INSIDE, OF_ALL, Explainer, Method, needs_keras

# What those that look for every class do then.
_WITHOUT_UNKNOWN = {
    "windows": f"a class is there where a window has it from {DEFAULT_THRESHOLD:.0%} on, "
    "and a box tells the mean of its windows".replace("%", " %"),
    "dense": "each place has its most probable class",
}

log = logging.getLogger("imgrec")


@dataclass(frozen=True)
class ExplainOptions:
    """What a model is asked.

    class_name: the class to explain; None for what the model says of each picture. threshold: the
    probability, 0 to 1, below which an answer is "unknown"; None for the run's own. windows: how
    many of a picture are asked about, at most; None for 200. as_seen: whether gradcam looks at what
    `predict` shows the model; else at all of the picture in its own size, if the model takes any.
    """

    class_name: str | None = None
    threshold: float | None = None
    windows: int | None = None
    as_seen: bool = False


ANYTHING = ExplainOptions()


def open_explainer(
    run: Run,
    method: Method | None = None,
    asking: ExplainOptions = ANYTHING,
    computing: EngineOptions = DEFAULT_ENGINE,
) -> Explainer:
    """Return a run's model, ready to be asked where a class is.

    method: None for the `fitting` one.
    Raises UsageError for a class that the model doesn't know, a method, number or probability that
    there is not, and an engine, view or number of windows that the method can't use; RunError where
    the model can't be used.
    """
    classes = run.card.classes
    wanted = None if asking.class_name is None else _column(asking.class_name, classes)
    method = method or fitting_method(run, computing)
    _check(method, asking)
    decision = decision_of(run.card)
    if asking.threshold is not None:
        decision = decision.with_threshold(asking.threshold)
    if method in INSIDE:
        computing = _inside(run, method, computing)
    if method in OF_ALL and decision == ONE_LABEL:
        log.info(
            '%s knows no "unknown" (evaluation.selective_prediction): %s; '
            "--threshold sets another limit",
            printable(run.name),
            _WITHOUT_UNKNOWN[method],
        )
    engine = open_engine(run, **vars(computing))
    windows = WINDOWS if asking.windows is None else asking.windows
    return Explainer(run.name, method, engine, decision, wanted, windows, asking.as_seen)


def fitting_method(run: Run, computing: EngineOptions = DEFAULT_ENGINE) -> Method:
    """Return gradcam, where the Keras model and TensorFlow are there and asked for, else occlusion.

    computing: what is asked for.
    """
    if _forbids_keras(computing):
        return "occlusion"
    if (run.path / MODEL_FILE).is_file() and importlib.util.find_spec("tensorflow"):
        return "gradcam"
    log.info("%s: no Keras model, or no TensorFlow: occlusion shows where", printable(run.name))
    return "occlusion"


def _check(method: Method, asking: ExplainOptions) -> None:
    windows, threshold = asking.windows, asking.threshold
    if (
        method not in get_args(Method)
        or (windows is not None and windows < 1)
        or not 0 <= (threshold or 0) <= 1
    ):
        raise UsageError(f"method {method}, {windows} windows, threshold {threshold}: one can't be")
    if asking.as_seen and method in OF_ALL:
        raise UsageError(
            f"--as-seen: {method} looks at all of a photo, whatever predict sees",
            hint="--as-seen goes with --method gradcam, and occlusion never looks at more",
        )
    if windows is not None and method != "windows":
        raise UsageError(
            f"--windows: {method} asks about none", hint="--windows goes with --method windows"
        )


def _inside(run: Run, method: Method, computing: EngineOptions) -> EngineOptions:
    if _forbids_keras(computing):
        raise UsageError(
            f"--method {method} looks into the Keras model",
            hint="leave --engine and --precision out, or take --method occlusion or windows",
        )
    if not (run.path / MODEL_FILE).is_file():
        raise needs_keras(method, run.name)
    return replace(computing, engine="keras")


def _forbids_keras(computing: EngineOptions) -> bool:
    return computing.engine == "litert" or computing.precision != "float32"


def _column(name: str, classes: tuple[str, ...]) -> int:
    if name in classes:
        return classes.index(name)
    raise UsageError(
        f"--class {printable(name)}: the model knows no such class"
        f"{did_you_mean(name, classes, cutoff=0.5)}",
        hint=f"it knows {join_few(classes, 10)}",
    )
