"""The blocks of a chain one after the other, each whole and checked against its header."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from headwater.engine import Progress, silent
from headwater.money.block_index import BlockIndex, IndexedBlock, read_content
from headwater.money.block_layout import (
    MAX_MONEY_SAT,
    TXID_BYTES,
    BlockLayout,
    BlockLayoutError,
    amounts_sat,
    as_bytes,
    laid_out,
    merkle_root,
    transaction_ids,
)
from headwater.money.defects import Defects

__all__ = ["BlockContent", "blocks_read", "outpoints_at", "tell_of_block"]

_Numbers = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class BlockContent:
    """A block that is in memory, whole and with the merkle root of its header.

    Attributes:
        block: Which it is.
        content: Its bytes.
        layout: Where its parts lie in them.
        txids: Its transactions; shape (transactions, 32).
        amounts_sat: What each output holds.
    """

    block: IndexedBlock
    content: bytes
    layout: BlockLayout
    txids: npt.NDArray[np.uint8]
    amounts_sat: _Numbers

    @property
    def input_counts(self) -> _Numbers:
        """Inputs of each transaction; a coinbase spends nothing, so it has none."""
        counts = self.layout.input_counts.copy()
        counts[0] = 0
        return counts

    @property
    def outpoints(self) -> _Numbers:
        """First byte of each input that spends something."""
        return self.layout.outpoints[self.layout.input_counts[0] :]


def blocks_read(
    index: BlockIndex, merkle_ok: dict[bytes, bool], defects: Defects, progress: Progress = silent
) -> Iterator[BlockContent]:
    """The blocks of the active chain that are whole, one after the other; then the others are read for damage alone.

    Args:
        index: The blocks.
        merkle_ok: Takes, for every block by its hash, whether its transactions give its merkle root.
        defects: Told of blocks that cannot be read.
        progress: Told of blocks read.
    """
    order = [*index.active, *(block for block in index.blocks if not block.active)]
    for done, block in enumerate(order):
        read, reason = _content_of(block)
        merkle_ok[block.header.block_hash] = read is not None
        if read is None:
            tell_of_block(defects, block, "block_damaged", f"{reason}; its transactions are left out")
        elif block.active:
            yield read
        progress("blocks", done + 1, len(order))


def outpoints_at(content: bytes, places: _Numbers) -> tuple[npt.NDArray[np.uint8], _Numbers]:
    """Transaction, shape (inputs, 32), and index of the output that inputs of a block spend.

    Args:
        content: The block.
        places: First byte of each input.
    """
    octets = as_bytes(content)[places[:, None] + np.arange(TXID_BYTES + 4)]
    indexes = np.ascontiguousarray(octets[:, TXID_BYTES:]).view("<u4").ravel().astype(np.int64)
    return octets[:, :TXID_BYTES], indexes


def tell_of_block(defects: Defects, block: IndexedBlock, code: str, reason: str) -> None:
    """Note a defect of a block."""
    defects.add(
        code,
        f"block {block.header.block_hash[::-1].hex()}: {reason}",
        exhibit_id=block.exhibit_id,
        path=block.file.name,
        offset_bytes=block.offset_bytes,
        length_bytes=block.length_bytes,
    )


def _content_of(block: IndexedBlock) -> tuple[BlockContent | None, str]:
    """A block, or why it cannot be used."""
    content = read_content(block.file, block.offset_bytes, block.length_bytes)
    try:
        layout = laid_out(content)
        txids = transaction_ids(content, layout)
        amounts = amounts_sat(content, layout)
    except BlockLayoutError as error:
        return None, str(error)
    if merkle_root(txids) != block.header.merkle_root:
        return None, "its transactions do not give its merkle root"
    if len(amounts) and not (amounts.min() >= 0 and amounts.max() <= MAX_MONEY_SAT):
        return None, "an output holds more than there can be"
    return BlockContent(block=block, content=content, layout=layout, txids=txids, amounts_sat=amounts), ""
