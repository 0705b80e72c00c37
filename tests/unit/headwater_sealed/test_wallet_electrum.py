"""Electrum's wallets: what is public in versions 1 to 4, and no seed."""

from __future__ import annotations

import base64
import hashlib
import io
import json
from pathlib import Path
from typing import Any

import pytest
from embit import bip32
from embit.descriptor import Descriptor
from embit.networks import NETWORKS

from headwater_sealed.refusal import UnreadableError
from headwater_sealed.sniff import sniffed
from headwater_sealed.wallet import read_wallet

ROOT = bip32.HDKey.from_seed(hashlib.sha256(b"an invented electrum").digest() * 2, version=NETWORKS["main"]["xprv"])
ACCOUNT = ROOT.derive("m/84h/0h/0h").to_public()
ZPUB = ACCOUNT.to_base58(version=NETWORKS["main"]["zpub"])
XPUB = ACCOUNT.to_base58(version=NETWORKS["main"]["xpub"])
XPRV = ROOT.to_base58(version=NETWORKS["main"]["xprv"])
SEED = "river river river river river river river river river river river river"
DESCRIPTOR = Descriptor.from_string(f"wpkh({XPUB}/0/*)")
RECEIVING = [DESCRIPTOR.derive(index).address(NETWORKS["main"]) for index in range(3)]
TXID = hashlib.sha256(b"an invented payment").hexdigest()

MODERN: dict[str, Any] = {
    "wallet_type": "standard",
    "seed_version": 51,
    "use_encryption": False,
    "keystore": {
        "type": "bip32",
        "xpub": ZPUB,
        "xprv": XPRV,
        "seed": SEED,
        "derivation": "m/84'/0'/0'",
        "root_fingerprint": "00112233",
    },
    "addresses": {"receiving": RECEIVING, "change": []},
    "labels": {RECEIVING[1]: "orchard gate", TXID: "seeds for the garden"},
    "transactions": {TXID: "00" * 80},
    "invoices": {"a1b2": {"outputs": [[0, RECEIVING[2], 7_000]], "time": 1_700_000_000, "message": "two lanterns"}},
    "payment_requests": {RECEIVING[0]: {"amount_sat": 5_000, "time": 1_700_000_000, "memo": "one lantern"}},
}


def told(content: bytes) -> tuple[list[dict[str, Any]], bytes]:
    batches: list[Any] = []
    read_wallet([io.BytesIO(content)], {}, batches.append)
    rows = [row for batch in batches for row in batch.to_pylist()]
    shown = b"".join(bytes(batch.serialize()) for batch in batches)
    return [{name: value for name, value in row.items() if value is not None} for row in rows], shown


def rows_of(content: bytes, kind: str) -> list[dict[str, Any]]:
    return [row for row in told(content)[0] if row["kind"] == kind]


def test_what_is_public_comes_out_and_the_descriptor_gives_the_addresses() -> None:
    content = json.dumps(MODERN).encode()
    rows, shown = told(content)
    first, change = (row for row in rows if row["kind"] == "descriptor")
    assert first["descriptor"].startswith(f"wpkh([00112233/84h/0h/0h]{XPUB}/0/*)#")
    assert (first["is_change"], first["next_index"], change["is_change"], change["next_index"]) == (False, 3, True, 0)
    assert Descriptor.from_string(first["descriptor"].split("#")[0]).derive(2).address() == RECEIVING[2]
    listed = {row["address"]: row.get("label") for row in rows if row["kind"] == "address"}
    assert listed == {RECEIVING[0]: None, RECEIVING[1]: "orchard gate", RECEIVING[2]: None}
    assert [(row["txid"], row["label"]) for row in rows if row["kind"] == "txid"] == [(TXID, "seeds for the garden")]
    asked = [(row["record_type"], row["address"], row["amount_sat"]) for row in rows if row["kind"] == "request"]
    assert asked == [("invoices", RECEIVING[2], 7_000), ("payment_requests", RECEIVING[0], 5_000)]
    assert [row["record_type"] for row in rows if row["kind"] == "not_read"] == ["seed", "xprv"]
    for secret in (XPRV, XPRV[:20], SEED, SEED[:23]):
        assert secret.encode() in content
        assert secret.encode() not in shown


def test_appended_changes_are_applied_and_a_cut_one_is_a_defect() -> None:
    whole = json.dumps(MODERN)
    changes = [
        {"op": "add", "path": f"/labels/{RECEIVING[0]}", "value": "mill lane"},
        {"op": "remove", "path": f"/labels/{TXID}"},
        {"op": "replace", "path": "/labels/" + RECEIVING[1], "value": "north gate"},
    ]
    text = ",\n".join([whole, *map(json.dumps, changes), '{"op": "add", "pa'])
    listed = {row["address"]: row.get("label") for row in rows_of(text.encode(), "address")}
    assert listed == {RECEIVING[0]: "mill lane", RECEIVING[1]: "north gate", RECEIVING[2]: None}
    [defect] = rows_of(text.encode(), "defect")
    assert text[defect["offset_bytes"] :] == '{"op": "add", "pa'


def test_a_python_literal_of_the_first_version() -> None:
    old = {
        "seed": "00112233445566778899aabbccddeeff",
        "accounts": {0: {0: [RECEIVING[0]], 1: [RECEIVING[1]], "name": "Main"}},
        "labels": {TXID: "lantern oil"},
        "addr_history": {RECEIVING[0]: [(TXID, 200_000)]},
        "imported_keys": {RECEIVING[2]: "5J" + "x" * 49},
    }
    rows, shown = told(repr(old).encode())
    assert {row["address"]: row.get("is_change") for row in rows if row["kind"] == "address"} == {
        RECEIVING[0]: False,
        RECEIVING[1]: True,
        RECEIVING[2]: None,
    }
    assert [row["txid"] for row in rows if row["kind"] == "txid"] == [TXID]
    assert b"0011223344" not in shown
    assert b"5Jxxx" not in shown


def test_a_wallet_of_several_cosigners() -> None:
    others = [ROOT.derive(f"m/48h/{n}h").to_public().to_base58(version=NETWORKS["main"]["Zpub"]) for n in range(3)]
    wallet = {"wallet_type": "2of3", "seed_version": 20} | {f"x{n + 1}/": {"xpub": k} for n, k in enumerate(others)}
    texts = [row["descriptor"] for row in rows_of(json.dumps(wallet).encode(), "descriptor")]
    assert len(texts) == 2
    assert all(text.startswith("wsh(sortedmulti(2,xpub") for text in texts)
    assert Descriptor.from_string(texts[0].split("#")[0]).derive(0).address().startswith("bc1")


def test_labels_that_hold_keys_are_withheld() -> None:
    wallet = MODERN | {"labels": {RECEIVING[0]: f"backup: {SEED}", RECEIVING[1]: XPRV, RECEIVING[2]: "ab" * 32}}
    rows, shown = told(json.dumps(wallet).encode())
    assert [row["code"] for row in rows if row["kind"] == "defect"] == ["label_withheld"] * 3
    for secret in (XPRV[:20], SEED[:23], "ab" * 32):
        assert secret.encode() not in shown


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (base64.b64encode(b"BIE1" + bytes(200)), "is encrypted"),
        (base64.b64encode(b"BIE2" + bytes(200)), "is encrypted"),
        (b'{"name": "meadow"}', "not an Electrum wallet"),
        (b"{'seed': open('x')}", "neither JSON nor a Python literal"),
        (b"{" + b"[" * 5_000, "neither JSON nor a Python literal"),
        (b'{"a": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", "damaged|neither JSON"),
        (b"{1, 2}", "holds no object"),
    ],
)
def test_what_is_no_open_electrum_wallet_is_refused(content: bytes, reason: str) -> None:
    with pytest.raises(UnreadableError, match=reason):
        told(content)


def test_a_refusal_repeats_nothing_of_the_file() -> None:
    text = f"{{'seed': '{SEED}', 'x': {XPRV} }}"
    with pytest.raises(UnreadableError) as caught:
        told(text.encode())
    assert "river" not in str(caught.value)
    assert XPRV[:8] not in str(caught.value)


@pytest.mark.parametrize("odd", [None, 7, "text", [], [7, None], {"x": None}, [[["a"]]]])
def test_odd_values_in_any_place_stop_nothing(odd: Any) -> None:
    for name in MODERN:
        rows, _ = told(json.dumps(MODERN | {name: odd}).encode())
        assert rows


@pytest.mark.parametrize(
    "content",
    [
        json.dumps(MODERN, indent=4, sort_keys=True).encode(),
        json.dumps(MODERN).encode(),
        b'{"addr_history": {"' + RECEIVING[0].encode() + b'": [' + b'["' + TXID.encode() + b'", 1], ' * 4000,
        b"{'use_encryption': False, 'seed_version': 4, 'accounts': {}}",
        base64.b64encode(b"BIE1" + bytes(200)),
        base64.b64encode(b"BIE2" + bytes(200)),
    ],
)
def test_a_wallet_is_told_by_its_content(content: bytes) -> None:
    assert sniffed(content[:65536]) == "electrum-wallet"


@pytest.mark.parametrize(
    "content",
    [
        b'{"_id": 1, "name": "alder"}\n{"_id": 2, "name": "birch"}\n',
        b'{"wallet": "x", "seed": 4}\n',
        b'{"_id": 1, "wallet_type": "standard"}\n{"_id": 2, "wallet_type": "standard"}\n',
        b"QklGMQ== is no wallet\n",
    ],
)
def test_other_content_is_none(content: bytes) -> None:
    assert sniffed(content) != "electrum-wallet"


def test_a_wallet_is_taken_in_as_one_and_named_where_it_lies(headwater: Any, tmp_path: Path) -> None:
    wallet, folder, case = tmp_path / "default_wallet", tmp_path / "home", tmp_path / "case"
    folder.mkdir()
    content = json.dumps(MODERN, indent=4, sort_keys=True)
    wallet.write_text(content)
    (folder / "default_wallet").write_text(content)
    assert headwater("case", "create", case, "--authority", "Order 1", "--operator", "A. Examiner").status == 0
    added = headwater("evidence", "add", case, wallet, "--exhibit", "W", "--allow-unsealed")
    assert added.status == 0, added.err
    assert "W: electrum (wallet)" in added.out
    assert headwater("evidence", "add", case, folder, "--exhibit", "F", "--allow-unsealed").status == 0
    assert headwater("run", case, "--until", "catalogue", "--allow-unsealed").status == 0
    assert headwater("show", case, "wallet_descriptors", "--json").rows
    codes = {(row["exhibit_id"], row["code"]) for row in headwater("show", case, "defects", "--json").rows}
    assert ("F", "wallet_not_read") in codes
