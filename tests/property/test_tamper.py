"""Change any byte of a custody log or of a package, and verification fails; by both programs."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path

import pyrage
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st

import headwater_verify
from headwater.custody import CustodyLog, create_case_key, load_case_key, verify_log
from headwater.engine import Session
from headwater.errors import HeadwaterError
from headwater.packages import CaseInfo, CaseRecord, check_contents, check_envelope, draft, open_package, release
from headwater.schema import table_named
from headwater_verify.checks import BadInputError
from headwater_verify.package import archive_members, contents_checks, envelope_checks, opened_checks


def clock() -> datetime:
    return datetime(2026, 11, 3, 9, 30, tzinfo=UTC)


# ---- Custody log


@pytest.fixture(scope="module")
def log_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("log")
    who = {"actor": "Ana", "role": "analyst", "justification": "é", "clock": clock}
    log = CustodyLog.create(folder, signing_key=create_case_key(folder), **who)
    log.append(event="parsed", object_ids=["itm-1"], output_digests={"t": "ab" * 32}, **who)
    log.append(event="exported", outcome="refused: no", **who)
    assert _log_holds(folder)
    return folder


def _log_holds(folder: Path) -> bool:
    """Whether both programs accept the log; they must always agree."""
    try:
        ours = all(check.ok for check in verify_log(folder))
    except HeadwaterError:
        ours = False
    try:
        theirs = all(check.ok for check in headwater_verify.verify(folder))
    except BadInputError:
        theirs = False
    assert ours == theirs
    return ours


@pytest.mark.parametrize("name", ["custody.log", "custody.heads", "public/case-signing.pem"])
def test_no_byte_of_a_custody_log_can_be_changed(log_folder, tmp_path, name):
    folder = tmp_path / "log"
    shutil.copytree(log_folder, folder)
    content = (folder / name).read_bytes()
    for position in range(len(content)):
        # One bit of each byte, a different one from byte to byte: upper case, digits, spaces and line ends all occur.
        flipped = content[position] ^ (1 << position % 8)
        (folder / name).write_bytes(content[:position] + bytes([flipped]) + content[position + 1 :])
        assert not _log_holds(folder), f"{name}, byte {position}"


@given(
    name=st.sampled_from(["custody.log", "custody.heads"]),
    place=st.floats(0, 1, exclude_max=True),
    new=st.integers(0, 255),
    change=st.sampled_from(["replace", "insert", "remove", "cut"]),
)
@settings(max_examples=150, deadline=None)
def test_nothing_in_a_custody_log_can_be_replaced_inserted_removed_or_cut(
    log_folder, tmp_path_factory, name, place, new, change
):
    folder = tmp_path_factory.mktemp("changed") / "log"
    shutil.copytree(log_folder, folder)
    content = (folder / name).read_bytes()
    changed = _changed(content, int(place * len(content)), new, change)
    (folder / name).write_bytes(changed)
    assert _log_holds(folder) == (changed == content)


def _changed(content: bytes, position: int, new: int, change: str) -> bytes:
    before, after = content[:position], content[position + 1 :]
    return {
        "replace": before + bytes([new]) + after,
        "insert": before + bytes([new]) + content[position:],
        "remove": before + after,
        "cut": before,
    }[change]


@pytest.mark.parametrize("first", [0, 1])
def test_entries_cannot_change_places_or_go(log_folder, tmp_path, first):
    folder = tmp_path / "log"
    shutil.copytree(log_folder, folder)
    for name in ("custody.log", "custody.heads"):
        lines = (log_folder / name).read_bytes().splitlines(keepends=True)
        swapped = [*lines[:first], lines[first + 1], lines[first], *lines[first + 2 :]]
        for changed in (swapped, lines[:first] + lines[first + 1 :], [*lines, lines[-1]]):
            (folder / name).write_bytes(b"".join(changed))
            assert not _log_holds(folder)
        (folder / name).write_bytes(b"".join(lines))


def test_a_log_signed_anew_with_another_key_is_not_the_witnessed_one(log_folder, tmp_path):
    """Whoever holds the folder can write a new log with a new key; a key or a head kept elsewhere shows it."""
    witness = (3, CustodyLog.open(log_folder).head().root)
    folder = tmp_path / "forged"
    folder.mkdir()
    forged = CustodyLog.create(
        folder, signing_key=create_case_key(folder), actor="Ana", role="analyst", justification="é", clock=clock
    )
    for _ in range(2):
        forged.append(event="parsed", actor="Ana", role="analyst", justification="é", clock=clock)
    assert _log_holds(folder)
    key = load_case_key(log_folder).public_key()
    assert not all(check.ok for check in verify_log(folder, key))
    checks = headwater_verify.verify(folder, witnesses=[witness])
    assert [check.check for check in checks if not check.ok] == ["custody.witness"]
    assert all(check.ok for check in headwater_verify.verify(log_folder, witnesses=[witness]))


# ---- Package


class Sent:
    """A released package, small: one lead."""

    def __init__(self, folder: Path) -> None:
        tables = Session({})
        tables.put("leads", table_named("leads").rows([_lead()]))
        self.identity = str(pyrage.x25519.Identity.generate())
        recipient = str(pyrage.x25519.Identity.from_str(self.identity).to_public())
        author, approver = (Ed25519PrivateKey.generate() for _ in range(2))
        log = folder / "log"
        log.mkdir()
        case = create_case_key(log)
        CustodyLog.create(log, signing_key=case, actor="Ana", role="analyst", justification="one lead", clock=clock)
        with tables:
            drafted = draft(
                tables,
                country="ES",
                recipient_key=recipient,
                author="Ana",
                why="one lead",
                case_info=CaseInfo(case_id="case-1", authority_ref="Warrant 1", legal_basis="Agreement 7"),
                out_dir=folder,
                signing_key=author,
                record=CaseRecord(case_dir=log),
                clock=clock,
            )
        released = release(
            drafted.folder,
            approver="Bo",
            why="read it",
            approver_key=approver,
            case_key=case,
            clock=clock,
            leads_opened=drafted.lead_ids,
        )
        self.folder = released.sealed_folder
        self.outside = {file.name: file.read_bytes() for file in sorted(released.sealed_folder.iterdir())}
        self.inside = dict(open_package(self.folder, self.identity).files)
        self.archive = pyrage.decrypt(self.outside["package.age"], [pyrage.x25519.Identity.from_str(self.identity)])


def _lead() -> dict[str, object]:
    return {
        "lead_id": "led-1",
        "rank": 1,
        "risk_tier": 1,
        "account_id": "acc-1",
        "rules_version": "1",
        "rules_fired": [],
        "rules_not_fired": [],
        "jurisdiction": [
            {"country": "ES", "evidence": "x", "weight": 40, "observed": 1, "table": "logins", "example_id": "log-1"},
        ],
        "jurisdiction_version": "1",
        "lead_country": "ES",
        "lead_country_margin": 40,
        "shared_with": [],
        "why_now": "now",
        "completeness": [],
        "next_lawful_steps": [],
        "data_subject_category": "unclassified",
        "assertion_kind": "computed",
        "contrary": [],
        "rivals": [],
        "deconfliction_key": "k",
    }


@pytest.fixture(scope="module")
def sent(tmp_path_factory: pytest.TempPathFactory) -> Sent:
    package = Sent(tmp_path_factory.mktemp("packages"))
    assert _outside_holds(package.outside, package.identity)
    assert _inside_holds(package.inside)
    return package


def _outside_holds(files: Mapping[str, bytes], identity: str | None = None) -> bool:
    ours = all(check.ok for check in check_envelope(files))
    theirs = [*envelope_checks(files["envelope.json"], files["package.age"], None)]
    if identity is not None and ours:
        theirs += opened_checks(files["envelope.json"], files["package.age"], identity, None)
    assert ours == all(check.ok for check in theirs)
    return ours


def _inside_holds(files: Mapping[str, bytes]) -> bool:
    ours = all(check.ok for check in check_contents(files))
    assert ours == all(check.ok for check in contents_checks(files, None))
    return ours


def _flips(content: bytes) -> Iterator[tuple[int, bytes]]:
    for position, byte in enumerate(content):
        yield position, content[:position] + bytes([byte ^ (1 << position % 8)]) + content[position + 1 :]


def test_no_byte_of_the_envelope_can_be_changed(sent):
    for position, changed in _flips(sent.outside["envelope.json"]):
        assert not _outside_holds({**sent.outside, "envelope.json": changed}), position


@pytest.mark.parametrize("name", ["manifest.json", "approval.json", "signatures.json"])
def test_no_byte_of_a_signed_document_can_be_changed(sent, name):
    for position, changed in _flips(sent.inside[name]):
        assert not _inside_holds({**sent.inside, name: changed}), position


@given(choice=st.data())
@settings(max_examples=150, deadline=None)
def test_no_byte_of_any_file_of_a_package_can_be_changed(sent, choice):
    name = choice.draw(st.sampled_from(sorted(sent.inside)))
    content = sent.inside[name]
    position = choice.draw(st.integers(0, max(len(content) - 1, 0)))
    change = choice.draw(st.sampled_from(["replace", "insert", "remove", "cut"]))
    changed = _changed(content, position, choice.draw(st.integers(0, 255)), change)
    assert _inside_holds({**sent.inside, name: changed}) == (changed == content)


@given(place=st.floats(0, 1, exclude_max=True), bit=st.integers(0, 7))
@settings(max_examples=60, deadline=None)
def test_no_byte_of_what_is_encrypted_can_be_changed(sent, place, bit):
    content = bytearray(sent.outside["package.age"])
    content[int(place * len(content))] ^= 1 << bit
    assert not _outside_holds({**sent.outside, "package.age": bytes(content)})
    # Even without the envelope, age itself refuses: the change is never decrypted to something else.
    checks = opened_checks(sent.outside["envelope.json"], bytes(content), sent.identity, None)
    assert not checks[0].ok


@given(place=st.floats(0, 1, exclude_max=True), bit=st.integers(0, 7))
@settings(max_examples=100, deadline=None)
def test_no_byte_of_the_plaintext_archive_can_be_changed(sent, place, bit):
    content = bytearray(sent.archive)
    content[int(place * len(content))] ^= 1 << bit
    try:
        files = archive_members(bytes(content))
    except ValueError:
        return
    assert not _inside_holds(files)


@pytest.mark.parametrize("change", ["missing", "extra"])
def test_no_file_can_go_or_come(sent, change):
    for name in sent.inside:
        files = dict(sent.inside)
        content = files.pop(name)
        if change == "extra":
            files |= {name: content, "extra_" + name: content}
        assert not _inside_holds(files), name
