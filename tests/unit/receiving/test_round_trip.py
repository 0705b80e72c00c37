"""Two installations, two operators each: a package goes, a receipt comes back, a recall goes, an outcome comes back."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

import headwater_verify

A, B = "A. Examiner", "B. Approver"
C, D = "C. Receiver", "D. Investigator"


class Two:
    """A case that sends and a store that receives, each by command line."""

    def __init__(self, case: Path, store: Path, headwater) -> None:
        self.case, self.store, self.headwater = case, store, headwater
        made = self.do(
            *("receive", "init", store, "--agency", "Agency Two", "--country", "FR", "--operator", C, "--json")
        )
        self.recipient = made[0]["recipient"]
        self.do(
            *("receive", "trust", store, case / "public" / "case-signing.pem"),
            *("--name", "Agency One", "--operator", C, "--why", "keys compared by telephone"),
        )

    def do(self, *arguments):
        done = self.headwater(*arguments)
        assert done.status == 0, done.err
        return done.rows if "--json" in arguments else done.out

    def refused(self, *arguments) -> str:
        done = self.headwater(*arguments)
        assert done.status == 2, done.out
        assert done.err.count("\n") == 1
        return done.err

    def draft(self, *more) -> dict:
        options = ("--country", "FR", "--recipient", self.recipient, "--legal-basis", "Agreement 7", "--operator", A)
        return self.do("package", self.case, *options, *more, "--json")[0]

    def send(self, *more) -> Path:
        package = self.draft(*more)["package_id"]
        self.do("review", self.case, package, "--operator", B)
        released = self.do("release", self.case, package, "--operator", B, "--why", "each lead read", "--json")
        return Path(released[0]["folder"])

    def add(self, folder: Path, operator: str = C) -> dict:
        return self.do("receive", "add", self.store, folder, "--operator", operator, "--why", "it came", "--json")[0]

    def receipt_back(self, receipt: str) -> dict:
        key = self.store / "public" / "case-signing.pem"
        return self.do("custody", "receipt-import", self.case, receipt, "--from", key, "--operator", A, "--json")[0]

    def shown(self, what: str) -> dict:
        words = ("receive", "show", self.store, what, "--operator", D, "--why", "to work on it", "--json")
        return self.do(*words)[0]

    def verified(self) -> None:
        assert self.headwater("verify", self.case).status == 0
        assert headwater_verify.main([str(self.case)]) == 0
        assert headwater_verify.main([str(self.store)]) == 0


@pytest.fixture
def two(small, headwater, tmp_path) -> Two:
    return Two(small.case, tmp_path / "received", headwater)


def test_a_package_its_receipt_its_recall_and_its_outcome(two, capsys):
    sent = two.send()
    accepted = two.add(sent)
    assert (accepted["number"], accepted["missing"], accepted["sender"]) == (1, [], "Agency One")
    package = two.shown(accepted["id"])
    lead = package["leads"][0]["lead_id"]
    assert package["legal_basis"] == "Agreement 7"
    assert two.shown(lead)["recalled"] is None

    receipt = two.receipt_back(accepted["receipt"])
    assert receipt["received"] == accepted["id"]
    assert "kept already" in two.refused(
        *("custody", "receipt-import", two.case, accepted["receipt"]),
        *("--from", two.store / "public" / "case-signing.pem", "--operator", A),
    )
    [row] = two.do("sent", two.case, "--json")
    assert (row["id"], row["receipt_id"], row["recalled_by"]) == (accepted["id"], receipt["receipt_id"], [])
    two.verified()

    [notice] = two.do("recall", two.case, lead, "--operator", A, "--why", "it is another account", "--json")
    assert (notice["leads"], notice["country"]) == ([lead], "FR")
    taken_back = two.add(Path(notice["folder"]), D)
    assert (taken_back["kind"], taken_back["number"]) == ("recall", 2)
    assert two.shown(lead)["recalled"]["why"] == "it is another account"
    told = two.do("receive", "show", two.store, lead, "--operator", D, "--why", "to work on it")
    assert told.startswith("RECALLED at ")
    two.receipt_back(taken_back["receipt"])
    events = [json.loads(line)["event"] for line in (two.case / "custody.log").read_bytes().splitlines()]
    assert "recalled" in events
    two.verified()

    report = two.do(
        *("receive", "outcome", two.store, lead, "wrong_person", "--reported-on", "2026-11-29"),
        *("--note", "=nobody, of that name", "--operator", D, "--why", "enquiries ended", "--json"),
    )[0]["file"]
    assert b"wrong_person" not in Path(report).read_bytes()
    key = two.store / "public" / "case-signing.pem"
    imported = two.do("leads", "outcome-import", two.case, report, "--from", key, "--operator", B, "--json")[0]
    assert imported["outcomes"] == [[lead, "wrong_person"]]
    sums = two.do("leads", "outcomes", two.case, "--json")
    assert sums[0]["wrong_person"] == 1
    two.verified()
    capsys.readouterr()


def test_a_recalled_lead_stays_out_until_somebody_sends_it_again(two):
    first = two.send()
    lead = two.shown(two.add(first)["id"])["leads"][0]["lead_id"]
    stale = two.draft()["package_id"]
    [notice] = two.do("recall", two.case, lead, "--operator", A, "--why", "wrong", "--json")
    assert "draft it again" in two.refused("release", two.case, stale, "--operator", B, "--why", "x", "--all-opened")
    assert "recalled already" in two.refused("recall", two.case, lead, "--operator", A, "--why", "wrong")
    two.add(Path(notice["folder"]))
    options = ("--country", "FR", "--recipient", two.recipient, "--legal-basis", "x")
    assert "was recalled (--reissue" in two.refused("package", two.case, *options)
    again = two.add(two.send("--reissue", lead))
    assert two.shown(again["id"])["changes"]["reissued"] == 1
    assert two.shown(lead)["recalled"] is None
    assert two.draft()["unchanged"] == len(two.shown(again["id"])["leads"])
    assert "was not recalled" in two.refused("package", two.case, *options, "--reissue", lead)


def test_a_recalled_package_is_marked_with_all_its_leads(two):
    package = two.add(two.send())["id"]
    [notice] = two.do("recall", two.case, package, "--operator", B, "--why", "sent too early", "--json")
    two.add(Path(notice["folder"]))
    assert all(lead["recalled"]["why"] == "sent too early" for lead in two.shown(package)["leads"])
    # The leads themselves are not wrong: the next package has them, as the first that stands.
    assert two.draft()["since"] is None
    assert "was not sent" in two.refused("recall", two.case, "led-0", "--operator", A, "--why", "x")


def test_a_recall_that_went_missing_or_was_changed_is_found(two):
    leads = (two.send().parent / "record" / "leads.jsonl").read_bytes()
    lead = json.loads(leads.splitlines()[0])["lead_id"]
    [notice] = two.do("recall", two.case, lead, "--operator", A, "--why", "wrong", "--json")
    record = Path(notice["folder"]).parent / "record" / "recall.json"
    content = record.read_bytes()
    record.write_bytes(content.replace(b'"why":"wrong"', b'"why":"right"'))
    found = {row["check"]: row["ok"] for row in two.headwater("verify", two.case, "--json").rows}
    assert not found["I7.recalls_in_custody"]
    record.write_bytes(content)
    two.verified()
    shutil.rmtree(Path(notice["folder"]).parent)
    found = {row["check"]: row["ok"] for row in two.headwater("verify", two.case, "--json").rows}
    assert not found["I7.recalls_in_custody"]


def test_what_was_opened_is_what_headwater_showed(two):
    package = two.draft()["package_id"]
    nobody_read = two.refused("release", two.case, package, "--operator", B, "--why", "x")
    assert "were not opened" in nobody_read
    [lead] = two.do("review", two.case, package, "--operator", B, "--sample", 1, "--json")
    two.do("release", two.case, package, "--operator", B, "--why", "a sample read")
    approval = json.loads((two.case / "packages" / "FR" / package / "record" / "approval.json").read_bytes())
    bases = {row["lead_id"]: row["basis"] for row in approval["leads"]}
    assert bases.pop(lead["lead_id"]) == "shown"
    assert set(bases.values()) <= {"sample"}
    assert not bases or approval["sample"].startswith("1 of ")
    two.verified()
