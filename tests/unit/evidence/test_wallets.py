"""Tables of wallets: what is told, and the addresses that follow from public keys."""

from __future__ import annotations

import hashlib
import io
import struct

import pyarrow as pa
import pytest
from embit import bip32
from embit.descriptor import Descriptor
from embit.ec import PrivateKey
from embit.networks import NETWORKS

from headwater.evidence.wallets import WALLET_TABLES, wallet_tables
from headwater.schema import table_named
from headwater_sealed.wallet import read_wallet
from headwater_sealed.wallet_records import WalletRecords
from headwater_synth.legacy_wallet import counted, legacy_wallet

KEY = PrivateKey(hashlib.sha256(b"an invented key").digest()).get_public_key()
LISTED = "bcrt1qw508d6qejxtdg4y5r3zarvary0c5xw7kygt080"
ROOT = bip32.HDKey.from_seed(hashlib.sha256(b"an invented root").digest() * 2, version=NETWORKS["regtest"]["xprv"])


def expected(form: str, index: int = 0) -> str:
    return Descriptor.from_string(form).derive(index).address(NETWORKS["regtest"])


def derived(form: str, **changed: object) -> dict[str, dict[str, object]]:
    batches: list[pa.RecordBatch] = []
    records = WalletRecords(batches.append, "core-sqlite")
    records.network = "regtest"
    ranges = {"range_start": 0, "range_end": 9, "next_index": 4, "is_change": False} | changed
    records.add("descriptor", descriptor=form, **ranges)
    records.close()
    rows = wallet_tables("EX-1", batches, gap_limit=5)["wallet_addresses"].to_pylist()
    return {row["address"]: row for row in rows}


def test_a_wallet_of_keys_gives_the_addresses_of_each_script_and_what_it_lists() -> None:
    wallet = legacy_wallet(
        [
            (counted(b"keymeta") + counted(KEY.sec()), struct.pack("<iq", 1, 1_700_000_000)),
            (counted(b"name") + counted(LISTED.encode()), counted(b"orchard gate")),
            (counted(b"tx") + bytes(31) + b"\x01", b"-"),
            (counted(b"key") + counted(KEY.sec()), b"never read"),
        ]
    )
    batches: list[pa.RecordBatch] = []
    read_wallet([io.BytesIO(wallet)], {}, batches.append)
    tables = wallet_tables("EX-1", batches)
    assert tuple(tables) == WALLET_TABLES
    for name, rows in tables.items():
        table_named(name).checked(rows)
    found = {row["address"]: row for row in tables["wallet_addresses"].to_pylist()}
    sec = KEY.sec().hex()
    forms = (f"pkh({sec})", f"wpkh({sec})", f"sh(wpkh({sec}))")
    assert {address for address, row in found.items() if row["origin"] == "derived"} == set(map(expected, forms))
    assert (found[LISTED]["label"], found[LISTED]["origin"]) == ("orchard gate", "listed")
    assert tables["wallet_transactions"]["txid"].to_pylist() == ["01" + "00" * 31]
    assert "1 record(s) of type key are left alone by rule" in tables["defects"]["reason"].to_pylist()


@pytest.mark.parametrize("form", ["pkh({})", "wpkh({})", "sh(wpkh({}))", "tr({})"])
def test_descriptors_give_addresses_to_the_gap_limit(form: str) -> None:
    text = form.format(ROOT.derive("m/84h/1h/0h").to_public().to_base58(version=NETWORKS["regtest"]["xpub"]) + "/0/*")
    found = derived(text)
    assert sorted(row["address_index"] for row in found.values()) == list(range(9))
    assert found[expected(text, 8)]["address_index"] == 8


def test_several_keys_give_one_address() -> None:
    keys = [ROOT.derive(f"m/48h/{n}h").to_public().to_base58(version=NETWORKS["regtest"]["xpub"]) for n in range(3)]
    text = f"wsh(sortedmulti(2,{','.join(f'{key}/0/*' for key in keys)}))"
    assert expected(text, 3) in derived(text)


def test_without_a_network_nothing_is_derived_and_it_is_told() -> None:
    batches: list[pa.RecordBatch] = []
    records = WalletRecords(batches.append, "core-bdb")
    records.add("public_key", public_key=KEY.sec().hex())
    records.close()
    tables = wallet_tables("EX-1", batches)
    assert tables["wallet_addresses"].num_rows == 0
    assert tables["wallet_descriptors"].num_rows == 4
    assert tables["defects"]["code"].to_pylist() == ["network_unknown"]


@pytest.mark.parametrize("form", ["multi(1,{},{})", "pk({})", "combo({})"])
def test_scripts_without_an_address_are_told_and_lose_no_other(form: str) -> None:
    batches: list[pa.RecordBatch] = []
    records = WalletRecords(batches.append, "core-sqlite")
    records.network = "regtest"
    ranges = {"range_start": 0, "range_end": 1, "next_index": 1, "is_change": False}
    key = KEY.sec().hex()
    records.add("descriptor", descriptor=form.format(key, key), **ranges)
    records.add("descriptor", descriptor=f"wpkh({key})", **ranges)
    records.close()
    tables = wallet_tables("EX-1", batches)
    assert expected(f"wpkh({key})") in tables["wallet_addresses"]["address"].to_pylist()
    assert tables["wallet_descriptors"].num_rows == 2
    told = tables["defects"].to_pylist()
    assert [row["code"] for row in told] == ["script_without_address"]
    assert told[0]["reason"].startswith("1 derived script(s) have no address")
