"""Tests of strangers' text made safe to show, and of names that are near to others."""

from __future__ import annotations

import ast
import re
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import imgrec
from imgrec.text import (
    class_name,
    decode_text,
    did_you_mean,
    join_few,
    nearest,
    printable,
    shorten_names,
    similar_names,
)

# All characters, lone surrogates too: a file name may hold them.
ANY_TEXT = st.text(st.characters(exclude_categories=()))


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("cat 1.jpg", "cat 1.jpg"),
        ("Käse/猫/قطة/🐱.jpg", "Käse/猫/قطة/🐱.jpg"),
        ("👩\u200d🌾.jpg", "👩\u200d🌾.jpg"),
        ("a\nb\r\tc", r"a\nb\r\tc"),
        ("\x1b[31mred", r"\x1b[31mred"),
        ("\x9b31m", r"\x9b31m"),
        ("gpj.\u202etac", r"gpj.\u202etac"),
        ("a\u2028b", r"a\u2028b"),
        ("a\ufffe\ufdd0\U0010ffff\U00038000", "a\\ufffe\\ufdd0\\U0010ffff\U00038000"),
        ("caf\udce9.jpg", r"caf\xe9.jpg"),
        ("\ud800", r"\ud800"),
        ("[bold]=cmd<script>", "[bold]=cmd<script>"),
        ("::error::x", r"\x3a:error::x"),
        (" ::set-output name=a::b", r" \x3a:set-output name=a::b"),
        ("folded::error::x", r"folded\x3a:error::x"),
        ("##[error]x", r"\x23#[error]x"),
        ("##vso[task.x]y", r"\x23#vso[task.x]y"),
        ("std::vector, a:b, C#, ## x", "std::vector, a:b, C#, ## x"),
    ],
)
def test_what_can_do_harm_is_escaped_and_the_rest_stays(name: str, expected: str) -> None:
    """Escaped are controls, line breaks, bidi, surrogates, a CI server's commands; no others."""
    assert printable(name) == expected


@given(ANY_TEXT)
def test_any_name_becomes_one_line_that_can_be_encoded(name: str) -> None:
    """Whatever the name, what is shown is one line, encodes as UTF-8 and steers no terminal."""
    text = printable(name)
    assert len(text.splitlines()) <= 1
    text.encode("utf-8")
    assert not {unicodedata.category(character) for character in text} & {"Cc", "Cs", "Zl", "Zp"}


@given(ANY_TEXT)
def test_showing_twice_changes_nothing(name: str) -> None:
    """Layers may each show a name without doubling its escapes."""
    assert printable(printable(name)) == printable(name)


def test_of_many_names_the_first_are_shown() -> None:
    """The others are counted; names that can do harm are escaped."""
    assert join_few(["a\nb", "c"]) == r"a\nb, c"
    assert join_few([str(number) for number in range(2000)], 2) == "0, 1 and 1,998 more"
    assert join_few([]) == ""


@pytest.mark.parametrize(
    ("name", "known", "expected"),
    [
        ("clock", ["clog", "wall_clock", "cloak"], ["wall_clock"]),
        (
            "crane",
            ["crate", "crane (134)", "construction crane", "crane (517)"],
            ["crane (134)", "construction crane", "crane (517)"],
        ),
        ("epoch", ["steps_per_epoch", "epochs"], ["epochs"]),
        ("image size", ["size", "image_size"], ["image_size"]),
        ("clokc", ["clog", "clock"], ["clock"]),
        ("_", ["a", "b_c"], []),
    ],
)
def test_names_with_the_same_words_come_first(
    name: str, known: list[str], expected: list[str]
) -> None:
    """A name stands for those that contain its words, else for the one with similar letters."""
    assert similar_names(name, known) == expected


def test_the_nearest_name_is_found_whatever_its_case() -> None:
    """Where nothing is alike there is none; how much alike it has to be can be said."""
    assert nearest("conv2d", ["Dense", "Conv2D"]) == "Conv2D"
    assert nearest("zzz", ["Dense"]) is None
    assert similar_names("goldie", ["tabby", "golden_retriever"]) == []
    assert similar_names("goldie", ["tabby", "golden"], cutoff=0.5) == ["golden"]


def test_a_near_name_is_offered_as_it_can_be_shown() -> None:
    """What stands behind a message: a question with the name, or nothing."""
    assert did_you_mean("cat", ["dog", "cats\x1b"]) == r"; did you mean cats\x1b?"
    assert did_you_mean("cat", ["dog"]) == ""
    assert did_you_mean("a", [f"a {n}" for n in range(9)]) == (
        "; did you mean a 0, a 1, a 2, a 3 or a 4?"
    )


@given(ANY_TEXT, st.lists(ANY_TEXT, max_size=3))
def test_the_nearest_name_is_one_of_those_known(name: str, known: list[str]) -> None:
    """Whatever the names are, one of them is found or none."""
    assert nearest(name, known) in {None, *known}


@pytest.mark.parametrize(
    ("codec", "encoding"),
    [
        ("utf-8", "UTF-8"),
        ("utf-8-sig", "UTF-8"),
        ("utf-16", "UTF-16"),
        ("utf-32", "UTF-32"),
        ("cp1252", "Windows-1252"),
    ],
)
def test_text_is_decoded_by_its_mark_or_its_bytes(codec: str, encoding: str) -> None:
    """The text is the same in every encoding, without a byte order mark."""
    assert decode_text("café\r\n".encode(codec)) == ("café\r\n", encoding)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("кошка".encode("cp1251"), "neither UTF-8, UTF-16 nor Windows-1252"),
        (b"caf\x81", "neither UTF-8, UTF-16 nor Windows-1252"),
        (b"\xff\xfea", "begins like UTF-16, but is damaged"),
    ],
)
def test_bytes_of_another_encoding_are_refused(content: bytes, message: str) -> None:
    """No text is better than a wrong one."""
    with pytest.raises(ValueError, match=message):
        decode_text(content)


@given(ANY_TEXT)
def test_a_class_name_has_one_form(name: str) -> None:
    """However its accents are stored, and whatever blanks surround it, the form is the same."""
    form = class_name(name)
    assert class_name(form) == form
    assert class_name(unicodedata.normalize("NFD", f" {name}\ufeff")) == form


def test_long_names_lose_their_middle() -> None:
    """The limit counts what is shown, escapes included; names that fit are unchanged."""
    assert shorten_names(["cat", "caterpillar", "a\nb"], 5) == ("cat", "ca…ar", "a\\nb")


@given(st.lists(st.text("ab/\n\\n …(2)", max_size=40), max_size=8), st.integers(6, 20))
def test_names_never_look_alike(names: list[str], limit: int) -> None:
    """Different names differ on the screen, equal ones are equal, and all fit."""
    shown = shorten_names(names, limit)
    assert len(set(shown)) == len(set(names))
    assert len(set(zip(names, shown, strict=True))) == len(set(names))
    assert all(len(each) <= limit for each in shown if len(set(names)) < 3)


_THINGS = (
    "batches|boxes|cells|channels|classes|columns|cores|epochs|errors|files|groups|images|"
    "items|kinds|labels|layers|models|outputs|photos|problems|requirements|rows|runs|slices|"
    "steps|values|warnings|windows"
)


def test_counts_have_a_singular() -> None:
    """No message says "1 images": what is counted is named by `count_of`."""
    wrong = [
        (file.name, ast.unparse(node))
        for file in Path(imgrec.__file__).parent.rglob("*.py")
        for node in ast.walk(ast.parse(file.read_text("utf-8")))
        if isinstance(node, ast.JoinedStr) and _counts(node)
    ]
    assert not wrong


def _counts(text: ast.JoinedStr) -> bool:
    """Return whether a number of things, not a constant one, stands before their plural."""
    return any(
        isinstance(number, ast.FormattedValue)
        and (ast.unparse(number.value).startswith("len(") or _has_separators(number))
        and isinstance(after, ast.Constant)
        and re.match(rf" (?:[a-z-]+ )?(?:{_THINGS})\b", str(after.value)) is not None
        for number, after in zip(text.values, text.values[1:], strict=False)
    )


def _has_separators(number: ast.FormattedValue) -> bool:
    if isinstance(number.value, ast.Name) and number.value.id.isupper():
        return False
    return number.format_spec is not None and "," in ast.unparse(number.format_spec)
