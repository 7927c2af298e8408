"""The errors a user can meet, each with its exit status.

    ImgrecError
    ├── UsageError       2   wrong usage
    │   └── ConfigError  2   a config with problems, every one listed
    ├── DataError        3   bad data
    │   └── BadImage     3   one file that is no readable image
    ├── RunError         4   a model or run that can't be read, used or written

    KeyboardInterrupt  130
    └── Terminated     143   SIGTERM arrived

Every message says what and where; `hint` says what to do next.
"""

from __future__ import annotations


class ImgrecError(Exception):
    """Something the user can mend; shown without a traceback."""

    exit_status = 70

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class UsageError(ImgrecError):
    """The command line asks for something that can't be."""

    exit_status = 2


class ConfigError(UsageError):
    """A config that can't be used; the message lists every problem."""


class DataError(ImgrecError):
    """Data that would make a result wrong or impossible."""

    exit_status = 3


class BadImage(DataError):
    """One file that can't be read as an image; `reason` leaves the file's name out.

    `message` holds the name as it is, control characters and all.
    """

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(f"{name}: {reason}")
        self.name = name
        self.reason = reason


class RunError(ImgrecError):
    """A model or a run that can't be read, used or written."""

    exit_status = 4


class Terminated(KeyboardInterrupt):
    """SIGTERM arrived; no library's `except Exception` takes it for a failure of its own."""

    exit_status = 143
