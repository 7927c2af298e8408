"""The server: it listens until a signal ends it."""

from __future__ import annotations

import gc
import logging
import os
import shlex
import signal
import socket
import ssl
from collections.abc import Callable, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import uvicorn

from imgrec.errors import RunError, Terminated, UsageError
from imgrec.files import reason_of
from imgrec.runtime.engine import DEFAULT_ENGINE, EngineOptions
from imgrec.serve.access_log import AccessLog
from imgrec.serve.app import Application
from imgrec.serve.connection import Connection
from imgrec.serve.decoding import DecodingPool
from imgrec.serve.lifecycle import Server
from imgrec.serve.limits import Limits
from imgrec.serve.models import ModelSource
from imgrec.serve.page import page_routes
from imgrec.serve.protocols import vertex
from imgrec.serve.reloading import Reloading
from imgrec.serve.routes import ROUTES, Route, described, protocol_routes
from imgrec.serve.security import (
    LOOPBACK_NAMES,
    Security,
    check_origins,
    check_proxies,
    check_reachable,
    host_names,
    is_loopback,
    read_tokens,
)
from imgrec.serve.service import Service
from imgrec.serve.tls import load_certificate, tls_context
from imgrec.text import count_of, join_few, printable

if TYPE_CHECKING:
    from imgrec.serve.classifiers import Classifiers

log = logging.getLogger("imgrec")

_BACKLOG = 2048


@dataclass(frozen=True)
class Settings:
    """What is served, where, and to whom.

    Args:
        models: What is served, the default model first.
        engine: Which engine runs the models.
        host: The address to listen on.
        port: The port; 0 for any.
        classifiers: The folder of the classifiers that are taught; None for none.
        token_file: The tokens that requests have to have; None for none.
        insecure: Whether others may ask without a token.
        certificate, key: Files for TLS, both or none.
        allowed_hosts: Further names by which the service may be addressed.
        allowed_origins: The origins of web pages that may ask.
        proxies: The addresses of proxies, whose X-Forwarded headers are believed.
        limits: What requests may take.
        grace: Seconds that requests have to be answered after a signal.
        reload: Whether a model is opened again when its run has changed.
        access_log: Whether a line is written for each request.
    """

    models: Sequence[ModelSource]
    engine: EngineOptions = DEFAULT_ENGINE
    host: str = "127.0.0.1"
    port: int = 8000
    classifiers: Path | None = None
    token_file: Path | None = None
    insecure: bool = False
    certificate: Path | None = None
    key: Path | None = None
    allowed_hosts: Sequence[str] = ()
    allowed_origins: Sequence[str] = ()
    proxies: Sequence[str] = ()
    limits: Limits = field(default_factory=Limits)
    grace: float = 30.0
    reload: bool = False
    access_log: bool = True


def serve(settings: Settings, decoding: DecodingPool) -> None:
    """Answer requests until a signal ends the service, and every request has its answer.

    Args:
        settings: What is served, where, and to whom.
        decoding: Decodes the photos; the caller closes it.

    Raises:
        UsageError: Others could reach the service without a token, or TLS lacks a file.
        RunError: A model can't be used, or the address can't be listened on.
        Terminated, KeyboardInterrupt: Requests were not answered within the grace.
    """
    tls = tls_context(settings.certificate, settings.key)
    security = _security(settings, tls)
    with ExitStack() as held:
        listener = held.enter_context(_listening(settings))
        address = _address(settings, listener)
        classifiers = _classifiers(settings, address, held)
        routes = (
            *page_routes(
                teaches=settings.classifiers is not None,
                needs_token=settings.token_file is not None,
            ),
            *_classifier_routes(classifiers),
            *protocol_routes(vertex(os.environ)),
            *ROUTES,
        )
        service = Service(settings.models, decoding, settings.engine, settings.limits)
        held.callback(service.close)
        if classifiers is not None:
            classifiers.follow(service)
        server = _server(settings, service, security, described(routes), classifiers)
        server.config.load()
        server.config.ssl = tls  # that of uvicorn would ask for the password of a key
        listener.listen(_BACKLOG)  # clients can connect from now on
        if classifiers is not None:
            place = printable(str(settings.classifiers))
            log.info(
                "classifiers: %s in %s", join_few(classifiers.names(), 10) or "none yet", place
            )
        _say_what_is_served(settings, service, address)
        gc.freeze()  # what lives as long as the service
        gc.enable()
        server.run(sockets=[listener])
    if not server.drained:
        raise Terminated if server.signal == signal.SIGTERM else KeyboardInterrupt


def _classifiers(settings: Settings, address: str, held: ExitStack) -> Classifiers | None:
    if settings.classifiers is None:
        return None
    for name in ("scipy", "pydantic"):  # not among what predicting takes
        if find_spec(name) is None:
            raise RunError(
                f"--classifiers needs the module {name}",
                hint="install what requirements-predict.txt lists",
            )
    from imgrec.classifier_folder import is_classifier
    from imgrec.serve.classifiers import Classifiers

    folder = settings.classifiers
    if is_classifier(folder):
        raise UsageError(
            f"{printable(str(folder))} is a classifier",
            hint="give the folder above: --classifiers "
            f"{printable(shlex.quote(str(folder.resolve().parent)))}",
        )
    return held.enter_context(closing(Classifiers(settings.classifiers, address)))


def _classifier_routes(classifiers: Classifiers | None) -> Sequence[Route]:
    if classifiers is None:
        return ()
    from imgrec.serve.classifiers import classifier_routes

    return classifier_routes(classifiers)


def _server(
    settings: Settings,
    service: Service,
    security: Callable[[], Security],
    routes: Sequence[Route],
    classifiers: Classifiers | None,
) -> Server:
    access_log = AccessLog() if settings.access_log else AccessLog(None)
    application = Application(service, security(), access_log, routes)
    reloading = Reloading(service, application, security, watch=settings.reload)

    def drain() -> None:
        service.draining = True

    def connections() -> int:
        return len(server.server_state.connections)

    def tick() -> None:
        access_log.flush()
        reloading.tick()

    def end() -> None:
        if classifiers is not None:
            classifiers.stop()

    server = Server(
        _config(settings, application),
        settings.grace,
        on_drain=drain,
        on_reload=reloading.request,
        on_tick=tick,
        on_end=end,
    )
    service.metrics.connections.set_function(connections)
    return server


def _config(settings: Settings, application: Application) -> uvicorn.Config:
    logging.getLogger("uvicorn.error").setLevel(logging.ERROR)
    limits = settings.limits

    class LimitedConnection(Connection):
        pass

    LimitedConnection.limits = limits
    return uvicorn.Config(
        application.for_origins(settings.allowed_origins),
        http=LimitedConnection,
        ws="none",
        lifespan="off",
        access_log=False,
        log_config=None,
        server_header=False,
        proxy_headers=bool(settings.proxies),
        forwarded_allow_ips=list(settings.proxies),
        timeout_keep_alive=round(limits.idle_seconds),
        backlog=_BACKLOG,
    )


def _security(settings: Settings, tls: ssl.SSLContext | None) -> Callable[[], Security]:
    """Return a function that reads who may ask, and the certificate, again."""
    check_proxies(settings.proxies)
    check_origins(settings.allowed_origins)
    check_reachable(
        settings.host,
        settings.proxies,
        token_file=settings.token_file,
        insecure=settings.insecure,
    )
    loopback = is_loopback(settings.host)
    hosts = {*host_names(settings.allowed_hosts)}
    hosts |= {*LOOPBACK_NAMES} if loopback or hosts else set()

    def read() -> Security:
        file = settings.token_file
        tokens = None if file is None else read_tokens(file).tokens
        if tls and settings.certificate and settings.key:
            load_certificate(tls, settings.certificate, settings.key)
        return Security(
            tokens=tokens,
            anyone_manages=loopback and not settings.proxies,
            hosts=hosts,
            origins=frozenset(settings.allowed_origins),
        )

    read()
    if not loopback and settings.certificate is None and not settings.proxies:
        log.warning(
            "photos and tokens are not encrypted: give --certificate and --key, or name the proxy "
            "that encrypts with --proxy"
        )
    return read


def _listening(settings: Settings) -> socket.socket:
    kind = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    listener = socket.socket(kind, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((settings.host, settings.port))
    except OSError as error:
        listener.close()
        place = printable(f"{settings.host}:{settings.port}")
        raise RunError(
            f"{place} can't be listened on: {reason_of(error)}",
            hint="choose another one with --host and --port; --port 0 takes any that is free",
        ) from error
    return listener


def _address(settings: Settings, listener: socket.socket) -> str:
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    scheme = "http" if settings.certificate is None else "https"
    return f"{scheme}://{host}:{listener.getsockname()[1]}"


def _say_what_is_served(settings: Settings, service: Service, address: str) -> None:
    for each in service.models:
        classes = count_of(len(each.classes), "class")
        log.info("model %s: %s", printable(each.name), classes)
    limits = settings.limits
    log.info(
        "limits: %s a request of at most %s MiB, %s waiting, %s",
        count_of(limits.photos, "photo"),
        limits.body >> 20,
        limits.waiting,
        count_of(limits.connections, "connection"),
    )
    log.info("listening on %s", address)
