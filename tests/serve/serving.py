"""A service in a process, and the requests of every protocol to it."""

from __future__ import annotations

import base64
import http.client
import io
import json
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from imgrec.runs.folder import Run
from tests.serve.running import SECONDS, Running

Labels = Mapping[str, float]
"""The probability of each class that an answer lists."""


@dataclass
class Connection:
    """A connection to a service, which is kept open from one request to the next."""

    host: str
    headers: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.connection = http.client.HTTPConnection(self.host, timeout=SECONDS)

    def close(self) -> None:
        """Close it."""
        self.connection.close()

    def send(self, method: str, path: str, body: bytes = b"", kind: str = "") -> tuple[int, bytes]:
        """Return the status and the body of the response to a request."""
        headers = {**self.headers, **({"Content-Type": kind} if kind else {})}
        self.connection.request(method, path, body, headers)
        response = self.connection.getresponse()
        return response.status, response.read()

    def post(self, path: str, document: object) -> Any:
        """Return the JSON of the answer to a JSON document."""
        return self.answer(path, json.dumps(document).encode(), "application/json")

    def answer(self, path: str, body: bytes, kind: str = "") -> Any:
        """Return the JSON of the answer to a body."""
        status, found = self.send("POST", path, body, kind)
        assert status == 200, found
        return json.loads(found)


@contextmanager
def service(models: Mapping[str, Sequence[Run]], folder: Path) -> Iterator[str]:
    """Serve models, each of one run or several, in a process that works in a folder.

    Yields the host with its port.
    """
    paths = {name: ",".join(str(run.path) for run in runs) for name, runs in models.items()}
    config = folder / "serve.yaml"
    config.write_text("limits: {waiting: 256}\naccess_log: false\n", "utf-8")
    named = [f"{name}={path}" for name, path in paths.items()]
    with Running([*named, "--config", str(config)], folder) as running:
        yield f"127.0.0.1:{running.port}"


def predicted(runs: Sequence[Run], photos: Sequence[Path]) -> list[Labels]:
    """Return the probability of every class in `imgrec predict --json`, for each photo."""
    models = [word for run in runs for word in ("--model", str(run.path))]
    command = [sys.executable, "-m", "imgrec", "predict", *map(str, photos), "--json"]
    done = subprocess.run([*command, "--top", "1000", *models], check=True, stdout=subprocess.PIPE)
    return [
        {each["class"]: each["probability"] for each in photo["top"]}
        for photo in json.loads(done.stdout)["predictions"]
    ]


def classify(to: Connection, model: str, photo: bytes) -> Labels:
    """Ask in the form of this service, with the photo as the body."""
    return _own(to.answer(f"/v1/classify?top=1000&model={model}", photo))


def classify_json(to: Connection, model: str, photo: bytes) -> Labels:
    """Ask in the form of this service, with the photo in JSON."""
    document = {"photos": [{"name": "a", "content": _text(photo)}]}
    return _own(to.post(f"/v1/classify?top=1000&model={model}", document))


def classify_form(to: Connection, model: str, photo: bytes) -> Labels:
    """Ask in the form of this service, with the photo as an uploaded file."""
    head = b'--x\r\ncontent-disposition: form-data; name="file"; filename="a"\r\n\r\n'
    body = head + photo + b"\r\n--x--\r\n"
    kind = "multipart/form-data; boundary=x"
    return _own(to.answer(f"/v1/classify?top=1000&model={model}", body, kind))


def hugging_face(to: Connection, model: str, photo: bytes) -> Labels:
    """Ask as Hugging Face's client without parameters."""
    found = to.answer(f"/models/{model}", photo, "image/jpeg")
    return {each["label"]: each["score"] for each in found}


def hugging_face_json(to: Connection, model: str, photo: bytes) -> Labels:
    """Ask as Hugging Face's client with parameters."""
    found = to.post(f"/models/{model}", {"inputs": _text(photo), "parameters": {"top_k": 1000}})
    return {each["label"]: each["score"] for each in found}


def open_inference(to: Connection, model: str, photo: bytes) -> Labels:
    """Ask in the Open Inference Protocol, with a file."""
    tensor = {"name": "image", "shape": [1], "datatype": "BYTES", "data": [_text(photo)]}
    return _ranked(to, model, tensor)


def open_inference_pixels(to: Connection, model: str, photo: bytes) -> Labels:
    """Ask in the Open Inference Protocol, with the pixels of an RGB photo."""
    with Image.open(io.BytesIO(photo)) as image:
        pixels = np.asarray(image)
    shape = [1, *pixels.shape]
    data = pixels.ravel().tolist()
    return _ranked(to, model, {"name": "x", "shape": shape, "datatype": "UINT8", "data": data})


def rows(to: Connection, model: str, photo: bytes) -> Labels:
    """Ask as TensorFlow Serving's clients, in rows."""
    found = to.post(f"/v1/models/{model}:predict", {"instances": [{"b64": _text(photo)}]})
    return dict(zip(_classes(to, model), found["predictions"][0], strict=True))


def columns(to: Connection, model: str, photo: bytes) -> Labels:
    """Ask as TensorFlow Serving's clients, in columns."""
    found = to.post(f"/v1/models/{model}:predict", {"inputs": {"x": [{"b64": _text(photo)}]}})
    return dict(zip(_classes(to, model), found["outputs"][0], strict=True))


def tf_classify(to: Connection, model: str, photo: bytes) -> Labels:
    """Ask as TensorFlow Serving's clients, for labels."""
    found = to.post(f"/v1/models/{model}:classify", {"examples": [{"x": {"b64": _text(photo)}}]})
    return dict(found["results"][0])


def vision(to: Connection, model: str, photo: bytes) -> Labels:
    """Ask as Google Cloud Vision's clients."""
    feature = {"type": "LABEL_DETECTION", "maxResults": 1000, "model": model}
    request = {"image": {"content": _text(photo)}, "features": [feature]}
    [found] = to.post("/v1/images:annotate", {"requests": [request]})["responses"]
    return {each["description"]: each["score"] for each in found["labelAnnotations"]}


Form = Callable[[Connection, str, bytes], Labels]
FORMS: tuple[Form, ...] = (
    classify,
    classify_json,
    classify_form,
    hugging_face,
    hugging_face_json,
    open_inference,
    rows,
    columns,
    tf_classify,
    vision,
)
"""Every form in which any photo can be sent."""


def _text(photo: bytes) -> str:
    return base64.b64encode(photo).decode()


def _own(document: Any) -> Labels:
    [photo] = document["predictions"]
    return {each["class"]: each["probability"] for each in photo["top"]}


def _ranked(to: Connection, model: str, tensor: object) -> Labels:
    outputs = [{"name": "probabilities", "parameters": {"classification": 1000}}]
    document = {"inputs": [tensor], "outputs": outputs}
    [output] = to.post(f"/v2/models/{model}/infer", document)["outputs"]
    pairs = (text.split(":", 2) for text in output["data"])
    return {label: float(probability) for probability, _, label in pairs}


def _classes(to: Connection, model: str) -> list[str]:
    _, body = to.send("GET", f"/v1/models/{model}/metadata")
    return list(json.loads(body)["metadata"]["classes"])
