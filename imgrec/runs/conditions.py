"""Conditions on runs, as text: `accuracy > 0.9 and backbone == "VGG16"`.

    condition   =  comparison  |  not condition  |  condition and condition  |  condition or ...
    comparison  =  name operator value, with ==, !=, <, <=, >, >=, in, not in
    value       =  a number, one in percent, "text", true, false, none, or another name

Only the syntax is Python's: nothing is evaluated.
"""

from __future__ import annotations

import ast
import operator
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from imgrec.errors import UsageError
from imgrec.text import printable

Lookup = Callable[[str], Any]

HINT = (
    'write conditions such as `accuracy > 0.9 and backbone == "VGG16"`, `"best" in tags` or '
    "`not complete`"
)

_LONGEST = 2_000
_SHOWN = 20
_ORDER: Mapping[type[ast.cmpop], Callable[[Any, Any], bool]] = {
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
}
_WORDS: Mapping[str, bool | None] = {"true": True, "false": False, "none": None, "null": None}
# A number in percent, outside of quotes.
_PERCENT = re.compile(r""""[^"]*"|'[^']*'|(?<![\w.])(?P<number>\d+\.?\d*)\s*%""")


@dataclass(frozen=True)
class Condition:
    """A condition on a run.

    Attributes:
        text: As it was written.
        names: What it asks for, such as `accuracy`.
    """

    text: str
    names: tuple[str, ...]
    _node: ast.expr

    def holds(self, value: Lookup) -> bool:
        """Return whether it holds; `value` returns what has a name, None if there is nothing.

        A comparison with nothing, or of a number with a text, does not hold; `!=` does.

        Example:
            >>> condition = parse("accuracy >= 90 % and not tags")
            >>> condition.holds({"accuracy": 0.91}.get)
            True
        """
        return bool(_value(self._node, value))


def parse(text: str) -> Condition:
    """Parse a condition; names are not checked.

    Raises:
        UsageError: It can't be parsed.
    """
    if len(text) > _LONGEST:
        raise _problem(text, f"has more than {_LONGEST:,} characters")
    source = _PERCENT.sub(_fraction, text).strip()
    try:
        node = ast.parse(source, mode="eval").body
        names = tuple(dict.fromkeys(_names(node)))
    except SyntaxError as error:
        raise _problem(text, _cause(text, error)) from None
    except (ValueError, RecursionError, MemoryError):
        raise _problem(text, "is nested too deeply, or has characters that are not text") from None
    except _Unknown as error:
        part = printable((ast.get_source_segment(source, error.node) or "")[:_SHOWN])
        message = f"{part} is neither a name, a number nor a text in quotes"
        raise _problem(text, message) from None
    return Condition(text, names, node)


class _Unknown(Exception):
    """A part of the syntax that a condition does not have."""

    def __init__(self, node: ast.expr) -> None:
        super().__init__(type(node).__name__)
        self.node = node


def _fraction(found: re.Match[str]) -> str:
    return found[0] if found["number"] is None else repr(float(found["number"]) / 100)


def _cause(text: str, error: SyntaxError) -> str:
    if re.search(r"(?<![=!<>])=(?!=)", text):
        return "is not a condition; write `==` for equal"
    rest = (error.text or "")[(error.offset or 1) - 1 :][:_SHOWN].strip()
    where = f"; the mistake is at or after {printable(rest)}" if rest else ""
    return f"is not a condition{where}"


def _names(node: ast.expr) -> Iterator[str]:
    """Yield the names below a node; raise _Unknown for what can't be part of a condition."""
    match node:
        case ast.BoolOp(values=inner):
            parts = inner
        case ast.UnaryOp(op=ast.Not() | ast.USub() | ast.UAdd(), operand=one):
            parts = [one]
        case ast.Compare(left=left, comparators=others):
            parts = [left, *others]
        case ast.Tuple(elts=inner) | ast.List(elts=inner):
            parts = inner
        case ast.Constant(value=str() | int() | float() | None):
            return
        case _:
            name = _name(node)
            if name not in _WORDS:
                yield name
            return
    for each in parts:
        yield from _names(each)


def _name(node: ast.expr) -> str:
    """Return a name with its dots and numbers in brackets: `model.layers[1].Dense.units`."""
    match node:
        case ast.Name(id=name):
            return name
        case ast.Attribute(value=before, attr=name):
            return f"{_name(before)}.{name}"
        case ast.Subscript(value=before, slice=ast.Constant(value=int() as index)):
            return f"{_name(before)}[{index}]"
    raise _Unknown(node)


def _value(node: ast.expr, lookup: Lookup) -> Any:
    if type(node) in _VALUES:
        return _VALUES[type(node)](node, lookup)
    name = _name(node)
    return _WORDS[name] if name in _WORDS else lookup(name)


def _boolean(node: ast.BoolOp, lookup: Lookup) -> bool:
    values = (_value(each, lookup) for each in node.values)
    return all(values) if isinstance(node.op, ast.And) else any(values)


def _unary(node: ast.UnaryOp, lookup: Lookup) -> Any:
    value = _value(node.operand, lookup)
    if isinstance(node.op, ast.Not):
        return not value
    if not isinstance(value, int | float):
        return None
    return -value if isinstance(node.op, ast.USub) else value


def _comparison(node: ast.Compare, lookup: Lookup) -> bool:
    values = [_value(each, lookup) for each in (node.left, *node.comparators)]
    triples = zip(node.ops, values, values[1:], strict=False)
    return all(_compared(each, one, other) for each, one, other in triples)


def _sequence(node: ast.Tuple | ast.List, lookup: Lookup) -> tuple[Any, ...]:
    return tuple(_value(each, lookup) for each in node.elts)


_VALUES: Mapping[type[ast.expr], Callable[[Any, Lookup], Any]] = {
    ast.BoolOp: _boolean,
    ast.UnaryOp: _unary,
    ast.Compare: _comparison,
    ast.Tuple: _sequence,
    ast.List: _sequence,
    ast.Constant: lambda node, _: node.value,
}


def _compared(how: ast.cmpop, one: Any, other: Any) -> bool:
    match how:
        case ast.Eq() | ast.Is():
            return bool(one == other)
        case ast.NotEq() | ast.IsNot():
            return bool(one != other)
        case ast.In() | ast.NotIn():
            texts = isinstance(one, str) and isinstance(other, str)
            within = (texts or isinstance(other, tuple)) and one in other
            return within is isinstance(how, ast.In)
    numbers = isinstance(one, int | float) and isinstance(other, int | float)
    texts = isinstance(one, str) and isinstance(other, str)
    return (numbers or texts) and _ORDER[type(how)](one, other)


def _problem(text: str, message: str) -> UsageError:
    return UsageError(f"{printable(text.strip()[:200]) or 'an empty text'}: {message}", hint=HINT)
