"""A check as people see it."""

from __future__ import annotations

import io

import pytest
from rich.console import Console
from syrupy.assertion import SnapshotAssertion

from imgrec.data.check import Finding, FindingKind, Findings, Occurrence, Pictures, ValueRange
from imgrec.report.terminal.check import check_text

NAMES = ("a\nb", 'c"d', "\x1b[31m", "\udce9", "../../etc", "[bold]", "=cmd", "<script>", "\u202e")


def drawn(findings: Findings, width: int = 80) -> str:
    """Return the text on a terminal of this width."""
    file = io.StringIO()
    Console(file=file, width=width).print(check_text(findings, data="photos"))
    return "\n".join(line.rstrip() for line in file.getvalue().splitlines())


def findings(*found: Finding, classes: int = 2, labelled: bool = True) -> Findings:
    """Return findings about two splits."""
    names = [f"class{number}" for number in range(classes)] if labelled else [""]
    counts = {
        "train": {name: 1_000 + place for place, name in enumerate(names)},
        "test": dict.fromkeys(names, 10),
    }
    pictures = Pictures(
        ValueRange(32, 32, 32),
        ValueRange(20, 40.5, 300),
        ValueRange(0.1, 1, 2),
        {"JPEG": 9},
        {"RGB": 8, "L": 1},
    )
    gaps = {} if labelled else {FindingKind.IMBALANCE: "the images have no labels"}
    sizes = {split: sum(each.values()) for split, each in counts.items()}
    return Findings(sizes, counts, labelled, 1, found, gaps, pictures)


def test_the_whole_text(snapshot: SnapshotAssertion) -> None:
    """What there is, the classes, what was found, and the verdict."""
    bad = Finding(FindingKind.UNREADABLE, (Occurrence(("train/cat/1.jpg",), "empty file"),))
    many = tuple(Occurrence((f"{number}.jpg", f"{number} copy.jpg")) for number in range(5))
    assert drawn(findings(bad, Finding(FindingKind.DUPLICATES, many))) == snapshot


def test_verdicts() -> None:
    """Without errors it is a matter of looking; without anything, it says so."""
    note = Finding(FindingKind.ROTATED, (Occurrence(("1.jpg",)),))
    odd = Finding(FindingKind.ANIMATED, (Occurrence(("1.gif",)),))
    assert drawn(findings(note)).count("no problems found in 2,021 images") == 1
    assert drawn(findings(note, odd)).endswith("no errors; warnings of 1 kind to look at")


def test_without_labels() -> None:
    """Images without classes: the text says what was not checked."""
    text = drawn(findings(labelled=False))
    assert text.endswith("not checked: classes of very different size: the images have no labels")
    assert "\n  class " not in text


def test_many_classes() -> None:
    """Of many classes, the smallest are shown."""
    text = drawn(findings(classes=50))
    assert "50 classes; those with the fewest images:" in text
    assert "class19 " in text
    assert "class20 " not in text


@pytest.mark.parametrize("width", [40, 80, 200])
def test_it_fits(width: int) -> None:
    """No line is wider than the terminal, whatever the names are."""
    case = Occurrence(("train/" + "long" * 60, *NAMES), "because " * 30)
    text = drawn(findings(Finding(FindingKind.NEAR_DUPLICATES, (case,))), width)
    assert max(map(len, text.splitlines())) <= width


def test_names_do_nothing() -> None:
    """Escape codes, line breaks and markup are shown, not obeyed."""
    text = drawn(
        findings(*(Finding(FindingKind.NEAR_DUPLICATES, (Occurrence((name,)),)) for name in NAMES)),
        200,
    )
    assert all(character.isprintable() for character in text.replace("\n", ""))
    for shown in (r"a\nb", 'c"d', r"\x1b[31m", r"\xe9", "../../etc", "[bold]", "=cmd", r"\u202e"):
        assert shown in text
