"""Vertex AI's custom containers: TensorFlow Serving's rows under paths that variables name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from imgrec.errors import UsageError
from imgrec.serve.protocols.open_inference import READY
from imgrec.serve.protocols.protocol import Protocol
from imgrec.serve.protocols.tf_serving import PREDICT, TF_SERVING
from imgrec.text import printable

HEALTH, QUESTIONS = "AIP_HEALTH_ROUTE", "AIP_PREDICT_ROUTE"


def vertex(environment: Mapping[str, str]) -> Protocol:
    """Return the protocol of a Vertex AI container.

    Args:
        environment: The variables. Without AIP_HEALTH_ROUTE and AIP_PREDICT_ROUTE, the protocol
            has no paths.

    Raises:
        UsageError: A variable is not a path.
    """
    health, questions = (_paths(environment, name) for name in (HEALTH, QUESTIONS))
    return replace(
        TF_SERVING,
        name="Vertex AI",
        operations=(replace(PREDICT, paths=questions),),
        descriptions=(replace(READY, paths=health),),
    )


def _paths(environment: Mapping[str, str], name: str) -> tuple[str, ...]:
    path = environment.get(name, "")
    if path and (not path.startswith("/") or {*"{}?#"} & {*path}):
        raise UsageError(
            f"{name} is {printable(path)}, which is not a path", hint=f"unset {name} outside Vertex"
        )
    return (path,) if path else ()
