"""Small invented files of other coins in a folder, as they lie on a seized server and beside it, and their truth."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

from headwater.errors import InputError
from headwater_synth.other_coins.lightning import core_lightning, eclair_database
from headwater_synth.other_coins.lnd import lnd_state
from headwater_synth.other_coins.monero import (
    Payment,
    SeizedWallet,
    answer,
    block_answer,
    coinbase,
    printed,
)
from headwater_synth.other_coins.stores import bolt_file, lmdb_file

__all__ = ["make_samples", "zcash_received", "zcash_viewed"]

_DAY_S = 86_400
_BEGAN_S = 1_700_000_000


def make_samples(folder: Path, truth: Path, *, seed: int) -> dict[str, int]:
    """Writes the samples, and apart from them what is true of them; gives how much there is of what.

    `monero` is an exhibit of that kind, `viewkey.txt` beside it the key, `server` a folder from the server, `printed`
    what the wallet's own program has printed.

    Raises:
        InputError: The folder is there and not empty.
    """
    if folder.exists() and any(folder.iterdir()):
        raise InputError(folder, "it is not empty", remedy="name a folder that is absent or empty")
    rng = random.Random(seed)
    told: dict[str, Any] = {"monero": _monero(folder, rng), "lightning": _lightning(folder / "server", rng)}
    printed_folder = folder / "printed"
    printed_folder.mkdir()
    received = [zcash_received(rng, number) for number in range(3)]
    (printed_folder / "z_listreceivedbyaddress.json").write_text(json.dumps(received, indent=2), encoding="utf-8")
    viewed = zcash_viewed(rng)
    (printed_folder / "z_viewtransaction.json").write_text(json.dumps(viewed, indent=2), encoding="utf-8")
    told["zcash"] = {"receipts": len(received) + sum(not one["outgoing"] for one in viewed["outputs"])}
    truth.mkdir(parents=True, exist_ok=True)
    (truth / "other-coins.json").write_text(json.dumps(told, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    return {
        "monero_receipts": len(told["monero"]["receipts"]),
        "lightning_invoices": len(told["lightning"]["invoices"]),
        "lightning_channels": len(told["lightning"]["funding"]),
        "zcash_receipts": told["zcash"]["receipts"],
    }


def _monero(folder: Path, rng: random.Random) -> dict[str, Any]:
    seized, foreign = SeizedWallet(rng), SeizedWallet(rng)
    exhibit = folder / "monero"
    exhibit.mkdir(parents=True)
    (exhibit / "platform.address.txt").write_text(seized.destination().address, encoding="ascii")
    (folder / "viewkey.txt").write_text(f"secret: {seized.private_view_key}\n", encoding="ascii")
    told, receipts = [], []
    places = [(0, 0), (0, 1), (0, 2), (1, 0), (1, 7), (0, 0), (0, 3), None, None, None]
    for number, place in enumerate(places):
        amount = rng.randrange(10**10, 10**12)
        to = foreign.destination(0, number) if place is None else seized.destination(*place)
        other = foreign.destination(1, number)
        payments = [Payment(to=to, amount_piconero=amount), Payment(to=other, amount_piconero=rng.randrange(10**12))]
        one = printed(
            rng,
            payments,
            height=3_000_000 + number,
            at_s=_BEGAN_S + number * _DAY_S,
            payment_id=bytes.fromhex("00aa11bb22cc33dd") if number == 5 else None,
        )
        told.append(one)
        if place is not None:
            receipts.append({"txid": one["tx_hash"], "place": place, "amount_piconero": amount})
    (exhibit / "transactions.json").write_text(json.dumps(answer(told)), encoding="utf-8")
    miner = coinbase(rng, seized.destination(), 600_000_000_000, height=3_000_020)
    block = block_answer(rng, miner, height=3_000_020, at_s=_BEGAN_S + 20 * _DAY_S)
    (exhibit / "block.json").write_text(json.dumps(block, indent=1), encoding="utf-8")
    receipts.append({"txid": block["result"]["miner_tx_hash"], "place": (0, 0), "amount_piconero": 600_000_000_000})
    return {"address": seized.destination().address, "receipts": receipts}


def _lightning(server: Path, rng: random.Random) -> dict[str, Any]:
    node, other = core_lightning(rng), lnd_state(rng)
    files = {
        "lightning/lightningd.sqlite3": node.content,
        "eclair/eclair.sqlite": eclair_database(),
        "lnd/channel.db": other.content,
        "lnd/wallet.db": bolt_file({b"waddrmgr": {b"main": rng.randbytes(64)}, b"wtxmgr": {b"b": b""}}),
        "monero/lmdb/data.mdb": lmdb_file([b"blocks", b"output_amounts", b"spent_keys", b"txs_pruned"]),
        "monero/platform.keys": _encrypted(rng, 1800),
    }
    for name, content in files.items():
        path = server / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return {
        "invoices": [digest for made in (node, other) for digest, _ in made.invoices],
        "funding": [*node.funding, *other.funding],
    }


def _encrypted(rng: random.Random, size_bytes: int) -> bytes:
    """A file as Monero's wallet writes them: an initial value, a length, and what looks like chance."""
    length = bytes([size_bytes & 0x7F | 0x80, size_bytes >> 7])
    return rng.randbytes(8) + length + rng.randbytes(size_bytes)


def zcash_received(rng: random.Random, number: int) -> dict[str, Any]:
    """An entry as `z_listreceivedbyaddress` prints it."""
    amount = rng.randrange(1, 10**9)
    memo = f"membership {number}".encode()
    return {
        "pool": "sapling",
        "txid": rng.randbytes(32).hex(),
        "amount": amount / 10**8,
        "amountZat": amount,
        "memo": memo.ljust(512, b"\0").hex(),
        "memoStr": memo.decode(),
        "confirmations": 100,
        "blockheight": 2_000_000 + number,
        "blockindex": 1,
        "blocktime": _BEGAN_S + number * _DAY_S,
        "outindex": number,
        "change": False,
    }


def zcash_viewed(rng: random.Random) -> dict[str, Any]:
    """A transaction as `z_viewtransaction` prints it: one output in, one out."""
    common = {"type": "orchard", "memo": "f6".ljust(1024, "0")}
    address = "u1" + "q" * 60
    return {
        "txid": rng.randbytes(32).hex(),
        "spends": [],
        "outputs": [
            {**common, "action": 0, "address": address, "outgoing": False, "walletInternal": False, "valueZat": 5000},
            {**common, "action": 1, "address": address, "outgoing": True, "walletInternal": False, "valueZat": 700},
        ],
    }
