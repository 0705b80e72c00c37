"""The dump of a BTCPay Server's database: what a wallet would tell, and nothing of its keys."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from embit import bip32, bip39
from embit.networks import NETWORKS
from embit.script import Script, p2pkh, p2sh, p2tr, p2wpkh, p2wsh

ROOT = bip32.HDKey.from_seed(hashlib.sha512(b"an invented shop").digest(), version=NETWORKS["regtest"]["xprv"])
ACCOUNT = ROOT.derive("m/84h/1h/0h")
XPUB = ACCOUNT.to_public().to_base58()
OTHER = ROOT.derive("m/86h/1h/0h").to_public()
PHRASE = bip39.mnemonic_from_bytes(hashlib.sha256(b"an invented shop").digest()[:16])


def address(branch: int, index: int) -> str:
    return str(p2wpkh(ACCOUNT.derive([branch, index]).to_public()).address(NETWORKS["regtest"]))


def dump(*, stores: list[tuple[str, str]], extra: str = "", hash_mark: str = "#BTC") -> str:
    """Tables as pg_dump writes them, with columns of several versions of the server."""
    invoices = [(f"inv{n}", f"2026-01-0{n + 1} 10:00:00+02", f"order {n}") for n in range(4)]
    invoices[3] = ("inv3", "2026-01-04 10:00:00+02", f"keep {PHRASE} safe")
    handed_out = [(f"{address(0, index)}{hash_mark}", f"inv{n}") for n, index in enumerate((0, 3, 21))]
    handed_out.append(("4" + "A" * 94 + "#XMR", "inv3"))
    txids = [hashlib.sha256(b"tx%d" % n).hexdigest() for n in range(3)]
    payments = [(f"{txids[0]}-1", "inv0"), (f"{txids[1]}-0", "inv1"), ("not one", "inv2")]
    objects = [("tx", txids[0], '{"comment": "crate of pears"}'), ("tx", txids[2], "{}"), ("label", "fruit", "{}")]

    def copy(table: str, columns: str, rows: list[tuple[str, ...]]) -> str:
        declared = ",\n".join(f"    {column} text" for column in columns.split(", "))
        lines = "".join("\t".join(cell.replace("\\", "\\\\") for cell in row) + "\n" for row in rows)
        head = f'CREATE TABLE public."{table}" (\n{declared}\n);\n'
        return f'{head}COPY public."{table}" ({columns}) FROM stdin;\n{lines}\\.\n\n'

    named = [(*row, "store", '{"paid": true}') for row in invoices]
    return (
        "--\n-- PostgreSQL database dump\n--\n\nSET client_encoding = 'UTF8';\n"
        + copy("Stores", '"Id", "DerivationStrategies"', stores)
        + copy("Invoices", '"Id", "Created", "OrderId", "StoreDataId", "Blob2"', named)
        + copy("AddressInvoices", '"Address", "InvoiceDataId"', handed_out)
        + copy("Payments", '"Id", "InvoiceDataId"', payments)
        + copy("WalletObjects", '"Type", "Id", "Data"', objects)
        + extra
        + "--\n-- PostgreSQL database dump complete\n--\n"
    )


def strategies(scheme: str) -> str:
    return json.dumps({"BTC": {"accountDerivation": scheme, "isHotWallet": True}, "XMR": "x"})


def run(tmp_path: Path, headwater: Any, *dumps: str) -> Path:
    folder, case = tmp_path / "exhibit", tmp_path / "case"
    folder.mkdir()
    for number, content in enumerate(dumps):
        (folder / f"btcpay-{number}.sql").write_text(content)
    for step in (
        ("case", "create", case, "--authority", "Order 1", "--operator", "A. Examiner"),
        ("evidence", "add", case, folder, "--exhibit", "EX-1", "--allow-unsealed"),
        ("run", case, "--until", "catalogue", "--allow-unsealed"),
        ("verify", case),
    ):
        done = headwater(*step)
        assert done.status == 0, done.err
    return case


def test_what_the_server_knows_of_its_wallet_is_read(tmp_path: Path, headwater: Any) -> None:
    first = dump(stores=[("store", strategies(XPUB))])
    # A later dump of the same server, of a version that writes addresses without the coin.
    case = run(tmp_path, headwater, first, dump(stores=[("store", strategies(XPUB))], hash_mark=""))
    rows = headwater("show", case, "wallet_descriptors", "--json").rows
    assert {(row["descriptor"].partition("#")[0], row["is_change"], row["next_index"]) for row in rows} == {
        (f"wpkh({XPUB}/0/*)", False, 22),
        (f"wpkh({XPUB}/1/*)", True, 0),
    }
    addresses = {row["address"]: row for row in headwater("show", case, "wallet_addresses", "--json").rows}
    assert set(addresses) == {address(0, n) for n in range(42)} | {address(1, n) for n in range(20)}
    assert addresses[address(0, 21)]["address_index"] == 21
    assert {row["wallet_format"] for row in addresses.values()} == {"btcpay"}
    transactions = {row["txid"]: row["label"] for row in headwater("show", case, "wallet_transactions", "--json").rows}
    txids = [hashlib.sha256(b"tx%d" % n).hexdigest() for n in range(3)]
    assert transactions == {txids[0]: "crate of pears", txids[1]: None, txids[2]: None}
    requests = headwater("show", case, "wallet_requests", "--json").rows
    assert sorted((row["label"] or "", row["address"] or "", row["at_utc"]) for row in requests) == sorted(
        (label, paid, f"2026-01-0{n + 1}T08:00:00Z")
        for n, (label, paid) in enumerate(
            [("order 0", address(0, 0)), ("order 1", address(0, 3)), ("order 2", address(0, 21)), ("", "")]
        )
    )
    codes = [row["code"] for row in headwater("show", case, "defects", "--json").rows]
    assert codes == ["label_withheld"]
    outputs = b"".join(path.read_bytes() for path in case.rglob("*") if path.is_file() and "private" not in path.parts)
    assert PHRASE.encode() not in outputs


SECOND = ROOT.derive("m/48h/1h/1h").to_public()
BOTH = f"2-of-{OTHER.to_base58()}-{SECOND.to_base58()}"


def several(index: int, *, ordered: bool = False) -> Script:
    keys = [key.derive([0, index]).sec() for key in (OTHER, SECOND)]
    return Script(b"\x52" + b"".join(b"\x21" + key for key in (keys if ordered else sorted(keys))) + b"\x52\xae")


@pytest.mark.parametrize(
    ("scheme", "script"),
    [
        # source: NBXplorer, docs/API.md, "Derivation Scheme"
        (OTHER.to_base58(), lambda key, _: p2wpkh(key)),
        (f"{OTHER.to_base58()}-[legacy]", lambda key, _: p2pkh(key)),
        (f"{OTHER.to_base58()}-[p2sh]", lambda key, _: p2sh(p2wpkh(key))),
        (f"{OTHER.to_base58()}-[taproot]", lambda key, _: p2tr(key)),
        (BOTH, lambda _, index: p2wsh(several(index))),
        (f"{BOTH}-[keeporder]", lambda _, index: p2wsh(several(index, ordered=True))),
        (f"{BOTH}-[legacy]", lambda _, index: p2sh(several(index))),
        (f"{BOTH}-[legacy]-[keeporder]", lambda _, index: p2sh(several(index, ordered=True))),
        (f"{BOTH}-[p2sh]", lambda _, index: p2sh(p2wsh(several(index)))),
        (f"{BOTH}-[keeporder]-[p2sh]", lambda _, index: p2sh(p2wsh(several(index, ordered=True)))),
        (f"wsh(pk({OTHER.to_base58()}/**))", lambda key, _: p2wsh(Script(b"\x21" + key.sec() + b"\xac"))),
    ],
)
def test_a_scheme_says_which_script(tmp_path: Path, headwater: Any, scheme: str, script: Any) -> None:
    case = run(tmp_path, headwater, dump(stores=[("store", strategies(scheme))]))
    derived = {
        row["address_index"]: row["address"]
        for row in headwater("show", case, "wallet_addresses", "--json").rows
        if row["origin"] == "derived" and not row["is_change"]
    }
    for index in range(8):
        expected = script(OTHER.derive([0, index]), index).address(NETWORKS["regtest"])
        assert derived[index] == expected, index


def test_a_scheme_that_is_not_known_is_said(tmp_path: Path, headwater: Any) -> None:
    case = run(tmp_path, headwater, dump(stores=[("store", strategies("policy(x)")), ("none", "not json")]))
    codes = [row["code"] for row in headwater("show", case, "defects", "--json").rows]
    assert sorted(codes) == ["descriptor_unread", "label_withheld"]
    assert headwater("show", case, "wallet_descriptors", "--json").rows == []
    assert len(headwater("show", case, "wallet_addresses", "--json").rows) == 3


def test_tables_of_another_application_are_no_wallet(tmp_path: Path, headwater: Any) -> None:
    other = dump(stores=[("store", strategies(XPUB))]).replace("StoreDataId", "ShopId")
    case = run(tmp_path, headwater, other)
    assert headwater("show", case, "wallet_addresses", "--json").rows == []


@pytest.mark.parametrize("column", ["Address", "Type", "Created", "Id"])
def test_a_column_that_is_not_there_ends_no_run(tmp_path: Path, headwater: Any, column: str) -> None:
    whole = dump(stores=[("store", strategies(XPUB))])
    run(tmp_path, headwater, whole.replace(f'"{column}"', f'"Other{column}"'))


def test_a_time_outside_of_the_calendar_is_none(tmp_path: Path, headwater: Any) -> None:
    early = dump(stores=[("store", strategies(XPUB))]).replace("2026-01-01 10:00:00+02", "0001-01-01 00:00:00+10")
    case = run(tmp_path, headwater, early)
    assert [row["at_utc"] for row in headwater("show", case, "wallet_requests", "--json").rows].count(None) == 1
