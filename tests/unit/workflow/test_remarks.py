"""Remarks: on record before they count, sealed under the keys of whom they are about, joined after a crash."""

from __future__ import annotations

import json
from dataclasses import asdict

import pytest

from headwater.errors import ConfigError, InputError, RefusedError
from headwater.judgements import Remark
from headwater.workflow import Case, remark_on, remarks_shown, unfinished, withdraw_remark

HELD = "words about a person that nobody else has"


def account_of(case: Case) -> str:
    with case.tables() as tables:
        return str(tables.arrow("accounts")["account_id"][0].as_py())


def shown(case: Case, **options) -> list[dict]:
    with case.tables() as tables:
        return remarks_shown(tables, **options)


@pytest.fixture
def case(small):
    with Case(small.case) as opened:
        yield opened


def test_a_text_about_a_subject_lies_sealed_and_goes_with_the_subject_s_key(case, headwater, tmp_path):
    account = account_of(case)
    remark = remark_on(case, case.actor("A", why="test"), account, "note", HELD)
    assert shown(case)[0]["text"] == HELD
    for path in case.path.rglob("*"):
        assert not path.is_file() or HELD.encode() not in path.read_bytes(), path
    words = ("--legal-basis", "Order 9", "--receipt", tmp_path / "receipt.json", "--operator", "A", "--why", "asked")
    done = headwater("custody", "erase", case.path, "--subject", account, *words)
    assert done.status == 0, done.err
    assert remark.remark_id in (tmp_path / "receipt.json").read_text()
    with Case(case.path) as after:
        assert shown(after) == []
    assert headwater("verify", case.path, "--skip-evidence").status == 0


def test_a_label_on_a_file_is_no_subject_s_and_is_found_by_its_words(case):
    with case.tables() as tables:
        item = tables.arrow("items")["item_id"][0].as_py()
    remark_on(case, case.actor(), item, "label", "Look Again")
    remark_on(case, case.actor(), item, "note", "look again")
    [row] = shown(case, remark_kind="label", text=" look again ")
    assert (row["object_table"], row["object_id"], row["text"]) == ("items", item, "Look Again")


def test_refusals_are_on_record(case):
    account = account_of(case)
    before = list(case.custody.entries())
    remark = remark_on(case, case.actor("A"), account, "note", "x")
    with pytest.raises(ConfigError, match="no kind of remark"):
        remark_on(case, case.actor("A"), account, "opinion", "x")
    with pytest.raises(InputError, match="no row"):
        remark_on(case, case.actor("A"), "acc-none", "note", "x")
    with pytest.raises(RefusedError, match="A wrote it"):
        withdraw_remark(case, case.actor("B"), remark.remark_id, why="no")
    withdraw_remark(case, case.actor(" a"), remark.remark_id, why="mine")
    with pytest.raises(InputError, match="already"):
        withdraw_remark(case, case.actor("A"), remark.remark_id, why="mine")
    failed = [entry for entry in list(case.custody.entries())[len(before) :] if entry.event == "failed"]
    assert len(failed) == 4
    assert shown(case) == []
    assert [row["state"] for row in shown(case, also_ended=True)] == ["withdrawn"]


def test_beside_a_row_about_a_victim_only_their_readers_note_find_and_withdraw(case, monkeypatch):
    account = account_of(case)
    monkeypatch.setattr("headwater.workflow.remarks.OF_VICTIMS", frozenset({"accounts"}))
    with pytest.raises(InputError, match="no row"):
        remark_on(case, case.actor("A"), account, "label", "seen")
    remark = remark_on(case, case.actor("V"), account, "label", "seen", of_victims=True)
    assert shown(case) == []
    assert [row["text"] for row in shown(case, of_victims=True)] == ["seen"]
    with pytest.raises(InputError, match="no such remark"):
        withdraw_remark(case, case.actor("A"), remark.remark_id, why="no")
    withdraw_remark(case, case.actor("V"), remark.remark_id, why="done", of_victims=True)
    assert shown(case, of_victims=True) == []


def test_what_a_crash_parted_is_joined_and_what_nobody_recorded_is_thrown_away(case):
    account = account_of(case)
    fields = {"object_id": account, "object_table": "accounts", "remark_kind": "label", "operator": "A"}
    recorded = Remark(**fields, text="kept", at_utc=case.now())
    invented = Remark(**fields, text="never said", at_utc=case.now())
    folder = case.path / "unfinished"
    folder.mkdir(exist_ok=True)
    for remark in (recorded, invented):
        (folder / f"{remark.remark_id}.json").write_text(json.dumps(asdict(remark)))
    case.record("judged", case.actor("A"), object_ids=(account, recorded.remark_id), params={"remark": "label"})
    with Case(case.path) as again:
        assert [row["text"] for row in shown(again)] == ["kept"]
        unfinished.finish_decisions(case.path, again.database, again.custody)
    assert list(folder.iterdir()) == []


def test_a_remark_that_was_changed_behind_the_log_s_back_is_found(case, headwater):
    remark_on(case, case.actor(), account_of(case), "label", "first")
    with case.database.begin() as connection:
        connection.exec_driver_sql("UPDATE remarks SET operator = 'somebody else'")
    rows = headwater("verify", case.path, "--skip-evidence", "--json").rows
    bad = {row["check"]: row["first_bad"] for row in rows if not row["ok"]}
    assert list(bad) == ["I7.remarks_in_custody"]
    assert "somebody else" in bad["I7.remarks_in_custody"]
