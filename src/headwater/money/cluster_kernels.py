"""Inner loops of joining scripts that were spent from together."""

from __future__ import annotations

from typing import Final

import numpy as np

from headwater.compiled import I64, U8, U64, Int, Numbers, ask_for, compiled, word_at

__all__ = ["first_bytes", "flatten", "join_spent_together", "share_a_leader"]

_FEW: Final = 16
"""Up to so many inputs are compared each with each, to see which of their scripts are together already."""
_EVEN_BYTES: Final = np.uint64(0x00FF00FF00FF00FF)
_EVEN_PAIRS: Final = np.uint64(0x0000FFFF0000FFFF)
_HELD: Final = 1 << 12
_AHEAD: Final = 10


@compiled
def _leader(leaders: Numbers, number: Int) -> int:
    """The number that stands for a set; what lies on the way to it is brought nearer."""
    parent = leaders[number]
    while parent != number:
        above = leaders[parent]
        leaders[number] = above
        number, parent = above, leaders[above]
    return np.int64(number)  # type: ignore[return-value]  # one width, whatever the leaders have


@compiled
def first_bytes(content: U8, starts: I64, keys: U64) -> None:
    """Writes the first eight bytes of each script as a number, most significant first, zeros after a shorter one."""
    for script in range(len(keys)):
        if starts[script] + 8 <= starts[script + 1]:
            word = word_at(content, starts[script])
            word = ((word & _EVEN_BYTES) << np.uint64(8)) | ((word >> np.uint64(8)) & _EVEN_BYTES)
            word = ((word & _EVEN_PAIRS) << np.uint64(16)) | ((word >> np.uint64(16)) & _EVEN_PAIRS)
            keys[script] = (word << np.uint64(32)) | (word >> np.uint64(32))
            continue
        key = np.uint64(0)
        for at in range(starts[script], starts[script] + 8):
            key <<= np.uint64(8)
            if at < starts[script + 1]:
                key |= np.uint64(content[at])
        keys[script] = key


@compiled
def _is_below(content: U8, starts: I64, number: Int, other: Int) -> bool:
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
    keys: U64,
    leaders: Numbers,
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
        content: Bytes of all scripts.
        starts: Where each begins, and where the last ends.
        keys: What `first_bytes` wrote, so that few comparisons look farther; empty where scripts are numbered in the
            order of their bytes.
        leaders: For every script itself, or what an earlier call left.
        merges: Room for lower script, other script and transaction: a row for every script, or none for no proofs.
    """
    held, groups, held_keys = (
        np.empty(_HELD, dtype=np.int64),
        np.empty(_HELD, dtype=np.int64),
        np.empty(_HELD, dtype=np.uint64),
    )
    ends, found = np.empty((_HELD, 2), dtype=np.int64), np.empty(_FEW, dtype=np.int64)
    told = end = txs = 0
    for turn in range(len(order)):
        if turn + _AHEAD < len(order):
            tx = order[turn + _AHEAD]
            first, last = input_starts[tx], input_starts[tx + 1]
            if last - first > 1:
                for number in range(first, min(last, first + _FEW)):
                    ask_for(leaders, max(0, np.int64(input_scripts[number])))
        tx = order[turn]
        first, last = input_starts[tx], input_starts[tx + 1]
        if last - first < 2:
            continue
        if last - first > _FEW or end + _FEW > _HELD:
            told = _tell(held, groups, held_keys, ends[:txs], content, starts, keys, merges, told)
            end = txs = 0
        if last - first > _FEW:
            told = _join_many(
                tx, input_scripts[first:last], shows_nothing, content, starts, keys, leaders, merges, told
            )
            continue
        count, different = 0, 0
        for number in range(first, last):
            script = np.int64(input_scripts[number])
            is_kept = script >= 0
            for other in shows_nothing:
                is_kept = is_kept and script != other
            if not is_kept:
                continue
            ask_for(keys, script)
            leader, group = _leader(leaders, script), 0
            while group < different and found[group] != leader:
                group += 1
            if group == different:
                found[group] = leader
                different += 1
            held[end + count], groups[end + count] = script, group
            count += 1
        if different < 2:
            continue
        end += count
        ends[txs, 0], ends[txs, 1] = tx, end
        txs += 1
        leader = found[0]
        for group in range(1, different):
            leader = min(leader, found[group])
        for group in range(different):
            leaders[found[group]] = leader
    return _tell(held, groups, held_keys, ends[:txs], content, starts, keys, merges, told)


@compiled
def _tell(  # noqa: C901 - one loop: calls with so many arrays cost more than what they would do
    held: I64,
    groups: I64,
    held_keys: U64,
    ends: I64,
    content: U8,
    starts: I64,
    keys: U64,
    merges: Numbers,
    told: int,
) -> int:
    """Writes the merges of some transactions whose scripts are joined already; how many are told by now.

    To join the lowest script with the others in their order is to join it with the lowest of each group that was one
    before. Which these are is looked up for many transactions at once, so that no look-up waits for another.

    Args:
        held: Scripts of the transactions, one after the other.
        groups: For each the number of the group of its transaction's scripts that it belonged to.
        held_keys: Room for as many keys.
        ends: For each transaction its number, and where its scripts end.
        content: As in `join_spent_together`, and the following alike.
        starts: See there.
        keys: See there.
        merges: See there.
        told: Merges told already.
    """
    lowest, low_keys, first = np.empty(_FEW, dtype=np.int64), np.empty(_FEW, dtype=np.uint64), 0
    if len(ends):
        for place in range(ends[-1, 1]):
            held_keys[place] = keys[held[place]] if len(keys) else np.uint64(held[place])
    for turn in range(len(ends)):
        last, different, best = ends[turn, 1], 0, 0
        for place in range(first, last):
            group, script, key = groups[place], held[place], held_keys[place]
            if group >= different:  # groups are numbered as they are met
                lowest[group], low_keys[group] = script, key
                different += 1
            # Keys are compared here and not by a function of their own: calls with so many arrays cost more than this.
            elif key < low_keys[group] or (
                key == low_keys[group] and _is_below(content, starts, script, lowest[group])
            ):
                lowest[group], low_keys[group] = script, key
        for group in range(1, different):
            key, best_key = low_keys[group], low_keys[best]
            if key < best_key or (key == best_key and _is_below(content, starts, lowest[group], lowest[best])):
                best = group
        for group in range(different):
            if group != best:
                if told < len(merges):
                    merges[told, 0], merges[told, 1] = lowest[best], lowest[group]
                    merges[told, 2] = ends[turn, 0]
                told += 1
        first = last
    return told


@compiled
def _join_many(
    tx: Int,
    scripts: Numbers,
    shows_nothing: I64,
    content: U8,
    starts: I64,
    keys: U64,
    leaders: Numbers,
    merges: Numbers,
    told: int,
) -> int:
    """Joins the lowest script of a transaction with the others in their order; how many merges are told by now."""
    room, room_keys = np.empty(len(scripts), dtype=np.int64), np.empty(len(scripts), dtype=np.uint64)
    count = 0
    for number in scripts:
        script = np.int64(number)
        is_kept = script >= 0
        for other in shows_nothing:
            is_kept = is_kept and script != other
        if is_kept:
            room[count], room_keys[count] = script, keys[script] if len(keys) else np.uint64(script)
            count += 1
    if not count:
        return told
    _sort(room, room_keys, count, content, starts)
    leader = _leader(leaders, room[0])
    for place in range(1, count):
        other_leader = _leader(leaders, room[place])
        if other_leader == leader:
            continue
        if told < len(merges):
            merges[told, 0], merges[told, 1], merges[told, 2] = room[0], room[place], tx
        told += 1
        leaders[max(other_leader, leader)] = min(other_leader, leader)
        leader = min(other_leader, leader)
    return told


@compiled
def flatten(leaders: Numbers) -> None:
    """Has every number lead straight to the one that stands for its set; that is never above it."""
    for number in range(len(leaders)):
        leaders[number] = leaders[leaders[number]]


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
