"""Public keys and descriptors handed over alone: a text of one a line, or what Core's `listdescriptors` prints.

An extended public key does not say which scripts it was used for: Core, Electrum and BTCPay Server all write `xpub` for
more than SLIP 132 means by it. So a plain one gives the scripts of BIP 44, 49, 84 and 86 alike. Whichever of them were
paid, the same key controls them; those that were not stand idle.

References:
    BIP 32, "Serialization format" (depth); BIP 44, 49, 84 and 86 (branches, scripts); SLIP 132 (version bytes).
    BIP 380 (descriptors). Bitcoin Core, RPC `listdescriptors`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from headwater_sealed.descriptors import (
    KEY_VERSIONS,
    PLAIN_VERSIONS,
    base58_decoded,
    base58_encoded,
    checked,
    checksum,
    has_private_key,
)
from headwater_sealed.refusal import UnreadableError
from headwater_sealed.wallet_records import WalletRecords

__all__ = ["is_public_keys", "read_public_keys"]

_MAX_BYTES = 16 * 1024**2
_STEP = r"/(?:\d{1,10}|\*|<\d{1,10}(?:;\d{1,10})+>)"
_KEY = re.compile(
    r"(?P<origin>\[[0-9a-fA-F]{8}(?:/\d{1,10}[h']?)*\])?(?P<key>[a-zA-Z]pub[1-9A-HJ-NP-Za-km-z]{100,112})"
    rf"(?P<steps>(?:{_STEP})*)\Z"
)
_DESCRIPTOR = re.compile(
    r"(?:pk|pkh|wpkh|sh|wsh|tr|rawtr|combo|multi|sortedmulti|addr|raw)\([^\n]*\)(?:#[a-z0-9]{8})?\Z"
)
_PUBLIC_KEY = re.compile(r"(?:0[23][0-9a-fA-F]{64}|04[0-9a-fA-F]{128})\Z")
_LISTED = re.compile(rb"(?:\xef\xbb\xbf)?\s*\{(?s:.*?)\"descriptors\"\s*:\s*\[\s*\{(?s:.*?)\"desc\"\s*:")
_PLAIN_SCRIPTS = ("pkh({})", "sh(wpkh({}))", "wpkh({})", "tr({})")  # BIP 44, 49, 84, 86
_DEPTH_OF_BRANCH, _DEPTH_OF_ADDRESS = 4, 5  # source: BIP 44, "Path levels"
_OF_PLAIN = frozenset(PLAIN_VERSIONS.values())


def is_public_keys(head: bytes) -> bool:
    """Whether a content is keys and descriptors, one a line, or such a list of Core's; by its first bytes."""
    if _LISTED.match(head):
        return True
    first = next((text for _, text in _lines(head)), "")
    return any(form.match(first) for form in (_KEY, _DESCRIPTOR, _PUBLIC_KEY))


def read_public_keys(content: bytes, records: WalletRecords) -> None:
    """Gives the records descriptors, and public keys that stand alone; a line that is neither is a defect.

    Args:
        content: The file.
        records: Takes what is found.

    Raises:
        UnreadableError: It is too long, or a list of Core's that is cut short.
    """
    if len(content) > _MAX_BYTES:
        raise UnreadableError(f"a text of keys of more than {_MAX_BYTES} bytes is not read")
    found = list(_listed(content) if _LISTED.match(content) else _lines(content))
    records.network = _network(text if isinstance(text, str) else str(text.get("desc")) for _, text in found)
    for offset, text in found:
        entry = {"desc": text} if isinstance(text, str) else text
        line = entry.get("desc")
        length = len(text.encode()) if isinstance(text, str) else None
        try:
            _read_entry(line if isinstance(line, str) else "", entry, records)
        except UnreadableError as error:
            records.defect("key_unread", str(error), offset_bytes=offset, length_bytes=length)


def _lines(content: bytes) -> Iterator[tuple[int | None, Any]]:
    """Each line that is neither empty nor a remark, with its first byte."""
    offset = 0
    for line in content.removeprefix(b"\xef\xbb\xbf").split(b"\n"):
        text = line.decode("ascii", "replace").strip()
        if text and not text.startswith("#"):
            yield offset, text
        offset += len(line) + 1


def _listed(content: bytes) -> Iterator[tuple[int | None, Any]]:
    try:
        found = json.loads(content)
    except (ValueError, RecursionError):
        # The text of the error could repeat what it could not read.
        raise UnreadableError("a list of descriptors that is not whole JSON") from None
    for entry in found["descriptors"]:
        if isinstance(entry, dict):
            yield None, entry


def _network(texts: Iterator[str]) -> str | None:
    for text in texts:
        for key in re.findall(r"(?<![1-9A-HJ-NP-Za-km-z])[a-zA-Z]pub[1-9A-HJ-NP-Za-km-z]{100,112}", text):
            try:
                return KEY_VERSIONS[base58_decoded(key)[:4].hex()][0]
            except (UnreadableError, KeyError):
                continue
    return None


def _read_entry(line: str, entry: dict[str, Any], records: WalletRecords) -> None:
    """Takes a line, with what a list says beside it.

    Raises:
        UnreadableError: It is none of what is read, is damaged, or may hold a private key.
    """
    if has_private_key(line.encode()):
        raise UnreadableError("a line may hold a private key; it is not read")
    if _PUBLIC_KEY.match(line):
        records.add("public_key", public_key=line.lower())
    elif (key := _KEY.match(line)) is not None:
        for text, is_change in _of_key(key):
            _add(text, {"internal": is_change}, records)
    elif _DESCRIPTOR.match(line):
        _add(checked(line.encode()) if "#" in line else line, entry, records)
    else:
        raise UnreadableError("a line that is neither a public key nor a descriptor; it is not read")


def _of_key(key: re.Match[str]) -> Iterator[tuple[str, bool]]:
    """The descriptors, without checksum, that an extended public key alone gives, and whether they are of change."""
    body = base58_decoded(key["key"])
    version, depth = body[:4].hex(), body[4]
    if version not in KEY_VERSIONS:
        raise UnreadableError("an extended public key of another currency; it is not read")
    network, one, _ = KEY_VERSIONS[version]
    if not one:
        raise UnreadableError("a key of a multisig gives no script alone; add the descriptor, which names all keys")
    plain = base58_encoded(bytes.fromhex(PLAIN_VERSIONS[network]) + body[4:])
    if key["steps"]:
        ways = [(key["steps"], "/1/*" in key["steps"])]
    elif depth >= _DEPTH_OF_ADDRESS:
        ways = [("", False)]
    elif depth == _DEPTH_OF_BRANCH:
        ways = [("/*", False)]
    else:
        ways = [("/0/*", False), ("/1/*", True)]
    for script in _PLAIN_SCRIPTS if version in _OF_PLAIN else (one,):
        for steps, is_change in ways:
            yield script.format(f"{key['origin'] or ''}{plain}{steps}"), is_change


def _add(descriptor: str, entry: dict[str, Any], records: WalletRecords) -> None:
    internal = entry.get("internal")
    prepared = entry.get("range")
    start, last = (0, -1)
    if isinstance(prepared, list) and len(prepared) == 2 and all(_is_index(number) for number in prepared):
        start, last = prepared
    following = entry.get("next_index", entry.get("next"))
    created = entry.get("timestamp")
    created_s = created if isinstance(created, int) and not isinstance(created, bool) and 1 < created < 2**40 else None
    records.add(
        "descriptor",
        descriptor=f"{descriptor}#{checksum(descriptor)}",
        is_change=internal if isinstance(internal, bool) else "/1/*" in descriptor,
        range_start=start,
        range_end=last + 1,
        next_index=following if _is_index(following) else 0,
        # Core writes 0 or 1 where it does not know.
        created_at_us=None if created_s is None else created_s * 1_000_000,
    )


def _is_index(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**31
