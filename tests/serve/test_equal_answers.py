"""The service answers what `imgrec predict` answers, in every protocol, bit for bit."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

import pytest

from imgrec.runs.folder import Run
from tests.serve.serving import (
    FORMS,
    Connection,
    Form,
    open_inference_pixels,
    predicted,
    service,
)


@pytest.fixture(scope="module")
def connection(colour_run: Run, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Connection]:
    """A connection to a service of a model of two colours."""
    folder = tmp_path_factory.mktemp("service")
    with (
        service({colour_run.name: [colour_run]}, folder) as host,
        closing(Connection(host)) as opened,
    ):
        yield opened


def test_every_protocol_answers_as_predict_does(connection: Connection, colour_run: Run) -> None:
    """The same probabilities, of the same labels; also for pixels without a file."""
    photos = sorted((colour_run.path.parents[1] / "photos").rglob("*.png"))[::13]
    expected = predicted([colour_run], photos)
    forms: tuple[Form, ...] = (*FORMS, open_inference_pixels)

    for form in forms:
        found = [form(connection, colour_run.name, photo.read_bytes()) for photo in photos]
        assert found == expected, form


def test_errors_have_the_form_of_the_protocol(connection: Connection) -> None:
    """For what is not a photo, and for a model that does not exist."""
    images = b'{"content": "AAAA"}', b'{"source": {"imageUri": "https://example.com/a.jpg"}}'
    annotate = b'{"requests": [%s]}' % b", ".join(
        b'{"image": %s, "features": [{"type": 4}]}' % image for image in images
    )

    bad = connection.send("POST", "/", b"not a photo", "image/jpeg")
    unknown = connection.send("POST", "/models/other", b"not a photo", "image/jpeg")
    in_place = connection.send("POST", "/v1/images:annotate", annotate, "application/json")

    assert (bad[0], bad[1][:11]) == (422, b'{"error": "')
    assert (unknown[0], unknown[1][:29]) == (404, b'{"error": "there is no model ')
    assert (in_place[0], in_place[1].count(b'{"error"')) == (200, 2)
