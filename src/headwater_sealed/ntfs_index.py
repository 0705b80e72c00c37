"""The names in an NTFS directory: its index root and every block of its index allocation that is in use."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import BinaryIO

from headwater_sealed.fat import unfit
from headwater_sealed.ntfs_records import Attribute, sectors_put_right
from headwater_sealed.refusal import UnreadableError, refusing

__all__ = ["IndexName", "index_names"]

_INDEX_ROOT, _INDEX_ALLOCATION, _BITMAP = 0x90, 0xA0, 0xB0
_NAMES = "$I30"
_LAST, _HAS_CHILD = 2, 1
_DOS_NAME = 2
_MAX_DIRECTORY_BYTES = 8 * 1024**3
_MAX_BITMAP_BYTES = 16 * 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexName:
    """One name in a directory, with the record and sequence that it names."""

    name: bytes
    reference: int


class _Index:
    """Names and damage, collected block by block."""

    def __init__(self) -> None:
        self.names: list[IndexName] = []
        self.damage: str | None = None
        self.children: list[int] = []

    def note(self, damage: str) -> None:
        self.damage = self.damage or damage

    def take(self, block: bytes, head_at: int, where: str) -> None:
        """The entries behind an index header."""
        try:
            with refusing("damaged"):
                for one in _entries(block, head_at, self.children):
                    self.names.append(one)
        except UnreadableError as error:
            self.note(f"{where}: {error.reason}; names behind it are not listed")


def index_names(
    attributes: Sequence[Attribute], stream: Callable[[Sequence[Attribute]], BinaryIO], index_bytes: int
) -> tuple[list[IndexName], str | None]:
    """The names of a directory but for those kept for old programs only, and why some may be missing.

    The blocks are read by the bitmap of the index, not down its tree: so one damaged block costs the names in it alone.
    A block that the tree reaches and the bitmap does not know is read as well, and said.

    Args:
        attributes: Of the directory.
        stream: Opens the content of an attribute's pieces.
        index_bytes: Size of a block, as the boot sector says; the index root may say otherwise.

    Raises:
        UnreadableError: Nothing of it can be read.
    """

    def pieces(kind: int) -> list[Attribute]:
        return [one for one in attributes if one.kind == kind and one.name == _NAMES]

    root = next((one.value for one in pieces(_INDEX_ROOT) if one.value is not None), None)
    if root is None or len(root) < 32:
        raise UnreadableError("it has no index of names")
    found = _Index()
    found.take(root, 16, "the root of the index")
    allocation = pieces(_INDEX_ALLOCATION)
    own_bytes = struct.unpack_from("<I", root, 8)[0]
    if own_bytes != index_bytes and (own_bytes % 512 or not 512 <= own_bytes <= 65536):
        raise UnreadableError(f"its index has blocks of {own_bytes} bytes")
    if allocation:
        bitmap = pieces(_BITMAP)
        marked = stream(bitmap).read(_MAX_BITMAP_BYTES) if bitmap else b""
        with stream(allocation) as file:
            _take_blocks(found, file, marked, own_bytes)
    elif found.children:
        found.note("the blocks of its index are not described")
    return found.names, found.damage


def _take_blocks(found: _Index, file: BinaryIO, marked: bytes, block_bytes: int) -> None:
    size_bytes = file.seek(0, 2)
    if size_bytes > _MAX_DIRECTORY_BYTES:
        raise UnreadableError(f"an index of {size_bytes} bytes")
    seen: set[int] = set()
    # Numbers of clusters, or of 512 bytes where a cluster is larger than a block: the ratio shows in the blocks.
    for number in range(size_bytes // block_bytes):
        if number // 8 < len(marked) and marked[number // 8] >> number % 8 & 1:
            _take_block(found, file, number, block_bytes, seen)
    unmarked = sorted(set(found.children) - seen)
    if not unmarked:
        return
    places = _places(file, block_bytes)
    for address in unmarked:
        if address in places:
            found.note("its index has blocks in use that are not marked so")
            _take_block(found, file, places[address], block_bytes, seen)
        else:
            found.note(f"block {address} of its index is not there")


def _places(file: BinaryIO, block_bytes: int) -> dict[int, int]:
    """Which block has which address, of those that say so."""
    places: dict[int, int] = {}
    for number in range(file.seek(0, 2) // block_bytes):
        file.seek(number * block_bytes)
        head = file.read(24)
        if len(head) == 24 and head[:4] == b"INDX":
            places.setdefault(struct.unpack_from("<Q", head, 16)[0], number)
    return places


def _take_block(found: _Index, file: BinaryIO, number: int, block_bytes: int, seen: set[int]) -> None:
    where = f"block {number} of its index"
    try:
        with refusing("damaged"):
            file.seek(number * block_bytes)
            raw = file.read(block_bytes)
            block = sectors_put_right(raw, b"INDX")
            seen.add(struct.unpack_from("<Q", block, 16)[0])
    except UnreadableError as error:
        found.note(f"{where}: {error.reason}; names in it are not listed")
        return
    found.take(block, 24, where)


def _entries(block: bytes, head_at: int, children: list[int]) -> Iterator[IndexName]:
    first, used = struct.unpack_from("<II", block, head_at)
    at, end = head_at + first, head_at + used
    if first < 16 or end > len(block):
        raise UnreadableError("its head is damaged")
    while at + 16 <= end:
        reference, length, key_bytes, flags = struct.unpack_from("<QHHH", block, at)
        if length < 16 or length % 8 or at + length > end or 16 + key_bytes > length:
            raise UnreadableError(f"the entry at its byte {at} is damaged")
        if flags & _HAS_CHILD:
            children.append(struct.unpack_from("<Q", block, at + length - 8)[0])
        if flags & _LAST:
            return
        found = _name(block[at + 16 : at + 16 + key_bytes], reference, at)
        if found is not None:
            yield found
        at += length
    raise UnreadableError("it does not end where it should")


def _name(key: bytes, reference: int, at: int) -> IndexName | None:
    if len(key) < 66 or len(key) < 66 + 2 * key[64]:
        raise UnreadableError(f"the entry at its byte {at} is damaged")
    if key[65] == _DOS_NAME:
        return None
    name = key[66 : 66 + 2 * key[64]].decode("utf-16-le", "surrogatepass").encode("utf-8", "surrogatepass")
    if name == b".":
        return None  # the root names itself
    reason = unfit(name)
    if reason:
        raise UnreadableError(reason)
    return IndexName(name=name, reference=reference)
