"""A verifier in another language, written from the specification, and headwater-verify say the same of anything.

It is in tests/second_verifier and needs Node.js 18 or later and nothing else.
"""

from __future__ import annotations

import base64
import json
import random
import shutil
import subprocess
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyrage
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from headwater.custody import (
    CustodyLog,
    body_digest,
    consistency_proof,
    create_case_key,
    erasure_receipt,
    fingerprint,
    inclusion_proof,
    load_case_key,
    verify_log,
)
from headwater.custody.entry import line_digest, signed_head_line
from headwater.custody.merkle import root_of
from headwater.engine import Session
from headwater.packages import (
    CaseInfo,
    CaseRecord,
    draft,
    open_package,
    outcomes_file,
    recall_notices,
    receipt_file,
    release,
    write_recall,
)
from headwater.schema import canonical_json, table_named
from headwater_verify.checks import key_from_pem
from headwater_verify.custody import custody_checks
from headwater_verify.extract import extract_checks
from headwater_verify.package import archive_members, contents_checks, envelope_checks, opened_checks
from headwater_verify.proofs import proof_or_erasure_checks
from headwater_verify.signed import document_checks, recall_checks

NODE = shutil.which("node")
PROGRAM = Path(__file__).parents[1] / "second_verifier" / "verify.mjs"
pytestmark = pytest.mark.skipif(NODE is None, reason="Node.js is not installed (Debian: nodejs)")
WHO: dict[str, Any] = {
    "actor": "Ana é",
    "role": "analyst",
    "justification": "exercise \u2028 \U0001f5fb",
    "clock": lambda: datetime(2026, 11, 3, 9, 30, tzinfo=UTC),
}
Job = dict[str, Any]


def verdicts(jobs: list[Job]) -> list[str]:
    """What the second verifier says of each."""
    assert NODE is not None
    lines = "".join(json.dumps(job, default=lambda content: base64.b64encode(content).decode()) + "\n" for job in jobs)
    ran = subprocess.run([NODE, str(PROGRAM)], input=lines, capture_output=True, text=True, check=True)
    found = ran.stdout.splitlines()
    assert len(found) == len(jobs)
    return found


def ours(job: Job) -> bool:
    """Whether headwater-verify accepts it."""
    if job["kind"] == "log":
        witnesses = [(count, root) for count, root in job.get("witnesses", [])]
        files = [job[name] for name in ("log", "heads", "payloads")]
        checks = custody_checks(*files, key_from_pem(job["pem"], "key"), witnesses, job.get("stamps", b""))
    elif job["kind"] == "extract":
        checks = extract_checks(job["extract"], None)
    elif job["kind"] == "proof":
        checks = proof_or_erasure_checks(job["proof"], None)
    elif job["kind"] == "sealed":
        checks = envelope_checks(job["envelope"], job["ciphertext"], None)
        if job["identity"] is not None:
            checks += opened_checks(job["envelope"], job["ciphertext"], job["identity"], None)
    elif job["kind"] == "recall":
        checks = recall_checks(job["envelope"], job["ciphertext"], None, identity=job["identity"])
    elif job["kind"] == "document":
        checks = document_checks(job["document"], None)
    elif job["kind"] == "opened":
        checks = contents_checks(job["files"], None)
    else:
        try:
            checks = contents_checks(archive_members(job["archive"]), None)
        except ValueError:
            return False
    return all(check.ok for check in checks)


def changes(content: bytes, source: random.Random) -> Iterator[bytes]:
    """Without end: a byte changed, put in, left out; the end cut; a line twice, gone, or changed with its next."""
    while True:
        at = source.randrange(len(content))
        lines = content.splitlines(keepends=True)
        line = source.randrange(len(lines))
        changed = (
            content[:at] + bytes([content[at] ^ 1 << source.randrange(8)]) + content[at + 1 :],
            content[:at] + bytes([source.randrange(256)]) + content[at:],
            content[:at] + content[at + 1 :],
            content[:at],
            b"".join([*lines[: line + 1], *lines[line:]]),
            b"".join([*lines[:line], *lines[line + 1 :]]),
            b"".join([*lines[:line], *lines[line : line + 2][::-1], *lines[line + 2 :]]),
        )
        yield from (new for new in changed if new != content)


def agree(jobs: list[Job], *, sound: int = 1) -> None:
    """Both programs say the same of every job, and accept the first ones and no other."""
    found = verdicts(jobs)
    for number, (job, verdict) in enumerate(zip(jobs, found, strict=True)):
        assert ours(job) == (verdict == "ok"), (number, verdict, job)
    assert found[:sound] == ["ok"] * sound, found[:sound]
    assert "ok" not in found[sound:]


def tampered(job: Job, names: list[str], count: int, build: Callable[[Job, str, bytes], Job]) -> list[Job]:
    source = random.Random(7)
    streams = {name: changes(_at(job, name), source) for name in names}
    return [build(job, names[n % len(names)], next(streams[names[n % len(names)]])) for n in range(count)]


def _at(job: Mapping[str, Any], name: str) -> bytes:
    content = job["files"][name] if "files" in job else job[name]
    assert isinstance(content, bytes)
    return content


# ---- Custody log and proofs


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A log in which something was refused, disclosed and erased."""
    folder = tmp_path_factory.mktemp("log")
    log = CustodyLog.create(folder, signing_key=create_case_key(folder), **WHO)
    log.append(event="acquired", object_ids=["EX-1"], output_digests={"image": "ab" * 32}, **WHO)
    log.append(event="consulted", **WHO)
    log.append(event="transferred", recipient="FR", **WHO)
    log.append(event="failed", operation="disclosure", outcome="refused: author\nand approver", **WHO)
    log.append(event="consulted", about=["acc-1", "rec-1"], **WHO)
    log.append(event="judged", about=["acc-2"], **WHO)
    log.erase([2, 4], keys=log.subject_keys.ids_of("acc-2"), **WHO)
    return folder


def log_job(folder: Path) -> Job:
    files = {name: folder / f"custody.{name}" for name in ("log", "heads", "payloads")}
    contents = {name: path.read_bytes() if path.is_file() else b"" for name, path in files.items()}
    return {"kind": "log", **contents, "pem": (folder / "public" / "case-signing.pem").read_bytes()}


def test_they_agree_on_logs(folder):
    job = log_job(folder)
    jobs = [job, *tampered(job, ["log", "heads", "payloads"], 450, lambda j, name, new: {**j, name: new})]
    head = CustodyLog.open(folder).head()
    agree([{**job, "witnesses": [[head.entries, head.root]]}, *jobs, {**job, "witnesses": [[5, head.root]]}], sound=2)


def first_format_line(key: Ed25519PrivateKey, **changes: object) -> bytes:
    """An entry as it was written before format 2."""
    texts = ("actor", "role", "workstation", "authority_ref", "justification", "tool", "tool_version")
    body = {
        **dict.fromkeys(texts, "as before"),
        "format": 1,
        "at_utc": "2026-11-03T09:30:00.000000Z",
        "object_ids": [],
        "params_sha256": "ab" * 32,
        "input_digests": {},
        "output_digests": {},
        "outcome": "done",
        **changes,
    }
    signature = key.sign(b"headwater custody entry 1\n" + canonical_json(body))  # type: ignore[arg-type]  # plain values
    return canonical_json({**body, "signature": signature.hex()})  # type: ignore[arg-type]  # as above


@pytest.fixture
def first_format_log(tmp_path: Path) -> Path:
    key = create_case_key(tmp_path)
    lines: list[bytes] = []
    for seq, event in enumerate(("created", "acquired", "transferred")):
        begun = {"signing_key": fingerprint(key.public_key())} if seq == 0 else {}
        before = line_digest(lines[-1]) if lines else "0" * 64
        lines.append(first_format_line(key, seq=seq, event=event, prev_hash=before, input_digests=begun))
    at_utc = WHO["clock"]()
    heads = [
        signed_head_line(entries=count, root=root_of(lines[:count]), at_utc=at_utc, key=key) for count in (1, 2, 3)
    ]
    (tmp_path / "custody.log").write_bytes(b"".join(line + b"\n" for line in lines))
    (tmp_path / "custody.heads").write_bytes(b"".join(line + b"\n" for line in heads))
    assert all(check.ok for check in verify_log(tmp_path))
    return tmp_path


def test_they_agree_on_logs_of_the_first_format(first_format_log):
    job = log_job(first_format_log)
    agree([job, *tampered(job, ["log", "heads"], 100, lambda j, name, new: {**j, name: new})])
    CustodyLog.open(first_format_log).append(event="opened", **WHO)
    mixed = log_job(first_format_log)
    assert b'"format":1' in mixed["log"]
    assert b'"format":2' in mixed["log"]
    agree([mixed, *tampered(mixed, ["log", "heads", "payloads"], 100, lambda j, name, new: {**j, name: new})])


def test_they_agree_on_a_log_that_goes_back_to_the_first_format(folder, tmp_path):
    """Signed rightly, and still refused: an old spelling must not hide what the new one says."""
    shutil.copytree(folder, tmp_path / "log")
    job = log_job(tmp_path / "log")
    key, lines = load_case_key(folder), job["log"].splitlines()
    line = first_format_line(key, seq=len(lines), prev_hash=line_digest(lines[-1]), event="opened")
    [verdict] = verdicts([{**job, "log": job["log"] + line + b"\n"}])
    assert "older format" in verdict


@pytest.mark.parametrize("kind", ["inclusion", "consistency"])
def test_they_agree_on_proofs(folder, kind):
    proofs = [inclusion_proof(folder, seq) for seq in range(8)]
    assert b'"opening":' in proofs[5]
    assert b'"payload":null' in proofs[6]
    if kind == "consistency":
        heads = [json.loads(line) for line in (folder / "custody.heads").read_bytes().splitlines()]
        proofs = [consistency_proof(folder, head["entries"], head["root"]) for head in heads]
    jobs: list[Job] = [{"kind": "proof", "proof": proof} for proof in proofs]
    shown = jobs[5 if kind == "inclusion" else 3]
    agree([*jobs, *tampered(shown, ["proof"], 200, lambda j, name, new: {**j, name: new})], sound=len(jobs))


def test_they_agree_on_receipts_of_erasures(folder, tmp_path):
    shutil.copytree(folder, tmp_path / "log")
    body = {
        "subject": "ab" * 32, "legal_basis": "Order 9", "erased_by": "Ana é", "keys": [], "texts": [5], "entries": [3],
        "judgements": [], "left": {}, "withheld": {"accounts": 1},
    }  # fmt: skip
    log = CustodyLog.open(tmp_path / "log")
    digests = {"receipt": body_digest(body)}
    entry = log.erase([3], object_ids=[f"subject-{body['subject']}"], output_digests=digests, **WHO)
    proof = inclusion_proof(tmp_path / "log", entry.seq, with_texts=False)
    job = {"kind": "proof", "proof": erasure_receipt(body, proof)}
    others = [
        erasure_receipt({**body, **change}, proof) for change in ({"withheld": {}}, {"entries": [3, 4]}, {"x": 1})
    ]
    agree(
        [
            job,
            *({**job, "proof": other} for other in others),
            *tampered(job, ["proof"], 150, lambda j, name, new: {**j, name: new}),
        ]
    )


# ---- Package


def _lead() -> dict[str, object]:
    seen = {"country": "ES", "evidence": "x", "weight": 40, "observed": 1, "table": "logins", "example_id": "log-1"}
    names = ("why_now", "data_subject_category", "deconfliction_key", "jurisdiction_version")
    lists = ("rules_fired", "rules_not_fired", "completeness", "next_lawful_steps", "contrary", "rivals", "shared_with")
    return {
        "lead_id": "led-1",
        "rank": 1,
        "risk_tier": 1,
        "account_id": "acc-1",
        "rules_version": "1",
        "jurisdiction": [seen],
        "lead_country": "ES",
        "assertion_kind": "computed",
        **dict.fromkeys(names, "\U0001f5fb one"),
        **{name: [] for name in lists},
    }


def begun_log(folder: Path) -> Path:
    """A log of a case in which the lead was read, and something about somebody else was erased."""
    folder.mkdir()
    log = CustodyLog.create(folder, signing_key=create_case_key(folder), **WHO)
    log.append(event="acquired", object_ids=["EX-1"], **WHO)
    log.append(event="combined", object_ids=["run-01"], output_digests={"leads.parquet": "ab" * 32}, **WHO)
    log.append(event="consulted", object_ids=["led-1"], about=["led-1"], **WHO | {"justification": "why " * 200})
    log.append(event="consulted", object_ids=["led-1", "led-2"], about=["led-1", "led-2"], **WHO)
    log.append(event="consulted", object_ids=["acc-1"], about=["acc-1"], **WHO)
    log.erase([3], keys=log.subject_keys.ids_of("acc-1"), **WHO)
    log.append(event="consulted", object_ids=["led-1"], about=["led-1"], **WHO | {"justification": "why " * 200})
    return folder


def sent_by_openpgp(folder: Path) -> Job:
    """What anyone can see of a package for a recipient who has OpenPGP alone."""
    pysequoia = pytest.importorskip("pysequoia", reason="the extra openpgp is not installed")
    certificate = str(pysequoia.Tsk.generate("Agency Two").extract_certificate())
    who = {"why": "one lead", "clock": lambda: datetime.now(UTC)}
    log = begun_log(folder / "log")
    tables = Session({})
    tables.put("leads", table_named("leads").rows([_lead()]))
    with tables:
        drafted = draft(
            tables,
            country="ES",
            recipient_key=certificate,
            author="Ana é",
            case_info=CaseInfo(case_id="case-1", authority_ref="Warrant 1", legal_basis="Agreement 7"),
            out_dir=folder,
            signing_key=Ed25519PrivateKey.generate(),
            record=CaseRecord(case_dir=log),
            **who,
        )
    keys = {"approver_key": Ed25519PrivateKey.generate(), "case_key": load_case_key(log)}
    released = release(drafted.folder, approver="Bo", leads_opened=drafted.lead_ids, **keys, **who)
    sealed = {path.name: path.read_bytes() for path in released.sealed_folder.iterdir()}
    return {
        "kind": "sealed",
        "envelope": sealed["envelope.json"],
        "ciphertext": sealed["package.pgp"],
        "identity": None,
    }


def test_they_agree_on_packages_by_openpgp(tmp_path):
    job = sent_by_openpgp(tmp_path)
    agree([job, *tampered(job, ["envelope", "ciphertext"], 100, lambda j, name, new: {**j, name: new})])


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Job]:
    folder = tmp_path_factory.mktemp("packages")
    identity = pyrage.x25519.Identity.generate()
    tables = Session({})
    tables.put("leads", table_named("leads").rows([_lead()]))
    who = {"why": "one lead", "clock": WHO["clock"]}
    log = begun_log(folder / "log")
    with tables:
        drafted = draft(
            tables,
            country="ES",
            recipient_key=str(identity.to_public()),
            author="Ana é",
            case_info=CaseInfo(case_id="case-1", authority_ref="Warrant 1", legal_basis="Agreement 7"),
            out_dir=folder,
            signing_key=Ed25519PrivateKey.generate(),
            record=CaseRecord(case_dir=log),
            **who,
        )
    keys = {"approver_key": Ed25519PrivateKey.generate(), "case_key": load_case_key(log)}
    released = release(drafted.folder, approver="Bo", leads_opened=drafted.lead_ids, **keys, **who)
    case_key, people = keys["case_key"], {"operator": "Ana é", "operator_key": Ed25519PrivateKey.generate()}
    [notice] = recall_notices(folder, ["led-1"], case_key=case_key, **people, **who)
    write_recall(notice, case_key=case_key, clock=WHO["clock"], custody_head=None)
    recalled = {path.name: path.read_bytes() for path in (notice.folder / "sealed").iterdir()}
    answering = {**people, "agency": "Two", "receiver_key": Ed25519PrivateKey.generate(), "sender_key": "ab" * 32}
    at_utc = "2026-11-03T09:30:00.000000Z"
    of = {"kind": "package", "id": "pkg-1", "sha256": "ab" * 32, "envelope_sha256": "cd" * 32, "number": 1}
    row = {"lead_id": "led-1", "package_id": "pkg-1", "outcome": "no_action", "reported_on": "2026-11-03", "note": "é"}
    sealed = {path.name: path.read_bytes() for path in released.sealed_folder.iterdir()}
    return {
        "sealed": {
            "kind": "sealed",
            "envelope": sealed["envelope.json"],
            "ciphertext": sealed["package.age"],
            "identity": str(identity),
        },
        "opened": {"kind": "opened", "files": dict(open_package(released.sealed_folder, str(identity)).files)},
        "archive": {"kind": "archive", "archive": pyrage.decrypt(sealed["package.age"], [identity])},
        "recall": {
            "kind": "recall",
            "envelope": recalled["envelope.json"],
            "ciphertext": recalled["recall.age"],
            "identity": str(identity),
        },
        "notice": {"kind": "document", "document": notice.content},
        "receipt": {
            "kind": "document",
            "document": receipt_file(received=of, custody_head=None, missing=[], received_at_utc=at_utc, **answering),
        },
        "outcomes": {
            "kind": "document",
            "document": outcomes_file(outcomes=[row], reported_at_utc=at_utc, answer_to="", **answering),
        },
    }


def test_they_agree_on_packages_as_they_were_sent(package):
    job = package["sealed"]
    changed = tampered(job, ["envelope", "ciphertext"], 200, lambda j, name, new: {**j, name: new})
    other = {**job, "identity": str(pyrage.x25519.Identity.generate())}
    agree([job, other, *changed])


def test_they_agree_on_packages_that_were_opened(package):
    job = package["opened"]
    names = [name for name in sorted(job["files"]) if job["files"][name]]
    changed = tampered(job, names, 300, lambda j, name, new: {**j, "files": {**j["files"], name: new}})
    gone = [{**job, "files": {k: v for k, v in job["files"].items() if k != name}} for name in job["files"]]
    more = [{**job, "files": {**job["files"], f"x_{name}": b"x"}} for name in job["files"]]
    agree([job, *changed, *gone, *more])


def test_they_agree_on_archives(package):
    job = package["archive"]
    agree([job, *tampered(job, ["archive"], 200, lambda j, name, new: {**j, name: new})])


def test_they_agree_on_recall_notices_as_they_were_sent(package):
    job = package["recall"]
    other = {**job, "identity": str(pyrage.x25519.Identity.generate())}
    agree([job, other, *tampered(job, ["envelope", "ciphertext"], 200, lambda j, name, new: {**j, name: new})])


@pytest.mark.parametrize("kind", ["notice", "receipt", "outcomes"])
def test_they_agree_on_documents_that_stand_alone(package, kind):
    job = package[kind]
    agree([job, *tampered(job, ["document"], 150, lambda j, name, new: {**j, name: new})])
