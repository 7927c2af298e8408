"""What `/metrics` says, for Prometheus."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest

CONTENT_TYPE = CONTENT_TYPE_LATEST

_SECONDS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10)
_SIZES = (1, 2, 4, 8, 16, 32)


class Metrics:
    """Counters of one service."""

    def __init__(self) -> None:
        self.registry = registry = CollectorRegistry()
        self.requests = Counter(
            "imgrec_requests",
            "Requests by route and status",
            ("route", "status"),
            registry=registry,
        )
        self.seconds = Histogram(
            "imgrec_request_seconds",
            "From the head of a request to its response",
            ("route",),
            buckets=_SECONDS,
            registry=registry,
        )
        self.decode_seconds = Histogram(
            "imgrec_decode_seconds",
            "From the body of a request to the pixels of a photo",
            buckets=_SECONDS,
            registry=registry,
        )
        self.model_seconds = Histogram(
            "imgrec_model_seconds", "Of a batch in a model", buckets=_SECONDS, registry=registry
        )
        self.batches = Histogram(
            "imgrec_batch_photos", "Photos in a batch", buckets=_SIZES, registry=registry
        )
        self.photos = Counter(
            "imgrec_photos",
            "Photos by model and answer: known, unknown or unreadable",
            ("model", "answer"),
            registry=registry,
        )
        self.shed = Counter(
            "imgrec_shed", "Requests that were turned away as too many waited", registry=registry
        )
        self.gone = Counter(
            "imgrec_gone", "Requests whose client left before the answer", registry=registry
        )
        self.waiting = Gauge(
            "imgrec_waiting_photos", "Photos being answered or waiting for it", registry=registry
        )
        self.connections = Gauge("imgrec_connections", "Open connections", registry=registry)

    def text(self) -> bytes:
        """Return all values in Prometheus' text format."""
        return generate_latest(self.registry)
