"""What a store refuses to take in, each with the line that says so; nothing of it is kept, and the log has it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pyrage
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from headwater.custody import raw_public_key
from headwater.errors import ConfigError, HeadwaterError, IntegrityError, RefusedError
from headwater.packages.archive import archive_bytes, archive_files, encrypted
from headwater.packages.documents import document_from, envelope_bytes, package_id_of, sha256_hex, signature_entry
from headwater.receiving import held_documents
from headwater.schema import canonical_json


def refused(receiver, folder: Path, words: str, error: type[HeadwaterError] = RefusedError) -> None:
    before = len(receiver.store.held())
    with pytest.raises(error, match=words) as refusal:
        receiver.take(folder)
    assert "\n" not in str(refusal.value)
    assert len(receiver.store.held()) == before
    event, outcome = receiver.log()[-1]
    assert event == "failed"
    assert outcome.startswith(("refused: ", "failed: "))


def sealed_again(folder: Path, out: Path, case_key, recipient: str | None = None, **changes: object) -> Path:
    """The package in the folder with another outside, signed with the case's key: what only a thief of it could do."""
    envelope = json.loads((folder / "envelope.json").read_bytes())
    del envelope["signature"]
    ciphertext = (folder / "package.age").read_bytes()
    if recipient is not None:
        envelope["recipient"] = recipient
    envelope |= changes
    out.mkdir()
    (out / "package.age").write_bytes(ciphertext)
    (out / "envelope.json").write_bytes(envelope_bytes(envelope, case_key))
    return out


def copied(folder: Path, out: Path) -> Path:
    return Path(shutil.copytree(folder, out))


# Unsigned


def test_without_an_envelope_it_is_unsigned(sender, receiver, tmp_path):
    folder = copied(sender.send(), tmp_path / "x")
    (folder / "envelope.json").unlink()
    refused(receiver, folder, "refused as unsigned")


@pytest.mark.parametrize("field", ["signature", "signatures"])
def test_without_its_signatures_it_is_unsigned(sender, receiver, tmp_path, field):
    folder = copied(sender.send(), tmp_path / "x")
    envelope = json.loads((folder / "envelope.json").read_bytes())
    envelope[field] = "" if field == "signature" else []
    (folder / "envelope.json").write_bytes(canonical_json(envelope))
    refused(receiver, folder, "refused as unsigned")


def test_by_nobody_who_is_trusted_it_is_unsigned(sender, receiver):
    sender.begin("other")
    refused(receiver, sender.send(), "nobody on the list of trusted senders")


def test_a_notice_by_nobody_who_is_trusted_is_unsigned(sender, receiver):
    receiver.take(sender.send())
    sender.case_key = Ed25519PrivateKey.generate()
    refused(receiver, sender.recall("led-1")[0], "nobody on the list of trusted senders")


# Re-addressed


def test_for_somebody_else_it_is_not_ours(sender, receiver):
    sender.recipient = str(pyrage.x25519.Identity.generate().to_public())
    refused(receiver, sender.send(), "refused as re-addressed")


def test_encrypted_to_us_by_its_recipient_it_is_not_ours(sender, receiver, tmp_path):
    """A recipient passes a package on under a new outside, for which it would need the sender's key."""
    other = pyrage.x25519.Identity.generate()
    ours, sender.recipient = sender.recipient, str(other.to_public())
    folder = sender.send()
    archive = pyrage.decrypt((folder / "package.age").read_bytes(), [other])
    ciphertext = encrypted(archive, ours)
    stated = {"name": "package.age", "size_bytes": len(ciphertext), "sha256": sha256_hex(ciphertext)}
    forged = sealed_again(folder, tmp_path / "x", sender.case_key, recipient=ours, ciphertext=stated)
    (forged / "package.age").write_bytes(ciphertext)
    refused(receiver, forged, "another recipient", IntegrityError)
    # Without that key, the outside shows it.
    kept = copied(folder, tmp_path / "y")
    (kept / "package.age").write_bytes(ciphertext)
    refused(receiver, kept, r"package\.age is not the file that was sealed")


def test_for_another_country_it_is_not_ours(sender, receiver, tmp_path):
    folder = sealed_again(sender.send(), tmp_path / "x", sender.case_key, country="PT")
    refused(receiver, folder, "refused as re-addressed: it is for PT")


# Replayed


def test_a_second_time_it_is_a_replay(sender, receiver, tmp_path):
    folder = copied(sender.send(), tmp_path / "x")
    receiver.take(folder)
    refused(receiver, folder, "refused as replayed")
    notice = sender.recall("led-1")[0]
    receiver.take(notice)
    refused(receiver, notice, "refused as replayed")


def test_another_of_the_same_number_is_a_replay(sender, receiver, tmp_path):
    receiver.take(sender.send(1))
    sender.folder = tmp_path / "restored"  # a sender who went back to a copy of yesterday
    refused(receiver, sender.send(2), "has its number, 1")


def test_what_follows_another_than_ours_is_a_replay(sender, receiver, tmp_path):
    receiver.take(sender.send(1))
    sender.folder = tmp_path / "restored"
    sender.send(2)
    refused(receiver, sender.send(3), "follows another number 1")


# Downgraded


def test_older_than_what_is_here_is_a_downgrade(sender, receiver):
    first, second = sender.send(1), sender.send(1, 2)
    accepted = receiver.take(second)
    assert accepted.missing == (1,)
    assert json.loads(accepted.receipt.read_bytes())["missing"] == [1]
    refused(receiver, first, "refused as downgraded: number 1 comes after number 2")


def older_format(sender, tmp_path: Path, version: int = 1) -> Path:
    """A package of one lead as version 1 or 2 of the format had it."""
    folder = sender.send(1)
    record = folder.parent / "record"
    files = {path.name: path.read_bytes() for path in record.iterdir() if not path.name.startswith("disclosure_")}
    manifest = json.loads(files["manifest.json"])
    later = ("sequence", "changes", "answer_to", "tool_sha256") if version == 1 else ()
    for name in (*later, "package_id"):
        del manifest[name]
    manifest["files"] = [file for file in manifest["files"] if file["name"] in files]
    manifest["version"] = version
    manifest["package_id"] = package_id = package_id_of(manifest)
    files["manifest.json"] = canonical_json(manifest)
    approval = json.loads(files["approval.json"])
    approval |= {"version": version, "package_id": package_id, "manifest_sha256": sha256_hex(files["manifest.json"])}
    files["approval.json"] = canonical_json(approval)
    digests = {name: sha256_hex(files[f"{name}.json"]) for name in ("manifest", "approval")}
    signed = {"package_id": package_id, **{f"{name}_sha256": digest for name, digest in digests.items()}}
    signed["version"] = version
    people = [raw_public_key(key.public_key()).hex() for key in (sender.author_key, sender.approver_key)]
    signatures = [
        signature_entry(sender.author_key, role="author", **{**signed, "approval_sha256": None}),
        signature_entry(sender.approver_key, role="approver", **signed),
        signature_entry(sender.case_key, role="case", vouches_for=people, **signed),
    ]
    listed = {"format": "headwater-signatures", **signed, "signatures": signatures}
    files["signatures.json"] = canonical_json(listed)
    ciphertext = encrypted(archive_bytes(files), sender.recipient)
    envelope = {
        "format": "headwater-envelope",
        **signed,
        **{name: manifest[name] for name in ("country", "recipient", "handling_code", "sequence") if name in manifest},
        "ciphertext": {"name": "package.age", "size_bytes": len(ciphertext), "sha256": sha256_hex(ciphertext)},
        "released_at_utc": manifest["drafted_at_utc"],
        "custody_head": None,
        "signatures": signatures,
    }
    out = tmp_path / f"format-{version}"
    out.mkdir()
    (out / "package.age").write_bytes(ciphertext)
    (out / "envelope.json").write_bytes(envelope_bytes(envelope, sender.case_key))
    return out


def test_an_older_format_is_a_downgrade_unless_the_list_says_otherwise(sender, receiver, tmp_path):
    folder = older_format(sender, tmp_path)
    refused(receiver, folder, "refused as downgraded: it is of version 1 of the format, and version 2")
    receiver.trust(sender.key, oldest_format=1)
    accepted = receiver.take(folder)
    assert (accepted.held.number, accepted.held.document["version"]) == (0, 1)


def test_an_older_format_after_a_newer_one_is_a_downgrade_whatever_the_list_says(sender, receiver, tmp_path):
    folder = older_format(sender, tmp_path)
    receiver.trust(sender.key, oldest_format=1)
    receiver.take(sender.send(1, 2))
    refused(receiver, folder, "refused as downgraded: it is of version 1")


@pytest.mark.parametrize("version", [1, 2])
def test_older_formats_are_read_for_good_by_both_programs(sender, receiver, tmp_path, version):
    import headwater_verify

    identity = tmp_path / "identity.txt"
    identity.write_text(receiver.store.identity())
    folder = older_format(sender, tmp_path, version)
    assert headwater_verify.main([str(folder), "--identity", str(identity)]) == 0
    archive = archive_files(
        pyrage.decrypt((folder / "package.age").read_bytes(), [pyrage.x25519.Identity.from_str(identity.read_text())])
    )
    assert document_from(archive["manifest.json"], "headwater-package")["version"] == version
    receiver.trust(sender.key, oldest_format=version)
    assert receiver.take(folder).held.document["version"] == version


# Revoked


@pytest.mark.parametrize("whose", ["case_key", "approver_key", "author_key"])
def test_by_a_revoked_key_it_is_refused(sender, receiver, whose):
    key = raw_public_key(getattr(sender, whose).public_key()).hex()
    receiver.store.revoke(key, operator="Cleo", why="a workstation was lost")
    refused(receiver, sender.send(), r"of a revoked key: the \w+'s key .* is revoked \(a workstation was lost\)")
    with pytest.raises(ConfigError, match="this key is revoked"):
        receiver.trust(key)


def test_for_our_own_revoked_key_it_is_refused(sender, receiver):
    receiver.store.revoke(sender.recipient, operator="Cleo", why="a medium was lost")
    refused(receiver, sender.send(), "of a revoked key: the key that it is for")


def test_a_notice_by_a_revoked_operator_is_refused(sender, receiver):
    receiver.take(sender.send())
    [notice] = sender.recall("led-1")
    key = raw_public_key(sender.author_key.public_key()).hex()
    receiver.store.revoke(key, operator="Cleo", why="a workstation was lost")
    refused(receiver, notice, "of a revoked key: the operator's key")


# Altered, and the store itself


@pytest.mark.parametrize("name", ["package.age", "recall.age"])
def test_an_altered_ciphertext_is_refused(sender, receiver, tmp_path, name):
    first = sender.send()
    folder = first
    if name == "recall.age":
        receiver.take(first)
        folder = sender.recall("led-1")[0]
    folder = copied(folder, tmp_path / "x")
    content = bytearray((folder / name).read_bytes())
    content[-1] ^= 1
    (folder / name).write_bytes(content)
    refused(receiver, folder, f"{name} is not the file that was sealed")


@pytest.mark.parametrize(
    "content",
    [
        "",
        "format = 'headwater-trust'\nversion = 2\n",
        "format = 'headwater-trust'\nversion = 1\nmore = 1\n",
        "format = 'headwater-trust'\nversion = 1\n[[sender]]\nname = 'x'\nkey = 'AB'\n",
        "format = 'headwater-trust'\nversion = 1\n[[revoked]]\nkey = 'age1x'\nwhy = 'x'\n",
    ],
)
def test_a_list_of_keys_that_is_not_understood_takes_nothing_in(sender, receiver, content):
    (receiver.store.path / "trust.toml").write_text(content)
    refused(receiver, sender.send(), r"trust\.toml", ConfigError)


def test_what_was_altered_in_the_store_is_noticed(sender, receiver):
    held = receiver.take(sender.send()).held
    path = held.folder / "opened" / "manifest.json"
    path.write_bytes(path.read_bytes().replace(b"Agreement 7", b"Agreement 8"))
    with pytest.raises(IntegrityError, match="altered since it was received"):
        held_documents(receiver.store)


def test_a_recall_that_comes_late_counts_and_one_that_came_before_a_new_issue_does_not(sender, receiver):
    receiver.take(sender.send(1, 2))
    [notice] = sender.recall("led-1")
    newer = sender.send(1, 2, reissue=("led-1",))
    assert receiver.take(newer).missing == (2,)
    assert receiver.take(notice).late
    rows = {row["number"]: row["recalled_leads"] for row in held_documents(receiver.store)}
    assert rows == {1: 1, 2: 0, 3: 0}
