"""A computation that takes long ends when its classifier is closed."""

from __future__ import annotations

import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from imgrec.classifiers import Conflict
from imgrec.errors import ImgrecError
from imgrec.workflows.teaching import Classifier
from tests.conftest import PROJECT
from tests.serve.running import SECONDS, Running
from tests.teaching.small import hard, picture


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A classifier that takes about a minute."""
    folder = tmp_path_factory.mktemp("stopping") / "many"
    hard(folder)
    return folder


def test_a_classifier_is_closed(folder: Path) -> None:
    """What is computed in the background ends without a result, and who waits gets an error."""
    with Classifier(folder, create=False) as many:
        assert many.standing(wait=False) == (None, False)
        many.stop()
        with pytest.raises(Conflict, match="many is being closed"):
            many.standing()
        assert many.standing(wait=False) == (None, False)
    with Classifier(folder, create=False) as many, ThreadPoolExecutor(1) as threads:
        assert many.standing(wait=False) == (None, False)
        waiting = threads.submit(many.standing)
        many.close()
        with pytest.raises(ImgrecError):
            waiting.result(SECONDS)


def test_what_is_stopped_is_whole(pets: Classifier) -> None:
    """A version was never there; the next process finishes a deletion."""
    gone = pets.photos("red")[0].sha256
    pets.stop()
    with pytest.raises(Conflict, match="is being closed"):
        pets.publish()
    assert [each.published for each in pets.versions()] == [True]
    with pytest.raises(Conflict, match="is being closed"):
        pets.forget([gone])
    pets.close()
    with Classifier(pets.folder, create=False) as again:
        assert gone not in {each.sha256 for each in again.photos()}
        assert not list(again.folder.rglob(f"{gone}*"))
        assert [each.withdrawn for each in again.versions()] == [True, False]
        assert again.published().members[0].classes == ("blue", "red")


@pytest.mark.long
def test_a_service_ends(folder: Path) -> None:
    """A cross-validation in the background does not delay the end."""
    with Running(["--classifiers", str(folder.parent)], folder) as service:
        assert service.ask("GET", "/v1/classifiers/many/standing").document["state"] == "pending"
        assert service.end() == 0


@pytest.mark.slow
def test_the_grace_of_a_service_ends(folder: Path) -> None:
    """A client that waits for a cross-validation is given up then."""
    with Running(["--classifiers", str(folder.parent), "--grace", "0.2"], folder) as service:
        waiting = service.connect()
        waiting.request("GET", "/v1/classifiers/many/standing?wait=true")
        service.ask("GET", "/v1/classifiers/many")
        assert service.end() == 143
        with pytest.raises(ConnectionError):
            waiting.getresponse()


@pytest.mark.slow
def test_teach_is_interrupted(folder: Path) -> None:
    """Ctrl-C ends it while it computes; the photos that were added are there."""
    (photo := folder.parent / "photo.png").write_bytes(picture(1000, red=True))
    command = [sys.executable, "-m", "imgrec", "teach", str(folder), "red", str(photo)]
    with subprocess.Popen(command, cwd=PROJECT, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        assert "1 photo added" in process.stderr.readline()
        process.send_signal(signal.SIGINT)
        assert process.wait(SECONDS) == 130
    with Classifier(folder, create=False) as many:
        assert many.class_named("red").photos == 1
