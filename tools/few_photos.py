"""Measure how good `imgrec train --quick` is with few photos of each class.

python -m tools.few_photos FOLDER [--photos 10] [--draws 40]

FOLDER has two subfolders: photos are drawn from `train`, and each head is judged on `validation`.
Draw n, from 0 on, has the seed n. The features of a photo are computed once.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from imgrec.models.efficientnet_lite import litert_features
from imgrec.models.packaged_weights import read_packaged_weights
from imgrec.progress import Silent
from imgrec.runtime.litert_engine import LiteRTEngine
from imgrec.training.logistic import LabelledPhotos, fit_head
from imgrec.training.stream import TrainingImages
from imgrec.workflows.experiment_argument import experiment_of
from imgrec.workflows.prepare import Prepared, prepare, training_split, validation_split
from imgrec.workflows.training import QUICK

_BACKBONE = "EfficientNetLite0"
_BATCH = 4


def main() -> None:
    """Print the accuracy of the heads."""
    parser = argparse.ArgumentParser(description="Measure `imgrec train --quick` with few photos.")
    parser.add_argument("folder", metavar="FOLDER")
    parser.add_argument("--photos", type=int, default=10, help="of each class")
    parser.add_argument("--draws", type=int, default=40)
    options = parser.parse_args()
    experiment, _ = experiment_of(options.folder, QUICK)
    found = np.array([*_accuracies(prepare(experiment, Silent()), options.photos, options.draws)])
    accuracy, cross_validated = found.mean(0)
    print(
        f"{options.photos} photos of each class, {options.draws} draws: mean accuracy "
        f"{accuracy:.2%}, lowest {found[:, 0].min():.2%}, highest {found[:, 0].max():.2%}, "
        f"standard deviation {found[:, 0].std(ddof=1):.2%}; cross-validated {cross_validated:.2%}"
    )


def _accuracies(prepared: Prepared, photos: int, draws: int) -> Iterator[tuple[float, float]]:
    """Yield the accuracy of each head on the validation photos, and the cross-validated one."""
    records, validation = prepared.splits.train, validation_split(prepared)
    if validation is None:
        raise SystemExit("FOLDER has no subfolder validation")
    labels = np.array([record.labels[0] for record in records])
    drawn = [_draw(labels, photos, seed) for seed in range(draws)]
    needed = np.unique(drawn)
    content = litert_features(_BACKBONE, prepared.spec.height, read_packaged_weights(_BACKBONE))
    engine = LiteRTEngine(content, (), prepared.spec)
    known = _features(engine, training_split(prepared), needed)
    judged = _features(engine, validation, np.arange(len(prepared.splits.validation)))
    truth = np.array([record.labels[0] for record in prepared.splits.validation])
    for rows in drawn:
        chosen = LabelledPhotos(
            labels[rows],
            [prepared.identities[records[row].name] for row in rows],
            [records[row].name for row in rows],
            prepared.splits.classes,
        )
        head = fit_head(chosen, known[np.searchsorted(needed, rows)])
        right = head.probabilities(judged).argmax(1) == truth
        yield float(right.mean()), head.cross_validation.accuracy


def _draw(labels: NDArray[np.intp], photos: int, seed: int) -> NDArray[np.intp]:
    random = np.random.default_rng(seed)
    classes = (np.flatnonzero(labels == label) for label in range(labels.max() + 1))
    return np.concatenate([random.choice(rows, photos, replace=False) for rows in classes])


def _features(
    engine: LiteRTEngine, images: TrainingImages, rows: NDArray[np.intp]
) -> NDArray[np.float32]:
    batches = (rows[start : start + _BATCH] for start in range(0, len(rows), _BATCH))
    return np.concatenate(
        [engine.outputs(images.pixels.take(images.rows[batch])) for batch in batches]
    )


if __name__ == "__main__":
    main()
