"""Entries of NCMEC's hash-sharing service, version 2, in XML: images, videos, and what was deleted.

The parser is Expat, told to stop at the first document type or entity: no entity is ever expanded, nothing is fetched.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn
from xml.parsers import expat  # nosec - document types and entities are refused below

from headwater.errors import UnreadableInputError, UnsupportedFormatError
from headwater.references.list_entries import Deletion, Listed, ListItem, Source, entry_of, named_file
from headwater.references.rows import BadRow, BadRowError

__all__ = ["KNOWN_XML", "check_root", "read_ncmec"]

KNOWN_XML = ("NCMEC hash-sharing 2 XML (queryResult)",)
_ROOT = "queryResult"
_ENTRIES = {"image": "still", "video": "video", "deletedImage": "still", "deletedVideo": "video"}
_CHUNK_BYTES = 1 << 16
MAX_DEPTH = 32
MAX_ENTRY_CHARACTERS = 4 << 20
MAX_TOKEN_BYTES = 4 << 20  # without this, Expat would hold a tag that never ends
_SCHEME = "NCMEC"


class _Element:
    """An element of an entry, with what is in it."""

    __slots__ = ("attributes", "children", "name", "text")

    def __init__(self, name: str, attributes: dict[str, str]) -> None:
        self.name = name
        self.attributes = attributes
        self.children: list[_Element] = []
        self.text: list[str] = []

    def first(self, name: str) -> _Element | None:
        return next((child for child in self.children if child.name == name), None)

    def words(self) -> str | None:
        return "".join(self.text).strip() or None

    def plain(self) -> object:
        """As JSON would hold it: text alone as text, else an object with `@attribute`, `#text` and the children."""
        if not self.attributes and not self.children:
            return self.words()
        held: dict[str, object] = {f"@{name}": value for name, value in self.attributes.items()}
        if self.words() is not None:
            held["#text"] = self.words()
        for name in dict.fromkeys(child.name for child in self.children):
            values = [child.plain() for child in self.children if child.name == name]
            held[name] = values[0] if len(values) == 1 else values
        return held


class _Reader:
    """Gathers whole entries from what Expat tells."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._parser = expat.ParserCreate(namespace_separator=" ")
        self._parser.buffer_text = True
        self._open: list[_Element] = []
        self._depth = 0
        self._characters = 0
        self._told = True
        self.root: str | None = None
        self.entries: list[tuple[int, _Element]] = []
        self.has_next_page = False
        self._begun_bytes = 0
        parser = self._parser
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._words
        parser.CommentHandler = parser.ProcessingInstructionHandler = self._pass
        parser.StartDoctypeDeclHandler = parser.EntityDeclHandler = self._declared
        parser.ExternalEntityRefHandler = self._declared

    def feed(self, content: bytes, *, last: bool) -> None:
        """Parse more.

        Raises:
            UnreadableInputError: It is not XML, or XML that is not read here.
        """
        self._told = False
        try:
            self._parser.Parse(content, last)
        except expat.ExpatError as error:
            self._refuse(f"not valid XML ({expat.ErrorString(error.code)})", self._parser.ErrorByteIndex)

    @property
    def told(self) -> bool:
        """Whether the last piece brought anything to an end."""
        return self._told

    def refuse_endless(self, offset_bytes: int) -> NoReturn:
        """Refuse a tag or comment that does not end."""
        self._refuse(f"XML that is not read: a tag longer than {MAX_TOKEN_BYTES >> 20} MiB", offset_bytes)

    def _refuse(self, reason: str, offset_bytes: int | None = None) -> NoReturn:
        place = self._parser.CurrentByteIndex if offset_bytes is None else offset_bytes
        raise UnreadableInputError(
            self._path, reason, offset_bytes=max(place, 0), remedy="ask the list's author for it again"
        ) from None

    def _declared(self, *_: object) -> NoReturn:
        self._refuse("XML that is not read: it declares a document type or an entity")

    def _pass(self, *_: object) -> None:
        self._told = True

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        self._told = True
        name = name.rpartition(" ")[2]
        self._depth += 1
        if self._depth > MAX_DEPTH:
            self._refuse("XML that is not read: nested too deeply")
        if self.root is None:
            self.root = name
        if not self._open:
            if name == "next":
                self.has_next_page = True
            if name not in _ENTRIES:
                return
            self._begun_bytes = self._parser.CurrentByteIndex
            self._characters = 0
        element = _Element(name, {key.rpartition(" ")[2]: value for key, value in attributes.items()})
        self._grown(sum(len(key) + len(value) for key, value in attributes.items()) + 64)
        if self._open:
            self._open[-1].children.append(element)
        self._open.append(element)

    def _end(self, _name: str) -> None:
        self._told = True
        self._depth -= 1
        if self._open:
            element = self._open.pop()
            if not self._open:
                self.entries.append((self._begun_bytes, element))

    def _words(self, text: str) -> None:
        self._told = True
        if self._open:
            self._grown(len(text))
            self._open[-1].text.append(text)

    def _grown(self, characters: int) -> None:
        self._characters += characters
        if self._characters > MAX_ENTRY_CHARACTERS:
            self._refuse(f"XML that is not read: an entry longer than {MAX_ENTRY_CHARACTERS >> 20} MiB")


def check_root(path: Path) -> None:
    """Nothing, if the document is of this service.

    Raises:
        UnsupportedFormatError: It is other XML.
        UnreadableInputError: It is not XML.
    """
    for reader, _ in _pieces(path):
        if reader.root is not None:
            if reader.root != _ROOT:
                raise UnsupportedFormatError(
                    path, found=f"XML of another kind (root {reader.root[:40]!r})", known=KNOWN_XML
                )
            return


def _pieces(path: Path) -> Iterator[tuple[_Reader, int]]:
    reader = _Reader(path)
    done = quiet = 0
    with path.open("rb") as file:
        while True:
            chunk = file.read(_CHUNK_BYTES)
            reader.feed(chunk, last=not chunk)
            done += len(chunk)
            quiet = 0 if reader.told else quiet + len(chunk)
            if quiet > MAX_TOKEN_BYTES:
                reader.refuse_endless(done - quiet)
            yield reader, done
            if not chunk:
                return


def read_ncmec(source: Source) -> Iterator[ListItem]:
    """The rows of the entries, and the deletions.

    Raises:
        UnreadableInputError: It is not XML to its end, or XML that is not read here.
    """
    number = 0
    paged = False
    for reader, done in _pieces(source.path):
        source.done_bytes = done
        for offset, element in reader.entries:
            try:
                yield from _items(source, element, number, offset)
            except BadRowError as error:
                yield BadRow(offset_bytes=offset, row=number, reason=str(error))
            number += 1
        reader.entries.clear()
        paged = reader.has_next_page
    if paged:
        source.notes.append("the file is one page of a longer answer; import the pages that follow it, too")


def _items(source: Source, element: _Element, number: int, offset: int) -> Iterator[ListItem]:
    own_id, member = element.first("id"), element.first("member")
    words = None if own_id is None else own_id.words()
    author = "" if member is None else member.attributes.get("id", "")
    shared = None if words is None else f"{author}/{words}" if author else words
    stamp = element.first("timestamp")
    timestamp = None if stamp is None else stamp.words()
    if element.name.startswith("deleted"):
        if shared is None:
            raise BadRowError("deleted, and no id says which")
        yield Deletion(number, shared, timestamp, _seconds(timestamp))
        return
    raw: dict[str, object] = {"listed_file": shared, "media_kind": _ENTRIES[element.name]}
    further: dict[str, object] = {}
    several: dict[str, list[str]] = {"pdq": [], "photodna": []}
    for child in element.children:
        if child.name == "fingerprints":
            _take_fingerprints(source, child, raw, several, further)
        elif child.name == "classification":
            raw |= {"category": child.words(), "scheme": _SCHEME}
        elif child.name != "id":
            held = child.plain()
            further[child.name] = [further[child.name], held] if child.name in further else held
            source.keys.count(child.name)
    rows = []
    for place in range(max(1, *map(len, several.values()))):
        for name, values in several.items():
            raw[name] = values[place] if place < len(values) else None
        row = entry_of(raw, further)
        raw["listed_file"] = row["listed_file"] = row.get("listed_file") or named_file(
            row, number, part=max(map(len, several.values())) > 1
        )
        rows.append(row)
    yield from (Listed(number, offset, row, _seconds(timestamp)) for row in rows)


def _take_fingerprints(
    source: Source,
    element: _Element,
    raw: dict[str, object],
    several: dict[str, list[str]],
    further: dict[str, object],
) -> None:
    left: dict[str, object] = {}
    for child in element.children:
        name = "photodna" if child.name.lower() == "pdna" else child.name.lower()
        words = child.words()
        if name in several and words is not None and not child.children:
            several[name].append(words)
        elif name in {"md5", "sha1", "sha256"} and not child.children:
            if raw.get(name) not in {None, words}:
                raise BadRowError(f"two values of {name}")
            raw[name] = words
        else:
            left[child.name] = child.plain()
            source.keys.count(f"fingerprints {child.name}")
    if left:
        further["fingerprints"] = left


def _seconds(timestamp: str | None) -> float | None:
    try:
        instant = dt.datetime.fromisoformat(timestamp or "")
        return (instant if instant.tzinfo else instant.replace(tzinfo=dt.UTC)).timestamp()
    except (ValueError, OverflowError):
        return None
