"""The routes of the page: `/` and the files that it loads."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import resources

from imgrec.files import sha256
from imgrec.json_documents import json_line
from imgrec.report.templates import style_sheet
from imgrec.serve.exchange import JSON, HttpRequest, HttpResponse
from imgrec.serve.routes import ROUTES, Handler, Route
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

    Args:
        teaches: Whether there are classifiers.
        needs_token: Whether requests have to have a token.
    """
    static = resources.files(__package__).joinpath("static")
    for file in sorted(static.iterdir(), key=lambda each: each.name):
        handler = _constant(file.read_bytes(), _TYPES[file.name.rpartition(".")[2]])
        if file.name == "index.html":
            yield Route("/", ("GET",), _for_browsers(handler), right=None)
        else:
            yield _file(file.name, handler)
    yield _file("design.css", _constant(style_sheet().encode(), _TYPES["css"]))
    found = {"teaches": teaches, "needs_token": needs_token}
    yield _file("service.json", _constant(json_line(found).encode(), JSON))


def _file(name: str, handler: Handler) -> Route:
    return Route(f"/page/{name}", ("GET",), handler, right=None)


def _constant(content: bytes, media_type: str) -> Handler:
    tag, kind = f'"{sha256(content)[:16]}"', f"{media_type}; charset=utf-8"
    headers = _HEADERS | {"etag": tag}
    whole = HttpResponse(content, kind, headers=headers)
    unchanged = HttpResponse(b"", kind, 304, headers)

    async def handler(_service: Service, request: HttpRequest) -> HttpResponse:
        return unchanged if request.headers.get("if-none-match") == tag else whole

    return handler


def _for_browsers(page: Handler) -> Handler:
    """Return a handler of `/`, where programs find what a protocol answers."""
    programs = next(each.handler for each in ROUTES if each.path == "/" and "GET" in each.methods)

    async def handler(service: Service, request: HttpRequest) -> HttpResponse:
        is_browser = "text/html" in request.headers.get("accept", "")
        return await (page if is_browser else programs)(service, request)

    return handler
