"""Classifiers that are taught over HTTP."""

from __future__ import annotations

import asyncio
import io
import json
import sqlite3
import threading
import time
import zipfile
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import psutil
import pytest
from starlette.routing import compile_path

from imgrec.files import sha256
from imgrec.progress import Progress
from imgrec.serve.access_log import AccessLog
from imgrec.serve.classifiers import Classifiers, classifier_routes
from imgrec.serve.classifiers.jobs import Job, Jobs
from imgrec.serve.decoding import DecodingPool
from imgrec.serve.exchange import HttpRequest, HttpResponse, Refusal
from imgrec.serve.service import Service
from imgrec.workflows.teaching import Classifier
from tests.teaching.small import picture


class Rest:
    """The routes of a folder of classifiers, without a server."""

    def __init__(self, classifiers: Classifiers, service: Service) -> None:
        self.service, self.classifiers = service, classifiers
        self._routes = classifier_routes(classifiers)

    def __call__(
        self, method: str, path: str, body: bytes | dict[str, Any] = b"", **headers: str
    ) -> HttpResponse:
        """Answer a request; headers have `_` for `-`."""
        place, _, query = path.partition("?")
        parameters = dict(each.split("=", 1) for each in query.split("&") if each)
        content = json.dumps(body).encode() if isinstance(body, dict) else body
        named = {key.replace("_", "-"): value for key, value in headers.items()}
        for route in self._routes:
            found = compile_path(route.path)[0].match(f"/v1/classifiers{place}")
            if found and method in route.methods:
                request = HttpRequest(content, "", named, parameters, found.groupdict(), "1")
                return asyncio.run(self._answer(route.handler, request))
        raise LookupError(path)

    async def _answer(self, handler: Any, request: HttpRequest) -> HttpResponse:
        response: HttpResponse = await handler(self.service, request)
        return response

    def document(self, method: str, path: str, body: Any = b"", **headers: str) -> Any:
        """Return the JSON of the response to a request."""
        return json.loads(self(method, path, body, **headers).body)


@pytest.fixture(scope="module")
def service() -> Iterator[Service]:
    """A service without models, whose processes decode photos."""
    with closing(DecodingPool()) as decoding, closing(Service((), decoding)) as found:
        yield found


@pytest.fixture
def rest(pets: Classifier, service: Service) -> Iterator[Rest]:
    """A classifier `pets` with six photos of each of two classes, and one version."""
    pets.close()
    classifiers = Classifiers(pets.folder.parent, "http://127.0.0.1:8000")
    yield Rest(classifiers, service)
    for each in service.models:
        service.remove(each.name)
    classifiers.close()


def _refused(rest: Rest, method: str, path: str, body: Any = b"", **headers: str) -> int:
    with pytest.raises(Refusal) as refusal:
        rest(method, path, body, **headers)
    return refusal.value.status


def test_a_classifier_is_described(rest: Rest) -> None:
    """So is how good it is, at once or when it is known."""
    found = rest.document("GET", "/pets")
    assert found["classes"] == [{"name": "blue", "photos": 6}, {"name": "red", "photos": 6}]
    assert found["photos"] == {"labelled": 12, "unsure": 0, "none": 0}
    assert rest.document("GET", "")["classifiers"][0]["name"] == "pets"
    standing = rest.document("GET", "/pets/standing?wait=true")
    assert (standing["state"], standing["photos"], standing["enough"]) == ("done", 12, False)
    assert standing["accuracy"]["low"] < standing["accuracy"]["value"]
    assert "12 photos are too few to tell" in standing["note"]


def test_photos_are_added_and_listed(rest: Rest) -> None:
    """In pages; each has a thumbnail and its file."""
    content = picture(7, red=True)
    (added,) = rest.document("POST", "/pets/classes/red/photos", content)["photos"]
    assert (added["outcome"], added["photo"]["class"]) == ("added", "red")
    digest = added["photo"]["sha256"]
    assert rest("GET", f"/pets/photos/{digest}/content").body == content
    assert rest("GET", f"/pets/photos/{digest}/thumbnail").content_type == "image/webp"
    with pytest.raises(Refusal) as refusal:
        rest("GET", "/pets/photos?class=rde")
    assert (refusal.value.status, refusal.value.hint) == (404, "classes: blue, red")
    with pytest.raises(Refusal) as refusal:
        rest("GET", "/pest")
    assert (refusal.value.status, refusal.value.hint) == (404, "classifiers: pets")
    first = rest.document("GET", "/pets/photos?class=red&limit=4")
    rest_of = rest.document("GET", f"/pets/photos{first['next']}")
    hashes = [each["sha256"] for each in first["photos"] + rest_of["photos"]]
    assert len(hashes) == 7
    assert hashes == sorted(hashes)
    assert rest_of["next"] is None
    assert rest("POST", "/pets/classes/red/photos", b"no image").status == 422


def test_a_photo_is_relabelled_and_deleted(rest: Rest) -> None:
    """Its ETag keeps one person from undoing what another did."""
    content = picture(9, red=True)
    rest("POST", "/pets/classes/red/photos", content)
    path = f"/pets/photos/{sha256(content)}"
    before = rest("GET", path).headers["etag"]
    assert rest("GET", path, if_none_match=before).status == 304
    changed = rest("PATCH", path, {"class": "blue"}, if_match=before)
    assert json.loads(changed.body)["photo"]["class"] == "blue"
    assert changed.headers["etag"] != before
    assert _refused(rest, "PATCH", path, {"class": "red"}, if_match=before) == 412
    assert rest.document("PATCH", path, {"status": "none"})["photo"]["class"] is None
    assert _refused(rest, "PATCH", path, {"class": "green"}) == 404
    assert rest.document("DELETE", path)["photos"] == 1
    assert _refused(rest, "GET", path) == 404
    with pytest.raises(Refusal) as refusal:
        rest("DELETE", path)
    assert (refusal.value.status, "list of photos" in refusal.value.hint) == (404, True)


def test_etags_are_those_of_all_that_is_described(rest: Rest) -> None:
    """How good a classifier is, and how many photos a class has; `If-Match` is about changes."""
    pending = rest("GET", "/pets")
    assert json.loads(pending.body)["standing"]["state"] == "pending"
    rest("GET", "/pets/standing?wait=true")
    seen = pending.headers["etag"]
    assert rest("GET", "/pets", if_none_match=seen).status == 200
    done = rest("PATCH", "/pets", {"require": []}, if_match=seen)
    assert rest("GET", "/pets", if_none_match=done.headers["etag"]).status == 304
    before = rest("GET", "/pets/classes/red").headers["etag"]
    rest("POST", "/pets/classes/red/photos", picture(9, red=True))
    assert rest("GET", "/pets/classes/red", if_none_match=before).status == 200
    assert rest("PATCH", "/pets/classes/red", {"name": "rouge"}, if_match=before).status == 200
    assert _refused(rest, "PATCH", "/pets", {"require": []}, if_match=seen) == 412


def test_classes_and_classifiers_are_made_and_renamed(rest: Rest) -> None:
    """`PUT` can be repeated; names that are taken are conflicts."""
    assert [rest("PUT", "/pets/classes/green").status for _ in range(2)] == [201, 200]
    assert _refused(rest, "PUT", "/pets/classes/green", if_none_match="*") == 412
    assert rest.document("PATCH", "/pets/classes/green", {"name": "lime"})["name"] == "lime"
    assert _refused(rest, "PATCH", "/pets/classes/lime", {"name": "Red"}) == 409
    assert _refused(rest, "PUT", "/pets/classes/a:b") == 422
    assert rest.document("DELETE", "/pets/classes/red")["photos"] == 6
    assert rest.document("PATCH", "/pets", {"name": "birds"})["name"] == "birds"
    assert _refused(rest, "GET", "/pets") == 404
    assert rest("DELETE", "/birds").status == 204
    assert rest.document("GET", "")["classifiers"] == []


def test_what_changes_no_photo_leaves_the_standing(rest: Rest) -> None:
    """It stays known, and of the revision in which the photos last changed."""
    before = rest.document("GET", "/pets/standing?wait=true")
    rest("PUT", "/pets/classes/green")
    done = rest.document("DELETE", "/pets/classes/green")
    assert done == {"photos": 0, "withdrawn": [], "published": 1, "standing": before}
    assert rest.document("GET", "/pets")["revision"] > before["revision"]


def test_a_class_with_one_photo_leaves_the_standing(rest: Rest) -> None:
    """As it is in no model, what changes no photo makes nothing to be computed again."""
    rest("POST", "/pets/classes/fox/photos", picture(60, red=True))
    before = rest.document("GET", "/pets/standing?wait=true")
    rest("PATCH", "/pets", {"require": ["accuracy >= 0.5"]})
    assert rest.document("GET", "/pets/standing") == before


def test_what_changes_nothing_keeps_the_revision(rest: Rest) -> None:
    """So `If-Match` still fits, and what was measured is still that of now."""
    rest("GET", "/pets/standing?wait=true")
    before = rest("GET", "/pets")
    for method, path, body, status in (
        ("POST", "/pets/classes/red/photos", picture(0, red=True), 200),  # known
        ("POST", "/pets/classes/red/photos", picture(100, red=False), 200),  # elsewhere
        ("POST", "/pets/classes/red/photos", b"no image", 422),
        ("POST", "/pets/photos?status=none", picture(0, red=True), 200),
        ("POST", "/pets/classes/rde/photos", picture(0, red=True), 200),
        ("POST", "/pets/classes/rde/photos", b"no image", 422),
        ("PUT", "/pets/classes/red", b"", 200),
        ("PATCH", "/pets/classes/red", {"name": "red"}, 200),
        ("PATCH", f"/pets/photos/{sha256(picture(0, red=True))}", {"class": "red"}, 200),
        ("PUT", "/pets", {"require": []}, 200),
        ("POST", "/pets/versions/1:restore", b"", 200),
    ):
        assert rest(method, path, body).status == status
        assert rest.document("GET", "/pets") == json.loads(before.body), path
    changed = rest(
        "PATCH", "/pets", {"require": ["accuracy >= 0"]}, if_match=before.headers["etag"]
    )
    assert changed.status == 200


def test_every_change_that_takes_if_match_compares_it(rest: Rest) -> None:
    """Whatever the description of the API says so of is refused in another state."""
    first = rest.document("GET", "/pets/photos?limit=1")["photos"][0]["sha256"]
    place = {"name": "pets", "class": "red", "sha256": first, "number": "1"}
    before = rest.document("GET", "/pets")["revision"]
    for route in classifier_routes(rest.classifiers):
        if route.docs is not None and route.docs.changes:
            path = route.path.format(**place).removeprefix("/v1/classifiers")
            assert _refused(rest, route.methods[0], path, if_match='"other"') == 412, route.path
    assert rest.document("GET", "/pets")["revision"] == before


def test_a_wrong_parameter_is_named_in_words(rest: Rest) -> None:
    """With what it may be, rather than the name of a type."""
    for query, reason in (
        ("photos?limit=abc", "limit=abc: expected a whole number"),
        ("photos?limit=0", "limit=0: expected a whole number >= 1"),
        ("standing?wait=soon", "wait=soon: expected true or false"),
    ):
        with pytest.raises(Refusal) as refusal:
            rest("GET", f"/pets/{query}")
        assert (refusal.value.status, str(refusal.value)) == (400, reason)


def test_versions(rest: Rest) -> None:
    """A version is published, restored, and can be downloaded as a run."""
    assert rest.document("PATCH", "/pets", {"require": ["accuracy.low >= 0.999"]})["require"]
    refused = rest("POST", "/pets/publish")
    assert (refused.status, json.loads(refused.body)["verdicts"][0]["met"]) == (409, False)
    assert rest.document("PATCH", "/pets", {"require": []})["require"] == []
    done = rest("POST", "/pets/publish", {"force": False})
    assert (done.status, json.loads(done.body)["version"]["state"]) == (201, "published")
    assert rest.document("GET", "/pets")["published"] == 2
    archive = zipfile.ZipFile(io.BytesIO(rest("GET", "/pets/versions/2/run.zip").body))
    assert "pets-2/model.tflite" in archive.namelist()
    assert rest.document("POST", "/pets/versions/1:restore")["state"] == "published"
    first = rest.service.models.get("pets")
    assert first.identity.models[0].model == "pets-1"
    done = rest.document("POST", "/pets/photos:forget", {"photos": [sha256(picture(0, red=True))]})
    assert (done["withdrawn"], done["published"]) == ([1, 2], 3)
    assert rest.service.models.get("pets").identity.models[0].model == "pets-3"
    assert _refused(rest, "POST", "/pets/versions/1:restore") == 409
    assert _refused(rest, "GET", "/pets/versions/1/report.html") == 409
    states = [each["state"] for each in rest.document("GET", "/pets/versions")["versions"]]
    assert states == ["withdrawn", "withdrawn", "published"]


def test_a_requirement_of_a_class_that_is_missing(rest: Rest) -> None:
    """It is refused with what was probably meant; if the class is gone later, it is not met."""
    for method, path in (("PATCH", "/pets"), ("PUT", "/pets"), ("PUT", "/others")):
        with pytest.raises(Refusal, match="there is no class rde") as refusal:
            rest(method, path, {"require": ["recall[rde] >= 0.5"]})
        assert refusal.value.status == 422
        assert ("did you mean red?" in str(refusal.value)) == (path == "/pets")
    assert _refused(rest, "GET", "/others") == 404
    rest("PATCH", "/pets", {"require": ["recall[red] >= 0.5"]})
    assert rest("POST", "/pets/publish").status == 201
    rest("PATCH", "/pets/classes/red", {"name": "rouge"})
    refused = rest("POST", "/pets/publish")
    reason = json.loads(refused.body)["verdicts"][0]["reason"]
    assert reason == "recall[red] can't be measured: no photo of red was measured"


def test_no_version_lacks_a_class_with_photos(rest: Rest) -> None:
    """But one that takes the place of a version that knew deleted photos, as they must go."""
    for number, name in ((60, "fox"), (61, "cow")):
        rest("POST", f"/pets/classes/{name}/photos", picture(number, red=True))
    with pytest.raises(Refusal, match=r"^cow, fox have only one photo$") as refusal:
        rest("POST", "/pets/publish", {"force": True})
    assert refusal.value.status == 409
    rest("POST", "/pets/photos:forget", {"photos": [sha256(picture(0, red=True))]})
    version = rest.document("GET", "/pets/versions/2")
    assert (version["state"], version["classes"]) == ("published", ["blue", "red"])


def test_versions_of_other_classes_are_not_compared(rest: Rest) -> None:
    """The answer says why, whether or not the version is published."""
    assert rest.document("POST", "/pets/publish", {"force": True})["not_compared"] == ""
    rest("PATCH", "/pets/classes/red", {"name": "rouge"})
    for number in (60, 61):
        rest("POST", "/pets/classes/green/photos", picture(number, red=True))
    rest("PATCH", "/pets", {"require": ["log_loss <= 0"]})
    refused = rest("POST", "/pets/publish")
    assert refused.status == 409
    done = rest.document("POST", "/pets/publish", {"force": True})
    why = "as the classes differ: green, rouge are new; red is gone"
    for found in (json.loads(refused.body), done):
        assert found["not_compared"] == f"not compared with version 2, {why}"


def test_versions_are_listed_in_pages(rest: Rest) -> None:
    """What a version is, and which one answers, has an ETag."""
    rest("POST", "/pets/publish", {"force": True})
    first = rest.document("GET", "/pets/versions?limit=1")
    assert [each["number"] for each in first["versions"]] == [1]
    rest_of = rest.document("GET", f"/pets/versions{first['next']}")
    assert ([each["number"] for each in rest_of["versions"]], rest_of["next"]) == ([2], None)
    seen = rest("GET", "/pets/versions/1").headers["etag"]
    assert rest("GET", "/pets/versions/1", if_none_match=seen).status == 304
    restored = rest("POST", "/pets/versions/1:restore", if_match=seen)
    assert restored.headers["etag"] != seen
    assert _refused(rest, "POST", "/pets/versions/1:restore", if_match=seen) == 412


def test_a_quota_is_a_conflict(pets: Classifier, service: Service) -> None:
    """A class too many is refused, and the reason says how many there may be."""
    pets.close()
    names = [(f"class {number}",) * 2 for number in range(998)]
    with closing(sqlite3.connect(pets.folder / "classifier.sqlite")) as database, database:
        database.executemany("INSERT INTO classes (name, folded, changed) VALUES (?, ?, 1)", names)
    with closing(Classifiers(pets.folder.parent, "http://127.0.0.1:8000")) as classifiers:
        with pytest.raises(Refusal, match="at most 1,000 classes") as refusal:
            Rest(classifiers, service)("PUT", "/pets/classes/more")
        assert refusal.value.status == 409


def test_photos_are_relabelled_together(rest: Rest) -> None:
    """All or none; undoing it leaves what others changed since."""
    photos = rest.document("GET", "/pets/photos?class=red")["photos"]
    hashes = [each["sha256"] for each in photos]
    done = rest.document("POST", "/pets/photos:label", {"photos": hashes, "class": "blue"})
    assert {each["class"] for each in done["photos"]} == {"blue"}
    rest("PATCH", f"/pets/photos/{hashes[0]}", {"status": "unsure"})
    back = {"photos": hashes, "class": "red", "unchanged_since": done["revision"]}
    undone = rest.document("POST", "/pets/photos:label", back)
    assert [each["sha256"] for each in undone["photos"]] == hashes[1:]
    assert rest.document("GET", "/pets")["photos"] == {"labelled": 11, "unsure": 1, "none": 0}
    unknown = {"photos": [*hashes, "0" * 64], "class": "blue"}
    assert _refused(rest, "POST", "/pets/photos:label", unknown) == 404
    assert rest.document("GET", "/pets")["classes"][1] == {"name": "red", "photos": 5}


def test_a_job_is_looked_up(rest: Rest) -> None:
    """Nobody need wait for a publication; the answer is dropped when photos are deleted."""
    begun = rest("POST", "/pets/publish", prefer="respond-async, wait=0")
    assert begun.status == 202
    place = begun.headers["location"].removeprefix("/v1/classifiers")
    while (job := rest.document("GET", place))["state"] == "running":
        time.sleep(0.01)
    assert (job["state"], job["status"], job["answer"]["version"]["number"]) == ("done", 201, 2)
    assert (job["step"], job["done"], job["total"]) == ("writing the version", 3, 3)
    done = rest("POST", "/pets/photos:forget", {"photos": [sha256(picture(0, red=True))]})
    assert done.status == 200
    assert _refused(rest, "GET", place) == 404
    assert [each["kind"] for each in rest.document("GET", "/pets/jobs")["jobs"]] == ["delete"]


def test_a_job_is_not_begun_twice() -> None:
    """The same request gets the job that runs; afterwards, it is another one."""
    with closing(Jobs()) as jobs:
        wait, body = threading.Event(), b'{"photos": []}'

        def work(progress: Progress) -> HttpResponse:
            with progress.task("deleting", 3) as task:
                task.advance(2)
                wait.wait()
            return HttpResponse(b"{}")

        def begin(content: bytes) -> Job:
            request = HttpRequest(content, path={"name": "pets"})
            return jobs.start("pets", Job("delete", request), work, forgets=True)

        first, other = begin(body), begin(b"")
        assert begin(body) is first
        assert jobs.of("pets") == (first, other)
        assert first.document()["state"] == "running"
        wait.set()
        assert first.outcome.result().status == 200
        assert begin(body) is not first


def test_a_job_fails(rest: Rest) -> None:
    """Its description then has what the request would have been answered with."""
    refused = {"photos": ["0" * 64]}
    assert _refused(rest, "POST", "/pets/photos:forget", refused) == 404
    (job,) = rest.document("GET", "/pets/jobs")["jobs"]
    assert (job["state"], job["status"], job["answer"]["title"]) == ("failed", 404, "Not Found")


def test_photos_are_classified(rest: Rest) -> None:
    """By the draft, or by the published version."""
    for version in ("draft", "published"):
        path = f"/pets/classify?top=1&version={version}"
        found = rest.document("POST", path, picture(50, red=True))
        assert found["predictions"][0]["top"][0]["class"] == "red"
    assert rest("POST", "/pets/heat-map", picture(50, red=True)).content_type == "image/webp"
    assert _refused(rest, "POST", "/pets/heat-map?class=green", picture(50, red=True)) == 422


def test_publishing_decodes_in_a_child(rest: Rest) -> None:
    """A stored photo that a decoder can't take any more stops the version, not the service."""
    first = rest.document("GET", "/pets/photos?limit=1")["photos"][0]["sha256"]
    path = rest.classifiers.get("pets").path(first)
    path.write_bytes(path.read_bytes()[:60])
    with pytest.raises(Refusal, match=first) as refusal:
        rest("POST", "/pets/publish", {"force": True})
    assert refusal.value.status == 422
    assert [each["number"] for each in rest.document("GET", "/pets/versions")["versions"]] == [1]


@pytest.mark.parametrize("what", ["thumbnail", "heat map"])
def test_pictures_are_made_of_what_a_child_decodes(rest: Rest, what: str) -> None:
    """What a photo breaks is a decoding process, not the service."""
    others = psutil.Process().children()
    with closing(DecodingPool()) as decoding, closing(Service((), decoding)) as rest.service:
        if what == "thumbnail":
            first = rest.document("GET", "/pets/photos?limit=1")["photos"][0]["sha256"]
            found = rest("GET", f"/pets/photos/{first}/thumbnail")
        else:
            found = rest("POST", "/pets/heat-map", picture(50, red=True))
        decoders = [each for each in psutil.Process().children() if each not in others]
    assert found.content_type == "image/webp"
    assert len(decoders) == 1


def test_the_same_photos_give_the_same_model(rest: Rest) -> None:
    """Whether they were added over HTTP or from Python."""
    classifiers = rest.classifiers
    before = classifiers.get("pets").model_content()
    for name in ("red", "blue"):
        assert rest.document("DELETE", f"/pets/classes/{name}")["photos"] == 6
    for number in reversed(range(6)):
        for name, first in (("blue", 100), ("red", 0)):
            content = picture(first + number, red=name == "red")
            rest("POST", f"/pets/classes/{name}/photos", content)
    assert classifiers.get("pets").model_content() == before


def test_the_access_log_shortens_hashes() -> None:
    """It outlives photos that are deleted."""
    stream, digest = io.StringIO(), sha256(b"a photo")
    log = AccessLog(stream)
    log.add("1", "127.0.0.1", "DELETE", f"/v1/classifiers/pets/photos/{digest}", 200, 0.1)
    log.flush()
    assert json.loads(stream.getvalue())["path"].endswith(f"/photos/{digest[:8]}…")
