"""Claims in a C2PA manifest store: that it is there, who says to have made it, and by which source type.

No signature is checked and no digest compared: whoever can write a file can write a manifest with any words in it.
What a manifest says is recorded as said, with `signature_checked` no.

References:
    ISO/IEC 19566-5 (JUMBF): superboxes `jumb`, description boxes `jumd` (type, toggles, label).
    C2PA specification, "Manifests" (labels and types of the boxes of a store; the last manifest is the active one),
    "Claims" (their generator), "Actions" (software agents, digital source types). Sections are named, not numbered,
    because the numbers change with each version.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from headwater_sealed.claims_cbor import cbor_value
from headwater_sealed.claims_found import Budget, Claim, Claims, short_text
from headwater_sealed.refusal import UnreadableError

__all__ = ["is_manifest_store", "read_manifest_store"]

_MAX_DEPTH = 6
_MAX_BOXES = 2000
_MAX_MANIFESTS = 32
_MAX_ACTIONS = 256
_MAX_VALUE_BYTES = 1 << 20

# Types of superboxes: four letters, then the same twelve bytes.
_TYPE_END = bytes.fromhex("00110010800000aa00389b71")
_STORE, _MANIFEST, _UPDATE, _COMPRESSED = b"c2pa", b"c2ma", b"c2um", b"c2cm"
_ASSERTIONS, _CLAIM = b"c2as", b"c2cl"

_ACTIONS = re.compile(r"c2pa\.actions(?:\.v\d+)?(?:__\d+)?")
_METADATA = re.compile(r"(?:stds\.iptc|stds\.exif|c2pa\.metadata|cawg\.metadata|stds\.schema-org\.\w+)[\w.]*(?:__\d+)?")
# Names in metadata assertions, by what stands behind their prefix.
_METADATA_SAID = {
    "CreatorTool": "creator-tool",
    "Software": "software",
    "Make": "camera",
    "Model": "camera",
    "LensMake": "camera",
    "LensModel": "camera",
}
_SAID_NO_CHECK = "no"


@dataclass(slots=True, kw_only=True)
class _Box:
    """A superbox.

    Attributes:
        kind: The first four letters of its type.
        label: Its label.
        inner: Superboxes in it.
        content: Type and bytes of the other boxes in it.
    """

    kind: bytes
    label: str
    inner: list[_Box] = field(default_factory=list)
    content: list[tuple[bytes, bytes]] = field(default_factory=list)


def is_manifest_store(content: bytes) -> bool:
    """Whether the bytes begin with the superbox of a manifest store."""
    return content[4:8] == b"jumb" and content[12:16] == b"jumd" and content[16:32] == _STORE + _TYPE_END


def read_manifest_store(content: bytes, claims: Claims, place: str, offset_bytes: int) -> None:
    """Takes the claims of a manifest store.

    Args:
        content: The store, from its superbox on.
        claims: Where they go.
        place: What holds it, such as `JPEG APP11`.
        offset_bytes: Where that begins in the file.
    """
    place = f"{place} C2PA"
    with claims.reading(place, offset_bytes):
        if not is_manifest_store(content):
            raise UnreadableError("no C2PA manifest store")
        reader = _Reader(claims.budget)
        stores = list(reader.superboxes(content[: int.from_bytes(content[:4], "big") or len(content)], 0))
        manifests = [box for store in stores for box in store.inner]
        for index, manifest in enumerate(manifests[-_MAX_MANIFESTS:], start=1):
            active = index == len(manifests[-_MAX_MANIFESTS:])
            _Manifest(manifest, claims, place, offset_bytes, active=active).read()
        if reader.trouble:
            raise UnreadableError(reader.trouble)
        if not manifests:
            raise UnreadableError("a store without a manifest")
        if len(manifests) > _MAX_MANIFESTS:
            raise UnreadableError(f"{len(manifests)} manifests, of which the last {_MAX_MANIFESTS} were read")


class _Reader:
    """Reads superboxes; what stands before a place of damage is kept.

    Attributes:
        trouble: What went wrong first; empty if nothing did.
    """

    def __init__(self, budget: Budget) -> None:
        self._budget = budget
        self._boxes = 0
        self.trouble = ""

    def superboxes(self, content: bytes, depth: int) -> Iterator[_Box]:
        """The superboxes in a run of boxes."""
        for kind, inner in self._boxes_of(content):
            box = self._superbox(inner, depth) if kind == b"jumb" else None
            if box is not None:
                yield box

    def _boxes_of(self, content: bytes) -> Iterator[tuple[bytes, bytes]]:
        at = 0
        while at + 8 <= len(content):
            self._budget.spend()
            self._boxes += 1
            size, kind, head = int.from_bytes(content[at : at + 4], "big"), content[at + 4 : at + 8], 8
            if size == 1:
                size, head = int.from_bytes(content[at + 8 : at + 16], "big"), 16
            elif size == 0:
                size = len(content) - at
            if at + size > len(content):
                self.trouble = self.trouble or f"a box of {size:,} bytes where {len(content) - at:,} are left"
                size = len(content) - at
            if self._boxes > _MAX_BOXES or size < head:
                limit = f"more than {_MAX_BOXES} boxes" if self._boxes > _MAX_BOXES else f"a box of {size} bytes"
                self.trouble = self.trouble or limit
                return
            yield kind, content[at + head : at + size]
            at += size
        if content[at:].strip(b"\0"):
            self.trouble = self.trouble or f"no box in the last {len(content) - at} bytes"

    def _superbox(self, content: bytes, depth: int) -> _Box | None:
        if depth > _MAX_DEPTH:
            self.trouble = self.trouble or f"boxes {depth} deep"
            return None
        boxes = self._boxes_of(content)
        first, described = next(boxes, (b"", b""))
        if first != b"jumd" or len(described) < 17:
            self.trouble = self.trouble or "a superbox without a description"
            return None
        label = described[17:].split(b"\0", 1)[0] if described[16] & 2 else b""
        box = _Box(kind=described[:4], label=label[:1024].decode("utf-8", "replace"))
        for kind, inner in boxes:
            if kind == b"jumb":
                found = self._superbox(inner, depth + 1)
                if found is not None:
                    box.inner.append(found)
            else:
                box.content.append((kind, inner))
        return box


class _Manifest:
    """One manifest of a store."""

    def __init__(self, box: _Box, claims: Claims, place: str, offset_bytes: int, *, active: bool) -> None:
        self._box, self._claims, self._place, self._offset_bytes = box, claims, place, offset_bytes
        self._active = active

    def read(self) -> None:
        """Takes what it says."""
        box = self._box
        assertions = [one for inner in box.inner if inner.kind == _ASSERTIONS for one in inner.inner]
        which = "active manifest" if self._active else "manifest of an ingredient"
        self._claims.add(
            Claim(
                claim_kind="c2pa-manifest",
                claim=short_text(box.label) or "without a label",
                claimed_by=self._place,
                offset_bytes=self._offset_bytes,
                signature_checked=_SAID_NO_CHECK,
                note=f"{which}, {len(assertions)} assertions",
            )
        )
        with self._claims.reading(f"{self._place} {short_text(box.label)[:80]}", self._offset_bytes):
            if box.kind == _COMPRESSED:
                raise UnreadableError("a compressed manifest, which is not read")
            made = [inner for inner in box.inner if inner.kind == _CLAIM]
            for one in made:
                self._read_claim(one)
            for one in assertions:
                if _ACTIONS.fullmatch(one.label):
                    self._read_actions(one)
                elif _METADATA.fullmatch(one.label):
                    self._read_metadata(one)
            if not made:
                raise UnreadableError("a manifest without a claim")

    def _say(self, claim_kind: str, text: object, name: str) -> None:
        if isinstance(text, str):
            self._claims.say(
                claim_kind, text, f"{self._place} {name}", self._offset_bytes, signature_checked=_SAID_NO_CHECK
            )

    def _source_type(self, text: object, name: str) -> None:
        if isinstance(text, str):
            self._claims.source_type(
                text,
                f"{self._place} {name}",
                self._offset_bytes,
                signature_checked=_SAID_NO_CHECK,
                of_part=not self._active,
            )

    def _read_claim(self, box: _Box) -> None:
        with self._claims.reading(f"{self._place} {short_text(box.label)[:80]}", self._offset_bytes):
            value = _value(box, self._claims.budget)
            made_by = value.get("claim_generator_info")
            for one in made_by if isinstance(made_by, list) else [made_by]:
                self._say("creator-tool", _named(one), "claim_generator_info")
            self._say("creator-tool", value.get("claim_generator"), "claim_generator")

    def _read_actions(self, box: _Box) -> None:
        label = short_text(box.label)[:80]
        with self._claims.reading(f"{self._place} {label}", self._offset_bytes):
            value = _value(box, self._claims.budget)
            actions = value.get("actions")
            if not isinstance(actions, list):
                raise UnreadableError("an assertion of actions without any")
            agents = value.get("softwareAgents")
            for one in agents if isinstance(agents, list) else ():
                self._say("software", _named(one), f"{label} softwareAgents")
            templates = value.get("templates")
            for action in (*actions[:_MAX_ACTIONS], *(templates[:_MAX_ACTIONS] if isinstance(templates, list) else ())):
                if isinstance(action, Mapping):
                    done = action.get("action")
                    name = f"{label} {short_text(done)[:40]}" if isinstance(done, str) else label
                    self._source_type(action.get("digitalSourceType"), f"{name} digitalSourceType")
                    self._say("software", _named(action.get("softwareAgent")), f"{name} softwareAgent")
            if len(actions) > _MAX_ACTIONS:
                raise UnreadableError(f"{len(actions):,} actions, of which {_MAX_ACTIONS} were read")

    def _read_metadata(self, box: _Box) -> None:
        label = short_text(box.label)[:80]
        with self._claims.reading(f"{self._place} {label}", self._offset_bytes):
            for name, said in _value(box, self._claims.budget).items():
                local = name.rpartition(":")[2]
                written = f"{label} {short_text(name)[:40]}"
                if local.lower() == "digitalsourcetype":
                    self._source_type(said, written)
                elif local in _METADATA_SAID:
                    self._say(_METADATA_SAID[local], said, written)


def _named(value: object) -> object:
    """The name and version that a map of a generator states; a text stands for itself."""
    if not isinstance(value, Mapping):
        return value
    parts = [part.strip() for part in (value.get("name"), value.get("version")) if isinstance(part, str)]
    return " ".join(part for part in parts if part)


def _value(box: _Box, budget: Budget) -> Mapping[str, Any]:
    """The map in a box of CBOR or JSON."""
    for kind, content in box.content:
        if kind in {b"cbor", b"json"}:
            if len(content) > _MAX_VALUE_BYTES:
                raise UnreadableError(f"a value of {len(content):,} bytes")
            budget.spend(len(content))
            value = cbor_value(content, budget) if kind == b"cbor" else json.loads(content)
            if not isinstance(value, Mapping):
                raise UnreadableError("a value that is no map")
            return value
    raise UnreadableError("neither CBOR nor JSON in it")
