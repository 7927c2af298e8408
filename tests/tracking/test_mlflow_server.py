"""A real MLflow server, in an environment of its own: the protocol, and the models it serves."""

from __future__ import annotations

import base64
import contextlib
import json
import logging
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

import imgrec
from imgrec.config.load import parse
from imgrec.runs.folder import Run, find
from imgrec.runs.history import HISTORY_FILE, read_history
from imgrec.workflows.tracking import destination_of, push_run
from imgrec.workflows.training import resume
from tests.conftest import PROJECT, TINY
from tests.serve.serving import predicted
from tests.tracking.tracked_runs import only_run

pytestmark = [pytest.mark.slow, pytest.mark.tensorflow]

SECONDS = 180
KILLED = """
import os, signal, sys
import imgrec

class Killer(imgrec.TrainingObserver):
    def epoch(self, event):
        if event.epoch == 2:
            os.kill(os.getpid(), signal.SIGKILL)

imgrec.train(sys.argv[1], observers=[Killer()])
"""
LOADED = """
import json, sys
import mlflow, pandas
photos = [open(path, "rb").read() for path in sys.argv[2:]]
model = mlflow.pyfunc.load_model(sys.argv[1])
model.predict(model.input_example)
print(json.dumps(model.predict(pandas.DataFrame({"photo": photos}))))
"""


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Python of a new environment with MLflow and what predicting needs."""
    folder = tmp_path_factory.mktemp("mlflow") / "environment"
    subprocess.run([sys.executable, "-m", "venv", folder], check=True)
    python = folder / "bin" / "python"
    pip: list[str | Path] = [python, "-m", "pip", "--disable-pip-version-check", "install"]
    lock = Path(__file__).parent / "requirements-mlflow.txt"
    command = [*pip, "--quiet", "--require-hashes", "--requirement", lock]
    subprocess.run(command, check=True, timeout=1200)
    return python


class Server:
    """An MLflow server on loopback, with its database and files in a folder."""

    def __init__(self, python: Path, folder: Path) -> None:
        self.uri = f"http://127.0.0.1:{_free_port()}"
        self._python, self._folder = python, folder
        self._running = contextlib.ExitStack()

    def start(self) -> None:
        """Start it, at the same address as before."""
        address, files = self.uri.removeprefix("http://").split(":"), self._folder / "files"
        database = f"sqlite:///{self._folder / 'mlflow.sqlite'}"
        arguments = ["server", "--host", address[0], "--port", address[1], "--workers", "1"]
        arguments += ["--backend-store-uri", database, "--artifacts-destination", str(files)]
        started = _mlflow(self._python, arguments, f"{self.uri}/health", self._folder)
        self._running.enter_context(started)

    def stop(self) -> None:
        """Stop it."""
        self._running.close()


@pytest.fixture
def server(python: Path, tmp_path: Path) -> Iterator[Server]:
    """A server that runs."""
    server = Server(python, tmp_path)
    server.start()
    try:
        yield server
    finally:
        server.stop()


def test_a_killed_training_continues_its_run(server: Server, tmp_path: Path) -> None:
    """The epoch that was recorded before the process was killed is not recorded again."""
    config = tmp_path / "tiny.yaml"
    config.write_text(f"{TINY}tracking: {{mlflow: {{uri: '{server.uri}'}}}}", "utf-8")
    command = [sys.executable, "-c", KILLED, str(config)]
    environment = os.environ | {"PYTHONPATH": str(PROJECT)}
    ended = subprocess.run(command, cwd=tmp_path, env=environment, check=False)
    assert ended.returncode == -signal.SIGKILL
    before = only_run(server.uri, "tiny")
    assert before.run.info.status == "RUNNING"
    assert [*before.metrics["loss"]] == [1, 2]

    run = find("tiny-1", tmp_path / "runs")
    resume(run, overrides=["training.epochs=4"])
    _check_whole(run, server.uri, before.run.info.run_id)


def test_a_server_that_stops_is_caught_up(
    server: Server, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The training has one warning and is complete; `push` adds what is missing, once."""

    class Stopper(imgrec.TrainingObserver):
        def epoch(self, event: Any) -> None:
            if event.epoch == 1:
                server.stop()

    changes = ["name=stopped", f"tracking.mlflow.uri={server.uri}"]
    experiment = parse(TINY, "tiny.yaml", changes)
    with caplog.at_level(logging.WARNING, "imgrec"):
        run = imgrec.train(experiment, runs_dir=tmp_path / "runs", observers=[Stopper()]).run
    assert len([each for each in caplog.messages if "MLflow" in each]) == 1
    assert run.card.complete

    server.start()
    before = only_run(server.uri, "stopped")
    assert [*before.metrics["loss"]] == [1]
    for _ in range(2):
        push_run(run, destination_of(run, ("mlflow",), "", ""))
        _check_whole(run, server.uri, before.run.info.run_id)


def test_a_model_is_served_and_loaded(
    server: Server, python: Path, colour_run: Run, tmp_path: Path
) -> None:
    """`mlflow models serve` and `mlflow.pyfunc.load_model` answer as `imgrec predict`."""
    folder = colour_run.path.parents[1] / "photos"
    photos = [folder / "red" / "00.png", folder / "blue" / "00.png"]
    expected = [predicted([colour_run], [each])[0] for each in photos]
    run = Run(shutil.copytree(colour_run.path, tmp_path / colour_run.name), colour_run.card)
    push_run(run, destination_of(run, ("mlflow",), server.uri, "served"))
    found = only_run(server.uri, "served")
    environment = _environment(python) | {"MLFLOW_TRACKING_URI": server.uri}

    model = f"runs:/{found.run.info.run_id}/model"
    command: list[str | Path] = [python, "-c", LOADED, model, *photos]
    loaded = subprocess.run(
        command, env=environment, cwd=tmp_path, check=True, stdout=subprocess.PIPE, timeout=SECONDS
    )
    assert [each["probabilities"] for each in json.loads(loaded.stdout)] == expected

    port = str(_free_port())
    arguments = ["models", "serve", "--model-uri", f"models:/{found.models[0].model_id}"]
    arguments += ["--env-manager", "local", "--host", "127.0.0.1", "--port", port]
    place = f"http://127.0.0.1:{port}"
    with _mlflow(python, arguments, f"{place}/ping", tmp_path, environment):
        rows = [[base64.b64encode(each.read_bytes()).decode()] for each in photos]
        body = {"dataframe_split": {"columns": ["photo"], "data": rows}}
        request = urllib.request.Request(  # noqa: S310 - on loopback
            f"{place}/invocations",
            json.dumps(body).encode(),
            {"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=SECONDS) as response:  # noqa: S310
            answers = json.load(response)["predictions"]
    assert [each["probabilities"] for each in answers] == expected


def _check_whole(run: Run, uri: str, number: str) -> None:
    """Check that MLflow has all of a complete run in its run of this id, and no other."""
    found, history = only_run(uri, run.card.name), read_history(run.path / HISTORY_FILE)
    assert found.run.info.run_id == number
    assert found.run.info.status == "FINISHED"
    for name in ("loss", "val_loss", "val_accuracy"):
        assert found.metrics[name] == dict(enumerate(history[name], 1)), name
    assert "test/accuracy" in found.metrics
    assert "report.html" in found.files
    assert [each.status for each in found.models] == ["READY"]


@contextlib.contextmanager
def _mlflow(
    python: Path,
    arguments: Sequence[str],
    health: str,
    folder: Path,
    environment: dict[str, str] | None = None,
) -> Iterator[None]:
    """Run `mlflow ARGUMENTS` with its processes until the context ends, once it answers."""
    with (folder / "mlflow.log").open("ab") as output:
        process = subprocess.Popen(
            [python, "-m", "mlflow", *arguments],
            cwd=folder,
            env=environment or _environment(python),
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    try:
        _wait(lambda: _answers(health), process)
        yield
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait(SECONDS)


def _wait(ready: Callable[[], bool], process: subprocess.Popen[bytes]) -> None:
    ends = time.monotonic() + SECONDS
    while not ready():
        assert process.poll() is None
        assert time.monotonic() < ends
        time.sleep(0.2)


def _answers(address: str) -> bool:
    try:
        with urllib.request.urlopen(address, timeout=5) as response:  # noqa: S310 - on loopback
            return bool(response.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def _environment(python: Path) -> dict[str, str]:
    own = {"MLFLOW_DISABLE_TELEMETRY": "true", "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
    # MLflow calls programs of its environment by their names.
    path = f"{python.parent}{os.pathsep}{os.environ['PATH']}"
    return {**os.environ, **own, "PATH": path, "PYTHONPATH": str(PROJECT)}


def _free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])
