"""Databases of network addresses in the MaxMind DB format, read whole: every range, and what is said of it."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from headwater.errors import UnreadableInputError

__all__ = ["Leaves", "MaxMindFile"]

_MARKER: Final = b"\xab\xcd\xefMaxMind.com"
_METADATA_BYTES: Final = 128 << 10
_SEPARATOR_BYTES: Final = 16
_MOST_BYTES: Final = 4 << 30
_MOST_VALUES: Final = 10_000
"""Values within one record; pointers to pointers could make a small file one of any size."""
_DEEPEST: Final = 64
_REMEDY: Final = "get the file again from its publisher"
_POINTER, _TEXT, _DOUBLE, _BYTES, _MAP, _SIGNED, _ARRAY, _BOOLEAN, _FLOAT = 1, 2, 3, 4, 7, 8, 11, 14, 15
_UNSIGNED: Final = {5: 2, 6: 4, 9: 8, 10: 16}
_POINTER_BASE: Final = (0, 2_048, 526_336, 0)

Words = npt.NDArray[np.uint64]
Numbers = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Leaves:
    """The ranges of a database in order of address, none within another.

    Attributes:
        high: First address of each, its upper 64 bits; an IPv4 address is the number that it is, as in `::a.b.c.d`.
        low: The lower 64 bits.
        prefix_bits: Length of its prefix, of 128.
        offset: Where in the file its record lies.
    """

    high: Words
    low: Words
    prefix_bits: Numbers
    offset: Numbers


class MaxMindFile:
    """One file, mapped; nothing of it is trusted.

    Args:
        path: The file.

    Raises:
        UnreadableInputError: It is not such a file, is cut short, or its parts do not fit each other.

    References:
        MaxMind DB File Format Specification, version 2.0.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        size = path.stat().st_size
        if not 0 < size <= _MOST_BYTES:
            raise self.damaged("empty, or longer than 4 GiB", 0)
        self._file = np.memmap(path, np.uint8, "r")
        tail = self._file[max(0, size - _METADATA_BYTES) :].tobytes()
        marker = tail.rfind(_MARKER)
        if marker < 0:
            raise self.damaged("no metadata of a MaxMind DB at its end: cut short, or another kind of file", size)
        self._metadata_at = size - len(tail) + marker
        self.metadata: Mapping[str, Any] = self._read_metadata(self._metadata_at + len(_MARKER), size)
        nodes, bits = self._number("node_count"), self._number("record_size")
        if bits not in {24, 28, 32}:
            raise self.damaged(f"record_size {bits} is none of 24, 28 and 32", self._metadata_at)
        if self._number("binary_format_major_version") != 2 or self._number("ip_version") not in {4, 6}:
            raise self.damaged("not version 2 of the format, or neither IPv4 nor IPv6", self._metadata_at)
        self.nodes, self.record_bits, self.ip_version = nodes, bits, self._number("ip_version")
        self._data_at = nodes * bits // 4 + _SEPARATOR_BYTES
        if not nodes or self._data_at > self._metadata_at:
            raise self.damaged(f"shorter than its {nodes} nodes", self._metadata_at)
        if self._file[self._data_at - _SEPARATOR_BYTES : self._data_at].any():
            raise self.damaged("nothing parts its tree from its records", self._data_at - _SEPARATOR_BYTES)

    def leaves(self) -> Leaves:
        """Every range that has a record.

        What a database says of IPv4 a second time, under the addresses of IPv6 that stand for IPv4 (`::ffff:0:0/96`,
        6to4, Teredo), is left out.

        Raises:
            UnreadableInputError: A node leads nowhere, or is reached twice.
        """
        children = self._children()
        ipv4 = self._ipv4_node(children)
        node = np.zeros(1, np.int64)
        high, low = np.zeros(1, np.uint64), np.zeros(1, np.uint64)
        seen = np.zeros(self.nodes, bool)
        found: list[tuple[Words, Words, Numbers, Numbers]] = []
        for depth in range(0 if self.ip_version == 6 else 96, 128):
            if seen[node].any() or len(np.unique(node)) != len(node):
                raise self.damaged("its tree leads to one node twice", 0)
            seen[node] = True
            below = children[node].astype(np.int64).ravel()
            high, low = (np.repeat(part, 2) for part in (high, low))
            (high if depth < 64 else low)[1::2] |= np.uint64(1 << (63 - depth % 64))
            leaf = below > self.nodes
            if leaf.any():
                at = below[leaf] - self.nodes - _SEPARATOR_BYTES + self._data_at
                if (at < self._data_at).any() or (at >= self._metadata_at).any():
                    raise self.damaged("a node points outside the records", self._data_at)
                found.append((high[leaf], low[leaf], np.full(len(at), depth + 1, np.int64), at))
            further = below < self.nodes
            if self.ip_version == 6 and ipv4 is not None:
                further &= (below != ipv4) | ((high == 0) & (low == 0))
            node, high, low = below[further], high[further], low[further]
        if len(node):
            raise self.damaged("its tree is deeper than an address is long", 0)
        return _in_order(found)

    def record(self, offset: int) -> Any:  # noqa: ANN401 - whatever the publisher put there
        """What is said at that place of the file: maps, lists, texts, numbers and booleans.

        Raises:
            UnreadableInputError: It is no record.
        """
        return _Decoder(self, self._data_at, self._metadata_at).value_at(offset)

    def bytes_at(self, offset: int, count: int, end: int) -> bytes:
        """So many bytes, of a part of the file that ends at `end`.

        Raises:
            UnreadableInputError: It ends before.
        """
        if count > end - offset:
            raise self.damaged("a value runs out of the part of the file that it is in", offset)
        return self._file[offset : offset + count].tobytes()

    def damaged(self, reason: str, offset: int) -> UnreadableInputError:
        """The error that says what is wrong, and where."""
        return UnreadableInputError(self._path, f"MaxMind DB: {reason}", offset_bytes=int(offset), remedy=_REMEDY)

    def _read_metadata(self, at: int, end: int) -> Mapping[str, Any]:
        metadata = _Decoder(self, at, end).value_at(at)
        if not isinstance(metadata, Mapping):
            raise self.damaged("its metadata is no map", at)
        return metadata

    def _number(self, name: str) -> int:
        number = self.metadata.get(name)
        if type(number) is not int:
            raise self.damaged(f"its metadata does not say '{name}'", self._metadata_at)
        return number

    def _children(self) -> npt.NDArray[np.uint32]:
        """For each node its two records, as numbers."""
        width = self.record_bits // 4
        raw = self._file[: self.nodes * width].reshape(self.nodes, width)
        half = width // 2
        children = np.zeros((self.nodes, 2), np.uint32)
        for side, first in enumerate((0, width - half)):
            for column in range(first, first + half):
                children[:, side] <<= np.uint32(8)
                children[:, side] |= raw[:, column]
        if self.record_bits == 28:  # the byte between the two has the highest four bits of each
            children[:, 0] |= (raw[:, 3] >> 4).astype(np.uint32) << np.uint32(24)
            children[:, 1] |= (raw[:, 3] & 15).astype(np.uint32) << np.uint32(24)
        return children

    def _ipv4_node(self, children: npt.NDArray[np.uint32]) -> int | None:
        """The node under which IPv4 lies; None where no node does, because one record speaks for all of it."""
        node = 0
        for _ in range(96):
            node = int(children[node, 0])
            if node >= self.nodes:
                return None
        return node


def _in_order(found: list[tuple[Words, Words, Numbers, Numbers]]) -> Leaves:
    none = np.zeros(0, np.uint64), np.zeros(0, np.uint64), np.zeros(0, np.int64), np.zeros(0, np.int64)
    high, low, prefix, offset = (np.concatenate(parts) for parts in zip(none, *found, strict=True))
    order = np.lexsort((low, high))
    return Leaves(high=high[order], low=low[order], prefix_bits=prefix[order], offset=offset[order])


class _Decoder:
    """Values of one part of the file, each checked against its end and against how much one record may hold."""

    def __init__(self, file: MaxMindFile, begin: int, end: int) -> None:
        self._file = file
        self._begin = begin
        self._end = end
        self._left = _MOST_VALUES

    def value_at(self, offset: int) -> Any:  # noqa: ANN401 - as published
        """The value there."""
        return self._value(offset, 0)[0]

    def _value(self, offset: int, depth: int) -> tuple[Any, int]:
        """The value there, and where the next one begins."""
        self._left -= 1
        if self._left < 0 or depth > _DEEPEST:
            raise self._file.damaged("a record without end", offset)
        kind, size, at = self._control(offset)
        if kind == _POINTER:
            target, after = self._pointer(size, at)
            pointed, _, _ = self._control(target)
            if pointed == _POINTER:
                raise self._file.damaged("a pointer to a pointer", offset)
            return self._value(target, depth + 1)[0], after
        if kind == _MAP:
            return self._map(size, at, depth)
        if kind == _ARRAY:
            values = []
            for _ in range(size):
                value, at = self._value(at, depth + 1)
                values.append(value)
            return values, at
        if kind == _BOOLEAN:
            if size > 1:
                raise self._file.damaged("a boolean that is neither", offset)
            return bool(size), at
        return self._plain(kind, size, at), at + size

    def _map(self, size: int, at: int, depth: int) -> tuple[dict[str, Any], int]:
        values = {}
        for _ in range(size):
            key, at = self._value(at, depth + 1)
            if not isinstance(key, str):
                raise self._file.damaged("a key that is no text", at)
            values[key], at = self._value(at, depth + 1)
        return values, at

    def _plain(self, kind: int, size: int, at: int) -> Any:  # noqa: ANN401 - as published
        content = self._file.bytes_at(at, size, self._end)
        if kind == _TEXT:
            try:
                return content.decode("utf-8")
            except UnicodeDecodeError as error:
                raise self._file.damaged("a text that is not UTF-8", at) from error
        if kind == _BYTES:
            return content
        if kind in _UNSIGNED and size <= _UNSIGNED[kind]:
            return int.from_bytes(content, "big")
        if kind == _SIGNED and size <= 4:
            return int.from_bytes(content.rjust(4, b"\0"), "big", signed=True)
        if (kind, size) in {(_DOUBLE, 8), (_FLOAT, 4)}:
            return struct.unpack(">d" if kind == _DOUBLE else ">f", content)[0]
        raise self._file.damaged(f"a value of kind {kind} and {size} bytes", at)

    def _control(self, offset: int) -> tuple[int, int, int]:
        """Kind and size of the value there (of a pointer: its bits), and where its content begins."""
        [control] = self._take(offset, 1)
        kind, size, at = control >> 5, control & 31, offset + 1
        if kind == _POINTER:
            return kind, size, at
        if kind == 0:
            [extended] = self._take(at, 1)
            kind, at = extended + 7, at + 1
            if kind < 8:
                raise self._file.damaged("a kind of value that there is not", offset)
        if size >= 29:
            more = size - 28
            size = (29, 285, 65_821)[more - 1] + int.from_bytes(self._take(at, more), "big")
            at += more
        return kind, size, at

    def _pointer(self, bits: int, at: int) -> tuple[int, int]:
        """Where a pointer leads, and where the value after it begins."""
        more = (bits >> 3) + 1
        number = int.from_bytes(self._take(at, more), "big")
        if more < 4:
            number |= (bits & 7) << (8 * more)
        return self._begin + number + _POINTER_BASE[more - 1], at + more

    def _take(self, offset: int, count: int) -> bytes:
        if offset < self._begin:
            raise self._file.damaged("a value before the records begin", offset)
        return self._file.bytes_at(offset, count, self._end)
