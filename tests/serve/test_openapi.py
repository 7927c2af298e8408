"""The description of the API, and the page of it."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from imgrec.report.api_page import api_page
from imgrec.runs.folder import Run
from imgrec.serve.classifiers import Classifiers, classifier_routes
from imgrec.serve.openapi import openapi_document
from imgrec.serve.routes import ROUTES
from tests.serve.running import Running
from tests.serve.test_clients import MINUTES, installed

CONFIG = """
request-timeout = 60

[parameters]
"path.model" = "colours-1"
"path.version" = "1"
"path.name" = "pets"

# A photo of random bytes can't be read, a classifier without photos has no version, and random
# text is no ETag.
[checks.positive_data_acceptance]
expected-statuses = ["2xx", "304", "404", "409", "412", "422", "503"]
"""


def references(value: Any) -> Iterator[str]:
    """Yield every reference in a document."""
    if isinstance(value, dict):
        yield from ([value["$ref"]] if "$ref" in value else [])
        for each in value.values():
            yield from references(each)
    elif isinstance(value, list):
        for each in value:
            yield from references(each)


def test_every_route_is_described(tmp_path: Path) -> None:
    """Types have plain names, and each that is named is there."""
    with closing(Classifiers(tmp_path, "http://127.0.0.1")) as classifiers:
        routes = [*classifier_routes(classifiers), *ROUTES]
    document = openapi_document(routes)

    described = {
        (path, method.upper()) for path, methods in document["paths"].items() for method in methods
    }
    assert described == {(route.path, method) for route in routes for method in route.methods}
    schemas = document["components"]["schemas"]
    assert all(name.isidentifier() for name in schemas)
    assert set(references(document)) <= {f"#/components/schemas/{name}" for name in schemas}


def test_a_constraint_of_a_type_is_in_the_description() -> None:
    """What is checked and what is described come from the same annotations."""
    document = openapi_document(ROUTES)
    parameters = document["paths"]["/v1/classify"]["post"]["parameters"]
    [top] = [each["schema"] for each in parameters if each["name"] == "top"]

    assert (top["minimum"], top["default"]) == (1, 5)
    feature = document["components"]["schemas"]["Feature"]
    assert feature["properties"]["maxResults"]["minimum"] == 0
    assert feature["additionalProperties"] is False


def test_the_page_links_what_it_names() -> None:
    """Every link leads to a place of the page, or to the document."""
    html, _ = api_page(openapi_document(ROUTES))

    places = {f"#{name}" for name in re.findall(r'id="([^"]+)"', html)}
    assert set(re.findall(r'href="([^"]+)"', html)) <= places | {"openapi.json", "data:,"}
    assert "/v1/models/{model}:predict" in re.sub(r"<wbr>", "", html)


def test_text_of_others_is_escaped() -> None:
    """Nothing in the description becomes HTML."""
    document = openapi_document(ROUTES)
    document["info"]["description"] = "<script>"
    document["components"]["schemas"]["Feature"]["description"] = "<b>"

    html, _ = api_page(document)

    assert "<script>" not in html
    assert "<b>" not in html


def test_the_service_sends_both(service: Running) -> None:
    """The page may load nothing, and no other page may frame it."""
    page, document = service.ask("GET", "/docs"), service.ask("GET", "/openapi.json")

    assert document.document["openapi"] == "3.1.0"
    policy = page.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; ")
    assert "'unsafe-inline'" not in policy
    assert "frame-ancestors 'none'" in policy


@pytest.mark.slow
def test_schemathesis_finds_nothing(colour_run: Run, tmp_path: Path) -> None:
    """It draws requests from the description, valid and invalid, and checks the responses."""
    program = installed("schemathesis", tmp_path / "environment").with_name("schemathesis")
    (tmp_path / "schemathesis.toml").write_text(CONFIG, "utf-8")
    served = [f"{colour_run.name}={colour_run.path}", "--classifiers", "classifiers"]

    with Running(served, tmp_path) as running:
        running.ask("PUT", "/v1/classifiers/pets")
        address = f"http://127.0.0.1:{running.port}/openapi.json"
        options = ["--max-examples", "20", "--seed", "1", "--no-color"]
        done = subprocess.run(
            [program, "run", address, *options],
            cwd=tmp_path,
            check=False,
            capture_output=True,
            text=True,
            timeout=60 * MINUTES,
        )

    assert done.returncode == 0, done.stdout[-20_000:]
