"""Made-up runs for boards."""

from __future__ import annotations

import numpy as np

from imgrec.report.board import BoardRun
from imgrec.runs.settings import Setting
from imgrec.runs.summary import MetricSummary, RunSummary

RATE = "training.optimizer.Adam.learning_rate"


def board_runs(count: int) -> list[BoardRun]:
    """Return runs whose accuracy depends on the learning rate, and a little on the units."""
    random = np.random.default_rng(0)
    return [_run(number, random) for number in range(1, count + 1)]


def _run(number: int, random: np.random.Generator) -> BoardRun:
    rate, units = float(10 ** random.uniform(-5, -1)), int(random.choice([64, 128, 256]))
    accuracy = float(
        np.clip(0.95 - 0.1 * abs(np.log10(rate) + 3) + 2e-4 * units + random.normal(0, 0.01), 0, 1)
    )
    epochs = int(random.integers(3, 12))
    loss = [2 * (1 - accuracy) + 1 / epoch for epoch in range(1, epochs + 1)]
    settings: dict[str, Setting] = {
        RATE: rate,
        "model.layers[1].Dense.units": units,
        "data.image_size": f"[{units}, 96]",
        "seed": number,
        "training.on_nan": "stop",
    }
    complete = number % 10 != 0
    measured = {
        "accuracy": MetricSummary(accuracy, max(0, accuracy - 0.05), min(1, accuracy + 0.03)),
        "log_loss": MetricSummary(2 * (1 - accuracy)),
    }
    summary = RunSummary(
        name=f"cats-{number}",
        experiment="cats",
        created=f"2026-01-02T{number % 24:02d}:00:00.000000+00:00",
        complete=complete,
        epochs=epochs,
        metrics=measured if complete else {},
        logs={"val_loss": loss[-1]},
        seconds=10.0 * epochs * units / 64,
        model_bytes=units * 10_000,
        weights=units * 2_500,
        tags=("best",) if number % 7 == 0 else (),
        settings=settings,
    )
    return BoardRun(summary, {"val_loss": loss, "loss": [0.9 * each for each in loss]})
