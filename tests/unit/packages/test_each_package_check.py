"""Each check that headwater-verify reports on a package can fail, and first; one without a break fails here."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

import headwater_verify
from headwater.custody import CustodyLog, create_case_key, custody_extract, raw_public_key
from headwater.custody.entry import signed_head_line
from headwater.custody.merkle import root_of
from headwater.packages import open_package, verify_package
from headwater.packages.archive import archive_bytes, encrypted
from headwater.packages.documents import envelope_bytes, package_id_of, sha256_hex, signature_entry
from headwater.schema import canonical_json

Json = dict[str, Any]
EXTRACT = "disclosure_custody.json"
SIGNED = {"manifest.json", "approval.json", "signatures.json"}


def nothing(value: Any) -> None:
    """Leave it as it is."""


@dataclass
class Break:
    """What is done to a package at each step of making it; the steps after it agree with what was done."""

    files: Callable[[dict[str, bytes]], object] = nothing
    manifest: Callable[[Json], object] = nothing
    manifest_with_id: Callable[[Json], object] = nothing
    approval: Callable[[Json], object] = nothing
    signatures: Callable[[Json], object] = nothing
    record: Callable[[dict[str, bytes]], object] = nothing
    archive: Callable[[bytes], bytes] = bytes
    envelope: Callable[[Json], object] = nothing
    envelope_bytes: Callable[[bytes], bytes] = bytes
    ciphertext: Callable[[bytes], bytes] = bytes
    given_key: Ed25519PrivateKey | None = None


class Maker:
    """A sound package, and the keys to make it again."""

    def __init__(self, case: Any) -> None:
        self.case = case
        released = case.release(case.draft(), custody_head=case.log.head())
        self.record = {path.name: path.read_bytes() for path in (released.sealed_folder.parent / "record").iterdir()}
        self.envelope = json.loads((released.sealed_folder / "envelope.json").read_bytes())

    def make(self, broken: Break, folder: Path) -> Path:
        """The package with one thing wrong, as it lies in a case."""
        files = {name: content for name, content in self.record.items() if name not in SIGNED}
        broken.files(files)
        manifest, approval = (json.loads(self.record[f"{name}.json"]) for name in ("manifest", "approval"))
        listed = {file["name"]: file for file in manifest["files"]}
        manifest["files"] = [
            listed[name] | {"size_bytes": len(files[name]), "sha256": sha256_hex(files[name])} for name in sorted(files)
        ]
        broken.manifest(manifest)
        manifest["package_id"] = package_id_of(manifest)
        broken.manifest_with_id(manifest)
        content = canonical_json(manifest)
        approval |= {"package_id": manifest["package_id"], "manifest_sha256": sha256_hex(content)}
        broken.approval(approval)
        signed: Json = {
            "package_id": manifest["package_id"],
            "manifest_sha256": sha256_hex(content),
            "approval_sha256": sha256_hex(canonical_json(approval)),
        }
        entries = self.signed_by(signed, self.case.case_key)
        signatures = {"format": "headwater-signatures", "version": 3, **signed, "signatures": entries}
        body = {
            **{name: value for name, value in self.envelope.items() if name != "signature"},
            **signed,
            **{name: manifest[name] for name in ("country", "recipient", "handling_code", "sequence")},
            "signatures": entries,
        }
        signatures = json.loads(canonical_json(signatures))
        broken.signatures(signatures)
        record = {**files, "manifest.json": content, "approval.json": canonical_json(approval)}
        record["signatures.json"] = canonical_json(signatures)
        broken.record(record)
        ciphertext = encrypted(broken.archive(archive_bytes(record)), str(self.case.identity.to_public()))
        stated = {"name": "package.age", "size_bytes": len(ciphertext), "sha256": sha256_hex(ciphertext)}
        body = json.loads(canonical_json(body)) | {"ciphertext": stated}
        broken.envelope(body)
        envelope = broken.envelope_bytes(envelope_bytes(body, self.case.case_key))
        write(folder / "record", record)
        write(folder / "sealed", {"package.age": broken.ciphertext(ciphertext), "envelope.json": envelope})
        return folder

    def signed_by(self, signed: Json, case_key: Ed25519PrivateKey) -> list[Json]:
        people = [raw_public_key(key.public_key()).hex() for key in (self.case.author_key, self.case.approver_key)]
        return [
            signature_entry(self.case.author_key, role="author", **{**signed, "approval_sha256": None}),
            signature_entry(self.case.approver_key, role="approver", **signed),
            signature_entry(case_key, role="case", vouches_for=people, **signed),
        ]

    # What takes more than a line

    def by_another_case(self, signatures: Json) -> None:
        signed = {name: signatures[name] for name in ("package_id", "manifest_sha256", "approval_sha256")}
        signatures["signatures"] = self.signed_by(signed, Ed25519PrivateKey.generate())

    def of_another_log(self, files: dict[str, bytes]) -> None:
        folder = self.case.folder / "another"
        folder.mkdir()
        who = {"actor": "A", "role": "analyst", "justification": "other", "clock": self.case.clock}
        CustodyLog.create(folder, signing_key=create_case_key(folder), **who)
        files[EXTRACT] = custody_extract(folder, self.case.all_of).content

    def with_an_unsigned_entry(self, files: dict[str, bytes]) -> None:
        """An entry that somebody else signed, in a log whose tree head is the case's."""
        document = json.loads(files[EXTRACT])
        row = document["entries"][0]
        row["entry"]["signature"] = "00" * 64
        line = canonical_json(row["entry"])
        head = signed_head_line(entries=1, root=root_of([line]), at_utc=self.case.clock(), key=self.case.case_key)
        document |= {"head": json.loads(head), "entries": [row | {"path": []}]}
        files[EXTRACT] = canonical_json(document)


def write(folder: Path, files: dict[str, bytes]) -> None:
    folder.mkdir(parents=True)
    for name, content in files.items():
        (folder / name).write_bytes(content)


def in_extract(change: Callable[[Json], object]) -> Callable[[dict[str, bytes]], None]:
    def changed(files: dict[str, bytes]) -> None:
        document = json.loads(files[EXTRACT])
        change(document)
        files[EXTRACT] = canonical_json(document)

    return changed


BREAKS: dict[str, Callable[[Maker], Break]] = {
    "envelope.form": lambda m: Break(envelope_bytes=lambda content: content + b"\n"),
    "envelope.signature": lambda m: Break(envelope_bytes=lambda content: canonical_json(
        json.loads(content) | {"signature": "00" * 64})),
    "envelope.key": lambda m: Break(given_key=Ed25519PrivateKey.generate()),
    "envelope.ciphertext": lambda m: Break(ciphertext=lambda content: content + b"x"),
    "envelope.recipient": lambda m: Break(envelope=lambda body: body.update(recipient="age1nobody")),
    "envelope.signers": lambda m: Break(envelope=lambda body: body["signatures"][0].update(signature="00" * 64)),
    "package.opens": lambda m: Break(archive=lambda content: content + bytes(10_240)),
    "package.form": lambda m: Break(approval=lambda approval: approval.update(version=2)),
    "package.terms": lambda m: Break(manifest=lambda manifest: manifest.update(purpose=" ")),
    "package.id": lambda m: Break(manifest_with_id=lambda manifest: manifest.update(package_id=f"pkg-{'0' * 32}")),
    "package.files": lambda m: Break(record=lambda record: record.update({"methods.txt": b"other"})),
    "package.digests": lambda m: Break(approval=lambda approval: approval.update(manifest_sha256="ab" * 32)),
    "package.signatures": lambda m: Break(
        signatures=lambda signatures: signatures["signatures"][1].update(signature="00" * 64)),
    "package.key": lambda m: Break(signatures=m.by_another_case),
    "package.two_people": lambda m: Break(approval=lambda approval: (
        approval["approver"].update(operator=" iva example"),
        approval["decisions"][0].update(operator=" iva example"))),
    "package.leads": lambda m: Break(approval=lambda approval: approval["leads"].pop()),
    "package.recipient": lambda m: Break(
        manifest=lambda manifest: manifest.update(recipient="age1nobody"),
        envelope=lambda body: body.update(recipient=m.envelope["recipient"])),
    "package.envelope": lambda m: Break(envelope=lambda body: body.update(handling_code="OTHER")),
    "extract.form": lambda m: Break(files=lambda files: files.pop(EXTRACT)),
    "extract.key": lambda m: Break(files=m.of_another_log),
    "extract.head": lambda m: Break(files=in_extract(lambda d: d["head"].update(signature="00" * 64))),
    "extract.paths": lambda m: Break(files=in_extract(lambda d: d["entries"][1]["path"].pop())),
    "extract.entries": lambda m: Break(files=m.with_an_unsigned_entry),
    "extract.texts": lambda m: Break(files=in_extract(
        lambda d: d["entries"][0]["payload"].update(justification="other"))),
}  # fmt: skip


@pytest.fixture
def maker(case: Any) -> Maker:
    return Maker(case)


def bad(path: Path, maker: Maker, broken: Break) -> tuple[list[str], list[str], list[str]]:
    """The names of all checks, and of those that fail: by the independent program and by headwater itself."""
    key = broken.given_key or maker.case.case_key
    public_key = raw_public_key(key.public_key())
    checks = headwater_verify.verify(path / "sealed", public_key=public_key.hex(), identity=str(maker.case.identity))
    assert all(check.first_bad for check in checks if not check.ok)
    ours = [check.check for check in verify_package(path, case_public_key=public_key) if not check.ok]
    return [check.check for check in checks], [check.check for check in checks if not check.ok], ours


def test_every_check_of_a_package_has_a_break(maker, tmp_path):
    names, failed, ours = bad(maker.make(Break(), tmp_path / "made"), maker, Break())
    assert (failed, ours) == ([], [])
    assert open_package(tmp_path / "made" / "sealed", str(maker.case.identity))
    assert names == list(BREAKS), "a check that is reported has a break here, in the order of the report"


@pytest.mark.parametrize("name", list(BREAKS))
def test_one_thing_wrong_in_a_package_fails_its_check_first(name, maker, tmp_path):
    broken = BREAKS[name](maker)
    _, failed, ours = bad(maker.make(broken, tmp_path / "made"), maker, broken)
    assert failed[:1] == [name], failed
    # Headwater's own checks are the same, but for those that the independent program has for itself.
    own = name not in {"envelope.recipient", "package.recipient", "package.opens"}
    assert ours[:1] == [name] if own else name not in ours, ours
