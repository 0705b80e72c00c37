"""A whole seizure: complete, the same bytes every time, and the truth apart from it."""

from __future__ import annotations

import csv
import datetime as dt
import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from headwater.errors import ConfigError, InputError
from headwater_synth.seizure import SeizureOptions, make_seizure

_OPTIONS = SeizureOptions(seed=5, accounts=60, media=0, blocks=140)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("made")
    summary = make_seizure(folder / "seizure", folder / "truth", _OPTIONS)
    return folder / "seizure", folder / "truth", summary


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def _digests(folder: Path) -> dict[str, str]:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def test_every_exhibit_and_reference_is_there(made):
    assert list(_digests(made[0])) == [
        "blocks/blk00000.dat",
        "blocks/rev00000.dat",
        "blocks/xor.dat",
        "disk/server.img",
        "dump/platform.sql",
        "mapping.yaml",
        "references/customer-identifiers-lindenmarkt.csv",
        "references/customer-identifiers-northquay.csv",
        "references/customer-transactions-lindenmarkt.csv",
        "references/customer-transactions-northquay.csv",
        "references/customers-lindenmarkt.csv",
        "references/customers-northquay.csv",
        "references/hashlist.csv",
        "references/hashlist.vics.json",
        "references/known-pairs.csv",
        "references/networks.csv",
        "references/networks.mmdb",
        "references/prices.csv",
        "references/record-identifiers.csv",
        "references/records.csv",
        "references/services.csv",
        "references/tagpack.yaml",
        "references/tokens/coverage.csv",
        "references/tokens/issuer-events.csv",
        "references/tokens/issuers.csv",
        "references/tokens/platform-accounts.csv",
        "references/tokens/services.csv",
        "references/tokens/tagpack.yaml",
        "references/tokens/transfers-mdw.csv",
        "references/tokens/transfers-mdw.map.yaml",
        "references/tokens/transfers-tcr.csv",
        "wallet/wallet.dat",
    ]
    assert list(_digests(made[1])) == [
        "accounts.csv",
        "addresses.csv",
        "facts.csv",
        "flows.csv",
        "hashlist.csv",
        "media.csv",
        "payments.csv",
        "people.csv",
        "rivals.csv",
        "token_flows.csv",
        "token_marks.csv",
        "transactions.csv",
    ]


def test_the_same_options_give_the_same_bytes_in_another_process(made, tmp_path):
    program = (
        "import sys, pathlib; from headwater_synth.cli import main; "
        "sys.argv = ['headwater-synth', 'seizure', sys.argv[1], '--seed', '5', '--accounts', '60', '--media', '0', "
        "'--blocks', '140', '--truth', sys.argv[2], '--json']; main()"
    )
    environment = {**os.environ, "TZ": "America/Lima", "LC_ALL": "C", "PYTHONHASHSEED": "99"}
    seizure, truth = tmp_path / "elsewhere" / "s", tmp_path / "t"
    done = subprocess.run(
        [sys.executable, "-c", program, seizure, truth], env=environment, capture_output=True, check=True, umask=0o077
    )
    assert json.loads(done.stdout)["accounts"] == 60
    assert b"done" in done.stderr
    assert _digests(seizure) == _digests(made[0])
    assert _digests(truth) == _digests(made[1])


def test_another_seed_gives_other_bytes(made, tmp_path):
    make_seizure(tmp_path / "s", tmp_path / "t", SeizureOptions(seed=6, accounts=60, media=0, blocks=140))
    other = _digests(tmp_path / "s")
    same = {name for name, digest in _digests(made[0]).items() if other[name] == digest}
    assert same == {
        "mapping.yaml",
        "references/services.csv",
        "references/tokens/services.csv",
        "references/tokens/transfers-mdw.map.yaml",
    }


def test_the_truth_is_of_one_piece(made):
    seizure, truth, summary = made
    people = {row["person_key"]: row for row in _rows(truth / "people.csv")}
    accounts = {row["account_key"]: row for row in _rows(truth / "accounts.csv")}
    records = {row["source_key"]: row for row in _rows(seizure / "references/records.csv")}
    assert len(accounts) == summary.accounts == 60
    assert len(records) == summary.records
    told = [key for person in people.values() for key in person["record_keys"].split(";") if key]
    assert sorted(told) == sorted(records)
    customers = {
        f"{row['actor']}:{row['source_key']}"
        for actor in ("northquay", "lindenmarkt")
        for row in _rows(seizure / f"references/customers-{actor}.csv")
    }
    assert {key for person in people.values() for key in person["customer_keys"].split(";") if key} == customers
    for account in accounts.values():
        assert account["person_key"] in people
    payments = _rows(truth / "payments.csv")
    for payment in payments:
        user = accounts[payment["account_key"]]["person_key"]
        assert (payment["payer_person_key"] != user) == (payment["is_relative"] == "1")
        assert payment["payer_person_key"] in people
    payers = {payment["payer_person_key"] for payment in payments}
    users = {account["person_key"] for account in accounts.values()}
    only = {key for key, person in people.items() if person["only_paid_for_relative"] == "1"}
    assert only == payers - users
    assert len(only) >= 2


def test_a_payer_at_a_tagged_exchange_is_a_customer_with_that_withdrawal(made):
    seizure, truth, _ = made
    people = {row["person_key"]: row["customer_keys"].split(";") for row in _rows(truth / "people.csv")}
    for actor in ("northquay", "lindenmarkt"):
        returned = _rows(seizure / f"references/customer-transactions-{actor}.csv")
        places = {
            (row["txid"], row["output_index"]): row["source_key"]
            for row in returned
            if row["direction"] == "withdrawal"
        }
        direct = [
            row
            for row in _rows(truth / "payments.csv")
            if (row["route"], row["exchange"]) == ("exchange_direct", actor)
        ]
        for row in direct:
            key = places[row["txid"], row["output_index"]]
            assert f"{actor}:{key}" in people[row["payer_person_key"]]
        assert any(row["direction"] == "deposit" for row in returned)


def test_the_tag_pack_knows_hot_wallets_of_registered_services_alone(made):
    seizure, truth, _ = made
    pack = yaml.safe_load((seizure / "references/tagpack.yaml").read_text(encoding="utf-8"))
    assert {
        "title",
        "creator",
        "label",
        "source",
        "currency",
        "category",
        "confidence",
        "lastmod",
    } <= pack.keys() | pack["tags"][0].keys()
    kinds = {row["address"]: row["kind"] for row in _rows(truth / "addresses.csv")}
    assert {kinds[tag["address"]] for tag in pack["tags"]} == {"exchange_hot"}
    actors = {row["actor"] for row in _rows(seizure / "references/services.csv")}
    assert {tag["actor"] for tag in pack["tags"]} == {"northquay", "lindenmarkt"} < actors


def test_every_day_of_trade_has_one_invented_price(made):
    rows = _rows(made[0] / "references/prices.csv")
    days = [dt.date.fromisoformat(row["day"]) for row in rows]
    assert days == [days[0] + dt.timedelta(days=number) for number in range(len(days))]
    assert {row["currency"] for row in rows} == {"EUR"}
    # 36 to 45 satoshis for a cent, as the platform's own invoices have it
    assert {100_000_000 // int(row["price_minor"]) for row in rows} <= set(range(36, 46))
    asked = {row["at_utc"][:10] for file in _returned(made[0]) for row in file}
    assert asked <= {row["day"] for row in rows}


def _returned(seizure):
    return [_rows(path) for path in sorted((seizure / "references").glob("customer-transactions-*.csv"))]


def test_invoices_of_the_dump_have_the_addresses_of_the_chain(made):
    seizure, truth, summary = made
    platform = {row["address"] for row in _rows(truth / "addresses.csv") if row["kind"] == "platform"}
    dump = (seizure / "dump/platform.sql").read_bytes()
    assert sum(f"'{address}'".encode() in dump for address in sorted(platform)) == summary.invoices


@pytest.mark.parametrize("media", [30])
def test_with_media_every_file_has_an_uploader_and_origins_are_told(tmp_path, media):
    make_seizure(tmp_path / "s", tmp_path / "t", SeizureOptions(seed=2, accounts=60, media=media, blocks=140))
    accounts = {row["account_key"]: row for row in _rows(tmp_path / "t/accounts.csv")}
    files = _rows(tmp_path / "t/media.csv")
    assert len(files) == media
    scenes: dict[str, list[dict[str, str]]] = {}
    for row in files:
        assert row["uploader_account_key"] in accounts
        if row["scene_is_listed"] == "0" and row["comparable"] == "1":
            scenes.setdefault(row["scene_key"], []).append(row)
    firsts = {min(rows, key=lambda row: int(row["uploaded_at_s"]))["uploader_account_key"] for rows in scenes.values()}
    assert firsts == {key for key, row in accounts.items() if row["is_origin"] == "1"}
    assert any(accounts[key]["identity_reachable"] == "1" for key in firsts)
    dump = (tmp_path / "s/dump/platform.sql").read_bytes()
    assert all(row["path"].removeprefix("/srv/media/").encode() in dump for row in files)


def test_the_truth_stays_apart_and_nothing_is_overwritten(tmp_path):
    with pytest.raises(ConfigError, match="apart"):
        make_seizure(tmp_path / "s", tmp_path / "s" / "truth", _OPTIONS)
    (tmp_path / "used").mkdir()
    (tmp_path / "used" / "notes.txt").write_text("mine", encoding="utf-8")
    with pytest.raises(InputError, match="not an empty folder"):
        make_seizure(tmp_path / "used", tmp_path / "t", _OPTIONS)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["used"]


@pytest.mark.parametrize("option", [("--accounts", "39"), ("--blocks", "3"), ("--media", "-1"), ("--seed", "x")])
def test_bad_use_ends_with_2_and_writes_nothing(tmp_path, option):
    arguments = {"--seed": "1", "--accounts": "40", "--media": "0", **dict([option])}
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "headwater_synth.cli",
            "seizure",
            tmp_path / "s",
            *(part for pair in arguments.items() for part in pair),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert not any(tmp_path.iterdir())
