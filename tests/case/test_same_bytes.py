"""The same evidence gives the same bytes, wherever and however it is worked on."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from pyrage import x25519

from headwater.engine import Spool, spool
from headwater.evidence import entries

pytestmark = pytest.mark.case

HEADWATER = (sys.executable, "-c", "from headwater.cli import main; main()")
ELSEWHERE = {"TZ": "Pacific/Kiritimati", "LC_ALL": "C.UTF-8", "PYTHONHASHSEED": "4711"}
"""As far from a machine's usual setting as it goes: another day of the week, and no language."""


def run(case: Path, environment: dict[str, str], *arguments: object) -> str:
    done = subprocess.run(
        [*HEADWATER, *map(str, arguments)],
        env={**os.environ, **environment},
        cwd=case.parent,
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def digests(output: str) -> dict[str, tuple[str, int]]:
    rows = [json.loads(line) for line in output.splitlines()]
    return {f"{row['stage']}.{row['table']}": (row["sha256"], row["rows"]) for row in rows}


def test_time_zone_locale_hash_seed_workers_and_folder_do_not_show(finished, headwater, taken_in, tmp_path):
    elsewhere = tmp_path / "another place"
    elsewhere.mkdir()
    # Made in another order, so that a folder's own order is another one.
    for path in sorted(finished.seizure.rglob("*"), reverse=True):
        if path.is_file():
            copy = elsewhere / "seized" / path.relative_to(finished.seizure)
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, copy)
    case = elsewhere / "case"
    taken_in(case, elsewhere / "seized")
    again = ("run", case, "--workers", 1, "--allow-unsealed")
    run(case, ELSEWHERE | {"LC_ALL": "C"}, *again, "--until", "money")
    run(case, ELSEWHERE, *again)
    for operator in ("D. Somebody", "E. Other"):
        judged = ("--why", "another reason", "--operator", operator)
        run(case, ELSEWHERE, "judge", case, finished.judged_link, "positive", *judged)
    run(case, ELSEWHERE, *again)
    found = digests(run(case, ELSEWHERE, "digests", case, "--json"))
    expected = digests(headwater("digests", finished.case, "--json").out)
    assert len(expected) > 35
    assert found == expected
    drafted = ("--country", finished.country, "--recipient", age_key(finished), "--legal-basis", "test")
    told = run(case, ELSEWHERE, "package", case, *drafted, "--operator", "B. Analyst", "--json")
    [row] = [json.loads(line) for line in told.splitlines()]
    there = {path.name: path.read_bytes() for path in (Path(row["folder"]) / "draft").iterdir()}
    here = {path.name: path.read_bytes() for path in (finished.package / "record").iterdir()}
    # These name the case, the keys and the time, which are others: see the next test.
    own = {"manifest.json", "signatures.json", "approval.json", "report.pdf", "hash_references_vics.json"}
    own |= {"disclosure_custody.json", "disclosure_rejected.jsonl"}  # acts of the log, with their times and numbers
    own |= {"stix_bundle.json", "followthemoney.jsonl", *(name for name in here if name.endswith(".jsonld"))}
    assert {name for name in here if here[name] != there.get(name)} <= own
    assert here.keys() - there.keys() == {"approval.json"}
    assert len(here.keys() - own) > 5


def age_key(finished) -> str:
    return str(x25519.Identity.from_str(finished.recipient_key).to_public())


def test_a_draft_is_the_same_in_every_byte_wherever_it_is_made(finished, own_case, tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(Path(__file__).parents[2] / "bench")
    from perturbed import drafts_twice

    (drafted,) = (own_case / "packages").glob("*/*")
    shutil.rmtree(drafted)  # so that the same leads can be drafted once more
    told = {"country": finished.country, "recipient": age_key(finished), "author": "B. Analyst"}
    here, elsewhere = drafts_twice(own_case, tmp_path / "drafts", **told)
    assert {"manifest.json", "signatures.json", "report.pdf", "leads.jsonl"} <= here.keys()
    assert here == elsewhere


def test_a_table_that_is_gone_stops_the_run_and_fails_verification(own_case, headwater):
    (lost,) = (own_case / "tables" / "traces").iterdir()
    lost.unlink()
    done = headwater("run", own_case, "--allow-unsealed")
    assert done.status == 2
    assert lost.name in done.err
    assert headwater("verify", own_case, "--skip-evidence").status == 1


def test_an_altered_table_stops_the_run_and_fails_verification(own_case, headwater):
    (table,) = (own_case / "tables" / "entries").iterdir()
    content = bytearray(table.read_bytes())
    content[len(content) // 2] ^= 1
    table.write_bytes(content)
    done = headwater("run", own_case, "--allow-unsealed")
    assert done.status == 2
    assert "SHA-256" in done.err
    assert headwater("verify", own_case, "--skip-evidence").status == 1


@pytest.mark.parametrize("name", ["custody.log", "custody.heads"])
def test_an_altered_custody_log_fails_verification(own_case, headwater, name):
    log = own_case / name
    content = bytearray(log.read_bytes())
    content[len(content) // 3] ^= 1
    log.write_bytes(content)
    done = headwater("verify", own_case, "--skip-evidence", "--json")
    assert done.status == 1
    assert any(row["first_bad"] for row in done.rows)


def test_an_exhibit_that_changed_stops_the_run(finished, headwater, taken_in, tmp_path):
    seized = tmp_path / "seized"
    shutil.copytree(finished.seizure, seized)
    case = tmp_path / "case"
    taken_in(case, seized)
    dump = seized / "dump/platform.sql"
    content = bytearray(dump.read_bytes())
    content[5_000] ^= 1
    dump.write_bytes(content)
    done = headwater("run", case, "--until", "catalogue", "--allow-unsealed")
    assert done.status == 2
    assert done.err.startswith("headwater: exhibit EX-2: SHA-256 is ")
    assert headwater("digests", case).out == ""
    failed = headwater("verify", case, "--json")
    assert failed.status == 1
    assert [row["check"] for row in failed.rows if not row["ok"]] == ["evidence.unchanged"]


def test_how_much_fits_into_memory_does_not_show(finished, headwater, taken_in, tmp_path, monkeypatch):
    put_down = []
    whole = Spool._put_down

    def told(self: Spool) -> None:
        put_down.append(self._table.name)
        whole(self)

    monkeypatch.setattr(Spool, "_put_down", told)
    monkeypatch.setattr(spool, "HELD_BYTES", 1)
    monkeypatch.setattr(entries, "PART_ENTRIES", 5)
    case = tmp_path / "case"
    taken_in(case, finished.seizure)
    done = headwater("run", case, "--until", "catalogue", "--allow-unsealed")
    assert done.status == 0, done.err
    assert {"entries", "items", "ledger", "uploads", "accounts", "dump_ranges"} <= set(put_down)
    expected = digests(headwater("digests", finished.case, "--json").out)
    found = digests(headwater("digests", case, "--json").out)
    assert found == {name: value for name, value in expected.items() if name in found}
    assert {name.split(".")[0] for name in found} == {"evidence", "catalogue"}
    assert not list((case / "tables").glob(".*"))


def test_a_chain_by_parts_gives_the_same_bytes_and_says_so(finished, headwater, taken_in, tmp_path):
    case = tmp_path / "case"
    taken_in(case, finished.seizure)
    settings = case / "case.toml"
    text = settings.read_text("utf-8")
    assert "chain_memory_bytes = 0\n" in text
    settings.write_text(text.replace("chain_memory_bytes = 0\n", "chain_memory_bytes = 1\n"), "utf-8")
    done = headwater("run", case, "--until", "money", "--allow-unsealed")
    assert done.status == 0, done.err
    assert "the chain is worked on by parts" in done.err
    assert "chain_memory_bytes is 1 B" in done.err
    expected = digests(headwater("digests", finished.case, "--json").out)
    found = digests(headwater("digests", case, "--json").out)
    assert found == {name: value for name, value in expected.items() if name in found}
    assert "money.tx_outputs" in found
    assert not list((case / "tables").glob(".*"))
