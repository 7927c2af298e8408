"""The routes of the page: `/` and the files that it loads."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cache
from importlib import resources

from imgrec.files import sha256
from imgrec.json_documents import json_line
from imgrec.serve.exchange import JSON, HttpRequest, HttpResponse
from imgrec.serve.routes import ROUTES, Handler, Route
from imgrec.serve.security import Right
from imgrec.serve.service import Service

_TYPES = {"html": "text/html", "css": "text/css", "js": "text/javascript", "svg": "image/svg+xml"}
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'; trusted-types 'none'"
)
_HEADERS = {
    "cache-control": "no-cache",
    "vary": "accept",
    "content-security-policy": _POLICY,
    "permissions-policy": "camera=(self), geolocation=(), microphone=()",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
}


def page_routes(*, teaches: bool, needs_token: bool) -> Iterator[Route]:
    """Yield the routes of the page, which everybody may load; they go before others of `/`.

    `manages` alone takes the right to manage: its status tells the page whether the visitor has it.

    Args:
        teaches: Whether there are classifiers.
        needs_token: Whether requests have to have a token.
    """
    static = resources.files(__package__).joinpath("static")
    for file in sorted(static.iterdir(), key=lambda each: each.name):
        handler = _constant(file.read_bytes, _TYPES[file.name.rpartition(".")[2]])
        if file.name == "index.html":
            yield Route("/", ("GET",), _for_browsers(handler), right=None)
        else:
            yield _file(file.name, handler)
    yield _file("design.css", _constant(_design, _TYPES["css"]))
    found = json_line({"teaches": teaches, "needs_token": needs_token}).encode()
    yield _file("service.json", _constant(lambda: found, JSON))
    yield _file("manages", _constant(lambda: b"{}", JSON), right="manage")


def _file(name: str, handler: Handler, right: Right | None = None) -> Route:
    return Route(f"/page/{name}", ("GET",), handler, right=right)


def _design() -> bytes:
    from imgrec.report.templates import style_sheet  # and Jinja, which takes a while

    return style_sheet().encode()


def _constant(content: Callable[[], bytes], media_type: str) -> Handler:
    """Return the handler of what is made when it is first asked for."""

    @cache
    def whole() -> HttpResponse:
        found = content()
        headers = _HEADERS | {"etag": f'"{sha256(found)[:16]}"'}
        return HttpResponse(found, f"{media_type}; charset=utf-8", headers=headers)

    async def handler(_service: Service, request: HttpRequest) -> HttpResponse:
        found = whole()
        if request.headers.get("if-none-match") == found.headers["etag"]:
            return replace(found, body=b"", status=304)
        return found

    return handler


def _for_browsers(page: Handler) -> Handler:
    """Return a handler of `/`, where programs find what a protocol answers."""
    programs = next(each.handler for each in ROUTES if each.path == "/" and "GET" in each.methods)

    async def handler(service: Service, request: HttpRequest) -> HttpResponse:
        is_browser = "text/html" in request.headers.get("accept", "")
        return await (page if is_browser else programs)(service, request)

    return handler
