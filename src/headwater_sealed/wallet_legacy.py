"""Bitcoin Core's wallets of keys, from before descriptors, in Berkeley DB: what is public in them.

A record's type stands at the beginning of its key. Types that hold keys are on no list of ours, so their values are
never put together from the file, nor the rest of their keys; the public keys come from `keymeta` and `pool`.

References:
    Bitcoin Core, src/wallet/walletdb.cpp (DBKeys), src/wallet/walletdb.h (CKeyMetadata, CHDChain), src/wallet/wallet.h
    (CKeyPool); src/serialize.h (compact sizes).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from headwater_sealed.berkeley import BerkeleyFile, PageDamage, Pair
from headwater_sealed.record_reader import BadRecordError, RecordReader
from headwater_sealed.refusal import UnreadableError
from headwater_sealed.wallet_records import WalletRecords

__all__ = ["DENIED_RECORD_TYPES", "READ_LEGACY_TYPES", "ZCASH_RECORD_TYPES", "read_legacy"]

READ_LEGACY_TYPES: tuple[bytes, ...] = (b"name", b"purpose", b"tx", b"pool", b"keymeta")
"""All that is ever read of such a wallet."""

DENIED_RECORD_TYPES: tuple[bytes, ...] = (
    b"key", b"wkey", b"ckey", b"mkey", b"hdseed", b"hdchain", b"walletdescriptorkey", b"walletdescriptorckey",
)  # fmt: skip
"""Types that hold keys or belong to one: named so that the account of what was left alone can say what they are."""

ZCASH_RECORD_TYPES = frozenset(
    {
        b"zkey", b"czkey", b"zkeymeta", b"vkey", b"sapzkey", b"csapzkey", b"sapzkeymeta", b"sapextfvk", b"sapzaddr",
        b"chdseed", b"networkinfo", b"mnemonicphrase", b"cmnemonicphrase", b"mnemonichdchain", b"unifiedaccount",
        b"unifiedfvk", b"unifiedaddrmeta", b"recipientmapping", b"orchard_note_commitment_tree", b"witnesscachesize",
    }
)  # fmt: skip
"""Kinds of record that only zcashd writes; none of their values is ever put together."""

_KNOWN_OTHERS: tuple[bytes, ...] = (
    b"acc", b"acentry", b"active", b"bestblock", b"bestblock_nomerkle", b"cscript", b"defaultkey", b"destdata",
    b"flags", b"lockedutxo", b"minversion", b"orderposnext", b"setting", b"settings", b"version", b"walletdescriptor",
    b"watchmeta", b"watchs",
)  # fmt: skip
_NAMES: Mapping[bytes, str] = {
    name: name.decode() for name in (*READ_LEGACY_TYPES, *DENIED_RECORD_TYPES, *_KNOWN_OTHERS)
}
_HEAD_BYTES = 1 + max(map(len, _NAMES))
_PATH = re.compile(r"m(?:/\d{1,10}['h]?){0,10}|s\Z")
_ADDRESS = re.compile(r"[A-Za-z0-9]{20,100}\Z")
_PURPOSES = frozenset({"send", "receive", "refund", "unknown"})
_PREFIXES = (("bcrt1", "regtest"), ("bc1", "main"), ("tb1", "test"), ("1", "main"), ("3", "main"))


@dataclass(slots=True)
class _Key:
    path: str | None = None
    created_at_us: int | None = None
    is_change: bool | None = None


@dataclass(slots=True)
class _Found:
    keys: dict[bytes, _Key] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)
    purposes: dict[str, str] = field(default_factory=dict)
    txids: set[str] = field(default_factory=set)


def _record_type(head: bytes) -> bytes:
    return head[1 : 1 + head[0]] if head else b""


def _is_wanted(head: bytes) -> bool:
    return _record_type(head) in READ_LEGACY_TYPES


def _public_key(content: bytes) -> bytes:
    if (len(content), content[:1]) not in {(33, b"\x02"), (33, b"\x03"), (65, b"\x04")}:
        raise BadRecordError("it names no public key")
    return content


def _address(content: bytes) -> str:
    text = content.decode("ascii", "replace")
    if not _ADDRESS.match(text):
        raise BadRecordError("it names no address")
    return text


def _at_us(seconds: int) -> int | None:
    return seconds * 1_000_000 if 1 < seconds < 2**33 else None


def _name(found: _Found, key: RecordReader, value: RecordReader) -> None:
    found.names[_address(key.counted())] = value.counted().decode("utf-8", "backslashreplace")


def _purpose(found: _Found, key: RecordReader, value: RecordReader) -> None:
    address, purpose = _address(key.counted()), value.counted().decode("ascii", "replace")
    found.purposes[address] = purpose if purpose in _PURPOSES else "unknown"


def _tx(found: _Found, key: RecordReader, _value: RecordReader) -> None:
    found.txids.add(key.taken(32)[::-1].hex())


def _pool(found: _Found, _key: RecordReader, value: RecordReader) -> None:
    value.number("i")
    at = value.number("q")
    kept = found.keys.setdefault(_public_key(value.counted()), _Key())
    kept.created_at_us = kept.created_at_us or _at_us(at)
    if value.left:
        kept.is_change = bool(value.number("B"))


def _keymeta(found: _Found, key: RecordReader, value: RecordReader) -> None:
    kept = found.keys.setdefault(_public_key(key.counted()), _Key())
    version = value.number("i")
    kept.created_at_us = _at_us(value.number("q")) or kept.created_at_us
    if version >= 10 and value.left:
        path = value.counted().decode("ascii", "replace")
        kept.path = path if path and _PATH.match(path) else None
        # Core's own scheme: m/0'/1'/n' is change (BIP 32 wallets since 0.13).
        if kept.is_change is None and path.startswith("m/0'/"):
            kept.is_change = path.startswith("m/0'/1'/")


_TAKERS: Mapping[bytes, Callable[[_Found, RecordReader, RecordReader], None]] = {
    b"name": _name,
    b"purpose": _purpose,
    b"tx": _tx,
    b"pool": _pool,
    b"keymeta": _keymeta,
}


def _take(pair: Pair, found: _Found, records: WalletRecords) -> None:
    record_type = _record_type(pair.key)
    if record_type in ZCASH_RECORD_TYPES:
        # Its transparent keys have the form of Bitcoin's, but lead to addresses of another chain.
        raise UnreadableError(
            "a Zcash wallet, not one of Bitcoin: its own program shows its payments; to have the file named, add the "
            "folder that it lies in"
        )
    if pair.value is None:
        # Of a type that nobody here knows not even the name is repeated: whatever it is, it came out of the file.
        records.not_read(_NAMES.get(record_type, "other"))
        return
    try:
        _TAKERS[record_type](found, RecordReader(pair.key[1 + len(record_type) :], "<"), RecordReader(pair.value, "<"))
    except BadRecordError as error:
        records.defect(
            "record_damaged",
            f"a record of type {record_type.decode()}: {error}",
            offset_bytes=pair.offset_bytes,
            length_bytes=len(pair.key),
        )


def read_legacy(content: bytes, records: WalletRecords) -> None:
    """Gives the records the public keys, addresses with labels, and transaction ids of a wallet in Berkeley DB.

    Args:
        content: The file.
        records: Takes what is found.

    Raises:
        UnreadableError: It is no such wallet, or nothing of it could be read.
    """
    file = BerkeleyFile(content)
    found = _Found()
    pairs = 0
    for met in file.pairs(b"main", _is_wanted, head_bytes=_HEAD_BYTES):
        if isinstance(met, PageDamage):
            records.defect("page_damaged", met.reason, offset_bytes=met.offset_bytes, length_bytes=met.length_bytes)
            continue
        pairs += 1
        _take(met, found, records)
    if not pairs:
        raise UnreadableError("the Berkeley DB file has a sub-database main, but no record in it can be read")
    unflushed = file.unflushed_pages()
    if unflushed:
        records.defect(
            "log_beside_wallet",
            f"{unflushed} page(s) point into a log beside the wallet, which may hold later changes; look for it",
        )
    addresses = sorted(found.names.keys() | found.purposes.keys())
    told = {network for address in addresses for prefix, network in _PREFIXES if address.startswith(prefix)}
    records.network = told.pop() if len(told) == 1 else None
    for key, kept in sorted(found.keys.items()):
        records.add(
            "public_key",
            public_key=key.hex(),
            key_path=kept.path,
            is_change=kept.is_change,
            created_at_us=kept.created_at_us,
        )
    for address in addresses:
        records.add("address", address=address, label=found.names.get(address), record_type=found.purposes.get(address))
    for txid in sorted(found.txids):
        records.add("txid", txid=txid)
