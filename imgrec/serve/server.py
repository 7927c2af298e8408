"""The server: it listens until it is ended."""

from __future__ import annotations

import os
from contextlib import ExitStack, closing
from pathlib import Path

import uvicorn

from imgrec.serve.app import application
from imgrec.serve.models import ServedModels
from imgrec.serve.protocols import vertex
from imgrec.serve.routes import ROUTES, protocol_routes
from imgrec.serve.service import Service


def serve(models: ServedModels, host: str, port: int, folder: Path | None = None) -> None:
    """Answer requests until a signal arrives; folder: with the classifiers that are taught."""
    routes = (*protocol_routes(vertex(os.environ)), *ROUTES)
    with ExitStack() as held:
        if folder is not None:
            from imgrec.serve.classifiers import Classifiers, classifier_routes

            classifiers = held.enter_context(closing(Classifiers(folder, f"http://{host}:{port}")))
            routes = (*classifier_routes(classifiers), *routes)
        config = uvicorn.Config(
            application(Service(models), routes), host=host, port=port, ws="none", lifespan="off"
        )
        uvicorn.Server(config).run()
