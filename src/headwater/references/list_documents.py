"""Hash lists in JSON: which of the known shapes a document has, and its listed files one by one."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from headwater.errors import UnsupportedFormatError
from headwater.references.list_entries import ListItem, Source
from headwater.references.list_exchange import is_banked, is_indicator, read_banked, read_indicator
from headwater.references.list_json import JsonScanner
from headwater.references.list_vics import is_media, read_media
from headwater.references.list_vpdq import is_frame_text, read_frame_objects, read_frame_texts
from headwater.references.rows import BadRow, BadRowError

__all__ = ["KNOWN_DOCUMENTS", "Shape", "read_document", "shape_of"]

KNOWN_DOCUMENTS = (
    "VICS JSON (a list 'value' of media, or of cases with a list 'Media')",
    "ThreatExchange JSON (a list 'data' of objects with 'indicator' and 'type')",
    "HMA JSON (objects with 'signals')",
    "vPDQ JSON (frames as 'HASH,QUALITY,SECONDS', or as objects by frame number)",
)
# "d" and "results" are the envelopes of OData 2, whose services also write dates as /Date(ms)/.
_CONTAINERS = {"value", "data", "media", "cases", "results", "d"}
_MODEL = re.compile(r"DataModels/([0-9]{1,3})\.([0-9]{1,3})\.xml")
_OBSERVED_MODELS = ((1, 1), (2, 0))
_LOOKED_AT = 100  # elements, before a list is taken for none that is known


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """How a document holds its listed files.

    Attributes:
        name: For the operator and the seal.
        read: From an element and its number to its rows.
        cases: Whether the elements of the list are cases that hold the media.
        whole: Whether the document is one listed video.
    """

    name: str
    read: Callable[[Source, object, int, int | None, str], list[ListItem]]
    cases: bool = False
    whole: bool = False


_VICS_SET = Shape(name="VICS JSON, hash set", read=read_media)
_VICS_CASE = Shape(name="VICS JSON, case", read=read_media, cases=True)
_INDICATORS = Shape(name="ThreatExchange JSON", read=read_indicator)
_BANKED = Shape(name="HMA JSON", read=read_banked)
_FRAME_TEXTS = Shape(name="vPDQ JSON", read=read_frame_texts, whole=True)
_FRAME_OBJECTS = Shape(name="vPDQ JSON, by frame number", read=read_frame_objects, whole=True)


def shape_of(path: Path) -> Shape:
    """The shape of a JSON document, from its beginning.

    Raises:
        UnsupportedFormatError: It is none that is known.
        UnreadableInputError: It is not JSON.
    """
    with path.open("rb") as file:
        scanner = JsonScanner(file, path)
        place = _Place(scanner)
        if scanner.peek() == "{" and (found := _whole_shape(path)) is not None:
            return found
        first_empty = True
        for number, _ in enumerate(place.elements()):
            first_empty = False
            if place.passed is None and scanner.peek() == "{" and _holds_media(scanner, place):
                return _VICS_CASE
            found = _element_shape(place.passed if place.passed is not None else scanner.value())
            place.passed = None
            if found is not None:
                return found
            if number >= _LOOKED_AT:
                break
        if first_empty and place.lists:
            return _VICS_SET  # a list of nothing: which one, does not matter
        seen = ", ".join(repr(key[:40]) for key in place.keys[:6])
        raise UnsupportedFormatError(
            path,
            found=f"JSON of another shape ({'keys ' + seen if seen else 'no object'}; no list 'value')",
            known=KNOWN_DOCUMENTS,
            remedy="convert it to one of these, or to CSV",
        )


def _element_shape(element: object) -> Shape | None:
    if isinstance(element, str):
        return _FRAME_TEXTS if is_frame_text(element) else None
    if not isinstance(element, Mapping):
        return None
    names = {key.lower() for key in element}
    if is_indicator(names):
        return _INDICATORS
    if is_banked(names):
        return _BANKED
    return _VICS_SET if is_media(names) else None


def _whole_shape(path: Path) -> Shape | None:
    """By frame number, as vPDQ writes it: an object whose first key is a number and whose first value is a frame."""
    with path.open("rb") as file:
        scanner = JsonScanner(file, path)
        scanner.expect("{")
        if scanner.peek() != '"':
            return None
        name = scanner.key()
        if scanner.peek() != "{" or not name.isdigit():
            return None
        frame = scanner.value()
        names = {key.lower() for key in frame} if isinstance(frame, Mapping) else set()
        return _FRAME_OBJECTS if {"hash", "quality"} <= names else None


def _holds_media(scanner: JsonScanner, place: _Place) -> bool:
    """Whether the object that begins here has a list 'Media'; if not, it is behind us, and kept in `place`."""
    passed: dict[str, object] = {}
    scanner.expect("{")
    if not scanner.take("}"):
        while True:
            key = scanner.key()
            if key.lower() == "media" and scanner.peek() == "[":
                return True
            passed[key] = scanner.value()
            if not scanner.take(","):
                scanner.expect("}")
                break
    place.passed = passed
    return False


@dataclass(slots=True)
class _Place:
    """Goes through a document to the elements of its list.

    Attributes:
        scanner: The scanner, which stands before an element whenever one is yielded.
        keys: Keys of the envelope.
        lists: Lists that were found.
        passed: An object that was read already.
        model: Version of the data model that the envelope names.
    """

    scanner: JsonScanner
    keys: list[str] = field(default_factory=list)
    lists: int = 0
    passed: dict[str, object] | None = None
    model: tuple[int, int] | None = None

    def elements(self) -> Iterator[None]:
        """Once before each element; whoever asks takes it. A document of one object a line is a list of these."""
        scanner = self.scanner
        if scanner.peek() == "[":
            yield from self.listed()
        elif scanner.peek() == "{":
            yield from self._envelope()
        elif scanner.peek():
            scanner.refuse("not valid JSON (expecting an object or a list)")
        if scanner.peek():
            scanner.refuse("not valid JSON (something follows the end of the document)")

    def listed(self) -> Iterator[None]:
        """Once before each element of the list that begins here."""
        self.lists += 1
        self.scanner.expect("[")
        if self.scanner.take("]"):
            return
        while True:
            yield
            if not self.scanner.take(","):
                self.scanner.expect("]")
                return

    def _look_for_model(self, key: str, value: object) -> None:
        found = _MODEL.search(str(value)) if key.lower().lstrip("@") in {"odata.metadata", "odata.context"} else None
        if found:
            self.model = int(found[1]), int(found[2])

    def _envelope(self, depth: int = 0) -> Iterator[None]:
        scanner = self.scanner
        scanner.expect("{")
        members: dict[str, object] = {}
        lists = self.lists
        if not scanner.take("}"):
            while True:
                key = scanner.key()
                if key in self.keys and not depth:
                    scanner.refuse(f"key {key[:40]!r} is there twice")
                if len(self.keys) < _LOOKED_AT:
                    self.keys.append(key)
                if key.lower() in _CONTAINERS and scanner.peek() == "[":
                    yield from self.listed()
                elif key.lower() == "d" and scanner.peek() == "{" and not depth:
                    yield from self._envelope(depth + 1)
                else:
                    members[key] = scanner.value()
                    self._look_for_model(key, members[key])
                if not scanner.take(","):
                    scanner.expect("}")
                    break
        if self.lists == lists and not depth and members:
            self.passed = members
            yield
            while scanner.peek() == "{":
                yield


def read_document(source: Source, shape: Shape) -> Iterator[ListItem]:
    """The rows of a JSON document of that shape.

    Raises:
        UnreadableInputError: It is not JSON to its end.
    """
    with source.path.open("rb") as file:
        scanner = JsonScanner(file, source.path)
        if shape.whole:
            yield from shape.read(source, scanner.value(), 0, 0, "")
            if scanner.peek():
                scanner.refuse("not valid JSON (something follows the end of the document)")
            return
        place = _Place(scanner)
        number = 0
        for case_number, _ in enumerate(place.elements()):
            if shape.cases and scanner.peek() == "{":
                for group in _case_media(source, scanner, case_number):
                    yield from _rows(source, scanner, place, shape, number, group)
                    number += 1
                continue
            yield from _rows(source, scanner, place, shape, number, "")
            number += 1
        if place.model is not None and not _OBSERVED_MODELS[0] <= place.model <= _OBSERVED_MODELS[1]:
            first, last = (f"{major}.{minor}" for major, minor in _OBSERVED_MODELS)
            named = f"{place.model[0]}.{place.model[1]}"
            source.notes.append(
                f"data model {named} is none that was seen ({first} to {last}); compare some rows by eye"
            )
        for key in place.keys:
            if key.lower() not in _CONTAINERS and not key.lower().lstrip("@").startswith("odata.") and place.lists:
                source.keys.count(f"envelope {key}")


def _rows(source: Source, scanner: JsonScanner, place: _Place, shape: Shape, number: int, group: str) -> list[ListItem]:
    scanner.peek()
    offset_bytes = scanner.offset_bytes
    if place.passed is not None:
        element: object = place.passed
        offset_bytes, place.passed, scanner.twice = 0, None, None
    else:
        element = scanner.value()
    source.done_bytes = offset_bytes
    try:
        if scanner.twice is not None:
            raise BadRowError(f"key {scanner.twice[:40]!r} is there twice")  # noqa: TRY301 - one place makes bad rows
        return shape.read(source, element, number, offset_bytes, group)
    except BadRowError as error:
        return [BadRow(offset_bytes=offset_bytes, row=number, reason=str(error))]


def _case_media(source: Source, scanner: JsonScanner, case_number: int) -> Iterator[str]:
    """What tells the case's media from those of others, once before each of its media."""
    name = f"case {case_number}"
    media = _Place(scanner)
    scanner.expect("{")
    if scanner.take("}"):
        return
    while True:
        key = scanner.key()
        folded = key.lower()
        if folded == "media" and scanner.peek() == "[":
            if media.lists:
                scanner.refuse(f"key {key!r} is there twice")
            for _ in media.listed():
                yield name
        else:
            value = scanner.value()
            if folded == "caseid" and isinstance(value, str | int) and str(value).strip():
                name = str(value).strip()
            elif not folded.lstrip("@").startswith("odata."):
                source.keys.count(f"case {key}")
        if not scanner.take(","):
            scanner.expect("}")
            return
