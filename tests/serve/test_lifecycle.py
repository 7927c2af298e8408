"""The end of a service, and models that are opened again."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from imgrec.runs.folder import Run
from imgrec.runs.repeats_file import Repeats, write_repeats
from imgrec.serve.lifecycle import drop_new_connections
from tests.conftest import PROJECT
from tests.serve.running import SECONDS, Reply, Running, drawn, reply

pytestmark = pytest.mark.tensorflow  # the run is trained with it


def wait_for(service: Running, name: str, value: float) -> None:
    """Wait until a metric has a value."""
    end = time.monotonic() + SECONDS
    while service.metric(name) != value:
        assert time.monotonic() < end
        time.sleep(0.01)


def test_what_is_under_way_is_answered(trained: Run, tmp_path: Path) -> None:
    """After SIGTERM, open connections are answered, `ready` says no, and the status is 0."""
    with Running([f"digits={trained.path}"], tmp_path) as service:
        asking, idle = service.connect(), service.connect()
        idle.request("GET", "/health/ready")
        assert reply(idle).status == 200
        decoders = service.decoders
        with service.decoders_stopped():
            asking.request("POST", "/v1/classify", drawn(1))
            wait_for(service, "imgrec_waiting_photos", 1)
            service.process.send_signal(signal.SIGTERM)
            idle.request("GET", "/health/ready")
            told = reply(idle)
        answered = reply(asking)
        assert (told.status, told.headers["connection"]) == (503, "close")
        assert (answered.status, answered.headers["connection"]) == (200, "close")
        assert service.ended() == 0
        assert not any(each.is_running() for each in decoders)


@pytest.mark.skipif(sys.platform != "linux", reason="Linux drops packets")
def test_nobody_is_let_in_and_then_lost() -> None:
    """Who has connected is accepted; who connects later is not, so that nothing is sent in vain."""
    with (
        socket.create_server(("127.0.0.1", 0)) as listener,
        socket.create_connection(listener.getsockname(), SECONDS),
    ):
        drop_new_connections(listener)
        with pytest.raises(TimeoutError):
            socket.create_connection(listener.getsockname(), 0.1)
        listener.accept()[0].close()
        listener.settimeout(0)
        with pytest.raises(BlockingIOError):
            listener.accept()


@pytest.mark.parametrize(
    ("number", "status"),
    [pytest.param(signal.SIGTERM, 143, marks=pytest.mark.slow), (signal.SIGINT, 130)],
)
def test_the_grace_has_an_end(trained: Run, tmp_path: Path, number: int, status: int) -> None:
    """What is not answered by then is given up, and the status says so."""
    with Running([str(trained.path), "--grace", "0.2"], tmp_path) as service:
        asking = service.connect()
        with service.decoders_stopped():
            asking.request("POST", "/v1/classify", drawn(1))
            wait_for(service, "imgrec_waiting_photos", 1)
            assert service.end(number) == status
        with pytest.raises(ConnectionError):
            asking.getresponse()


def test_a_killed_decoder_costs_one_answer(service: Running) -> None:
    """The photo is refused with how the decoder ended; the next ones are answered."""
    found: list[Reply] = []
    asking = threading.Thread(target=lambda: found.append(service.classify(drawn(1))))
    with service.decoders_stopped():
        decoders = service.decoders
        asking.start()
        wait_for(service, "imgrec_waiting_photos", 1)
        for each in decoders:
            each.send_signal(signal.SIGSEGV)
    asking.join(SECONDS)
    assert found[0].status == 422
    assert "crashed (SIGSEGV)" in found[0].document["predictions"][0]["error"]
    assert [service.classify(drawn(number)).status for number in range(4)] == [200] * 4


def test_who_has_left_is_not_answered(service: Running) -> None:
    """Its photo no longer waits."""
    before = service.metric("imgrec_gone_total")
    with service.decoders_stopped():
        asking = [service.connect() for _ in range(4)]
        for each in asking:
            each.request("POST", "/v1/classify", drawn(1))
        wait_for(service, "imgrec_waiting_photos", 4)
        for each in asking:
            each.close()
        wait_for(service, "imgrec_gone_total", before + 4)
        wait_for(service, "imgrec_waiting_photos", 0)
    assert service.classify(drawn(1)).status == 200


def test_a_model_is_opened_again(trained: Run, tmp_path: Path) -> None:
    """By request and by SIGHUP, unless it did not pass its gate or can't be used."""
    run = tmp_path / "run"
    shutil.copytree(trained.path, run)
    with Running([f"digits={run}"], tmp_path) as service:
        assert service.ask("POST", "/v1/models/digits:reload").status == 200
        metrics = json.loads((run / "metrics.json").read_text())
        (run / "metrics.json").write_text(json.dumps(metrics | {"passed": False}))
        refused = service.ask("POST", "/v1/models/digits:reload")
        assert refused.status == 409
        assert "did not meet its requirements" in refused.document["detail"]
        (run / "metrics.json").write_text(json.dumps(metrics))
        (run / "model.tflite").write_bytes(b"no model")
        assert service.ask("POST", "/v1/models/digits:reload").status == 409
        service.process.send_signal(signal.SIGHUP)
        service.wait_for_line("model digits stays as it was")
        assert service.ask("POST", "/v1/models/cats:reload").status == 404
        assert service.classify(drawn(1)).status == 200


def test_a_folder_of_runs_is_their_ensemble(trained: Run, tmp_path: Path) -> None:
    """Under its name, as `imgrec predict --model` takes it."""
    folder = tmp_path / "colours-seeds-1"
    for name in ("seed-0", "seed-1"):
        shutil.copytree(trained.path, folder / name)
    write_repeats(folder, Repeats(1, "seeds", ("seed-0", "seed-1")))
    with Running([str(folder), "--runs-dir", str(tmp_path)], tmp_path) as service:
        (model,) = service.ask("GET", "/v1/models").document["models"]
        assert (model["name"], len(model["served"]["models"])) == ("colours-seeds-1", 2)
        assert service.classify(drawn(0)).status == 200


def test_without_a_run_the_argument_is_named(tmp_path: Path) -> None:
    """The one of `imgrec serve`, which has no `--model`."""
    found = subprocess.run(
        [sys.executable, "-m", "imgrec", "serve", "--runs-dir", tmp_path],
        env=os.environ | {"PYTHONPATH": str(PROJECT)},
        capture_output=True,
        check=False,
        text=True,
    )
    assert found.returncode == 4
    assert "hint: give a RUN, or an ImageNet classifier with --pretrained" in found.stderr


def test_a_run_that_changes_is_opened_again(trained: Run, tmp_path: Path) -> None:
    """With --reload, `last` is the newest complete run."""
    runs = tmp_path / "runs"
    shutil.copytree(trained.path, runs / "tiny-1")
    with Running(["--reload"], tmp_path) as service:
        card = json.loads((trained.path / "card.json").read_text())
        shutil.copytree(trained.path, runs / "new", ignore=shutil.ignore_patterns("card.json"))
        newer = card | {key: f"2100{card[key][4:]}" for key in ("created", "ended")}
        (runs / "new" / "card.json").write_text(json.dumps(newer))
        service.wait_for_line("model last was opened again")
        assert service.classify(drawn(1)).document["models"][0]["model"] == "new"
