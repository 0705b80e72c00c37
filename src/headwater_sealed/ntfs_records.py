"""The records of an NTFS master file table: sectors put right, attributes, and where their content lies.

References:
    Richard Russon and Yuval Fledel, NTFS Documentation: file record, attribute headers, attribute list, data runs.
    [MS-FSCC] 2.1.2.1, tags of reparse points.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from headwater_sealed.refusal import UnreadableError

__all__ = [
    "ATTRIBUTE_LIST",
    "MAX_RUNS",
    "Attribute",
    "ClusterRun",
    "Record",
    "cluster_runs",
    "file_reference",
    "listed_records",
    "parse_record",
    "sectors_put_right",
]

ATTRIBUTE_LIST = 0x20
"""Type of the attribute that says in which other records the rest of a file's attributes lie."""

MAX_RUNS = 4_000_000
"""More than a file of a sound file system has."""

_STRIDE_BYTES = 512  # of the update sequence, whatever the sector is
_END = 0xFFFFFFFF
_MAX_CLUSTERS = 2**52
_NUMBER_BITS = 48


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterRun:
    """Consecutive clusters of an attribute; `from_cluster` is None for a hole."""

    at_cluster: int
    from_cluster: int | None
    clusters: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Attribute:
    """One attribute, or one piece of it, as a record holds it.

    Attributes:
        kind: Its type, such as 0x80 for content.
        name: Empty for the one without.
        value: Its content, where the record holds that itself; else None.
        flags: Of the attribute: compressed, encrypted, sparse.
        first_cluster: The first cluster of the content that this piece describes.
        size_bytes: How long the content is; of the first piece only.
        written_bytes: How much of it was ever written; the rest reads as zeros. Of the first piece only.
        unit_clusters: How many clusters are compressed together; 0 for content that never is.
        runs: Where its clusters lie.
    """

    kind: int
    name: str
    value: bytes | None
    flags: int = 0
    first_cluster: int = 0
    size_bytes: int = 0
    written_bytes: int = 0
    unit_clusters: int = 0
    runs: tuple[ClusterRun, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """One record of the master file table."""

    number: int
    sequence: int
    flags: int
    base: int  # the record that this one continues, 0 for none
    attributes: tuple[Attribute, ...]


def file_reference(value: int) -> tuple[int, int]:
    """Number and sequence of the record that a reference names."""
    return value & (1 << _NUMBER_BITS) - 1, value >> _NUMBER_BITS


def sectors_put_right(raw: bytes, magic: bytes) -> bytes:
    """A record with the last bytes of its sectors, which stand in its head while it lies on the medium, put back.

    Raises:
        UnreadableError: It is none, or one of its sectors was written at another time than the rest.
    """
    if raw[:4] == b"BAAD":
        raise UnreadableError("it is marked as damaged")
    if raw[:4] != magic:
        raise UnreadableError(f"it does not begin with {magic.decode()}")
    at, count = struct.unpack_from("<HH", raw, 4)
    strides = len(raw) // _STRIDE_BYTES
    if count != strides + 1 or at + 2 * count > _STRIDE_BYTES - 2:
        raise UnreadableError("its update sequence is damaged")
    mark = raw[at : at + 2]
    whole = bytearray(raw)
    for number in range(strides):
        end = (number + 1) * _STRIDE_BYTES
        if whole[end - 2 : end] != mark:
            raise UnreadableError(f"its sector {number} was not written together with the first")
        whole[end - 2 : end] = raw[at + 2 + 2 * number : at + 4 + 2 * number]
    return bytes(whole)


def parse_record(raw: bytes, number: int) -> Record:
    """One record.

    Args:
        raw: As it lies on the medium.
        number: Its number, which later versions store in it.

    Raises:
        UnreadableError: It is damaged.
    """
    whole = sectors_put_right(raw, b"FILE")
    sequence, _links, first_at, flags, used_bytes = struct.unpack_from("<HHHHI", whole, 16)
    base = file_reference(struct.unpack_from("<Q", whole, 32)[0])[0]
    if not 42 <= first_at <= used_bytes <= len(whole):
        raise UnreadableError("its head is damaged")
    # Version 3.1 and later; before, the update sequence lies where the number is.
    stored = struct.unpack_from("<I", whole, 44)[0] if struct.unpack_from("<H", whole, 4)[0] >= 48 else number
    if stored != number & 0xFFFFFFFF:
        raise UnreadableError(f"it says that it is record {stored}")
    return Record(
        number=number,
        sequence=sequence,
        flags=flags,
        base=base,
        attributes=tuple(_attributes(whole[:used_bytes], first_at)),
    )


def _attributes(whole: bytes, at: int) -> Iterator[Attribute]:
    while at + 4 <= len(whole):
        kind = struct.unpack_from("<I", whole, at)[0]
        if kind == _END:
            return
        if at + 24 > len(whole):
            break
        length = struct.unpack_from("<I", whole, at + 4)[0]
        if length < 24 or length % 8 or at + length > len(whole):
            break
        yield _attribute(whole[at : at + length], kind)
        at += length
    raise UnreadableError("its attributes do not end where they should")


def _attribute(raw: bytes, kind: int) -> Attribute:
    name_at = struct.unpack_from("<H", raw, 10)[0]
    name = raw[name_at : name_at + 2 * raw[9]]
    if len(name) != 2 * raw[9]:
        raise UnreadableError("the name of an attribute is damaged")
    flags = struct.unpack_from("<H", raw, 12)[0]
    text = name.decode("utf-16-le", "surrogatepass")
    if not raw[8]:
        size, value_at = struct.unpack_from("<IH", raw, 16)
        value = raw[value_at : value_at + size]
        if len(value) != size:
            raise UnreadableError("the value of an attribute is damaged")
        return Attribute(kind=kind, name=text, value=value, flags=flags, size_bytes=size, written_bytes=size)
    first, last, runs_at, unit_log = struct.unpack_from("<QQHB", raw, 16)
    allocated, size, written = struct.unpack_from("<QQQ", raw, 40)
    if unit_log > 16:
        raise UnreadableError("the compression unit of an attribute is damaged")
    # An attribute without clusters says that it ends before it begins.
    clusters = 0 if (last + 1) & (2**64 - 1) == first else last + 1 - first
    if first == 0 and not written <= size <= max(allocated, size if flags else 0):
        raise UnreadableError("the sizes of an attribute contradict each other")
    return Attribute(
        kind=kind,
        name=text,
        value=None,
        flags=flags,
        first_cluster=first,
        size_bytes=size,
        written_bytes=written,
        unit_clusters=1 << unit_log if unit_log else 0,
        runs=tuple(cluster_runs(raw[runs_at:], first, clusters)),
    )


def cluster_runs(packed: bytes, first_cluster: int, clusters: int) -> Iterator[ClusterRun]:
    """The runs that a mapping holds.

    Args:
        packed: Lengths and distances, each with as many bytes as it needs; ends with a zero.
        first_cluster: The cluster of the content that the first run begins at.
        clusters: How many they must be together.

    Raises:
        UnreadableError: They do not make as many, or lie outside any volume.
    """
    at, reached, place = 0, 0, 0
    while at < len(packed) and packed[at]:
        length_bytes, distance_bytes = packed[at] & 15, packed[at] >> 4
        end = at + 1 + length_bytes + distance_bytes
        if not 1 <= length_bytes <= 8 or distance_bytes > 8 or end > len(packed):
            raise UnreadableError("the list of runs is damaged")
        count = int.from_bytes(packed[at + 1 : at + 1 + length_bytes], "little")
        place += int.from_bytes(packed[at + 1 + length_bytes : end], "little", signed=True)
        if not 0 < count <= clusters - reached or not 0 <= place < _MAX_CLUSTERS:
            raise UnreadableError("the list of runs is damaged")
        yield ClusterRun(
            at_cluster=first_cluster + reached, from_cluster=place if distance_bytes else None, clusters=count
        )
        reached += count
        at = end
    if reached != clusters:
        raise UnreadableError(f"the list of runs covers {reached} of {clusters} clusters")


def listed_records(content: bytes, own_number: int) -> Sequence[int]:
    """The other records that an attribute list names, each once, in its order.

    Raises:
        UnreadableError: The list is damaged.
    """
    found: dict[int, None] = {}
    at = 0
    while at + 26 <= len(content):
        length = struct.unpack_from("<H", content, at + 4)[0]
        if length < 26 or at + length > len(content):
            raise UnreadableError("the attribute list is damaged")
        number, _ = file_reference(struct.unpack_from("<Q", content, at + 16)[0])
        if number != own_number:
            found[number] = None
        at += length
    return list(found)
