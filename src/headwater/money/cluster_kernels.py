"""Inner loops of joining scripts that were spent from together."""

from __future__ import annotations

import numpy as np

from headwater.money.compiled import I64, U8, Int, Numbers, compiled, word_at

__all__ = ["flatten", "join_pairs", "join_spent_together", "share_a_leader"]


@compiled
def _leader(leaders: Numbers, number: Int) -> Int:
    """The number that stands for a set; what lies on the way to it is brought nearer."""
    parent = leaders[number]
    while parent != number:
        above = leaders[parent]
        leaders[number] = above
        number, parent = above, leaders[above]
    return number


@compiled
def _join(leaders: Numbers, number: Int, other: Int) -> bool:
    """Merges two sets, the smaller number leading; whether they were apart."""
    number, other = _leader(leaders, number), _leader(leaders, other)
    if number == other:
        return False
    if number < other:
        leaders[other] = number
    else:
        leaders[number] = other
    return True


@compiled
def _is_below(content: U8, starts: I64, number: Int, other: Int) -> bool:
    """Whether a script comes before another in the order of bytes."""
    at, end = starts[number], starts[number + 1]
    other_at, other_end = starts[other], starts[other + 1]
    while at + 8 <= end and other_at + 8 <= other_end and word_at(content, at) == word_at(content, other_at):
        at += 8
        other_at += 8
    while at < end and other_at < other_end:
        if content[at] != content[other_at]:
            return content[at] < content[other_at]
        at += 1
        other_at += 1
    return end - at < other_end - other_at


@compiled
def _sort(room: I64, count: Int, content: U8, starts: I64) -> None:
    """Puts numbers in the order of their scripts (Shell 1959, with the gaps of Knuth)."""
    gap = 1
    while gap < count // 3:
        gap = 3 * gap + 1
    while gap > 0:
        for place in range(gap, count):
            number, at = room[place], place
            while at >= gap and _is_below(content, starts, number, room[at - gap]):
                room[at] = room[at - gap]
                at -= gap
            room[at] = number
        gap //= 3


@compiled
def join_spent_together(
    order: I64,
    input_starts: I64,
    input_scripts: Numbers,
    shows_nothing: U8,
    content: U8,
    starts: I64,
    leaders: Numbers,
    merges: Numbers,
) -> int:
    """Joins the scripts of each transaction, and writes the merges; how many.

    The lowest script of a transaction is joined with the others in their order, so that the order of inputs decides
    nothing. A transaction that joins nothing new is left as soon as that is seen, without sorting.

    Args:
        order: Transactions to look at, in the order in which they may prove a merge.
        input_starts: First input of every transaction, and the number of all at the end.
        input_scripts: Script of every input, or -1.
        shows_nothing: For every script, whether spending from it proves no control.
        content: Bytes of all scripts.
        starts: Where each begins, and where the last ends.
        leaders: For every script itself, or what an earlier call left.
        merges: Room for lower script, other script and transaction: a row for every script, or none for no proofs.
    """
    room = np.empty(16, dtype=np.int64)
    told = 0
    for tx in order:
        first, last = input_starts[tx], input_starts[tx + 1]
        if last - first < 2:
            continue
        leader, are_apart = -1, False
        for number in range(first, last):
            script = input_scripts[number]
            if script < 0 or shows_nothing[script]:
                continue
            found = _leader(leaders, script)
            if leader < 0:
                leader = found
            elif found != leader:
                are_apart = True
                break
        if not are_apart:
            continue
        if last - first > len(room):
            room = np.empty(2 * (last - first), dtype=np.int64)
        count = 0
        for number in range(first, last):
            script = input_scripts[number]
            if script >= 0 and not shows_nothing[script]:
                room[count] = script
                count += 1
        _sort(room, count, content, starts)
        for place in range(1, count):
            if _join(leaders, room[0], room[place]):
                if told < len(merges):
                    merges[told, 0], merges[told, 1], merges[told, 2] = room[0], room[place], tx
                told += 1
    return told


@compiled
def join_pairs(pairs: Numbers, leaders: Numbers, is_merge: U8) -> None:
    """Joins pair after pair, and writes which of them joined what was apart."""
    for place in range(len(pairs)):
        is_merge[place] = _join(leaders, pairs[place, 0], pairs[place, 1])


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
