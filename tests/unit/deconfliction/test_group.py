"""The group: what commutes, what is refused, and that nothing depends on the number of threads."""

from __future__ import annotations

import hashlib
import secrets

import pytest
from nacl import bindings

from headwater.deconfliction.group import (
    _ORDER_EIGHT,
    _SMALL_ORDINATES,
    _point_of,
    blinded,
    check_encodings,
    multiplied,
    new_scalar,
)
from headwater.errors import InputError
from headwater.schema import framed

P = 2**255 - 19
ORDER = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, -1, P) % P
ROOT = pow(2, (P - 1) // 4, P)


def added(one, other):
    """The sum of two points of edwards25519, by the textbook (RFC 8032, section 5.1.4)."""
    (x1, y1), (x2, y2) = one, other
    product = D * x1 * x2 * y1 * y2 % P
    return (x1 * y2 + x2 * y1) * pow(1 + product, -1, P) % P, (y1 * y2 + x1 * x2) * pow(1 - product, -1, P) % P


def times(scalar, point):
    total = (0, 1)
    while scalar:
        if scalar & 1:
            total = added(total, point)
        point, scalar = added(point, point), scalar >> 1
    return total


def decoded(encoded):
    y = int.from_bytes(encoded, "little")
    sign, y = y >> 255, y & (2**255 - 1)
    squared = (y * y - 1) * pow(D * y * y + 1, -1, P) % P
    x = pow(squared, (P + 3) // 8, P)
    if (x * x - squared) % P:
        x = x * ROOT % P
    assert (x * x - squared) % P == 0
    return (P - x if x & 1 != sign else x), y


def encoded(point):
    return (point[1] | (point[0] & 1) << 255).to_bytes(32, "little")


def small_points():
    """The eight points of small order."""
    y = 2
    while True:
        try:
            point = times(ORDER, decoded(y.to_bytes(32, "little")))
        except AssertionError:
            y += 1
            continue
        found = [times(n, point) for n in range(8)]
        if len(set(found)) == 8:
            return found
        y += 1


SMALL = small_points()


def test_multiplications_commute():
    labels = [b"one", b"two", b"three"]
    a, b = new_scalar(), new_scalar()
    ab = multiplied(blinded("dcs-1", labels, a), b, source="x")
    ba = multiplied(blinded("dcs-1", labels, b), a, source="x")
    assert ab == ba
    assert len({ab[n : n + 32] for n in (0, 32, 64)}) == 3


def test_a_point_is_what_the_format_says_by_the_textbook():
    """The same product, made with whole numbers and without the library."""
    scalar = new_scalar()
    digest = hashlib.sha512(framed("headwater deconfliction point 1", "dcs-1", b"label")).digest()
    halves = [bindings.crypto_core_ed25519_from_uniform(part) for part in (digest[:32], digest[32:])]
    point = added(*map(decoded, halves))
    assert encoded(point) == _point_of("dcs-1", b"label")
    assert encoded(times(int.from_bytes(scalar, "little"), point)) == blinded("dcs-1", [b"label"], scalar)


def test_another_session_has_other_points():
    scalar = new_scalar()
    assert blinded("dcs-1", [b"one"], scalar) != blinded("dcs-2", [b"one"], scalar)


def test_a_scalar_is_never_zero_fits_and_takes_out_small_parts():
    drawn = [int.from_bytes(new_scalar(), "little") for _ in range(50)]
    assert len(set(drawn)) == 50
    assert all(0 < scalar < 2**255 and scalar % 8 == 0 for scalar in drawn)


@pytest.mark.parametrize("workers", [1, 2, 5])
def test_threads_change_nothing(workers):
    labels = [str(n).encode() for n in range(4_100)]
    scalar = bytes([8]) + bytes(31)
    told = []
    points = blinded("dcs-1", labels, scalar, workers=workers, progress=lambda *one: told.append(one))
    assert hashlib.sha256(points).hexdigest() == hashlib.sha256(blinded("dcs-1", labels, scalar)).hexdigest()
    assert told == [("identifiers", 2_000, 4_100), ("identifiers", 4_000, 4_100), ("identifiers", 4_100, 4_100)]


GOOD = encoded(times(8 * 12345, decoded(_point_of("dcs-1", b"x"))))
BAD = {
    **{f"small order {number}": encoded(point) for number, point in enumerate(SMALL)},
    "identity, other sign": (1 | 1 << 255).to_bytes(32, "little"),
    "not canonical": (P + 3).to_bytes(32, "little"),
    "the field itself": P.to_bytes(32, "little"),
    "all ones": b"\xff" * 32,
    "zeros": bytes(32),
    "not on the curve": (2).to_bytes(32, "little"),
    **{
        f"with a small part of order {8 >> (number & -number).bit_length() - 1}": encoded(
            added(decoded(_point_of("dcs-1", b"x")), SMALL[number])
        )
        for number in (1, 2, 4)
    },
}


@pytest.mark.parametrize("point", BAD.values(), ids=BAD)
def test_a_point_that_is_none_is_refused_with_its_place(point):
    with pytest.raises(InputError, match=r"value 1 is no point of the group"):
        multiplied(GOOD + point + GOOD, new_scalar(), source="offer", workers=2)


CHEAPLY = [name for name in BAD if "curve" not in name and "with a small part" not in name]


@pytest.mark.parametrize("name", CHEAPLY)
def test_what_is_compared_only_is_looked_at_too(name):
    with pytest.raises(InputError, match=r"value 1 is no point"):
        check_encodings(GOOD + BAD[name] + GOOD, source="answer")


def test_good_points_pass():
    labels = [secrets.token_bytes(8) for _ in range(300)]
    points = blinded("dcs-1", labels, new_scalar())
    check_encodings(points, source="answer")
    assert len(multiplied(points, new_scalar(), source="answer")) == len(points)


def test_the_constants_are_those_of_the_curve():
    assert {point[1] for point in SMALL} == set(_SMALL_ORDINATES)
    assert 2 * _ORDER_EIGHT < P
