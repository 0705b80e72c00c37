"""The two verifiers on extracts of a custody log, and on the witnesses of tree heads."""

from __future__ import annotations

import base64
import json
import random
import runpy
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from headwater.custody import (
    WITNESSES_NAME,
    Chosen,
    CustodyLog,
    add_receipt,
    add_timestamp,
    create_case_key,
    custody_extract,
    extract_checks,
    load_case_key,
    timestamp_request,
)
from headwater.custody.entry import signed_head_line
from headwater.packages import receipt_file
from headwater.schema import canonical_json

SHARED = runpy.run_path(str(Path(__file__).with_name("test_second_verifier.py")))
AUTHORITY = runpy.run_path(str(Path(__file__).parents[1] / "unit" / "custody" / "test_timestamps.py"))["Authority"]
WHO, Job = SHARED["WHO"], dict[str, Any]
pytestmark = pytest.mark.skipif(SHARED["NODE"] is None, reason="Node.js is not installed (Debian: nodejs)")


def same(jobs: list[Job], *, sound: int) -> list[str]:
    """What the second verifier says, after it was seen to agree with ours on every job and to accept the first ones."""
    found: list[str] = SHARED["verdicts"](jobs)
    for number, (job, verdict) in enumerate(zip(jobs, found, strict=True)):
        assert SHARED["ours"](job) == (verdict == "ok"), (number, verdict, job)
    assert found[:sound] == ["ok"] * sound, found[:sound]
    return found[sound:]


# ---- Extracts


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return SHARED["begun_log"](tmp_path_factory.mktemp("logs") / "log")


@pytest.fixture(scope="module")
def extract(folder: Path) -> bytes:
    """Of each kind of entry one: with its texts, without, sealed, erased both ways, and known by its leaf alone."""
    chosen = {0: Chosen(texts_withheld="free text"), 1: Chosen(), 3: Chosen(), 5: Chosen(), 7: Chosen()}
    return custody_extract(folder, lambda acts: {**chosen, 4: Chosen(entry_withheld="it names others")}).content


def changed(extract: bytes, change: Callable[[Job], object]) -> bytes:
    document = json.loads(extract)
    change(document)
    return canonical_json(document)


def row(document: Job, seq: int) -> Job:
    return next(one for one in document["entries"] if one["seq"] == seq)


BROKEN: dict[str, Callable[[Job], object]] = {
    "an entry of another order": lambda d: d["entries"].reverse(),
    "nothing": lambda d: d["entries"].clear(),
    "another leaf": lambda d: row(d, 4).update(leaf="ab" * 32),
    "a leaf without a reason": lambda d: row(d, 4).update(withheld=" "),
    "a leaf beside its entry": lambda d: row(d, 1).update(leaf="ab" * 32),
    "a path cut": lambda d: row(d, 1)["path"].pop(),
    "a path of another": lambda d: row(d, 1).update(path=row(d, 0)["path"]),
    "an entry changed": lambda d: row(d, 1)["entry"].update(actor="Somebody"),
    "the number of another": lambda d: row(d, 7).update(seq=8),
    "texts neither given nor withheld": lambda d: row(d, 0).update(withheld=""),
    "texts given and withheld": lambda d: row(d, 7).update(withheld="free text"),
    "a text changed": lambda d: row(d, 7)["payload"]["opening"].update(justification="other"),
    "a text of another": lambda d: row(d, 1).update(payload=row(d, 7)["payload"]),
    "a sealed text in other pieces": lambda d: row(d, 7)["payload"].update(
        sealed=["".join(row(d, 7)["payload"]["sealed"])]
    ),
    "erased by nobody": lambda d: row(d, 3).update(erased_by=2),
    "erased by what did not": lambda d: row(d, 3).update(erased_by=1),
    "the order left out": lambda d: d["entries"].remove(row(d, 6)),
    "another head": lambda d: d["head"].update(root="ab" * 32),
    "a shorter head": lambda d: d["head"].update(entries=5),
    "another key": lambda d: d.update(public_key="ab" * 32),
    "a field more": lambda d: d.update(more=1),
}


def test_they_agree_on_what_is_wrong_with_an_extract(extract):
    jobs = [{"kind": "extract", "extract": extract}]
    jobs += [{"kind": "extract", "extract": changed(extract, change)} for change in BROKEN.values()]
    found = same(jobs, sound=1)
    assert "ok" not in found, dict(zip(BROKEN, found, strict=True))


def test_they_agree_on_extracts_with_a_slip_anywhere(extract):
    slips: Iterator[bytes] = SHARED["changes"](extract, random.Random(7))
    jobs = [{"kind": "extract", "extract": extract}]
    found = same([*jobs, *({**jobs[0], "extract": next(slips)} for _ in range(400))], sound=1)
    # Only the reason why something is withheld is under no signature of its own; in a package, the manifest has it.
    assert found.count("ok") < 20


def test_the_sealed_text_is_long_enough_to_come_in_pieces(extract):
    assert [len(piece) for piece in row(json.loads(extract), 7)["payload"]["sealed"]][:-1]


def test_an_extract_of_a_log_that_was_begun_anew_has_another_key(folder, extract, tmp_path):
    CustodyLog.create(tmp_path, signing_key=create_case_key(tmp_path), **WHO)
    other = json.loads(custody_extract(tmp_path, lambda acts: {0: Chosen()}).content)["public_key"]
    bad = [check.check for check in extract_checks(extract, case_public_key=other) if not check.ok]
    assert bad == ["extract.key"]
    head = CustodyLog.open(folder).head()
    later = {"entries": head.entries, "root": "ab" * 32}
    assert [check.check for check in extract_checks(extract, later_head=later) if not check.ok] == ["extract.head"]
    assert all(check.ok for check in extract_checks(extract, later_head={**later, "root": head.root}))


# ---- Witnesses


@pytest.fixture(scope="module")
def stamped(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A log with time stamps of two kinds of authority, and a receipt."""
    if AUTHORITY.__init__.__globals__["OPENSSL"] is None:
        pytest.skip("openssl is not installed (Debian: openssl)")
    folder = tmp_path_factory.mktemp("stamped")
    log = CustodyLog.create(folder, signing_key=create_case_key(folder), **WHO)
    for name, words in (("rsa", {}), ("curve", {"curve": True, "ess": "sha512"}), ("old", {"ess": "sha1"})):
        authority = AUTHORITY(tmp_path_factory.mktemp("authorities") / name, name=f"Example {name}", **words)
        _, request = timestamp_request(folder)
        add_timestamp(folder, authority.reply(request), authority.pem)
        log.append(event="parsed", **WHO)
    head, receiver = log.head(), Ed25519PrivateKey.generate()
    receipt = receipt_file(
        received={"kind": "package", "id": "pkg-1", "sha256": "ab" * 32, "envelope_sha256": "cd" * 32, "number": 1},
        custody_head={"entries": head.entries, "root": head.root},
        missing=[],
        received_at_utc="2026-11-03T09:30:00.000000Z",
        operator="Ana é",
        operator_key=Ed25519PrivateKey.generate(),
        agency="Two",
        receiver_key=receiver,
        sender_key="ab" * 32,
    )
    add_receipt(folder, receipt, receiver.public_key().public_bytes_raw())
    return folder


def test_they_agree_on_witnesses(stamped, tmp_path):
    job = {**SHARED["log_job"](stamped), "stamps": (stamped / WITNESSES_NAME).read_bytes()}
    lines = [json.loads(line) for line in job["stamps"].splitlines()]
    assert [line["kind"] for line in lines] == ["rfc3161"] * 3 + ["receipt"]
    response = base64.b64decode(lines[0]["response"])
    imprint = response.index(bytes.fromhex("0420")) + 2
    others: list[list[Job]] = [
        [{**lines[0], "entries": 2}],
        [{**lines[0], "entries": 99}],
        [{**lines[0], "authority": lines[1]["authority"]}],
        [{**lines[0], "authority": "none"}],
        [{**lines[0], "response": lines[1]["response"]}],
        [{**lines[0], "response": "????"}],
        [{**lines[0], "format": 2}],
        [{**lines[0], "kind": "other"}],
        [{**lines[3], "entries": 2}],
        [{**lines[3], "receiver_key": "ab" * 32}],
        [{**lines[3], "receipt": {**lines[3]["receipt"], "missing": [3]}}],
        [lines[0], {**lines[3], "more": 1}],
    ]
    for at in (imprint, imprint + 31, len(response) - 1, len(response) - 200):
        flipped = response[:at] + bytes([response[at] ^ 1]) + response[at + 1 :]
        others.append([{**lines[0], "response": base64.b64encode(flipped).decode()}])
    others.append([{**lines[0], "response": base64.b64encode(response[:-1]).decode()}])
    others.append([{**lines[0], "response": base64.b64encode(response + b"\0\0").decode()}])
    jobs = [{**job, "stamps": b"".join(canonical_json(line) + b"\n" for line in other)} for other in others]
    found = same([job, {**job, "stamps": b""}, *jobs, {**job, "stamps": job["stamps"][:-1]}], sound=2)
    assert "ok" not in found, found


def test_a_log_that_was_rewritten_after_its_stamp_is_found_by_both(stamped, tmp_path):
    shutil.copytree(stamped, tmp_path / "log")
    job = {**SHARED["log_job"](tmp_path / "log"), "stamps": (stamped / WITNESSES_NAME).read_bytes()}
    heads = job["heads"].splitlines()
    first = json.loads(heads[0])
    at_utc = WHO["clock"]().replace(year=2025)
    other = signed_head_line(
        entries=1, root=bytes.fromhex(first["root"]), at_utc=at_utc, key=load_case_key(tmp_path / "log")
    )
    rewritten = b"".join(line + b"\n" for line in [other, *heads[1:]])
    assert same([job, {**job, "heads": rewritten}], sound=1) != ["ok"]
