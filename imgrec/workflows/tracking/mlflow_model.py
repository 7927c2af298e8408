"""A run's model in the format of MLflow, whose flavour `python_function` any of its tools loads."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import io
import json
import platform
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml
from PIL import Image

from imgrec import __version__
from imgrec.runs.card import BEST_MODEL, Input
from imgrec.runs.card_file import CARD_FILE
from imgrec.runs.folder import CONFIG_FILE, Run
from imgrec.runtime.litert_engine import FILES

LOADER = "imgrec.api.mlflow_model"
"""The module by which MLflow loads the model; it is written into every model."""

PHOTO = "photo"
"""The column of the input: the content of a photo's file."""

_INPUTS = [{"type": "binary", "name": PHOTO, "required": True}]
_OUTPUTS = [
    {"type": "array", "items": {"type": "string"}, "name": "labels", "required": True},
    {"type": "map", "values": {"type": "double"}, "name": "probabilities", "required": True},
    {"type": "string", "name": "error", "required": False},
]
_EXAMPLE, _SERVING_EXAMPLE = "input_example.json", "serving_input_example.json"


def model_version(run: Run) -> str:
    """Return what changes with the run's model: the SHA-256 of its card's part and its file."""
    card = run.card
    facts = [card.hashes.get(_model_file(run), ""), card.calibration, card.classes]
    return hashlib.sha256(repr(facts).encode()).hexdigest()


@contextlib.contextmanager
def write_model(run: Run, *, model_id: str, run_id: str) -> Iterator[Path]:
    """Write the model of a run into a temporary folder, which is removed after the context."""
    with tempfile.TemporaryDirectory(prefix="imgrec-") as temporary:
        folder, data = Path(temporary), Path(temporary, run.name)
        data.mkdir()
        for name in (CARD_FILE, CONFIG_FILE, _model_file(run)):
            if (run.path / name).is_file():
                shutil.copyfile(run.path / name, data / name)
        for name, text in _files(run, model_id, run_id).items():
            (folder / name).write_text(text, encoding="utf-8")
        yield folder


def _model_file(run: Run) -> str:
    return next((name for name in FILES.values() if (run.path / name).is_file()), BEST_MODEL)


def _files(run: Run, model_id: str, run_id: str) -> dict[str, str]:
    example = _example(run.card.input)
    return {
        "MLmodel": yaml.safe_dump(_description(run, model_id, run_id), sort_keys=False),
        "requirements.txt": f"imgrec=={__version__}\nmlflow\n",
        "python_env.yaml": yaml.safe_dump(
            {"python": platform.python_version(), "dependencies": ["-r requirements.txt"]}
        ),
        _EXAMPLE: json.dumps(example),
        _SERVING_EXAMPLE: json.dumps({"dataframe_split": example}),
    }


def _description(run: Run, model_id: str, run_id: str) -> dict[str, Any]:
    from mlflow.version import VERSION

    loaded = {
        "loader_module": LOADER,
        "data": run.name,
        "python_version": platform.python_version(),
        "env": {"virtualenv": "python_env.yaml"},
    }
    return {
        "artifact_path": "model",
        "flavors": {"python_function": loaded},
        "mlflow_version": VERSION,
        "model_id": model_id,
        "model_uuid": model_id,
        "run_id": run_id,
        "signature": {"inputs": json.dumps(_INPUTS), "outputs": json.dumps(_OUTPUTS)},
        "saved_input_example_info": {
            "artifact_path": _EXAMPLE,
            "serving_input_path": _SERVING_EXAMPLE,
            "type": "dataframe",
            "pandas_orient": "split",
        },
        "utc_time_created": run.card.ended or run.card.created,
    }


def _example(size: Input) -> dict[str, Any]:
    """Return a grey photo as rows and columns: no photo of the training leaves the run."""
    file = io.BytesIO()
    mode, grey = ("L", 128) if size.channels == 1 else ("RGB", (128, 128, 128))
    Image.new(mode, (size.width, size.height), grey).save(file, "PNG")
    return {"columns": [PHOTO], "data": [[base64.b64encode(file.getvalue()).decode()]]}
