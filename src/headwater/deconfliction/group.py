"""The group that identifiers are hidden in: the subgroup of prime order of edwards25519, by libsodium.

Every multiplication here is libsodium's, which takes the same time whatever the scalar is, and refuses an operand that
is not written canonically, is not on the curve, or is not in the subgroup; the identity among them.

References:
    C. Meadows, "A more efficient cryptographic matchmaking protocol for use in the absence of a continuously available
    third party", IEEE Symposium on Security and Privacy 1986. B. Huberman, M. Franklin, T. Hogg, "Enhancing privacy and
    trust in electronic communities", ACM EC 1999. RFC 8032, section 5.1 (the curve). RFC 9380, section 3 (the sum of
    two maps is as good as a random point), section 6.7.1 (the map, Elligator 2).
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from nacl import bindings
from nacl.exceptions import CryptoError

from headwater.engine import Progress, silent
from headwater.errors import InputError
from headwater.schema import framed

__all__ = ["VALUE_BYTES", "blinded", "check_encodings", "multiplied", "new_scalar", "rows_of"]

VALUE_BYTES = 32
_POINT_CONTEXT = "headwater deconfliction point 1"
_AT_ONCE = 2_000
_COFACTOR = 8  # source: RFC 8032, section 5.1, c = 3
_SCALAR_BITS = 252  # the order of the subgroup is 2^252 and a little more (RFC 8032, section 5.1)
_FIELD = 2**255 - 19
# The ordinates of the eight points of small order, with either sign; computed in tests/unit/deconfliction.
_ORDER_EIGHT = 2707385501144840649318225287225658788936804267575313519463743609750303402022
_SMALL_ORDINATES = (0, 1, _FIELD - 1, _ORDER_EIGHT, _FIELD - _ORDER_EIGHT)


def new_scalar() -> bytes:
    """A secret scalar of a session, 32 bytes, little-endian, a multiple of eight.

    The factor eight takes out whatever small part a point could carry; what is left is drawn from 252 bits, which
    differs from the order of the subgroup by less than one part in 2^127.
    """
    drawn = 1 + secrets.randbelow(2**_SCALAR_BITS - 1)
    return (_COFACTOR * drawn).to_bytes(VALUE_BYTES, "little")


def _point_of(session_id: str, label: bytes) -> bytes:
    digest = hashlib.sha512(framed(_POINT_CONTEXT, session_id, label)).digest()
    return bindings.crypto_core_ed25519_add(
        bindings.crypto_core_ed25519_from_uniform(digest[:VALUE_BYTES]),
        bindings.crypto_core_ed25519_from_uniform(digest[VALUE_BYTES:]),
    )


def blinded(
    session_id: str, labels: Sequence[bytes], scalar: bytes, *, workers: int = 1, progress: Progress = silent
) -> bytes:
    """For each label, the point that it stands for in this session, multiplied; 32 bytes each, in the order given."""

    def part(begin: int, end: int) -> bytes:
        multiply = bindings.crypto_scalarmult_ed25519_noclamp
        return b"".join(multiply(scalar, _point_of(session_id, label)) for label in labels[begin:end])

    return _in_parts(part, len(labels), workers, progress)


def multiplied(points: bytes, scalar: bytes, *, source: object, workers: int = 1, progress: Progress = silent) -> bytes:
    """Each point multiplied, in the order given.

    Args:
        points: 32 bytes each, as somebody else sent them.
        scalar: From `new_scalar`.
        source: Where they were read from, for the message.
        workers: Threads; the result does not depend on it.
        progress: Told of points.

    Raises:
        InputError: One is no point of the subgroup, or the identity, or not written canonically.
    """

    def part(begin: int, end: int) -> bytes:
        products = []
        for number in range(begin, end):
            point = points[number * VALUE_BYTES : (number + 1) * VALUE_BYTES]
            try:
                products.append(bindings.crypto_scalarmult_ed25519_noclamp(scalar, point))
            except CryptoError:
                raise _no_point(source, number) from None
        return b"".join(products)

    return _in_parts(part, len(points) // VALUE_BYTES, workers, progress)


def rows_of(values: bytes) -> np.ndarray:
    """Values of 32 bytes as an array that compares, sorts and searches them byte by byte.

    Numpy takes trailing zeros of such texts for nothing, on both sides of every comparison alike, so that two values
    are equal, and in order, just as their bytes are.
    """
    return np.frombuffer(values, dtype=f"S{VALUE_BYTES}")


def check_encodings(points: bytes, *, source: object) -> None:
    """Nothing, if each is written canonically and none is of small order; for points that are compared only.

    Raises:
        InputError: One is not.
    """
    columns = np.frombuffer(points, dtype=np.uint8).reshape(-1, VALUE_BYTES).copy()
    columns[:, -1] &= 0x7F  # the sign of the other coordinate
    beyond = (columns[:, 0] >= 0xED) & (columns[:, 1:-1] == 0xFF).all(axis=1) & (columns[:, -1] == 0x7F)
    small = [ordinate.to_bytes(VALUE_BYTES, "little") for ordinate in _SMALL_ORDINATES]
    bad = beyond | np.isin(rows_of(columns.tobytes()), np.array(small, dtype=f"S{VALUE_BYTES}"))
    if bad.any():
        raise _no_point(source, int(np.argmax(bad)))


def _no_point(source: object, number: int) -> InputError:
    reason = f"value {number} is no point of the group"
    return InputError(source, reason, remedy="do not go on with this session; ask the peer what they sent")


def _in_parts(part: Callable[[int, int], bytes], count: int, workers: int, progress: Progress) -> bytes:
    """The results of all parts, in order; libsodium lets other threads run while it multiplies."""
    pool = ThreadPoolExecutor(max(1, workers))
    try:
        begins = range(0, count, _AT_ONCE)
        waiting = [pool.submit(part, begin, min(begin + _AT_ONCE, count)) for begin in begins]
        results = []
        for begin, one in zip(begins, waiting, strict=True):
            results.append(one.result())
            progress("identifiers", min(begin + _AT_ONCE, count), count)
        return b"".join(results)
    finally:
        pool.shutdown(cancel_futures=True)
