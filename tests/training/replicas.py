"""Train a tiny network on several logical CPU devices; run as a process by test_replicas.py.

A process can divide its CPU once, before TensorFlow has used it.
"""

from __future__ import annotations

import contextlib
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from msgspec import structs

from imgrec.config.load import parse
from imgrec.data.cache import Stored
from imgrec.data.sources.loaders.digits import read_digits
from imgrec.models.backend import Devices, make_reproducible, start
from imgrec.models.network import build
from imgrec.progress import Progress, Silent
from imgrec.runs.writer import RunWriter
from imgrec.training.batch import encode
from imgrec.training.checkpoint import Checkpoints, TrainingProgress, load_checkpoint
from imgrec.training.loop import TrainingJob, fit
from imgrec.training.monitor import Monitor
from imgrec.training.recorders import run_recorders
from imgrec.training.steps import Steps
from imgrec.training.stream import BatchSchedule, TrainingImages
from imgrec.workflows.experiment_sections import build_steps, input_settings
from tests.runs.cards import CARD

IMAGES = 46
CONFIG = """
name: replicas
data: {loader: digits, image_size: [8, 8], channels: 1, batch_size: 15}
preprocessing: {rescale: 1/255}
augmentation: {rotation_range: 10}
model: {layers: [{Conv2D: {filters: 4, kernel_size: 3, activation: relu}}, Flatten]}
training:
  epochs: 2
  callbacks: [{ReduceLROnPlateau: {patience: 0}}]
  checkpoint: {every: 1 step}
"""


@dataclass(frozen=True)
class Training:
    """How many devices train, and after how many steps they are stopped and resumed; 0: never."""

    devices: int
    stop_after: int = 0
    precision: str = "float32"


TRAININGS = {
    "1": Training(1),
    "2": Training(2),
    "3": Training(3),
    "2 resumed": Training(2, stop_after=2),
    "2 in float16": Training(2, precision="mixed_float16"),
    "2 in float16 resumed": Training(2, stop_after=2, precision="mixed_float16"),
    "2 in bfloat16": Training(2, precision="mixed_bfloat16"),
    "2 in bfloat16 resumed": Training(2, stop_after=2, precision="mixed_bfloat16"),
}


class Stopped(Exception):
    """What a process that ends in the middle of an epoch raises here."""


class Stopping(Silent):
    """A progress that ends the training after so many steps."""

    def __init__(self, steps: int) -> None:
        self._left = steps

    def advance(self, count: int = 1, note: str = "") -> None:
        """Take a step, or end; the first call prints what was done before."""
        self._left -= 1
        if self._left < 0:
            raise Stopped


def main(folder: Path, names: list[str]) -> None:
    """Train these of `TRAININGS`, each into a folder of its name, with its `weights.npz`.

    A process can't train on two devices and then on three.
    """
    trainings = {name: TRAININGS[name] for name in names}
    counts = {training.devices for training in trainings.values()}
    cpus = _logical_cpus(max(counts))
    devices = {count: _devices(cpus[:count]) for count in counts}
    for name, training in trainings.items():
        _train(folder / name, training, devices[training.devices])


def _train(folder: Path, training: Training, found: Devices) -> None:
    experiment = parse(CONFIG, "replicas.yaml", [f"training.precision={training.precision}"])
    make_reproducible(experiment.seed, found, deterministic=False)
    records = read_digits().records[:IMAGES]
    labels = np.array([record.label for record in records])
    split = TrainingImages(
        Stored(np.stack([np.asarray(record.source)[..., np.newaxis] for record in records])),
        np.arange(IMAGES),
        encode(experiment.truth, labels, 10),
        np.where(labels % 2, 0.5, 2.0).astype(np.float32),
        BatchSchedule(IMAGES, experiment.data.batch_size),
    )
    steps = build_steps(experiment, 10, found, weights=True)
    folder.mkdir(parents=True)
    writer = RunWriter(folder)
    writer.begin(CARD)
    monitor = Monitor(experiment.training, validated=True)
    job = TrainingJob(experiment.training, input_settings(experiment), split, split, monitor)
    state = TrainingProgress()
    if training.stop_after:
        with contextlib.suppress(Stopped):
            _fit(job, steps, state, Stopping(training.stop_after), writer)
        steps = build_steps(experiment, 10, found, weights=True)
        state = load_checkpoint(folder / "state", lambda _: steps.variables)
        assert state.step == training.stop_after
    _fit(job, steps, state, Silent(), writer)
    weights = [np.array(variable) for variable in steps.model.trainable_variables]
    np.savez(folder / "weights.npz", *weights)


def _fit(
    job: TrainingJob, steps: Steps, state: TrainingProgress, progress: Progress, writer: RunWriter
) -> None:
    def network() -> Any:
        return build(steps.network, weights=False)

    fit(
        job,
        steps,
        state,
        progress,
        observers=run_recorders(writer, steps, network),
        checkpoints=Checkpoints(writer.subfolder("state"), job.training.checkpoint, steps),
    )


def _logical_cpus(number: int) -> list[str]:
    """Divide the CPU, and return the names of its parts."""
    import tensorflow as tf

    (cpu,) = tf.config.list_physical_devices("CPU")
    tf.config.set_logical_device_configuration(
        cpu, [tf.config.LogicalDeviceConfiguration()] * number
    )
    return [device.name for device in tf.config.list_logical_devices("CPU")]


def _devices(names: list[str]) -> Devices:
    import tensorflow as tf

    devices = start("cpu")
    if len(names) == 1:
        return devices
    return structs.replace(devices, strategy=tf.distribute.MirroredStrategy(names))


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
