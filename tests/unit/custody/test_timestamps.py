"""Time stamps from outside: a request out, a reply in, by a test authority (`openssl ts`), checked by both programs."""

from __future__ import annotations

import datetime as dt
import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

import headwater_verify
from headwater.custody import (
    HEADS_NAME,
    LOG_NAME,
    PAYLOADS_NAME,
    WITNESSES_NAME,
    CustodyLog,
    add_timestamp,
    create_case_key,
    timestamp_request,
    verify_log,
)
from headwater.errors import InputError

OPENSSL = shutil.which("openssl")
pytestmark = pytest.mark.skipif(OPENSSL is None, reason="openssl is not installed (Debian: openssl)")
WHO: dict[str, Any] = {
    "actor": "Ana",
    "role": "analyst",
    "justification": "exercise",
    "clock": lambda: dt.datetime(2026, 11, 3, 9, 30, tzinfo=dt.UTC),
}
CONFIG = """[tsa]
default_tsa = one
[one]
serial = {folder}/serial
crypto_device = builtin
default_policy = 1.2.3.4.1
digests = sha256
signer_digest = sha256
accuracy = secs:1
ordering = no
tsa_name = no
ess_cert_id_chain = {chain}
ess_cert_id_alg = {ess}
"""


def certificate(name: str, key: Any, issuer: tuple[x509.Certificate, Any] | None, *, stamps: bool) -> x509.Certificate:
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    begin = dt.datetime.now(dt.UTC) - dt.timedelta(days=1)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer[0].subject if issuer else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begin)
        .not_valid_after(begin + dt.timedelta(days=9))
        .add_extension(x509.BasicConstraints(ca=not stamps, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )
    usage = dict.fromkeys(
        ("key_encipherment", "data_encipherment", "key_agreement", "encipher_only", "decipher_only"), False
    )
    signs = {"digital_signature": stamps, "content_commitment": stamps, "key_cert_sign": not stamps, "crl_sign": False}
    builder = builder.add_extension(x509.KeyUsage(**usage, **signs), critical=True)
    if stamps:
        purposes = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.TIME_STAMPING])
        builder = builder.add_extension(purposes, critical=True)
    return builder.sign(issuer[1] if issuer else key, hashes.SHA256())


class Authority:
    """A test authority in a folder: a root, and below it a key that stamps."""

    def __init__(self, folder: Path, *, curve: bool = False, ess: str = "sha256", name: str = "Example Time") -> None:
        folder.mkdir()
        self.folder = folder
        keys: list[Any] = [
            ec.generate_private_key(ec.SECP256R1()) if curve else rsa.generate_private_key(65537, 2048) for _ in "ab"
        ]
        self.root = certificate(f"{name} root", keys[0], None, stamps=False)
        stamping = certificate(name, keys[1], (self.root, keys[0]), stamps=True)
        pem = serialization.Encoding.PEM
        (folder / "ca.pem").write_bytes(self.root.public_bytes(pem))
        (folder / "tsa.pem").write_bytes(stamping.public_bytes(pem))
        form = (pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        (folder / "tsa.key").write_bytes(keys[1].private_bytes(*form))
        (folder / "serial").write_text("01\n")
        (folder / "tsa.cnf").write_text(CONFIG.format(folder=folder, ess=ess, chain="no"))

    @property
    def pem(self) -> bytes:
        return (self.folder / "ca.pem").read_bytes()

    def reply(self, request: bytes) -> bytes:
        (self.folder / "request.tsq").write_bytes(request)
        assert OPENSSL is not None
        words = [OPENSSL, "ts", "-reply", "-config", "tsa.cnf", "-section", "one", "-queryfile", "request.tsq"]
        words += ["-inkey", "tsa.key", "-signer", "tsa.pem", "-out", "reply.tsr"]
        subprocess.run(words, cwd=self.folder, check=True, capture_output=True)
        return (self.folder / "reply.tsr").read_bytes()


@pytest.fixture
def case(tmp_path: Path) -> Path:
    folder = tmp_path / "case"
    folder.mkdir()
    log = CustodyLog.create(folder, signing_key=create_case_key(folder), **WHO)
    log.append(event="parsed", **WHO)
    return folder


def failed(folder: Path) -> set[str]:
    """The checks that fail, by both programs, which must agree."""
    ours = {check.check for check in verify_log(folder) if not check.ok}
    assert ours == {check.check for check in headwater_verify.verify(folder) if not check.ok}
    return ours


@pytest.mark.parametrize(("curve", "ess"), [(False, "sha256"), (True, "sha256"), (False, "sha1"), (True, "sha512")])
def test_a_stamp_is_kept_and_holds_while_the_log_grows(case, tmp_path, curve, ess):
    authority = Authority(tmp_path / "authority", curve=curve, ess=ess)
    entries, request = timestamp_request(case)
    assert entries == 2
    CustodyLog.open(case).append(event="parsed", **WHO)  # the reply may come days later
    assert add_timestamp(case, authority.reply(request), authority.pem) == 2
    CustodyLog.open(case).append(event="parsed", **WHO)
    assert failed(case) == set()


def test_the_request_says_nothing_of_the_case_but_a_digest(case):
    _, request = timestamp_request(case)
    assert len(request) < 100
    assert b"Ana" not in request


def test_a_log_that_was_rolled_back_is_not_the_one_that_was_stamped(case, tmp_path):
    yesterday = tmp_path / "yesterday"
    shutil.copytree(case, yesterday)
    CustodyLog.open(case).append(event="parsed", **WHO)
    authority = Authority(tmp_path / "authority")
    add_timestamp(case, authority.reply(timestamp_request(case)[1]), authority.pem)
    for name in (LOG_NAME, HEADS_NAME, PAYLOADS_NAME):
        shutil.copyfile(yesterday / name, case / name)
    assert failed(case) == {"custody.witnesses"}
    CustodyLog.open(case).append(event="opened", **WHO)  # another history of the same length
    assert failed(case) == {"custody.witnesses"}


def test_another_authority_another_log_and_no_stamp_at_all_are_refused(case, tmp_path):
    authority, other = Authority(tmp_path / "one"), Authority(tmp_path / "two")
    reply = authority.reply(timestamp_request(case)[1])
    with pytest.raises(InputError, match="time stamp"):
        add_timestamp(case, reply, other.pem)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    CustodyLog.create(elsewhere, signing_key=create_case_key(elsewhere), **WHO)
    with pytest.raises(InputError, match="no time stamp on a tree head of this log"):
        add_timestamp(elsewhere, reply, authority.pem)
    for content in (b"", b"0\x00", reply[:-7], timestamp_request(case)[1]):
        with pytest.raises(InputError, match="time stamp"):
            add_timestamp(case, content, authority.pem)
    assert not (case / WITNESSES_NAME).exists()
    assert failed(case) == set()


def test_what_was_stamped_cannot_be_changed(case, tmp_path):
    """Every byte of the stated time and digest, and the certificate of the authority."""
    authority, other = Authority(tmp_path / "one"), Authority(tmp_path / "two")
    add_timestamp(case, authority.reply(timestamp_request(case)[1]), authority.pem)
    line = (case / WITNESSES_NAME).read_bytes()
    kept = json.loads(line)
    for changed in (
        {**kept, "authority": other.pem.decode()},
        {**kept, "authority": ""},
        {**kept, "entries": 1},
        {**kept, "entries": True},
        {**kept, "response": kept["response"][:-8]},
        {**kept, "kind": "other"},
    ):
        text = json.dumps(changed, sort_keys=True, separators=(",", ":"))
        (case / WITNESSES_NAME).write_text(text + "\n")
        assert failed(case) == {"custody.witnesses"}, changed
    (case / WITNESSES_NAME).write_bytes(line[:-1])
    assert failed(case) == {"custody.witnesses"}
    (case / WITNESSES_NAME).write_bytes(line)
    assert failed(case) == set()


def test_changes_of_the_signed_part_are_found_by_both(case, tmp_path):
    import base64

    authority = Authority(tmp_path / "one")
    reply = authority.reply(timestamp_request(case)[1])
    add_timestamp(case, reply, authority.pem)
    kept = json.loads((case / WITNESSES_NAME).read_bytes())
    begin = reply.index(b"\x02\x01\x01\x06\x04")  # the version and the policy of what is stated
    end = reply.index(b"Z", begin) + 1
    for at in range(begin, end):
        changed = reply[:at] + bytes([reply[at] ^ 1 << at % 8]) + reply[at + 1 :]
        text = json.dumps(
            {**kept, "response": base64.b64encode(changed).decode()}, sort_keys=True, separators=(",", ":")
        )
        (case / WITNESSES_NAME).write_text(text + "\n")
        assert failed(case) == {"custody.witnesses"}, at
