"""Which undo record belongs to which block: by the checksum that ties it to the block's parent."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from headwater.errors import UnreadableInputError
from headwater.money.block_files import (
    UNDO_CHECKSUM_BYTES,
    BlockFile,
    BlockRecord,
    Damage,
    block_file,
    deobfuscated,
    records,
)
from headwater.money.block_index import BlockIndex, IndexedBlock
from headwater.money.defects import Defects
from headwater.money.undo import spending_transactions, undo_checksum

__all__ = ["UndoRecord", "matched_undo"]


@dataclass(frozen=True, slots=True, kw_only=True)
class UndoRecord:
    """An undo record that is not in memory.

    Attributes:
        file: The `rev*.dat` it lies in, or the export of its block.
        offset_bytes: First byte of its content there.
        length_bytes: Length without the checksum.
    """

    file: BlockFile
    offset_bytes: int
    length_bytes: int

    def content(self) -> bytes | None:
        """Its bytes; None where an exported block tells nothing of what it spent."""
        with self.file.path.open("rb") as stream:
            return self.file.undo(stream, BlockRecord(offset_bytes=self.offset_bytes, length_bytes=self.length_bytes))


@dataclass(slots=True)
class _Parents:
    """Parents of blocks with the same number of transactions, tried in turn from where the last one fitted."""

    hashes: list[bytes]
    cursor: int = 0

    def fitting(self, undo: bytes, checksum: bytes) -> bytes | None:
        """The parent that the checksum ties the record to."""
        for step in range(len(self.hashes)):
            place = (self.cursor + step) % len(self.hashes)
            if undo_checksum(self.hashes[place], undo) == checksum:
                # Nodes write records in the order in which they connect blocks, nearly always that of heights: the next
                # record most likely fits here again (blocks with one parent) or right after.
                self.cursor = place
                return self.hashes[place]
        return None


def matched_undo(index: BlockIndex, defects: Defects) -> dict[bytes, list[UndoRecord]]:
    """For each block's hash, the undo records that can be its own, in the order of the file.

    Blocks with one parent and the same number of transactions share a checksum's say; who reads them tells them apart
    by their shape and by the outputs already seen.

    Args:
        index: The blocks.
        defects: Told of damage, and of records that fit no block.
    """
    by_file: dict[str, list[IndexedBlock]] = {}
    for block in index.blocks:
        by_file.setdefault(str(block.file.path), []).append(block)
    found: dict[bytes, list[UndoRecord]] = {}
    for exhibit_id, file in index.files:
        blocks = by_file.get(str(file.path), [])
        if file.exported:  # each block tells itself what it spent, or does not
            for block in blocks:
                record = UndoRecord(file=file, offset_bytes=block.offset_bytes, length_bytes=block.length_bytes)
                found[block.header.block_hash] = [record]
        if file.magic and file.name.startswith("blk"):
            _match_file(exhibit_id, file, blocks, found, defects)
    return found


def _match_file(
    exhibit_id: str,
    blocks_file: BlockFile,
    blocks: Sequence[IndexedBlock],
    found: dict[bytes, list[UndoRecord]],
    defects: Defects,
) -> None:
    path = blocks_file.path.with_name("rev" + blocks_file.name.removeprefix("blk"))
    spends = any(block.transactions > 1 for block in blocks)
    try:
        file = block_file(path)
    except UnreadableInputError as error:
        if spends:
            reason = "there is none" if not path.exists() else error.reason
            defects.add("undo_file_unread", f"the undo file: {reason}", exhibit_id=exhibit_id, path=path.name)
        return
    by_parent: dict[tuple[int, bytes], list[IndexedBlock]] = {}
    parents: dict[int, _Parents] = {}
    for block in sorted(blocks, key=lambda block: block.height):
        spending = block.transactions - 1
        group = by_parent.setdefault((spending, block.header.previous_hash), [])
        if not group:
            parents.setdefault(spending, _Parents([])).hashes.append(block.header.previous_hash)
        group.append(block)
    with file.path.open("rb") as stream:
        for record in records(file, stream, are_undo=True):
            code, reason = "undo_unmatched", "this undo record fits no block of its file"
            if isinstance(record, Damage):
                code, reason = record.code, record.reason
            else:
                stream.seek(record.offset_bytes)
                content = stream.read(record.length_bytes + UNDO_CHECKSUM_BYTES)
                content = deobfuscated(content, file.key, record.offset_bytes)
                undo, checksum = content[: record.length_bytes], content[record.length_bytes :]
                parent = _parent_of(undo, checksum, parents)
                if parent is not None:
                    matched = UndoRecord(file=file, offset_bytes=record.offset_bytes, length_bytes=record.length_bytes)
                    for block in by_parent[parent]:
                        found.setdefault(block.header.block_hash, []).append(matched)
                    continue
            defects.add(
                code,
                reason,
                exhibit_id=exhibit_id,
                path=file.name,
                offset_bytes=record.offset_bytes,
                length_bytes=record.length_bytes,
            )


def _parent_of(undo: bytes, checksum: bytes, parents: dict[int, _Parents]) -> tuple[int, bytes] | None:
    try:
        spending = spending_transactions(undo)
    except IndexError:
        return None
    candidates = parents.get(spending)
    previous_hash = None if candidates is None else candidates.fitting(undo, checksum)
    return None if previous_hash is None else (spending, previous_hash)
