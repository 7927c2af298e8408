"""The problems of a config, in plain words and with line numbers.

configs/x.yaml has 2 problems
  line 12  model.layers[0].Conv2D.filtres: unknown key; did you mean 'filters'? allowed: ...
  line 15  training.epochs: 'ten' is not a whole number
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from imgrec import text
from imgrec.errors import ConfigError
from imgrec.interface import option, setting
from imgrec.sections.yaml import KeyPath

OVERRIDE = 0
SHOWN = 50
"""How many problems of a config a message lists."""


@dataclass(frozen=True)
class Problem:
    """One problem. `line` counts from 1; 0 (OVERRIDE) is an override; None is unknown."""

    line: int | None
    path: str
    message: str

    @property
    def place(self) -> str:
        """`line 12`, the option of overrides, or empty if unknown."""
        if self.line is None:
            return ""
        return option("set") if self.line == OVERRIDE else f"line {self.line}"


def config_error(source: str, problems: Sequence[Problem], hint: str = "") -> ConfigError:
    """Return the error with the only problem of the config `source`, or the first ones by line.

    Args:
        source: The name of the file.
        problems: At least one.
        hint: What to do. By default, it describes the config of an experiment.
    """
    hint = hint or _hint(problems)
    where = text.printable(source) or "the config"
    if len(problems) == 1:
        (problem,) = problems
        place = f", {problem.place}" if problem.place else ""
        return ConfigError(f"{where}{place}: {_entry(problem, 0)}", hint=hint)
    ordered = sorted(problems, key=lambda problem: problem.line or 1_000_000_000)
    shown, more = ordered[:SHOWN], len(ordered) - SHOWN
    width = max(len(problem.place) for problem in shown)
    lines = [f"  {_entry(problem, width)}" for problem in shown]
    if more > 0:
        lines.append(f"  and {more:,} more")
    header = f"{where} has {text.count_of(len(ordered), 'problem')}"
    return ConfigError("\n".join([header, *lines]), hint=hint)


def _hint(problems: Sequence[Problem]) -> str:
    """Return what a valid config is, and where the section with the problems is described.

    Whoever overrides a key of a config has a valid one.
    """
    sections = {re.split(r"[.[]", problem.path)[0] for problem in problems}
    if sections == {"sweep"}:
        space = setting("sweep.space", "{data.fit: {choose: [crop, pad]}}")
        return f"{space} is a valid section; docs/config.md describes `sweep`"
    valid = "`imgrec config show small_cnn` prints a valid config"
    if sections == {""}:
        return valid
    unknown_section = any(
        problem.path in sections and problem.message.startswith("unknown key")
        for problem in problems
    )
    what = f"`{sections.pop()}`" if len(sections) == 1 and not unknown_section else "every key"
    described = f"docs/config.md describes {what}"
    if all(problem.line == OVERRIDE for problem in problems):
        return described
    return f"{valid}; {described}"


def problem_at(path: KeyPath, message: str, lines: Mapping[KeyPath, int]) -> Problem:
    """Return a problem at `path`, on the line of the nearest enclosing key in the config."""
    above = (path[:length] for length in range(len(path), -1, -1))
    line = next((lines[known] for known in above if known in lines), None)
    return Problem(line, written_path(path), message)


def written_path(path: KeyPath) -> str:
    """Return a key path as text, such as `model.layers[0].Conv2D.filters`."""
    parts = (f"[{key}]" if isinstance(key, int) else f".{_safe_key(key)}" for key in path)
    return "".join(parts).removeprefix(".")


def shown_value(value: object, limit: int = 60) -> str:
    """Return `value` as one printable line of at most about `limit` characters."""
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, str):
        return repr(value if len(value) <= limit else value[: limit - 1] + "…")
    whole = repr(value)
    return whole if len(whole) <= limit else whole[: limit - 1] + "…"


def unknown(name: str, allowed: Iterable[str]) -> str:
    """Return `; did you mean 'x'? allowed: ...` for a `name` that is not in `allowed`."""
    known = sorted(allowed, key=str.lower)
    near = [repr(each) for each in text.similar_names(name, known)]
    meant = f" did you mean {text.either(near)}?" if near else ""
    return f";{meant} allowed: {', '.join(known)}"


def error_text(error: Mapping[str, Any]) -> str:
    """Return the message of a pydantic error in plain words."""
    kind, value, context = error["type"], shown_value(error["input"]), error.get("ctx", {})
    if kind in ("list_type", "tuple_type") and is_tuple(error["input"]):
        return tuple_text(error["input"])
    if kind in _BOUNDS:
        word, limit = _BOUNDS[kind]
        return f"must be {word} {_short(context[limit])}, got {value}"
    if kind in _NOT:
        return f"{value} is not {_NOT[kind]}{_instead(kind, error['input'])}"
    if kind == "literal_error":
        return _not_a_choice(error["input"], context["expected"])
    return _FIXED.get(kind) or f"{error['msg']}, got {value}"


def is_tuple(value: object) -> bool:
    """Return whether `value` is what YAML makes of a Python tuple: `(3, 3)`, or `(3` in braces."""
    return isinstance(value, str) and value.startswith("(")


def tuple_text(value: str) -> str:
    """Return the message about a `value` that is a tuple."""
    if value.endswith(")"):
        return f"write [{value[1:-1]}] instead of a tuple"
    return f'{shown_value(value)}: "(" is not closed; write a list such as [3, 3]'


_BOUNDS = {
    "greater_than": ("greater than", "gt"),
    "greater_than_equal": ("at least", "ge"),
    "less_than": ("less than", "lt"),
    "less_than_equal": ("at most", "le"),
    "string_too_long": ("a string no longer than", "max_length"),
}
_NOT = {
    "int_type": "a whole number",
    "float_type": "a number",
    "finite_number": "a finite number",
    "bool_type": "true or false",
    "string_type": "a string",
    "string_pattern_mismatch": "a name of letters, digits, `.`, `_` and `-`",
    "list_type": "a list",
    "tuple_type": "a list",
    "dict_type": "a mapping",
    "model_type": "a mapping of keys to values",
}
_FIXED = {
    "missing": "is missing",
    "string_too_short": "must not be empty",
    "too_short": "must not be empty",
}


def _instead(kind: str, value: object) -> str:
    """Return how to write a text as the number, list or mapping that it was probably meant for."""
    if not isinstance(value, str):
        return ""
    if kind == "float_type" and (number := re.fullmatch(r"(\d{1,9})(?:,(\d{1,9})| ?%)", value)):
        return (
            f"; write {number[1]}.{number[2]}" if number[2] else f"; write {int(number[1]) / 100}"
        )
    if kind == "list_type" and re.match(r"-\w", value):
        return f"; a dash needs a space after it, as in `- {value[1:].split()[0]}`"
    if kind == "list_type" and "(" in value:
        return "; begin the line of each item with `- `"
    if kind == "model_type" and (pair := re.fullmatch(r"([\w.]+) ?(?:=|: ) ?([^=,{}]+)", value)):
        return f"; write `{{{pair[1]}: {pair[2]}}}`"
    return ""


def _short(limit: float) -> str:
    return str(int(limit) if limit == int(limit) else limit)


def _not_a_choice(value: object, expected: str) -> str:
    choices = [choice.strip("'") for choice in re.split(r", | or ", expected)]
    name = str(value).rpartition(".")[2]  # of `tf.nn.relu`
    return f"{shown_value(value)} is not allowed" + unknown(name, choices)


def _entry(problem: Problem, width: int) -> str:
    place = f"{problem.place.ljust(width)}  " if width else ""
    return place + (f"{problem.path}: " if problem.path else "") + problem.message


def _safe_key(key: str) -> str:
    return key if re.fullmatch(r"[\w-]{1,60}", key) else shown_value(key)
