"""The protocols of other services, whose clients can ask this one."""

from imgrec.serve.protocols.hugging_face import HUGGING_FACE
from imgrec.serve.protocols.open_inference import OPEN_INFERENCE
from imgrec.serve.protocols.protocol import Description, Operation, Protocol, Refuse, Status
from imgrec.serve.protocols.tf_serving import TF_SERVING
from imgrec.serve.protocols.vertex_ai import vertex
from imgrec.serve.protocols.vision import VISION

PROTOCOLS: tuple[Protocol, ...] = (HUGGING_FACE, OPEN_INFERENCE, TF_SERVING, VISION)
"""Every protocol."""

__all__ = [
    "HUGGING_FACE",
    "OPEN_INFERENCE",
    "PROTOCOLS",
    "TF_SERVING",
    "VISION",
    "Description",
    "Operation",
    "Protocol",
    "Refuse",
    "Status",
    "vertex",
]
