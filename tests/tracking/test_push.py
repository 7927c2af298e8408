"""Runs are added to MLflow and TensorBoard after their training."""

from __future__ import annotations

import json
import shutil
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import numpy as np
import pytest
import yaml
from PIL import Image

from imgrec.api.mlflow_model import _load_pyfunc
from imgrec.config.load import load
from imgrec.errors import ConfigError, RunError, UsageError
from imgrec.runs.folder import CONFIG_FILE, METRICS_FILE, Run
from imgrec.runs.history import HISTORY_FILE, read_history
from imgrec.runs.notes import change_notes
from imgrec.workflows.tracking import destination_of, push_run
from tests.tracking.tracked_runs import only_run


@pytest.fixture
def run(trained: Run, tmp_path: Path) -> Run:
    """A copy of a complete run."""
    return Run(shutil.copytree(trained.path, tmp_path / "runs" / trained.name), trained.card)


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The address of MLflow's store in a folder, which it allows for tests."""
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    return (tmp_path / "mlruns").as_uri()


def test_mlflow_has_all_of_a_run_once(run: Run, store: str) -> None:
    """Each epoch as in history.csv, results, settings, tags and files, though pushed twice."""
    patches = {"working_tree.patch", "working_tree-2.patch"}
    for name in patches:
        (run.path / name).touch()
    push_run(run, destination_of(run, ("mlflow",), store, ""))
    change_notes(run.path, lambda notes: notes.with_note("for the fair").with_tags(["best"]))
    push_run(run, destination_of(run, ("mlflow",), store, ""))

    found = only_run(store, "tiny")
    for name, values in read_history(run.path / HISTORY_FILE).items():
        assert found.metrics[name] == dict(enumerate(values, 1)), name
    accuracy = json.loads((run.path / METRICS_FILE).read_text())["metrics"]["accuracy"]
    assert found.metrics["test/accuracy"] == {2: accuracy["value"]}
    assert found.metrics["test/accuracy.low"] == {2: accuracy["low"]}
    assert found.run.info.status == "FINISHED"
    assert found.run.info.run_name == run.name
    assert found.run.data.params["model.layers.0.Conv2D.filters"] == "8"
    assert found.run.data.tags["mlflow.note.content"] == "for the fair"
    assert found.run.data.tags["tag.best"] == "true"
    assert {"card.json", "config.yaml", "report.html", *patches} <= {*found.files}
    assert [each.status for each in found.models] == ["READY"]
    assert found.run.outputs.model_outputs[0].model_id == found.models[0].model_id


def test_the_model_in_mlflow_answers_as_the_run(run: Run, store: str, tmp_path: Path) -> None:
    """Its loader gives the same probabilities; a file that is not a photo has an error."""
    push_run(run, destination_of(run, ("mlflow",), store, "mine"))
    [model] = only_run(store, "mine").models
    folder = Path(model.artifact_location.removeprefix("file://"))
    described = yaml.safe_load((folder / "MLmodel").read_text())
    photo = tmp_path / "photo.png"
    Image.fromarray(np.arange(64, dtype=np.uint8).reshape(8, 8) * 4).save(photo)

    loaded = _load_pyfunc(str(folder / described["flavors"]["python_function"]["data"]))
    answer, refused = loaded.predict({"photo": [photo.read_bytes(), b"no photo"]})

    from imgrec.api import load as load_model

    [expected] = load_model(run.path).predict(photo, top=10)
    assert answer["probabilities"] == {each.class_name: each.probability for each in expected.top}
    assert answer["labels"] == list(expected.labels)
    assert answer["error"] is None
    assert "not an image" in refused["error"]


def test_what_a_resumed_training_changed_is_a_tag(run: Run, store: str) -> None:
    """MLflow keeps the first value of a parameter."""
    push_run(run, destination_of(run, ("mlflow",), store, ""))
    config = run.path / CONFIG_FILE
    config.write_text(config.read_text().replace("epochs: 2", "epochs: 9"))
    push_run(run, destination_of(run, ("mlflow",), store, ""))

    data = only_run(store, "tiny").run.data
    assert data.params["training.epochs"] == "2"
    assert data.tags["resumed.training.epochs"] == "9"


def test_tensorboard_has_all_of_a_run(run: Run) -> None:
    """Scalars as in history.csv, hyperparameters, results and the confusion matrix, once."""
    events = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    for _ in range(2):
        push_run(run, destination_of(run, ("tensorboard",), "", ""))

    folder = run.path / "tensorboard"
    assert len([*folder.rglob("events.*")]) == 3
    logs = {
        part: events.EventAccumulator(str(folder / part)) for part in ("", "train", "validation")
    }
    for log in logs.values():
        log.Reload()
    for name, expected in read_history(run.path / HISTORY_FILE).items():
        part = "validation" if name.startswith("val_") else "train"
        values = logs[part].Tensors(name.removeprefix("val_"))
        assert [each.step for each in values] == [1, 2]
        assert _numbers(values) == [np.float32(value) for value in expected], name
    accuracy = json.loads((run.path / METRICS_FILE).read_text())["metrics"]["accuracy"]["value"]
    assert _numbers(logs[""].Tensors("test/accuracy")) == [np.float32(accuracy)]
    tags = {*logs[""].Tags()["tensors"], *logs[""].Tags()["images"]}
    assert {"config", "confusion"} <= tags
    assert any(tag.startswith("mistakes/01 digits/") for tag in tags)
    settings = logs[""].SummaryMetadata("_hparams_/session_start_info").plugin_data.content
    assert b"training.epochs" in settings


def _numbers(events: list[Any]) -> list[float]:
    from tensorboard.util.tensor_util import make_ndarray

    return [float(make_ndarray(each.tensor_proto)) for each in events]


def test_a_server_that_is_away_is_named(run: Run) -> None:
    """The run is not changed, and the message says that it can be tried again."""
    with pytest.raises(RunError, match="can't be added to MLflow at http") as caught:
        push_run(run, destination_of(run, ("mlflow",), "http://127.0.0.1:9", ""))
    assert "nothing is added twice" in caught.value.hint
    assert not (run.path / "tracking.json").exists()


def test_an_old_server_is_named(run: Run) -> None:
    """A server of version 2 has no models; no run is created there."""
    asked: list[str] = []

    class Server2(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._answer(b'{"experiment": {"experiment_id": "1", "lifecycle_stage": "active"}}')

        def do_POST(self) -> None:
            self._answer(b"<!doctype html>", 404)

        def _answer(self, body: bytes, status: int = 200) -> None:
            asked.append(self.path.rpartition("/mlflow/")[2].partition("?")[0])
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Server2) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        uri = f"http://127.0.0.1:{server.server_port}"
        with pytest.raises(RunError, match="is not an MLflow server of version 3 or newer"):
            push_run(run, destination_of(run, ("mlflow",), uri, ""))
        server.shutdown()
    assert asked == ["experiments/get-by-name", "logged-models/search"]


def test_an_address_is_needed_and_keeps_no_password(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before anything is read or sent, from an option, a config or the environment."""
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    with pytest.raises(UsageError, match="needs the address of a server"):
        destination_of(run, ("mlflow",), "", "")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://me:secret@127.0.0.1:9")
    with pytest.raises(UsageError, match="contains a user name or a password"):
        destination_of(run, ("mlflow",), "", "")
    with pytest.raises(ConfigError, match="contains a user name or a password"):
        load("small_cnn", ["tracking.mlflow.uri=http://me:secret@127.0.0.1:9"])
