"""Every block of the exhibits by its header, and which of them are the active chain."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from headwater.errors import UnreadableInputError
from headwater.money.block_files import BlockFile, BlockRecord, Damage, block_file, block_files_at, records
from headwater.money.block_layout import HEADER_BYTES, BlockHeader, compact_size, header_of, stated_height
from headwater.money.defects import Defects

__all__ = ["BlockIndex", "BlockSource", "IndexedBlock", "indexed_blocks", "read_content"]

NO_HEIGHT: Final = -1
_HEAD_BYTES: Final = HEADER_BYTES + 9 + 60  # a header, the longest count of transactions, and how a coinbase begins
_FIRST_BLOCKS: Final = frozenset(  # source: Bitcoin Core, kernel/chainparams.cpp, hashGenesisBlock
    bytes.fromhex(shown)[::-1]
    for shown in (
        "000000000019d6689c085ae165831e934ff763ae46a2a6c172b3f1b60a8ce26f",  # main
        "000000000933ea01ad0ee984209779baaec3ced90fa3f408719526f8d77f4943",  # test
        "00000000da84f2bafbbc53dee25a72ae507ff4914b867c565be350b0da8bf043",  # the fourth test network
        "00000008819873e925422c1ff0f99f7cc9bbb232af63a077a480a3633bee1ef6",  # signet
        "0f9188f13cb7b2c71f2a335e3a4fc328bf5beb436012afca590b1a11466e2206",  # regtest
    )
)


@dataclass(frozen=True, slots=True, kw_only=True)
class BlockSource:
    """An exhibit that holds blocks.

    Attributes:
        exhibit_id: The agency's number.
        path: The node's folder of blocks, or one file.
    """

    exhibit_id: str
    path: Path


@dataclass(slots=True, kw_only=True)
class IndexedBlock:
    """A block that is not in memory.

    Attributes:
        exhibit_id: The exhibit it lies in.
        file: The file it lies in.
        offset_bytes: First byte of its header there.
        length_bytes: Length.
        header: What its header says.
        transactions: Transactions, as its count says.
        stated_height: Height that its coinbase states, if it states one.
        height: Height, or `NO_HEIGHT` where it is neither counted from the first block nor stated.
        chain_work: Expected hashes of all its known ancestors and itself.
        active: Whether it is on the chain with the most work.
    """

    exhibit_id: str
    file: BlockFile
    offset_bytes: int
    length_bytes: int
    header: BlockHeader
    transactions: int
    stated_height: int | None = None
    height: int = NO_HEIGHT
    chain_work: int = 0
    active: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class BlockIndex:
    """The blocks of all exhibits.

    Attributes:
        blocks: Each block once, in the order of exhibits, files and bytes.
        active: Those of the active chain, from the first to the tip.
        files: The files, each with its exhibit, in their order.
        network: The network all of them belong to.
    """

    blocks: tuple[IndexedBlock, ...]
    active: tuple[IndexedBlock, ...]
    files: tuple[tuple[str, BlockFile], ...]
    network: str = "main"


@dataclass(slots=True)
class _Scan:
    by_hash: dict[bytes, IndexedBlock] = field(default_factory=dict)
    files: list[tuple[str, BlockFile]] = field(default_factory=list)


def read_content(file: BlockFile, offset_bytes: int, length_bytes: int) -> bytes:
    """A stretch of a file, without its key."""
    with file.path.open("rb") as stream:
        return file.content(stream, BlockRecord(offset_bytes=offset_bytes, length_bytes=length_bytes))


def indexed_blocks(sources: Sequence[BlockSource], defects: Defects) -> BlockIndex:
    """The index of all blocks in the exhibits; only headers are read.

    Args:
        sources: The exhibits; their order decides between copies of a block and between tips of equal work.
        defects: Told of cut files, damage, copies, and blocks that join no chain.

    Raises:
        InputError: An exhibit is not there, or holds no block file.
        UnreadableInputError: A file is no block file, or the files are of several networks.
    """
    scan = _Scan()
    for source in sources:
        for path in block_files_at([source.path]):
            file = block_file(path)
            scan.files.append((source.exhibit_id, file))
            _scan_file(source.exhibit_id, file, scan, defects)
    networks = sorted({file.network for _, file in scan.files if file.magic or file.exported})
    if len(networks) > 1:
        raise UnreadableInputError(
            ", ".join(source.exhibit_id for source in sources),
            f"the block files are of several networks: {', '.join(networks)}",
            remedy="take in the blocks of one network",
        )
    blocks = tuple(scan.by_hash.values())
    return BlockIndex(
        blocks=blocks,
        active=_chosen_chain(blocks, scan.by_hash, defects),
        files=tuple(scan.files),
        network=networks[0] if networks else "main",
    )


def _scan_file(exhibit_id: str, file: BlockFile, scan: _Scan, defects: Defects) -> None:
    with file.path.open("rb") as stream:
        for found in records(file, stream):
            if isinstance(found, Damage):
                defects.add(
                    found.code,
                    found.reason,
                    exhibit_id=exhibit_id,
                    path=file.name,
                    offset_bytes=found.offset_bytes,
                    length_bytes=found.length_bytes,
                )
                continue
            head_bytes = found.length_bytes if file.exported else min(_HEAD_BYTES, found.length_bytes)
            head = file.content(stream, replace(found, length_bytes=head_bytes))[:_HEAD_BYTES]
            header = header_of(head)
            try:
                transactions = compact_size(head, HEADER_BYTES)[0]
            except IndexError:
                transactions = 0
            if header.block_hash in scan.by_hash:
                defects.add(
                    "block_repeated",
                    f"block {header.block_hash[::-1].hex()} lies here again; the first copy is used",
                    exhibit_id=exhibit_id,
                    path=file.name,
                    offset_bytes=found.offset_bytes,
                    length_bytes=found.length_bytes,
                )
                continue
            scan.by_hash[header.block_hash] = IndexedBlock(
                exhibit_id=exhibit_id,
                file=file,
                offset_bytes=found.offset_bytes,
                length_bytes=found.length_bytes,
                header=header,
                transactions=transactions,
                stated_height=stated_height(head),
            )


def _chosen_chain(
    blocks: Sequence[IndexedBlock], by_hash: dict[bytes, IndexedBlock], defects: Defects
) -> tuple[IndexedBlock, ...]:
    """The chain with the most work; heights and work are written into the blocks on the way."""
    children: dict[bytes, list[IndexedBlock]] = {}
    waiting: deque[IndexedBlock] = deque()
    for block in blocks:
        if not block.header.has_proof_of_work:
            _defect_of(block, "no_proof_of_work", "the hash does not meet the header's own target", defects)
        elif block.header.previous_hash in by_hash:
            children.setdefault(block.header.previous_hash, []).append(block)
        else:
            if block.header.previous_hash in _FIRST_BLOCKS:
                block.height = 1  # what the first block issued nobody can spend, so nothing is missing
            elif any(block.header.previous_hash):
                _defect_of(block, "chain_not_whole", "the block before it is not in these files", defects)
            else:
                block.height = 0
            block.chain_work = block.header.work
            waiting.append(block)
    tip: IndexedBlock | None = None
    order = {block.header.block_hash: place for place, block in enumerate(blocks)}
    while waiting:
        block = waiting.popleft()
        if tip is None or (block.chain_work, -order[block.header.block_hash]) > (
            tip.chain_work,
            -order[tip.header.block_hash],
        ):
            tip = block
        for child in children.get(block.header.block_hash, ()):
            child.chain_work = block.chain_work + child.header.work
            waiting.append(child)
    chain: list[IndexedBlock] = []
    while tip is not None:
        tip.active = True
        chain.append(tip)
        parent = by_hash.get(tip.header.previous_hash)
        tip = parent if parent is not None and parent.header.has_proof_of_work else None
    chain.reverse()
    _count_heights(chain, blocks, children)
    return tuple(chain)


def _count_heights(
    chain: Sequence[IndexedBlock], blocks: Sequence[IndexedBlock], children: dict[bytes, list[IndexedBlock]]
) -> None:
    """Write the heights: counted from the first block, or from what the blocks of the active chain state.

    A statement counts if all of them state one, each one more than the one before (BIP 34; every block since height
    227,931 of the main network must). Older coinbases begin with anything.
    """
    stated = [block.stated_height for block in chain]
    if chain and chain[0].height == NO_HEIGHT and stated[0] is not None:
        first = stated[0]
        if stated == list(range(first, first + len(chain))):
            chain[0].height = first
    waiting = [block for block in blocks if block.height != NO_HEIGHT]
    while waiting:
        block = waiting.pop()
        for child in children.get(block.header.block_hash, ()):
            child.height = block.height + 1
            waiting.append(child)


def _defect_of(block: IndexedBlock, code: str, reason: str, defects: Defects) -> None:
    defects.add(
        code,
        f"block {block.header.block_hash[::-1].hex()}: {reason}",
        exhibit_id=block.exhibit_id,
        path=block.file.name,
        offset_bytes=block.offset_bytes,
        length_bytes=block.length_bytes,
    )
