"""Why a text is not YAML, in plain words: the cause, its line, and a form that works."""

from __future__ import annotations

import re

import yaml

from imgrec.sections.brackets import closed
from imgrec.text import count_of, printable

BACKSLASH = (
    "in double quotes, a backslash starts an escape; write a Windows path in single quotes, "
    "or with /"
)
_LONGEST = 200


class YamlError(Exception):
    """Text that is not YAML, or YAML that is not supported; `line` counts from 1."""

    def __init__(self, line: int, message: str) -> None:
        super().__init__(message)
        self.line = line
        self.message = message


def syntax_error(error: yaml.MarkedYAMLError, text: str) -> YamlError:
    """Return the error that says where `text` is not YAML, and what to write instead."""
    mark, start = error.problem_mark or error.context_mark, error.context_mark
    problem, context = error.problem or "", error.context or ""
    if mark is None:
        return YamlError(1, problem or "not YAML")
    lines = _LINE_BREAK.split(text)
    if start is not None and context.startswith(_NESTING) and "escape" not in problem:
        return YamlError(start.line + 1, _not_closed(lines, start, mark))
    if "expected ':'" in problem and start is not None:
        mark = start  # the line of the key, not where the parser gave up
    if any(part in problem for part in _STRUCTURE):
        index, message = _misplaced(lines, mark, problem)
        return YamlError(index + 1, message)
    plain = next((words for part, words in _IN_PLAIN_WORDS.items() if part in problem), problem)
    return YamlError(mark.line + 1, plain)


_LINE_BREAK = re.compile("\r\n|[\n\r\x85\u2028\u2029]")
_NESTING = (
    "while parsing a flow sequence",
    "while parsing a flow mapping",
    "while scanning a quoted scalar",
    "while scanning a double-quoted scalar",
)
_STRUCTURE = ("expected ':'", "expected <block end>", "mapping values are not allowed")
_IN_PLAIN_WORDS = {
    "escape": BACKSLASH,
    "another document": "a second document starts here; a config has only one",
    "'\\t' that cannot start": "a tab; indent with spaces, not tabs",
    "that cannot start any token": "a value can't begin with this character; put it in quotes",
    "node content, but found '<stream end>'": "the text ends here, but a bracket is not closed",
    "node content": "a value is missing here",
    "undefined alias": "`*` begins an alias; put the value in quotes",
}
_COLUMNS = "what belongs together begins in the same column"
_WORDS = re.compile(r"[\w ./-]+")
_PAIR = re.compile(r"[\w.-]+: +\S")
_SECOND_COLON = re.compile(r"([\w.-]+: )([^'\"]*: [^'\"]*)")


def _not_closed(lines: list[str], start: yaml.Mark, mark: yaml.Mark) -> str:
    """Return what is wrong in the brackets or quotes that begin at `start`."""
    line = _without_comment(_shown(lines[start.line]))
    form, wrong = closed(line)
    if not wrong and mark.line == start.line:
        return "a comma or a quote is missing between two values"
    if not wrong.endswith("is not closed") or line.endswith(("[", "{", "(", ",")):
        return f'"{lines[start.line][start.column]}" is not closed'
    return f"{wrong}; write `{form}`"


def _misplaced(lines: list[str], mark: yaml.Mark, problem: str) -> tuple[int, str]:
    """Return the index of the line whose dash, colon or indentation is wrong, and what is."""
    index, line = mark.line, lines[mark.line]
    above = next((each for each in reversed(range(index)) if _says_something(lines[each])), None)
    suspects = [index] if above is None or "mapping values" not in problem else [above, index]
    for each in suspects:
        if message := _mark_missing(_shown(lines[each])):
            return each, message
    pair = _SECOND_COLON.fullmatch(_without_comment(_shown(line)))
    if pair and ": " in line[: mark.column]:
        return index, _second_colon(pair[1], pair[2])
    if above is None or _indentation(line) == _indentation(lines[above]):
        return index, "a missing colon, or a wrong indentation, at or above this line"
    spaces, there = count_of(_indentation(line), "space"), _indentation(lines[above])
    return index, f"begins with {spaces}, line {above + 1} with {there}; {_COLUMNS}"


def _second_colon(key: str, value: str) -> str:
    """Return how to write a value with a colon in it: as a mapping, if it can be one, or as text.

    key: with its own colon.
    """
    text, mapping = f"`{key}'{value}'`", f"{key}{{{value}}}"
    if _PAIR.match(value) and _is_yaml(mapping):
        return f"a second colon; write `{mapping}` for a mapping, {text} for text"
    return f"a second colon; put the value in quotes: {text}"


def _is_yaml(text: str) -> bool:
    try:
        list(yaml.parse(text, yaml.SafeLoader))
    except yaml.YAMLError:
        return False
    return True


def _without_comment(line: str) -> str:
    return re.sub(r"\s+#.*", "", line)


def _shown(line: str) -> str:
    """Return a line as messages show it; nothing of a long one."""
    return printable(line.strip()) if len(line) <= _LONGEST else ""


def _mark_missing(text: str) -> str:
    """Return which dash, colon or space a line lacks."""
    if re.match(r"-[^\s-]", text):
        return f"a dash needs a space after it: write `- {text[1:]}`"
    if found := re.fullmatch(r"([\w.-]+):([^\s/\\:].*)", text):
        return f"a colon needs a space after it: write `{found[1]}: {found[2]}`"
    if _WORDS.fullmatch(text) and not text.startswith("-"):
        return f"no colon; write `{text}:` for a key, `- {text}` for an item of a list"
    return ""


def _says_something(line: str) -> bool:
    return bool(line.strip()) and not line.lstrip().startswith("#")


def _indentation(line: str) -> int:
    return len(line) - len(line.lstrip())
