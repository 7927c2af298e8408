"""JSON is strict, compact where it is numbers, and keeps any text exactly."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from imgrec.json_documents import json_line, json_text

VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.text(alphabet=st.characters())
    | st.floats(-1, 1),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@given(VALUES)
def test_layout_changes_no_value(value: object) -> None:
    """What is written reads back equal, in pure ASCII."""
    for text in (json_text(value), json_line(value)):
        assert text.isascii()
        assert json.loads(text) == value


def test_lists_of_numbers_stand_on_one_line() -> None:
    """A matrix has a line per row, and a text that looks like one stays as it is."""
    text = json_text({"rows": [[1, 2], [3, 4]], "name": "[ 1,  2 ]"})
    assert "    [1, 2],\n    [3, 4]\n" in text
    assert '"[ 1,  2 ]"' in text


def test_lone_surrogates_survive() -> None:
    """A file name that can't be decoded is escaped, and reads back the same."""
    assert json_line("\udcff.jpg") == '"\\udcff.jpg"\n'


def test_there_is_no_nan() -> None:
    """A number that JSON doesn't have is null, however deep it lies."""
    found = {"a": [float("nan"), 0.5], "b": (float("-inf"), {"c": float("inf")})}
    for text in (json_text(found), json_line(found)):
        assert json.loads(text) == {"a": [None, 0.5], "b": [None, {"c": None}]}


def test_no_line_is_a_command_to_a_ci_server() -> None:
    """`##[error]` in a name would be one in the log of a job; readers find it unharmed."""
    document = {"name": "##[error]x ###vso[a] # ##"}
    for text in (json_text(document), json_line(document)):
        assert "##[" not in text
        assert "##vso[" not in text
        assert json.loads(text) == document
