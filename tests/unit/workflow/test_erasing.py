"""A subject is erased: what was written about it goes with its key, its rows are withheld, and a receipt says so."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

import headwater_verify
from headwater.workflow import Case

SECRET = "Marta says so herself"
WHO = ("--operator", "A. Examiner", "--why", "asked for under the law")
BASIS = ("--legal-basis", "Order 9, Art. 16(2)")


def done(outcome: Any) -> Any:
    assert outcome.status == 0, outcome.err
    return outcome


def bytes_of(folder: Path) -> bytes:
    """All that the case holds, but what the database has freed and not yet overwritten."""
    return b"".join(path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file())


def checks(headwater: Any, path: Path) -> dict[str, Any]:
    rows = headwater("verify", path, "--json", "--skip-evidence").rows
    return {row["check"]: row["first_bad"] for row in rows if not row["ok"]}


@pytest.fixture
def judged(small, headwater):
    """A case in which people wrote about an account and a record."""
    link = done(headwater("queue", small.case, "--limit", 1, "--json")).rows[0]
    done(headwater("judge", small.case, link["link_id"], "positive", "--why", SECRET, "--operator", "S. Second"))
    done(headwater("explain", small.case, link["left_id"], "--why", f"{SECRET}, again"))
    # A lead named by its rank is a subject as well.
    done(headwater("leads", "explain", small.case, "1", "--why", f"{SECRET}, by rank"))
    assert headwater("explain", small.case, "acc-none", "--why", f"{SECRET}, thrice").status == 2
    return small, link


def test_nothing_about_a_subject_is_in_the_case_in_plain_words(judged):
    small, _ = judged
    assert SECRET.encode() not in bytes_of(small.case)


def test_what_was_written_is_read_while_the_key_is_there(judged, headwater):
    small, link = judged
    [row] = done(headwater("judge", small.case, "--history", "--json")).rows
    assert row["why"] == SECRET
    with Case(small.case) as case:
        texts = [entry.justification for entry in case.custody.entries()]
    assert texts.count(SECRET) == 1
    assert f"{SECRET}, again" in texts
    assert checks(headwater, small.case) == {}
    assert link["left_id"].startswith("acc-")


def erase(headwater, small, subject, name="receipt.json", *options):
    return headwater(
        "custody", "erase", small.case, "--subject", subject, "--receipt", small.folder / name, *WHO, *BASIS, "--json",
        *options,
    )  # fmt: skip


def test_an_erasure_shreds_withholds_and_gives_a_receipt(judged, headwater):
    small, link = judged
    account, record = link["left_id"], link["right_id"]
    proof = small.folder / "proof.json"
    done(headwater("custody", "prove", small.case, 5, "--out", proof))
    keys = set((small.case / "private" / "subjects").iterdir())
    [told] = done(erase(headwater, small, account)).rows
    assert told["again"] is False
    assert told["keys"]
    assert len(told["judgements"]) == 1
    assert told["withheld"]["accounts"] == 1
    # The log, the proofs of before and the receipt verify, by both programs.
    assert checks(headwater, small.case) == {}
    receipt = small.folder / "receipt.json"
    for path in (proof, receipt):
        assert headwater("verify", path).status == 0
        assert headwater_verify.main([str(path), "--key", str(small.case / "public" / "case-signing.pem")]) == 0
    assert headwater_verify.main([str(small.case)]) == 0
    # The receipt repeats nothing.
    content = receipt.read_text()
    assert account not in content
    assert SECRET not in content
    assert "asked for" not in content
    body = json.loads(content)["body"]
    assert body["subject"] == told["commitment"]
    assert body["erased_by"] == "A. Examiner"
    assert body["legal_basis"] == BASIS[1]
    # Of what was written nothing can be read.
    [row] = done(headwater("judge", small.case, "--history", "--json")).rows
    assert row["why"] == "(erased)"
    with Case(small.case) as case:
        said = [e.justification for e in case.custody.entries() if SECRET in (e.justification or "")]
    assert set(said) == {f"{SECRET}, thrice"}  # which was about another subject
    left = set((small.case / "private" / "subjects").iterdir())
    assert left < keys
    # And nobody is shown the rows.
    shown = done(headwater("show", small.case, "accounts", "--json")).rows
    assert shown
    assert account not in {row["account_id"] for row in shown}
    for command in (("leads", small.case, "--limit", 0), ("queue", small.case), ("show", small.case, "links")):
        assert account not in done(headwater(*command, "--json")).out
    assert headwater("explain", small.case, account).status == 2
    assert done(headwater("show", small.case, "records", "--json")).rows
    assert record in {row["record_id"] for row in headwater("show", small.case, "records", "--json").rows}


def test_a_second_erasure_says_so_and_changes_nothing(judged, headwater):
    small, link = judged
    first = done(erase(headwater, small, link["left_id"])).rows[0]
    log = (small.case / "custody.log").read_bytes()
    second = done(erase(headwater, small, link["left_id"], "again.json")).rows[0]
    assert (second["again"], second["entry"], second["commitment"]) == (True, first["entry"], first["commitment"])
    assert (
        json.loads((small.folder / "again.json").read_bytes())["body"]
        == json.loads((small.folder / "receipt.json").read_bytes())["body"]
    )
    events = [json.loads(line)["event"] for line in (small.case / "custody.log").read_bytes()[len(log) :].splitlines()]
    assert events == ["consulted"]
    # What is written afterwards has a key of its own, and a further erasure is one.
    headwater("explain", small.case, link["left_id"], "--why", SECRET)
    third = done(erase(headwater, small, link["left_id"], "third.json")).rows[0]
    assert third["again"] is False
    assert third["commitment"] == first["commitment"]
    assert checks(headwater, small.case) == {}


def test_a_run_derives_the_same_tables_and_still_withholds(judged, headwater):
    small, link = judged
    done(headwater("run", small.case, "--workers", 1, "--allow-unsealed"))
    before = done(headwater("digests", small.case, "--json")).rows
    done(erase(headwater, small, link["left_id"]))
    done(headwater("run", small.case, "--workers", 1, "--allow-unsealed"))
    assert done(headwater("digests", small.case, "--json")).rows == before
    assert link["left_id"] not in done(headwater("leads", small.case, "--limit", 0, "--json")).out


def test_a_record_is_erased_and_the_account_stays(judged, headwater):
    small, link = judged
    [told] = done(erase(headwater, small, link["right_id"])).rows
    assert told["withheld"]["records"] == 1
    assert len(told["judgements"]) == 1
    leads = done(headwater("leads", small.case, "--limit", 0, "--json"))
    assert link["left_id"] in leads.out
    assert link["right_id"] not in leads.out
    assert "Marta Quill" not in leads.out
    assert "Marta Quill" not in done(headwater("queue", small.case, "--json")).out


def test_a_key_that_comes_back_from_a_backup_is_found_and_destroyed_by_the_next_act(judged, headwater, tmp_path):
    small, link = judged
    backup = Path(shutil.copytree(small.case / "private" / "subjects", tmp_path / "backup"))
    done(erase(headwater, small, link["left_id"]))
    shutil.copytree(backup, small.case / "private" / "subjects", dirs_exist_ok=True)
    found = checks(headwater, small.case)
    # The check itself is an act, and sets it right.
    assert list(found) == ["custody.subject_keys"]
    assert "ordered it to be destroyed, and it is there" in found["custody.subject_keys"]
    assert checks(headwater, small.case) == {}
    with Case(small.case) as case:
        assert "repaired" in [entry.event for entry in case.custody.entries()]


@pytest.mark.parametrize(
    ("subject", "options", "words"),
    [
        ("acc-none", BASIS, "no such subject"),
        ("itm-1", BASIS, "no such subject"),
        (None, (), "--legal-basis must not be empty"),
        (None, ("--legal-basis", "about {}"), "leave the subject's id out"),
    ],
)
def test_what_cannot_be_erased_is_refused_and_recorded(judged, headwater, subject, options, words):
    small, link = judged
    subject = subject or link["left_id"]
    options = [option.format(subject) for option in options]
    refused = headwater(
        "custody", "erase", small.case, "--subject", subject, "--receipt", small.folder / "r.json", *WHO, *options
    )
    assert refused.status == 2
    assert words in refused.err
    assert not (small.folder / "r.json").exists()
    with Case(small.case) as case:
        *_, last = case.custody.entries()
    assert (last.event, last.operation) == ("failed", "erasure")


def test_keys_lie_where_the_settings_say_and_nowhere_else(small, headwater):
    own = small.case / "private" / "subjects"
    before = set(own.glob("*"))
    toml = small.case / "case.toml"
    toml.write_text(toml.read_text().replace('subject_keys_folder = ""', 'subject_keys_folder = "../keys"'))
    refused = headwater("ledger", small.case)
    assert refused.status == 2
    assert "the subjects' keys are not there" in refused.err
    (small.folder / "keys").mkdir()
    headwater("explain", small.case, "acc-none", "--why", SECRET)
    assert len(list((small.folder / "keys").iterdir())) == 1
    assert set(own.glob("*")) == before
