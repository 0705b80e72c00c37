"""What each side computes; no file and no clock is in here."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from headwater.deconfliction.group import VALUE_BYTES, blinded, check_encodings, multiplied, rows_of
from headwater.deconfliction.padding import padded_count
from headwater.engine import Progress, silent
from headwater.errors import InputError
from headwater.schema import framed

__all__ = [
    "Sent",
    "answered",
    "check_ascending",
    "hidden",
    "key_check",
    "keyed",
    "marked",
    "shared_by_ecdh",
    "shared_in",
]

_HMAC_CONTEXT = "headwater deconfliction keyed 1"
_CHECK_CONTEXT = "headwater deconfliction key check 1"
_PADDING = b"padding"
_IDENTIFIER = b"identifier"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """Values as they are sent, and what each stands for.

    Attributes:
        values: 32 bytes each, ascending, which is no order of the identifiers.
        order: For each, its identifier; None for one that only hides how many there are.
    """

    values: bytes
    order: list[str | None]


def hidden(
    identifiers: Sequence[str], session_id: str, scalar: bytes, *, workers: int = 1, progress: Progress = silent
) -> Sent:
    """The identifiers as points multiplied by a secret scalar, among others that stand for nothing."""
    labels = [framed(_IDENTIFIER, identifier) for identifier in identifiers]
    # Made just as the others are, so that nothing tells them apart; nobody else can have drawn the same.
    further = padded_count(len(labels)) - len(labels)
    labels += [framed(_PADDING, secrets.token_bytes(VALUE_BYTES)) for _ in range(further)]
    points = blinded(session_id, labels, scalar, workers=workers, progress=progress)
    return _in_order(points, identifiers)


def keyed(identifiers: Sequence[str], session_id: str, key: bytes) -> Sent:
    """The identifiers under a key that both sides hold and the session as salt, among others that are random."""
    further = padded_count(len(identifiers)) - len(identifiers)
    values = [_mac(key, framed(_HMAC_CONTEXT, session_id, identifier)) for identifier in identifiers]
    values += [secrets.token_bytes(VALUE_BYTES) for _ in range(further)]
    return _in_order(b"".join(values), identifiers)


def key_check(session_id: str, key: bytes) -> str:
    """What both sides get from the right key: a wrong one must not look as if nothing were shared."""
    return _mac(key, framed(_CHECK_CONTEXT, session_id)).hex()


def check_ascending(values: bytes, *, source: object) -> None:
    """Nothing, if the values ascend and none is there twice.

    Raises:
        InputError: One repeats, or they are in another order.
    """
    rows = rows_of(values)
    wrong = ~(rows[1:] > rows[:-1])
    if wrong.any():
        place = int(np.argmax(wrong)) + 1
        reason = f"value {place} repeats an earlier one, or is out of order"
        raise InputError(source, reason, remedy="do not go on with this session; ask the peer what they sent")


def answered(
    offered: bytes, scalar: bytes, own: Sent, *, source: object, workers: int = 1, progress: Progress = silent
) -> bytes:
    """The values of an answer: what was offered, multiplied, in the order of the offer; then the answerer's own.

    Raises:
        InputError: What was offered repeats itself, or is no point of the group.
    """
    check_ascending(offered, source=source)
    return multiplied(offered, scalar, source=source, workers=workers, progress=progress) + own.values


def shared_by_ecdh(
    answer: bytes,
    order: Sequence[str | None],
    scalar: bytes,
    *,
    source: object,
    workers: int = 1,
    progress: Progress = silent,
) -> tuple[list[str], bytes]:
    """The starter's identifiers that both hold, sorted, and one bit for each of the answerer's values.

    Args:
        answer: The values of the answer.
        order: What the starter's values stood for, in the order in which they were sent.
        scalar: The starter's.
        source: Where the answer was read from, for messages.
        workers: Threads.
        progress: Told of points.

    Raises:
        InputError: The answer repeats itself, holds what is no point, or agrees with what stood for nothing.
    """
    returned, theirs = answer[: len(order) * VALUE_BYTES], answer[len(order) * VALUE_BYTES :]
    check_encodings(returned, source=source)
    ours_twice = rows_of(returned)
    if len(np.unique(ours_twice)) != len(ours_twice):
        raise InputError(source, "two of the values returned are equal", remedy="do not go on with this session")
    check_ascending(theirs, source=source)
    theirs_twice = rows_of(multiplied(theirs, scalar, source=source, workers=workers, progress=progress))
    shared = _named(np.isin(ours_twice, theirs_twice), order, source=source)
    return shared, np.packbits(np.isin(theirs_twice, ours_twice)).tobytes()


def shared_in(theirs: bytes, own: Sent, *, source: object) -> list[str]:
    """Our identifiers whose value, made with the key that both hold, is among theirs.

    Raises:
        InputError: Theirs repeat, or agree with what stood for nothing.
    """
    check_ascending(theirs, source=source)
    return _named(np.isin(rows_of(own.values), rows_of(theirs)), own.order, source=source)


def marked(bits: bytes, order: Sequence[str | None], *, at_most: int, source: object) -> list[str]:
    """The answerer's identifiers that a result marks.

    Args:
        bits: One for each value that the answerer sent, the first in the highest bit; the last byte ends in zeros.
        order: What these values stood for.
        at_most: Values that the starter sent: more cannot be shared.
        source: Where the result was read from, for messages.

    Raises:
        InputError: It marks more than can be, beyond the end, or what stood for nothing.
    """
    unpacked = np.unpackbits(np.frombuffer(bits, dtype=np.uint8)).astype(bool)
    if unpacked[len(order) :].any() or int(unpacked.sum()) > at_most:
        raise InputError(source, "it marks more than there can be", remedy="ask the peer what they sent")
    return _named(unpacked[: len(order)], order, source=source)


def _mac(key: bytes, text: bytes) -> bytes:
    return hmac.digest(key, text, hashlib.sha256)


def _in_order(values: bytes, identifiers: Sequence[str]) -> Sent:
    rows = rows_of(values)
    places = np.argsort(rows, kind="stable")
    count = len(identifiers)
    order = [identifiers[place] if place < count else None for place in places.tolist()]
    whole = np.frombuffer(values, dtype=np.uint8).reshape(-1, VALUE_BYTES)
    return Sent(values=whole[places].tobytes(), order=order)


def _named(mask: np.ndarray, order: Sequence[str | None], *, source: object) -> list[str]:
    named = [order[place] for place in np.flatnonzero(mask).tolist()]
    if None in named:
        reason = "it claims to share what stands for no identifier"
        raise InputError(source, reason, remedy="do not go on with this session; ask the peer what they sent")
    return sorted(name for name in named if name is not None)
