"""Keywords get into XMP, and everything else in it stays as it is."""

from __future__ import annotations

from xml.etree import ElementTree as ET

import pytest

from imgrec.report.xmp import with_keywords

RDF = "{http://www.w3.org/1999/02/22-rdf-syntax-ns#}"
SUBJECT = "{http://purl.org/dc/elements/1.1/}subject"
HIERARCHY = "{http://ns.adobe.com/lightroom/1.0/}hierarchicalSubject"
TAGS = "{http://www.digikam.org/ns/1.0/}TagsList"

# As programs write it: a comment, a line break in an attribute, a name with other prefixes.
OTHERS = b"""<?xpacket begin="\xef\xbb\xbf" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/">
 <r:RDF xmlns:r="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
  <r:Description r:about="uuid:7" xmlns:xmp="http://ns.adobe.com/xap/1.0/" xmp:Rating='5'
    xmp:Label="two&#10;lines"
    xmlns:dc="http://purl.org/dc/elements/1.1/"
    xmlns:lr="http://ns.adobe.com/lightroom/1.0/"
    xmlns:digiKam="http://www.digikam.org/ns/1.0/">
   <!-- mine -->
   <dc:subject>
    <r:Bag>
     <r:li>holiday</r:li>
     <r:li>cat</r:li>
    </r:Bag>
   </dc:subject>
   <lr:hierarchicalSubject><r:Bag><r:li>trips|holiday</r:li></r:Bag></lr:hierarchicalSubject>
   <digiKam:TagsList><r:Seq/></digiKam:TagsList>
  </r:Description>
 </r:RDF>
</x:xmpmeta>
<?xpacket end="w"?>
"""


def keywords(content: bytes | None, name: str = SUBJECT) -> list[str | None]:
    """Return the keywords that another program finds under this name."""
    assert content is not None
    path = f".//{RDF}Description/{name}/*/{RDF}li"
    return [each.text for each in ET.fromstring(content).findall(path)]  # noqa: S314


def test_a_new_file_has_the_labels() -> None:
    """Whatever characters they have; what XML can't have is shown as an escape."""
    labels = ["cat", "a & <b>", "line\nfeed", "std::vector", "熊猫"]
    expected = ["cat", "a & <b>", "line\\nfeed", "std::vector", "熊猫"]
    assert keywords(with_keywords(None, labels)) == expected


def test_without_a_label_nothing_changes() -> None:
    """No file is made for an unknown answer, and one that exists stays."""
    assert with_keywords(None, []) is None
    assert with_keywords(OTHERS, []) is OTHERS


def test_everything_else_stays_byte_for_byte() -> None:
    """Comments, attributes, white space and other keywords are as they were."""
    found = with_keywords(OTHERS, ["dog"])
    assert found is not None
    assert keywords(found) == ["holiday", "cat", "dog"]
    left = found.replace(b"<r:li>dog</r:li>", b"").replace(b"<r:Seq></r:Seq>", b"<r:Seq/>")
    before, _, after = left.partition(b' <rdf:Description xmlns:rdf="')
    assert before + after.partition(b"</rdf:Description>\n ")[2] == OTHERS
    assert b'rdf:about="uuid:7"' in found


def test_lists_that_programs_prefer_have_them_too() -> None:
    """Only if they are there: darktable and digiKam then read no other keywords."""
    found = with_keywords(OTHERS, ["dog"])
    assert keywords(found, HIERARCHY) == ["trips|holiday", "dog"]
    assert keywords(found, TAGS) == ["dog"]
    new = with_keywords(None, ["dog"])
    assert keywords(new, HIERARCHY) == keywords(new, TAGS) == []


def test_keywords_of_an_earlier_call_are_replaced() -> None:
    """Those of others never are, even if they are the same."""
    first = with_keywords(OTHERS, ["cat", "dog"])
    assert keywords(first) == ["holiday", "cat", "dog"]
    assert with_keywords(first, ["cat", "dog"]) is first
    second = with_keywords(first, ["fish"])
    assert keywords(second) == ["holiday", "cat", "fish"]
    assert keywords(second, HIERARCHY) == ["trips|holiday", "fish"]
    assert keywords(with_keywords(second, [])) == ["holiday", "cat"]
    assert with_keywords(with_keywords(second, []), ["fish"]) == second


BEGIN = b'<r:RDF xmlns:r="http://www.w3.org/1999/02/22-rdf-syntax-ns#"'
DC = b'xmlns:dc="http://purl.org/dc/elements/1.1/"'


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "not XML: no element found"),
        (b"\x89PNG", "not in UTF-8"),
        ("<a/>".encode("utf-16"), "not in UTF-8"),
        (b"<a>", "not XML: no element found"),
        (b"<a/>", "not XMP: it has no rdf:RDF"),
        (b'<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>', "it has a DOCTYPE"),
        (b"<a>" * 101, "nested deeper than 100 levels"),
        (BEGIN + b"/>", "its rdf:RDF is empty"),
        (b"<a>" + (BEGIN + b"></r:RDF>") * 2 + b"</a>", "it has two rdf:RDF"),
        (
            BEGIN + b"><r:Description " + DC + b' dc:subject="cat"/></r:RDF>',
            "its dc:subject is not a list",
        ),
        (
            BEGIN
            + b"><r:Description "
            + DC
            + b"><dc:subject>cat</dc:subject></r:Description></r:RDF>",
            "its dc:subject is not a list",
        ),
        (
            BEGIN
            + b"><r:Description "
            + DC
            + b"><dc:subject/><dc:subject/></r:Description></r:RDF>",
            "it has dc:subject twice",
        ),
        (
            BEGIN + b"><r:Description " + DC + b"><dc:subject><r:Bag>" + b"<r:li/>" * 10_001,
            "it has more than 10,000 keywords",
        ),
    ],
)
def test_what_can_not_be_kept_is_refused(content: bytes, reason: str) -> None:
    """No entity is expanded, and no keyword is lost; the reason is named."""
    with pytest.raises(ValueError, match=reason):
        with_keywords(content, ["cat"])
