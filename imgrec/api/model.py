"""A run's model, ready to predict, explain and be evaluated."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from imgrec.api.results import ExplanationResult, Predictions, explanation_result
from imgrec.data import records
from imgrec.data.photo_arguments import expand_photos
from imgrec.evaluation.results import Evaluation
from imgrec.progress import Silent
from imgrec.runs.folder import Run, default_runs_dir, find
from imgrec.runtime.engine import EngineName, EngineOptions, LiteRTPrecision
from imgrec.slicing import Slicing, slice_by
from imgrec.text import count_of, printable
from imgrec.workflows.explanation import ExplainOptions, Method, open_explainer
from imgrec.workflows.prediction import Predictor, Tta, open_models

PhotoLike: TypeAlias = str | Path | bytes | NDArray[np.uint8] | Image.Image
"""A photo, as `Model.predict` takes it."""


def named_photos(given: PhotoLike | Iterable[PhotoLike]) -> Iterator[records.Photo]:
    """Yield photos in order, with a name each.

    Args:
        given: A photo, or any number of them. A path may also be a folder or a pattern. Photos
            without a path are numbered.

    Raises:
        TypeError: One of them is not a photo.
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


def _listed(given: PhotoLike | Iterable[PhotoLike]) -> Iterable[PhotoLike]:
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
    class_map: Mapping[str, str] | None = None,
) -> Model:
    """Load a run's model.

    Args:
        run: A folder, a name below the runs folder, or `last`.
        runs_dir: The runs folder; None for $IMGREC_RUNS, else `runs`.
        engine: `litert` for the run's LiteRT file, which does not need TensorFlow; `keras` for its
            Keras file; `auto` for LiteRT if possible, otherwise Keras.
        precision: Which LiteRT file.
        device: `auto`, `cpu`, `gpu` or `gpu:0,1`.
        class_map: The model's class for each other name; several, with commas in between, for one
            that is any of them, with the sum of their probabilities.

    Raises:
        imgrec.errors.RunError: There is no such run, or it can't be used.
        imgrec.errors.UsageError: The model does not have a class of `class_map`.

    Example:
        >>> load("imagenet-1", class_map={"cat": "tabby,Siamese_cat"})  # doctest: +SKIP
        <imgrec model imagenet-1: 999 classes>
    """
    folder = default_runs_dir() if runs_dir is None else Path(runs_dir)
    found, options = find(str(run), folder), EngineOptions(engine, precision, device)
    names = dict(class_map or {})
    return Model(found, open_models([found], options, names), options, names)


@dataclass(frozen=True, repr=False)
class Model:
    """A run's model; `load` returns one."""

    run: Run
    predictor: Predictor
    engine_options: EngineOptions
    class_map: Mapping[str, str] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The run's name."""
        return self.run.name

    @property
    def multi_label(self) -> bool:
        """Whether a photo may have several labels, or none; see `Prediction.labels`."""
        return self.run.card.multi_label

    @property
    def classes(self) -> tuple[str, ...]:
        """The class names, in the order of the model's outputs, without those that are merged."""
        return self.predictor.members[0].classes

    def predict(
        self,
        photos: PhotoLike | Iterable[PhotoLike],
        *,
        top: int = 5,
        threshold: float | None = None,
        tta: Tta | None = None,
    ) -> Predictions:
        """Classify photos.

        Args:
            photos: One photo, or any number: the path of a file, of a folder (everything below it)
                or a pattern; the content of a file as bytes; pixels, uint8 (height, width) or
                (height, width, 1 | 3 | 4); a Pillow image.
            top: The number of classes listed, at least 1.
            threshold: The probability, 0 to 1, below which an answer is "unknown", or, if a photo
                may have several labels, from which it has a class. None for the run's own.
            tta: `flip` for the mean over each photo and its mirror image.

        Returns:
            A prediction for each photo, in order; one that can't be read has an error.

        Raises:
            TypeError: One of `photos` is something else.
            imgrec.errors.UsageError: An option is out of range.
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
        """Evaluate the model on images whose classes are known.

        The requirements in the run's config are ignored.

        Args:
            data: A folder of class folders, a CSV file or anything else that `imgrec evaluate
                --data` reads; None for the run's own images.
            split: `train`, `validation` or `test`; None for test, else validation.
            slices: Parts of the images to evaluate on their own, as in `evaluation.slices`.
            allow_leakage: Whether `data` may contain images that the model was trained on.

        Raises:
            imgrec.errors.DataError: The images can't be used.
            imgrec.errors.UsageError: There is no such split.
        """
        from imgrec.workflows.evaluation import EvaluationRequest, ImageChoice, evaluate_request

        images = ImageChoice(None if data is None else Path(data), split, self.class_map)
        slicing = Slicing(tuple(map(slice_by, slices)))
        wanted = EvaluationRequest(images, slicing, allow_leakage=allow_leakage)
        (found,) = evaluate_request(
            [self.run], wanted, engine_options=self.engine_options, progress=Silent()
        )
        return found.evaluation

    def explain(  # noqa: PLR0913 - the options of the command
        self,
        photos: PhotoLike | Iterable[PhotoLike],
        *,
        method: Method | None = None,
        class_name: str | None = None,
        threshold: float | None = None,
        windows: int | None = None,
        as_seen: bool = False,
        layer: str | None = None,
        unit: int | None = None,
    ) -> Iterator[ExplanationResult]:
        """Show where in photos the model sees a class, or what each layer computes.

        Args:
            photos: As in `predict`.
            method: `gradcam`, `occlusion`, `windows`, `dense` or `layers`; None for gradcam, or
                occlusion if there is no Keras model or no TensorFlow.
            class_name: The class to explain; None for the predicted one.
            threshold: As in `predict`.
            windows: The largest number of windows per photo; only for `windows`.
            as_seen: Whether gradcam looks at exactly what `predict` shows the model.
            layer: The layer to examine with `layers`.
            unit: The unit of that layer to show patches for, from 0.

        Returns:
            An iterator over the photos, in order; one that can't be used has an error.

        Raises:
            imgrec.errors.UsageError: The model does not know the class or the layer, or an option
                is out of range or can't be used with the method.
            imgrec.errors.RunError: The method can't be used with the model.
        """
        asked = ExplainOptions(
            class_name,
            threshold,
            windows,
            as_seen,
            method,
            layer=layer,
            unit=unit,
            names=self.class_map,
        )
        explainer = open_explainer(self.run, asked, self.engine_options)
        return (explanation_result(photo, explainer) for photo in named_photos(photos))

    def __repr__(self) -> str:
        return f"<imgrec model {printable(self.name)}: {count_of(len(self.classes), 'class')}>"
