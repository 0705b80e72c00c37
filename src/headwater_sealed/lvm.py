"""LVM2: the linear and striped logical volumes of the physical volumes that lie on one medium.

References:
    lvm2, man page lvmsystemid(7) and the text format of volume group metadata; libyal, Logical Volume Manager (LVM)
    format specification: label, physical volume header, metadata area.
"""

from __future__ import annotations

import re
import struct
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, BinaryIO

from headwater_sealed.refusal import UnreadableError
from headwater_sealed.views import Run

__all__ = ["LogicalVolume", "PhysicalVolume", "logical_volumes", "physical_volume"]

_SECTOR_BYTES = 512
_FIRST_SUM = 0xF597A6CF
_MAGIC = b" LVM2 x[5A%r0N*>"
_MAX_TEXT_BYTES = 64 * 1024 * 1024
_MAX_RUNS = 1_000_000
_TOKEN = re.compile(r'\s+|#[^\n]*|("(?:[^"\\]|\\.)*"|[A-Za-z0-9_.+\-]+|[{}\[\]=,])')


@dataclass(frozen=True, slots=True, kw_only=True)
class PhysicalVolume:
    """One physical volume.

    Attributes:
        identity: Its own, without dashes.
        groups: The description of its volume group, parsed.
    """

    identity: str
    groups: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class LogicalVolume:
    """One logical volume.

    Attributes:
        name: Group and volume, with a slash between.
        runs: Where it lies on the medium; empty if it is not read.
        size_bytes: How long it is.
        refused: Why it is not read; None if it is.
    """

    name: str
    runs: tuple[Run, ...]
    size_bytes: int
    refused: str | None


def _checksum(content: bytes) -> int:
    return ~zlib.crc32(content, ~_FIRST_SUM & 0xFFFFFFFF) & 0xFFFFFFFF


def _parsed(text: str) -> dict[str, Any]:
    words = [found[1] for found in _TOKEN.finditer(text) if found[1]]
    root: dict[str, Any] = {}
    stack = [root]
    at = 0
    while at < len(words):
        if words[at] == "}":
            stack.pop()
            at += 1
        elif words[at + 1] == "{":
            inner: dict[str, Any] = {}
            stack[-1][words[at].strip('"')] = inner
            stack.append(inner)
            at += 2
        elif words[at + 2] == "[":
            end = words.index("]", at)
            stack[-1][words[at]] = [_value(word) for word in words[at + 3 : end] if word != ","]
            at = end + 1
        else:
            stack[-1][words[at]] = _value(words[at + 2])
            at += 3
    return root


def _value(word: str) -> str | int:
    return word[1:-1] if word.startswith('"') else int(word) if word.lstrip("-").isdigit() else word


def physical_volume(file: BinaryIO) -> PhysicalVolume:
    """The physical volume in the file.

    Raises:
        UnreadableError: Its label or its description is damaged.
    """
    file.seek(0)
    head = file.read(4096)
    label = next((at for at in range(0, 2048, _SECTOR_BYTES) if head[at : at + 8] == b"LABELONE"), None)
    if label is None:
        raise UnreadableError("LVM: no label")
    if len(head) != 4096:
        raise UnreadableError("LVM: the label is cut short")
    stated, start = struct.unpack_from("<II", head, label + 16)
    if _checksum(head[label + 20 : label + _SECTOR_BYTES]) != stated:
        raise UnreadableError("LVM: the label fails its checksum")
    at = label + start
    identity = head[at : at + 32].decode("ascii", "replace")
    at += 40
    areas: list[list[tuple[int, int]]] = [[], []]
    for found in areas:
        while (place := struct.unpack_from("<QQ", head, at)) != (0, 0):
            found.append(place)
            at += 16
        at += 16
    reason = "LVM: no copy of the description is kept on this volume"
    for offset, _size in areas[1]:
        try:
            return PhysicalVolume(identity=identity, groups=_description(file, offset))
        except UnreadableError as error:
            reason = error.reason
    raise UnreadableError(reason)


def _description(file: BinaryIO, offset: int) -> dict[str, Any]:
    file.seek(offset)
    head = file.read(_SECTOR_BYTES)
    if len(head) != _SECTOR_BYTES or head[4:20] != _MAGIC or _checksum(head[4:]) != int.from_bytes(head[:4], "little"):
        raise UnreadableError("LVM: the metadata area fails its checksum")
    size = struct.unpack_from("<Q", head, 32)[0]
    at, length, stated = struct.unpack_from("<QQI", head, 40)
    if not 0 < length <= min(size, _MAX_TEXT_BYTES) or at >= size:
        raise UnreadableError("LVM: the metadata area describes no volume group")
    file.seek(offset + at)
    text = file.read(min(length, size - at))
    if len(text) < length:  # written in a ring, behind whose end it goes on after the head
        file.seek(offset + _SECTOR_BYTES)
        text += file.read(length - len(text))
    if _checksum(text) != stated:
        raise UnreadableError("LVM: the description fails its checksum")
    return _parsed(text.rstrip(b"\0").decode("utf-8", "replace"))


def _segment_runs(
    segment: Mapping[str, Any], extent_bytes: int, starts: Mapping[str, int]
) -> list[tuple[int, int, int]]:
    """Place in the volume, place on the medium and length of each piece of a segment."""
    if segment["type"] != "striped":
        raise UnreadableError(f"LVM: a segment of type {str(segment['type'])[:20]} is not read")
    first, length = segment["start_extent"] * extent_bytes, segment["extent_count"] * extent_bytes
    pairs = list(zip(segment["stripes"][::2], segment["stripes"][1::2], strict=True))
    missing = [name for name, _ in pairs if name not in starts]
    if missing:
        raise UnreadableError(f"LVM: a part lies on {missing[0]}, which is not on this medium")
    begins = [starts[name] + number * extent_bytes for name, number in pairs]
    if len(begins) == 1:
        return [(first, begins[0], length)]
    stripe_bytes = segment["stripe_size"] * _SECTOR_BYTES
    count = length // stripe_bytes
    if count > _MAX_RUNS:
        raise UnreadableError(f"LVM: a volume in {count} stripes is not read")
    return [
        (first + n * stripe_bytes, begins[n % len(begins)] + n // len(begins) * stripe_bytes, stripe_bytes)
        for n in range(count)
    ]


def logical_volumes(found: list[tuple[PhysicalVolume, int]]) -> list[LogicalVolume]:
    """The logical volumes of the physical ones, each of which comes with the byte at which it begins, by name."""
    volumes: dict[str, LogicalVolume] = {}
    begins = {physical.identity: at for physical, at in found}
    for physical, _ in found:
        for group_name, group in physical.groups.items():
            if not isinstance(group, dict) or "physical_volumes" not in group:
                continue
            starts = {
                name: begins[told["id"].replace("-", "")] + told["pe_start"] * _SECTOR_BYTES
                for name, told in group["physical_volumes"].items()
                if told["id"].replace("-", "") in begins
            }
            for name, told in group.get("logical_volumes", {}).items():
                if "VISIBLE" in told["status"]:
                    whole = f"{group_name}/{name}"
                    volumes[whole] = _logical(whole, told, group["extent_size"] * _SECTOR_BYTES, starts)
    return [volumes[name] for name in sorted(volumes)]


def _logical(name: str, told: Mapping[str, Any], extent_bytes: int, starts: Mapping[str, int]) -> LogicalVolume:
    segments = [told[f"segment{number}"] for number in range(1, told["segment_count"] + 1)]
    size_bytes = sum(segment["extent_count"] for segment in segments) * extent_bytes
    runs: list[Run] = []
    refused = None
    try:
        for segment in segments:
            for at, start, length in _segment_runs(segment, extent_bytes, starts):
                runs.append(Run(at_bytes=at, from_bytes=start, size_bytes=length))
    except UnreadableError as error:
        runs, refused = [], error.reason
    ends = [0, *(run.at_bytes + run.size_bytes for run in runs)]
    if refused is None and any(run.at_bytes != end for run, end in zip(runs, ends, strict=False)):
        runs, refused = [], "LVM: the segments of the volume do not follow each other"
    return LogicalVolume(name=name, runs=tuple(runs), size_bytes=size_bytes, refused=refused)
