"""Receipts and outcomes: whole or refused, for the case that sent, and a witness to its log."""

from __future__ import annotations

import json
from pathlib import Path

import pyrage
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from headwater.custody import (
    CustodyLog,
    add_receipt,
    create_case_key,
    kept_receipts,
    load_case_public_key,
    raw_public_key,
    verify_log,
)
from headwater.errors import InputError, IntegrityError
from headwater.packages import age_identity, create_age_identity, outcomes_from, receipt_file, receipt_from
from headwater.receiving import write_outcomes
from headwater_verify.checks import key_from_pem
from headwater_verify.custody import custody_checks

WHO = {"operator": "Dora", "why": "enquiries ended"}


def test_a_receipt_countersigns_the_head_that_the_envelope_named(sender, receiver):
    accepted = receiver.take(sender.send())
    receipt = receipt_from(accepted.receipt.read_bytes())
    assert receipt["custody_head"] == {"entries": 7, "root": "ab" * 32}
    assert receipt["sender_key"] == sender.key
    assert receipt["received"]["id"] == accepted.held.held_id
    assert receipt["received"]["sha256"] == accepted.held.sha256
    signers = [entry["public_key"] for entry in receipt["signatures"]]
    store = receiver.store.path
    assert signers[1] == raw_public_key(load_case_public_key(store)).hex() != signers[0]


@pytest.mark.parametrize("name", ["custody_head", "received", "receiver", "missing", "signatures", "receipt_id"])
def test_a_receipt_of_which_anything_was_changed_is_none(sender, receiver, name):
    content = receiver.take(sender.send()).receipt.read_bytes()
    receipt = json.loads(content)
    receipt[name] = None
    changed = json.dumps(receipt, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
    for bad in (changed, content + b"\n", content[:-1], b"[]", b""):
        with pytest.raises(IntegrityError):
            receipt_from(bad)


def test_outcomes_are_for_the_sender_alone(sender, receiver, tmp_path):
    sender.answer_to = create_age_identity(tmp_path / "case")
    receiver.take(sender.send())
    path = write_outcomes(receiver.store, "led-1", "no_action", reported_on="2026-11-28", note="=1+1", **WHO)
    content = path.read_bytes()
    assert b"no_action" not in content
    report = outcomes_from(content, age_identity(tmp_path / "case"))
    [row] = report["outcomes"]
    assert (row["lead_id"], row["outcome"], row["note"]) == ("led-1", "no_action", "=1+1")
    assert report["receiver"]["agency"] == "Agency Two"
    with pytest.raises(InputError, match=r"outcomes\.age: does not open"):
        outcomes_from(content, str(pyrage.x25519.Identity.generate()))
    assert receiver.log()[-1] == ("exported", "done")


@pytest.mark.parametrize(
    ("lead", "outcome", "day", "words"),
    [
        ("led-9", "no_action", "2026-11-28", "in no package"),
        ("led-1", "solved", "2026-11-28", "none of child_safeguarded"),
        ("led-1", "no_action", "28.11.2026", "is no day"),
    ],
)
def test_an_outcome_of_nothing_is_refused(sender, receiver, lead, outcome, day, words):
    receiver.take(sender.send())
    with pytest.raises(InputError, match=words):
        write_outcomes(receiver.store, lead, outcome, reported_on=day, note="", **WHO)
    assert list((receiver.store.path / "answers").glob("outcomes-*")) == []


# A receipt as a witness to the sender's log


class Witnessed:
    """A log, and a receipt for its last head."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.folder.mkdir()
        who = {"actor": "Ana", "role": "operator", "justification": "x", "clock": _clock}
        self.log = CustodyLog.create(folder, signing_key=create_case_key(folder), **who)
        self.log.append(event="opened", **who)
        self.receiver_key = Ed25519PrivateKey.generate()
        self.key = raw_public_key(self.receiver_key.public_key())

    def receipt(self, **head: object) -> bytes:
        found = self.log.head()
        return receipt_file(
            received={"kind": "package", "id": "pkg-1", "sha256": "", "envelope_sha256": "", "number": 1},
            sender_key="ab" * 32,
            custody_head={"entries": found.entries, "root": found.root, **head},
            missing=[],
            agency="Two",
            operator="Dora",
            received_at_utc="2026-11-03T09:30:00.000000Z",
            operator_key=Ed25519PrivateKey.generate(),
            receiver_key=self.receiver_key,
        )

    def holds(self) -> tuple[bool, bool]:
        """What both programs say of the log."""
        files = [self.folder / f"custody.{name}" for name in ("log", "heads", "payloads", "witnesses")]
        log, heads, payloads, stamps = (path.read_bytes() for path in files)
        key = key_from_pem((self.folder / "public" / "case-signing.pem").read_bytes(), "key")
        independent = custody_checks(log, heads, payloads, key, (), stamps)
        return all(check.ok for check in verify_log(self.folder)), all(check.ok for check in independent)


def _clock():
    import datetime as dt

    return dt.datetime(2026, 11, 3, 9, 30, tzinfo=dt.UTC)


@pytest.fixture
def witnessed(tmp_path: Path) -> Witnessed:
    return Witnessed(tmp_path / "log")


def test_a_receipt_is_a_witness_to_the_head(witnessed):
    assert add_receipt(witnessed.folder, witnessed.receipt(), witnessed.key) == 2
    assert kept_receipts(witnessed.folder)[0]["received"]["id"] == "pkg-1"
    assert witnessed.holds() == (True, True)


def test_no_byte_of_a_kept_receipt_can_be_changed(witnessed):
    add_receipt(witnessed.folder, witnessed.receipt(), witnessed.key)
    path = witnessed.folder / "custody.witnesses"
    content = path.read_bytes()
    for at in range(0, len(content), 7):
        path.write_bytes(content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :])
        assert witnessed.holds() == (False, False), at


def test_a_log_that_was_cut_or_made_anew_is_found_by_the_receipt(witnessed, tmp_path):
    add_receipt(witnessed.folder, witnessed.receipt(), witnessed.key)
    kept = (witnessed.folder / "custody.witnesses").read_bytes()
    for name in ("log", "heads", "payloads"):
        path = witnessed.folder / f"custody.{name}"
        path.write_bytes(path.read_bytes().split(b"\n")[0] + b"\n")
    assert witnessed.holds() == (False, False)
    other = Witnessed(tmp_path / "other")
    (other.folder / "custody.witnesses").write_bytes(kept)
    assert other.holds() == (False, False)


@pytest.mark.parametrize("head", [{"root": "ab" * 32}, {"entries": 3}, {"entries": 0}, {"entries": True}])
def test_a_receipt_for_another_head_is_not_kept(witnessed, head):
    with pytest.raises(InputError):
        add_receipt(witnessed.folder, witnessed.receipt(**head), witnessed.key)
    assert not (witnessed.folder / "custody.witnesses").exists()


def test_a_receipt_by_another_key_is_not_kept(witnessed):
    with pytest.raises(InputError, match="another key"):
        add_receipt(witnessed.folder, witnessed.receipt(), b"\x01" * 32)
    with pytest.raises(InputError, match="countersigns no tree head"):
        add_receipt(witnessed.folder, b"{}", witnessed.key)
