"""Read YAML 1.2 with the line of every key; write it with short lists and mappings on one line."""

from __future__ import annotations

import codecs
import math
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import yaml
from yaml.composer import Composer
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode
from yaml.parser import Parser
from yaml.reader import Reader, ReaderError
from yaml.resolver import BaseResolver
from yaml.scanner import Scanner

from imgrec.sections.brackets import call_length
from imgrec.sections.yaml_errors import YamlError, syntax_error

KeyPath = tuple[str | int, ...]

MAX_BYTES = 1_000_000
MAX_NODES = 100_000
MAX_DIGITS = 1_000
_TAG = "tag:yaml.org,2002:"


@dataclass(frozen=True)
class Document:
    """A YAML document: its value, and the line (from 1) of each key path."""

    value: Any
    lines: dict[KeyPath, int]


def read(text: str | bytes) -> Document:
    """Return the document in `text` (bytes: UTF-8); the value of an empty text is None.

    Raises:
        YamlError: At the first thing that can't be parsed.
    """
    decoded = _decode(text)
    try:
        root = _Composer(decoded).get_single_node()
        construction = _Construction()
        value = construction.value(root, ()) if root else None
    except ReaderError as error:
        line = decoded.count("\n", 0, error.position) + 1
        raise YamlError(
            line, f"character {chr(error.character)!r} is not allowed in YAML"
        ) from error
    except yaml.MarkedYAMLError as error:
        raise syntax_error(error, decoded) from error
    except RecursionError:
        raise YamlError(1, "nested too deeply") from None
    return Document(value, construction.lines)


def _decode(text: str | bytes) -> str:
    if len(text) > MAX_BYTES:
        raise YamlError(1, f"larger than {MAX_BYTES // 1_000_000} MB, too large for a config")
    if isinstance(text, str):
        return text
    try:
        if text.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):  # as PowerShell writes it
            return text.decode("utf-16")
        return text.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = text.count(b"\n", 0, error.start) + 1
        raise YamlError(line, f"byte 0x{text[error.start]:02x} is not UTF-8") from error


def _integer(text: str) -> int:
    if len(text) > MAX_DIGITS:  # Python does not limit those in base 8 and 16, until they are shown
        raise ValueError("too many digits")
    return int(text, 0) if text[:2] in ("0o", "0x") else int(text)


def _number(text: str) -> float:
    return float(text.replace(".inf", "inf").replace(".nan", "nan"))


_DIGITS = r"[-+]?[0-9.]{1,30}(?:[eE][-+]?[0-9]{1,9})?"
_GAP = " {0,9}"


def _tuple_of(item: str) -> str:
    """Return the form of a Python tuple of such items, on one line."""
    items = rf"{item}(?:{_GAP},{_GAP}{item})"
    return rf"\({_GAP}(?:{item}{_GAP},|{items}+{_GAP},?){_GAP}\)"


_TUPLE = re.compile(_tuple_of(rf"(?:{_DIGITS}|{_tuple_of(_DIGITS)})"))


def _list(text: str) -> Any:
    return read(text.replace("(", "[").replace(")", "]")).value


# One row per kind of plain scalar: tag, what it looks like, how it is read.
_KINDS: tuple[tuple[str, str, Callable[[str], Any]], ...] = (
    ("null", r"~|null|Null|NULL|", lambda _: None),
    ("bool", r"true|True|TRUE|false|False|FALSE", lambda text: text.lower() == "true"),
    ("int", r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+", _integer),
    (
        "float",
        r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)",
        lambda text: _number(text.lower()),
    ),
    ("tuple", _TUPLE.pattern, _list),
)
SCALARS = {_TAG + name: (re.compile(rf"(?:{form})\Z"), read) for name, form, read in _KINDS}


class _Resolver(BaseResolver):
    """Resolves plain scalars by the core schema of YAML 1.2, and tuples of numbers as lists."""


for _tag, (_form, _) in SCALARS.items():
    _Resolver.add_implicit_resolver(_tag, _form, None)


class _Composer(Reader, Scanner, Parser, Composer, _Resolver):
    """PyYAML up to the graph of nodes: nothing is constructed from tags."""

    def __init__(self, text: str) -> None:
        Reader.__init__(self, text)
        Scanner.__init__(self)
        Parser.__init__(self)
        Composer.__init__(self)
        _Resolver.__init__(self)
        self._count = 0

    def scan_plain(self) -> yaml.ScalarToken:
        """Scan a plain scalar, in braces with the commas in a tuple of numbers or in a call."""
        length = self._python_length() if self.flow_level else 0
        if not length:
            return super().scan_plain()
        start, text = self.get_mark(), self.prefix(length)
        self.forward(length)
        self.allow_simple_key = False
        return yaml.ScalarToken(text, True, start, self.get_mark())  # noqa: FBT003 - plain

    def _python_length(self) -> int:
        found = _TUPLE.match(self.buffer, self.pointer)
        return len(found[0]) if found else call_length(self.buffer, self.pointer)

    def compose_node(self, parent: Node | None, index: Any) -> Node | None:
        """Compose the next node, if there were not too many."""
        self._count += 1
        if self._count > MAX_NODES:
            raise _too_many(self.line + 1)
        return super().compose_node(parent, index)


class _Construction:
    """Builds the value of a graph of nodes, and collects the lines of its keys."""

    def __init__(self) -> None:
        self.lines: dict[KeyPath, int] = {}
        self._open: set[int] = set()
        self._count = 0

    def value(self, node: Node, path: KeyPath, line: int | None = None) -> Any:
        """Return the value of `node` at `path`; each use of an alias counts as values."""
        self.lines[path] = line or _line(node)
        self._count += 1
        if self._count > MAX_NODES:
            raise _too_many(_line(node))
        if isinstance(node, ScalarNode):
            return _scalar(node)
        if id(node) in self._open:
            raise YamlError(_line(node), "an alias inside the value that it refers to")
        self._open.add(id(node))
        value = self._collection(node, path)
        self._open.remove(id(node))
        return value

    def _collection(self, node: Node, path: KeyPath) -> Any:
        if isinstance(node, SequenceNode) and node.tag == _TAG + "seq":
            return [self.value(item, (*path, index)) for index, item in enumerate(node.value)]
        if isinstance(node, MappingNode) and node.tag == _TAG + "map":
            return self._mapping(node, path)
        raise _unknown_tag(node)

    def _mapping(self, node: MappingNode, path: KeyPath) -> dict[str, Any]:
        mapping: dict[str, Any] = {}
        for key_node, value_node in node.value:
            key = _key(key_node)
            if key in mapping:
                first = self.lines[(*path, key)]
                raise YamlError(_line(key_node), f"key {key!r} is repeated, see line {first}")
            mapping[key] = self.value(value_node, (*path, key), _line(key_node))
        return mapping


def _too_many(line: int) -> YamlError:
    return YamlError(line, f"more than {MAX_NODES} values, with aliases expanded")


def _key(node: Node) -> str:
    if not isinstance(node, ScalarNode):
        raise YamlError(_line(node), "a key must be a plain name, not a list or a mapping")
    if node.value == "<<" and node.style is None:
        raise YamlError(_line(node), "merge keys (<<) are not supported; write the keys out")
    # A class can be called `1` or `null`, so a key is its text.
    return str(node.value)


def _scalar(node: ScalarNode) -> Any:
    if node.tag == _TAG + "str":
        return node.value
    if node.tag not in SCALARS:
        raise _unknown_tag(node)
    form, read_scalar = SCALARS[node.tag]
    if not form.match(node.value):
        raise YamlError(_line(node), f"{node.value[:40]!r} is not a {_short(node.tag)}")
    try:
        return read_scalar(node.value)
    except ValueError as error:
        raise YamlError(_line(node), "a number with too many digits") from error


def _unknown_tag(node: Node) -> YamlError:
    return YamlError(_line(node), f"tag {_short(node.tag)!r} is not supported")


def _short(tag: str) -> str:
    return str(tag).replace(_TAG, "!!")[:40]


def _line(node: Node) -> int:
    return int(node.start_mark.line) + 1


_SHORT = 60


def write(value: Any) -> str:
    """Return `value` (mappings, lists, scalars) as YAML; `read` returns an equal value."""
    return yaml.dump(value, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=100)


def write_on_one_line(value: Any) -> str:
    """Return `value` as YAML in braces and brackets; `read` returns an equal value.

    Example:
        >>> write_on_one_line({"Conv2D": [32, [3, 3], {"activation": "relu"}]})
        '{Conv2D: [32, [3, 3], {activation: relu}]}'
    """
    if isinstance(value, dict):
        pairs = (f"{write_on_one_line(key)}: {write_on_one_line(value[key])}" for key in value)
        return f"{{{', '.join(pairs)}}}"
    if isinstance(value, list):
        return f"[{', '.join(map(write_on_one_line, value))}]"
    text = yaml.dump([value], Dumper=_Dumper, allow_unicode=True, width=math.inf)
    return text.strip()[1:-1]


class _Dumper(yaml.SafeDumper):
    """Quotes strings that YAML 1.1 or 1.2 would resolve to another type."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:  # noqa: FBT001, FBT002
        super().increase_indent(flow, indentless=False)

    def represent_sequence(
        self,
        tag: str,
        sequence: Iterable[Any],
        flow_style: bool | None = None,  # noqa: FBT001
    ) -> SequenceNode:
        node = super().represent_sequence(tag, sequence, flow_style)
        node.flow_style = _is_short(node.value)
        return node

    def represent_mapping(
        self,
        tag: str,
        mapping: Any,
        flow_style: bool | None = None,  # noqa: FBT001
    ) -> MappingNode:
        node = super().represent_mapping(tag, mapping, flow_style)
        node.flow_style = _is_short([each for pair in node.value for each in pair])
        return node

    def represent_text(self, text: str) -> ScalarNode:
        """Escape line breaks of YAML 1.1 and 1.2 and invisible characters."""
        style = None if text.isprintable() else '"'
        return self.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _Dumper.represent_text)
for _tag, (_form, _) in SCALARS.items():
    _Dumper.add_implicit_resolver(_tag, _form, None)


def _is_short(nodes: Sequence[Node]) -> bool:
    scalars = [node.value for node in nodes if isinstance(node, ScalarNode)]
    return len(scalars) == len(nodes) and sum(map(len, scalars)) < _SHORT
