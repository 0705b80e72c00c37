"""Two people, one recipient: what `release` demands, writes and refuses."""

from __future__ import annotations

import json

import pyrage
import pytest

from headwater.custody import raw_public_key
from headwater.errors import DigestMismatchError, HeadwaterError, InputError, IntegrityError, RefusedError
from headwater.packages import lead_decisions, open_package, verify_package


def test_the_recipient_opens_what_two_people_released(case):
    drafted = case.draft()
    plaintext = {file.name: file.read_bytes() for file in (drafted.folder / "draft").iterdir()}
    released = case.release(drafted)
    opened = open_package(
        released.sealed_folder, str(case.identity), case_public_key=raw_public_key(case.case_key.public_key())
    )
    for name, content in plaintext.items():
        if name != "signatures.json":
            assert opened.files[name] == content
    assert opened.manifest["package_id"] == released.package_id
    assert opened.approval["leads"] == [{"lead_id": lead, "basis": "opened"} for lead in drafted.lead_ids]
    assert all(check.ok for check in verify_package(drafted.folder))
    assert sorted(file.name for file in released.sealed_folder.iterdir()) == ["envelope.json", "package.age"]
    assert not (drafted.folder / "draft").exists()


def test_each_lead_has_decisions_by_two_people(case):
    released = case.release(case.draft(), leads_opened=["led-2"], sample="every second lead")
    decisions = list(lead_decisions(case.folder / "packages"))
    for lead in released.lead_ids:
        people = {decision.operator for decision in decisions if decision.lead_id == lead}
        assert people == {"Iva Example", "Olu Example"}
    assert {(d.lead_id, d.basis) for d in decisions if d.role == "approver"} == {
        ("led-1", "sample"),
        ("led-2", "opened"),
    }


def test_nothing_readable_stands_on_the_outside(case):
    released = case.release(case.draft())
    outside = b"".join(file.read_bytes() for file in released.sealed_folder.iterdir())
    # Long enough not to stand in random bytes by chance.
    for secret in (b"led-1", b"Iva Example", b"Olu Example", b"example.org", b"Example Court"):
        assert secret not in outside


@pytest.mark.parametrize("approver", ["Iva Example", " iva example "])
def test_the_author_may_not_release(case, approver):
    drafted = case.draft()
    with pytest.raises(RefusedError, match="second operator"):
        case.release(drafted, approver=approver)
    assert not (drafted.folder / "sealed").exists()
    assert (drafted.folder / "draft").is_dir()


def test_one_key_is_not_two_people(case):
    drafted = case.draft()
    with pytest.raises(RefusedError, match="second operator"):
        case.release(drafted, approver_key=case.author_key)
    with pytest.raises(RefusedError, match="key of their own"):
        case.release(drafted, approver_key=case.case_key)


def test_an_approval_says_what_was_looked_at(case):
    drafted = case.draft()
    with pytest.raises(RefusedError, match="1 of 2 leads were not opened"):
        case.release(drafted, leads_opened=["led-1"])
    with pytest.raises(RefusedError, match="no lead was opened"):
        case.release(drafted, leads_opened=[], sample="none of them")
    with pytest.raises(InputError, match="led-9"):
        case.release(drafted, leads_opened=["led-9"], sample="x")
    with pytest.raises(InputError, match="reason is empty"):
        case.release(drafted, why=" ")


def test_a_package_is_released_once(case):
    drafted = case.draft()
    case.release(drafted)
    with pytest.raises(RefusedError, match="released before"):
        case.release(drafted)


def test_a_release_cut_short_by_a_crash_can_be_done_again(case, monkeypatch):
    drafted = case.draft()
    from headwater.packages import releasing as module

    written = []
    real = module.write_folder

    def write(folder, files):
        written.append(folder.name)
        if folder.name == "sealed":
            raise OSError(5, "Input/output error")
        real(folder, files)

    monkeypatch.setattr(module, "write_folder", write)
    with pytest.raises(OSError, match="Input/output"):
        case.release(drafted)
    monkeypatch.undo()
    assert written == ["record", "sealed"]
    assert list(lead_decisions(case.folder / "packages")) == []
    case.release(drafted)
    assert all(check.ok for check in verify_package(drafted.folder))


@pytest.mark.parametrize("name", ["leads.jsonl", "leads.csv", "report.pdf", "manifest.json", "signatures.json"])
def test_a_draft_altered_after_its_author_signed_it_is_not_released(case, name):
    drafted = case.draft()
    file = drafted.folder / "draft" / name
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)
    with pytest.raises((IntegrityError, DigestMismatchError, RefusedError)):
        case.release(drafted)
    assert not (drafted.folder / "sealed").exists()


def test_a_file_slipped_into_a_draft_is_not_released(case):
    drafted = case.draft()
    (drafted.folder / "draft" / "extra.csv").write_bytes(b"a,b\r\n")
    with pytest.raises(IntegrityError, match=r"extra\.csv"):
        case.release(drafted)


def test_media_slipped_into_a_draft_is_refused(case):
    drafted = case.draft()
    (drafted.folder / "draft" / "extra.csv").write_bytes(b"\xff\xd8\xff\xe0\x00\x10JFIF")
    with pytest.raises(RefusedError, match="JPEG"):
        case.release(drafted)


def test_only_the_recipient_can_open_it(case):
    released = case.release(case.draft())
    other = str(pyrage.x25519.Identity.generate())
    with pytest.raises(InputError, match="does not open") as refusal:
        open_package(released.sealed_folder, other)
    assert other not in str(refusal.value)
    with pytest.raises(InputError, match="not an age secret key"):
        open_package(released.sealed_folder, "nonsense")


def test_another_case_key_is_noticed(case):
    released = case.release(case.draft())
    stranger = raw_public_key(case.author_key.public_key())
    with pytest.raises(IntegrityError, match="the case's is another"):
        open_package(released.sealed_folder, str(case.identity), case_public_key=stranger)


def test_a_package_for_somebody_else_is_noticed(case, tmp_path):
    """Re-encrypting to another key and re-signing the outside does not change whom the inside names."""
    from headwater.packages.archive import encrypted
    from headwater.packages.documents import envelope_bytes, sha256_hex

    released = case.release(case.draft())
    other = pyrage.x25519.Identity.generate()
    envelope = json.loads((released.sealed_folder / "envelope.json").read_bytes())
    archive = pyrage.decrypt((released.sealed_folder / "package.age").read_bytes(), [case.identity])
    ciphertext = encrypted(archive, str(other.to_public()))
    envelope["recipient"] = str(other.to_public())
    envelope["ciphertext"] |= {"sha256": sha256_hex(ciphertext), "size_bytes": len(ciphertext)}
    del envelope["signature"]
    forged = tmp_path / "forged"
    forged.mkdir()
    (forged / "package.age").write_bytes(ciphertext)
    (forged / "envelope.json").write_bytes(envelope_bytes(envelope, case.case_key))
    with pytest.raises(IntegrityError, match="another recipient"):
        open_package(forged, str(other))


def test_what_is_no_package_is_one_clear_line(case, tmp_path):
    for action in (
        lambda: open_package(tmp_path / "nowhere", str(case.identity)),
        lambda: verify_package(tmp_path),
    ):
        with pytest.raises(HeadwaterError) as refusal:
            action()
        assert "\n" not in str(refusal.value)
