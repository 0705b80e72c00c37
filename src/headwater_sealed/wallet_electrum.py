"""Electrum's wallet files, versions 1 to 4: extended public keys, addresses, labels, transaction ids and requests.

Version 1 wrote a Python literal, later ones JSON; the latest append changes to it as JSON patches. Whatever is taken is
taken by its name; seeds, private keys and passwords stand under names that are on no list here.

References:
    Electrum, electrum/wallet_db.py and electrum/storage.py (versions of the file, appended patches, encryption).
    SLIP 132: version bytes of extended public keys. RFC 6901 and RFC 6902: JSON pointers and patches.
"""

from __future__ import annotations

import ast
import json
import re
from base64 import b64decode
from collections.abc import Iterator, Mapping
from typing import Any

from headwater_sealed.descriptors import KEY_VERSIONS, PLAIN_VERSIONS, base58_decoded, base58_encoded, checksum
from headwater_sealed.refusal import UnreadableError, refusing
from headwater_sealed.wallet_records import WalletRecords

__all__ = ["is_electrum", "read_electrum"]

_MAX_LITERAL_BYTES = 16 * 1024**2
_MAX_DOCUMENT_BYTES = 256 * 1024**2
_ADDRESS = re.compile(r"(?:[123mn2][1-9A-HJ-NP-Za-km-z]{25,39}|(?:bc|tb|bcrt)1[02-9ac-hj-np-z]{8,87})\Z")
_TXID = re.compile(r"[0-9a-f]{64}\Z")
_MULTISIG = re.compile(r"(\d{1,2})of(\d{1,2})\Z")
_COSIGNER = re.compile(r"x\d{1,2}/\Z")
_XPUB = re.compile(r"[a-zA-Z]pub[1-9A-HJ-NP-Za-km-z]{100,112}\Z")
_SEVERAL_TOO_FEW = 2

_PREFIXES = (("bcrt1", "regtest"), ("tb1", "test"), ("m", "test"), ("n", "test"), ("2", "test"))


def is_electrum(content: bytes) -> bool:
    """Whether the file begins as one of Electrum's, encrypted or not."""
    start = content[:4096].lstrip()
    if start.startswith(b"{"):
        return True
    try:
        return b64decode(start[:8]).startswith(b"BIE")
    except ValueError:
        return False


def read_electrum(content: bytes, records: WalletRecords) -> None:
    """Gives the records what is public in the wallet.

    Args:
        content: The file.
        records: Takes what is found.

    Raises:
        UnreadableError: It is encrypted, or none of Electrum's wallets.
    """
    if not content.lstrip().startswith(b"{"):
        raise UnreadableError("the Electrum wallet is encrypted; decrypt a copy of it with its password and add that")
    wallet = _document(content, records)
    if not (wallet.keys() & {"wallet_type", "seed_version", "accounts", "keystore", "master_public_keys", "x1/"}):
        raise UnreadableError("a JSON object, but not an Electrum wallet: it has neither wallet_type nor seed_version")
    chains = [(is_change, list(found)) for is_change, found in _chains(wallet)]
    imported = _imported(wallet)
    records.network = _network(wallet, [address for _, found in chains for address in found] + imported)
    used = {flag: sum(len(found) for is_change, found in chains if is_change == flag) for flag in (False, True)}
    _descriptors(wallet, used, records)
    labels = {key: text for key, text in _mapping(wallet.get("labels")).items() if isinstance(text, str)}
    seen: set[str] = set()
    for is_change, found in (*chains, (None, imported)):
        for address in found:
            if address not in seen:
                seen.add(address)
                records.add("address", address=address, is_change=is_change, label=labels.get(address))
    for address in sorted(key for key in labels if _ADDRESS.match(key) and key not in seen):
        records.add("address", address=address, label=labels[address], record_type="label")
    for txid in sorted(_txids(wallet) | {key for key in labels if _TXID.match(key)}):
        records.add("txid", txid=txid, label=labels.get(txid))
    for section in ("invoices", "payment_requests"):
        _requests(section, wallet, records)
    for name in sorted({"seed", "master_private_keys", "imported_keys", "keypairs", "xprv"} & _names(wallet)):
        records.not_read(name)


def _document(content: bytes, records: WalletRecords) -> dict[str, Any]:
    if len(content) > _MAX_DOCUMENT_BYTES:
        raise UnreadableError(f"an Electrum wallet of more than {_MAX_DOCUMENT_BYTES} bytes is not read")
    text = content.decode("utf-8", "replace").strip()
    decoder = json.JSONDecoder()
    try:
        wallet, end = decoder.raw_decode(text)
    except ValueError:
        if len(content) > _MAX_LITERAL_BYTES:
            raise UnreadableError("the file begins like an Electrum wallet, but is no JSON") from None
        with refusing("the file begins like an Electrum wallet, but is neither JSON nor a Python literal"):
            wallet, end = _literal(text), len(text)
    if not isinstance(wallet, dict):
        raise UnreadableError("the file is no Electrum wallet: it holds no object")
    wallet = _mapping(wallet)
    while rest := text[end:].lstrip(" \t\r\n,"):
        start = len(text) - len(rest)
        try:
            patch, end = decoder.raw_decode(text, start)
            _patch(wallet, patch)
        except (ValueError, LookupError, TypeError):
            # A change that was cut off when the program ended; what follows it cannot be told apart any more.
            offset = len(text[:start].encode())
            records.defect(
                "patch_damaged",
                "a change appended to the wallet cannot be read, nor what follows it",
                offset_bytes=offset,
                length_bytes=len(rest.encode()),
            )
            break
    return wallet


def _literal(text: str) -> object:
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError, RecursionError):
        # The text of these errors can repeat the file's own, seed and all.
        raise UnreadableError("the file is no Electrum wallet: neither JSON nor a Python literal") from None


def _patch(wallet: dict[str, Any], patch: Mapping[str, Any]) -> None:
    """Applies one appended change."""
    *parents, last = [part.replace("~1", "/").replace("~0", "~") for part in patch["path"].split("/")[1:]]
    place: Any = wallet
    for part in parents:
        place = place[int(part)] if isinstance(place, list) else place[part]
    if patch["op"] == "remove":
        place.pop(int(last) if isinstance(place, list) else last)
    elif isinstance(place, list):
        if last == "-":
            place.append(patch["value"])
        elif patch["op"] == "add":
            place.insert(int(last), patch["value"])
        else:
            place[int(last)] = patch["value"]
    else:
        place[last] = patch["value"]


def _mapping(value: object) -> dict[str, Any]:
    """The object; names are texts in JSON, and may be numbers in a Python literal."""
    if not isinstance(value, dict):
        return {}
    return {str(key): item for key, item in value.items() if isinstance(key, str | int)}


def _addresses(value: object) -> list[str]:
    return [text for text in value if isinstance(text, str) and _ADDRESS.match(text)] if isinstance(value, list) else []


def _chains(wallet: Mapping[str, Any]) -> Iterator[tuple[bool, list[str]]]:
    """Chains of addresses, each with whether it is the one of change."""
    named = _mapping(wallet.get("addresses"))
    accounts = [_mapping(account) for _, account in sorted(_mapping(wallet.get("accounts")).items())]
    for chains in (named, *accounts):
        for is_change, names in ((False, ("receiving", "0")), (True, ("change", "1"))):
            for name in names:
                found = _addresses(chains.get(name))
                if found:
                    yield is_change, found


def _imported(wallet: Mapping[str, Any]) -> list[str]:
    """Addresses of keys that were imported: they are the names that the keys stand under."""
    kept = [*_mapping(wallet.get("addresses")), *_mapping(wallet.get("imported_keys"))]
    kept += [*_mapping(wallet.get("addr_history"))]  # version 1 names those that were used only here
    return sorted({address for address in kept if _ADDRESS.match(address)})


def _network(wallet: Mapping[str, Any], addresses: list[str]) -> str:
    for address in addresses:
        for prefix, network in _PREFIXES:
            if address.startswith(prefix):
                return network
    starts = {xpub[0] for _, xpub, _ in _xpubs(wallet)}
    return "main" if starts - set("tuvUV") or not starts else "test"


def _xpubs(wallet: Mapping[str, Any]) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    """Extended public keys with the name they stand under and what stands beside them."""
    for name in ("keystore", *sorted(name for name in wallet if _COSIGNER.match(name))):
        beside = _mapping(wallet.get(name))
        if isinstance(beside.get("xpub"), str) and _XPUB.match(beside["xpub"]):
            yield name, beside["xpub"], beside
    for name, xpub in sorted(_mapping(wallet.get("master_public_keys")).items()):
        if isinstance(xpub, str) and _XPUB.match(xpub):
            yield name, xpub, {}


def _version(xpub: str) -> str:
    return base58_decoded(xpub)[:4].hex()


def _expression(xpub: str, beside: Mapping[str, Any], network: str) -> str:
    """The key as a descriptor writes it: with the plain version bytes, and the way to it where the wallet knows it."""
    body = base58_decoded(xpub)
    key = base58_encoded(bytes.fromhex(PLAIN_VERSIONS[network]) + body[4:])
    fingerprint, path = beside.get("root_fingerprint"), beside.get("derivation")
    if isinstance(fingerprint, str) and isinstance(path, str) and re.fullmatch(r"[0-9a-f]{8}", fingerprint):
        steps = path.removeprefix("m").replace("'", "h")
        if re.fullmatch(r"(?:/\d{1,10}h?){0,10}", steps):
            return f"[{fingerprint}{steps}]{key}"
    return key


def _descriptors(wallet: Mapping[str, Any], used: Mapping[bool, int], records: WalletRecords) -> None:
    found = []
    for name, xpub, beside in _xpubs(wallet):
        try:
            version = _version(xpub)
            network, one, several = KEY_VERSIONS[version]
            found.append((_expression(xpub, beside, network), one, several))
        except (UnreadableError, KeyError):
            records.defect("extended_key_damaged", f"the extended public key under {name[:20]!r} is damaged or unknown")
    kind = str(wallet.get("wallet_type", "standard"))
    multisig = _MULTISIG.match(kind)
    forms: list[str] = []
    if multisig and len(found) >= _SEVERAL_TOO_FEW:
        keys = ",".join(f"{key}/{{0}}/*" for key, _, _ in found)
        forms = [found[0][2].replace("{}", f"sortedmulti({int(multisig[1])},{keys})")] if found[0][2] else []
    elif kind != "2fa":
        # In a wallet with two-factor authentication the third key is not in the file, and no key alone gives addresses.
        forms = [one.replace("{}", f"{key}/{{0}}/*") for key, one, _ in found if one]
    if found and not forms:
        records.defect("no_descriptor", "the wallet's extended public keys do not give addresses by themselves")
    for form in forms:
        for branch, is_change in ((0, False), (1, True)):
            text = form.replace("{0}", str(branch))
            records.add(
                "descriptor",
                descriptor=f"{text}#{checksum(text)}",
                is_change=is_change,
                range_start=0,
                range_end=used[is_change],
                next_index=used[is_change],
            )


def _txids(wallet: Mapping[str, Any]) -> set[str]:
    named = {name for section in ("transactions", "txi", "txo") for name in _mapping(wallet.get(section))}
    histories = [entry for entry in _mapping(wallet.get("addr_history")).values() if isinstance(entry, list)]
    named |= {str(item[0]) for history in histories for item in history if isinstance(item, list | tuple) and item}
    return {name for name in named if _TXID.match(name)}


def _whole(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**62 else None


def _requests(section: str, wallet: Mapping[str, Any], records: WalletRecords) -> None:
    """Invoices to pay, and requests to be paid."""
    listed = wallet.get(section)
    found = _mapping(listed) if isinstance(listed, dict) else {}
    for key, request in sorted(found.items()):
        if not isinstance(request, dict):
            records.defect("request_unread", f"an entry of {section} is in a form that is not read")
            continue
        at_s = _whole(request.get("time"))
        text = next((request[name] for name in ("message", "memo") if isinstance(request.get(name), str)), None)
        outputs = [o for o in request.get("outputs") or () if isinstance(o, list | tuple)]
        paid = [(item, _whole(o[-1])) for o in outputs for item in o if isinstance(item, str) and _ADDRESS.match(item)]
        stated = next((_whole(request[name]) for name in ("amount_sat", "amount") if name in request), None)
        named = [text for text in (request.get("address"), key) if isinstance(text, str) and _ADDRESS.match(text)]
        for number, (address, amount_sat) in enumerate(paid or [(named[0] if named else None, stated)]):
            records.add(
                "request",
                record_type=section,
                request_key=f"{key[:80]}/{number}" if re.fullmatch(r"[0-9A-Za-z]{1,80}", key) else f"{number}",
                address=address,
                amount_sat=amount_sat,
                created_at_us=None if at_s is None or at_s >= 2**33 else at_s * 1_000_000,
                label=text,
            )


def _names(value: object) -> set[str]:
    """Names that stand anywhere in the wallet; of the values nothing is looked at."""
    names: set[str] = set()
    waiting = [value]
    while waiting:
        part = waiting.pop()
        if isinstance(part, dict):
            names |= {name for name in part if isinstance(name, str)}
            waiting.extend(part.values())
        elif isinstance(part, list):
            waiting.extend(part)
    return names
