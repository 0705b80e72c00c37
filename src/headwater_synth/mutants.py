"""Damaged inputs: sound files of every family of formats, changed at a few places, the same for the same seed."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence

__all__ = ["mutated", "patches"]

_BYTES = (0x00, 0x01, 0x7F, 0x80, 0xFF, 0x20, 0x0A, 0x27, 0x5C)
_NUMBERS = (0, 1, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 0x7FFFFFFFFFFFFFFF, 0xFFFFFFFFFFFFFFFF)
_MOST_CHANGES = 4

Change = Callable[[random.Random, bytearray], None]


def mutated(content: bytes, chance: random.Random) -> bytes:
    """The content with one to four changes: of bits, bytes, numbers, and spans lost, doubled, moved or cut off.

    Args:
        content: A sound input.
        chance: Where the choices come from.
    """
    changed = bytearray(content)
    for _ in range(chance.randint(1, _MOST_CHANGES)):
        if changed:
            chance.choice(_CHANGES)(chance, changed)
    return bytes(changed)


def patches(content: bytes, places: Sequence[int], chance: random.Random) -> list[tuple[int, bytes]]:
    """Changes that keep the length, as offsets and bytes, for inputs that are too large to be written anew each time.

    Args:
        content: A sound input.
        places: Offsets at which it may be changed.
        chance: Where the choices come from.
    """
    found = []
    for _ in range(chance.randint(1, _MOST_CHANGES)):
        at = chance.choice(places)
        if chance.random() < 0.5:
            new = bytes([content[at] ^ 1 << chance.randrange(8)])
        elif chance.random() < 0.5:
            new = bytes([chance.choice(_BYTES)])
        else:
            new = _number(chance)
        found.append((at, new[: len(content) - at]))
    return found


def _number(chance: random.Random) -> bytes:
    width = chance.choice((2, 4, 8))
    number = chance.choice(_NUMBERS) & ((1 << 8 * width) - 1)
    return number.to_bytes(width, chance.choice(("little", "big")))


def _span(chance: random.Random, content: bytearray) -> tuple[int, int]:
    start = chance.randrange(len(content))
    return start, min(len(content), start + chance.choice((1, 4, 16, 512, 4096)))


def _flip(chance: random.Random, content: bytearray) -> None:
    content[chance.randrange(len(content))] ^= 1 << chance.randrange(8)


def _put_byte(chance: random.Random, content: bytearray) -> None:
    content[chance.randrange(len(content))] = chance.choice(_BYTES)


def _put_number(chance: random.Random, content: bytearray) -> None:
    at, number = chance.randrange(len(content)), _number(chance)
    content[at : at + len(number)] = number


def _put_digits(chance: random.Random, content: bytearray) -> None:
    at = chance.randrange(len(content))
    content[at : at + 1] = chance.choice((b"-1", b"99999999999999999999", b"0x", b"1e999", b"\xff\xfe", b"'"))


def _lose(chance: random.Random, content: bytearray) -> None:
    start, end = _span(chance, content)
    del content[start:end]


def _double(chance: random.Random, content: bytearray) -> None:
    start, end = _span(chance, content)
    content[end:end] = content[start:end]


def _move(chance: random.Random, content: bytearray) -> None:
    start, end = _span(chance, content)
    span = content[start:end]
    del content[start:end]
    at = chance.randint(0, len(content))
    content[at:at] = span


def _overwrite(chance: random.Random, content: bytearray) -> None:
    start, end = _span(chance, content)
    content[start:end] = chance.randbytes(end - start)


def _cut(chance: random.Random, content: bytearray) -> None:
    del content[chance.randrange(len(content)) :]


_CHANGES: tuple[Change, ...] = (_flip, _put_byte, _put_number, _put_digits, _lose, _double, _move, _overwrite, _cut)
