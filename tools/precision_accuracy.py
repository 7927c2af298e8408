"""Measure whether trainings in mixed_bfloat16 are as accurate as those in float32.

python -m tools.precision_accuracy FILE.jsonl

Each config is trained with several seeds in both precisions, with the same epochs, on the photos
below IMGREC_TEST_DATA. Each finished training is a line of FILE.jsonl; those that are there already
are not repeated, so the command can be stopped and run again. The table is printed each time.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Iterator
from itertools import product
from pathlib import Path

import numpy as np
from scipy.stats import t

from imgrec.config.load import load
from imgrec.workflows.training import train
from tools.photos import DATA, VGG16

PRECISIONS = ("float32", "mixed_bfloat16")
SEEDS = range(3)
CONFIDENCE = 0.95
_PETS = (f"data.train={DATA}/cats_dogs/train", f"data.validation={DATA}/cats_dogs/validation")
# Shorter than the configs; schedules end with the epochs. Batch normalization needs many steps.
CONFIGS = {
    "cat_dog": (*_PETS, "training.epochs=5"),
    "cat_dog_plus": (
        *_PETS,
        "data.batch_size=8",
        "training.epochs=5",
        "training.optimizer.AdamW.ema_momentum=0.9",
        "training.optimizer.AdamW.learning_rate.CosineDecay.warmup_target=1e-3",
        "training.optimizer.AdamW.learning_rate.CosineDecay.warmup_steps=100",
        "training.optimizer.AdamW.learning_rate.CosineDecay.decay_steps=1150",
    ),
    "bird": (f"data.root={DATA}/birds", "training.epochs=12"),
    "mnist_plus": (
        "data.loader=idx",
        f"data.root={DATA}/mnist",
        "data.batch_size=64",
        "training.epochs=1",
        "training.optimizer.Adam.learning_rate.CosineDecay.decay_steps=844",
    ),
    "vgg16_transfer": (*_PETS, f"model.backbone.weights={VGG16}"),
}
# As long as the config says, with one seed; it takes the most time, and is not part of the mean.
WHOLE = "cat_dog, whole"
_OVERRIDES = {**CONFIGS, WHOLE: _PETS}

Key = tuple[str, int, str]


def main() -> None:
    """Train what is missing, and print the table each time."""
    parser = argparse.ArgumentParser(description="Compare the accuracy of two precisions.")
    parser.add_argument("file", type=Path, metavar="FILE.jsonl")
    file = parser.parse_args().file
    found = _read(file)
    print(_table(found), flush=True)
    pairs = [*product(SEEDS, CONFIGS), (0, WHOLE)]
    for (seed, config), precision in product(pairs, PRECISIONS):
        if (config, seed, precision) in found:
            continue
        began = time.perf_counter()
        found[config, seed, precision] = accuracy = _accuracy(config, seed, precision)
        seconds = round(time.perf_counter() - began)
        line = {"config": config, "seed": seed, "precision": precision}
        with file.open("a") as lines:
            lines.write(json.dumps({**line, "accuracy": accuracy, "seconds": seconds}) + "\n")
        print(_table(found), flush=True)


def _read(file: Path) -> dict[Key, float]:
    lines = [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []
    return {(each["config"], each["seed"], each["precision"]): each["accuracy"] for each in lines}


def _accuracy(config: str, seed: int, precision: str) -> float:
    """Return the accuracy of the best model, on the test images if there are any."""
    overrides = [f"seed={seed}", f"training.precision={precision}", "training.export=[]"]
    experiment = load(config.partition(",")[0], [*_OVERRIDES[config], *overrides])
    with tempfile.TemporaryDirectory() as runs:
        result = train(experiment, runs_dir=Path(runs))
    return float(result.evaluation.metrics["accuracy"].value or 0)


def _table(found: dict[Key, float]) -> str:
    rows = [_row(name, [*_differences(found, name)], found) for name in CONFIGS]
    every = [each for name in CONFIGS for each in _differences(found, name)]
    head = "| config | pairs | float32 | mixed_bfloat16 | difference in points |\n" + "| --- " * 5
    whole = _row(WHOLE, [*_differences(found, WHOLE)], found)
    return "\n".join([f"{head}|", *rows, _row("all", every, found), whole])


def _differences(found: dict[Key, float], config: str) -> Iterator[float]:
    """Yield the differences in points between the two precisions, for each seed that has both."""
    for seed in SEEDS:
        both = [found.get((config, seed, precision)) for precision in PRECISIONS]
        if None not in both:
            yield 100 * (both[1] - both[0])  # type: ignore[operator]


def _row(name: str, differences: list[float], found: dict[Key, float]) -> str:
    accuracies = [_mean(found, name, precision) for precision in PRECISIONS]
    return f"| {name} | {len(differences)} | {' | '.join(accuracies)} | {_interval(differences)} |"


def _mean(found: dict[Key, float], config: str, precision: str) -> str:
    """Return the mean accuracy; empty if nothing was trained."""
    keys = ((config, seed, precision) for seed in SEEDS)
    accuracies = [found[key] for key in keys if key in found]
    return f"{100 * np.mean(accuracies):.1f} %" if accuracies else ""


def _interval(differences: list[float]) -> str:
    """Return the mean with its 95 % interval by Student's t."""
    if len(differences) < 2:
        return " ".join(f"{each:+.2f}" for each in differences)
    mean, error = np.mean(differences), np.std(differences, ddof=1) / len(differences) ** 0.5
    half = t.ppf((1 + CONFIDENCE) / 2, len(differences) - 1) * error
    return f"{mean:+.2f} ({mean - half:+.2f} to {mean + half:+.2f})"


if __name__ == "__main__":
    main()
