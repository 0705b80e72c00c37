"""Every invariant bites: one thing is put wrong, the log and the digests put right, and its check fails alone."""

from __future__ import annotations

import datetime as dt
import shutil
import subprocess
from pathlib import Path

import pytest
import sqlalchemy as sa

from headwater.engine import file_sha256, write_parquet
from headwater.schema import item_id, table_named
from headwater.schema.state import OUTPUTS, RUNS
from headwater.workflow import Case, checks, run_stages, verify_path
from headwater_synth.disk_image import mke2fs_program

NOON = dt.datetime(2026, 1, 1, 12, tzinfo=dt.UTC)
TXID = "ab" * 32
CHAIN = {
    "blocks": {
        "block_hash": "bc" * 32,
        "previous_hash": "00" * 32,
        "height": 1,
        "active": True,
        "at_utc": NOON,
        "transactions": 1,
        "size_bytes": 300,
        "merkle_ok": True,
        "exhibit_id": "FILES",
        "file_name": "blk00000.dat",
        "file_offset_bytes": 0,
    },
    "transactions": {
        "txid": TXID,
        "block_hash": "bc" * 32,
        "block_height": 1,
        "position": 0,
        "at_utc": NOON,
        "is_coinbase": False,
        "inputs": 1,
        "outputs": 2,
        "input_sat": 5_000,
        "output_sat": 4_900,
        "fee_sat": 100,
        "coinjoin": "no",
    },
    "traces": {
        "trace_id": "trc-1",
        "direction": "forward",
        "policy": "fifo",
        "origin_txid": TXID,
        "origin_output_index": 0,
        "origin_sat": 5_000,
        "fee_sat": 100,
        "endpoints": 1,
    },
    "endpoints": {
        "endpoint_id": "end-1",
        "trace_id": "trc-1",
        "txid": TXID,
        "output_index": 0,
        "amount_sat": 4_900,
        "bound_sat": 4_900,
        "hops": 1,
        "stop_reason": "unspent",
        "at_utc": NOON,
    },
}


def rewrite(case: Case, name: str, change) -> None:
    """Put other rows into a derived table, as a defect of its stage would have: file, digest and log agree."""
    with case.tables() as tables:
        rows = tables.arrow(name).to_pylist()
    changed = change(rows)
    table = table_named(name).rows(rows if changed is None else changed)
    newest = sa.select(RUNS.c.run_id).where(RUNS.c.stage == table_named(name).stage).order_by(RUNS.c.seq.desc())
    with case.database.begin() as connection:
        run_id = connection.execute(newest).scalars().first()
        digest = write_parquet(table, case.table_file(name, run_id))
        case.record("parsed", case.actor(), object_ids=("by-hand",), outputs={f"{name}.parquet": digest})
        chosen = (OUTPUTS.c.run_id == run_id) & (OUTPUTS.c.table_name == name)
        connection.execute(OUTPUTS.update().where(chosen).values(sha256=digest, rows=table.num_rows))


@pytest.fixture
def case(small, monkeypatch):
    """The case with one transaction, one trace and where it ends; no stage made them."""
    # A table that was rewritten is another than later stages read; here that is no sign of an interrupted run.
    monkeypatch.setattr(checks, "stale_stages", lambda case: {})
    with Case(small.case) as opened:
        for name, row in CHAIN.items():
            rewrite(opened, name, lambda rows, row=row: [row])
        yield opened


def failed(path: Path) -> dict[str, str]:
    return {check.check: check.first_bad for check in verify_path(path) if not check.ok}


def test_what_the_checks_are_tried_on_is_whole(case):
    assert failed(case.path) == {}
    with case.tables() as tables:
        for name in ("entries", "items", "ledger", "dump_ranges", "dump_tables", "links", "leads", *CHAIN):
            assert tables.arrow(name).num_rows, f"{name}: empty, so a check of it says nothing"


def add(column, amount):
    def change(rows):
        rows[0][column] += amount

    return change


def to(column, value):
    def change(rows):
        rows[0][column] = value

    return change


def example(column, **values):
    def change(rows):
        rows[0][column][0].update(values)

    return change


def drop(rows):
    rows.pop()


def drop_all(rows):
    rows.clear()


def free_all(rows):
    for row in rows:
        row["range_kind"] = "unallocated"


_NO_ARCHIVE = {
    "archive_item_id": item_id("FILES", 0, b"a.txt"),
    "exhibit_id": "FILES",
    "path": "a.txt",
    "archive_format": "tar",
    "members": 1,
    "reason": None,
}

BROKEN = (
    ("I1.ledger_adds_up", "ledger", add("entries", 1), "1 entries and 0 bytes"),
    ("I1.ledger_adds_up", "ledger", add("catalogued", -1), "1 entries and 0 bytes"),
    ("I1.ledger_adds_up", "ledger", add("entry_bytes", 7), "0 entries and 7 bytes"),
    ("I1.ledger_adds_up", "ledger", add("refused_bytes", 7), "0 entries and -7 bytes"),
    ("I1.ledger_adds_up", "ledger", drop, "no line in the ledger"),
    ("I1.ledger_adds_up", "ledger", drop_all, "no line in the ledger"),
    ("I1.ledger_adds_up", "items", add("read_bytes", -1), "bytes is"),
    ("I1.ledger_adds_up", "items", to("disposition", "refused"), "when counted"),
    ("I1.ledger_adds_up", "entries", add("size_bytes", 1), "entry_bytes is"),
    ("I3.archive_members", "archives", lambda _: [_NO_ARCHIVE], "FILES a.txt: 1 members and 0 entries"),
    ("I3.archive_members", "entries", to("container_id", _NO_ARCHIVE["archive_item_id"]), "that was not gone into"),
    ("I4.dump_bytes", "dump_ranges", add("range_bytes", -1), "exhibit DUMP"),
    ("I4.dump_bytes", "dump_ranges", lambda rows: rows[1:], "exhibit DUMP"),
    ("I4.dump_bytes", "dump_ranges", drop_all, "exhibit DUMP: ranges add up to 0 bytes"),
    ("I4.dump_rows", "dump_tables", add("rows_read", 1), "rows do not add up"),
    ("I4.dump_rows", "dump_tables", add("rows_mapped", -1), "rows do not add up"),
    ("I4.dump_rows", "dump_tables", add("rows_rejected", 1), "rows do not add up"),
    ("I4.dump_rows", "dump_tables", add("rows_ignored", 1), "rows do not add up"),
    ("I5.every_row_cites", "uploads", to("exhibit_id", "NONE"), "uploads.exhibit_id: NONE is no row of exhibits"),
    ("I5.every_row_cites", "leads", to("named_record_id", "rec-none"), "rec-none is no row of records"),
    ("I5.every_row_cites", "links", to("left_id", "acc-none"), "links.left_id: acc-none is no row of accounts"),
    ("I5.every_row_cites", "links", to("right_id", "rec-none"), "links.right_id: rec-none is no row of records"),
    ("I5.every_row_cites", "links", to("right_table", "people"), "is in no table that there is"),
    (
        "I5.every_row_cites",
        "contrary_facts",
        to("source_id", "x-none"),
        "contrary_facts.source_id: x-none is no row of",
    ),
    ("I5.every_row_cites", "leads", example("rules_fired", example_id="acc-none"), "leads.rules_fired: acc-none"),
    ("I5.every_row_cites", "leads", example("jurisdiction", example_id="lgn-none"), "leads.jurisdiction: lgn-none"),
    ("I9.transactions_conserve", "transactions", add("fee_sat", 1), f"transaction {TXID}"),
    ("I9.transactions_conserve", "transactions", add("output_sat", -1), f"transaction {TXID}"),
    ("I9.transactions_conserve", "transactions", add("input_sat", 1), f"transaction {TXID}"),
    ("I9.transactions_conserve", "transactions", to("fee_sat", None), f"transaction {TXID}"),
    ("I9.traces_conserve", "traces", add("origin_sat", 1), "trace trc-1: 5001 satoshis in, 5000 out"),
    ("I9.traces_conserve", "traces", add("fee_sat", -1), "trace trc-1"),
    ("I9.traces_conserve", "endpoints", add("amount_sat", 1), "trace trc-1: 5000 satoshis in, 5001 out"),
    ("I9.traces_conserve", "endpoints", drop, "trace trc-1: 5000 satoshis in, 100 out"),
)


@pytest.mark.parametrize(
    ("name", "table", "change", "words"),
    BROKEN,
    ids=[f"{name}-{table}-{n}" for n, (name, table, *_) in enumerate(BROKEN)],
)
def test_one_thing_put_wrong_fails_its_check_and_no_other(name, table, change, words, case):
    rewrite(case, table, change)
    found = failed(case.path)
    assert list(found) == [name], found
    assert words in found[name]


@pytest.fixture
def noted(case):
    """A case in whose log a note of a run stands."""
    place = case.path / "notes" / "run-1" / "database-1.json"
    place.parent.mkdir(parents=True)
    place.write_bytes(b"{}")
    outputs = {"notes/database-1.json": file_sha256(place)}
    case.record("parsed", case.actor(), object_ids=("run-1",), outputs=outputs)
    assert failed(case.path) == {}
    return place


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda note: note.unlink(), "database-1.json: gone"),
        (lambda note: note.write_bytes(b"{ }"), "database-1.json: altered"),
        (lambda note: note.with_name("other").write_bytes(b""), "notes/run-1/other: in no custody entry"),
    ],
)
def test_a_note_is_as_the_run_left_it(case, noted, change, words):
    change(noted)
    found = failed(case.path)
    assert list(found) == ["I7.notes_in_custody"]
    assert words in found["I7.notes_in_custody"]


@pytest.fixture(scope="module")
def imaged_template(tmp_path_factory, headwater):
    """A case with a disk image, run as far as the catalogue."""
    folder = tmp_path_factory.mktemp("imaged")
    (folder / "tree").mkdir()
    (folder / "tree" / "a.txt").write_bytes(b"one\n" * 3000)
    image = folder / "image"
    words = [mke2fs_program(), "-q", "-t", "ext4", "-d", folder / "tree", image, "2M"]
    subprocess.run(words, check=True, capture_output=True)
    for step in (
        ("case", "create", folder / "case", "--authority", "Order 1", "--operator", "A. Examiner"),
        ("evidence", "add", folder / "case", image, "--exhibit", "DISK"),
        ("run", folder / "case", "--until", "catalogue", "--workers", 1, "--allow-unsealed"),
    ):
        done = headwater(*step)
        assert done.status == 0, done.err
    return folder / "case"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (drop, "the ranges of the medium do not meet at byte"),
        (lambda rows: rows[1:], "the ranges of the medium do not meet at byte 0 of 2097152"),
        (lambda rows: rows[:3] + rows[4:], "the ranges of the medium do not meet at byte"),
        (drop_all, "the ranges of the medium do not meet at byte 0 of 2097152"),
        (add("range_bytes", 1), "the ranges of the medium do not meet at byte"),
        (free_all, "a.txt was read at byte"),
        (list, None),
    ],
)
def test_the_ranges_of_a_medium_must_tile_it(imaged_template, tmp_path, monkeypatch, change, words):
    monkeypatch.setattr(checks, "stale_stages", lambda case: {})
    path = shutil.copytree(imaged_template, tmp_path / "case")
    with Case(path) as opened:
        rewrite(opened, "medium_ranges", change)
    found = failed(path)
    if words is None:
        assert found == {}
    else:
        assert list(found) == ["I2.medium_ranges"]
        assert words in found["I2.medium_ranges"]


@pytest.mark.parametrize("table", ["items", "entries"])
def test_a_row_that_is_gone_fails_its_check(table, case):
    rewrite(case, table, drop)
    assert failed(case.path)["I1.ledger_adds_up"] in {"3 entries and 2 items", "2 entries and 3 items"}


def unresolved(rows):
    rows[0]["input_sat"] = rows[0]["fee_sat"] = None


def test_a_transaction_without_undo_data_is_no_finding_while_a_defect_says_so(case):
    rewrite(case, "transactions", unresolved)
    assert failed(case.path) == {}
    rewrite(case, "defects", drop_all)
    assert failed(case.path) == {
        "I9.transactions_conserve": "1 transactions have no known inputs, and no defect says why"
    }


def test_a_table_whose_record_was_put_right_by_hand_fails_for_the_log(case):
    with case.tables() as tables:
        rows = tables.arrow("accounts").to_pylist()
    rows[0]["nickname"] = "somebody else"
    with case.database.begin() as connection:
        run_id = connection.execute(sa.select(OUTPUTS.c.run_id).where(OUTPUTS.c.table_name == "accounts")).scalar_one()
        digest = write_parquet(table_named("accounts").rows(rows), case.table_file("accounts", run_id))
        connection.execute(OUTPUTS.update().where(OUTPUTS.c.table_name == "accounts").values(sha256=digest))
    assert failed(case.path) == {
        "I7.tables_in_custody": f"tables/accounts/{run_id}.parquet: its digest is in no custody entry"
    }


@pytest.mark.parametrize("gone", ["hash-list@1", "hash-list@1/hash_list_entries.parquet", "hash-list@1/seal.json"])
def test_a_reference_that_is_gone_or_in_part_fails(gone, case):
    path = case.path / "references" / gone
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink()
    assert "hash-list@1" in failed(case.path)["I7.references_in_custody"]


def test_a_check_that_cannot_read_fails_and_does_not_stop_the_others(case):
    (path,) = (case.path / "tables" / "ledger").iterdir()
    path.unlink()
    found = {check.check: check for check in verify_path(case.path)}
    assert not found["I1.ledger_adds_up"].ok
    assert found["I9.traces_conserve"].ok


# Two people


def release(case, author, approver, *, outcome="done"):
    case.record("exported", case.actor(author), object_ids=("pkg-1", "led-1"))
    case.record("transferred", case.actor(approver), object_ids=("pkg-1", "led-1"), outcome=outcome, recipient="FR")


def test_a_release_by_two_people_passes(case):
    release(case, "A. Examiner", "B. Analyst")
    assert failed(case.path) == {}


@pytest.mark.parametrize("approver", ["A. Examiner", "a. examiner", " A. EXAMINER "])
def test_a_release_by_who_drafted_fails(approver, case):
    release(case, "A. Examiner", approver)
    assert failed(case.path)["I6.two_people"].startswith("package pkg-1: released by")


def test_a_release_of_what_nobody_drafted_fails(case):
    case.record("transferred", case.actor("B. Analyst"), object_ids=("pkg-1", "led-1"), recipient="FR")
    assert failed(case.path)["I6.two_people"] == "package pkg-1: released by B. Analyst, drafted by nobody"


def test_a_release_that_was_refused_is_none(case):
    release(case, "A. Examiner", "A. Examiner", outcome="refused: its author")
    assert failed(case.path) == {}


# Between two runs


def test_a_case_that_was_run_in_part_is_no_finding_and_says_what_is_not_checked(small, headwater):
    whole = {check.check: check for check in verify_path(small.case)}
    assert whole["stages.current"].first_bad is None
    (small.folder / "more").mkdir()
    (small.folder / "more" / "c.txt").write_bytes(b"three\n")
    added = headwater("evidence", "add", small.case, small.folder / "more", "--exhibit", "MORE", "--allow-unsealed")
    assert added.status == 0, added.err
    assert failed(small.case) == {}
    with Case(small.case) as case:
        run_stages(case, case.actor(), until="evidence", allow_unsealed=True)
    found = {check.check: check for check in verify_path(small.case)}
    assert [check for check in found.values() if not check.ok] == []
    assert found["stages.current"].first_bad.startswith("catalogue: not checked, because evidence.entries has changed")
    with Case(small.case) as case:
        run_stages(case, case.actor(), allow_unsealed=True)
    assert {check.check: check for check in verify_path(small.case)}["stages.current"].first_bad is None
    assert failed(small.case) == {}


def test_a_mapping_that_binds_fewer_accounts_leaves_no_finding_between_two_runs(small, headwater):
    path = small.folder / "fewer.yaml"
    mapping = (small.folder / "mapping.yaml").read_bytes()
    path.write_bytes(
        mapping.replace(b"    binds: accounts\n", b"    binds: accounts\n    where: {column: id, equals: '1'}\n")
    )
    assert headwater("map", small.case, "--approve", path).status == 0
    with Case(small.case) as case:
        run_stages(case, case.actor(), until="evidence", allow_unsealed=True)
        with case.tables() as tables:
            assert tables.arrow("accounts").num_rows == 1
    assert failed(small.case) == {}
    assert headwater("leads", small.case).status == 0


def test_verification_is_in_the_log_with_its_outcome(small):
    assert failed(small.case) == {}
    (small.folder / "files" / "c.txt").write_bytes(b"new\n")
    assert set(failed(small.case)) == {"evidence.unchanged"}
    with Case(small.case) as case:
        last = [entry for entry in case.custody.entries() if entry.event == "verified"][-2:]
    assert [entry.outcome for entry in last] == ["done", "failed: evidence.unchanged"]
