"""A run's model, ready to answer."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from imgrec.api.explanations import ExplanationResult, explanation_result
from imgrec.api.predictions import Predictions
from imgrec.data import records
from imgrec.data.photo_arguments import expand_photos
from imgrec.evaluation.results import Evaluation
from imgrec.progress import Silent
from imgrec.runs.folder import Run, default_runs_dir, find
from imgrec.runtime.engine import EngineName, EngineOptions, LiteRTPrecision
from imgrec.slicing import Slicing, slice_by
from imgrec.text import printable
from imgrec.workflows.explanation import ExplainOptions, Method, open_explainer
from imgrec.workflows.prediction import Predictor, Tta, open_models

Photo: TypeAlias = str | Path | bytes | NDArray[np.uint8] | Image.Image
"""What can be asked about: see `Model.predict`."""


def named_photos(given: Photo | Iterable[Photo]) -> Iterator[records.Photo]:
    """Yield what is asked about, in order; raise TypeError for what is no photo.

    Paths are those of files, of folders or patterns; what comes without a name gets a number.
    """
    for number, photo in enumerate(_listed(given), start=1):
        if isinstance(photo, str | Path):
            yield from expand_photos([str(photo)], None)
        elif isinstance(photo, bytes | np.ndarray | Image.Image):
            yield records.Photo(f"image {number}", photo)
        else:
            kind = type(photo).__name__
            raise TypeError(
                f"a photo is a path, bytes, a NumPy array or a Pillow image, not {kind}"
            )


def _listed(given: Photo | Iterable[Photo]) -> Iterable[Photo]:
    if isinstance(given, np.ndarray):
        return given if given.ndim > 3 else [given]
    return [given] if isinstance(given, str | Path | bytes | Image.Image) else given


def load(
    run: str | Path = "last",
    *,
    runs_dir: str | Path | None = None,
    engine: EngineName = "auto",
    precision: LiteRTPrecision = "float32",
    device: str = "auto",
) -> Model:
    """Return a run's model, ready to answer.

    run: a folder, a name below the runs folder, or `last`. runs_dir: the runs folder; None for
    $IMGREC_RUNS, else `runs`. engine: `litert` is the run's LiteRT file, which needs no TensorFlow,
    `keras` its Keras file; `auto` takes LiteRT where it can. precision: which LiteRT file. device:
    `auto`, `cpu`, `gpu`, or `gpu:0,1`.
    Raises imgrec.errors.RunError where there is no such run, or it can't be used.
    """
    folder = default_runs_dir() if runs_dir is None else Path(runs_dir)
    found, options = find(str(run), folder), EngineOptions(engine, precision, device)
    return Model(found, open_models([found], options), options)


@dataclass(frozen=True, repr=False)
class Model:
    """A run's model. `load` makes one."""

    run: Run
    predictor: Predictor
    engine_options: EngineOptions

    @property
    def name(self) -> str:
        """The run's name."""
        return self.run.name

    @property
    def multi_label(self) -> bool:
        """Whether a photo may have several classes, or none: `Prediction.labels` has all."""
        return self.run.card.multi_label

    @property
    def classes(self) -> tuple[str, ...]:
        """The class names, in the order of the model's outputs."""
        return self.run.card.classes

    def predict(
        self,
        photos: Photo | Iterable[Photo],
        *,
        top: int = 5,
        threshold: float | None = None,
        tta: Tta | None = None,
    ) -> Predictions:
        """Return the `top` classes of each photo, in order; one that can't be read has an error.

        photos: paths of files, of folders (everything below them) or patterns; the content of
        files as bytes; pixels, uint8 (height, width) or (height, width, 1 | 3 | 4); Pillow
        images. One of them, or any number. threshold: the probability, 0 to 1, below which the
        answer is "unknown", or from which on a photo has a class, where it may have several; None
        for the run's own. tta: `flip` for the mean over the mirrored picture too.
        Raises TypeError for anything else.
        """
        found = tuple(named_photos(photos))
        predictor = self.predictor.with_options(top=top, threshold=threshold, tta=tta)
        batches = predictor.predictions(found, total=len(found), progress=Silent())
        return Predictions(tuple(each for batch in batches for each in batch), found)

    def evaluate(
        self,
        data: str | Path | None = None,
        *,
        split: str | None = None,
        slices: Sequence[str] = (),
        allow_leakage: bool = False,
    ) -> Evaluation:
        """Return how good the model is on images whose classes are known.

        data: a folder of class folders, a CSV file or whatever else `imgrec evaluate --data`
        reads; None for the run's own images. split: `train`, `validation` or `test`; None for
        test, else validation. slices: as `evaluation.slices` of a config, measured on their own.
        allow_leakage: whether images that the model was trained on may be among those of `data`.
        Nothing is held to the config's gate. Raises imgrec.errors.DataError for images that can't
        be used, UsageError where there is no such split.
        """
        from imgrec.workflows.evaluation import EvaluationRequest, ImageChoice, evaluate_request

        images = ImageChoice(None if data is None else Path(data), split)
        slicing = Slicing(tuple(map(slice_by, slices)))
        wanted = EvaluationRequest(images, slicing, allow_leakage=allow_leakage)
        (found,) = evaluate_request(
            [self.run], wanted, engine_options=self.engine_options, progress=Silent()
        )
        return found.evaluation

    def explain(
        self,
        photos: Photo | Iterable[Photo],
        *,
        method: Method | None = None,
        class_name: str | None = None,
        threshold: float | None = None,
        windows: int | None = None,
        as_seen: bool = False,
    ) -> Iterator[ExplanationResult]:
        """Yield where in each photo a class is, in order; one that can't be used has an error.

        photos: as for `predict`. method: `gradcam`, `occlusion`, `windows` or `dense`; None for
        gradcam, without a Keras model or TensorFlow occlusion. The others are the options of
        `imgrec explain`.
        Raises imgrec.errors.UsageError for a class that the model doesn't know and for what is no
        option of the method, RunError for a method that can't be used with the model.
        """
        asked = ExplainOptions(class_name, threshold, windows, as_seen, method)
        explainer = open_explainer(self.run, asked, self.engine_options)
        return (explanation_result(photo, explainer) for photo in named_photos(photos))

    def __repr__(self) -> str:
        return f"<imgrec model {printable(self.name)}: {len(self.classes)} classes>"
