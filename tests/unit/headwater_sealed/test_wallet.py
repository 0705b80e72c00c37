"""Wallets: public descriptors come out, and no byte of any key."""

from __future__ import annotations

import hashlib
import io
import sqlite3
import struct
from contextlib import closing
from typing import Any

import pyarrow as pa
import pytest
from embit import bip32
from embit.descriptor import Descriptor
from embit.networks import NETWORKS

from headwater_sealed.descriptors import checksum
from headwater_sealed.refusal import UnreadableError
from headwater_sealed.wallet import READ_RECORD_TYPES, prepare, read_wallet

ROOT = bip32.HDKey.from_seed(hashlib.sha256(b"an invented wallet").digest() * 2, version=NETWORKS["regtest"]["xprv"])
TOP = ROOT.to_public().to_base58(version=NETWORKS["regtest"]["xpub"])
ACCOUNT = ROOT.derive("m/84h/1h/0h").to_public()
XPUB = ACCOUNT.to_base58(version=NETWORKS["regtest"]["xpub"])
RECEIVE, CHANGE = f"wpkh({XPUB}/0/*)", f"wpkh({XPUB}/1/*)"


def counted(content: bytes) -> bytes:
    assert len(content) < 0x10000
    return (bytes([len(content)]) if len(content) < 0xFD else b"\xfd" + struct.pack("<H", len(content))) + content


def identity(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()


def descriptor_record(text: str, **changed: int) -> tuple[bytes, bytes]:
    numbers = {"created": 1_700_000_000, "next": 7, "start": 0, "end": 1_000} | changed
    value = counted(f"{text}#{checksum(text)}".encode()) + struct.pack("<Qiii", *numbers.values())
    return counted(b"walletdescriptor") + identity(text), value


def wallet(*records: tuple[bytes, bytes]) -> bytes:
    with closing(sqlite3.connect(":memory:")) as made:
        made.execute("CREATE TABLE main(key BLOB PRIMARY KEY NOT NULL, value BLOB NOT NULL)")
        made.executemany("INSERT INTO main VALUES (?, ?)", records)
        made.commit()
        return made.serialize()


def batches(content: bytes) -> list[pa.RecordBatch]:
    found: list[pa.RecordBatch] = []
    read_wallet([io.BytesIO(content)], {}, found.append)
    return found


def rows(content: bytes) -> list[dict[str, Any]]:
    """The records, each without the columns that it leaves out."""
    found = [row for batch in batches(content) for row in batch.to_pylist()]
    return [{name: value for name, value in row.items() if value is not None} for row in found]


ACTIVE = (
    (counted(b"activeexternalspk") + b"\x02", identity(RECEIVE)),
    (counted(b"activeinternalspk") + b"\x02", identity(CHANGE)),
)
CANARY = hashlib.shake_256(b"canary").digest(48)


def secrets() -> list[tuple[bytes, bytes]]:
    """A record of every kind that holds a key, each with the canary in its key and in its value."""
    kinds = (
        b"walletdescriptorkey", b"walletdescriptorckey", b"key", b"wkey", b"ckey", b"mkey", b"hdseed", b"hdchain",
        b"keymeta", b"watchs", b"pool", b"cscript", b"bestblock",
    )  # fmt: skip
    return [(counted(kind) + identity(RECEIVE) + CANARY, counted(CANARY + bytes(5) + CANARY)) for kind in kinds]


def test_descriptors_come_out_with_what_the_wallet_says_of_them() -> None:
    found = rows(wallet(descriptor_record(RECEIVE), descriptor_record(CHANGE, next=3, created=1), *ACTIVE))
    by_text = {row["descriptor"]: row for row in found}
    assert by_text[f"{RECEIVE}#{checksum(RECEIVE)}"] == {
        "kind": "descriptor",
        "wallet_format": "core-sqlite",
        "descriptor": f"{RECEIVE}#{checksum(RECEIVE)}",
        "is_change": False,
        "range_start": 0,
        "range_end": 1_000,
        "next_index": 7,
        "created_at_us": 1_700_000_000_000_000,
    }
    change = by_text[f"{CHANGE}#{checksum(CHANGE)}"]
    assert (change["is_change"], change["next_index"], change.get("created_at_us")) == (True, 3, None)
    assert [row["descriptor"] for row in found] == sorted(by_text)


def test_no_byte_of_a_key_record_comes_out() -> None:
    content = wallet(descriptor_record(RECEIVE), descriptor_record(CHANGE), *ACTIVE, *secrets())
    assert content.count(CANARY) >= 13 * 3 - 3
    shown = b"".join(bytes(batch.serialize()) for batch in batches(content))
    for at in range(len(CANARY) - 4):
        assert CANARY[at : at + 4] not in shown
    assert len(rows(content)) == 2


def test_key_records_are_not_on_the_list_of_what_is_read() -> None:
    assert not [kind for kind in READ_RECORD_TYPES if kind.endswith((b"key", b"ckey", b"seed"))]


@pytest.mark.parametrize(
    "private",
    [
        ROOT.to_base58(version=NETWORKS["regtest"]["xprv"]),
        ROOT.to_base58(version=NETWORKS["main"]["xprv"]),
        ROOT.key.wif(NETWORKS["regtest"]),
        ROOT.key.wif(NETWORKS["main"]),
    ],
)
def test_a_descriptor_with_a_private_key_is_refused_and_the_key_not_said(private: str) -> None:
    with pytest.raises(UnreadableError, match="holds a private key") as caught:
        rows(wallet(descriptor_record(f"wpkh({private})")))
    assert private not in str(caught.value)
    assert private[:12] not in repr(caught.value.__cause__)


def test_a_public_key_replaces_the_steps_that_only_the_private_one_could_take() -> None:
    stored = f"wpkh({TOP}/84h/1h/0h/0/*)"
    branch = ACCOUNT.serialize()[4:]
    cache = (counted(b"walletdescriptorlhcache") + identity(stored) + struct.pack("<I", 0), counted(branch))
    [row] = rows(wallet(descriptor_record(stored), cache))
    assert row["descriptor"] == f"{RECEIVE}#{checksum(RECEIVE)}"
    expected = ROOT.derive("m/84h/1h/0h/0/5").to_public().key.sec()
    assert Descriptor.from_string(row["descriptor"].split("#")[0]).derive(5).keys[0].sec() == expected


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (f"wpkh({TOP}/84h/1h/0h/0/*)", "keeps no public key behind it"),
        (f"wpkh({TOP}/84'/0/*)", "keeps no public key behind it"),
        (f"wpkh({XPUB}/0/*h)", "by a hardened step"),
    ],
)
def test_what_no_public_key_gives_is_refused(text: str, reason: str) -> None:
    with pytest.raises(UnreadableError, match=reason):
        rows(wallet(descriptor_record(text)))


def test_origins_and_several_keys_are_kept() -> None:
    text = f"wsh(sortedmulti(1,[00112233/48h/1h]{XPUB}/0/*,02{'11' * 32}))"
    [row] = rows(wallet(descriptor_record(text)))
    assert row["descriptor"] == f"{text}#{checksum(text)}"


def test_the_checksum_is_the_one_of_the_proposal() -> None:
    # BIP 380, "Test Vectors".
    assert checksum("raw(deadbeef)") == "89f8spxm"


def test_a_wrong_checksum_is_refused() -> None:
    key, value = descriptor_record(RECEIVE)
    at = value.index(b"#") + 3
    with pytest.raises(UnreadableError, match="checksum is"):
        rows(wallet((key, value[:at] + b"q" + value[at + 1 :]), descriptor_record(CHANGE)))
    bare = counted(RECEIVE.encode()) + value[-20:]
    with pytest.raises(UnreadableError, match="no checksum"):
        rows(wallet((key, bare)))


@pytest.mark.parametrize("length", [0, 1, 5, 100, -1])
def test_a_damaged_record_is_refused(length: int) -> None:
    key, value = descriptor_record(RECEIVE)
    with pytest.raises(UnreadableError, match=r"damaged|cut short"):
        rows(wallet((key, value[:length])))


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "not a wallet that is known"),
        (b"just some text " * 100, "not a wallet that is known"),
        (bytes(12) + b"\x62\x31\x05\x00" + bytes(4_000), "cannot have pages of 0 bytes"),
        (bytes(12) + b"\x00\x05\x31\x62" + bytes(4_000), "cannot have pages of 0 bytes"),
        (b"SQLite format 3\0" + bytes(4_080), "damaged|not a Bitcoin Core wallet"),
    ],
)
def test_other_files_are_refused(content: bytes, reason: str) -> None:
    with pytest.raises(UnreadableError, match=reason):
        rows(content)


def test_another_database_and_an_empty_wallet_are_refused() -> None:
    with closing(sqlite3.connect(":memory:")) as made:
        made.execute("CREATE TABLE main(key BLOB, value BLOB, more BLOB)")
        made.commit()
        other = made.serialize()
    with closing(sqlite3.connect(":memory:")) as made:
        made.execute("CREATE VIEW main AS SELECT x'00' AS key, x'00' AS value")
        made.commit()
        view = made.serialize()
    for content in (other, view):
        with pytest.raises(UnreadableError, match="not a Bitcoin Core wallet"):
            rows(content)
    with pytest.raises(UnreadableError, match="holds no descriptor"):
        rows(wallet(*secrets()))


def test_a_wallet_that_was_left_with_a_write_ahead_log_is_read() -> None:
    content = bytearray(wallet(descriptor_record(RECEIVE)))
    content[18:20] = b"\2\2"
    assert len(rows(bytes(content))) == 1


def outcome(content: bytes) -> bytes:
    """All that a reader of the wallet would be told."""
    try:
        return b"".join(bytes(batch.serialize()) for batch in batches(content))
    except UnreadableError as error:
        return str(error).encode()


def test_cut_and_altered_wallets_give_a_reason_or_their_descriptors() -> None:
    content = wallet(descriptor_record(RECEIVE), descriptor_record(CHANGE), *ACTIVE, *secrets())
    for at in range(0, len(content), 41):
        for damaged in (content[:at], content[:at] + bytes([content[at] ^ 0x15]) + content[at + 1 :]):
            told = outcome(damaged)
            assert told
            assert CANARY[:8] not in told
            assert CANARY[:8].hex().encode() not in told


def test_prepare_loads_sqlite() -> None:
    prepare()
