"""What MLflow knows of the only run in a store."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class InMlflow:
    """A run of MLflow: what `get_run` returns, metrics by step, files and models."""

    run: Any
    metrics: dict[str, dict[int, float]]
    files: list[str]
    models: list[Any]


def only_run(uri: str, experiment: str) -> InMlflow:
    """Return the only run of an experiment, in which each step of a metric is there once."""
    from mlflow.tracking import MlflowClient

    client = MlflowClient(uri)
    number = client.get_experiment_by_name(experiment).experiment_id
    [run] = client.search_runs([number])
    metrics = {}
    for name in run.data.metrics:
        values = client.get_metric_history(run.info.run_id, name)
        metrics[name] = {each.step: each.value for each in values}
        assert len(metrics[name]) == len(values), name
    files = [each.path for each in client.list_artifacts(run.info.run_id)]
    return InMlflow(run, metrics, files, list(client.search_logged_models([number])))
