"""MB/s from block files to a snapshot, and the memory it takes for each input and output, at two sizes.

python bench/snapshot_rate.py [BLOCKS]

Blocks are made up from a seed, of about a megabyte, chained and with proof of work; they spend outputs of earlier ones,
and there is no undo data. Anchor: SHA-256 of the same files, read in the same way.
"""

from __future__ import annotations

import hashlib
import random
import sys
import tempfile
import time
from pathlib import Path

from headwater.money.block_index import BlockSource, indexed_blocks
from headwater.money.block_layout import header_of, laid_out, merkle_root, transaction_ids
from headwater.money.defects import Defects
from headwater.money.snapshot import Snapshot, snapshot_of
from headwater.money.undo_index import matched_undo

_MAGIC = bytes.fromhex("fabfb5da")
_BITS = 0x207FFFFF  # source: Bitcoin Core, chainparams.cpp, regtest
_TRANSACTIONS = 2_000


def written(folder: Path, blocks: int, seed: int = 7) -> int:
    """Write a chain of made-up blocks; bytes."""
    chance = random.Random(seed)
    unspent: list[tuple[bytes, int, int]] = []
    keys = [chance.randbytes(20) for _ in range(1_000)]
    previous, size = bytes(32), 0
    with (folder / "blk00000.dat").open("wb") as file:
        for number in range(blocks):
            parts, amounts = [], []
            for place in range(_TRANSACTIONS):
                # The first of all makes coins for the others; nothing is spent that is not in these files.
                spent = [unspent.pop(chance.randrange(len(unspent))) for _ in range(min(len(unspent), 2)) if place]
                if place and not spent:
                    break
                outpoints = [txid + index.to_bytes(4, "little") for txid, index, _ in spent] or [bytes(36)]
                inputs = b"".join(each + b"\x6a" + chance.randbytes(106) + b"\xff" * 4 for each in outpoints)
                paid = chance.randint(1, 4) if spent or number else 6_000
                left = sum(each for _, _, each in spent) if spent else 10**9 * paid
                outputs, held = b"", []
                for place_paid in range(paid):
                    # No two of a payment hold the same, which few payments of people do either.
                    held.append(left // (paid - place_paid) - 7 * (paid - place_paid) if spent else 10**9)
                    left -= held[-1]
                    key = chance.choice(keys) if chance.random() < 0.3 else chance.randbytes(20)
                    outputs += held[-1].to_bytes(8, "little") + b"\x16\x00\x14" + key
                told = bytes((paid,)) if paid < 0xFD else b"\xfd" + paid.to_bytes(2, "little")
                parts.append(b"\x02\x00\x00\x00" + bytes((len(outpoints),)) + inputs + told + outputs + bytes(4))
                amounts.append(held)
            body = b"\xfd" + len(parts).to_bytes(2, "little") + b"".join(parts)
            txids = transaction_ids(bytes(80) + body, laid_out(bytes(80) + body))
            for txid, held in zip(txids, amounts, strict=True):
                unspent += [(txid.tobytes(), at, amount) for at, amount in enumerate(held)]
            unspent = unspent[-20_000:]
            head = b"\x00\x00\x00\x20" + previous + merkle_root(txids) + (1_700_000_000 + number).to_bytes(4, "little")
            head += _BITS.to_bytes(4, "little")
            nonce = next(n for n in range(1 << 16) if header_of(head + n.to_bytes(4, "little")).has_proof_of_work)
            head += nonce.to_bytes(4, "little")
            previous = header_of(head).block_hash
            size += file.write(_MAGIC + (len(head) + len(body)).to_bytes(4, "little") + head + body)
    return size


def read(folder: Path) -> Snapshot:
    """The snapshot; what could not be resolved is not looked at."""
    defects = Defects()
    index = indexed_blocks([BlockSource(exhibit_id="EX-1", path=folder)], defects)
    return snapshot_of(index, matched_undo(index, defects), defects)


def main() -> None:
    most = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    for blocks in (2, most // 4, most):
        with tempfile.TemporaryDirectory() as name:
            size = written(Path(name), blocks)
            started = time.process_time()
            hashlib.sha256((Path(name) / "blk00000.dat").read_bytes()).digest()
            anchor = time.process_time() - started
            started = time.process_time()
            snapshot = read(Path(name))
            taken = time.process_time() - started
        if blocks == 2:  # what is compiled is compiled now
            continue
        inputs, outputs = len(snapshot.input_txs), len(snapshot.output_txs)
        print(
            f"{blocks} blocks, {size / 1e6:.0f} MB: {size / 1e6 / taken:.0f} MB/s, {anchor / taken:.0%} of SHA-256; "
            f"{len(snapshot.txids):,} transactions, {inputs:,} inputs, {outputs:,} outputs, "
            f"{len(snapshot.scripts):,} scripts: {snapshot.size_bytes / 1e6:.0f} MB, "
            f"{snapshot.size_bytes / (inputs + outputs):.0f} bytes for each input or output"
        )


if __name__ == "__main__":
    main()
