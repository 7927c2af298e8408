"""Labels of photos as keywords in XMP, the metadata that programs for photos share.

`dc:subject` is the list of keywords. A list of our own, `imgrec:keywords`, has those of them that
imgrec wrote, so that a later call replaces these and nobody else's. A file is changed at the places
of these lists only: everything else stays as it is, byte for byte.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple
from xml.parsers import expat
from xml.sax.saxutils import escape, quoteattr

from imgrec.text import printable

_DEEPEST = 100
_MOST_KEYWORDS = 10_000

_RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"


class _Property(NamedTuple):
    namespace: str
    name: str
    prefix: str

    @property
    def written(self) -> str:
        """The name with its usual prefix."""
        return f"{self.prefix}:{self.name}"


_SUBJECT = _Property("http://purl.org/dc/elements/1.1/", "subject", "dc")
_OWN = _Property("urn:imgrec:xmp:1.0/", "keywords", "imgrec")
# Programs that find such a list read no other keywords: darktable the first, digiKam the second.
_OTHERS = (
    _Property("http://ns.adobe.com/lightroom/1.0/", "hierarchicalSubject", "lr"),
    _Property("http://www.digikam.org/ns/1.0/", "TagsList", "digiKam"),
)
_KNOWN = {each[:2]: each for each in (_SUBJECT, _OWN, *_OTHERS)}

_NEW = f"""<?xml version="1.0" encoding="UTF-8"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/">
 <rdf:RDF xmlns:rdf="{_RDF}">
 </rdf:RDF>
</x:xmpmeta>
""".encode()


def with_keywords(content: bytes | None, labels: Sequence[str]) -> bytes | None:
    """Return the content of a sidecar file with labels as keywords.

    Keywords of an earlier call are replaced. Labels that somebody else has made keywords are left
    to them.

    Args:
        content: What the file holds; None if there is no file.
        labels: The labels of the photo; empty if it has none.

    Returns:
        The new content, which is `content` itself if nothing changes.

    Raises:
        ValueError: The content is not XMP in UTF-8, or its keywords are not in lists; the message
            is the reason.
    """
    if content is None and not labels:
        return None
    base = _NEW if content is None else content
    found = _Reader(base).read()
    there, own = found.texts(_SUBJECT), found.texts(_OWN)
    keywords = dict.fromkeys(map(_keyword, labels))
    new = [each for each in keywords if each in own or each not in there]
    old = set(own) - set(new)
    edits = [edit for each in found.lists.values() for edit in each.edits(old, new)]
    missing = [each for each in (_SUBJECT, _OWN) if each not in found.lists]
    if new and missing:
        edits.append(_Edit(found.end, found.end, _description(missing, new, found.about)))
    return _edited(base, edits) if edits else content


class _Edit(NamedTuple):
    """Bytes from `start` to `end` that are replaced."""

    start: int
    end: int
    content: str


def _edited(content: bytes, edits: Sequence[_Edit]) -> bytes:
    parts, at = [], 0
    for edit in sorted(edits):
        parts += [content[at : edit.start], edit.content.encode()]
        at = edit.end
    return b"".join([*parts, content[at:]])


def _description(properties: Sequence[_Property], keywords: Sequence[str], about: str) -> str:
    lines = [f" <rdf:Description xmlns:rdf={quoteattr(_RDF)} rdf:about={quoteattr(about)}>\n"]
    for each in properties:
        tag, namespace = each.written, f"xmlns:{each.prefix}={quoteattr(each.namespace)}"
        bag = f"<rdf:Bag>{_items(keywords, 'rdf')}</rdf:Bag>"
        lines.append(f"   <{tag} {namespace}>{bag}</{tag}>\n")
    return "".join([*lines, "  </rdf:Description>\n "])


def _items(keywords: Sequence[str], prefix: str) -> str:
    tag = _tag("li", prefix)
    return "".join(f"<{tag}>{escape(each)}</{tag}>" for each in keywords)


def _tag(name: str, prefix: str) -> str:
    return f"{prefix}:{name}" if prefix else name


def _keyword(label: str) -> str:
    """Return a label without characters that XML can't have, which become escapes."""
    return "".join(each if each.isprintable() else printable(each) for each in label)


class _Item(NamedTuple):
    text: str
    start: int
    end: int


@dataclass
class _List:
    """A list of keywords, and where it lies.

    prefix: that of RDF's names there, perhaps empty. kind: Bag, Seq or Alt. start, end: of its
    element. close: where its end tag begins; None if it has none, as in `<rdf:Bag/>`.
    """

    prefix: str
    kind: str
    start: int
    end: int = 0
    close: int | None = None
    items: list[_Item] = field(default_factory=list)

    def edits(self, old: Collection[str], new: Sequence[str]) -> Iterator[_Edit]:
        """Yield what removes and adds keywords."""
        texts = {each.text for each in self.items}
        added = _items([each for each in new if each not in texts], self.prefix)
        yield from (_Edit(each.start, each.end, "") for each in self.items if each.text in old)
        if added and self.close is None:
            tag = _tag(self.kind, self.prefix)
            yield _Edit(self.start, self.end, f"<{tag}>{added}</{tag}>")
        elif added and self.close is not None:
            yield _Edit(self.close, self.close, added)


@dataclass(frozen=True)
class _Found:
    """What is known of an XMP file.

    lists: the lists of keywords. end: where the end tag of rdf:RDF begins. about: what the
    descriptions say they describe.
    """

    lists: Mapping[_Property, _List]
    end: int
    about: str

    def texts(self, name: _Property) -> list[str]:
        """Return the keywords of a list, none if it doesn't exist."""
        return [each.text for each in self.lists[name].items] if name in self.lists else []


class _Element(NamedTuple):
    namespace: str
    name: str
    prefix: str
    start: int

    def is_rdf(self, *names: str) -> bool:
        return self.namespace == _RDF and self.name in names


class _Reader:
    """Finds the lists of keywords in XMP, which strangers may have written.

    They are at rdf:RDF / rdf:Description / property / rdf:Bag / rdf:li.
    """

    def __init__(self, content: bytes) -> None:
        self._content = content
        self._path: list[_Element] = []
        self._rdf_depth = 0  # the level of rdf:RDF in the path; 0 outside of it
        self._is_empty = False  # whether nothing has followed the last start tag yet
        self._property: _Property | None = None
        self._list: _List | None = None
        self._text: list[str] = []
        self._about = ""
        self._end: int | None = None
        self._lists: dict[_Property, _List | None] = {}

    def read(self) -> _Found:
        """Return what is found; raises ValueError."""
        try:
            self._content.decode()
            self._parse()
        except UnicodeDecodeError:
            raise ValueError("not in UTF-8") from None
        except expat.ExpatError as error:
            raise ValueError(f"not XML: {error}") from None
        if self._end is None:
            raise ValueError("not XMP: it has no rdf:RDF")
        lists = {key: each for key, each in self._lists.items() if each is not None}
        for known in self._lists.keys() - lists.keys():
            raise ValueError(f"its {known.written} is not a list of keywords")
        return _Found(lists, self._end, self._about)

    def _parse(self) -> None:
        parser = expat.ParserCreate("utf-8", " ")
        parser.namespace_prefixes = True
        parser.buffer_text = True
        parser.StartDoctypeDeclHandler = _refuse_doctype
        parser.StartElementHandler = lambda name, attributes: self._open(
            name, attributes, parser.CurrentByteIndex
        )
        parser.EndElementHandler = lambda _: self._close(parser.CurrentByteIndex)
        parser.CharacterDataHandler = self._characters
        parser.Parse(self._content, True)  # noqa: FBT003 - isfinal has no name

    def _open(self, written: str, attributes: Mapping[str, str], start: int) -> None:
        if len(self._path) == _DEEPEST:
            raise ValueError(f"its elements are nested deeper than {_DEEPEST} levels")
        element = _Element(*_name(written), start)
        self._path.append(element)
        self._is_empty = True
        if self._rdf_depth:
            self._enter(element, attributes)
        elif element.is_rdf("RDF"):
            if self._end is not None:
                raise ValueError("it has two rdf:RDF")
            self._rdf_depth = len(self._path)

    def _enter(self, element: _Element, attributes: Mapping[str, str]) -> None:
        match len(self._path) - self._rdf_depth:
            case 1 if element.is_rdf("Description"):
                names = {_name(each)[:2]: value for each, value in attributes.items()}
                self._about = self._about or names.get((_RDF, "about"), "")
                for known in _KNOWN.keys() & names.keys():
                    self._lists[_KNOWN[known]] = None
            case 2 if self._path[-2].is_rdf("Description"):
                self._property = _KNOWN.get((element.namespace, element.name))
                if self._property in self._lists:
                    raise ValueError(f"it has {self._property.written} twice")
                if self._property:
                    self._lists[self._property] = None
            case 3 if self._property and element.is_rdf("Bag", "Seq", "Alt"):
                self._list = _List(element.prefix, element.name, element.start)
                self._lists[self._property] = self._list
            case 4:
                self._text.clear()

    def _close(self, at: int) -> None:
        element, inside = self._path.pop(), len(self._path) - self._rdf_depth + 1
        # Of `<a/>`, expat says that it ends behind the tag; of `<a></a>`, before the second one.
        is_empty = self._is_empty and self._content[at - 2 : at] == b"/>"
        end = at if is_empty else self._content.index(b">", at) + 1
        self._is_empty = False
        if not self._rdf_depth:
            return
        match inside:
            case 4 if self._list and element.is_rdf("li"):
                self._list.items.append(_Item("".join(self._text).strip(), element.start, end))
                if len(self._list.items) > _MOST_KEYWORDS:
                    raise ValueError(f"it has more than {_MOST_KEYWORDS:,} keywords")
            case 3 if self._list:
                self._list.end, self._list.close = end, None if is_empty else at
                self._list = None
            case 2:
                self._property = None
            case 0:
                if is_empty:
                    raise ValueError("its rdf:RDF is empty")
                self._end, self._rdf_depth = at, 0

    def _characters(self, text: str) -> None:
        self._is_empty = False
        if self._list:
            self._text.append(text)


def _name(written: str) -> tuple[str, str, str]:
    """Return the namespace, the name and the prefix of a name as expat writes it."""
    parts = written.split(" ")
    if len(parts) == 1:
        return "", parts[0], ""
    return parts[0], parts[1], parts[2] if len(parts) == 3 else ""


def _refuse_doctype(*_: object) -> None:
    raise ValueError("it has a DOCTYPE, which XMP never has")
