"""The names of classifiers and classes, which become names of folders."""

from __future__ import annotations

import re

from imgrec.data.storage import is_system_entry
from imgrec.errors import UsageError
from imgrec.text import class_name, printable, quoted

_LONGEST = 100
_LONGEST_BYTES = 200
_REFUSED = frozenset('/\\:*?"<>|')
# What Windows takes for a device, whatever the suffix.
_DEVICE = re.compile(r"(con|prn|aux|nul|com[0-9]|lpt[0-9])(\..*)?", re.IGNORECASE)


def check_classifier_name(name: str) -> None:
    """Raise UsageError unless `name` can be that of a classifier.

    It consists of letters, digits, `.`, `_` and `-`, like that of a run.
    """
    if not re.fullmatch(r"[^\W_][\w.-]{0,63}", name) or _is_refused(name):
        raise UsageError(
            f"{quoted(name)} can't be the name of a classifier",
            hint="a name consists of letters, digits, dots, underscores and hyphens, begins with a "
            "letter or digit, and is no longer than 64 characters",
        )


def check_class_name(name: str) -> str:
    r"""Return the name of a class in Unicode NFC; raise UsageError if it can't be one.

    Example:
        >>> check_class_name(" cafe\u0301 ")
        'café'
    """
    name = class_name(name)
    if not name or _is_refused(name) or name.startswith(".") or _REFUSED & set(name):
        raise UsageError(
            f"{quoted(name)} can't be the name of a class",
            hint="it is that of a folder: it can't begin or end with a dot, be a reserved name "
            'such as con, or contain control characters or any of / \\ : * ? " < > |',
        )
    if len(name) > _LONGEST or len(name.encode("utf-8", "surrogatepass")) > _LONGEST_BYTES:
        raise UsageError(
            f"the name of a class has {len(name):,} characters",
            hint=f"at most {_LONGEST} characters and {_LONGEST_BYTES} bytes are allowed",
        )
    return name


def _is_refused(name: str) -> bool:
    return (
        name != printable(name)
        or name.endswith((".", " "))
        or is_system_entry(name)
        or _DEVICE.fullmatch(name) is not None
    )
