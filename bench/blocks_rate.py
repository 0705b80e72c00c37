"""MB/s of reading blocks, beside plain SHA-256 of the same bytes and the package blockchain-parser, in the same run.

python bench/blocks_rate.py [ROUNDS]

The blocks are a real one of the main network where the reference data is there, else one that is made up.
"""

from __future__ import annotations

import hashlib
import os
import random
import statistics
import sys
import time
from pathlib import Path

import numpy as np

from headwater.money.block_layout import amounts_sat, as_bytes, laid_out, merkle_root, transaction_ids
from headwater.money.byte_table import ByteTable
from headwater.money.digest_kernels import has_instructions
from headwater.money.scripts import addresses_of

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


def parsed(block: bytes) -> tuple[np.ndarray, ByteTable]:
    """Layout, txids and script numbers, in a table made anew, so that no block profits from the one before."""
    layout = laid_out(block)
    scripts = ByteTable()
    scripts.numbers_of(as_bytes(block), np.column_stack((layout.script_starts, layout.script_ends)))
    return transaction_ids(block, layout), scripts


def everything(block: bytes) -> None:
    """What is parsed, and merkle root and amounts."""
    layout = laid_out(block)
    merkle_root(transaction_ids(block, layout))
    amounts_sat(block, layout)
    ByteTable().numbers_of(as_bytes(block), np.column_stack((layout.script_starts, layout.script_ends)))


def with_addresses(block: bytes) -> tuple[np.ndarray, list[str | None]]:
    """What is parsed, the amounts, and the address of every script."""
    layout = laid_out(block)
    amounts_sat(block, layout)
    scripts = ByteTable()
    scripts.numbers_of(as_bytes(block), np.column_stack((layout.script_starts, layout.script_ends)))
    return transaction_ids(block, layout), addresses_of(scripts, "main")


def by_other_parser(block: bytes) -> tuple[list[str], list[list[str]]]:
    """The same by blockchain-parser: txids, values, and the addresses of every output."""
    from blockchain_parser.block import Block

    txids, addresses = [], []
    for transaction in Block(block).transactions:
        txids.append(transaction.txid)
        for output in transaction.outputs:
            _ = output.value
            addresses.append([address.address for address in output.addresses])
    return txids, addresses


def has_other_parser() -> bool:
    """Whether blockchain-parser is installed (scripts/bench does so)."""
    try:
        import blockchain_parser.block  # noqa: F401  # whether it can be imported is the question
    except ImportError:
        return False
    return True


def seconds_of(work, block: bytes, times: int) -> float:
    """Processor seconds for each time the work is done."""
    started = time.process_time()
    for _ in range(times):
        work(block)
    return (time.process_time() - started) / times


def main() -> None:
    real = real_block()
    block = real if real is not None else made_up_block()
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 7
    layout = laid_out(block)
    print(
        f"{'a block of the main network' if real is not None else 'a made-up block'}: {len(block):,} bytes, "
        f"{len(layout.bounds):,} transactions, {len(layout.outpoints):,} inputs, {len(layout.amounts):,} outputs; "
        f"SHA-256 by {'the processor' if has_instructions() else 'plain arithmetic'}; processor time, one core, "
        f"median of {rounds} rounds by turns"
    )
    works = {
        "SHA-256 of the bytes (the anchor)": (lambda content: hashlib.sha256(content).digest(), 20),
        "layout, txids, script numbers": (parsed, 20),
        "the same, merkle root, amounts": (everything, 20),
        "layout, txids, amounts, addresses": (with_addresses, 20),
    }
    if has_other_parser():
        works["blockchain-parser: the same, and addresses"] = (by_other_parser, 1)
        txids, addresses = by_other_parser(block)
        ours, shown = with_addresses(block)
        assert txids == [txid[::-1].tobytes().hex() for txid in ours]
        assert {each[0] for each in addresses if len(each) == 1} <= set(shown)
    taken = {name: [] for name in works}
    for work, times in works.values():
        seconds_of(work, block, times)  # what is compiled is compiled now
    for _ in range(rounds):
        for name, (work, times) in works.items():
            taken[name].append(seconds_of(work, block, times))
    rates = {name: len(block) / 1e6 / statistics.median(each) for name, each in taken.items()}
    for name, megabytes_a_second in rates.items():
        print(f"{name:<44} {megabytes_a_second:>9.1f} MB/s")
    anchor, numbered, whole, addressed, *other = rates.values()
    print(
        f"layout, txids, script numbers: {numbered / anchor:.0%} of the anchor (goal 25 %); all: {whole / anchor:.0%}"
    )
    if other:
        print(f"with addresses: {addressed / other[0]:.0f} times blockchain-parser (goal 20)")
    else:
        print("with addresses: no ratio, blockchain-parser is not installed (scripts/bench installs it)")


if __name__ == "__main__":
    main()
