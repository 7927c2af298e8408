"""Who may ask a service."""

from __future__ import annotations

import json
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from imgrec.errors import RunError, UsageError
from imgrec.runs.folder import Run
from imgrec.serve.exchange import Refusal
from imgrec.serve.security import (
    Security,
    Token,
    add_token,
    check_origins,
    host_names,
    is_loopback,
    read_tokens,
)
from tests.serve.running import SECONDS, Running, drawn


def test_tokens_are_stored_as_hashes(tmp_path: Path) -> None:
    """The file, which only its owner may read, does not contain them."""
    path = tmp_path / "tokens.json"
    ask, manage = add_token(path, "ask"), add_token(path, "manage")
    assert ask != manage
    assert [each.right for each in read_tokens(path).tokens] == ["ask", "manage"]
    assert ask not in path.read_text()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    path.write_text('{"tokens": [{"right": "all", "sha256": ""}]}')
    with pytest.raises(RunError, match="right"):
        read_tokens(path)
    path.write_text(json.dumps({"tokens": [{"right": "ask", "sha256": ask}]}))
    with pytest.raises(RunError, match="sha256"):
        read_tokens(path)


@pytest.mark.parametrize(
    ("header", "right", "status"),
    [
        (None, "ask", 401),
        ("Basic {ask}", "ask", 401),
        ("Bearer {ask}x", "ask", 401),
        ("Bearer ", "ask", 401),
        ("Bearer {ask}", "ask", None),
        ("bearer {manage}", "ask", None),
        ("Bearer {ask}", "manage", 403),
        ("Bearer {manage}", "manage", None),
    ],
)
def test_a_token_allows_what_it_was_made_for(
    tmp_path: Path, header: str | None, right: str, status: int | None
) -> None:
    """`manage` includes `ask`."""
    path = tmp_path / "tokens.json"
    tokens = {"ask": add_token(path, "ask"), "manage": add_token(path, "manage")}
    security = Security(read_tokens(path).tokens)
    headers = {} if header is None else {"authorization": header.format(**tokens)}
    assert _status(lambda: security.check_right(headers, right)) == status  # type: ignore[arg-type]


def _status(check: object) -> int | None:
    try:
        check()  # type: ignore[operator]
    except Refusal as refusal:
        return refusal.status
    return None


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"host": "localhost:8000"}, None),
        ({"host": "[::1]:8000"}, None),
        ({"host": "LOCALHOST"}, None),
        ({"host": "pets.example"}, 421),
        ({"host": "localhost.pets.example"}, 421),
        ({"host": "x@localhost"}, 421),
        ({"host": "["}, 421),
        ({}, 421),
        ({"host": "localhost:8000", "origin": "http://localhost:8000"}, None),
        ({"host": "localhost:8000", "origin": "http://localhost:9000"}, 403),
        ({"host": "localhost:8000", "origin": "null"}, 403),
        ({"host": "localhost:8000", "origin": "http://["}, 403),
        ({"host": "localhost:8000", "origin": "https://page.example"}, None),
        ({"host": "localhost:8000", "sec-fetch-site": "cross-site"}, 403),
    ],
)
def test_other_names_and_pages_are_refused(headers: dict[str, str], status: int | None) -> None:
    """So that no web page can have a browser ask a service on its own machine."""
    security = Security(origins=["https://page.example"])
    assert _status(lambda: security.check_origin(headers)) == status


def test_names_and_origins_that_no_request_can_have_are_refused() -> None:
    """So that nobody allows a page or a name in vain, or every page that hides where it is from."""
    assert host_names(["Pets.example", "fd00::1", "[fd00::2]"]) == [
        "pets.example",
        "fd00::1",
        "fd00::2",
    ]
    for name in ("pets.example:8000", "https://pets.example", "*.example", ""):
        with pytest.raises(UsageError, match="--allowed-host"):
            host_names([name])
    check_origins(["https://pets.example", "http://localhost:3000", "http://[::1]:3000"])
    for origin in ("https://pets.example/", "pets.example", "https://*.example", "*", "null"):
        with pytest.raises(UsageError, match="--allow-origin"):
            check_origins([origin])


def test_nobody_manages_an_open_service() -> None:
    """Without tokens, only who is on the same machine."""
    assert _status(lambda: Security(anyone_manages=False).check_right({}, "manage")) == 403
    assert _status(lambda: Security(anyone_manages=False).check_right({}, "ask")) is None
    assert _status(lambda: Security().check_right({}, "manage")) is None
    assert _status(lambda: Security((Token("ask", ""),)).check_right({}, "ask")) == 401


def test_loopback_addresses_are_known() -> None:
    """Everything else may be reached by others."""
    assert all(map(is_loopback, ("127.0.0.1", "127.8.0.1", "::1", "localhost")))
    assert not any(map(is_loopback, ("0.0.0.0", "::", "10.0.0.1", "pets.example")))  # noqa: S104


@pytest.mark.long
@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--host", "0.0.0.0"], "--token-file"),  # noqa: S104
        (["--proxy", "127.0.0.1"], "--token-file"),
        (["a=last", "a=last"], "two models have the name a"),
        (["a=last", "--pretrained", "VGG16"], "RUN and --pretrained can't be combined"),
        (["--port", "0", "--classifiers", "pets"], "pets is a classifier"),
    ],
)
def test_unsafe_and_unclear_options_are_refused(
    options: list[str], said: str, tmp_path: Path
) -> None:
    """Before a model is opened."""
    (tmp_path / "pets").mkdir()
    (tmp_path / "pets" / "classifier.sqlite").touch()
    process = subprocess.run(
        [sys.executable, "-m", "imgrec", "serve", *options],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=SECONDS,
    )
    assert process.returncode == 2
    assert said in process.stderr


@pytest.mark.tensorflow
def test_a_service_asks_for_tokens(trained: Run, tmp_path: Path) -> None:
    """Health is for everybody; the rest needs a token, and reloading one that allows it."""
    path = tmp_path / "tokens.json"
    ask, manage = add_token(path, "ask"), add_token(path, "manage")
    with Running([f"digits={trained.path}", "--token-file", str(path)], tmp_path) as service:

        def statuses(token: str) -> list[int]:
            headers = {"Authorization": f"Bearer {token}"} if token else {}
            return [
                service.ask(method, target, body, headers).status
                for method, target, body in (
                    ("GET", "/health/ready", b""),
                    ("GET", "/v1/models", b""),
                    ("GET", "/metrics", b""),
                    ("POST", "/v1/classify", drawn(1)),
                    ("POST", "/v1/models/digits:reload", b""),
                )
            ]

        assert statuses("") == [200, 401, 401, 401, 401]
        assert statuses(ask) == [200, 200, 200, 200, 403]
        assert statuses(manage) == [200] * 5
        log = [json.loads(line) for line in service.access_log(15)]
    assert [each["status"] for each in log[:5]] == [200, 401, 401, 401, 401]
    assert len({each["request_id"] for each in log}) == 15


def test_the_extra_is_named_where_it_is_missing(tmp_path: Path) -> None:
    """With the command that installs it."""
    code = "import sys; sys.modules['uvicorn'] = None; from imgrec.cli.main import main; main()"
    process = subprocess.run(
        [sys.executable, "-c", code, "serve"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=SECONDS,
    )
    assert process.returncode == 4
    assert "uvicorn" in process.stderr
    assert "pip install 'imgrec[serve]'" in process.stderr


@pytest.mark.tensorflow
def test_what_is_not_answered_is_logged(service: Running) -> None:
    """With the id that its response names."""
    found = service.ask("GET", "/nothing")
    service.wait_for_line('"path": "/nothing"')
    line = next(json.loads(each) for each in service.lines if "/nothing" in each)
    assert found.status == 404
    assert found.document["request_id"] == found.headers["x-request-id"] == line["request_id"]
