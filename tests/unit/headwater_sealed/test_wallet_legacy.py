"""Wallets of keys in Berkeley DB: public keys, addresses and transaction ids come out, and no byte of a key record."""

from __future__ import annotations

import hashlib
import io
import struct
from collections import Counter
from typing import Any

import pytest

from headwater_sealed.refusal import UnreadableError
from headwater_sealed.wallet import read_wallet
from headwater_sealed.wallet_legacy import DENIED_RECORD_TYPES, READ_LEGACY_TYPES
from headwater_synth.legacy_wallet import counted, legacy_wallet

CANARY = hashlib.shake_256(b"canary of a wallet of keys").digest(32)
ADDRESS = "bcrt1qw508d6qejxtdg4y5r3zarvary0c5xw7kygt080"
TXID = hashlib.sha256(b"an invented transaction").hexdigest()

Record = tuple[bytes, bytes]


def public_key(number: int) -> bytes:
    return b"\x02" + hashlib.sha256(b"key %d" % number).digest()


def keymeta(number: int, path: str = "m/0'/0'/5'") -> Record:
    value = struct.pack("<iq", 10, 1_700_000_000 + number) + counted(path.encode()) + bytes(20)
    return counted(b"keymeta") + counted(public_key(number)), value


def pool(number: int, *, is_change: bool) -> Record:
    value = struct.pack("<iq", 0, 1_700_000_000) + counted(public_key(number)) + bytes([is_change])
    return counted(b"pool") + struct.pack("<q", number), value


def named(address: str, label: str) -> Record:
    return counted(b"name") + counted(address.encode()), counted(label.encode())


def transaction(txid: str, size_bytes: int = 300) -> Record:
    return counted(b"tx") + bytes.fromhex(txid)[::-1], bytes(size_bytes)


def secrets() -> list[Record]:
    """A record of every denied type, with the canary in what follows the type and in the value, short and long."""
    return [
        (counted(kind) + bytes([place]) + CANARY, CANARY * repeats)
        for kind in (*DENIED_RECORD_TYPES, b"keymeta2", b"unheard-of-kind")
        for place, repeats in enumerate((1, 400))
    ]


def told(content: bytes) -> tuple[list[dict[str, Any]], bytes]:
    batches: list[Any] = []
    read_wallet([io.BytesIO(content)], {}, batches.append)
    rows = [row for batch in batches for row in batch.to_pylist()]
    shown = b"".join(bytes(batch.serialize()) for batch in batches)
    return [{name: value for name, value in row.items() if value is not None} for row in rows], shown


PUBLIC = [
    *(keymeta(number) for number in range(300)),
    pool(7, is_change=True),
    named(ADDRESS, "orchard gate"),
    (counted(b"purpose") + counted(ADDRESS.encode()), counted(b"receive")),
    transaction(TXID),
    transaction("ab" * 32, size_bytes=20_000),
    (counted(b"version"), bytes(4)),
]


def test_what_is_public_comes_out_from_several_pages_and_long_items() -> None:
    rows, _ = told(legacy_wallet(PUBLIC))
    assert Counter(row["kind"] for row in rows) == {"public_key": 300, "address": 1, "txid": 2, "not_read": 1}
    keys = {row["public_key"]: row for row in rows if row["kind"] == "public_key"}
    assert keys[public_key(5).hex()] == {
        "kind": "public_key",
        "wallet_format": "core-bdb",
        "network": "regtest",
        "public_key": public_key(5).hex(),
        "key_path": "m/0'/0'/5'",
        "is_change": False,
        "created_at_us": 1_700_000_005_000_000,
    }
    assert keys[public_key(7).hex()]["is_change"]
    [address] = [row for row in rows if row["kind"] == "address"]
    assert (address["address"], address["label"], address["record_type"]) == (ADDRESS, "orchard gate", "receive")
    assert {row["txid"] for row in rows if row["kind"] == "txid"} == {TXID, "ab" * 32}
    assert rows[-1] == {"kind": "not_read", "wallet_format": "core-bdb", "network": "regtest"} | {
        "record_type": "version",
        "count": 1,
    }


def test_no_byte_of_a_key_record_comes_out_and_each_is_counted() -> None:
    content = legacy_wallet([*PUBLIC, *secrets()])
    assert content.count(CANARY[:8]) > 1_000
    rows, shown = told(content)
    for at in range(len(CANARY) - 4):
        assert CANARY[at : at + 4] not in shown
        assert CANARY[at : at + 4].hex().encode() not in shown
    left = {row["record_type"]: row["count"] for row in rows if row["kind"] == "not_read"}
    assert left == {kind.decode(): 2 for kind in DENIED_RECORD_TYPES} | {"version": 1, "other": 4}


def test_the_guard_bites() -> None:
    """Without the list the canary would be found: the test above looks where keys are."""
    content = legacy_wallet([named(ADDRESS, "unharmed"), (counted(b"name") + counted(b"x" * 30), counted(CANARY * 2))])
    _, shown = told(content)
    assert CANARY.decode("utf-8", "backslashreplace").encode() in shown
    assert not set(DENIED_RECORD_TYPES) & set(READ_LEGACY_TYPES)


def test_a_label_that_may_hold_a_key_is_withheld() -> None:
    phrase = " ".join(["river"] * 12)
    rows, shown = told(legacy_wallet([named(ADDRESS, f"do not lose: {phrase}")]))
    assert phrase.encode() not in shown
    assert [row["code"] for row in rows if row["kind"] == "defect"] == ["label_withheld"]
    assert [row["address"] for row in rows if row["kind"] == "address"] == [ADDRESS]


def test_a_bad_record_is_a_defect_with_its_place() -> None:
    good, bad = keymeta(1), (counted(b"keymeta") + counted(b"\x09" * 33), bytes(40))
    rows, _ = told(legacy_wallet([good, bad, (counted(b"tx") + b"short", b"")]))
    assert [row["kind"] for row in rows] == ["defect", "defect", "public_key"]
    content = legacy_wallet([good, bad])
    [defect] = [row for row in told(content)[0] if row["kind"] == "defect"]
    at = defect["offset_bytes"] + 3
    assert content[at : at + defect["length_bytes"]] == bad[0]


def test_a_damaged_page_is_a_defect_and_the_others_are_read() -> None:
    content = bytearray(legacy_wallet(PUBLIC))
    leaf = next(page for page in range(3, 20) if content[page * 4096 + 25] == 5)
    content[leaf * 4096 + 25] = 99
    rows, _ = told(bytes(content))
    [defect] = [row for row in rows if row["kind"] == "defect"]
    assert (defect["offset_bytes"], defect["length_bytes"]) == (leaf * 4096, 4096)
    assert sum(row["kind"] == "public_key" for row in rows) > 100


def test_pages_that_lead_in_a_circle_end() -> None:
    content = bytearray(legacy_wallet(PUBLIC))
    inner = next(page for page in range(3, 40) if content[page * 4096 + 25] == 3)
    first = struct.unpack_from("<H", content, inner * 4096 + 26)[0]
    struct.pack_into("<I", content, inner * 4096 + first + 4, inner)
    rows, _ = told(bytes(content))
    assert "second time" in next(row["reason"] for row in rows if row["kind"] == "defect")


def test_deleted_records_and_other_databases_are_not_read() -> None:
    content = bytearray(legacy_wallet([named(ADDRESS, "orchard gate"), transaction(TXID)]))
    content[content.index(counted(b"name")) - 1] |= 0x80
    assert [row["kind"] for row in told(bytes(content))[0]] == ["txid"]
    with pytest.raises(UnreadableError, match="no sub-database 'main'"):
        told(legacy_wallet(PUBLIC, sub_database=b"other"))
    with pytest.raises(UnreadableError, match="no record in it"):
        told(legacy_wallet([]))


def test_cut_and_altered_wallets_give_records_or_a_reason() -> None:
    content = legacy_wallet([*PUBLIC[:20], named(ADDRESS, "gate"), transaction("cd" * 32, 9_000), *secrets()])
    for at in range(0, len(content), 97):
        for damaged in (content[:at], content[:at] + bytes([content[at] ^ 0x15]) + content[at + 1 :]):
            try:
                _, shown = told(damaged)
            except UnreadableError as error:
                shown = str(error).encode()
            assert CANARY[:8] not in shown


def test_pages_of_a_real_library_are_as_they_are_written_here() -> None:
    """The layout, from the reference: the file's beginning, where the root stands, the place in network byte order."""
    content = legacy_wallet([transaction(TXID)])
    assert struct.unpack_from("<I", content, 12)[0] == 0x053162
    assert struct.unpack_from("<I", content, 20)[0] == 4096
    assert (content[25], content[2 * 4096 + 25]) == (9, 9)
    assert struct.unpack_from("<I", content, 88)[0] == 1
    assert b"\x04\x00\x01\x00\x00\x00\x02" in content[4096:8192]
