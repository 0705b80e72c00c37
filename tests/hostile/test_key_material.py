"""Keys planted in wallets: no output of a run holds one, and the search for them finds what is there."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from embit import bip32, bip39
from embit.networks import NETWORKS

from headwater.engine import find_key_material
from headwater_synth.legacy_wallet import counted, legacy_wallet

SEED = hashlib.sha256(b"an invented canary").digest()
ROOT = bip32.HDKey.from_seed(SEED * 2, version=NETWORKS["regtest"]["xprv"])
WIF = ROOT.key.wif(NETWORKS["regtest"])
HEX = ROOT.key.secret.hex()
PHRASE = bip39.mnemonic_from_bytes(SEED[:16])
EXTENDED = [ROOT.to_base58(version=NETWORKS["main"][name]) for name in ("xprv", "yprv", "zprv")]
EXTENDED.append(ROOT.to_base58(version=NETWORKS["test"]["xprv"]))
PLANTED = (WIF, HEX, PHRASE, *EXTENDED)
ADDRESSES = ("bcrt1qw508d6qejxtdg4y5r3zarvary0c5xw7kygt080", "mipcBbFg9gMiCh81Kj8tqqdgoZub1ZJRfn")


def scanned(content: bytes) -> list[str]:
    """What is found: kinds of key material, and the planted ones by their place."""
    found = [kind for _, _, kind in find_key_material(content)]
    raw = ROOT.key.secret in content
    return found + [f"planted {n}" for n, text in enumerate(PLANTED) if text.encode() in content] + ["raw"] * raw


def contents_of(path: Path) -> bytes:
    """The file, and what a table in it says once it is unpacked."""
    content = path.read_bytes()
    if path.suffix == ".parquet":
        content += repr(pq.read_table(path).to_pylist()).encode()
    return content


DUMP = """-- MySQL dump 10.13  Distrib 8.0.36, for Linux (x86_64)
CREATE TABLE `people` (
  `id` varchar(200) NOT NULL,
  `name` varchar(200) DEFAULT NULL,
  `seen` varchar(200) DEFAULT NULL,
  PRIMARY KEY (`id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;
INSERT INTO `people` VALUES PEOPLE;
CREATE TABLE `mails` (`who` varchar(20), `mail` varchar(200));
INSERT INTO `mails` VALUES MAILS;
-- Dump completed on 2026-01-01  0:00:00
"""
MAPPING = """version: 1
application: test
tables:
  - table: people
    binds: accounts
    key: id
    because: one row for each login
    columns:
      nickname: {column: name}
      role: {literal: member}
      registered_at_utc: {column: seen, unit: epoch_s}
  - table: mails
    binds: identifiers
    because: the addresses that people gave
    columns:
      account: {column: who}
      identifier_kind: {literal: email}
      value: {column: mail}
"""
LOGGED = '192.0.2.1 - - [01/Feb/2026:03:04:05 +0200] "GET /a?key=KEY HTTP/1.1" 200 5 "-" "Browser/1.0"\n'


def test_no_output_of_a_run_holds_a_key_that_stands_in_a_dump_or_a_log(tmp_path: Path, headwater) -> None:
    # What a private key in plain digits is cannot be told from a digest; the others can.
    keys = [key for key in PLANTED if key != HEX]
    people, mails = ["('1','alder','1700000000')"], ["('1','a@example.org')"]
    for number, key in enumerate(keys):
        people += [
            f"('keep {key} safe','birch','1700000001')",
            f"('{number}b','keep {key} safe','1700000001')",
            f"('{number}d','birch','{key}')",
        ]
        mails.append(f"('1','keep {key} safe')")
    dump = DUMP.replace("PEOPLE", ",".join(people)).replace("MAILS", ",".join(mails))
    folder, case = tmp_path / "exhibit", tmp_path / "case"
    folder.mkdir()
    (folder / "platform.sql").write_text(dump)
    (folder / "access.log").write_text("".join(LOGGED.replace("KEY", key.replace(" ", "+")) for key in keys) * 3)
    (tmp_path / "mapping.yaml").write_text(MAPPING)
    steps = (
        ("case", "create", case, "--authority", "x", "--operator", "A"),
        ("evidence", "add", case, folder, "--exhibit", "F", "--allow-unsealed"),
        ("map", case, "--approve", tmp_path / "mapping.yaml", "--allow-unsealed"),
        ("run", case, "--until", "catalogue", "--allow-unsealed"),
        ("show", case, "accounts", "--json"),
        ("show", case, "defects", "--json"),
        ("show", case, "web_requests", "--json"),
        ("ledger", case),
        ("verify", case),
    )
    for step in steps:
        done = headwater(*step)
        assert done.status == 0, (step, done.err)
        assert not scanned((done.out + done.err).encode()), step
    found = {
        str(path.relative_to(case)) for path in sorted(case.rglob("*")) if path.is_file() and scanned(contents_of(path))
    }
    assert {name for name in found if not name.startswith("private/")} == set()
    counted_codes = Counter(row["code"] for row in headwater("show", case, "defects", "--json").rows)
    # In a key, in a name and in an address, and in the log, where the words of a seed are no phrase.
    assert counted_codes["key_material_withheld"] == 3 * len(keys) + 3 * (len(keys) - 1)
    # A row without a key, an address that is none, a time that is none.
    assert counted_codes["row_not_readable"] == 3 * len(keys)
    accounts = headwater("show", case, "accounts", "--json").rows
    assert len(accounts) == 1 + len(keys)
    assert sum(row["nickname"] is None for row in accounts) == len(keys)


@pytest.mark.parametrize("key", [*PLANTED[:1], *PLANTED[2:]])
def test_the_search_finds_each_kind(key: str) -> None:
    assert find_key_material(f"\x00\xff before {key}, after".encode("latin-1"))
    spoilt = key.replace(key.split()[3], "meadowless") if " " in key else key[:-1] + ("2" if key[-1] != "2" else "3")
    if not key.startswith(("xprv", "yprv", "zprv", "tprv")):
        assert not find_key_material(f"before {spoilt}, after".encode())


def test_the_search_leaves_ordinary_text_alone() -> None:
    ordinary = (" ".join(["river", "of", "stone", "and", "cloud"] * 9), "ab" * 32, *ADDRESSES)
    for text in ordinary:
        assert not find_key_material(text.encode())


def test_no_output_of_a_run_holds_a_planted_key(tmp_path: Path, headwater) -> None:
    legacy = tmp_path / "wallet.dat"
    public = ROOT.get_public_key().sec()
    legacy.write_bytes(
        legacy_wallet(
            [
                (counted(b"name") + counted(ADDRESSES[0].encode()), counted(f"keep {PHRASE}".encode())),
                (counted(b"name") + counted(ADDRESSES[1].encode()), counted(WIF.encode())),
                (counted(b"keymeta") + counted(public), bytes(12)),
                (counted(b"key") + counted(public), counted(ROOT.key.secret)),
                (counted(b"hdseed"), ROOT.key.secret),
                (counted(b"unknown" + HEX.encode()), b"\n".join(key.encode() for key in PLANTED)),
            ]
        )
    )
    electrum = tmp_path / "default_wallet"
    keys = dict(zip(("seed", "xprv", "passphrase"), (PHRASE, EXTENDED[0], HEX), strict=True))
    labels = dict(zip(ADDRESSES, (EXTENDED[1], HEX), strict=True))
    electrum.write_text(
        json.dumps({"wallet_type": "standard", "seed_version": 51, "keystore": keys, "labels": labels, "seed": PHRASE})
    )
    case = tmp_path / "case"
    steps = (
        ("case", "create", case, "--authority", "x", "--operator", "A"),
        ("evidence", "add", case, legacy, "--exhibit", "W1", "--kind", "wallet", "--allow-unsealed"),
        ("evidence", "add", case, electrum, "--exhibit", "W2", "--kind", "wallet", "--allow-unsealed"),
        ("run", case, "--until", "catalogue", "--allow-unsealed"),
        ("show", case, "wallet_descriptors", "--json"),
        ("show", case, "defects", "--json"),
        ("ledger", case),
    )
    for step in steps:
        done = headwater(*step)
        assert done.status == 0, done.err
        assert not scanned((done.out + done.err).encode()), step
    defects = headwater("show", case, "defects", "--json").rows
    assert [d["code"] for d in defects].count("label_withheld") == 4
    outputs = [path for path in sorted(case.rglob("*")) if path.is_file()]
    found = {str(path.relative_to(case)): what for path in outputs if (what := scanned(contents_of(path)))}
    # The case's own signing keys lie where they belong; nothing else may be there.
    own = {name: found.pop(name) for name in sorted(found) if name.startswith("private/")}
    assert own
    assert all(kinds == ["a private key in PEM"] for kinds in own.values())
    assert not found
    assert scanned(legacy.read_bytes())
    assert scanned(electrum.read_bytes()), "the search is not blind: the sources hold the keys"
