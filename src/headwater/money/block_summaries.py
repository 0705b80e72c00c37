"""What the command `headwater blocks` prints: one summary a block, whatever file it lies in."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from headwater.errors import UnreadableInputError
from headwater.money.block_files import BlockFile, Damage, block_file, block_files_at, records
from headwater.money.block_layout import (
    BlockLayoutError,
    amounts_sat,
    block_hash,
    laid_out,
    merkle_root,
    transaction_ids,
)

__all__ = ["read_block_summaries"]


def read_block_summaries(paths: Sequence[str | Path]) -> Iterator[dict[str, Any]]:
    """Summaries of the blocks in files, in the order of paths, files and bytes; one block is in memory at a time.

    Args:
        paths: A node's folder of blocks, `blk*.dat` files, files that are one raw block each, or
            blocks as `getblock` prints them.

    Yields:
        `file`, `offset_bytes`, `block_hash`, `transactions`, `inputs` (a coinbase's counted), `outputs`, `output_sat`
        and `merkle_ok`.

    Raises:
        InputError: A path is not there.
        UnreadableInputError: A file is cut short or damaged; the whole blocks before that place have been yielded.

    Example:
        >>> list(read_block_summaries([]))
        []
    """
    for path in block_files_at([Path(path) for path in paths]):
        yield from _summaries_of(block_file(path))


def _summaries_of(file: BlockFile) -> Iterator[dict[str, Any]]:
    with file.path.open("rb") as stream:
        for found in records(file, stream):
            if isinstance(found, Damage):
                raise UnreadableInputError(
                    file.path,
                    found.reason,
                    remedy="copy the file again from the node while it is stopped",
                    offset_bytes=found.offset_bytes,
                )
            block = file.content(stream, found)
            try:
                yield {"file": str(file.path), "offset_bytes": found.offset_bytes, **_summary(block)}
            except BlockLayoutError as error:
                raise UnreadableInputError(
                    file.path,
                    f"not a whole block: {error.reason}",
                    remedy="copy the file again from the node while it is stopped" if file.magic else "set it aside",
                    offset_bytes=found.offset_bytes + error.offset_bytes,
                ) from None


def _summary(block: bytes) -> dict[str, Any]:
    layout = laid_out(block)
    return {
        "block_hash": block_hash(block)[::-1].hex(),
        "transactions": len(layout.bounds),
        "inputs": len(layout.outpoints),
        "outputs": len(layout.amounts),
        "output_sat": sum(amounts_sat(block, layout).tolist()),
        "merkle_ok": merkle_root(transaction_ids(block, layout)) == block[36:68],
    }
