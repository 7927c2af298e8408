"""The features of photos, by a run or an ImageNet classifier."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from imgrec.data.images import ImageSpec, read_new
from imgrec.data.records import Photo
from imgrec.errors import BadImage, RunError
from imgrec.files import sha256
from imgrec.parallel import map_in_order, usable_cores
from imgrec.progress import Progress, Silent
from imgrec.runs.folder import Run
from imgrec.runtime.engine import DEFAULT_ENGINE, EngineOptions
from imgrec.runtime.feature_table import FeatureTable
from imgrec.runtime.features import FeatureExtractor, feature_extractor
from imgrec.runtime.litert_engine import LiteRTEngine
from imgrec.runtime.score import BATCH_SIZE
from imgrec.scores import Skipped
from imgrec.text import printable
from imgrec.workflows.prediction import open_models


@dataclass(frozen=True)
class FeatureModel:
    """A model whose features are computed.

    Args:
        name: That of the run, or of the ImageNet classifier.
        identity: The SHA-256 of its file, or the name of an ImageNet classifier of Keras.
        extractor: Computes the features.
    """

    name: str
    identity: str
    extractor: FeatureExtractor


def open_feature_model(
    model: Run | str, engine_options: EngineOptions = DEFAULT_ENGINE
) -> FeatureModel:
    """Open a model so that it can compute features.

    Args:
        model: A run, or the name of an ImageNet classifier.
        engine_options: Which engine runs it.

    Raises:
        RunError: The model can't be used, or has no features.
    """
    opened = open_models([model], engine_options)
    (engine,), (identity,), (member,) = opened.engines, opened.weights, opened.members
    if isinstance(model, str) and isinstance(engine, LiteRTEngine):
        identity = sha256(engine.content)
    return FeatureModel(member.model, identity, feature_extractor(engine, member.model))


def photo_features(
    photos: Sequence[Photo],
    model: FeatureModel,
    progress: Progress | None = None,
    known: Mapping[str, NDArray[np.float32]] | None = None,
) -> FeatureTable:
    """Return the features of photos, in their order.

    Args:
        photos: The photos. Those that can't be used are listed in `refused`.
        model: The model.
        progress: Where progress is reported, unless there is a single photo.
        known: Features that are known already, by the SHA-256 of a photo's content.

    Raises:
        RunError: A feature is not a finite number.
    """
    known = known or {}
    read = partial(_read, spec=model.extractor.spec, known=known)
    contents = map_in_order(read, photos, usable_cores(), ahead=2 * BATCH_SIZE)
    shown = Silent() if len(photos) == 1 else progress or Silent()
    names, identities, refused = list[str](), list[str](), list[Skipped]()
    values = np.empty((0, 0), np.float32)
    with shown.task("computing features", len(photos)) as task:
        while batch := list(itertools.islice(contents, BATCH_SIZE)):
            sound = [each for each in batch if not isinstance(each.pixels, BadImage)]
            refused += (
                Skipped(each.name, each.pixels.reason)
                for each in batch
                if isinstance(each.pixels, BadImage)
            )
            if sound:
                found = _features(sound, model, known)
                if not values.size:
                    values = np.empty((len(photos), found.shape[1]), np.float32)
                values[len(names) : len(names) + len(sound)] = found
            names += (each.name for each in sound)
            identities += (each.identity for each in sound)
            task.advance(len(batch))
    return FeatureTable(
        tuple(names),
        tuple(identities),
        values[: len(names)],
        model.name,
        model.identity,
        tuple(refused),
    )


@dataclass(frozen=True)
class _Content:
    """What was read of a photo; `pixels` is None if its features are known."""

    name: str
    identity: str
    pixels: NDArray[np.uint8] | BadImage | None


def _read(photo: Photo, spec: ImageSpec, known: Mapping[str, NDArray[np.float32]]) -> _Content:
    return _Content(photo.name, *read_new(photo, spec, known))


def _features(
    batch: Sequence[_Content], model: FeatureModel, known: Mapping[str, NDArray[np.float32]]
) -> NDArray[np.float32]:
    rows = [known.get(each.identity) for each in batch]
    new = [number for number, row in enumerate(rows) if row is None]
    pixels = [each.pixels for each in batch if isinstance(each.pixels, np.ndarray)]
    if pixels:
        found = model.extractor.features(np.stack(pixels))
        _check_finite(found, [batch[number].name for number in new], model)
        for number, row in zip(new, found, strict=True):
            rows[number] = row
    return np.stack([row for row in rows if row is not None])


def _check_finite(values: NDArray[np.float32], names: Sequence[str], model: FeatureModel) -> None:
    bad = np.flatnonzero(~np.isfinite(values).all(axis=1))
    if bad.size:
        raise RunError(
            f"{printable(model.name)} computes features that are not finite numbers, such as for "
            f"{printable(names[bad[0]])}"
        )
