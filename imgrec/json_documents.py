"""JSON documents: typed values as strict JSON text, checked values from JSON, and JSON schemas.

A document is a `msgspec.Struct`, a dataclass or a named tuple. Its annotations are the only
definition of the document: text, check and schema come from them.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Sequence
from typing import Any, NoReturn, TypeVar

import msgspec

from imgrec.text import abridge

Value = TypeVar("Value")

_DIGITS = 20
"""How much of a wrong number a message shows."""

_LONGEST = 200

# Each takes up to 100 bytes of memory.
_MAX_VALUES = 2_000_000

_TYPES = {
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "str": "text",
    "array": "a list",
    "object": "an object",
    "null": "null",
}
_NAMES = "|".join(_TYPES)
_TYPE = re.compile(rf"`((?:{_NAMES})(?: \| (?:{_NAMES}))*)`")
_NOT_ALLOWED = re.compile(r"^Invalid enum value (.*)$", re.DOTALL)

# Outside of strings JSON does not have this character. `##[error]` at the start of a line is a
# command to a CI server, in whose log the text may be printed.
_COMMAND = re.compile(r"#(?=#\w*\[)")


def json_text(document: object) -> str:
    """Return a document as indented JSON, each list of numbers on one line.

    The text is ASCII, so that names with undecodable bytes survive. NaN and infinity, which JSON
    does not have, become null.
    """
    # A line break inside a string is escaped, so only JSON's own layout matches.
    return re.sub(r'\[\n\s+([^][{}"]*?)\n\s+\]', _on_one_line, _dump(document, indent=2)) + "\n"


def json_line(document: object) -> str:
    """Return a document as JSON on one line, as `json_text` otherwise."""
    return _dump(document) + "\n"


def as_builtins(document: object) -> Any:
    """Return a document as the dicts, lists, strings and numbers that JSON has."""
    return msgspec.to_builtins(document, enc_hook=_from_numpy, str_keys=True)


def from_builtins(kind: type[Value], document: object, *, more_keys: bool = False) -> Value:
    """Return parsed JSON as a `kind`, whose keys and types are checked.

    Args:
        kind: The type of the document.
        document: Parsed JSON.
        more_keys: Whether the document may have more keys, as later versions may write them.

    Raises:
        ValueError: A key is missing, unknown or of the wrong type; the message names it.
    """
    try:
        value = msgspec.convert(document, kind)
        unknown = None if more_keys else _unknown_key(document, as_builtins(value))
    except msgspec.ValidationError as error:
        raise ValueError(abridge(_message(error), _LONGEST)) from None
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    if unknown is not None:
        raise ValueError(f"unknown key {abridge(unknown, _LONGEST)}")
    return value


def decode_json(kind: type[Value], content: bytes) -> Value:
    """Return JSON as a `kind`, whose types are checked; further keys are ignored.

    Many times as fast as `parse_json` and `from_builtins`, for documents of which there are many.

    Raises:
        ValueError: It is not JSON, or a key is missing or of the wrong type.
    """
    try:
        return msgspec.json.decode(content, type=kind)
    except msgspec.DecodeError as error:
        raise ValueError(abridge(_message(error), _LONGEST)) from None
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def parse_json(content: str | bytes, *, finite: bool = True, integral: bool = False) -> Any:
    """Return the value of JSON text from anyone.

    Args:
        content: The text.
        finite: Whether NaN and infinity are refused. JSON does not have them, but Keras and
            checkpoints do.
        integral: Whether `1.0` is an integer, as in JSON schemas.

    Raises:
        ValueError: It is not JSON, is nested too deeply, has more than two million values, or a
            number that is not finite or has too many digits.
    """
    marks: Sequence[Any] = ",[{" if isinstance(content, str) else (b",", b"[", b"{")
    if sum(map(content.count, marks)) > _MAX_VALUES:
        raise ValueError(f"it has more than {_MAX_VALUES:,} values")
    constant = _refuse_constant if finite else float
    number = _integral if integral else _number if finite else float
    try:
        return json.loads(content, parse_constant=constant, parse_int=_integer, parse_float=number)
    except UnicodeDecodeError:
        raise ValueError("it is not text in UTF-8") from None
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def place_and_problem(error: msgspec.DecodeError) -> tuple[str, str]:
    """Return where msgspec found a value that is not valid, such as `input.height`, and why.

    Example:
        >>> place_and_problem(msgspec.ValidationError("Expected `int`, got `str` - at `$.top`"))
        ('top', 'expected a whole number, got text')
    """
    problem, _, path = str(error).partition(" - at ")
    problem = _NOT_ALLOWED.sub(r"\1 is not allowed", _TYPE.sub(_type_in_words, problem))
    place = path.strip("`").removeprefix("$").removeprefix(".")
    return place, (problem[:1].lower() + problem[1:]).replace("`", "")


def json_schema(*kinds: type | tuple[type, ...], title: str, description: str) -> dict[str, Any]:
    """Return the JSON schema of a document that is one of several kinds.

    Args:
        *kinds: The types. A tuple is a document with the keys of all its types.
        title: The schema's title.
        description: Where such documents come from.
    """
    types = [each for kind in kinds for each in (kind if isinstance(kind, tuple) else (kind,))]
    references, definitions = schema_components(types, "#/$defs/{name}")
    by_type = dict(zip(types, references, strict=True))
    forms = [
        {"allOf": [by_type[each] for each in kind]} if isinstance(kind, tuple) else by_type[kind]
        for kind in kinds
    ]
    head = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": title,
        "description": f"{description} Readers ignore keys that they don't know: new ones may "
        "come with the same schema_version.",
    }
    body = forms[0] if len(forms) == 1 else {"anyOf": forms}
    return {**head, **body, "$defs": definitions}


def schema_components(
    types: Sequence[Any], place: str
) -> tuple[Sequence[dict[str, Any]], dict[str, dict[str, Any]]]:
    """Return a reference to the schema of each type, and the schemas by name.

    Args:
        types: Their docstrings are the descriptions of the schemas.
        place: Where the schemas will be, such as `#/$defs/{name}`.
    """
    import inspect  # only needed here

    references, schemas = msgspec.json.schema_components(types, ref_template=place)
    for each in schemas.values():  # docstrings, indented as in the source
        each["description"] = inspect.cleandoc(each.get("description", ""))
    return references, dict(schemas)


def _dump(document: object, indent: int | None = None) -> str:
    plain = as_builtins(document)
    try:
        text = json.dumps(plain, indent=indent, allow_nan=False)
    except ValueError:  # NaN or infinity, which are rare
        text = json.dumps(_finite(plain), indent=indent)
    return _COMMAND.sub(r"\\u0023", text)


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a number in JSON")


def _integer(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise ValueError(f"the number {text[:_DIGITS]}… has too many digits") from None


def _number(text: str) -> float:
    if math.isinf(number := float(text)):
        raise ValueError(f"the number {text[:_DIGITS]} is too large")
    return number


def _integral(text: str) -> float:
    return int(number) if (number := _number(text)).is_integer() else number


def _on_one_line(found: re.Match[str]) -> str:
    return "[" + " ".join(found[1].split()) + "]"


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _finite(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(each) for each in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _from_numpy(value: Any) -> Any:
    """Return an array as lists, a NumPy number as Python's."""
    return value.tolist()


def _message(error: msgspec.DecodeError) -> str:
    """Return msgspec's message with the place first: `input.height: expected text, got null`."""
    place, problem = place_and_problem(error)
    _, missing, key = problem.partition("missing required field ")
    if missing:
        return f"{place}.{key} is missing".removeprefix(".")
    return f"{place}: {problem}" if place else problem


def _type_in_words(found: re.Match[str]) -> str:
    return " or ".join(_TYPES[each] for each in found[1].split(" | "))


def _unknown_key(given: Any, known: Any) -> str | None:
    """Return the first key of parsed JSON that is missing in `known`."""
    if isinstance(given, dict):
        if missing := given.keys() - known.keys():
            return str(min(missing))
        pairs = [(value, known[key]) for key, value in given.items()]
    elif isinstance(given, list):
        pairs = [*zip(given, known, strict=True)]
    else:
        return None
    found = (_unknown_key(*pair) for pair in pairs if type(pair[0]) in _NESTED)
    return next((key for key in found if key is not None), None)


_NESTED = (dict, list)
