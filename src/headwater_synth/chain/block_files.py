"""Block files as Bitcoin Core (28 and later) keeps them: obfuscated, and not quite in order."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np

from headwater_synth.chain.encoding import double_sha256
from headwater_synth.chain.ledger import MinedBlock
from headwater_synth.chain.result import ChainResult
from headwater_synth.seeds import stream

__all__ = ["MAX_FILE_BYTES", "stored_order", "write_blocks"]

MAX_FILE_BYTES = 128 * 1024 * 1024  # source: Core's MAX_BLOCKFILE_SIZE
_MAGIC = bytes.fromhex("fabfb5da")  # regtest
_PREALLOCATED_BLOCK_BYTES = 16 * 1024 * 1024  # source: Core's BLOCKFILE_CHUNK_SIZE
_PREALLOCATED_UNDO_BYTES = 1024 * 1024  # source: Core's UNDOFILE_CHUNK_SIZE


def _obfuscated(content: bytes, key: bytes) -> bytes:
    pattern = np.frombuffer(key * (len(content) // len(key) + 1), dtype=np.uint8)[: len(content)]
    return (np.frombuffer(content, dtype=np.uint8) ^ pattern).tobytes()


def stored_order(result: ChainResult) -> list[MinedBlock]:
    """All blocks in the order of their arrival: here and there two are swapped, and losers come after winners."""
    chance = stream(result.plan.seed, "chain", "arrival")
    active = list(result.blocks)
    place = 1
    while place + 1 < len(active):
        if chance.random() < 0.06:
            active[place], active[place + 1] = active[place + 1], active[place]
            place += 1
        place += 1
    late = {stale.height: stale for stale in result.stale_blocks}
    order: list[MinedBlock] = []
    seen: list[MinedBlock] = []
    for block in active:
        order.append(block)
        if block.height in late:
            seen.append(late[block.height])
        elif seen:  # one block later, so that the race is already decided
            order += seen
            seen = []
    return order + seen


def _files(order: Iterable[MinedBlock], max_file_bytes: int) -> list[list[MinedBlock]]:
    """Blocks by file: a new one begins where a block would reach the limit."""
    files: list[list[MinedBlock]] = [[]]
    size_bytes = 0
    for block in order:
        record_bytes = 8 + len(block.raw)
        if files[-1] and size_bytes + record_bytes >= max_file_bytes:
            files.append([])
            size_bytes = 0
        files[-1].append(block)
        size_bytes += record_bytes
    return files


def _block_record(block: MinedBlock) -> bytes:
    return _MAGIC + len(block.raw).to_bytes(4, "little") + block.raw


def _undo_record(block: MinedBlock) -> bytes:
    if block.undo is None:
        return b""
    checksum = double_sha256(block.previous_hash + block.undo)
    return _MAGIC + len(block.undo).to_bytes(4, "little") + block.undo + checksum


def write_blocks(
    result: ChainResult,
    directory: Path,
    *,
    max_file_bytes: int = MAX_FILE_BYTES,
    preallocated: bool = False,
) -> tuple[Path, ...]:
    """The block files written: `blkNNNNN.dat`, `revNNNNN.dat` and `xor.dat`.

    Args:
        result: The chain.
        directory: Where; made if absent.
        max_file_bytes: A file does not grow to this size.
        preallocated: Leave the last files with the zeros behind them that a running node reserves.
    """
    directory.mkdir(parents=True, exist_ok=True)
    written = [directory / "xor.dat"]
    written[0].write_bytes(result.xor_key)
    files = _files(stored_order(result), max_file_bytes)
    for number, blocks in enumerate(files):
        connected = sorted(blocks, key=lambda block: block.height)  # undo is written when a block is connected
        for name, content, chunk_bytes in (
            ("blk", b"".join(_block_record(block) for block in blocks), _PREALLOCATED_BLOCK_BYTES),
            ("rev", b"".join(_undo_record(block) for block in connected), _PREALLOCATED_UNDO_BYTES),
        ):
            path = directory / f"{name}{number:05}.dat"
            path.write_bytes(_obfuscated(content, result.xor_key))
            if preallocated and number == len(files) - 1:
                with path.open("r+b") as file:
                    file.truncate(-(-len(content) // chunk_bytes) * chunk_bytes)
            written.append(path)
    return tuple(written)
