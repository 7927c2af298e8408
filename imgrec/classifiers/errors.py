"""What can go wrong with a classifier; a service answers each with a status."""

from __future__ import annotations

from imgrec.errors import DataError, RunError, UsageError


class NotFound(UsageError):
    """There is no such classifier, class, photo or version."""


class Conflict(UsageError):
    """The classifier is not in a state that allows this."""


class QuotaExceeded(DataError):
    """A classifier would have more classes, photos or bytes than it may."""


class DiskFull(RunError):
    """There is no space left; nothing was changed."""


class ClassifierInUse(RunError):
    """Another process holds the folder of the classifier.

    address: that of the service that holds it; empty if it is no service.
    """

    def __init__(self, message: str, *, hint: str = "", address: str = "") -> None:
        super().__init__(message, hint=hint)
        self.address = address
