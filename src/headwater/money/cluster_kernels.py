"""Inner loops of joining scripts that were spent from together.

Sets are kept in one array of numbers of 64 bits, one for each script: the lower half leads toward the number that
stands for its set (Galler and Fischer 1964), the upper half is the script's first four bytes, most significant first.
So one look into memory, for which these loops would mostly wait, tells both where a script belongs and, nearly always,
which of two comes first.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from headwater.compiled import I64, U8, U64, Int, Numbers, ask_for, compiled

__all__ = ["MOST_SCRIPTS", "alone", "join_spent_together", "leaders_of", "share_a_leader"]

MOST_SCRIPTS: Final = 1 << 32
"""How many can be told apart; the main chain had some 1.4 billion in 2026."""

_FEW: Final = 16
"""Up to so many inputs are compared each with each, to see which of their scripts are together already."""
_FEW_INPUTS: Final = np.uint64(_FEW)
_AHEAD: Final = 16
"""So many transactions before their turn, memory is asked for."""
_LOWER: Final = np.uint64(0xFFFFFFFF)
_UPPER: Final = np.uint64(0xFFFFFFFF00000000)
_HALF: Final = np.uint64(32)
_KEY_BYTES: Final = 4


@compiled
def alone(content: U8, starts: I64, sets: U64) -> None:
    """Writes every script as a set of its own, its first bytes beside it, with zeros after a shorter one.

    Args:
        content: Bytes of all scripts.
        starts: Where each begins, and where the last ends.
        sets: Room for all.
    """
    for script in range(len(sets)):
        key = np.uint64(0)
        for at in range(starts[script], starts[script] + _KEY_BYTES):
            key <<= np.uint64(8)
            if at < starts[script + 1]:
                key |= np.uint64(content[at])
        sets[script] = (key << _HALF) | np.uint64(script)


@compiled
def _leader(sets: U64, script: np.uint64) -> np.uint64:
    """The number that stands for a set; what lies on the way to it is brought nearer."""
    number, here = script, sets[script]
    above: np.uint64 = here & _LOWER
    while above != number:
        farther = sets[above] & _LOWER
        if farther == above:
            return above
        sets[number] = (here & _UPPER) | farther
        number, here = farther, sets[farther]
        above = here & _LOWER
    return number


@compiled
def _is_below(content: U8, starts: I64, number: Int | np.uint64, other: Int | np.uint64) -> bool:
    """Whether a script comes before another in the order of bytes."""
    at, end = starts[number], starts[number + 1]
    other_at, other_end = starts[other], starts[other + 1]
    while at < end and other_at < other_end:
        if content[at] != content[other_at]:
            return bool(content[at] < content[other_at])
        at += 1
        other_at += 1
    return bool(end - at < other_end - other_at)


@compiled
def _sort(room: I64, room_keys: U64, count: int, content: U8, starts: I64) -> None:
    """Puts numbers in the order of their scripts (Shell 1959, with the gaps of Knuth)."""
    gap = 1
    while gap < count // 3:
        gap = 3 * gap + 1
    while gap > 0:
        for place in range(gap, count):
            number, key, at = room[place], room_keys[place], place
            while at >= gap and (
                key < room_keys[at - gap]
                or (key == room_keys[at - gap] and _is_below(content, starts, number, room[at - gap]))
            ):
                room[at], room_keys[at] = room[at - gap], room_keys[at - gap]
                at -= gap
            room[at], room_keys[at] = number, key
        gap //= 3


@compiled
def join_spent_together(  # noqa: C901, PLR0912 - one loop: calls with so many arrays cost more than what they would do
    order: I64,
    input_starts: I64,
    input_scripts: Numbers,
    shows_nothing: I64,
    content: U8,
    starts: I64,
    sets: U64,
    merges: Numbers,
) -> int:
    """Joins the scripts of each transaction, and writes the merges; how many.

    The lowest script of a transaction is joined with the others in their order, so that the order of inputs decides
    nothing. That is: with the lowest of each group that was one before.

    Args:
        order: Transactions to look at, in the order in which they may prove a merge.
        input_starts: First input of every transaction, and the number of all at the end.
        input_scripts: Script of every input, or -1.
        shows_nothing: The few scripts that prove no control when they are spent from.
        content: Bytes of all scripts; empty where no two have the same upper half.
        starts: Where each begins, and where the last ends.
        sets: What `alone` wrote, or what an earlier call left; or, where scripts are numbered in the order of their
            bytes, with their numbers in the upper half.
        merges: Room for lower script, other script and transaction: a row for every script, or none for no proofs.
    """
    found, lowest, keys = (
        np.empty(_FEW, dtype=np.int64),
        np.empty(_FEW, dtype=np.int64),
        np.empty(_FEW, dtype=np.uint64),
    )
    told = 0
    for turn in range(len(order)):
        if turn + _AHEAD < len(order):
            tx = order[turn + _AHEAD]
            first, last = np.uint64(input_starts[tx]), np.uint64(input_starts[tx + 1])
            for number in range(first, min(last, first + _FEW_INPUTS)):
                ask_for(sets, np.int64(input_scripts[number]))  # -1 does no harm: asking for memory cannot fail
        tx = order[turn]
        first, last = np.uint64(input_starts[tx]), np.uint64(input_starts[tx + 1])
        if last - first > _FEW_INPUTS:
            spent = input_scripts[input_starts[tx] : input_starts[tx + 1]]
            told = _join_many(tx, spent, shows_nothing, content, starts, sets, merges, told)
            continue
        different = 0
        for number in range(first, last):
            is_kept = input_scripts[number] >= 0
            for other in shows_nothing:
                is_kept = is_kept and input_scripts[number] != other
            if not is_kept:
                continue
            script = np.uint64(input_scripts[number])
            key = sets[script] >> _HALF
            leader, group = _leader(sets, script), 0
            while group < different and found[group] != leader:
                group += 1
            if group == different:
                found[group], lowest[group], keys[group] = leader, script, key
                different += 1
            # Keys are compared here and not by a function of their own: calls with so many arrays cost more than this.
            elif key < keys[group] or (
                key == keys[group] and script != lowest[group] and _is_below(content, starts, script, lowest[group])
            ):
                lowest[group], keys[group] = script, key
        if different < 2:
            continue
        best, leader = 0, found[0]
        for group in range(1, different):
            leader = min(leader, found[group])
            if keys[group] < keys[best] or (
                keys[group] == keys[best] and _is_below(content, starts, lowest[group], lowest[best])
            ):
                best = group
        for group in range(different):
            sets[found[group]] = (sets[found[group]] & _UPPER) | leader
            if group != best:
                if told < len(merges):
                    merges[told, 0], merges[told, 1], merges[told, 2] = lowest[best], lowest[group], tx
                told += 1
    return told


@compiled
def _join_many(
    tx: Int,
    scripts: Numbers,
    shows_nothing: I64,
    content: U8,
    starts: I64,
    sets: U64,
    merges: Numbers,
    told: int,
) -> int:
    """Joins the lowest script of a transaction with the others in their order; how many merges are told by now."""
    room, room_keys = np.empty(len(scripts), dtype=np.int64), np.empty(len(scripts), dtype=np.uint64)
    count = 0
    for number in scripts:
        is_kept = number >= 0
        for other in shows_nothing:
            is_kept = is_kept and number != other
        if is_kept:
            room[count], room_keys[count] = number, sets[number] >> _HALF
            count += 1
    if not count:
        return told
    _sort(room, room_keys, count, content, starts)
    leader = _leader(sets, np.uint64(room[0]))
    for place in range(1, count):
        other_leader = _leader(sets, np.uint64(room[place]))
        if other_leader == leader:
            continue
        if told < len(merges):
            merges[told, 0], merges[told, 1], merges[told, 2] = room[0], room[place], tx
        told += 1
        upper, leader = max(other_leader, leader), min(other_leader, leader)
        sets[upper] = (sets[upper] & _UPPER) | leader
    return told


@compiled
def leaders_of(sets: U64, leaders: I64) -> None:
    """Writes the number that stands for each script's set, which is the smallest in it.

    Args:
        sets: What `join_spent_together` left.
        leaders: Room for all; it may be the same memory.
    """
    for number in range(len(sets)):
        above = np.int64(sets[number] & _LOWER)
        leaders[number] = leaders[above] if above < number else above


@compiled
def share_a_leader(txs: I64, input_starts: I64, input_scripts: Numbers, leaders: Numbers, flags: U8) -> None:
    """Writes which transactions spend from scripts of one set only; `leaders` must be flat."""
    for place in range(len(txs)):
        first, last = input_starts[txs[place]], input_starts[txs[place] + 1]
        flags[place] = 1
        for number in range(first, last):
            if input_scripts[number] < 0 or leaders[input_scripts[number]] != leaders[input_scripts[first]]:
                flags[place] = 0
                break
