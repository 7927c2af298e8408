"""imgrec from Python: `from imgrec import load`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias, overload

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from imgrec.data import records
from imgrec.data.expand import expand
from imgrec.data.images import miniature
from imgrec.errors import BadImage
from imgrec.evaluation.metrics import Evaluation
from imgrec.evaluation.prediction import Prediction
from imgrec.progress import Silent
from imgrec.report.prediction_html import predictions_html
from imgrec.report.thumbnail import Thumbnail, thumbnail
from imgrec.report.wording import percent
from imgrec.runs.folder import Run, default_runs_dir, find
from imgrec.runtime.engine import Computing, EngineName, Precision
from imgrec.slicing import Slicing, slice_by
from imgrec.text import joined, shown
from imgrec.workflows.predict import Recogniser, Tta, open_models

Photo: TypeAlias = str | Path | bytes | NDArray[np.uint8] | Image.Image
"""What can be asked about: see `Model.predict`."""

_SIDE = 96
_SHOWN = 50


def load(
    run: str | Path = "last",
    *,
    runs_dir: str | Path | None = None,
    engine: EngineName = "auto",
    precision: Precision = "float32",
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
    found, computing = find(str(run), folder), Computing(engine, precision, device)
    return Model(found, open_models([found], computing=computing), computing)


@dataclass(frozen=True, repr=False)
class Model:
    """A run's model. `load` makes one."""

    run: Run
    recogniser: Recogniser
    computing: Computing

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
        found = tuple(_photos(photos))
        recogniser = self.recogniser.asking(top=top, threshold=threshold, tta=tta)
        batches = recogniser.predictions(found, total=len(found), progress=Silent())
        return Predictions(tuple(each for batch in batches for each in batch), found)

    def evaluate(
        self,
        data: str | Path | None = None,
        *,
        split: str | None = None,
        slices: Sequence[str] = (),
        allow_overlap: bool = False,
    ) -> Evaluation:
        """Return how good the model is on images whose classes are known.

        data: a folder of class folders, a CSV file or whatever else `imgrec evaluate --data`
        reads; None for the run's own images. split: `train`, `validation` or `test`; None for
        test, else validation. slices: as `evaluation.slices` of a config, measured on their own.
        allow_overlap: whether images that the model was trained on may be among those of `data`.
        Nothing is held to the config's gate. Raises imgrec.errors.DataError for images that can't
        be used, UsageError where there is no such split.
        """
        from imgrec.workflows.chosen import Images
        from imgrec.workflows.evaluate import Wanted, measure

        images = Images(None if data is None else Path(data), split)
        slicing = Slicing(tuple(map(slice_by, slices)))
        wanted = Wanted(images, slicing, allow_overlap=allow_overlap)
        (found,) = measure([self.run], wanted, computing=self.computing, progress=Silent())
        return found.evaluation

    def __repr__(self) -> str:
        return f"<imgrec model {shown(self.name)}: {len(self.classes)} classes>"


@dataclass(frozen=True, repr=False)
class Predictions(Sequence[Prediction]):
    """What is in some photos, in their order; in a notebook, with their pictures."""

    predictions: tuple[Prediction, ...]
    photos: tuple[records.Photo, ...]

    def __len__(self) -> int:
        return len(self.predictions)

    @overload
    def __getitem__(self, index: int) -> Prediction: ...

    @overload
    def __getitem__(self, index: slice) -> Predictions: ...

    def __getitem__(self, index: int | slice) -> Prediction | Predictions:
        if isinstance(index, slice):
            return Predictions(self.predictions[index], self.photos[index])
        return self.predictions[index]

    def __repr__(self) -> str:
        return "\n".join([*map(_line, self.predictions[:_SHOWN]), *self._more()])

    def _repr_html_(self) -> str:
        thumbnails = [_thumbnail(photo.source) for photo in self.photos[:_SHOWN]]
        return predictions_html(self.predictions[:_SHOWN], thumbnails) + "".join(self._more())

    def _more(self) -> Iterator[str]:
        if len(self) > _SHOWN:
            yield f"and {len(self) - _SHOWN:,} more"


def _photos(given: Photo | Iterable[Photo]) -> Iterator[records.Photo]:
    for number, photo in enumerate(_listed(given), start=1):
        if isinstance(photo, str | Path):
            yield from expand([str(photo)], None)
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


def _line(prediction: Prediction) -> str:
    name = shown(prediction.name)
    if prediction.error is not None:
        return f"{name}: {shown(prediction.error)}"
    found = ", ".join(f"{shown(label)} {percent(share)}" for label, share in prediction.top)
    if prediction.multi_label:
        return f"{name}: {joined(map(shown, prediction.labels))} ({found})"
    return f"{name}: {found}" if prediction.known else f"{name}: unknown ({found})"


def _thumbnail(source: records.Given) -> Thumbnail | None:
    if isinstance(source, BadImage):
        return None
    try:
        return thumbnail(miniature(source, _SIDE))
    except BadImage:
        return None
