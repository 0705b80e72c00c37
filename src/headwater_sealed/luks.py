"""LUKS 1 and 2: the volume opened with a passphrase that came as a file of its own, never as a parameter.

References:
    LUKS1 On-Disk Format Specification 1.2.3; LUKS2 On-Disk Format Specification 1.1.1.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, BinaryIO

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

from headwater_sealed.refusal import UnreadableError, refusing
from headwater_sealed.views import View

__all__ = ["LUKS_MAGIC", "UnlockedView", "unlock"]

LUKS_MAGIC = b"LUKS\xba\xbe"
_SECTOR_BYTES = 512
_MAX_AREA_BYTES = 16 * 1024 * 1024
_MAX_STRIPES = 65536
_MAX_ITERATIONS = 100_000_000
_ACTIVE = 0x00AC71F3


@dataclass(frozen=True, slots=True, kw_only=True)
class _Cipher:
    """How sectors are enciphered: `aes-xts-plain64` or `aes-cbc-essiv:sha256`."""

    name: str
    key: bytes
    sector_bytes: int = _SECTOR_BYTES
    first_sector: int = 0

    def decrypted(self, content: bytes, first: int) -> bytes:
        """The content of whole sectors, of which the first has that number, counted in 512 bytes."""
        parts = []
        step = self.sector_bytes // _SECTOR_BYTES
        for number in range(len(content) // self.sector_bytes):
            counter = (self.first_sector + first + number * step).to_bytes(16, "little")
            mode: modes.XTS | modes.CBC
            if self.name == "aes-xts-plain64":
                mode = modes.XTS(counter)
            else:
                salted = algorithms.AES(hashlib.sha256(self.key).digest())
                mode = modes.CBC(Cipher(salted, modes.ECB()).encryptor().update(counter))  # noqa: S305 - the format's own way to an initialisation vector
            sector = content[number * self.sector_bytes : (number + 1) * self.sector_bytes]
            parts.append(Cipher(algorithms.AES(self.key), mode).decryptor().update(sector))
        return b"".join(parts)


def _cipher(name: str, key: bytes, **more: int) -> _Cipher:
    if name not in {"aes-xts-plain64", "aes-cbc-essiv:sha256"}:
        raise UnreadableError(f"LUKS with {name[:40]} is not read")
    return _Cipher(name=name, key=key, **more)


def _merged(content: bytes, key_bytes: int, stripes: int, digest_name: str) -> bytes:
    """The key out of the stripes that it was split into, so that erasing any one of them erases it."""
    state = bytes(key_bytes)
    size = hashlib.new(digest_name).digest_size
    for stripe in range(stripes):
        part = content[stripe * key_bytes : (stripe + 1) * key_bytes]
        state = bytes(a ^ b for a, b in zip(state, part, strict=True))
        if stripe == stripes - 1:
            break
        pieces = [state[at : at + size] for at in range(0, key_bytes, size)]
        state = b"".join(
            hashlib.new(digest_name, struct.pack(">I", number) + piece).digest()[: len(piece)]
            for number, piece in enumerate(pieces)
        )
    return state


def _pbkdf2(digest_name: str, secret: bytes, salt: bytes, iterations: int, length: int) -> bytes:
    if not 0 < iterations <= _MAX_ITERATIONS:
        raise UnreadableError(f"LUKS: {iterations} iterations")
    return hashlib.pbkdf2_hmac(digest_name, secret, salt, iterations, length)


class UnlockedView(View):
    """The volume inside.

    Args:
        file: The enciphered volume.
        start_bytes: Where its content begins.
        size_bytes: How long its content is.
        cipher: How it is enciphered.
    """

    def __init__(self, file: BinaryIO, start_bytes: int, size_bytes: int, cipher: _Cipher) -> None:
        super().__init__(size_bytes // cipher.sector_bytes * cipher.sector_bytes)
        self._file = file
        self.start_bytes = start_bytes
        self._cipher = cipher

    def part(self, offset_bytes: int, length_bytes: int) -> bytes:
        """Bytes of whole sectors, deciphered."""
        size = self._cipher.sector_bytes
        first = offset_bytes // size
        count = -(-(offset_bytes + min(length_bytes, 1 << 20)) // size) - first
        self._file.seek(self.start_bytes + first * size)
        content = self._file.read(count * size)
        if len(content) != count * size:
            raise UnreadableError(f"the volume ends before byte {self.start_bytes + (first + count) * size}")
        inside = offset_bytes - first * size
        return self._cipher.decrypted(content, first * size // _SECTOR_BYTES)[inside : inside + length_bytes]


def _read(file: BinaryIO, at: int, length: int) -> bytes:
    file.seek(at)
    content = file.read(length)
    if len(content) != length:
        raise UnreadableError("LUKS: the header is cut short")
    return content


def _area(file: BinaryIO, at: int, key_bytes: int, stripes: int) -> bytes:
    if not 0 < key_bytes <= 128 or not 0 < stripes <= _MAX_STRIPES or key_bytes * stripes > _MAX_AREA_BYTES:
        raise UnreadableError("LUKS: a key slot is damaged")
    return _read(file, at, -(-key_bytes * stripes // _SECTOR_BYTES) * _SECTOR_BYTES)


def _open_first(file: BinaryIO, size_bytes: int, secret: bytes) -> UnlockedView:
    head = _read(file, 0, 592)
    names = [head[at : at + 32].split(b"\0")[0].decode("ascii", "replace") for at in (8, 40, 72)]
    payload, key_bytes = struct.unpack_from(">II", head, 104)
    name, digest_name = f"{names[0]}-{names[1]}", names[2]
    iterations = struct.unpack_from(">I", head, 164)[0]
    for slot in range(8):
        state, rounds, salt, at, stripes = struct.unpack_from(">II32sII", head, 208 + slot * 48)
        if state != _ACTIVE:
            continue
        content = _area(file, at * _SECTOR_BYTES, key_bytes, stripes)
        unlocking = _cipher(name, _pbkdf2(digest_name, secret, salt, rounds, key_bytes))
        key = _merged(unlocking.decrypted(content, 0), key_bytes, stripes, digest_name)
        if hmac.compare_digest(_pbkdf2(digest_name, key, head[132:164], iterations, 20), head[112:132]):
            start = payload * _SECTOR_BYTES
            return UnlockedView(file, start, max(0, size_bytes - start), _cipher(name, key))
    raise UnreadableError("LUKS: the passphrase given opens no key slot")


def _second_header(file: BinaryIO) -> tuple[dict[str, Any], bool]:
    """The description in JSON, from the first of the two headers whose checksum holds, and whether it is the spare."""
    for at in (0, *(0x4000 << power for power in range(9))):
        try:
            head = _read(file, at, 4096)
            length = struct.unpack_from(">Q", head, 8)[0]
            magic = LUKS_MAGIC if at == 0 else b"SKUL\xba\xbe"
            if head[:6] != magic or not 4096 < length <= 4 * 1024 * 1024:
                continue
            text = _read(file, at + 4096, length - 4096)
            name = head[72:104].split(b"\0")[0].decode("ascii", "replace")
            found = hashlib.new(name, head[:448] + bytes(64) + head[512:] + text).digest()
            if found == head[448 : 448 + len(found)]:
                return json.loads(text.split(b"\0")[0]), at != 0
        except (UnreadableError, ValueError):
            continue
    raise UnreadableError("LUKS2: neither header has the checksum it states")


def _derived(kdf: dict[str, Any], secret: bytes, length: int) -> bytes:
    salt = base64.b64decode(kdf["salt"])
    if kdf["type"] == "pbkdf2":
        return _pbkdf2(kdf["hash"], secret, salt, int(kdf["iterations"]), length)
    if kdf["type"] != "argon2id":
        raise UnreadableError(f"LUKS2: a key slot of type {str(kdf['type'])[:20]} is not read")
    derive = Argon2id(
        salt=salt, length=length, iterations=int(kdf["time"]), lanes=int(kdf["cpus"]), memory_cost=int(kdf["memory"])
    )
    return derive.derive(secret)


def _open_second(file: BinaryIO, size_bytes: int, secret: bytes) -> UnlockedView:
    told, _spare = _second_header(file)
    segments = sorted(told["segments"].items())
    if len(segments) != 1 or segments[0][1]["type"] != "crypt" or segments[0][1].get("integrity"):
        raise UnreadableError("LUKS2 with more than one segment or with integrity tags is not read")
    segment = segments[0][1]
    refusals = []
    for digest in (told["digests"][name] for name in sorted(told["digests"])):
        if segments[0][0] not in digest["segments"]:
            continue
        for number in sorted(digest["keyslots"]):
            slot = told["keyslots"][number]
            try:
                key = _slot_key(file, slot, secret)
            except UnreadableError as error:
                refusals.append(error.reason)
                continue
            expected = base64.b64decode(digest["digest"])
            salt = base64.b64decode(digest["salt"])
            if _pbkdf2(digest["hash"], key, salt, int(digest["iterations"]), len(expected)) == expected:
                start = int(segment["offset"])
                stated = segment["size"]
                length = size_bytes - start if stated == "dynamic" else int(stated)
                sector_bytes = int(segment["sector_size"])
                if sector_bytes not in {512, 1024, 2048, 4096}:
                    raise UnreadableError("LUKS2: the segment is damaged")
                more = {"sector_bytes": sector_bytes, "first_sector": int(segment["iv_tweak"])}
                return UnlockedView(file, start, max(0, length), _cipher(segment["encryption"], key, **more))
    raise UnreadableError("; ".join(["LUKS: the passphrase given opens no key slot", *refusals[:1]]))


def _slot_key(file: BinaryIO, slot: dict[str, Any], secret: bytes) -> bytes:
    area, key_bytes, stripes = slot["area"], int(slot["key_size"]), int(slot["af"]["stripes"])
    content = _area(file, int(area["offset"]), key_bytes, stripes)
    unlocking = _cipher(area["encryption"], _derived(slot["kdf"], secret, int(area["key_size"])))
    return _merged(unlocking.decrypted(content, 0), key_bytes, stripes, slot["af"]["hash"])


_OPENERS: dict[int, Callable[[BinaryIO, int, bytes], UnlockedView]] = {1: _open_first, 2: _open_second}


def unlock(file: BinaryIO, size_bytes: int, secret: bytes) -> UnlockedView:
    """The volume inside.

    Args:
        file: The enciphered volume.
        size_bytes: Its length.
        secret: The passphrase.

    Raises:
        UnreadableError: The passphrase opens no key slot, or the header is damaged.
    """
    version = int.from_bytes(_read(file, 0, 8)[6:8], "big")
    if version not in _OPENERS:
        raise UnreadableError(f"LUKS version {version} is not read")
    with refusing("the LUKS header is damaged"):
        return _OPENERS[version](file, size_bytes, secret)
