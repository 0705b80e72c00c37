"""MB/s of reading blocks (layout and txids; then everything a summary says), beside plain SHA-256 of the same bytes.

python bench/blocks_rate.py [MEGABYTES]

The blocks are a real one of the main network where the reference data is there, else one that is made up.
"""

from __future__ import annotations

import hashlib
import os
import random
import sys
import time
from pathlib import Path

from headwater.money.block_layout import amounts_sat, laid_out, merkle_root, transaction_ids

_REPOSITORY = Path(__file__).resolve().parents[1]


def real_block() -> bytes | None:
    """A block of the main network with 1,557 transactions, where the reference data is there."""
    named = os.environ.get("HEADWATER_REFERENCE_DATA")
    folder = Path(named) if named else _REPOSITORY.parent / "shared" / "data"
    path = folder / "money" / "block413567.raw"
    return path.read_bytes() if path.is_file() else None


def made_up_block(transactions: int = 1_600, seed: int = 7) -> bytes:
    """A block of about the same shape."""
    chance = random.Random(seed)
    parts = [bytes(80), b"\xfd" + transactions.to_bytes(2, "little")]
    for _ in range(transactions):
        inputs, outputs = chance.randint(1, 5), chance.randint(1, 4)
        parts += [b"\x01\x00\x00\x00", bytes((inputs,))]
        parts += [chance.randbytes(36) + b"\x6a" + chance.randbytes(106) + b"\xff\xff\xff\xff" for _ in range(inputs)]
        parts.append(bytes((outputs,)))
        for _ in range(outputs):
            amount = chance.randrange(10**10).to_bytes(8, "little")
            parts.append(amount + b"\x19\x76\xa9\x14" + chance.randbytes(20) + b"\x88\xac")
        parts.append(bytes(4))
    return b"".join(parts)


def rate(label: str, blocks: list[bytes], work) -> float:
    """MB/s of some work over all blocks."""
    started = time.perf_counter()
    for block in blocks:
        work(block)
    seconds = time.perf_counter() - started
    megabytes_a_second = sum(len(block) for block in blocks) / 1e6 / seconds
    print(f"{label:<44} {megabytes_a_second:>8.0f} MB/s")
    return megabytes_a_second


def parse_and_txids(block: bytes) -> None:
    transaction_ids(block, laid_out(block))


def everything(block: bytes) -> None:
    layout = laid_out(block)
    merkle_root(transaction_ids(block, layout))
    amounts_sat(block, layout)


def main() -> None:
    real = real_block()
    block = real if real is not None else made_up_block()
    megabytes = int(sys.argv[1]) if len(sys.argv) > 1 else 100
    blocks = [block] * max(1, megabytes * 1_000_000 // len(block))
    layout = laid_out(block)
    print(
        f"{len(blocks)} times {'a block of the main network' if real is not None else 'a made-up block'}: "
        f"{len(block):,} bytes, {len(layout.input_counts):,} transactions, {len(layout.outpoints):,} inputs, "
        f"{len(layout.amounts):,} outputs"
    )
    anchor = rate("SHA-256 of the bytes (the anchor)", blocks, lambda content: hashlib.sha256(content).digest())
    parsed = rate("layout and txids", blocks, parse_and_txids)
    whole = rate("layout, txids, merkle root, amounts", blocks, everything)
    print(f"layout and txids: {parsed / anchor:.0%} of the anchor; all of it: {whole / anchor:.0%}")


if __name__ == "__main__":
    main()
