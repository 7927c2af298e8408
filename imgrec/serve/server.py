"""The server: it listens until it is ended."""

from __future__ import annotations

import uvicorn

from imgrec.serve.app import application
from imgrec.serve.models import ServedModels
from imgrec.serve.service import Service


def serve(models: ServedModels, host: str, port: int) -> None:
    """Answer requests until a signal arrives."""
    config = uvicorn.Config(
        application(Service(models)), host=host, port=port, ws="none", lifespan="off"
    )
    uvicorn.Server(config).run()
