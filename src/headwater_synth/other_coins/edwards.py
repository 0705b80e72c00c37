"""Points of Ed25519 in plain integers, for the sender's side of invented Monero transactions.

It shares nothing with the product, which uses libsodium: an error common to both would have to be made twice. Slow, and
safe for nothing but invented keys.

References:
    RFC 8032, 5.1 and appendix A (extended coordinates, encoding).
"""

from __future__ import annotations

from Crypto.Hash import keccak

__all__ = ["BASE", "ORDER", "Point", "added", "decoded", "encoded", "hash_number", "keccak_256", "times"]

_P = 2**255 - 19
ORDER = 2**252 + 27742317777372353535851937790883648493
_D = -121665 * pow(121666, _P - 2, _P) % _P
_ROOT = pow(2, (_P - 1) // 4, _P)

Point = tuple[int, int, int, int]
"""X, Y, Z and T of extended coordinates."""


def added(left: Point, right: Point) -> Point:
    """The sum of two points."""
    a = (left[1] - left[0]) * (right[1] - right[0]) % _P
    b = (left[1] + left[0]) * (right[1] + right[0]) % _P
    c = 2 * left[3] * right[3] * _D % _P
    d = 2 * left[2] * right[2] % _P
    e, f, g, h = b - a, d - c, d + c, b + a
    return e * f % _P, g * h % _P, f * g % _P, e * h % _P


def times(number: int, point: Point) -> Point:
    """The multiple of a point."""
    found: Point = (0, 1, 1, 0)
    while number:
        if number & 1:
            found = added(found, point)
        point = added(point, point)
        number >>= 1
    return found


def encoded(point: Point) -> bytes:
    """The 32 bytes of a point."""
    inverse = pow(point[2], _P - 2, _P)
    x, y = point[0] * inverse % _P, point[1] * inverse % _P
    return (y | (x & 1) << 255).to_bytes(32, "little")


def decoded(content: bytes) -> Point:
    """The point of 32 bytes that encode one."""
    number = int.from_bytes(content, "little")
    y = number & ~(1 << 255)
    square = (y * y - 1) * pow(_D * y * y + 1, _P - 2, _P) % _P
    x = pow(square, (_P + 3) // 8, _P)
    if (x * x - square) % _P:
        x = x * _ROOT % _P
    assert not (x * x - square) % _P, "no point"
    if x & 1 != number >> 255:
        x = _P - x
    return x, y, 1, x * y % _P


BASE: Point = decoded((4 * pow(5, _P - 2, _P) % _P).to_bytes(32, "little"))


def keccak_256(content: bytes) -> bytes:
    """Keccak with its first padding, as Monero and Ethereum have it."""
    return keccak.new(digest_bits=256, data=content).digest()


def hash_number(content: bytes) -> int:
    """The hash as a number below the order of the base point."""
    return int.from_bytes(keccak_256(content), "little") % ORDER
