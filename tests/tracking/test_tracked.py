"""A training is recorded while it runs, and no tracker ends it."""

from __future__ import annotations

import json
import logging
import sys
from importlib.machinery import PathFinder
from pathlib import Path
from typing import Any

import pytest

from imgrec.config.load import parse
from imgrec.errors import ConfigError
from imgrec.runs.history import HISTORY_FILE, read_history
from imgrec.workflows.prepare import fitting_splits
from imgrec.workflows.training import resume, train
from tests.conftest import COLOURS
from tests.tracking.tracked_runs import only_run


@pytest.mark.tensorflow
def test_a_server_that_is_away_ends_no_training(
    photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """One warning; another address and TensorBoard catch up when the training is resumed."""
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    monkeypatch.chdir(photos.parent)
    overrides = ["tracking.mlflow.uri=http://127.0.0.1:9", "training.export=[]"]
    away = parse(COLOURS, "colours.yaml", overrides)
    with caplog.at_level(logging.WARNING, "imgrec"):
        run = train(away, runs_dir=tmp_path / "runs").run
    [warning] = [each for each in caplog.messages if "MLflow" in each]
    assert f"imgrec runs push {run.path} --to mlflow" in warning
    assert run.card.complete

    store = (tmp_path / "mlruns").as_uri()
    changes = [f"tracking.mlflow.uri={store}", "tracking.tensorboard=true", "training.epochs=2"]
    resume(run, overrides=changes)
    found, history = only_run(store, "colours"), read_history(run.path / HISTORY_FILE)
    assert found.metrics["val_loss"] == dict(enumerate(history["val_loss"], 1))
    assert found.run.info.status == "FINISHED"
    written = [*(run.path / "tensorboard" / "validation").iterdir()]
    assert [each.read_bytes().count(b"accuracy") for each in written] == [2]


@pytest.mark.parametrize("name", ["mlflow", "tensorboard"])
def test_a_missing_extra_is_named_before_the_images_are_read(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The message has the line of the config, and what installs it."""

    class Without(PathFinder):
        @classmethod
        def find_spec(cls, fullname: str, path: Any = None, target: Any = None) -> Any:
            return None if fullname == name else super().find_spec(fullname, path, target)

    finders = [Without if finder is PathFinder else finder for finder in sys.meta_path]
    monkeypatch.setattr(sys, "meta_path", finders)
    monkeypatch.delitem(sys.modules, name, raising=False)
    value = {"mlflow": {"uri": "http://127.0.0.1:9"}, "tensorboard": True}[name]
    config = f"{COLOURS}tracking: {json.dumps({name: value})}"
    with pytest.raises(ConfigError, match=rf"tracking.{name}.*pip install 'imgrec\[{name}\]'"):
        fitting_splits(parse(config, "colours.yaml"))
