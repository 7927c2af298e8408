"""`POST /v1/classify` answers what `imgrec predict --json` does."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from imgrec.runs.folder import Run
from tests.conftest import PROJECT
from tests.serve.running import Running, drawn, multipart

FORM = "application/x-www-form-urlencoded"

pytestmark = pytest.mark.tensorflow  # the run is trained with it

PHOTOS = {
    **{f"{number}.png": drawn(number) for number in range(6)},
    "a photo.jpg": drawn(7, "JPEG", (500, 300)),
    "g.gif": drawn(8, "GIF"),
    "broken.png": drawn(9)[:300],
    "no.png": b"nothing",
}


def predicted(run: Run, photos: Mapping[str, bytes], folder: Path, *options: str) -> Any:
    """Return what `imgrec predict --json` says of photos."""
    for name, content in photos.items():
        (folder / name).write_bytes(content)
    command = [sys.executable, "-m", "imgrec", "predict", *photos, "--json", *options]
    process = subprocess.run(
        [*command, "--model", str(run.path)],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(PROJECT)},
        check=False,
        capture_output=True,
    )
    return json.loads(process.stdout)


@pytest.mark.parametrize(
    ("query", "options"),
    [("", []), ("?top=2&threshold=0.9&model=digits", ["--top", "2", "--threshold", "0.9"])],
)
def test_the_answer_is_that_of_predict(
    service: Running, trained: Run, tmp_path: Path, query: str, options: list[str]
) -> None:
    """Every key and every bit of every probability; what can't be read has the same error."""
    reply = service.classify(*(body := multipart(PHOTOS))[:1], query, body[1])
    assert reply.status == 200
    found = reply.document
    served = found.pop("served")
    assert found == predicted(trained, PHOTOS, tmp_path, *options)
    assert served["name"] == "digits"
    (identity,) = served["models"]
    assert identity["weights"] == trained.card.hashes["model.tflite"]
    assert identity["fingerprint"] == trained.card.fingerprint
    assert identity["certificate"]["agreement"] == 1.0


def test_photos_arrive_in_three_forms(service: Running) -> None:
    """As the body, in a multipart body, and in JSON, by name or without."""
    photo = drawn(3)
    b64 = base64.b64encode(photo).decode()
    alone = service.classify(photo).document["predictions"][0]
    uploaded = service.classify(*(body := multipart({"x.png": photo}))[:1], "", body[1]).document
    bodies = {"photos": [b64, {"name": "é.png", "content": b64}]}
    in_json = service.classify(json.dumps(bodies).encode(), "", "application/json").document
    found = [alone, *uploaded["predictions"], *in_json["predictions"]]
    assert [each.pop("photo") for each in found] == ["photo", "x.png", "photo 1", "é.png"]
    assert all(each == alone for each in found)


def test_clients_at_once_get_the_same_answers(service: Running) -> None:
    """Photos of several requests go through the model together, which changes no bit."""
    photos = [drawn(number) for number in range(20)]
    alone = [service.classify(photo).document for photo in photos]
    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(service.classify, photos * 3))
    assert {each.status for each in together} == {200}
    assert [each.document for each in together] == alone * 3


@pytest.mark.parametrize(
    ("body", "query", "content_type", "status", "said"),
    [
        (b"", "", "image/png", 400, "no photo"),
        (b"text", "", "image/png", 422, "not an image"),
        (b"{", "", "application/json", 400, "not JSON"),
        (b'{"photo": 1}', "", "application/json", 400, "unknown field photo"),
        (b'{"photos": ["?"]}', "", "application/json", 422, "not base64"),
        (b'{"photos": [{"name": "a"}]}', "", "application/json", 400, "photos[0].content"),
        (b"x", "", "multipart/form-data; boundary=a", 400, "not valid"),
        (drawn(0), "?topp=1", "image/png", 400, "topp"),
        (drawn(0), "?top=0", "image/png", 400, "top=0"),
        (drawn(0), "?threshold=2", "image/png", 400, "threshold=2"),
        (drawn(0), "?model=cats", "image/png", 404, "cats"),
        (drawn(0), "?explain=dense", "image/png", 400, "use occlusion or windows"),
        (drawn(0).translate(None, b"\0\r\n"), "", FORM, 422, "`curl --data-binary @FILE` sends"),
        (b'{"photos": []}', "", FORM, 422, "`curl --json` sends JSON"),
    ],
)
def test_what_can_not_be_answered_says_why(
    service: Running, body: bytes, query: str, content_type: str, status: int, said: str
) -> None:
    """With a status below 500, and the reason in the body."""
    reply = service.classify(body, query, content_type)
    assert reply.status == status
    assert said in reply.body.decode()


def test_a_photo_that_is_called_a_form_is_answered(service: Running) -> None:
    """As `curl --data-binary` does."""
    assert service.classify(drawn(0), "", FORM).document == service.classify(drawn(0)).document


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("GET", "/v1/classify", "POST"),
        ("GET", "/v1/models/pets:predict", "POST"),
        ("HEAD", "/v1/models/pets/versions/2:predict", "POST"),
        ("DELETE", "/v1/models", "GET, HEAD"),
        ("PUT", "/", "GET, POST, HEAD"),
    ],
)
def test_another_method_is_not_another_model(
    service: Running, method: str, path: str, allowed: str
) -> None:
    """Whether or not the path names a model that there is."""
    found = service.ask(method, path)
    assert (found.status, found.headers["allow"]) == (405, allowed)


def test_real_photos_have_the_answers_of_predict(
    service: Running, trained: Run, shared: Callable[[str], Path], tmp_path: Path
) -> None:
    """JPEGs of all sizes, and images of Pillow's tests that are damaged or of rare kinds."""
    awkward = [path for path in sorted(shared("data/awkward").iterdir()) if path.is_file()][::6]
    paths = [*sorted(shared("data/photos").glob("*.jpg"))[:10], *awkward]
    for start in range(0, len(paths), 50):
        photos = {each.name: each.read_bytes() for each in paths[start : start + 50]}
        reply = service.classify(*(body := multipart(photos))[:1], "", body[1])
        expected = predicted(trained, photos, tmp_path)
        assert reply.document["predictions"] == expected["predictions"]


def test_an_explanation_is_that_of_explain(service: Running, trained: Run, tmp_path: Path) -> None:
    """Boxes and the picture of `imgrec explain`, by both methods that need no Keras."""
    photo = drawn(5)
    (tmp_path / "photo").write_bytes(photo)
    for method, picture in (
        ("occlusion", "photo.occlusion.png"),
        ("windows", "photo.windows.boxes.png"),
    ):
        found = service.classify(photo, f"?explain={method}").document
        command = ["explain", "photo", "--method", method, "--boxes", "--json"]
        process = subprocess.run(
            [sys.executable, "-m", "imgrec", *command, "--model", str(trained.path)],
            cwd=tmp_path,
            env=os.environ | {"PYTHONPATH": str(PROJECT)},
            check=True,
            capture_output=True,
        )
        expected = json.loads(process.stdout)["explanations"][0]
        (explained,) = found["explanation"]["explanations"]
        assert explained | {"files": {}} == expected | {"files": {}}
        drawn_there = (tmp_path / "explanations" / picture).read_bytes()
        assert base64.b64decode(found["pictures"][0]) == drawn_there


def test_explaining_what_is_not_a_photo_says_why(service: Running) -> None:
    """As the prediction does."""
    found = service.classify(b"nothing", "?explain=windows").document
    assert found["explanation"]["explanations"][0]["error"] == found["predictions"][0]["error"]
    assert found["pictures"] == [None]


def test_a_slash_in_a_name_is_no_step(service: Running) -> None:
    """Addresses are split before they are decoded, so that messages are about the name."""
    found = service.ask("GET", "/v1/models/a%2Fb")
    assert found.status == 404
    assert "there is no model a/b" in found.document["error"]
    assert service.ask("GET", "/v1/models").status == 200
    assert service.ask("GET", "/v1%2Fmodels").status == 404
