"""How a wallet made a transaction, apart from whom it paid: its lock time and its fee rate."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from headwater.money.block_index import read_content
from headwater.money.block_layout import BlockLayout, laid_out
from headwater.money.snapshot import Snapshot

__all__ = ["TxHabits", "habits_in_block", "habits_of"]

_Numbers = npt.NDArray[np.int64]
_LOCK_TIME_BYTES: Final = 4
_VERSION_BYTES: Final = 4
_MILLI: Final = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class TxHabits:
    """Lock times and sizes, one of each for every transaction of a snapshot.

    Attributes:
        lock_times: Block or second before which it may not be mined; 0 for none, as most wallets have it.
        virtual_bytes: Size that fees are reckoned by (BIP-141), rounded up.
    """

    lock_times: _Numbers
    virtual_bytes: _Numbers

    def chosen(self, wanted: npt.NDArray[np.bool_]) -> TxHabits:
        """Those of some of the transactions."""
        return TxHabits(lock_times=self.lock_times[wanted], virtual_bytes=self.virtual_bytes[wanted])

    def fee_rates(self, fees_sat: _Numbers) -> _Numbers:
        """Thousandths of a satoshi for each virtual byte.

        Args:
            fees_sat: Fee of each transaction.
        """
        return fees_sat * _MILLI // np.maximum(self.virtual_bytes, 1)


def habits_of(snapshot: Snapshot) -> TxHabits:
    """The habits of all transactions of a snapshot; each block is read and laid out once more.

    The snapshot does not keep what no other step needs. To read a block again costs less than to hold two columns for
    a whole chain through clustering and tracing.
    """
    blocks = np.asarray(snapshot.tx_blocks, dtype=np.int64)
    positions = np.asarray(snapshot.tx_positions, dtype=np.int64)
    lock_times = np.zeros(len(blocks), dtype=np.int64)
    virtual_bytes = np.zeros(len(blocks), dtype=np.int64)
    starts = np.searchsorted(blocks, np.arange(len(snapshot.blocks) + 1))
    for place, block in enumerate(snapshot.blocks):
        content = read_content(block.file, block.offset_bytes, block.length_bytes)
        span = slice(starts[place], starts[place + 1])
        in_block = habits_in_block(content, laid_out(content))
        lock_times[span] = in_block.lock_times[positions[span]]
        virtual_bytes[span] = in_block.virtual_bytes[positions[span]]
    return TxHabits(lock_times=lock_times, virtual_bytes=virtual_bytes)


def habits_in_block(content: bytes, layout: BlockLayout) -> TxHabits:
    """The habits of the transactions of a block."""
    begin, body_begin, body_end, end = layout.bounds.T
    stripped = _VERSION_BYTES + body_end - body_begin + _LOCK_TIME_BYTES
    octets = np.frombuffer(content, dtype=np.uint8)[(end - _LOCK_TIME_BYTES)[:, None] + np.arange(_LOCK_TIME_BYTES)]
    return TxHabits(
        lock_times=np.ascontiguousarray(octets).view("<u4").ravel().astype(np.int64),
        virtual_bytes=(3 * stripped + (end - begin) + 3) // 4,
    )
