"""Processor time and time of a LiteRT file per image: one interpreter, or one for each core.

python -m tools.interpreters RUN/model.tflite [IMAGES]
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from imgrec.parallel import usable_cores

ROUNDS = 3
BATCHES = (1, 2, 4, 8)

Work = Callable[[int, int], None]


def main(file: str, images: str = "48") -> None:
    """Print the least of some rounds, in turns, for each batch size."""
    content, count, cores = Path(file).read_bytes(), int(images), usable_cores()
    ways = {
        (interpreters, threads, batch): [
            worker(content, threads, batch) for _ in range(interpreters)
        ]
        for interpreters, threads in dict.fromkeys(((1, 1), (1, cores), (cores, 1)))
        for batch in BATCHES
    }
    least: dict[tuple[int, int, int], tuple[float, float]] = {}
    for _ in range(ROUNDS):
        for way, workers in ways.items():
            processor, wall = cost(workers, count, way[2])
            before = least.get(way, (processor, wall))
            least[way] = min(before[0], processor), min(before[1], wall)
    for (interpreters, threads, batch), (processor, wall) in least.items():
        print(
            f"interpreters {interpreters}, threads {threads}, images at once {batch}: "
            f"processor {1000 * processor / count:.2f} ms, time {1000 * wall / count:.2f} ms"
        )


def worker(content: bytes, threads: int, batch: int) -> Work:
    """Return a function that computes the batches from `first` to before `end`."""
    from ai_edge_litert.interpreter import Interpreter

    model = Interpreter(model_content=content, num_threads=threads)
    (given,) = model.get_input_details()
    shape = (batch, *given["shape"][1:])
    model.resize_tensor_input(given["index"], shape)
    model.allocate_tensors()
    pixels = np.random.default_rng(0).integers(0, 256, shape).astype(given["dtype"])

    def work(first: int, end: int) -> None:
        for _ in range(first, end, batch):
            model.set_tensor(given["index"], pixels)
            model.invoke()

    work(0, 1)
    return work


def cost(workers: list[Work], count: int, batch: int) -> tuple[float, float]:
    """Return the processor time and the time in seconds of so many images, divided evenly."""
    share = max(batch, count // len(workers))
    began, processor = time.perf_counter(), time.process_time()
    with ThreadPoolExecutor(len(workers)) as pool:
        list(pool.map(lambda work: work(0, share), workers))
    return time.process_time() - processor, time.perf_counter() - began


if __name__ == "__main__":
    main(*sys.argv[1:])
