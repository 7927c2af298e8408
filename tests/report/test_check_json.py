"""A check as a document that programs read."""

from __future__ import annotations

import json

from imgrec.data.check import Finding, FindingKind, Findings, Occurrence, Pictures, ValueRange
from imgrec.json_documents import json_text
from imgrec.report.documents import check_document

NAMES = ("a\nb", 'c"d', "\x1b[31m", "\udce9", "../../etc", "[bold]", "=cmd", "<script>", "\u202e")
FOUND = Findings(
    sizes={"train": 4, "test": 1},
    counts={"train": {"cat": 3, "dog": 1}, "test": {"cat": 1, "dog": 0}},
    labelled=True,
    bad=1,
    found=(
        Finding(FindingKind.UNREADABLE, (Occurrence(("train/cat/1.jpg",), "empty file"),)),
        Finding(
            FindingKind.DUPLICATES_ACROSS_SPLITS,
            (Occurrence(("train/cat/2.jpg", "test/cat/2.jpg")),),
        ),
    ),
    not_checked={FindingKind.NEAR_DUPLICATES: "no pixels"},
    pictures=Pictures(
        ValueRange(1, 2, 3), ValueRange(4, 5, 6), ValueRange(0.5, 1.0, 2.0), {"JPEG": 4}, {"L": 4}
    ),
)


def test_the_whole_document() -> None:
    """Counts of every kind looked for, every name of those found, what the pictures are like."""
    document = json.loads(json_text(check_document(FOUND, data="photos")))
    assert document["schema_version"] == 1
    assert document["data"] == "photos"
    assert (document["passed"], document["strict"]) == (False, False)
    assert document["images"] == {"all": 5, "readable": 4, "bad": 1}
    assert document["splits"]["test"] == {"images": 1, "per_class": {"cat": 1, "dog": 0}}
    assert document["not_checked"] == {"near_duplicates": "no pixels"}
    assert {*document["counts"], "near_duplicates"} == {kind.key for kind in FindingKind}
    assert document["counts"]["unreadable"] == 1
    assert document["counts"]["duplicates"] == 0
    assert document["findings"][1] == {
        "kind": "duplicates_across_splits",
        "severity": "error",
        "title": "leakage: same file in several splits",
        "unit": "images",
        "count": 2,
        "cases": [{"names": ["train/cat/2.jpg", "test/cat/2.jpg"], "detail": ""}],
    }
    assert document["pictures"]["aspect"] == {"smallest": 0.5, "median": 1.0, "largest": 2.0}
    assert document["pictures"]["formats"] == {"JPEG": 4}


def test_any_name_survives() -> None:
    """Names come back as they were, and the text itself is ASCII without control characters."""
    cases = tuple(Occurrence((name,)) for name in NAMES)
    found = Findings(
        {"all": 9},
        {"all": {"": 9}},
        labelled=False,
        bad=0,
        found=(Finding(FindingKind.ROTATED, cases),),
    )
    text = json_text(check_document(found, data=NAMES[0]))
    assert text.isascii()
    assert all(character.isprintable() for character in text.replace("\n", ""))
    document = json.loads(text)
    assert [case["names"] for case in document["findings"][0]["cases"]] == [[n] for n in NAMES]
    assert document["splits"]["all"] == {"images": 9, "per_class": None}
    assert document["pictures"] is None
    assert document["passed"]
