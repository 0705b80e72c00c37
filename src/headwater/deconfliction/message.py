"""A message of a session as a file: a header in one line, its signature in one line, and values.

References:
    docs/reference/deconfliction-format.md has every field.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from headwater.deconfliction.group import VALUE_BYTES
from headwater.deconfliction.identifiers import KINDS
from headwater.engine import sync_folder
from headwater.errors import InputError
from headwater.schema import canonical_json

__all__ = [
    "BOTH",
    "ECDH",
    "HMAC",
    "LEARNS",
    "MODES",
    "STARTER",
    "VERSION",
    "Header",
    "Message",
    "check_new_file",
    "expected_body_bytes",
    "message_file",
    "read_header",
    "read_message",
]

FORMAT = "headwater-deconfliction"
VERSION = 1
ECDH, HMAC = "ecdh-edwards25519", "hmac-sha256"
MODES = (ECDH, HMAC)
BOTH, STARTER = "both", "starter"
LEARNS = (BOTH, STARTER)
_MESSAGES = ("offer", "answer", "result")
_CONTEXT = b"headwater deconfliction message 1\n"
_HEADER_BYTES = 16_384  # a header has some 1,500 bytes; nothing longer is read into memory
_TEXT_CHARACTERS = 1_000
_SIGNATURE = re.compile(rb"[0-9a-f]{128}")
_KEY = re.compile(r"[0-9a-f]{64}", re.ASCII)
_SESSION = re.compile(r"dcs-[0-9a-f]{32}", re.ASCII)
_AT_UTC = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """What a message says of itself; all of it is signed.

    Attributes:
        message: offer, answer or result.
        session_id: Drawn by who starts; every value of the session depends on it.
        mode: One of `MODES`.
        kinds: Of identifiers that are compared, sorted.
        learns: Who learns what both hold: both, or starter.
        sender: Public key of the sender's case, 32 bytes in hex.
        recipient: Public key of the recipient's case.
        purpose: What the sender compares for.
        legal_basis: What the sender rests it on.
        sent_at_utc: When the message was made.
        expires_at_utc: When the session ends, whatever came of it.
        starter_values: Values that the starter sent, with those that stand for nothing.
        answerer_values: Values of the answerer's own; 0 in an offer.
        replies_to: SHA-256 of the file that this replies to; empty in an offer.
        key_check: In mode hmac-sha256, what tells the right key from a wrong one; else empty.
        body_bytes: Length of what follows.
        body_sha256: Its SHA-256.
    """

    message: str
    session_id: str
    mode: str
    kinds: tuple[str, ...]
    learns: str
    sender: str
    recipient: str
    purpose: str
    legal_basis: str
    sent_at_utc: str
    expires_at_utc: str
    starter_values: int
    answerer_values: int
    replies_to: str
    key_check: str
    body_bytes: int = 0
    body_sha256: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """A message that was read and whose signature and digest hold.

    Attributes:
        header: What it says of itself.
        body: Its values.
        sha256: Of the whole file.
    """

    header: Header
    body: bytes
    sha256: str


def expected_body_bytes(header: Header) -> int:
    """How long the values of such a message are."""
    if header.message == "offer":
        return header.starter_values * VALUE_BYTES
    if header.message == "result":
        return -(-header.answerer_values // 8)
    returned = header.starter_values if header.mode == ECDH else 0
    return (returned + header.answerer_values) * VALUE_BYTES


def read_header(path: Path) -> Header:
    """The header of a message, whose signature holds; its values are not read.

    Raises:
        InputError: It is no message, is of another version, was altered or cut short.
    """
    return _opened(path)[0]


def read_message(path: Path, accept: Callable[[Header], None]) -> Message:
    """The message, whole.

    Args:
        path: The file.
        accept: Called with the header before any value is read; raises where the message is not the one expected.

    Raises:
        InputError: It is no message, is of another version, was altered or cut short.
    """
    header, begins_at = _opened(path)
    accept(header)
    with path.open("rb") as file:
        start, body = file.read(begins_at), file.read(header.body_bytes + 1)
    if hashlib.sha256(body).hexdigest() != header.body_sha256:
        raise _altered(path, "its values are not those that were signed")
    return Message(header=header, body=body, sha256=hashlib.sha256(start + body).hexdigest())


def check_new_file(path: Path) -> None:
    """Nothing, if a message can be written there; asked before anything long is computed, and again when it is written.

    Raises:
        InputError: The file is there already, or its folder is not.
    """
    if path.exists() or path.is_symlink():
        raise InputError(path, "is there already", remedy="give a new file; a message overwrites nothing")
    if not path.absolute().parent.is_dir():
        raise InputError(path, "cannot be written: its folder is not there", remedy="make the folder first")


@contextmanager
def message_file(path: Path, header: Header, body: bytes, key: Ed25519PrivateKey) -> Iterator[str]:
    """SHA-256 of the file, which gets its name when the block ends well, and else goes away.

    Raises:
        InputError: The file is there already, or its folder is not.
    """
    check_new_file(path)
    signed = replace(header, body_bytes=len(body), body_sha256=hashlib.sha256(body).hexdigest())
    if len(body) != expected_body_bytes(signed):
        raise ValueError(f"a {header.message} of these counts has other values")
    line = canonical_json({"format": FORMAT, "version": VERSION, **asdict(signed)})
    content = line + b"\n" + key.sign(_CONTEXT + line).hex().encode("ascii") + b"\n"
    beside = path.absolute().with_name(f".{path.name}.part")
    beside.unlink(missing_ok=True)
    try:
        with beside.open("xb") as file:
            file.write(content)
            file.write(body)
            file.flush()
            os.fsync(file.fileno())
        yield hashlib.sha256(content + body).hexdigest()
        beside.rename(path)
        sync_folder(path.absolute().parent)
    finally:
        beside.unlink(missing_ok=True)


def _opened(path: Path) -> tuple[Header, int]:
    """The header and where the values begin, after checking form, signature and length."""
    try:
        with path.open("rb") as file:
            line, signature = file.readline(_HEADER_BYTES), file.readline(len(_CONTEXT) + 130)
            size_bytes = os.fstat(file.fileno()).st_size
    except OSError as error:
        raise InputError(path, f"cannot be read: {error.strerror}", remedy="name the file that the peer sent") from None
    stated = _stated(path, line)
    header = _checked(path, stated)
    if not signature.endswith(b"\n") or not _SIGNATURE.fullmatch(signature[:-1]):
        raise _altered(path, "its second line is no signature")
    try:
        key = Ed25519PublicKey.from_public_bytes(bytes.fromhex(header.sender))
        key.verify(bytes.fromhex(signature[:-1].decode("ascii")), _CONTEXT + line[:-1])
    except (InvalidSignature, ValueError):
        raise _altered(path, "its header was not signed by the sender it names") from None
    begins_at = len(line) + len(signature)
    if header.body_bytes != expected_body_bytes(header):
        raise _altered(path, "it states another length than its numbers of values give")
    if size_bytes - begins_at != header.body_bytes:
        found = size_bytes - begins_at
        raise _altered(
            path, f"it holds {found:,} bytes of values and states {header.body_bytes:,}: cut short or added to"
        )
    return header, begins_at


def _stated(path: Path, line: bytes) -> dict[str, Any]:
    """The fields of the first line, which has one spelling only."""
    try:
        stated = json.loads(line) if line.endswith(b"\n") else None
        spelled = canonical_json(stated) + b"\n"
    except (ValueError, TypeError, RecursionError):
        stated, spelled = None, b""
    if not isinstance(stated, dict) or spelled != line or stated.get("format") != FORMAT:
        raise InputError(path, "is no message of a deconfliction", remedy="name the file that the peer sent")
    if stated.get("version") != VERSION:
        reason = f"is of version {stated.get('version')!r} of the format; this headwater reads version {VERSION}"
        raise InputError(path, reason, remedy="agree with the peer on one version of headwater")
    return stated


def _checked(path: Path, stated: Mapping[str, Any]) -> Header:
    names = {field.name for field in fields(Header)}
    if set(stated) != {"format", "version"} | names:
        raise _altered(path, "its header has other fields than a header has")
    for name, fits in _FORMS.items():
        if not fits(stated[name]):
            raise _altered(path, f"its field '{name}' is not as a header has it")
    values: dict[str, Any] = {name: stated[name] for name in names}
    return Header(**{**values, "kinds": tuple(stated["kinds"])})


def _fits(pattern: re.Pattern[str]) -> Callable[[object], bool]:
    return lambda value: isinstance(value, str) and pattern.fullmatch(value) is not None


def _one_of(*known: str) -> Callable[[object], bool]:
    return lambda value: value in known


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _is_text(value: object) -> bool:
    return isinstance(value, str) and 0 < len(value) <= _TEXT_CHARACTERS


def _are_kinds(value: object) -> bool:
    return isinstance(value, list) and bool(value) and set(value) <= set(KINDS) and value == sorted(set(value))


_FORMS: Mapping[str, Callable[[object], bool]] = {
    "message": _one_of(*_MESSAGES),
    "session_id": _fits(_SESSION),
    "mode": _one_of(*MODES),
    "kinds": _are_kinds,
    "learns": _one_of(*LEARNS),
    "sender": _fits(_KEY),
    "recipient": _fits(_KEY),
    "purpose": _is_text,
    "legal_basis": _is_text,
    "sent_at_utc": _fits(_AT_UTC),
    "expires_at_utc": _fits(_AT_UTC),
    "starter_values": _is_count,
    "answerer_values": _is_count,
    "replies_to": lambda value: _fits(_KEY)(value) or value == "",
    "key_check": lambda value: _fits(_KEY)(value) or value == "",
    "body_bytes": _is_count,
    "body_sha256": _fits(_KEY),
}


def _altered(path: Path, reason: str) -> InputError:
    return InputError(path, f"was altered on the way, or is damaged: {reason}", remedy="ask the peer to send it again")
