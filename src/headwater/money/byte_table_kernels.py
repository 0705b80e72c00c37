"""Inner loops of tables that give every distinct string of bytes a number (see `byte_table`)."""

from __future__ import annotations

from typing import Final

import numpy as np

from headwater.compiled import I64, U8, U64, Int, compiled, word_at

__all__ = ["ABSENT", "NUMBER_BITS", "fill_slots", "find_all", "number_all"]

ABSENT: Final = -1
NUMBER_BITS: Final = 40
"""A slot holds a number and one, and above it what it can be told from others by without a look at its bytes."""
_NUMBERS: Final = np.uint64((1 << NUMBER_BITS) - 1)


@compiled
def _marked(content: U8, start: Int, end: Int, multiplier: np.uint64) -> np.uint64:
    """A number that equal strings have in common; which, differs from run to run, and nothing derived shows it."""
    mark = np.uint64(end - start) * multiplier
    at = start
    while at + 8 <= end:
        mark = (mark ^ word_at(content, at)) * multiplier
        mark ^= mark >> np.uint64(29)
        at += 8
    if end - start >= 8:
        mark = (mark ^ word_at(content, end - 8)) * multiplier  # some bytes again, but none one by one
    else:
        last = np.uint64(0)
        while at < end:
            last = (last << np.uint64(8)) | np.uint64(content[at])
            at += 1
        mark = (mark ^ last) * multiplier
    mark ^= mark >> np.uint64(32)
    mark *= multiplier
    return mark ^ (mark >> np.uint64(29))


@compiled
def _are_equal(content: U8, start: Int, kept: U8, kept_start: Int, length: Int) -> bool:
    place = 0
    while place + 8 <= length:
        if word_at(content, start + place) != word_at(kept, kept_start + place):
            return False
        place += 8
    if length >= 8:
        return bool(word_at(content, start + length - 8) == word_at(kept, kept_start + length - 8))
    while place < length:
        if content[start + place] != kept[kept_start + place]:
            return False
        place += 1
    return True


@compiled
def _slot_of(
    content: U8, start: Int, end: Int, kept: U8, starts: I64, slots: U64, multiplier: np.uint64
) -> tuple[Int, np.uint64]:
    """The slot that holds the string, or the empty one where it belongs; and what a slot shows of it."""
    mark = _marked(content, start, end, multiplier)
    shown = mark & ~_NUMBERS
    last = np.uint64(len(slots) - 1)
    slot = mark & last
    while slots[slot]:
        if slots[slot] & ~_NUMBERS == shown:
            number = np.int64(slots[slot] & _NUMBERS) - 1
            length = starts[number + 1] - starts[number]
            if length == end - start and _are_equal(content, start, kept, starts[number], length):
                break
        slot = (slot + np.uint64(1)) & last
    return np.int64(slot), shown


@compiled
def number_all(
    content: U8, bounds: I64, count: int, kept: U8, starts: I64, slots: U64, multiplier: np.uint64, numbers: I64
) -> int:
    """Writes the number of each string, new ones numbered on in the order they come; how many there are by now.

    Args:
        content: Bytes in which the strings lie.
        bounds: Start and end of each.
        count: Strings that have a number already.
        kept: Their bytes end to end, with room for all of these.
        starts: Where each begins and the last ends, with room for all of these.
        slots: The table; a power of two, more than there can be.
        multiplier: Any odd number, the same at every call.
        numbers: Room for the answers.
    """
    for place in range(len(bounds)):
        start, end = bounds[place, 0], bounds[place, 1]
        slot, shown = _slot_of(content, start, end, kept, starts, slots, multiplier)
        if not slots[slot]:
            first = starts[count]
            kept[first : first + end - start] = content[start:end]
            count += 1
            starts[count] = first + end - start
            slots[slot] = shown | np.uint64(count)
        numbers[place] = np.int64(slots[slot] & _NUMBERS) - 1
    return count


@compiled
def find_all(content: U8, bounds: I64, kept: U8, starts: I64, slots: U64, multiplier: np.uint64, numbers: I64) -> None:
    """Writes the number of each string, or `ABSENT`; arguments as in `number_all`."""
    for place in range(len(bounds)):
        slot, _ = _slot_of(content, bounds[place, 0], bounds[place, 1], kept, starts, slots, multiplier)
        numbers[place] = np.int64(slots[slot] & _NUMBERS) - 1


@compiled
def fill_slots(count: int, kept: U8, starts: I64, slots: U64, multiplier: np.uint64) -> None:
    """Fills an empty table with strings that have their numbers; arguments as in `number_all`."""
    last = np.uint64(len(slots) - 1)
    for number in range(count):
        mark = _marked(kept, starts[number], starts[number + 1], multiplier)
        slot = mark & last
        while slots[slot]:
            slot = (slot + np.uint64(1)) & last
        slots[slot] = (mark & ~_NUMBERS) | np.uint64(number + 1)
