"""What the first bytes of a content say it is: one word for each format that some reader here is for."""

from __future__ import annotations

import re
from collections.abc import Callable

from headwater_sealed.bolt import BOLT_MAGIC
from headwater_sealed.bson import MAX_DOCUMENT_BYTES, bson_document
from headwater_sealed.lmdb import LMDB_MAGIC
from headwater_sealed.log_format import chosen_format
from headwater_sealed.refusal import UnreadableError
from headwater_sealed.text_tables import csv_form, is_json_rows
from headwater_sealed.wallet_text import is_public_keys

__all__ = ["sniffed"]

_SIGNATURES: tuple[tuple[bytes, int, str], ...] = (
    (b"\x1f\x8b\x08", 0, "gzip"),
    (b"BZh", 0, "bzip2"),
    (b"\xfd7zXZ\x00", 0, "xz"),
    (b"PK\x03\x04", 0, "zip"),
    (b"PK\x05\x06", 0, "zip"),
    (b"7z\xbc\xaf\x27\x1c", 0, "7z"),
    (b"ustar", 257, "tar"),
    (b"SQLite format 3\x00", 0, "sqlite"),
    (b"\x37\x7f\x06\x82", 0, "sqlite-wal"),
    (b"\x37\x7f\x06\x83", 0, "sqlite-wal"),
    (b"\xd9\xd5\x05\xf9\x20\xa1\x63\xd7", 0, "sqlite-journal"),
    (b"\x6d\xe2\x99\x81", 0, "mongo-archive"),
    (BOLT_MAGIC, 16, "bbolt"),
    (LMDB_MAGIC, 16, "lmdb"),
)
_MYSQL = re.compile(rb"(?:\xef\xbb\xbf)?\s*(?:-- (?:MySQL|MariaDB) dump|/\*M?!\d{5,6}|-- mysqldump)")
_POSTGRES = re.compile(rb"(?:\xef\xbb\xbf)?(?:\s|--\n)*-- PostgreSQL database (?:cluster )?dump")
_MYDUMPER_UNFINISHED = re.compile(rb"(?:# )?Started dump at: ")
_MYDUMPER = re.compile(rb"(?:# )?Started dump at: (?s:.*)Finished dump at: ")
# Bitcoin Core writes the network's magic bytes where SQLite has the application's number.
# source: Bitcoin Core, wallet/sqlite.cpp and kernel/chainparams.cpp
_WALLET_NETWORKS = {bytes.fromhex(magic) for magic in ("f9beb4d9", "0b110907", "1c163f28", "0a03cf40", "fabfb5da")}
# The number that every version of an Electrum wallet has, or the history that newer ones begin with (a table exported
# as JSON may well have a column wallet_type); or the beginning of BIE1 and BIE2 in base64, for an encrypted one.
_ELECTRUM = re.compile(rb"(?:QklFM[Q-Za-v]|\s*\{(?s:.*?)(?:[\"']seed_version[\"']\s*:\s*\d|\"addr_history\"\s*:\s*\{))")
_BTREE = (b"\x62\x31\x05\x00", b"\x00\x05\x31\x62")  # at byte 12 of a Berkeley DB file, in either order of bytes
_LOG_SAMPLE_LINES = 20
_TEXT_BYTES = 1024
# Keys that a Monero node prints around transactions and blocks, and a Zcash wallet around each shielded payment.
_MONERO_ANSWERS = re.compile(
    rb"(?:\xef\xbb\xbf)?\s*[\[{](?:(?=(?s:.*?)\"block_header\"\s*:)(?=(?s:.*?)\"miner_tx_hash\"\s*:)"
    rb"|(?=(?s:.*?)\"txs\"\s*:\s*\[)(?=(?s:.*?)\"as_(?:hex|json)\"\s*:))"
)
_ZCASH_ANSWERS = re.compile(
    rb"(?:\xef\xbb\xbf)?\s*[\[{](?=(?s:.*?)\"txid\"\s*:)(?=(?s:.*?)\"memo\"\s*:)"
    rb"(?=(?s:.*?)\"(?:amountZat|valueZat|outindex|jsoutindex)\"\s*:)"
)
_LEAST_MONERO_BYTES = 256
_IV_BYTES = 8
_RANDOM_SAMPLE_BYTES = 4096
_RANDOM_PERCENT = 90
_ID_KEY = re.compile(rb"[\x01-\x13]_id\0")


def sniffed(head: bytes, size_bytes: int | None = None) -> str:
    """The format of a content; `empty`, or `other` if it is none that is known.

    Args:
        head: Its first 64 KiB, or all if there is less.
        size_bytes: Length of the whole; without it nothing is told that only the length shows.
    """
    if not head:
        return "empty"
    for signature, at, name in _SIGNATURES:
        if head.startswith(signature, at):
            return "core-wallet" if name == "sqlite" and head[68:72] in _WALLET_NETWORKS else name
    if head.startswith(b"PGDMP"):
        # The byte behind version and sizes says whether the rows follow, or lie in files beside this one.
        return "postgres-custom-dump" if head[10:11] == b"\1" else "postgres-directory-dump"
    # Most contents are no text; only of the others lines are looked at.
    tests = _OF_BYTES if b"\0" in head[:_TEXT_BYTES] else _OF_TEXT
    found = next((name for name, is_it in tests if is_it(head)), None)
    if found is None:
        return "monero-wallet" if size_bytes is not None and _is_monero_wallet(head, size_bytes) else "other"
    return found


def _is_monero_wallet(head: bytes, size_bytes: int) -> bool:
    """Whether a content has the form of a Monero wallet's files: an initial value, a length, and so much of chance.

    The length leaves one of 16,384 files of chance that are as long as the file of keys is, and fewer of longer ones.

    References:
        Monero, src/wallet/wallet2.h (keys_file_data, cache_file_data).
    """
    if size_bytes < _LEAST_MONERO_BYTES:
        return False
    length = shift = 0
    for place, byte in enumerate(head[_IV_BYTES : _IV_BYTES + 9], start=_IV_BYTES + 1):
        length |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            sample = head[place : place + _RANDOM_SAMPLE_BYTES]
            return place + length == size_bytes and _is_chance(sample)
    return False


def _is_chance(sample: bytes) -> bool:
    """Whether about as many of the 256 values occur as in bytes of chance."""
    expected = 256 * (1 - (255 / 256) ** len(sample))
    return 100 * len(set(sample)) >= _RANDOM_PERCENT * expected


def _is_bson(head: bytes) -> bool:
    """Whether a content begins with a document of BSON, or with a long one that has a key."""
    length = int.from_bytes(head[:4], "little")
    if not 5 < length <= MAX_DOCUMENT_BYTES:
        return False
    if length > len(head):
        return len(head) > _TEXT_BYTES and _ID_KEY.match(head, 4) is not None
    try:
        return bool(bson_document(head[:length])[0])
    except UnreadableError:
        return False


def _is_access_log(head: bytes) -> bool:
    """Whether the first lines are in a format that a web server's log has."""
    first, line_end, _ = head.partition(b"\n")
    if not line_end or b"\0" in first or not 16 <= len(first) < 8192:
        return False
    return chosen_format(head.split(b"\n")[:_LOG_SAMPLE_LINES]) is not None


def _is_berkeley(head: bytes) -> bool:
    return head[12:16] in _BTREE


def _matches(pattern: re.Pattern[bytes]) -> Callable[[bytes], bool]:
    return lambda head: pattern.match(head) is not None


_OF_BYTES: tuple[tuple[str, Callable[[bytes], bool]], ...] = (
    ("mysql-dump", _matches(_MYSQL)),
    ("postgres-dump", _matches(_POSTGRES)),
    ("berkeley-db", _is_berkeley),
    ("bson", _is_bson),
)
_OF_TEXT: tuple[tuple[str, Callable[[bytes], bool]], ...] = (
    ("mysql-dump", _matches(_MYSQL)),
    ("postgres-dump", _matches(_POSTGRES)),
    ("mydumper-metadata", _matches(_MYDUMPER)),
    ("mydumper-metadata-unfinished", _matches(_MYDUMPER_UNFINISHED)),
    ("monero-answers", _matches(_MONERO_ANSWERS)),
    ("zcash-answers", _matches(_ZCASH_ANSWERS)),
    ("access-log", _is_access_log),
    ("electrum-wallet", _matches(_ELECTRUM)),
    ("public-keys", is_public_keys),
    ("json-rows", is_json_rows),
    ("csv", lambda head: csv_form(head) is not None),
)
