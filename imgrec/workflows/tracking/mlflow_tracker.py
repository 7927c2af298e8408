"""A run as a run of MLflow."""

from __future__ import annotations

import math
import os
import posixpath
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from imgrec.json_documents import json_text
from imgrec.runs.card_file import CARD_FILE
from imgrec.runs.folder import (
    CHECK_FILE,
    CONFIG_FILE,
    CONFUSION_FILE,
    CURVES_FILE,
    ENVIRONMENT_FILE,
    METRICS_FILE,
    PATCH_FILE,
    REPORT_FILE,
    Run,
)
from imgrec.runs.history import HISTORY_FILE
from imgrec.runs.image_list import IMAGES_FILE
from imgrec.runs.provenance import PROVENANCE_FILE
from imgrec.runs.settings import Setting
from imgrec.runs.summary import RunSummary, summarize
from imgrec.runs.tracking import TRACKING_FILE, MlflowRun, read_tracking
from imgrec.runs.writer import RunWriter
from imgrec.workflows.tracking.epochs import Epochs, milliseconds, read_epochs
from imgrec.workflows.tracking.mlflow_model import model_version, write_model

# What MLflow does not do unless the environment says so: it reports nothing to its makers, logs
# errors alone, and gives up on a server that does not answer before it delays a training for long.
_ENVIRONMENT: Mapping[str, str] = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_LOGGING_LEVEL": "ERROR",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "30",
}

_FILES = (
    *(CONFIG_FILE, CARD_FILE, METRICS_FILE, HISTORY_FILE, PROVENANCE_FILE, CHECK_FILE),
    *(ENVIRONMENT_FILE, IMAGES_FILE, PATCH_FILE.replace(".", "*.")),
    *(REPORT_FILE, CURVES_FILE, CONFUSION_FILE),
)
_MOST_PARAMETERS, _LONGEST = 100, 5_000
_MODEL = "imgrec.model"


class MlflowTracker:
    """Records a run in MLflow: parameters, tags, metrics, files and the model.

    The id of MLflow's run is kept in tracking.json, so that a resumed training continues it.

    Args:
        writer: Of the run.
        uri: The address of the tracking server.
        experiment: That of MLflow; empty for the name of the run's own.
    """

    name: Final = "mlflow"

    def __init__(self, writer: RunWriter, uri: str, experiment: str) -> None:
        self.title = f"MLflow at {uri}"
        self._writer, self._uri, self._experiment = writer, uri, experiment
        self._client: Any = None
        self._run = ""
        self._epochs = 0

    def update(self, *, ended: bool) -> str:
        """Add what is new to MLflow's run, which is created first if there is none."""
        self._client = self._client or _client(self._uri)
        from mlflow.exceptions import MlflowException

        try:
            self._update(ended=ended)
        except MlflowException as error:
            if error.error_code != "ENDPOINT_NOT_FOUND":
                raise
            message = "what answers there is not an MLflow server of version 3 or newer"
            raise MlflowException(message) from error
        return f"MLflow at {self._uri}, run {self._run}"

    def _update(self, *, ended: bool) -> None:
        if not self._run or ended:
            self._begin()
            if not ended:
                self._client.update_run(self._run, status="RUNNING")
        epochs = read_epochs(self._writer.run)
        self._add_epochs(epochs)
        if ended:
            self._conclude(summarize(self._writer.folder), epochs)

    def _begin(self) -> None:
        """Find MLflow's run or create it, and add parameters and tags."""
        summary = summarize(self._writer.folder)
        found = self._known(summary) or self._created(summary)
        self._run = run = found.info.run_id
        self._epochs = self._last_epoch(found)
        parameters = {_key(name): _text(value) for name, value in summary.settings.items()}
        known = found.data.params
        for batch in _batches(parameters.keys() - known.keys()):
            self._log(params=[_entity("Param", name, parameters[name]) for name in batch])
        # MLflow keeps the first value of a parameter, which a resumed training may change.
        changed = {f"resumed.{k}": v for k, v in parameters.items() if known.get(k, v) != v}
        for name, value in {**_tags(summary), **changed}.items():
            if found.data.tags.get(name) != value:
                self._client.set_tag(run, name, value)

    def _known(self, summary: RunSummary) -> Any:
        """Return MLflow's run with the id in tracking.json; None if there is none any more."""
        from mlflow.exceptions import MlflowException

        run = read_tracking(self._writer.folder).mlflow_run(self._uri, self._name(summary))
        if run is None:
            return None
        try:
            found = self._client.get_run(run)
        except MlflowException as error:
            if error.error_code == "RESOURCE_DOES_NOT_EXIST":
                return None
            raise
        return found if found.info.lifecycle_stage == "active" else None

    def _created(self, summary: RunSummary) -> Any:
        name = self._name(summary)
        experiment = self._experiment_id(name)
        self._client.search_logged_models([experiment], max_results=1)  # which version 2 can't
        created = self._client.create_run(
            experiment,
            start_time=milliseconds(summary.created),
            run_name=self._run_name(summary),
            tags=_tags(summary),
        )
        run = MlflowRun(self._uri, name, created.info.run_id)
        record = read_tracking(self._writer.folder).with_mlflow_run(run)
        self._writer.write_text(TRACKING_FILE, json_text(record))
        return created

    def _run_name(self, summary: RunSummary) -> str:
        """Return the folder's name; for a fold, a seed or a trial with the folder it lies in."""
        alone = summary.name.startswith(summary.experiment)
        return summary.name if alone else f"{self._writer.folder.parent.name}/{summary.name}"

    def _name(self, summary: RunSummary) -> str:
        return self._experiment or summary.experiment

    def _experiment_id(self, name: str) -> str:
        from mlflow.exceptions import MlflowException

        found = self._client.get_experiment_by_name(name)
        if found is None:
            try:
                return str(self._client.create_experiment(name))
            except MlflowException:  # another process may have created it meanwhile
                found = self._client.get_experiment_by_name(name)
                if found is None:
                    raise
        return str(found.experiment_id)

    def _last_epoch(self, run: Any) -> int:
        """Return the last epoch that MLflow's run has: the loss is among those of each epoch."""
        if "loss" not in run.data.metrics:
            return 0
        return max(int(each.step) for each in self._client.get_metric_history(self._run, "loss"))

    def _add_epochs(self, epochs: Epochs) -> None:
        """Add the epochs after those that are there, each in one request."""
        for number, moment, values in epochs.after(self._epochs):
            metrics = [
                _entity("Metric", _key(name), value, round(1000 * moment), number)
                for name, value in values.items()
            ]
            self._log(metrics=metrics)
            self._epochs = number

    def _conclude(self, summary: RunSummary, epochs: Epochs) -> None:
        """Add files, model and results, and say how the training ended."""
        run, client = self._writer.run, self._client
        for name in _FILES:
            for file in filter(Path.is_file, run.path.glob(name)):
                client.log_artifact(self._run, str(file))
        if not run.card.complete:
            failed = epochs.outcome == "failed"
            client.set_terminated(self._run, "FAILED" if failed else "KILLED")
            return
        model, ended = self._model(run), milliseconds(summary.ended or summary.created)
        known = client.get_run(self._run).data.metrics
        results = [
            _entity("Metric", name, value, ended, summary.epochs, model_id=model)
            for name, value in _results(summary)
            if known.get(name) != value
        ]
        if results:
            self._log(metrics=results)
        client.set_terminated(self._run, "FINISHED", ended)

    def _model(self, run: Run) -> str:
        """Return the id of MLflow's model, after adding it if it is not there as it is now."""
        from mlflow.entities import LoggedModelOutput

        client, version = self._client, model_version(run)
        info = client.get_run(self._run)
        models = client.search_logged_models(
            [info.info.experiment_id], f"source_run_id = '{self._run}'"
        )
        model = next((each for each in models if each.tags.get(_MODEL) == version), None)
        if model is None:
            model = client.create_logged_model(
                info.info.experiment_id, "model", self._run, tags={_MODEL: version}
            )
        if model.status != "READY":
            with write_model(run, model_id=model.model_id, run_id=self._run) as folder:
                client.log_model_artifacts(model.model_id, str(folder))
            client.finalize_logged_model(model.model_id, "READY")
        outputs = info.outputs.model_outputs if info.outputs else []
        if model.model_id not in [each.model_id for each in outputs]:
            output = LoggedModelOutput(model.model_id, step=run.card.epochs)
            client.log_outputs(self._run, [output])
        return str(model.model_id)

    def _log(self, **values: Any) -> None:
        self._client.log_batch(self._run, **values)


def _client(uri: str) -> Any:
    for name, value in _ENVIRONMENT.items():
        os.environ.setdefault(name, value)
    from mlflow.tracking import MlflowClient

    return MlflowClient(uri, uri)


def _entity(kind: str, *values: Any, **more: Any) -> Any:
    from mlflow import entities

    return getattr(entities, kind)(*values, **more)


def _tags(summary: RunSummary) -> dict[str, str]:
    from imgrec import __version__

    tags = {
        "mlflow.note.content": summary.note,
        "mlflow.source.git.commit": summary.commit,
        "mlflow.source.name": "imgrec",
        "mlflow.source.type": "LOCAL",
        "imgrec.version": __version__,
        "imgrec.kind": summary.kind,
        "imgrec.data": summary.data,
        "imgrec.fingerprint": summary.fingerprint,
        "imgrec.tags": ", ".join(summary.tags),
        **{f"tag.{_key(tag)}": "true" for tag in summary.tags},
    }
    return {name: value for name, value in tags.items() if value}


def _results(summary: RunSummary) -> Iterator[tuple[str, float]]:
    """Yield the metrics of the final evaluation, with the bounds of their intervals."""
    for name, found in summary.metrics.items():
        for key, value in (("", found.value), (".low", found.low), (".high", found.high)):
            if value is not None and math.isfinite(value):
                yield _key(f"{summary.split}/{name}{key}"), value


def _key(name: str) -> str:
    """Return a name that MLflow accepts.

    Example:
        >>> _key("model.layers[3].Dense.units")
        'model.layers.3.Dense.units'
    """
    found = re.sub(r"\[(\d+)\]", r".\1", name)
    found = re.sub(r"[^\w. :/-]", "_", found)[:250]
    return found if posixpath.normpath(found) == found else found.replace("/", "_")


def _text(value: Setting) -> str:
    return str(value)[:_LONGEST]


def _batches(names: Iterable[str]) -> Iterator[list[str]]:
    ordered = sorted(names)
    for start in range(0, len(ordered), _MOST_PARAMETERS):
        yield ordered[start : start + _MOST_PARAMETERS]
