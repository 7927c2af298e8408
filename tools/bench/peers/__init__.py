"""Services of others, each in an environment that `make peers` makes."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import distributions
from pathlib import Path

from tools.load import photo_request

FOLDER = Path(__file__).parent
"""Where they are started."""

_ENVIRONMENTS = Path(os.environ.get("IMGREC_PEERS", "build/peers"))
_TARGET = "/classify"
_PART = '--part\r\nContent-Disposition: form-data; name="{}"; filename="a"\r\n\r\n'


@dataclass(frozen=True)
class Peer:
    """A service that answers photos at `/classify`.

    Args:
        name: The library.
        how: How it serves the model, for the table.
        model: The file of a run that it serves.
        command: The program in its environment and its arguments, of which `{model}` and `{port}`
            are filled in.
        request: Returns the HTTP request for the content of a photo.
    """

    name: str
    how: str
    model: str
    command: tuple[str, ...]
    request: Callable[[bytes], bytes]

    @property
    def environment(self) -> Path:
        """The folder of its environment."""
        return _ENVIRONMENTS / self.name.lower()

    @property
    def version(self) -> str:
        """Which version its environment has."""
        places = [str(each) for each in self.environment.glob("lib/python*/site-packages")]
        (found,) = distributions(name=self.name, path=places)
        return found.version

    def started(self, run: Path, port: int) -> tuple[list[str], Mapping[str, str]]:
        """Return the command that serves a run, and its environment variables."""
        model = str((run / self.model).resolve())
        program, *arguments = (each.format(model=model, port=port) for each in self.command)
        variables = {"IMGREC_MODEL": model, "TF_CPP_MIN_LOG_LEVEL": "3", "PYTHONPATH": ""}
        program = str((self.environment / "bin" / program).absolute())
        return [program, *arguments], os.environ | variables


def peers() -> Iterator[Peer]:
    """Yield the services that have an environment; say which have none."""
    for each in PEERS:
        if each.environment.is_dir():
            yield each
        else:
            print(f"skipped: {each.name}; `make peers` installs it")


def _uploaded(field: str) -> Callable[[bytes], bytes]:
    def request(content: bytes) -> bytes:
        body = _PART.format(field).encode() + content + b"\r\n--part--\r\n"
        return photo_request(body, _TARGET, "multipart/form-data; boundary=part")

    return request


PEERS = (
    Peer(
        "FastAPI",
        "`model.predict` of Keras",
        "best.keras",
        ("python", "fastapi_app.py", "{model}", "{port}"),
        lambda content: photo_request(content, _TARGET),
    ),
    Peer(
        "LitServe",
        "`LitServer.run`, LiteRT, batches of 8",
        "model.tflite",
        ("python", "litserve_app.py", "{model}", "{port}"),
        _uploaded("request"),
    ),
    Peer(
        "BentoML",
        "`bentoml serve`, LiteRT, batches of 8",
        "model.tflite",
        ("bentoml", "serve", "bentoml_app:Classifier", "--port", "{port}"),
        _uploaded("images"),
    ),
)
