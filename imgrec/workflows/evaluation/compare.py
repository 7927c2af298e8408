"""Several runs on the same images, side by side."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from imgrec.config.keras.named import plain
from imgrec.evaluation.comparison import compare
from imgrec.evaluation.results import Assessment, Comparison
from imgrec.progress import Progress, Silent
from imgrec.runs.folder import Run
from imgrec.runtime.engine import EngineOptions
from imgrec.workflows.evaluation.evaluate import EvaluationRequest, evaluate_request
from imgrec.workflows.gate import refuse_other_classes
from imgrec.workflows.run_config import run_config

NOT_THERE = "-"


@dataclass(frozen=True)
class Compared:
    """The assessments of several runs, and how each but the first differs from the first.

    Args:
        assessments: One per run.
        comparisons: One per run but the first.
        settings: The values of each run, for every key of their configs that differs.
    """

    assessments: tuple[Assessment, ...]
    comparisons: tuple[Comparison, ...]
    settings: Mapping[str, tuple[str, ...]]


def compare_runs(
    runs: Sequence[Run],
    wanted: EvaluationRequest,
    *,
    confidence: float = 0.95,
    device: str = "auto",
    progress: Progress | None = None,
) -> Compared:
    """Evaluate runs on the same images and compare them with the first one.

    Args:
        runs: At least two.
        wanted: The images, by default those of the first run, and the slices.
        confidence: The confidence, 0 to 1, from which a difference counts as real.
        device: Where to compute.
        progress: Where progress is reported.

    Raises:
        RunError: The runs know different classes. Otherwise as in `evaluate`.
    """
    first, *others = runs
    for other in others:
        refuse_other_classes(first, other)
    assessments = evaluate_request(
        runs, wanted, engine_options=EngineOptions(device=device), progress=progress or Silent()
    )
    labels = _labels(runs)
    named = [replace(each, run=label) for each, label in zip(assessments, labels, strict=True)]
    comparisons = (compare(each, named[0], confidence) for each in named[1:])
    return Compared(tuple(named), tuple(comparisons), differing_settings(runs))


def differing_settings(runs: Sequence[Run]) -> Mapping[str, tuple[str, ...]]:
    """Return the keys of the runs' configs whose values differ, with the values."""
    configs = [dict(_settings(run)) for run in runs]
    keys = {key: None for config in configs for key in config}
    found = {key: tuple(config.get(key, NOT_THERE) for config in configs) for key in keys}
    return {key: values for key, values in found.items() if len(set(values)) > 1}


def _settings(run: Run) -> Iterator[tuple[str, str]]:
    if run.card.origin is None:
        yield from _flat(plain(run_config(run.path)), "")


def _flat(value: Any, path: str) -> Iterator[tuple[str, str]]:
    """Yield the keys below `path`; an item of a list, such as a layer, is one value."""
    if isinstance(value, list) and any(isinstance(each, dict) for each in value):
        yield from ((f"{path}[{index}]", json.dumps(each)) for index, each in enumerate(value))
    elif isinstance(value, dict) and value:
        for key, inner in value.items():
            yield from _flat(inner, f"{path}.{key}".removeprefix("."))
    else:
        yield path, value if isinstance(value, str) else json.dumps(value)


def _labels(runs: Sequence[Run]) -> list[str]:
    """Return the runs' names, or their folders where two have the same name."""
    names = [run.name for run in runs]
    return names if len(set(names)) == len(names) else [str(run.path) for run in runs]
