"""Measure training steps of `cat_dog` in float32 and mixed_bfloat16, and where their time goes.

python -m tools.step_times           steps of imgrec and of plain Keras, in turns
python -m tools.step_times shares    the shares of a step of imgrec, by TensorFlow's profiler

The batch is constant. Each way is a separate process, so that Keras does not get imgrec's settings.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

PRECISIONS = ("float32", "mixed_bfloat16")
WAYS = ("imgrec", "keras")
ROUNDS, WARM_UP, STEPS = 3, 3, 10
PROFILED = 10
KINDS = {
    "convolutions, forward, with bias and ReLU": ("FusedConv2D",),
    "convolutions, backward": ("Conv2DBackprop", "BackpropFilter", "BackpropInput"),
    "gradients of biases": ("Sum", "BiasAddGrad"),
    "gradients of ReLU": ("ReluGrad",),
    "pooling, forward": ("MaxPool",),
    "pooling, backward": ("MaxPoolGrad",),
    "dense layers": ("MatMul",),
    "conversions between formats": ("Cast",),
}


def main(arguments: list[str]) -> None:
    """Print a table."""
    if arguments == ["shares"]:
        return _print_shares()
    if arguments:
        way, precision = arguments
        return print(*_times(_steps(precision) if way == "imgrec" else _keras(precision)))
    before = os.getloadavg()[0]
    ways = [(way, precision) for way in WAYS for precision in PRECISIONS]
    rounds = [{each: _apart(*each) for each in ways} for _ in range(ROUNDS)]
    load = f"load {before:.1f} to {os.getloadavg()[0]:.1f}"
    print(f"medians of {ROUNDS} rounds of {STEPS} steps, {load}")
    print("| a step of `cat_dog` | time | processor time |\n| --- | --- | --- |")
    for each in ways:
        wall, processor = (statistics.median(one[each][n] for one in rounds) for n in (0, 1))
        print(f"| {', '.join(each)} | {1000 * wall:.0f} ms | {1000 * processor:.0f} ms |")
    return None


def _apart(way: str, precision: str) -> tuple[float, float]:
    """Return the median times of a step, measured in a separate process."""
    command = [sys.executable, "-m", "tools.step_times", way, precision]
    done = subprocess.run(command, check=True, capture_output=True, text=True)  # noqa: S603  # our own
    wall, processor = map(float, done.stdout.split())
    return wall, processor


def _times(step: Callable[[], object]) -> tuple[float, float]:
    """Return the median wall time and processor time of a step, in seconds."""
    found = []
    for _ in range(WARM_UP + STEPS):
        wall, processor = time.perf_counter(), time.process_time()
        step()
        found.append((time.perf_counter() - wall, time.process_time() - processor))
    walls, processors = zip(*found[WARM_UP:], strict=True)
    return statistics.median(walls), statistics.median(processors)


def _batch() -> tuple[Any, Any, Any]:
    random = np.random.default_rng(0)
    images = random.uniform(0, 255, (32, 150, 150, 3)).astype(np.float32)
    return images, random.integers(0, 2, (32, 1)).astype(np.float32), np.ones(32, np.float32)


def _steps(precision: str) -> Callable[[], object]:
    """Return a step of imgrec, as a training takes it."""
    from imgrec.config.load import load
    from imgrec.models.backend import make_reproducible, start
    from imgrec.training.batch import Batch
    from imgrec.workflows.experiment_sections import build_steps

    devices, batch = start("cpu"), Batch(*_batch())
    make_reproducible(0, devices, deterministic=False)
    experiment = load("cat_dog", [f"training.precision={precision}"])
    steps = build_steps(experiment, 2, devices, weights=True)

    def step() -> None:
        steps.train(batch)
        steps.finish()

    return step


def _keras(precision: str) -> Callable[[], object]:
    """Return a step of the same network in Keras, as it is installed."""
    import keras

    from tools.bench.plain_keras import small_network

    keras.config.set_dtype_policy(precision)
    model = small_network()
    images, targets, _ = _batch()
    return lambda: model.train_on_batch(images / 255, targets)


def _print_shares() -> None:
    """Print which part of the time of all operations each kind of them takes."""
    shares = [_shares(precision) for precision in PRECISIONS]
    print(f"| operations | {' | '.join(PRECISIONS)} |\n| --- | --- | --- |")
    for kind in (*KINDS, "optimizer", "everything else"):
        cells = (f"{100 * one[kind] / one.total():.0f} %" for one in shares)
        print(f"| {kind} | {' | '.join(cells)} |")


def _shares(precision: str) -> Counter[str]:
    import tensorflow as tf
    from tensorflow.tsl.profiler.protobuf import xplane_pb2

    step = _steps(precision)
    _times(step)
    space = xplane_pb2.XSpace()
    with tempfile.TemporaryDirectory() as folder:
        with tf.profiler.experimental.Profile(folder):
            for _ in range(PROFILED):
                step()
        space.ParseFromString(next(Path(folder).rglob("*.xplane.pb")).read_bytes())
    found: Counter[str] = Counter()
    for plane in space.planes:
        for line in plane.lines:
            for event in line.events:
                name, _, operation = plane.event_metadata[event.metadata_id].name.rpartition(":")
                if name.strip(":") == name != "" and operation.isidentifier():  # `name:Kind`
                    found[_kind(name, operation)] += event.duration_ps
    return found


def _kind(name: str, operation: str) -> str:
    operation = operation.removeprefix("_Mkl").removeprefix("Native").removeprefix("_")
    if name.startswith("rm_sprop"):
        return "optimizer"
    exact = [kind for kind, operations in KINDS.items() if operation in operations]
    close = [kind for kind, names in KINDS.items() if any(each in operation for each in names)]
    return next(iter([*exact, *close]), "everything else")


if __name__ == "__main__":
    main(sys.argv[1:])
