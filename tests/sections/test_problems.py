"""Problems in plain words, with their places."""

from __future__ import annotations

import pytest

from imgrec.sections.problems import (
    OVERRIDE,
    Problem,
    config_error,
    error_text,
    problem_at,
    shown_value,
    unknown,
    written_path,
)
from imgrec.sections.yaml import KeyPath


def test_the_whole_message() -> None:
    """Problems are listed by line, those of overrides last, in columns."""
    problems = [
        Problem(OVERRIDE, "seed", "must be at least 0, got -1"),
        Problem(120, "training.epochs", "'ten' is not a whole number"),
        Problem(7, "", "a second document starts here"),
    ]
    assert str(config_error("configs/x.yaml", problems)) == (
        "configs/x.yaml has 3 problems\n"
        "  line 7     a second document starts here\n"
        "  line 120   training.epochs: 'ten' is not a whole number\n"
        "  overrides  seed: must be at least 0, got -1"
    )


def test_one_problem_without_a_place() -> None:
    """What was not written in a file has no line."""
    error = config_error("", [Problem(None, "name", "is missing")])
    assert str(error) == "the config: name: is missing"
    assert error.exit_status == 2


def test_of_many_problems_the_first_are_listed() -> None:
    """A file with nothing but mistakes does not fill the terminal."""
    problems = [Problem(line, "k" * 10_000, "unknown key") for line in range(1, 10_001)]
    lines = str(config_error("x.yaml", problems)).split("\n")
    assert (lines[0], lines[-1]) == ("x.yaml has 10,000 problems", "  and 9,950 more")
    assert len(lines) == 52


def test_the_line_of_a_missing_key() -> None:
    """A key that is not there has the line of the nearest one above it."""
    lines: dict[KeyPath, int] = {(): 1, ("data",): 4, ("data", "split"): 5}
    assert problem_at(("data", "image_size"), "is missing", lines).line == 4
    assert problem_at(("model",), "is missing", lines).line == 1
    assert problem_at(("model",), "is missing", {}).line is None


def test_paths() -> None:
    """Key paths are written with dots and indexes; strange keys are quoted."""
    assert written_path(("model", "layers", 0, "Conv2D")) == "model.layers[0].Conv2D"
    assert written_path((0, "a\nb")) == "[0].'a\\nb'"
    assert written_path(()) == ""


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "null"),
        (True, "true"),
        (-1, "-1"),
        ("\x1b[31m", "'\\x1b[31m'"),
        ("\u202e", "'\\u202e'"),
        ("\udcff", "'\\udcff'"),
        ("x" * 100, f"'{'x' * 59}…'"),
        ([1] * 100, f"[{'1, ' * 19}1…"),
    ],
)
def test_values(value: object, text: str) -> None:
    """Values are shown on one printable line, shortened."""
    assert shown_value(value) == text


def test_file_names() -> None:
    """A file's name is shown so that it can be printed."""
    error = config_error("a\x1b[31m.yaml", [Problem(1, "", "is empty")])
    assert str(error) == "a\\x1b[31m.yaml, line 1: is empty"


def test_an_unknown_name() -> None:
    """The nearest name comes before the list; without one, only the list is given."""
    assert unknown("sofmax", ["softmax", "Sigmoid"]) == (
        "; did you mean 'softmax'? allowed: Sigmoid, softmax"
    )
    assert unknown("q", ["b", "a"]) == "; allowed: a, b"


@pytest.mark.parametrize(
    ("kind", "value", "message"),
    [
        ("float_type", "50%", "'50%' is not a number; write 0.5"),
        ("float_type", "0,5", "'0,5' is not a number; write 0.5"),
        ("float_type", "half", "'half' is not a number"),
        (
            "list_type",
            "-a -b",
            "'-a -b' is not a list; a dash needs a space after it, as in `- a`",
        ),
        ("list_type", "f(1)", "'f(1)' is not a list; begin the line of each item with `- `"),
        (
            "model_type",
            "root = photos",
            "'root = photos' is not a mapping of keys to values; write `{root: photos}`",
        ),
        (
            "model_type",
            "run: photos-3",
            "'run: photos-3' is not a mapping of keys to values; write `{run: photos-3}`",
        ),
    ],
)
def test_how_to_write_a_text_instead(kind: str, value: str, message: str) -> None:
    """A text that was probably meant for another kind of value is shown as that."""
    assert error_text({"type": kind, "input": value}) == message
