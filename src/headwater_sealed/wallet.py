"""The job `read_wallet`: what is public in a wallet, and nothing of its keys. Here, Bitcoin Core's descriptor wallets.

Wallets of the older form are read by `wallet_legacy`, Electrum's by `wallet_electrum`, keys alone by `wallet_text`.

Records are asked for by the type that begins their key, from a list of the types that are wanted; a record of any other
type is never taken out of the file. A descriptor that holds a private key is refused all the same.

References:
    Bitcoin Core, doc/descriptors.md; src/wallet/walletdb.cpp (DBKeys), src/wallet/walletutil.h (WalletDescriptor).
    BIP 32 (extended keys), BIP 380 (descriptors and their checksum).
"""

from __future__ import annotations

import sqlite3
import struct
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from typing import Any, BinaryIO

from headwater_sealed.berkeley import BERKELEY_MAGICS
from headwater_sealed.descriptors import checked, has_private_key, with_cached_keys
from headwater_sealed.refusal import UnreadableError, refusing
from headwater_sealed.rows import Emit
from headwater_sealed.sources import Sources
from headwater_sealed.wallet_electrum import is_electrum, read_electrum
from headwater_sealed.wallet_legacy import read_legacy
from headwater_sealed.wallet_records import WALLET_SCHEMA, WalletRecords
from headwater_sealed.wallet_text import is_public_keys, read_public_keys

__all__ = ["READ_RECORD_TYPES", "WALLET_SCHEMA", "prepare", "read_wallet"]

READ_RECORD_TYPES: tuple[bytes, ...] = (
    b"walletdescriptor",
    b"activeexternalspk",
    b"activeinternalspk",
    b"walletdescriptorlhcache",  # public keys behind the last hardened step, without which no address follows
)
"""All that is ever read. Not here, and so never read: walletdescriptorkey, walletdescriptorckey, key, wkey, ckey, mkey,
hdseed, hdchain, keymeta and what else there is."""

_SQLITE_MAGIC = b"SQLite format 3\0"
_NETWORK_AT = 68  # the application id of an SQLite file; Core keeps the network's magic bytes there
_NETWORKS = {
    "f9beb4d9": "main",
    "0b110907": "test",
    "1c163f28": "test",
    "0a03cf40": "signet",
    "fabfb5da": "regtest",
}
_MAX_WALLET_BYTES = 1024**3
_TEXT_SAMPLE_BYTES = 64 * 1024
_ID_BYTES = 32
_TAIL = struct.Struct("<Qiii")  # creation time, next index, range start, range end
_XPUB_BYTES = 74


def _content(file: BinaryIO) -> bytes:
    content = file.read(_MAX_WALLET_BYTES + 1)
    if len(content) > _MAX_WALLET_BYTES:
        raise UnreadableError(f"a wallet of more than {_MAX_WALLET_BYTES} bytes is not read")
    return content


def _compact_size(content: bytes) -> tuple[int, int]:
    """The number that the bytes begin with, and how many bytes it takes."""
    if not content:
        raise UnreadableError("a wallet record is cut short")
    width = {0xFD: 2, 0xFE: 4, 0xFF: 8}.get(content[0])
    if width is None:
        return content[0], 1
    return int.from_bytes(content[1 : 1 + width], "little"), 1 + width


def _records(wallet: sqlite3.Connection, record_type: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Key without its type, and value, of each record of one type, in the order of the keys."""
    assert record_type in READ_RECORD_TYPES
    # The length before the type is part of what is compared: walletdescriptorkey does not begin like walletdescriptor.
    prefix = bytes([len(record_type)]) + record_type
    found = wallet.execute(
        "SELECT substr(key, ?), value FROM main WHERE substr(CAST(key AS BLOB), 1, ?) = ? ORDER BY key",
        (len(prefix) + 1, len(prefix), prefix),
    )
    for key, value in found:
        if not isinstance(key, bytes) or not isinstance(value, bytes):
            raise UnreadableError(f"a record of type {record_type.decode()} is not made of bytes")
        yield key, value


def _is_wallet(wallet: sqlite3.Connection) -> bool:
    columns = [row[1] for row in wallet.execute("PRAGMA main.table_info(main)")]
    kind = wallet.execute("SELECT type FROM sqlite_master WHERE name = 'main'").fetchone()
    return kind == ("table",) and columns == ["key", "value"]


def _cached_keys(wallet: sqlite3.Connection) -> dict[bytes, dict[int, bytes]]:
    """For each descriptor's id, the extended public keys behind the last hardened step, by the key's place in it."""
    found: dict[bytes, dict[int, bytes]] = {}
    for key, value in _records(wallet, b"walletdescriptorlhcache"):
        if len(key) != _ID_BYTES + 4 or value[:1] != bytes([_XPUB_BYTES]) or len(value) != 1 + _XPUB_BYTES:
            raise UnreadableError("a record of type walletdescriptorlhcache is damaged")
        place = int.from_bytes(key[_ID_BYTES:], "little")
        found.setdefault(key[:_ID_BYTES], {})[place] = value[1:]
    return found


def _row(
    identity: bytes, value: bytes, cached: Mapping[int, bytes], internal: set[bytes], external: set[bytes]
) -> dict[str, Any]:
    length, at = _compact_size(value)
    text = value[at : at + length]
    tail = value[at + length :]
    if len(identity) != _ID_BYTES or len(text) != length or len(tail) != _TAIL.size:
        raise UnreadableError("a record of type walletdescriptor is damaged")
    if has_private_key(text):
        raise UnreadableError("a descriptor holds a private key; the wallet is not read")
    descriptor = with_cached_keys(checked(text), cached)
    created_s, next_index, start, end = _TAIL.unpack(tail)
    # Of one no longer in use the wallet does not say which it was; its branch does (BIP 44: 1 is change).
    known = identity in internal or identity in external
    is_change = identity in internal if known else "/1/*" in descriptor
    return {
        "descriptor": descriptor,
        "is_change": is_change,
        "range_start": start,
        "range_end": end,
        "next_index": next_index,
        # Core writes 0 or 1 where it does not know.
        "created_at_us": created_s * 1_000_000 if 1 < created_s < 2**40 else None,
    }


def _rows(content: bytes) -> list[dict[str, Any]]:
    with closing(sqlite3.connect(":memory:")) as wallet, refusing("the SQLite file is damaged"):
        # Bytes 18 and 19 say that a write-ahead log stands beside the file; in memory there is none to open.
        wallet.deserialize(content[:18] + b"\1\1" + content[20:])
        for setting in ("trusted_schema = OFF", "cell_size_check = ON", "query_only = ON", "mmap_size = 0"):
            wallet.execute(f"PRAGMA {setting}").fetchall()
        if not _is_wallet(wallet):
            raise UnreadableError("an SQLite file, but not a Bitcoin Core wallet: no table main(key, value)")
        external = {value for _, value in _records(wallet, b"activeexternalspk")}
        internal = {value for _, value in _records(wallet, b"activeinternalspk")}
        cached = _cached_keys(wallet)
        found = [
            _row(key, value, cached.get(key, {}), internal, external)
            for key, value in _records(wallet, b"walletdescriptor")
        ]
    if not found:
        raise UnreadableError("the wallet holds no descriptor; a wallet of keys from before descriptors is not read")
    return sorted(found, key=lambda row: (row["descriptor"], row["range_start"], row["range_end"]))


def _read_descriptors(content: bytes, records: WalletRecords) -> None:
    records.network = _NETWORKS.get(content[_NETWORK_AT : _NETWORK_AT + 4].hex())
    for row in _rows(content):
        records.add("descriptor", **row)


def read_wallet(files: Sequence[BinaryIO], parameters: Mapping[str, Any], emit: Emit) -> None:
    """Records of what is public: descriptors, public keys, addresses, transaction ids, requests; then counts.

    Args:
        files: The wallet, or the image that holds it.
        parameters: `entries` with the one wallet, if it is in an image.
        emit: Takes each batch.

    Raises:
        UnreadableError: It is no wallet that is known, it is encrypted, or a descriptor cannot be given out whole.
    """
    entries = parameters.get("entries") or [{"file_index": 0}]
    content = _content(Sources(files, parameters).open(entries[0]))
    if content.startswith(_SQLITE_MAGIC):
        records, read = WalletRecords(emit, "core-sqlite"), _read_descriptors
    elif content[12:16] in BERKELEY_MAGICS:
        records, read = WalletRecords(emit, "core-bdb"), read_legacy
    elif is_public_keys(content[:_TEXT_SAMPLE_BYTES]):
        records, read = WalletRecords(emit, "public-keys"), read_public_keys
    elif is_electrum(content):
        records, read = WalletRecords(emit, "electrum"), read_electrum
    else:
        known = "SQLite, Berkeley DB, Electrum's, or public keys and descriptors, one a line"
        raise UnreadableError(f"not a wallet that is known: {known}")
    with refusing("the wallet is damaged"):
        read(content, records)
    records.close()


def prepare() -> None:
    """Loads what SQLite would load on first use."""
    with closing(sqlite3.connect(":memory:")) as empty:
        empty.execute("CREATE TABLE main(key BLOB PRIMARY KEY NOT NULL, value BLOB NOT NULL)")
        empty.execute("INSERT INTO main VALUES (x'00', x'00')")
        empty.commit()
        content = empty.serialize()
    try:
        _rows(content)
    except UnreadableError:
        return  # as it must be: it holds no descriptor
