"""The server: it listens until it is ended."""

from __future__ import annotations

import os

import uvicorn

from imgrec.serve.app import application
from imgrec.serve.models import ServedModels
from imgrec.serve.protocols import vertex
from imgrec.serve.routes import ROUTES, protocol_routes
from imgrec.serve.service import Service


def serve(models: ServedModels, host: str, port: int) -> None:
    """Answer requests until a signal arrives."""
    routes = (*protocol_routes(vertex(os.environ)), *ROUTES)
    config = uvicorn.Config(
        application(Service(models), routes), host=host, port=port, ws="none", lifespan="off"
    )
    uvicorn.Server(config).run()
