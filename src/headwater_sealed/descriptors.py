"""The text of output descriptors: checksum, private keys, and the steps that only a private key could take.

References:
    BIP 380, "Checksum". BIP 32, "Serialization format". Bitcoin Core, doc/descriptors.md, "Key expressions".
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping

from headwater_sealed.refusal import UnreadableError

__all__ = [
    "KEY_VERSIONS",
    "PLAIN_VERSIONS",
    "base58_decoded",
    "base58_encoded",
    "checked",
    "checksum",
    "has_private_key",
    "with_cached_keys",
]

KEY_VERSIONS: Mapping[str, tuple[str, str, str]] = {
    "0488b21e": ("main", "pkh({})", "sh({})"),
    "049d7cb2": ("main", "sh(wpkh({}))", ""),
    "04b24746": ("main", "wpkh({})", ""),
    "0295b43f": ("main", "", "sh(wsh({}))"),
    "02aa7ed3": ("main", "", "wsh({})"),
    "043587cf": ("test", "pkh({})", "sh({})"),
    "044a5262": ("test", "sh(wpkh({}))", ""),
    "045f1cf6": ("test", "wpkh({})", ""),
    "024289ef": ("test", "", "sh(wsh({}))"),
    "02575483": ("test", "", "wsh({})"),
}
"""Version bytes of an extended public key (SLIP 132): network, and the script that one key, or several, stand for."""

PLAIN_VERSIONS = {"main": "0488b21e", "test": "043587cf"}
"""Version bytes that descriptors use, by network."""

_INPUT = "0123456789()[],'/*abcdefgh@:$%{}IJKLMNOPQRSTUVWXYZ&+-.;<=>?!^_|~ijklmnopqrstuvwxyzABCDEFGH`#\"\\ "
_CHECKSUM = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
_GENERATOR = (0xF5DEE51989, 0xA9FDCA3312, 0x1BAB10E32D, 0x3706B1677A, 0x644D626FFD)
_BASE58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
_BASE58_CLASS = r"[1-9A-HJ-NP-Za-km-z]"

# An extended private key of any network or script type, a private key in wallet import format, or one in plain hex.
_PRIVATE = re.compile(
    rb"[a-zA-Z]prv[1-9A-HJ-NP-Za-km-z]{20}|(?<![1-9A-HJ-NP-Za-km-z])[5KLc9][1-9A-HJ-NP-Za-km-z]{50,51}(?![1-9A-HJ-NP-Za-km-z])"
)
_KEY = re.compile(
    rf"(?P<xpub>[a-zA-Z]pub{_BASE58_CLASS}{{100,112}})(?P<steps>(?:/\d+[h']?)*)(?P<any>/\*[h']?)?"
    r"|(?<![0-9a-f])(?:0[23][0-9a-f]{64}|04[0-9a-f]{128}|[0-9a-f]{64})(?![0-9a-f])"
)
_ORIGIN = re.compile(r"\[[0-9a-fA-F]{8}(?:/\d+[h']?)*\]$")


def has_private_key(text: bytes) -> bool:
    """Whether anything in the text looks like a private key."""
    return _PRIVATE.search(text) is not None


def _polymod(state: int, value: int) -> int:
    top = state >> 35
    state = (state & 0x7FFFFFFFF) << 5 ^ value
    for bit, generator in enumerate(_GENERATOR):
        if top >> bit & 1:
            state ^= generator
    return state


def checksum(descriptor: str) -> str:
    """The eight characters behind `#` that belong to the descriptor.

    Raises:
        UnreadableError: It holds a character that no descriptor has.
    """
    state, group, pending = 1, 0, 0
    for character in descriptor:
        position = _INPUT.find(character)
        if position < 0:
            raise UnreadableError("a descriptor holds a character that none has")
        state = _polymod(state, position & 31)
        group = group * 3 + (position >> 5)
        pending += 1
        if pending == 3:
            state, group, pending = _polymod(state, group), 0, 0
    if pending:
        state = _polymod(state, group)
    for _ in range(8):
        state = _polymod(state, 0)
    state ^= 1
    return "".join(_CHECKSUM[state >> 5 * (7 - place) & 31] for place in range(8))


def checked(text: bytes) -> str:
    """The descriptor without its checksum, after comparing it.

    Raises:
        UnreadableError: The checksum is absent or another one.
    """
    try:
        descriptor, separator, stored = text.decode("ascii").rpartition("#")
    except UnicodeDecodeError as error:
        raise UnreadableError("a descriptor is not text") from error
    if not separator:
        raise UnreadableError("a descriptor has no checksum")
    computed = checksum(descriptor)
    if stored != computed:
        raise UnreadableError(f"a descriptor's checksum is {stored[:8]!r}, its text gives {computed!r}")
    return descriptor


def base58_decoded(text: str) -> bytes:
    """The 78 bytes of an extended public key, after comparing its checksum.

    Raises:
        UnreadableError: The checksum is another one.
    """
    number = 0
    for character in text:
        number = number * 58 + _BASE58.index(character)
    if number.bit_length() > 82 * 8:
        raise UnreadableError("an extended public key is too long")
    content = number.to_bytes(82, "big")
    body, stored = content[:-4], content[-4:]
    if hashlib.sha256(hashlib.sha256(body).digest()).digest()[:4] != stored:
        raise UnreadableError("an extended public key fails its checksum")
    return body


def base58_encoded(body: bytes) -> str:
    """The extended public key as text, with its checksum."""
    content = body + hashlib.sha256(hashlib.sha256(body).digest()).digest()[:4]
    number = int.from_bytes(content, "big")
    characters = []
    while number:
        number, place = divmod(number, 58)
        characters.append(_BASE58[place])
    return "".join(reversed(characters))


def with_cached_keys(descriptor: str, cached: Mapping[int, bytes]) -> str:
    """The descriptor with its checksum and with no hardened step behind an extended public key.

    Core keeps the topmost public key and the steps from it, of which the hardened ones need the private key, and beside
    them the public key behind the last hardened step. That one is put in, so that addresses can be derived.

    Args:
        descriptor: Without its checksum.
        cached: Extended public keys, 74 bytes each, by the place of the key in the descriptor.

    Raises:
        UnreadableError: A hardened step is left that no cached key stands for.
    """
    parts = []
    end = 0
    for place, key in enumerate(_KEY.finditer(descriptor)):
        steps = re.findall(r"/\d+[h']?", key["steps"] or "")
        hardened = [index for index, step in enumerate(steps) if step[-1] in "h'"]
        if (key["any"] or "")[-1:] in {"h", "'"}:
            raise UnreadableError("a descriptor derives every address by a hardened step; no public key gives them")
        if not hardened:
            continue
        kept = cached.get(place)
        if kept is None:
            raise UnreadableError("a descriptor needs a hardened step, and the wallet keeps no public key behind it")
        version = base58_decoded(key["xpub"])[:4]
        before = _ORIGIN.sub("", descriptor[end : key.start()])  # it told the way to the key that is replaced
        rest = "".join(steps[hardened[-1] + 1 :])
        parts.append(before + base58_encoded(version + kept) + rest + (key["any"] or ""))
        end = key.end()
    public = "".join(parts) + descriptor[end:]
    return f"{public}#{checksum(public)}"
