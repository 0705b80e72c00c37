"""Whether a chain fits into memory: a stated estimate from the size of its blocks."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Final

from headwater.money.block_index import BlockIndex

__all__ = ["BYTES_FOR_EACH", "ChainRoom", "chain_room"]

BYTES_FOR_EACH: Final = 12
"""Memory in which the stage works in memory, for each byte of a block. Measured by bench/chain_parts_rate.py."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChainRoom:
    """The memory that a chain would take, and that it may take.

    Attributes:
        blocks_bytes: Size of the blocks of the active chain.
        needed_bytes: Memory to work on them in memory, by the estimate.
        given_bytes: Memory that there is for it.
        is_set: Whether a setting says so, rather than the machine.
    """

    blocks_bytes: int
    needed_bytes: int
    given_bytes: int
    is_set: bool

    @property
    def fits(self) -> bool:
        """Whether the chain is worked on in memory."""
        return self.needed_bytes <= self.given_bytes

    def told(self) -> str:
        """Which way is taken, and why, in a line."""
        way = "in memory" if self.fits else "by parts, on the medium"
        source = "chain_memory_bytes" if self.is_set else "half of this machine's memory"
        return (
            f"the chain is worked on {way}: {_written(self.blocks_bytes)} of blocks need about "
            f"{_written(self.needed_bytes)} in memory, and {source} is {_written(self.given_bytes)}"
        )


def chain_room(index: BlockIndex, chain_memory_bytes: int = 0) -> ChainRoom:
    """Whether the active chain of some blocks fits.

    Args:
        index: The blocks.
        chain_memory_bytes: Memory that it may take; 0 for half of what the machine has.
    """
    blocks_bytes = sum(block.length_bytes for block in index.active)
    return ChainRoom(
        blocks_bytes=blocks_bytes,
        needed_bytes=BYTES_FOR_EACH * blocks_bytes,
        given_bytes=chain_memory_bytes or os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2,
        is_set=chain_memory_bytes > 0,
    )


def _written(size_bytes: int) -> str:
    """A size for people.

    Example:
        >>> _written(3_400_000)
        '3.4 MB'
    """
    size, unit = float(size_bytes), "B"
    for larger in ("kB", "MB", "GB", "TB"):
        if size < 1_000:
            break
        size, unit = size / 1_000, larger
    return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"
