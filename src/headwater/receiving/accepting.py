"""Taking a package or a recall notice in, or refusing it: unsigned, re-addressed, replayed, downgraded, revoked."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from headwater.errors import InputError, RefusedError
from headwater.packages import (
    RECALL_CIPHERTEXT,
    check_envelope,
    folder_files,
    open_package,
    open_recall,
    recall_checks,
    receipt_file,
    write_folder,
)
from headwater.receiving.store import Held, ReceivingStore
from headwater.receiving.trust import TrustedSender, TrustList

__all__ = ["Accepted", "accept"]

_PACKAGE_CIPHERTEXT: Final = "package.age"
_ENVELOPE_NAME: Final = "envelope.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    """What was taken in, and the receipt for it.

    Attributes:
        held: The package or the notice.
        sender: Who sent it.
        missing: Numbers of what the sender sent before and never came here.
        late: It was sent before something that is here already.
        receipt: The file to carry back.
    """

    held: Held
    sender: TrustedSender
    missing: tuple[int, ...]
    late: bool
    receipt: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class _Opened:
    """A document that was opened, and whose every check held."""

    document: Mapping[str, Any]
    envelope: Mapping[str, Any]
    files: Mapping[str, bytes]
    sha256: str


def accept(store: ReceivingStore, path: Path, *, operator: str, why: str) -> Accepted:
    """The package or recall notice in a sealed folder, once it is in the store and its receipt is written.

    Args:
        store: The receiving store.
        path: The folder as it was sent.
        operator: Who takes it in.
        why: The reason, for the store's log.

    Raises:
        InputError: A file is missing, or it is not for this store's key.
        IntegrityError: A check failed; nothing was kept.
        RefusedError: It is unsigned, re-addressed, replayed, downgraded, or by or for a revoked key.
    """
    with store.recorded(operator=operator, why=why, what="received"):
        sealed = folder_files(path)
        kind = "recall" if RECALL_CIPHERTEXT in sealed else "package"
        envelope = _signed_envelope(path, sealed, kind)
        trust, held = store.trust(), store.held()
        sender = _sender(envelope, trust)
        _check_outside(store, envelope, sender, trust, held, kind)
        opened = _opened(path, store.identity(), kind, bytes.fromhex(sender.key))
        _check_inside(store, opened, trust)
        earlier = [one for one in held if one.sender_key == sender.key and one.recipient == envelope["recipient"]]
        missing, late = _place(opened, earlier, kind)
    held_id = opened.document[f"{kind}_id"]
    folder = store.folder_of(sender.key, held_id)
    shutil.rmtree(folder, ignore_errors=True)  # of an attempt that a crash cut short: the log does not know it
    write_folder(folder / "sealed", sealed)
    write_folder(folder / "opened", opened.files)
    received = {
        "kind": kind,
        "id": held_id,
        "sha256": opened.sha256,
        "envelope_sha256": hashlib.sha256(sealed[_ENVELOPE_NAME]).hexdigest(),
        "number": opened.document["sequence"]["number"] if "sequence" in opened.document else None,
    }
    receipt = receipt_file(
        received=received,
        sender_key=sender.key,
        custody_head=envelope["custody_head"],
        missing=missing,
        agency=store.agency,
        operator=operator,
        received_at_utc=store.now(),
        operator_key=store.operator_key(operator),
        receiver_key=store.signing_key(),
    )
    answer = store.answer(f"receipt-{held_id}.json", receipt)
    digests = {name: hashlib.sha256(content).hexdigest() for name, content in sealed.items()}
    store.record(
        "received",
        operator=operator,
        why=why,
        object_ids=(sender.key, held_id),
        inputs=digests,
        outputs={"receipt": hashlib.sha256(receipt).hexdigest(), kind: opened.sha256},
        params={"missing": list(missing), "late": late},
    )
    held_now = next(one for one in store.held() if (one.sender_key, one.held_id) == (sender.key, held_id))
    return Accepted(held=held_now, sender=sender, missing=missing, late=late, receipt=answer)


def _refused(kind: str, reason: str, remedy: str) -> RefusedError:
    return RefusedError(f"refused as {kind}: {reason}; {remedy}")


def _signed_envelope(path: Path, sealed: Mapping[str, bytes], kind: str) -> dict[str, Any]:
    """The envelope, whose own signatures hold."""
    for name in (_ENVELOPE_NAME, RECALL_CIPHERTEXT if kind == "recall" else _PACKAGE_CIPHERTEXT):
        if name not in sealed:
            if name == _ENVELOPE_NAME and len(sealed) > 0:
                raise _refused("unsigned", f"{path} has no {_ENVELOPE_NAME}", "ask the sender for what they released")
            raise InputError(path / name, "is missing", remedy="name the folder that holds both files as sent")
    checks = check_envelope(sealed) if kind == "package" else recall_checks(sealed, None, need_content=False)
    for check in checks:
        if not check.ok:
            reason = f"{check.check}: {check.first_bad}"
            raise _refused("unsigned", reason, "it was altered, or never signed; ask the sender for it again")
    return dict(json.loads(sealed[_ENVELOPE_NAME]))


def _sender(envelope: Mapping[str, Any], trust: TrustList) -> TrustedSender:
    for entry in reversed(envelope["signatures"]):
        _check_key(entry["public_key"], trust, f"the {entry['role']}'s key")
    key = envelope["signatures"][-1]["public_key"]
    if key not in trust.senders:
        reason = f"nobody on the list of trusted senders has the key {key}"
        raise _refused("unsigned", reason, "compare the sender's key over another channel, then trust it")
    return trust.senders[key]


def _check_key(key: str, trust: TrustList, whose: str) -> None:
    if key in trust.revoked:
        reason = f"{whose} {key} is revoked ({trust.revoked[key]})"
        raise _refused("of a revoked key", reason, "ask the sender, and do not open it by other means")


def _check_outside(
    store: ReceivingStore,
    envelope: Mapping[str, Any],
    sender: TrustedSender,
    trust: TrustList,
    held: Sequence[Held],
    kind: str,
) -> None:
    recipient, country = envelope["recipient"], envelope["country"]
    _check_key(recipient, trust, "the key that it is for,")
    if recipient != store.recipient() or country != store.country:
        reason = f"it is for {country}, {recipient}"
        raise _refused("re-addressed", reason, "tell the sender who brought it here")
    seen = [one for one in held if one.sender_key == sender.key]
    if envelope[f"{kind}_id"] in {one.held_id for one in seen}:
        reason = f"{envelope[f'{kind}_id']} was received before"
        raise _refused("replayed", reason, "nothing is to be done, if nobody expected another")
    newest = max((one.document["version"] for one in seen if one.kind == "package"), default=0)
    oldest = max(sender.oldest_format, newest)
    if kind == "package" and envelope["version"] < oldest:
        reason = f"it is of version {envelope['version']} of the format, and version {oldest} is expected"
        raise _refused("downgraded", reason, "ask the sender to draft it again with a current version")


def _opened(path: Path, identity: str, kind: str, case_key: bytes) -> _Opened:
    if kind == "recall":
        recall = open_recall(path, identity, case_public_key=case_key)
        return _Opened(
            document=recall.notice,
            envelope=recall.envelope,
            files={"recall.json": recall.content},
            sha256=hashlib.sha256(recall.content).hexdigest(),
        )
    package = open_package(path, identity, case_public_key=case_key)
    manifest_sha256 = hashlib.sha256(package.files["manifest.json"]).hexdigest()
    return _Opened(document=package.manifest, envelope=package.envelope, files=package.files, sha256=manifest_sha256)


def _check_inside(store: ReceivingStore, opened: _Opened, trust: TrustList) -> None:
    # The envelope agrees with the inside, or it would not have opened; who reads this need not rely on that.
    document = opened.document
    if (document["recipient"], document["country"]) != (store.recipient(), store.country):
        reason = f"inside, it is for {document['country']}, {document['recipient']}"
        raise _refused("re-addressed", reason, "tell the sender who brought it here")
    for signed in (opened.files.get("signatures.json"), opened.files.get("recall.json")):
        for entry in json.loads(signed)["signatures"] if signed else ():
            _check_key(entry["public_key"], trust, f"the {entry['role']}'s key")


def _place(opened: _Opened, earlier: Sequence[Held], kind: str) -> tuple[tuple[int, ...], bool]:
    """Numbers of what never came, and whether this comes after something that was sent later."""
    if "sequence" not in opened.document:
        return (), False
    number, previous = opened.document["sequence"]["number"], opened.document["sequence"]["previous_sha256"]
    numbered = {one.number: one for one in earlier if one.number}
    last = max(numbered, default=0)
    if number in numbered:
        reason = f"{numbered[number].held_id} has its number, {number}"
        raise _refused("replayed", reason, "ask the sender which of the two they released")
    if number < last and kind == "package":
        reason = f"number {number} comes after number {last}, which holds newer findings"
        raise _refused("downgraded", reason, "work with the newer one; ask the sender if it should not be")
    for mine, theirs in ((number, number - 1), (number + 1, number)):
        later, before = numbered.get(mine), numbered.get(theirs)
        named = previous if mine == number else later.document["sequence"]["previous_sha256"] if later else None
        found = opened.sha256 if theirs == number else before.sha256 if before else None
        if named is not None and found is not None and named != found:
            reason = f"number {mine} follows another number {theirs} than the one that is here"
            raise _refused("replayed", reason, "ask the sender for the list of what they sent")
    missing = tuple(n for n in range(1, max(number, last)) if n not in numbered and n != number)
    return missing, number < last
