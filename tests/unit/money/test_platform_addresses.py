"""Addresses of the platform: each kind of script, how far a key is followed, and which invoice an address is for."""

from __future__ import annotations

import hashlib

import pytest
from embit import bip32
from embit.networks import NETWORKS

from headwater.engine import watched_scripts
from headwater.schema import content_id, table_named

ROOT = bip32.HDKey.from_seed(hashlib.sha256(b"an invented stall").digest() * 2, version=NETWORKS["regtest"]["xprv"])
KEYS = [ROOT.derive(f"m/48h/1h/{n}h").to_public().to_base58(version=NETWORKS["regtest"]["xpub"]) for n in range(3)]
ONE, TWO = f"{KEYS[0]}/0/*", f"{KEYS[1]}/0/*"
AT = {"exhibit_id": "EX-2", "source_item_id": "itm", "source_table": "t", "source_row": 0, "mapping_id": "map-0"}
FROM_DUMP = AT | {"source_offset_bytes": 0, "source_length_bytes": 1}


def descriptor_row(text: str, **changed: object) -> dict[str, object]:
    return {
        "descriptor_id": content_id("dsc", text),
        "exhibit_id": "EX-3",
        "descriptor": text,
        "is_change": False,
        "range_start": 0,
        "range_end": 0,
        "next_index": 0,
        **changed,
    }


def invoice_row(key: str, address: str | None, account: str = "acc-1") -> dict[str, object]:
    return {
        "invoice_id": f"inv-{key}",
        "platform_key": key,
        "account_id": account,
        "address": address,
        "issued_at_utc": 1_700_000_000_000_000,
        "status": "paid",
        **FROM_DUMP,
    }


def inputs(descriptors: list[str], **rows: list[dict[str, object]]) -> dict[str, object]:
    made = {"wallet_descriptors": [descriptor_row(text) for text in descriptors], **rows}
    return {name: table_named(name).rows(of) for name, of in made.items()}


def paid_chain(tools, folder, scripts):
    """A chain in which each script is paid once, 1,000 satoshis and its place."""
    made = tools.HandMade.begun()
    made.add((), pays=[(script, 1_000 + place) for place, script in enumerate(scripts)])
    return made.write(folder)


@pytest.mark.parametrize(
    ("text", "has_address"),
    [
        (f"pk({ONE})", True),  # shown by the address of the key's hash
        (f"pkh({ONE})", True),
        (f"sh(wpkh({ONE}))", True),
        (f"wpkh({ONE})", True),
        (f"tr({ONE})", True),
        (f"multi(1,{ONE},{TWO})", False),
        (f"sortedmulti(2,{ONE},{TWO})", False),
        (f"sh(sortedmulti(2,{ONE},{TWO}))", True),
        (f"wsh(multi(2,{ONE},{TWO}))", True),
        (f"sh(wsh(sortedmulti(1,{ONE},{TWO})))", True),
        (f"wsh({KEYS[2]})", None),
    ],
)
def test_each_kind_of_script_is_the_platforms_and_followed(tools, run_money, tmp_path, text, has_address) -> None:
    if has_address is None:
        tables = run_money(paid_chain(tools, tmp_path, [b"\x51"]), inputs([text]), address_gap_limit=2)
        assert tables["platform_addresses"].num_rows == 0
        assert [row["code"] for row in tables["defects"].to_pylist()].count("descriptor_unread") == 1
        return
    script = watched_scripts(text).at(1)[0]
    tables = run_money(paid_chain(tools, tmp_path, [script]), inputs([text]), address_gap_limit=2)
    rows = {row["script_hex"]: row for row in tables["platform_addresses"].to_pylist()}
    assert len(rows) == 4  # 0 and 1, and two beyond the one that was paid
    row = rows[script.hex()]
    assert (row["received_sat"], row["address_index"], row["address"] is not None) == (1_000, 1, has_address)
    assert {trace["origin_sat"] for trace in tables["traces"].to_pylist()} == {1_000}
    assert tables["traces"].num_rows
    assert not [row for row in tables["defects"].to_pylist() if row["code"] == "descriptor_unread"]


def test_a_key_is_followed_until_a_whole_gap_is_on_no_chain(tools, run_money, tmp_path) -> None:
    text = f"wpkh({KEYS[0]}/<0;1>/*)"
    watched = watched_scripts(text)
    paid = [watched.at(index)[0] for index in (2, 5, 9)] + [watched.at(13)[0], watched.at(1, 1)[0]]
    tables = run_money(paid_chain(tools, tmp_path, paid), inputs([text]), address_gap_limit=3)
    rows = tables["platform_addresses"].to_pylist()
    indexes = {flag: sorted(row["address_index"] for row in rows if row["is_change"] == flag) for flag in (False, True)}
    # 2 leads to 5; 9 lies behind a gap of three and is not reached.
    assert indexes == {False: list(range(9)), True: list(range(5))}
    wider = run_money(tmp_path, inputs([text]), address_gap_limit=4)["platform_addresses"].to_pylist()
    assert max(row["address_index"] for row in wider if not row["is_change"]) == 17


def test_every_address_of_an_invoice_names_it(tools, run_money, tmp_path) -> None:
    text = f"wpkh({ONE})"
    watched = watched_scripts(text)
    scripts = [watched.at(index)[0] for index in range(4)]
    folder = paid_chain(tools, tmp_path, scripts)
    known = {
        row["script_hex"]: row["address"]
        for row in run_money(folder, inputs([text]), address_gap_limit=4)["platform_addresses"].to_pylist()
    }
    addresses = [known[script.hex()] for script in scripts]
    further = [
        {"invoice_address_id": f"iva-{number}", "invoice_id": invoice, "address": address, **FROM_DUMP}
        for number, (invoice, address) in enumerate(
            [("inv-a", addresses[0]), ("inv-a", addresses[1]), ("inv-b", addresses[2]), ("inv-b", "bcrt1qelsewhere")]
        )
    ]
    payments = [
        {
            "payment_id": "pay-1",
            "platform_key": "1",
            "account_id": "acc-1",
            "invoice_id": "inv-a",
            "txid": "00" * 32,
            "at_utc": 1_700_000_000_000_000,
            "status": "replaced",
            **FROM_DUMP,
        }
    ]
    tables = run_money(
        folder,
        inputs(
            [text],
            # The first address stands in both tables, the invoices' own and the further ones; that is one giving out.
            invoices=[invoice_row("a", addresses[0]), invoice_row("b", None, "acc-2"), invoice_row("c", addresses[3])],
            invoice_addresses=further,
            payments=payments,
        ),
        address_gap_limit=4,
    )
    rows = {row["address"]: row for row in tables["platform_addresses"].to_pylist()}
    named = [(rows[address]["invoice_id"], rows[address]["account_id"]) for address in addresses]
    assert named == [("inv-a", "acc-1"), ("inv-a", "acc-1"), ("inv-b", "acc-2"), ("inv-c", "acc-1")]
    traces = {(row["origin_address"], row["invoice_id"], row["account_id"]) for row in tables["traces"].to_pylist()}
    assert traces == {(address, *name) for address, name in zip(addresses, named, strict=True)}
    told = {row["code"]: row["reason"] for row in tables["defects"].to_pylist()}
    assert set(told) == {"address_not_derived", "payment_not_on_chain"}
    assert "inv-b" in told["address_not_derived"]
    assert "(the platform: replaced)" in told["payment_not_on_chain"]
