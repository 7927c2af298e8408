"""Compare scores for out-of-distribution detection; docs/design.md has the results.

python -m experiments.strangers [SEEDS]

A classifier of cats and dogs on VGG16's features, as in configs/vgg16_transfer.yaml, gets everyday
photos without either, and MNIST digits. Prints the fraction that each score rejects, with 95 %
coverage on the validation photos. The data is expected in the folder IMGREC_TEST_DATA
(default ../shared).
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imgrec.data.images import ImageSpec, decode_in_order
from imgrec.data.records import Photo
from imgrec.data.sources.loaders.idx import read_idx
from imgrec.models.backend import start
from imgrec.parallel import usable_cores
from tools.photos import DATA, VGG16, WITH_PETS

ANSWERED = 0.95

Array = NDArray[np.float32]
Score = Callable[[Array, Array], Array]


def main(seeds: int = 3) -> None:
    """Print a line per seed and score."""
    photos = {
        "known": _photos("cats_dogs/train/*/*"),
        "validation": _photos("cats_dogs/validation/*/*"),
        "everyday photos": [each for each in _photos("photos/*") if not _is_pet(each)],
        "digits": _digits(100),
    }
    features = {name: _features(each) for name, each in photos.items()}
    truth = np.array(["/dogs/" in photo.name for photo in photos["known"]], np.int64)
    for seed in range(seeds):
        head = _head(features["known"], truth, seed)
        hidden = {name: head(each) for name, each in features.items()}
        for score, unknown in _unanswered(hidden, truth):
            shares = "  ".join(f"{name} {share:.0%}" for name, share in unknown.items())
            print(f"seed {seed}  {score:<12} {shares}", flush=True)


def _unanswered(
    answers: dict[str, tuple[Array, Array]], truth: NDArray[np.int64]
) -> Iterator[tuple[str, dict[str, float]]]:
    for name, score in _scores(answers["known"][0], truth).items():
        limit = np.quantile(score(*answers["validation"]), 1 - ANSWERED)
        strange = ("everyday photos", "digits")
        yield name, {each: float(np.mean(score(*answers[each]) < limit)) for each in strange}


def _scores(known: Array, truth: NDArray[np.int64]) -> dict[str, Score]:
    """Return the scores of (features, logits), higher for in-distribution images."""
    from scipy.special import logsumexp, softmax
    from sklearn.covariance import LedoitWolf

    means = np.stack([known[truth == each].mean(axis=0) for each in (0, 1)])
    precision = LedoitWolf().fit(known - means[truth]).precision_
    directions = _direction(known)
    return {
        "confidence": lambda _, logits: softmax(logits, axis=1).max(axis=1),
        "energy": lambda _, logits: logsumexp(logits, axis=1),
        "length": lambda features, _: np.linalg.norm(features, axis=1),
        "Mahalanobis": lambda features, _: _mahalanobis(features, means, precision),
        "nearest": lambda features, _: (_direction(features) @ directions.T).max(axis=1),
    }


def _mahalanobis(features: Array, means: Array, precision: Array) -> Array:
    distances = [
        np.einsum("ij,jk,ik->i", features - mean, precision, features - mean) for mean in means
    ]
    return np.asarray(-np.min(distances, axis=0))


def _direction(features: Array) -> Array:
    return np.asarray(features / np.maximum(np.linalg.norm(features, axis=1, keepdims=True), 1e-9))


def _head(
    features: Array, truth: NDArray[np.int64], seed: int
) -> Callable[[Array], tuple[Array, Array]]:
    import keras

    keras.utils.set_random_seed(seed)
    entering = keras.Input(features.shape[1:])
    hidden = keras.layers.Dense(256, activation="relu")(entering)
    logits = keras.layers.Dense(2)(keras.layers.Dropout(0.5)(hidden))
    model = keras.Model(entering, logits)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile("adam", loss)
    model.fit(features, truth, epochs=3, verbose=0)
    both = keras.Model(entering, [hidden, logits])
    return lambda each: tuple(both.predict(each, verbose=0))


def _features(photos: Sequence[Photo]) -> Array:
    """Return float32 (photos, 512), the mean of VGG16's last map over each photo."""
    import keras

    found = decode_in_order(photos, ImageSpec(150, 150, 3), usable_cores())
    pixels = np.stack([each for _, each in found if isinstance(each, np.ndarray)])
    network: Any = keras.applications.VGG16(
        include_top=False, weights=VGG16, input_shape=pixels.shape[1:], pooling="avg"
    )
    prepared = keras.applications.vgg16.preprocess_input(pixels.astype(np.float32))
    return np.asarray(network.predict(prepared, verbose=0))


def _photos(pattern: str) -> list[Photo]:
    return [Photo(str(path), path) for path in sorted(DATA.glob(pattern))]


def _digits(count: int) -> list[Photo]:
    records = read_idx(DATA / "mnist")["test"].records[:count]
    return [Photo(record.name, record.source) for record in records]


def _is_pet(photo: Photo) -> bool:
    return any(pet in photo.name for pet in WITH_PETS)


if __name__ == "__main__":
    start()
    main(*map(int, sys.argv[1:]))
