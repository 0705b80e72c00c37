"""No package holds media or key material, whatever the evidence contains."""

from __future__ import annotations

import base64
import hashlib
import io
import tarfile
import zipfile

import pytest
from embit import bip32, bip39

from headwater.engine import key_material
from headwater.errors import RefusedError
from headwater.packages import check_no_media
from headwater.packages.guards import REDACTED, redacted

BASE58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"


def base58check(content: bytes) -> str:
    content += hashlib.sha256(hashlib.sha256(content).digest()).digest()[:4]
    number, text = int.from_bytes(content, "big"), ""
    while number:
        number, digit = divmod(number, 58)
        text = BASE58[digit] + text
    return text


def invented_wif(version: int = 0x80, *, compressed: bool = True) -> str:
    return base58check(bytes([version]) + hashlib.sha256(b"invented").digest() + (b"\x01" if compressed else b""))


SEED = bip39.mnemonic_from_bytes(hashlib.sha256(b"invented").digest()[:16])
ROOT = bip32.HDKey.from_seed(bip39.mnemonic_to_seed(SEED))

KEYS = {
    "wif compressed": invented_wif(),
    "wif": invented_wif(compressed=False),
    "wif of a test network": invented_wif(0xEF),
    "extended private key": str(ROOT),
    "extended private key of a test network": "tprv" + str(ROOT)[4:],
    "age": "AGE-SECRET-KEY-1" + "QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L" + "QPZRY9X8GF2TVDW0S3JN54KHCE",
    "pem": "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIA\n-----END PRIVATE KEY-----",
    "openssh": "-----BEGIN OPENSSH PRIVATE KEY-----",
    "pgp": "-----BEGIN PGP PRIVATE KEY BLOCK-----",
    "seed": SEED,
    "seed in a list": ", ".join(SEED.split()),
    "seed numbered": " ".join(f"{n}. {word}" for n, word in enumerate(SEED.split(), 1)),
    "long seed": bip39.mnemonic_from_bytes(hashlib.sha256(b"longer").digest()),
}


@pytest.mark.parametrize("kind", KEYS)
def test_key_material_is_found_refused_and_never_repeated(kind):
    text = f"title: {KEYS[kind]} end"
    assert key_material(text)
    with pytest.raises(RefusedError) as refusal:
        check_no_media({"leads.csv": text.encode()})
    assert KEYS[kind] not in str(refusal.value)
    assert KEYS[kind][10:30] not in str(refusal.value)
    kept, found = redacted({"title": [text, 7, None]})
    assert found == 1
    assert not key_material(kept["title"][0])
    assert REDACTED in kept["title"][0]
    assert kept["title"][0].startswith("title: ")
    assert kept["title"][0].endswith(" end")


@pytest.mark.parametrize(
    "text",
    [
        "1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa",
        "bcrt1q" + "m" * 38,
        "a" * 64,
        str(ROOT.to_public()),
        "age1" + "q" * 58,
        "-----BEGIN PUBLIC KEY-----",
        invented_wif()[:-1] + ("1" if invented_wif()[-1] != "1" else "2"),  # the checksum does not hold
        "abandon ability able about above absent absorb abstract absurd abuse access zoo",  # listed words, no checksum
        "A lead is a hypothesis about an account, proposed for enquiry.",
    ],
)
def test_what_is_no_key_is_left_alone(text):
    assert key_material(text) == []
    check_no_media({"leads.csv": text.encode()})


def zipped() -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("a.txt", "text")
    return packed.getvalue()


def tarred() -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        archive.addfile(tarfile.TarInfo("a.txt"), io.BytesIO())
    return packed.getvalue()


@pytest.mark.parametrize(
    "content",
    [
        b"\xff\xd8\xff\xe0\x00\x10JFIF\x00",
        b"\x89PNG\r\n\x1a\n",
        b"GIF89a\x01\x00\x01\x00\x00",
        b"BM\x46\x00\x00\x00\x00\x00",
        b"RIFF\x24\x00\x00\x00WEBPVP8 ",
        b"\x00\x00\x00\x20ftypisom\x00\x00\x02\x00",
        b"\x00\x00\x00\x18ftypavif\x00\x00\x00\x00",
        b"\x1aE\xdf\xa3\x01\x00\x00\x00",
        b"OggS\x00\x02\x00\x00",
        b"ID3\x04\x00\x00",
        b"%PDF-1.7\n",
        b"SQLite format 3\x00",
        zipped(),
        tarred(),
        b"text, then \x00\x01 bytes",
        b"text, then \xff\xfe bytes",
        b"data:image/png;base64,iVBORw0KGgo=",
        b"x," + base64.b64encode(bytes(range(256)) * 3),
    ],
)
@pytest.mark.parametrize("name", ["leads.csv", "leads.jsonl", "methods.txt"])
def test_media_archives_and_encoded_bytes_are_refused(name, content):
    with pytest.raises(RefusedError, match=name):
        check_no_media({"manifest.json": b"{}", name: content})


@pytest.mark.parametrize(
    "content",
    [
        b"\xff\xd8\xff\xe0",
        b"%PDF-1.7\n1 0 obj\n<</Type/XObject/Subtype/Image/Width 1>>",
        b"%PDF-1.7\n1 0 obj\n<</Type /XObject /Subtype /Image>>",
        b"%PDF-1.7\n<</EmbeddedFiles 3 0 R>>",
        b"%PDF-1.7\n<</S/JavaScript/JS(app.alert)>>",
    ],
)
def test_the_report_holds_no_image_no_file_and_no_program(content):
    with pytest.raises(RefusedError, match=r"report\.pdf"):
        check_no_media({"report.pdf": content})


def test_text_that_begins_like_a_format_is_no_media():
    check_no_media({"leads.csv": b"BMX,RIFF,GIF8\r\n", "request_sheets.csv": b"ID3,FORM\r\n", "methods.txt": b""})


def test_encoded_bytes_in_evidence_are_withheld():
    hidden = base64.b64encode(bytes(range(256)) * 3).decode()
    assert redacted({"a": "x " + hidden, "b": "data:video/mp4;base64,AAAA, and text"}) == (
        {"a": "x [encoded bytes withheld]", "b": "[encoded bytes withheld] and text"},
        2,
    )
