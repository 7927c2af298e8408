"""Regular expressions from a config, searched in names within a bounded time."""

from __future__ import annotations

import json
import re
import warnings
from collections.abc import Sequence
from typing import Any

from imgrec.text import count_of, printable

SECONDS = 60
"""How long a search may take, which is enough for millions of names."""

_LONGEST = 1000
_SHOWN = 60
_GIB = 1 << 30
# Of what is found, as Python's texts and as JSON with its escapes.
_NAME_BYTES, _CHARACTER_BYTES = 500, 50


def groups_in(expression: str) -> int:
    """Return the number of groups of a regular expression; raise ValueError if it is not one."""
    if len(expression) > _LONGEST:
        raise ValueError(
            f"{printable(expression[:_SHOWN])}… has {len(expression):,} characters, and a regular "
            f"expression may have {_LONGEST:,}"
        )
    try:
        with warnings.catch_warnings(action="ignore", category=FutureWarning):
            return re.compile(expression).groups
    except (re.error, OverflowError) as error:
        reason = str(error)
    except RecursionError:
        reason = "nested too deeply"
    raise ValueError(f"{printable(expression)} is not a regular expression: {reason}")


def search_names(expression: str, names: Sequence[str]) -> list[str]:
    """Return what a regular expression finds in each name; an empty text if it finds nothing.

    That is its first group, or the whole match if it has none. Python's search can take for ever,
    and nothing in its process can end it: a child process searches.

    Raises:
        ValueError: It is not a regular expression, or takes more than 60 seconds or too much
            memory.

    Example:
        >>> search_names(r"^(.+)_", ["a_1.png", "b_2.png", "c.png"])
        ['a', 'b', '']
    """
    from imgrec.child_process import ChildFailure, ChildProcess, Limits  # config loads no NumPy

    groups_in(expression)
    memory = _GIB + _NAME_BYTES * len(names) + _CHARACTER_BYTES * sum(map(len, names))
    try:
        with ChildProcess(
            found_in, [expression, list(names)], Limits(memory, SECONDS, SECONDS)
        ) as child:
            found: list[str] = json.loads(child.result()["found"].tobytes())
    except ChildFailure as failure:
        raise ValueError(
            f"the search for {printable(expression)} in {count_of(len(names), 'name')} {failure}; "
            "avoid repetitions within repetitions, such as (a+)+"
        ) from failure
    return found


def found_in(expression: str, names: Sequence[str]) -> dict[str, Any]:
    """Return what `search_names` does, as JSON in an array; called in its child process."""
    import numpy as np

    pattern = re.compile(expression)
    group = min(pattern.groups, 1)
    matches = map(pattern.search, names)
    found = [(match[group] or "") if match else "" for match in matches]
    return {"found": np.frombuffer(json.dumps(found).encode(), np.uint8)}
