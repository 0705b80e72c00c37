"""Receipts that others countersigned: kept as witnesses, and compared by both programs at every verification."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

import headwater_verify
from headwater.custody import (
    HEADS_NAME,
    LOG_NAME,
    PAYLOADS_NAME,
    WITNESSES_NAME,
    CustodyLog,
    add_receipt,
    create_case_key,
    raw_public_key,
    verify_log,
)
from headwater.errors import InputError
from headwater.schema import canonical_json

WHO: dict[str, Any] = {
    "actor": "Ana",
    "role": "analyst",
    "justification": "exercise",
    "clock": lambda: dt.datetime(2026, 11, 3, 9, 30, tzinfo=dt.UTC),
}


def receipt(head: object, *, changed: bool = False) -> bytes:
    """A recipient's receipt over a tree head, as docs/reference/custody-format.md says."""
    key = Ed25519PrivateKey.generate()
    body: dict[str, Any] = {"format": "example-receipt", "version": 1, "custody_head": head}
    said = {
        "role": "recipient",
        "public_key": raw_public_key(key.public_key()).hex(),
        "document_sha256": hashlib.sha256(canonical_json(body)).hexdigest(),
    }
    signature = key.sign(b"headwater signed document 1\n" + canonical_json(said)).hex()  # type: ignore[arg-type]  # texts
    if changed:
        body["version"] = 2
    signed = {"role": said["role"], "public_key": said["public_key"], "signature": signature}
    return canonical_json({**body, "signatures": [signed]})


@pytest.fixture
def case(tmp_path: Path) -> Path:
    folder = tmp_path / "case"
    folder.mkdir()
    log = CustodyLog.create(folder, signing_key=create_case_key(folder), **WHO)
    log.append(event="parsed", **WHO)
    return folder


def head_of(folder: Path) -> dict[str, Any]:
    head = CustodyLog.open(folder).head()
    return {"entries": head.entries, "root": head.root}


def failed(folder: Path) -> set[str]:
    """The checks that fail, by both programs, which must agree."""
    ours = {check.check for check in verify_log(folder) if not check.ok}
    assert ours == {check.check for check in headwater_verify.verify(folder) if not check.ok}
    return ours


def test_a_receipt_is_kept_once_and_holds_while_the_log_grows(case):
    document = receipt(head_of(case))
    assert add_receipt(case, document) == 2
    assert add_receipt(case, document) == 2
    assert len((case / WITNESSES_NAME).read_bytes().splitlines()) == 1
    CustodyLog.open(case).append(event="parsed", **WHO)
    assert failed(case) == set()


def test_a_log_that_was_rolled_back_is_not_the_one_that_was_received(case, tmp_path):
    shutil.copytree(case, tmp_path / "yesterday")
    CustodyLog.open(case).append(event="parsed", **WHO)
    add_receipt(case, receipt(head_of(case)))
    for name in (LOG_NAME, HEADS_NAME, PAYLOADS_NAME):
        shutil.copyfile(tmp_path / "yesterday" / name, case / name)
    assert failed(case) == {"custody.witnesses"}
    CustodyLog.open(case).append(event="opened", **WHO)
    assert failed(case) == {"custody.witnesses"}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda head: receipt(head, changed=True), "a signature on it does not hold"),
        (lambda head: receipt({**head, "root": "ab" * 32}), "saw another log"),
        (lambda head: receipt({**head, "entries": 9}), "its end was cut off"),
        (lambda head: receipt(f"{head}"), "it names no tree head"),
        (lambda head: canonical_json({"custody_head": head, "signatures": []}), "nobody signed it"),
        (lambda head: receipt(head) + b"\n", "not canonical"),
        (lambda _: b"no document", "no signed document"),
    ],
)
def test_what_is_no_receipt_for_this_log_is_refused_and_not_kept(case, change, words):
    with pytest.raises(InputError, match=words):
        add_receipt(case, change(head_of(case)))
    assert not (case / WITNESSES_NAME).exists()


def test_every_changed_byte_of_a_kept_receipt_is_found_by_both(case):
    add_receipt(case, receipt(head_of(case)))
    path = case / WITNESSES_NAME
    kept = path.read_bytes()
    for at in range(0, len(kept), 7):
        path.write_bytes(kept[:at] + bytes([kept[at] ^ 1]) + kept[at + 1 :])
        assert failed(case) == {"custody.witnesses"}, at
    assert json.loads(kept)["kind"] == "receipt"
