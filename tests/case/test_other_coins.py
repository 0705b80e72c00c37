"""Monero, Zcash and Lightning from the command line: what is listed, and that no key is anywhere in what is made."""

from __future__ import annotations

import contextlib
import json
import os
import random
import re
import shutil
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from headwater.engine import find_key_material
from headwater_synth.other_coins.lightning import core_lightning
from headwater_synth.other_coins.lnd import lnd_state
from headwater_synth.other_coins.monero import SeizedWallet
from headwater_synth.other_coins.samples import make_samples

MAPPING = """version: 1
application: test
tables:
  - table: people
    binds: accounts
    because: one row a login
    key: id
    columns:
      nickname: {column: name}
      role: {literal: member}
  - table: orders
    binds: identifiers
    because: each order names the invoice that was made for it
    columns:
      account: {column: who}
      identifier_kind: {literal: payment_hash}
      value: {column: invoice_hash}
"""


@contextlib.contextmanager
def key_open(path: Path) -> Iterator[str]:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        yield str(descriptor)
    finally:
        os.close(descriptor)


@pytest.fixture(scope="module")
def samples(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    folder = tmp_path_factory.mktemp("samples")
    make_samples(folder / "made", folder / "truth", seed=11)
    return folder / "made", json.loads((folder / "truth" / "other-coins.json").read_text())


def view_key(made: Path) -> str:
    return re.findall(r"[0-9a-f]{64}", (made / "viewkey.txt").read_text())[0]


def begun(case: Path, headwater: Any) -> None:
    assert headwater("case", "create", case, "--authority", "Order 1", "--operator", "A. Examiner").status == 0


def add_monero(case: Path, made: Path, headwater: Any, key: Path | None = None) -> Any:
    with key_open(key or made / "viewkey.txt") as descriptor:
        return headwater(
            "evidence", "add", case, made / "monero", "--exhibit", "M-1", "--kind", "monero",
            "--passphrase-fd", descriptor, "--allow-unsealed",
        )  # fmt: skip


def run(case: Path, made: Path, headwater: Any) -> Any:
    with key_open(made / "viewkey.txt") as descriptor:
        return headwater(
            "run", case, "--until", "catalogue", "--passphrase-fd", f"M-1={descriptor}", "--allow-unsealed"
        )


def contents_of(path: Path) -> bytes:
    content = path.read_bytes()
    if path.suffix == ".parquet":
        content += repr(pq.read_table(path).to_pylist()).encode()
    return content


def holders(case: Path, secret: bytes) -> list[Path]:
    """Files of the case that hold a secret: as bytes, either way round, as digits, or most of them."""
    forms = {secret, secret[::-1], secret.hex().encode(), secret[::-1].hex().encode()}
    forms |= {secret.hex()[:24].encode(), repr(secret).encode()[2:-1]}
    return [path for path in case.rglob("*") if path.is_file() and any(form in contents_of(path) for form in forms)]


def test_what_is_true_of_the_samples_is_listed_and_no_key(
    tmp_path: Path, headwater: Any, samples: tuple[Path, dict[str, Any]]
) -> None:
    made, truth = samples
    case = tmp_path / "case"
    begun(case, headwater)
    said = [add_monero(case, made, headwater)]
    said += [
        headwater("evidence", "add", case, made / exhibit, "--exhibit", exhibit, "--allow-unsealed")
        for exhibit in ("server", "printed")
    ]
    said.append(run(case, made, headwater))
    assert [one.status for one in said] == [0, 0, 0, 0], said[-1].err
    receipts = headwater("show", case, "monero_receipts", "--json").rows
    assert {(r["txid"], r["account_index"], r["subaddress_index"], r["amount_piconero"]) for r in receipts} == {
        (r["txid"], *r["place"], r["amount_piconero"]) for r in truth["monero"]["receipts"]
    }
    assert {row["spent"] for row in receipts} == {"unknown"}
    assert [row["payment_id"] for row in receipts if row["payment_id"]] == ["00aa11bb22cc33dd"]
    scans = headwater("show", case, "monero_scans", "--json").rows
    assert sum(scan["receipts"] for scan in scans) == len(receipts)
    assert {scan["address"] for scan in scans} == {truth["monero"]["address"]}
    invoices = headwater("show", case, "lightning_invoices", "--json").rows
    assert sorted(row["payment_hash"] for row in invoices) == sorted(truth["lightning"]["invoices"])
    channels = headwater("show", case, "lightning_channels", "--json").rows
    assert sorted([row["funding_txid"], row["funding_output_index"]] for row in channels) == sorted(
        truth["lightning"]["funding"]
    )
    assert len(headwater("show", case, "zcash_receipts", "--json").rows) == truth["zcash"]["receipts"]
    kinds = {row["path"]: row for row in headwater("show", case, "coin_files", "--json").rows}
    assert {path: (row["coin_file_kind"], row["is_encrypted"]) for path, row in kinds.items()} == {
        "eclair/eclair.sqlite": ("eclair", None),
        "lightning/lightningd.sqlite3": ("core-lightning", False),
        "lnd/channel.db": ("lnd-channels", False),
        "lnd/wallet.db": ("lnd-wallet", True),
        "monero/lmdb/data.mdb": ("monero-chain", False),
        "monero/platform.keys": ("monero-wallet", True),
        "z_listreceivedbyaddress.json": ("zcash-answers", False),
        "z_viewtransaction.json": ("zcash-answers", False),
    }
    refused = {row["path"]: row["reason"] for row in headwater("show", case, "defects", "--json").rows}
    assert "encrypted" in refused["monero/platform.keys"]
    assert "password" in refused["monero/platform.keys"]
    assert "encrypted" in refused["lnd/wallet.db"]
    said.append(headwater("ledger", case))
    assert "monero server monero/platform.keys: monero-wallet; encrypted" in said[-1].out
    assert "lightning server lnd/channel.db: lnd-channels; read: what the node itself keeps" in said[-1].out
    # A row of each table leads back to the file that it was read from.
    for table, key in (("monero_receipts", "monero_receipt_id"), ("lightning_channels", "lightning_channel_id")):
        row = headwater("show", case, table, "--json").rows[0]
        told = headwater("explain", case, row[key], "--json")
        assert told.status == 0, told.err
        assert row["exhibit_id"] in told.out
    assert headwater("verify", case).status == 0
    # The same again needs no key, because nothing has changed.
    assert headwater("run", case, "--until", "catalogue", "--allow-unsealed").status == 0
    key = bytes.fromhex(view_key(made))
    assert holders(made, key) == [made / "viewkey.txt"], "the search itself finds what is there"
    assert holders(case, key) == []
    for one in said:
        assert key.hex() not in one.out + one.err


def test_no_secret_of_a_node_is_in_any_output(tmp_path: Path, headwater: Any) -> None:
    node = core_lightning(random.Random(3), invoices=9, payments=6, channels=4)
    other = lnd_state(random.Random(4), invoices=9)
    folder, case = tmp_path / "node", tmp_path / "case"
    folder.mkdir()
    (folder / "lightningd.sqlite3").write_bytes(node.content)
    (folder / "channel.db").write_bytes(other.content)
    begun(case, headwater)
    assert headwater("evidence", "add", case, folder, "--exhibit", "N", "--allow-unsealed").status == 0
    done = headwater("run", case, "--until", "catalogue", "--allow-unsealed")
    assert done.status == 0, done.err
    payments = headwater("show", case, "lightning_payments", "--json").rows
    assert Counter(row["node_software"] for row in payments) == {"core-lightning": 6, "lnd": 3}
    assert headwater("verify", case).status == 0
    for secret in (*node.secrets, *other.secrets):
        assert holders(case, secret) == []
    for path in case.rglob("*.parquet"):
        assert not find_key_material(contents_of(path)), path


def test_a_platforms_own_row_joins_an_account_to_an_invoice(tmp_path: Path, headwater: Any) -> None:
    node = core_lightning(random.Random(4))
    folder, case = tmp_path / "server", tmp_path / "case"
    folder.mkdir()
    (folder / "lightningd.sqlite3").write_bytes(node.content)
    digest = node.invoices[2][0]
    (folder / "people.csv").write_text("id,name\n7,fern\n8,moss\n")
    (folder / "orders.csv").write_text(f"who,invoice_hash\n7,{digest.upper()}\n8,{'0' * 64}\n8,{digest[:63]}\n")
    mapping = tmp_path / "mapping.yaml"
    mapping.write_text(MAPPING)
    begun(case, headwater)
    assert headwater("evidence", "add", case, folder, "--exhibit", "N", "--allow-unsealed").status == 0
    approved = headwater("map", case, "--approve", mapping)
    assert approved.status == 0, approved.err
    done = headwater("run", case, "--until", "catalogue", "--allow-unsealed")
    assert done.status == 0, done.err
    [joined] = headwater("show", case, "lightning_invoice_accounts", "--json").rows
    assert joined["named_by"] == "payment_hash"
    [account] = [r for r in headwater("show", case, "accounts", "--json").rows if r["nickname"] == "fern"]
    assert joined["account_id"] == account["account_id"]
    assert headwater("verify", case).status == 0


def test_refusals_are_one_line_without_a_key(
    tmp_path: Path, headwater: Any, samples: tuple[Path, dict[str, Any]]
) -> None:
    made = tmp_path / "made"
    shutil.copytree(samples[0], made)
    case = tmp_path / "case"
    begun(case, headwater)
    without = headwater("evidence", "add", case, made / "monero", "--exhibit", "M-1", "--kind", "monero")
    assert without.status == 2
    assert "--passphrase-fd" in without.err
    other = tmp_path / "other.txt"
    other.write_text(SeizedWallet(random.Random(99)).private_view_key)
    wrong = add_monero(case, made, headwater, other)
    assert wrong.status == 2
    assert "no private view key of this address" in wrong.err
    for name, content, expected in (
        ("key.json", json.dumps({"key": view_key(made)}), "no answer of a Monero node"),
        ("key.txt", view_key(made), "no answer of a Monero node"),
        ("second.address.txt", "x", "2 files named *address.txt"),
    ):
        (made / "monero" / name).write_text(content)
        refused = add_monero(case, made, headwater)
        assert refused.status == 2
        assert expected in refused.err
        assert len(refused.err.strip().splitlines()) == 1
        assert view_key(made)[:12] not in refused.out + refused.err
        (made / "monero" / name).unlink()
    assert add_monero(case, made, headwater).status == 0
    kept = headwater("run", case, "--until", "catalogue", "--allow-unsealed")
    assert kept.status == 2
    assert "private view key, which is not kept" in kept.err
    with key_open(other) as descriptor:
        swapped = headwater("run", case, "--until", "catalogue", "--passphrase-fd", f"M-1={descriptor}")
    assert swapped.status == 2
    assert "no private view key of this address" in swapped.err
    for secret in (view_key(made), other.read_text()):
        assert holders(case, bytes.fromhex(secret)) == []


def test_the_same_exhibit_gives_the_same_bytes_however_the_key_is_written(
    tmp_path: Path, headwater: Any, samples: tuple[Path, dict[str, Any]]
) -> None:
    made = tmp_path / "made"
    shutil.copytree(samples[0], made)
    digests = []
    for number, text in enumerate((view_key(made), f"view {view_key(made).upper()}\nother {'ab' * 32}\n")):
        (made / "viewkey.txt").write_text(text)
        case = tmp_path / f"case-{number}"
        begun(case, headwater)
        assert add_monero(case, made, headwater).status == 0
        assert run(case, made, headwater).status == 0
        digests.append(headwater("digests", case, "--json").rows)
    assert digests[0] == digests[1]
