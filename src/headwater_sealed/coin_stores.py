"""The job `name_coin_store`: what a key-value file holds of other coins, told by the names of its tables.

Monero's node keeps its chain in LMDB, LND its state in bbolt, zcashd its wallet in Berkeley DB. Their names of tables,
buckets and kinds of record say which is which; no value is read for it.

References:
    Monero, src/blockchain_db/lmdb/db_lmdb.cpp (names of tables). LND, channeldb, and btcwallet, waddrmgr (names of
    buckets). Zcash, src/wallet/walletdb.cpp (kinds of record).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, BinaryIO

import pyarrow as pa

from headwater_sealed.berkeley import BERKELEY_MAGICS, BerkeleyFile, Pair
from headwater_sealed.bolt import BOLT_MAGIC, Bolt, Bucket
from headwater_sealed.lmdb import LMDB_MAGIC, lmdb_names
from headwater_sealed.refusal import UnreadableError, refusing
from headwater_sealed.rows import Emit, Rows, field
from headwater_sealed.sources import Sources
from headwater_sealed.wallet_legacy import ZCASH_RECORD_TYPES

__all__ = ["COIN_STORE_SCHEMA", "name_coin_store"]

COIN_STORE_SCHEMA = pa.schema(
    [
        field("coin_file_kind", pa.string(), nullable=True),
        field("is_encrypted", pa.bool_(), nullable=True),
        field("reason", pa.string(), nullable=True),
    ]
)

_ZCASH_ENCRYPTED = frozenset({b"czkey", b"csapzkey", b"chdseed", b"cmnemonicphrase", b"ckey", b"mkey"})
_MAX_BERKELEY_BYTES = 1024**3
_HEAD_BYTES = 1 + max(map(len, ZCASH_RECORD_TYPES))
_MONERO_TABLES = frozenset({b"blocks", b"output_amounts", b"spent_keys"})

_LND_BUCKETS: Mapping[str, frozenset[bytes]] = {
    "lnd-channels": frozenset({b"open-chan-bucket", b"closed-chan-bucket", b"payments-root-bucket"}),
    "lnd-wallet": frozenset({b"waddrmgr", b"wtxmgr"}),
    "lnd-macaroons": frozenset({b"macrootkeys"}),
    "lnd-other": frozenset({b"shared-hash", b"batch-replay", b"client-session-bucket", b"client-tower-bucket"}),
}
"""Buckets of which one says what an LND file is."""


def name_coin_store(files: Sequence[BinaryIO], parameters: Mapping[str, Any], emit: Emit) -> None:
    """One row: what the file is, if it is one of these; else why not.

    Args:
        files: The file, or the image that holds it.
        parameters: `entries` with the one file, if it is in an image.
        emit: Takes the batch.
    """
    entries = parameters.get("entries") or [{"file_index": 0}]
    rows = Rows(COIN_STORE_SCHEMA, emit)
    try:
        with refusing("it cannot be read"):
            kind, encrypted = _told(Sources(files, parameters).open(entries[0]))
        rows.add(coin_file_kind=kind, is_encrypted=encrypted)
    except UnreadableError as error:
        rows.add(reason=error.reason)
    rows.close()


def _told(file: BinaryIO) -> tuple[str | None, bool | None]:
    head = file.read(32)
    if head[12:16] in BERKELEY_MAGICS:
        file.seek(0)
        return _berkeley(file)
    if head[16:20] == BOLT_MAGIC:
        store = Bolt(file)
        names = {one.key for one in store.elements(store.root) if isinstance(one, Bucket)}
        for kind, marks in _LND_BUCKETS.items():
            if names & marks:
                # LND encrypts the keys in its wallet always, its channels never.
                return kind, kind in {"lnd-wallet", "lnd-macaroons"}
        return "bbolt", None
    if head[16:20] == LMDB_MAGIC:
        tables = set(lmdb_names(file))
        return ("monero-chain", False) if tables >= _MONERO_TABLES else (None, None)
    return None, None


def _berkeley(file: BinaryIO) -> tuple[str | None, bool | None]:
    content = file.read(_MAX_BERKELEY_BYTES + 1)
    if len(content) > _MAX_BERKELEY_BYTES:
        raise UnreadableError("too large for a wallet")
    types: set[bytes] = set()
    pairs = BerkeleyFile(content).pairs(b"main", lambda _: False, head_bytes=_HEAD_BYTES)
    for found in pairs:
        if isinstance(found, Pair) and found.key:
            types.add(found.key[1 : 1 + found.key[0]])
    if not types & ZCASH_RECORD_TYPES:
        return None, None
    return "zcash-wallet", bool(types & _ZCASH_ENCRYPTED)
