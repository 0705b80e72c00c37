"""Opening an age file with the standard library and `cryptography` (https://age-encryption.org/v1)."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Iterator

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

__all__ = ["bech32_bytes", "opened", "well_formed"]

_INTRO = b"age-encryption.org/v1\n"
_CHUNK_BYTES = 64 * 1024
_TAG_BYTES = 16
_ALPHABET = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"  # source: BIP 173
_GENERATORS = (0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)  # source: BIP 173


def opened(content: bytes, identity: str) -> bytes:
    """The plaintext.

    Args:
        content: The age file.
        identity: The secret key, `AGE-SECRET-KEY-1...`.

    Raises:
        ValueError: It is no age file, is not for this identity, or was altered; the key is never repeated.
    """
    private = X25519PrivateKey.from_private_bytes(bech32_bytes(identity.strip().lower(), "age-secret-key-"))
    stanzas, header, mac, payload = _header(content)
    file_key = next(_file_keys(stanzas, private), None)
    if file_key is None:
        raise ValueError("it was not encrypted to this identity")
    header_key = _derived(file_key, b"", b"header")
    if not hmac.compare_digest(hmac.new(header_key, header, hashlib.sha256).digest(), mac):
        raise ValueError("the header was altered")
    stream = ChaCha20Poly1305(_derived(file_key, payload[:16], b"payload"))
    return b"".join(_chunks(stream, payload[16:]))


def well_formed(content: bytes) -> bool:
    """Whether the content has the header of an age file with a stanza for an X25519 recipient."""
    try:
        stanzas, _, _, payload = _header(content)
    except ValueError:
        return False
    return any(arguments[:1] == [b"X25519"] for arguments, _ in stanzas) and len(payload) >= 16 + _TAG_BYTES


def bech32_bytes(text: str, prefix: str) -> bytes:
    """The 32 bytes that a Bech32 text of that prefix holds.

    Raises:
        ValueError: It is no such text.

    References:
        BIP 173.
    """
    found, _, tail = text.rpartition("1")
    if found != prefix or any(character not in _ALPHABET for character in tail) or len(tail) < 7:
        raise ValueError(f"it is no key that begins with {prefix}1")
    values = [_ALPHABET.index(character) for character in tail]
    spread = [ord(c) >> 5 for c in prefix] + [0] + [ord(c) & 31 for c in prefix]
    check = 1
    for value in spread + values:
        top = check >> 25
        check = (check & 0x1FFFFFF) << 5 ^ value
        for bit, generator in enumerate(_GENERATORS):
            check ^= generator if top >> bit & 1 else 0
    number = 0
    for value in values[:-6]:
        number = number << 5 | value
    spare_bits = (len(values) - 6) * 5 - 256
    if check != 1 or not 0 <= spare_bits < 5 or number & ((1 << spare_bits) - 1):
        raise ValueError("its checksum or its length is wrong")
    return (number >> spare_bits).to_bytes(32, "big")


def _header(content: bytes) -> tuple[list[tuple[list[bytes], bytes]], bytes, bytes, bytes]:
    """The stanzas, the bytes that the header's code covers, the code, and what follows."""
    if not content.startswith(_INTRO):
        raise ValueError("it is no age file")
    stanzas: list[tuple[list[bytes], bytes]] = []
    position = len(_INTRO)
    while True:
        line, position = _line(content, position)
        if line.startswith(b"--- "):
            covered = content[: position - len(line) - 1] + b"---"
            return stanzas, covered, _base64(line[4:]), content[position:]
        if not line.startswith(b"-> "):
            raise ValueError("its header is malformed")
        arguments, body = line[3:].split(b" "), b""
        while True:  # a body ends with the first line that is not full
            part, position = _line(content, position)
            body += part
            if len(part) < 64:
                break
        stanzas.append((arguments, _base64(body)))


def _line(content: bytes, position: int) -> tuple[bytes, int]:
    end = content.find(b"\n", position)
    if end < 0:
        raise ValueError("its header has no end")
    return content[position:end], end + 1


def _base64(text: bytes) -> bytes:
    content = base64.b64decode(text + b"=" * (-len(text) % 4), validate=True)
    if base64.b64encode(content).rstrip(b"=") != text:
        raise ValueError("its header is not in canonical Base64")
    return content


def _file_keys(stanzas: list[tuple[list[bytes], bytes]], private: X25519PrivateKey) -> Iterator[bytes]:
    for arguments, body in stanzas:
        if len(arguments) != 2 or arguments[0] != b"X25519" or len(body) != 32:
            continue
        share = _base64(arguments[1])
        shared = private.exchange(X25519PublicKey.from_public_bytes(share))
        wrap_key = _derived(shared, share + private.public_key().public_bytes_raw(), b"age-encryption.org/v1/X25519")
        try:
            yield ChaCha20Poly1305(wrap_key).decrypt(b"\x00" * 12, body, None)
        except InvalidTag:
            continue


def _derived(secret: bytes, salt: bytes, purpose: bytes) -> bytes:
    return HKDF(algorithm=hashes.SHA256(), length=32, salt=salt, info=purpose).derive(secret)


def _chunks(stream: ChaCha20Poly1305, content: bytes) -> Iterator[bytes]:
    step = _CHUNK_BYTES + _TAG_BYTES
    count = max(1, -(-len(content) // step))
    for number in range(count):
        nonce = number.to_bytes(11, "big") + (b"\x01" if number == count - 1 else b"\x00")
        try:
            chunk = stream.decrypt(nonce, content[number * step : (number + 1) * step], None)
        except InvalidTag:
            raise ValueError(f"chunk {number} was altered or the end was cut off") from None
        if not chunk and number:
            raise ValueError("its last chunk is empty")
        yield chunk
