"""Regular expressions from a config, searched in names within a bounded time."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import warnings
from collections.abc import Sequence

from imgrec.text import count_of, printable

SECONDS = 60
"""How long a search may take, which is enough for millions of names."""

_LONGEST = 1000
_SHOWN = 60

# Python's search can take for ever, and nothing in its process can end it.
_SEARCH = """
import json, re, sys
expression, names = json.load(sys.stdin)
pattern = re.compile(expression)
group = min(pattern.groups, 1)
matches = map(pattern.search, names)
json.dump([(match[group] or "") if match else "" for match in matches], sys.stdout)
"""


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

    That is its first group, or the whole match if it has none. A process searches, and is ended
    after 60 seconds.

    Raises:
        ValueError: It is not a regular expression, or takes longer.

    Example:
        >>> search_names(r"^(.+)_", ["a_1.png", "b_2.png", "c.png"])
        ['a', 'b', '']
    """
    groups_in(expression)
    try:
        done = subprocess.run(  # noqa: S603  # this Python, and a program that stands above
            [sys.executable, "-I", "-S", "-c", _SEARCH],
            input=json.dumps([expression, list(names)]),
            capture_output=True,
            check=True,
            text=True,
            timeout=SECONDS,
        )
    except subprocess.TimeoutExpired:
        reason = f"takes longer than {SECONDS} seconds"
    except subprocess.CalledProcessError as error:
        reason = f"fails ({error})"
    else:
        found: list[str] = json.loads(done.stdout)
        return found
    raise ValueError(
        f"the search for {printable(expression)} in {count_of(len(names), 'name')} {reason}; avoid "
        "repetitions within repetitions, such as (a+)+"
    )
