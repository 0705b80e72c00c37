"""What holds of a case after the whole path, whoever made the platform."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import re
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from pyrage import decrypt, x25519

pytestmark = pytest.mark.case

MEASURES = (
    "ledger.unaccounted_bytes",
    "media.exact.recall",
    "media.near.recall",
    "media.near.precision",
    "media.cluster.pair_f1",
    "money.platform_addresses.recall",
    "money.cluster.pair_precision",
    "money.cluster.pair_recall",
    "money.coinjoin.excluded",
    "money.endpoint.recall",
    "money.taint_error_sat",
    "links.paid.precision",
    "links.paid.recall",
    "links.used.precision",
    "links.used.recall",
    "leads.origin.worst_rank_percent",
    "leads.innocents_named",
)
RUN_BYTES = 32


def files_below(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def digests_of(case, headwater) -> dict[str, str]:
    done = headwater("digests", case, "--json")
    assert done.status == 0, done.err
    return {f"{row['stage']}.{row['table']}": row["sha256"] for row in done.rows}


def test_the_ledger_adds_up_to_the_byte_for_every_exhibit(finished, headwater):
    done = headwater("ledger", finished.case, "--json")
    assert done.status == 0, done.err
    sums = {row["source"]: row for row in done.rows if "source" in row}
    assert set(sums) == {"EX-1", "EX-2", "EX-3", "EX-4", "total"}
    for row in sums.values():
        assert row["unaccounted_bytes"] == 0
        assert row["entries"] == row["catalogued"] + row["refused"] + row["deferred"]
        assert row["entry_bytes"] == row["catalogued_bytes"] + row["refused_bytes"] + row["deferred_bytes"]
    assert sums["EX-1"]["entries"] > 40
    assert sums["EX-2"]["entry_bytes"] == (finished.seizure / "dump/platform.sql").stat().st_size
    by_directory = headwater("ledger", finished.case, "--by-directory", "--json").rows
    by_directory = [row for row in by_directory if "directory" in row]
    assert sum(row["entries"] for row in by_directory) == sums["total"]["entries"]
    assert sum(row["entry_bytes"] for row in by_directory) == sums["total"]["entry_bytes"]


def test_the_ledger_shows_what_could_not_be_read(finished, headwater):
    last = headwater("ledger", finished.case, "--json").rows[-1]
    defects = headwater("show", finished.case, "defects", "--json").rows
    assert sum(last["defects"].values()) == len(defects) > 0
    (dump,) = last["dump_tables"]
    assert dump["rows_read"] == dump["rows_mapped"] + dump["rows_rejected"] + dump["rows_ignored"]
    assert all(row["reason"] and row["code"] for row in defects)


def test_every_check_of_the_case_passes(finished, headwater):
    done = headwater("verify", finished.case, "--json")
    assert done.status == 0, done.out
    checks = {row["check"] for row in done.rows}
    for needed in ("custody.log.chain", "evidence.unchanged", "I1.ledger_adds_up", "I5.every_row_cites"):
        assert needed in checks
    assert all(row["ok"] and row["first_bad"] is None for row in done.rows)


def test_the_package_and_the_log_verify_by_the_independent_program(finished, headwater):
    assert headwater("verify", finished.package).status == 0
    for path in (finished.case, finished.package / "record"):
        command = [sys.executable, "-m", "headwater_verify", str(path)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr


def test_a_second_run_changes_nothing(finished, headwater):
    tables = {path: path.stat().st_mtime_ns for path in files_below(finished.case / "tables")}
    log_bytes = (finished.case / "custody.log").stat().st_size
    done = headwater("run", finished.case, "--json", "--allow-unsealed")
    assert done.status == 0, done.err
    assert [row["changed"] for row in done.rows] == [False] * len(done.rows)
    assert {path: path.stat().st_mtime_ns for path in files_below(finished.case / "tables")} == tables
    assert (finished.case / "custody.log").stat().st_size == log_bytes


def test_no_table_says_where_the_case_or_the_evidence_lies(finished, headwater):
    needles = [str(finished.case).encode(), str(finished.seizure).encode()]
    for row in headwater("show", finished.case, "tables", "--json").rows:
        shown = headwater("show", finished.case, row["table"], "--json").out.encode()
        assert not any(needle in shown for needle in needles), row["table"]


def test_who_drafted_a_package_cannot_release_it(own_case, finished, headwater):
    # Drafted anew, because the package of the fixture has left already.
    key = str(x25519.Identity.from_str(finished.recipient_key).to_public())
    options = ("--country", finished.country, "--recipient", key, "--legal-basis", "test", "--operator", "B. Analyst")
    drafted = headwater("package", own_case, *options, "--json")
    assert drafted.status == 0, drafted.err
    package_id = drafted.rows[0]["package_id"]
    release = ("release", own_case, package_id, "--why", "x", "--all-opened")
    refused = headwater(*release, "--operator", "B. Analyst")
    assert refused.status == 2
    assert refused.err.count("\n") == 1
    assert not (own_case / "packages" / finished.country / package_id / "sealed").exists()
    assert headwater(*release, "--operator", "C. Approver").status == 0
    assert headwater("verify", own_case, "--skip-evidence").status == 0


def test_the_release_that_the_fixture_made_names_two_people(finished):
    approval = json.loads((finished.package / "record/approval.json").read_bytes())
    manifest = json.loads((finished.package / "record/manifest.json").read_bytes())
    assert "C. Approver" in json.dumps(approval)
    assert "B. Analyst" in json.dumps(manifest)


def test_a_lead_is_named_only_where_a_person_judged(finished, headwater):
    leads = headwater("leads", finished.case, "--limit", 0, "--json").rows
    link = next(
        row
        for row in headwater("show", finished.case, "links", "--json").rows
        if row["link_id"] == finished.judged_link
    )
    named = {lead["account_id"]: lead["named_record_id"] for lead in leads if lead["named_record_id"]}
    assert named == {link["left_id"]: link["right_id"]}
    for lead in leads:
        assert (lead["assertion_kind"] == "assessed") == (lead["account_id"] in named)
        assert lead["data_subject_category"] == "unclassified"
    assert [lead["rank"] for lead in leads] == list(range(1, len(leads) + 1))
    assert [lead["risk_tier"] for lead in leads] == sorted(lead["risk_tier"] for lead in leads)


@pytest.mark.parametrize(
    ("table", "ends_at"),
    [
        ("leads", {"exhibits"}),
        ("payments", {"exhibits"}),
        ("items", {"exhibits"}),
        ("links", {"exhibits", "records"}),
        ("traces", {"exhibits"}),
        ("media_matches", {"exhibits", "hash_list_entries"}),
        ("contrary_facts", {"exhibits", "networks", "records"}),
    ],
)
def test_the_way_back_of_a_row_ends_at_an_exhibit_or_an_import(table, ends_at, finished, headwater):
    rows = headwater("show", finished.case, table, "--json").rows
    assert rows
    key = {"media_matches": "match_id", "contrary_facts": "fact_id"}.get(table, f"{table.removesuffix('s')}_id")
    for row in rows[:: max(1, len(rows) // 5)]:
        done = headwater("explain", finished.case, row[key], "--json")
        assert done.status == 0, done.err
        steps = done.rows
        assert steps[0]["depth"] == 0
        assert steps[0]["table"] == table
        assert ends_at & {step["table"] for step in steps}


def test_the_way_back_of_a_lead_passes_what_its_rules_saw(finished, headwater):
    lead = headwater("leads", finished.case, "--limit", 1, "--json").rows[0]
    steps = headwater("explain", finished.case, lead["lead_id"], "--json").rows
    assert {rule["table"] for rule in lead["rules_fired"]} <= {step["table"] for step in steps}
    dumps = {step["row"].get("exhibit_id") for step in steps}
    assert "EX-2" in dumps


def test_explain_of_what_is_not_there_is_one_clear_line(finished, headwater):
    done = headwater("explain", finished.case, "itm-none")
    assert done.status == 2
    assert done.err == ("headwater: itm-none: no table of this case has this id; copy the id from 'headwater show'\n")


def media_items(finished, headwater, scratch: Path) -> list[bytes]:
    """The content of every media item, read from the image by another program."""
    paths = [
        row["path"]
        for row in headwater("show", finished.case, "items", "--json").rows
        if row["content_kind"] in {"still", "video"}
    ]
    assert len(paths) > 15
    program = shutil.which("debugfs", path=f"{os.environ['PATH']}:/usr/sbin:/sbin")
    if program is None:
        pytest.skip("debugfs is absent; it comes with e2fsprogs")
    found = []
    for number, path in enumerate(paths):
        copy = scratch / str(number)
        command = [program, "-R", f"dump /{path} {copy}", str(finished.seizure / "disk/server.img")]
        subprocess.run(command, capture_output=True, check=True)
        found.append(copy.read_bytes())
    return found


def spelled(content: bytes) -> bytes:
    """What the content holds as digits or letters: runs of hexadecimal and base64, decoded from each place in them."""
    found = []
    for run in re.findall(rb"[0-9A-Fa-f]{64,}", content):
        found += [bytes.fromhex(run[at : at + (len(run) - at) // 2 * 2].decode()) for at in range(2)]
    for run in re.findall(rb"[A-Za-z0-9+/_-]{44,}", content):
        plain = run.translate(bytes.maketrans(b"-_", b"+/"))
        found += [base64.b64decode(plain[at : at + (len(run) - at) // 4 * 4]) for at in range(4)]
    return b"".join(found)


def run_in(content: bytes, prefixes: dict[bytes, set[bytes]]) -> bytes | None:
    """The first run that the content holds, wherever it begins; the runs stand by their first four bytes."""
    for at in range(len(content) - RUN_BYTES + 1):
        starting = prefixes.get(content[at : at + 4])
        if starting is not None and content[at : at + RUN_BYTES] in starting:
            return content[at : at + RUN_BYTES]
    return None


def test_nothing_of_any_media_is_in_the_case_or_the_package(finished, headwater, tmp_path):
    # Every run but those of few different bytes, such as zeros, which anything may hold.
    runs = set()
    for content in media_items(finished, headwater, tmp_path):
        for at in range(0, len(content) - RUN_BYTES, RUN_BYTES):
            run = content[at : at + RUN_BYTES]
            if len(set(run)) > 16:
                runs.add(run)
    assert len(runs) > 1_000
    names = {path.name for path in (finished.package / "record").iterdir()}
    assert {"stix_bundle.json", "followthemoney.jsonl", "hash_references_vics.json", "case_terms.ttl"} <= names
    assert any(name.endswith(".jsonld") for name in names)
    report = (finished.package / "record" / "report.pdf").read_bytes()
    held = [path.read_bytes() for path in files_below(finished.case)]
    assert report in held
    identity = x25519.Identity.from_str(finished.recipient_key)
    plaintext = decrypt((finished.package / "sealed/package.age").read_bytes(), [identity])
    prefixes: dict[bytes, set[bytes]] = {}
    for run in runs:
        prefixes.setdefault(run[:4], set()).add(run)
    for content in (*held, plaintext, spelled(plaintext)):
        assert run_in(content, prefixes) is None
    # The search is not blind: a run that is planted is found in each spelling.
    canary = min(runs)
    for form in (
        canary,
        canary.hex().upper().encode(),
        base64.b64encode(b"x" + canary + b"x"),
        base64.urlsafe_b64encode(canary * 2),
    ):
        planted = plaintext[:5_000] + b'"' + form + b'"'
        assert canary in (run_in(planted, prefixes), run_in(spelled(planted), prefixes))


def wallet_secrets(wallet: Path) -> list[bytes]:
    """What the key records of the wallet hold: the 32 bytes of each private key, and the record around it."""
    with contextlib.closing(sqlite3.connect(f"file:{wallet}?mode=ro", uri=True)) as database:
        rows = database.execute("SELECT key, value FROM main").fetchall()
    values = [value for key, value in rows if key[1:].startswith((b"walletdescriptorkey", b"key", b"mkey"))]
    secrets = []
    for value in values:
        at = value.index(b"\x04\x20") + 2  # source: RFC 5915, ECPrivateKey: an OCTET STRING of 32 bytes
        secrets.append(value[at : at + 32])
    return secrets


def test_no_key_of_the_seized_wallet_is_in_any_file_of_the_case(finished, headwater):
    secrets = wallet_secrets(finished.seizure / "wallet/wallet.dat")
    assert secrets
    needles = [form for s in secrets for form in (s, s[::-1], s.hex().encode(), s.hex().upper().encode())]
    # Parquet packs text; the rows as they are shown stand for what is packed in it.
    shown = [
        headwater("show", finished.case, row["table"], "--json").out.encode()
        for row in headwater("show", finished.case, "tables", "--json").rows
    ]
    for content in [path.read_bytes() for path in files_below(finished.case)] + shown:
        assert not any(needle in content for needle in needles)
    for content in shown:
        assert not any(word in content for word in (b"xprv", b"tprv", b"yprv", b"zprv"))
    descriptors = headwater("show", finished.case, "wallet_descriptors", "--json").rows
    assert len(descriptors) == 2
    assert all("pub" in row["descriptor"] and "prv" not in row["descriptor"] for row in descriptors)


def test_the_score_prints_every_measure(finished):
    command = [sys.executable, "-c", "from headwater_synth.cli import main; main()"]
    command += ["score", str(finished.case), str(finished.truth), "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    found = {row["measure"]: row for row in rows}
    assert [name for name in MEASURES if name not in found] == []
    assert all(set(row) == {"measure", "value", "n"} for row in rows)
    assert found["ledger.unaccounted_bytes"]["value"] == 0
    assert found["money.taint_error_sat"]["value"] == 0
    assert found["leads.innocents_named"]["value"] == 0
    assert found["media.exact.recall"]["value"] == 1
    assert found["money.platform_addresses.recall"]["value"] == 1


def test_scoring_writes_nothing_derived(finished, headwater):
    before = digests_of(finished.case, headwater)
    assert before
    assert digests_of(finished.case, headwater) == before
