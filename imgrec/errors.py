"""The errors a user can meet, each with its exit status.

    ImgrecError
    ├── UsageError       2   wrong usage
    │   ├── ConfigError  2   an invalid config; lists every problem
    │   └── SettingError 2   one setting that does not fit; becomes a ConfigError
    ├── DataError        3   bad data
    │   ├── GroupError   3   a `data.group` that leaves images without a group
    │   └── BadImage     3   a file that can't be read as an image
    ├── RunError         4   a model, run or file that can't be read, used or written

    KeyboardInterrupt  130
    └── Terminated     143   SIGTERM arrived

A message says what is wrong and where; `hint` says what to do next.
"""

from __future__ import annotations


class ImgrecError(Exception):
    """An error that the user can fix; shown without a traceback.

    Args:
        message: What is wrong, and where.
        hint: What to do next; may be empty.
    """

    exit_status = 70

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class UsageError(ImgrecError):
    """Wrong usage of the command line or of a function."""

    exit_status = 2


class ConfigError(UsageError):
    """An invalid config; the message lists every problem."""


class SettingError(UsageError):
    """A setting that does not fit what it meets, raised where the config itself is not known.

    path: the keys that lead to it in the config, as `("model", "layers", 0)`. A workflow turns it
    into a ConfigError with the file and the line.
    """

    def __init__(self, path: tuple[str | int, ...], message: str) -> None:
        super().__init__(message)
        self.path = path


class DataError(ImgrecError):
    """Data that would make a result wrong or impossible to compute.

    Args:
        message: What is wrong, and where.
        hint: What to do next; may be empty.
        path: The keys of a config that name the data, as `("data", "root")`, if they are wrong.
    """

    exit_status = 3

    def __init__(self, message: str, *, hint: str = "", path: tuple[str, ...] = ()) -> None:
        super().__init__(message, hint=hint)
        self.path = path


class GroupError(DataError):
    """A `data.group` by which not every image has a group.

    problem: what is wrong with it, to follow the name of the key, or of the option that sets it.
    """

    def __init__(self, problem: str, *, hint: str) -> None:
        super().__init__(f"data.group {problem}", hint=hint)
        self.problem = problem


class BadImage(DataError):
    """A file that can't be read as an image.

    Args:
        name: The file. `message` contains it unescaped, even with control characters.
        reason: Why it can't be read, without the file's name.
    """

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(f"{name}: {reason}")
        self.name = name
        self.reason = reason


class RunError(ImgrecError):
    """A model or a run that can't be read, used or written."""

    exit_status = 4


def is_exhaustion(error: BaseException) -> bool:
    """Return whether an exception means that the system has no more memory or threads."""
    return (
        isinstance(error, MemoryError)
        or error.args == ("can't start new thread",)
        # A library that can't be loaded.
        or (isinstance(error, ImportError) and "failed to map segment" in str(error))
    )


class Terminated(KeyboardInterrupt):
    """SIGTERM arrived. A KeyboardInterrupt, so that no library's `except Exception` catches it."""

    exit_status = 143
