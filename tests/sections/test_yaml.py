"""YAML 1.2, read safely and with line numbers."""

from __future__ import annotations

import math
import re
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from imgrec.sections.yaml import MAX_BYTES, Document, read, write
from imgrec.sections.yaml_errors import YamlError

SCALARS = (
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=12)
)
BACKSLASH = (
    "in double quotes, a backslash starts an escape; write a Windows path in single quotes, or "
    "with /"
)
COLUMNS = "what belongs together begins in the same column"
MISPLACED = "a missing colon, or a wrong indentation, at or above this line"
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(st.characters(codec="utf-8", exclude_categories=["C"])), inner)
    ),
    max_leaves=12,
)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1e-4", 1e-4),
        ("1.0e-4", 1e-4),
        ("+1.5E3", 1500.0),
        (".5", 0.5),
        ("3.", 3.0),
        (".inf", math.inf),
        ("-.INF", -math.inf),
        ("0", 0),
        ("-12", -12),
        ("012", 12),
        ("0o17", 15),
        ("0xfF", 255),
        ("true", True),
        ("FALSE", False),
        ("~", None),
        ("null", None),
        ("", None),
        ("(3, 3)", [3, 3]),
        ("(1e-4,)", [1e-4]),
        ("((1, 0), (0, 1))", [[1, 0], [0, 1]]),
        ("(3)", "(3)"),
        ("'(3, 3)'", "(3, 3)"),
        ("(a, b)", "(a, b)"),
    ],
)
def test_core_scalars(text: str, value: object) -> None:
    """Scalars are read as YAML 1.2's core schema says, but tuples of numbers as lists."""
    read_value = read(text).value
    assert read_value == value
    assert type(read_value) is type(value)


def test_nan() -> None:
    """`.nan` is not a number."""
    assert math.isnan(read(".NaN").value)


@pytest.mark.parametrize(
    "text",
    [
        "no",
        "on",
        "Yes",
        "y",
        "1/255",
        "1_000",
        "0b1",
        "12:30:00",
        "2020-01-01",
        "=",
        "e5",
        "0x",
        ".",
    ],
)
def test_everything_else_is_a_string(text: str) -> None:
    """Words and numbers of YAML 1.1 only are strings: a class may be called `no`."""
    assert read(text).value == text


def test_quoted_and_tagged_scalars() -> None:
    """Quotes and `!!str` make a string, and a core tag must fit its value."""
    assert read("['1', \"true\", !!str 3, !!int 4]").value == ["1", "true", "3", 4]
    with pytest.raises(YamlError, match="'abc' is not a !!int"):
        read("!!int abc")


def test_keys_are_what_was_written() -> None:
    """Keys stay strings, so that a class called `1` or `null` can have a weight."""
    assert read("{1: a, null: b, no: c}").value == {"1": "a", "null": "b", "no": "c"}


def test_lines() -> None:
    """Every key path has the line of its key, every item the line it starts on."""
    document = read(
        "# remark\nmodel:\n  layers:\n    - Conv2D:\n        filters: 32\n    - Flatten\n"
    )
    assert document == Document(
        {"model": {"layers": [{"Conv2D": {"filters": 32}}, "Flatten"]}},
        {
            (): 2,
            ("model",): 2,
            ("model", "layers"): 3,
            ("model", "layers", 0): 4,
            ("model", "layers", 0, "Conv2D"): 4,
            ("model", "layers", 0, "Conv2D", "filters"): 5,
            ("model", "layers", 1): 6,
        },
    )


def test_aliases_are_expanded() -> None:
    """An alias stands for a copy of what it names."""
    assert read("a: &x {k: 1}\nb: *x\n").value == {"a": {"k": 1}, "b": {"k": 1}}


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        (r'a: "C:\Users\me"', 1, BACKSLASH),
        (r'a: "C:\my"', 1, BACKSLASH),
        ("a: 1\nb: 2\na: 3\n", 3, "key 'a' is repeated, see line 1"),
        ("a:\n  ? [x]\n  : 1\n", 2, "a key must be a plain name, not a list or a mapping"),
        ("a: 1\n<<: {b: 2}\n", 2, "merge keys (<<) are not supported; write the keys out"),
        (
            "a: 1\nb: !!python/name:os.system x\n",
            2,
            "tag '!!python/name:os.system' is not supported",
        ),
        ("a: !own {b: 1}\n", 1, "tag '!own' is not supported"),
        ("a: !!set {b}\n", 1, "tag '!!set' is not supported"),
        ("a: 1\n---\nb: 2\n", 2, "a second document starts here; a config has only one"),
        ("a: &x\n  - *x\n", 1, "an alias inside the value that it refers to"),
        ("a: *x\n", 1, "`*` begins an alias; put the value in quotes"),
        ("a: [1\nb: 2\n", 1, '"[" is not closed; write `a: [1]`'),
        ("a: {b: [1, 2}\nc: 3\n", 1, '"[" is not closed; write `a: {b: [1, 2]}`'),
        ("x: 1\na: {b: [1], c: 2  # two\n", 2, '"{" is not closed; write `a: {b: [1], c: 2}`'),
        ("a: [\n  1,\nb: 2\n", 1, '"[" is not closed'),
        ("a: {b: 1 c: 2}\n", 1, "a comma or a quote is missing between two values"),
        ("a: 'b\nc: 1\n", 1, "a quote ' is not closed; write `a: 'b'`"),
        ('a: ["b, c]\n', 1, 'a quote " is not closed; write `a: ["b", c]`'),
        ("a: 1\n\x85\nb: [1\u202e\n", 4, '"[" is not closed; write `b: [1\\u202e]`'),
        ("a: 1\n\tb: 2\n", 2, "a tab; indent with spaces, not tabs"),
        ("a: @b\n", 1, "a value can't begin with this character; put it in quotes"),
        (
            "a:\n  b: 1\nc\n  d: 2\n",
            3,
            "no colon; write `c:` for a key, `- c` for an item of a list",
        ),
        ("a:\n    b: 1\n  c: 2\n", 3, f"begins with 2 spaces, line 2 with 4; {COLUMNS}"),
        ("a: 1\n\n b: 1\n", 3, f"begins with 1 space, line 1 with 0; {COLUMNS}"),
        ("a:\n  - b\n c: 1\n", 3, f"begins with 1 space, line 2 with 2; {COLUMNS}"),
        ("a:\n  - b\n  c: 1\n", 3, MISPLACED),
        ("a\n  b: 1\n", 1, "no colon; write `a:` for a key, `- a` for an item of a list"),
        ("a:1\nb: 2\n", 1, "a colon needs a space after it: write `a: 1`"),
        ("a:\n  - b\n  -c\n", 3, "a dash needs a space after it: write `- c`"),
        (
            "a: b: c # d\n",
            1,
            "a second colon; write `a: {b: c}` for a mapping, `a: 'b: c'` for text",
        ),
        ("a: b: c: d\n", 1, "a second colon; put the value in quotes: `a: 'b: c: d'`"),
        ("a: b c: d\n", 1, "a second colon; put the value in quotes: `a: 'b c: d'`"),
        ("a: 1\nb: \x07\n", 2, "character '\\x07' is not allowed in YAML"),
        ("a: 1\nb: " + "9" * 5000, 2, "a number with too many digits"),
        ("a: 1\nb: 0x" + "f" * 5000, 2, "a number with too many digits"),
        ("a: 1\nb: 0o" + "7" * 5000, 2, "a number with too many digits"),
        ("[" * 3000, 1, "nested too deeply"),
    ],
)
def test_errors(text: str, line: int, message: str) -> None:
    """What can't be read is reported with its line."""
    with pytest.raises(YamlError) as caught:
        read(text)
    assert (caught.value.line, caught.value.message) == (line, message)


@pytest.mark.parametrize(
    "text",
    [
        "a: [1\nb: 2\n",
        "a: {b: [1, 2}\nc: 3\n",
        "- Dense: {units: 8, name: 'x}\n",
        "a:1\nb: 2\n",
        "a:\n  - b\n  -c\n",
        "a: b: c\n",
        "a: b: c: d\n",
        "a\n  b: 1\n",
    ],
)
def test_what_a_message_says_to_write_is_yaml(text: str) -> None:
    """The line that it shows can be pasted."""
    with pytest.raises(YamlError) as caught:
        read(text)
    forms = re.findall(r"`([^`]+)`", caught.value.message)
    assert forms
    assert all(isinstance(read(form).value, dict | list) for form in forms)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("[Conv2D(32, (3, 3), activation='relu'), Flatten()]", 2),
        ("[Dense(1, x=')]'), b]", 2),
        ("[a(b, c), d]", 2),
        ("[f(a/(b, c]", 2),
        ("[f(a)b, c]", 2),
        (f"[{'f(' * 20}a, b{')' * 20}, c]", 2),
        (f"[{'f(' * 21}a, b{')' * 21}, c]", 3),
    ],
)
def test_calls_in_brackets(text: str, value: int) -> None:
    """The commas in a call do not divide it, so that layers can be written in one line."""
    assert len(read(text).value) == value


def test_undecodable_bytes() -> None:
    """A byte that is not UTF-8 is named with its line."""
    with pytest.raises(YamlError, match="byte 0xff is not UTF-8") as caught:
        read(b"a: 1\nb: \xff\n")
    assert caught.value.line == 2


def test_byte_order_mark() -> None:
    """The byte order mark that some editors write is not part of the first key."""
    assert read(b"\xef\xbb\xbfa: 1\n").value == {"a": 1}


def test_alias_bomb() -> None:
    """Aliases of aliases are counted as they expand, and end before the memory does."""
    levels = [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 9)]
    with pytest.raises(YamlError, match="more than 100000 values, with aliases expanded"):
        read("\n".join(["a0: &a0 x", *levels]))


def test_too_large() -> None:
    """A text that is far too large is refused before it is read."""
    with pytest.raises(YamlError, match="larger than 1 MB"):
        read(b"a" * (MAX_BYTES + 1))


@given(VALUES)
@example("\x85")
@example({"a\x85b": "\u2028", "\u2029": ["a\u2028b", "\xa0", "\ufeff"]})
@example(["a\nb\r\n", "\x7f", "\u202e", "\U0001f600", "\t"])
def test_what_is_written_reads_back(value: Any) -> None:
    """Whatever plain value is written as YAML reads back equal."""
    assert read(write(value)).value == value


@pytest.mark.parametrize("text", ["1e-4", "no", "0o17", "null", "<<", "12:30", "", " x", "=", "[a"])
def test_strings_stay_strings(text: str) -> None:
    """Strings that YAML 1.1 or 1.2 would read as something else are quoted."""
    assert read(write({"a": text, "b": [text]})).value == {"a": text, "b": [text]}


@given(st.text(max_size=40))
def test_any_text_is_read_or_refused(text: str) -> None:
    """No text makes the reader fail in any other way than by saying why."""
    try:
        read(text)
    except YamlError as error:
        assert error.line >= 1  # noqa: PT017 - either outcome is right


def test_text_in_utf_16_is_read() -> None:
    """PowerShell writes it, with a byte order mark."""
    assert read("name: é\r\nseed: 1\r\n".encode("utf-16")).value == {"name": "é", "seed": 1}
