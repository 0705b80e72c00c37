"""The platform's wallet file is what Core writes, and always the same bytes."""

from __future__ import annotations

import sqlite3
from contextlib import closing

from embit import networks
from embit.descriptor import Descriptor

from headwater_synth.chain import write_wallet
from headwater_synth.chain.wallet_file import wallet_records


def rows(path):
    with closing(sqlite3.connect(path)) as database:
        return (
            dict(database.execute("SELECT key, value FROM main ORDER BY rowid")),
            database.execute("PRAGMA application_id").fetchone()[0],
            database.execute("PRAGMA user_version").fetchone()[0],
            database.execute("PRAGMA integrity_check").fetchone()[0],
        )


def test_the_same_chain_gives_the_same_bytes(chain, tmp_path):
    write_wallet(chain, tmp_path / "one.dat")
    write_wallet(chain, tmp_path / "two.dat")
    write_wallet(chain, tmp_path / "two.dat")
    assert (tmp_path / "one.dat").read_bytes() == (tmp_path / "two.dat").read_bytes()
    assert {path.name for path in tmp_path.iterdir()} == {"one.dat", "two.dat"}


def test_it_is_a_database_of_regtest(chain, tmp_path):
    write_wallet(chain, tmp_path / "wallet.dat")
    found, application_id, user_version, integrity = rows(tmp_path / "wallet.dat")
    assert application_id.to_bytes(4, "big", signed=True) == bytes.fromhex("fabfb5da")
    assert (user_version, integrity) == (0, "ok")
    assert found == dict(wallet_records(chain))


def test_descriptors_are_public_and_derive_every_invoice_address(chain, tmp_path):
    write_wallet(chain, tmp_path / "wallet.dat")
    found = rows(tmp_path / "wallet.dat")[0]
    prefix = b"\x10walletdescriptor"
    descriptors = {value[1 : 1 + value[0]].decode() for key, value in found.items() if key.startswith(prefix)}
    assert descriptors == {chain.wallet.external, chain.wallet.internal}
    assert all("prv" not in descriptor for descriptor in descriptors)
    parsed = Descriptor.from_string(chain.wallet.external)
    derived = [
        parsed.derive(number).address(networks.NETWORKS["regtest"]) for number in range(len(chain.plan.invoices))
    ]
    assert list(chain.invoice_address.values()) == derived
    assert list(chain.invoice_address) == [invoice.invoice_key for invoice in chain.plan.invoices]


def test_a_descriptor_says_how_far_it_was_used(chain, tmp_path):
    write_wallet(chain, tmp_path / "wallet.dat")
    value = next(
        value
        for key, value in rows(tmp_path / "wallet.dat")[0].items()
        if key.startswith(b"\x10walletdescriptor") and chain.wallet.external.encode() in value
    )
    tail = value[1 + len(chain.wallet.external) :]
    created_at_s, next_index = int.from_bytes(tail[:8], "little"), int.from_bytes(tail[8:12], "little")
    assert created_at_s == chain.plan.start_s
    assert next_index == len(chain.plan.invoices)
    assert (int.from_bytes(tail[12:16], "little"), int.from_bytes(tail[16:20], "little")) == (0, next_index + 1000)


def test_the_private_key_lies_in_the_records_a_reader_must_leave_alone(chain, tmp_path):
    write_wallet(chain, tmp_path / "wallet.dat")
    found = rows(tmp_path / "wallet.dat")[0]
    secret = chain.wallet.account_secret
    holding = [key for key, value in found.items() if secret in value or secret in key]
    assert len(holding) == 2
    assert all(key.startswith(b"\x13walletdescriptorkey") for key in holding)
    assert all(found[key][0] == 214 and len(found[key]) == 1 + 214 + 32 for key in holding)


def test_invoice_addresses_are_labelled(chain, tmp_path):
    write_wallet(chain, tmp_path / "wallet.dat")
    found = rows(tmp_path / "wallet.dat")[0]
    for invoice_key, address in chain.invoice_address.items():
        value = found[b"\x04name" + bytes((len(address),)) + address.encode()]
        assert value[1:].decode() == f"invoice {invoice_key}"
