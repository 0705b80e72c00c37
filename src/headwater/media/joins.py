"""Which items are near-duplicates of each other: of all such joins, those that clusters and their trees can hang on.

Ten thousand items that are all near each other have fifty million joins; a tree needs ten thousand of them. So pairs of
near hashes are taken piece by piece, the joins of an item are decided once all its pairs are in, and one is kept only
if no path of lesser joins connects its ends already. What is left out could be in no tree of least joins, so that the
tree over the kept ones is the tree over all of them, join for join.

Items with the very same frames are one group: whatever one of them is joined to, all are.

References:
    Tarjan: Data Structures and Network Algorithms (1983), chapter 6: an edge that is the largest of a cycle, in an
    order without ties, is in no minimum spanning tree.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from headwater.media.hamming import PAIRS_AT_ONCE, Targets
from headwater.media.hamming_index import HashArray
from headwater.media.listed import coded_hashes
from headwater.media.tiers import MAX_DISTANCE_BITS

__all__ = ["JOIN", "spanning_joins"]

JOIN = np.dtype([(name, np.int64) for name in ("distance_bits", "first", "second")])
"""Two items that belong together, by their numbers, the smaller first; and the distance of their nearest frames.

Joins are in order of distance, then of the items.
"""

_LEVELS = MAX_DISTANCE_BITS + 1
_NONE = -1
_COMPILED_FROM = 50_000
"""Steps of a piece from which on it is worth loading a compiler: some tenths of a second uncompiled."""

_Numbers = npt.NDArray[np.int64]
_Small = npt.NDArray[np.int32]


class _Groups(NamedTuple):
    """Groups of items with the very same frames, in order of their first items; columns of several lengths.

    Attributes:
        query_group: Of each hash of each group, one behind the other: the group.
        query_frames: And how many frames of an item of the group have the hash.
        holder_starts: For each hash, where the groups that have it begin in `holders`; and the end.
        holders: Groups, hash by hash.
        holder_frames: And how many frames of an item of the group have the hash.
        member_starts: For each group, where its items begin in `members`; and the end.
        members: Items, group by group, ascending.
        frames: Of each group, how many frames an item has.
        is_video: Of each group.
    """

    query_group: _Numbers
    query_frames: _Numbers
    holder_starts: _Numbers
    holders: _Numbers
    holder_frames: _Numbers
    member_starts: _Numbers
    members: _Numbers
    frames: _Numbers
    is_video: npt.NDArray[np.bool_]


class _Found(NamedTuple):
    """What was found so far.

    Attributes:
        now: The group whose pairs come in, how many groups are near it, how many joins are kept.
        near: The groups near it.
        touched: For each group, the last one that it was near.
        least: For each group, the least distance from that one.
        own: For each group, how many frames of that one are near it.
        others: For each group, how many of its frames are near that one.
        last_query: For each group, the last hash of that one that was counted for it.
        last_group: For each hash, the last group for which it was counted.
        roots: For each distance, items as a forest: those of one tree are connected by kept joins up to that distance.
        kept: Joins.
        still_bits: For each still, the least distance from a video that it is joined to.
        still_video: And the first video at that distance.
        second: Room for the joins of a group.
        second_bits: And for their distances.
    """

    now: _Numbers
    near: _Numbers
    touched: _Numbers
    least: _Numbers
    own: _Numbers
    others: _Numbers
    last_query: _Numbers
    last_group: _Numbers
    roots: _Small
    kept: _Small
    still_bits: _Numbers
    still_video: _Numbers
    second: _Numbers
    second_bits: _Numbers


def spanning_joins(hashes: HashArray, items: _Numbers, is_video: npt.NDArray[np.bool_]) -> npt.NDArray[np.void]:
    """Joins of near-duplicates, among them the tree of least joins of each cluster.

    At least half of the comparable frames of whichever item has fewer must each have a frame of the other within the
    limit: one shared title card does not make two videos one. For the same reason a still is joined to no more than
    one video, the nearest of those that show it.

    Args:
        hashes: Of comparable frames, rows of 32 bytes.
        items: Of each frame, the number of its item.
        is_video: Of each item.
    """
    coded = coded_hashes(hashes)
    of = _groups(items, coded.order, coded.starts, is_video)
    code, groups = of
    found = _nothing_found(len(is_video), len(groups.frames), len(coded.hashes))
    targets = Targets(coded.hashes, max_distance_bits=MAX_DISTANCE_BITS)
    steps = np.diff(groups.holder_starts)
    for pairs in targets.pieces(coded.hashes[code], max_distance_bits=MAX_DISTANCE_BITS, most_pairs=PAIRS_AT_ONCE):
        _taker(int(steps[pairs[:, 1]].sum()))(pairs, groups, found)
    # The pairs of the last group are all in.
    _take_pairs(np.empty((0, 3), np.uint32), groups, found)
    kept = found.kept[: found.now[2]]
    stills = np.flatnonzero(found.still_video != _NONE)
    of_videos = found.still_bits[stills], *np.sort(np.stack([stills, found.still_video[stills]]), axis=0)
    joins = np.empty(len(kept) + len(stills), JOIN)
    for name, (column, of_video) in zip(JOIN.names or (), zip(kept.T, of_videos, strict=True), strict=True):
        joins[name] = np.concatenate([column, of_video])
    return joins


def _taker(steps: int) -> Callable[[npt.NDArray[np.uint32], _Groups, _Found], None]:
    """The function that takes so many steps, compiled if they are many."""
    if steps < _COMPILED_FROM:
        return _take_pairs
    from headwater.compiled import compiled  # loads a compiler

    return compiled(_take_pairs)


def _groups(
    items: _Numbers, order: _Numbers, starts: _Numbers, is_video: npt.NDArray[np.bool_]
) -> tuple[_Numbers, _Groups]:
    """The groups; and of each hash of each group, one behind the other, its number."""
    code = np.empty(len(order), np.int64)
    code[order] = np.repeat(np.arange(len(starts) - 1), np.diff(starts))
    by_item = np.lexsort((code, items))
    both = np.stack([items[by_item], code[by_item]], axis=1)
    first = np.flatnonzero(np.append(np.ones(min(len(both), 1), bool), (both[1:] != both[:-1]).any(axis=1)))
    (item, code), frames = both[first].T.copy(), np.diff(np.append(first, len(both)))
    ends = np.append(np.flatnonzero(np.diff(item)) + 1, len(item)) if len(item) else np.empty(0, np.int64)
    begins = np.append(0, ends[:-1]) if len(ends) else ends
    numbers: dict[tuple[bytes, bytes, bool], int] = {}
    group = np.empty(len(ends), np.int64)
    for place, (begin, end) in enumerate(zip(begins.tolist(), ends.tolist(), strict=True)):
        key = code[begin:end].tobytes(), frames[begin:end].tobytes(), bool(is_video[item[begin]])
        group[place] = numbers.setdefault(key, len(numbers))
    member_order = np.argsort(group, kind="stable")
    members = item[begins][member_order]
    member_starts = np.append(0, np.cumsum(np.bincount(group, minlength=len(numbers))))
    # The hashes of each group are those of its first item.
    of_first = np.isin(item, members[member_starts[:-1]]) if len(members) else np.empty(0, bool)
    code, frames = code[of_first], frames[of_first]
    query_group = np.repeat(group, ends - begins)[of_first]
    by_hash = np.argsort(code, kind="stable")
    return code, _Groups(
        query_group=query_group,
        query_frames=frames,
        holder_starts=np.append(0, np.cumsum(np.bincount(code, minlength=len(starts) - 1))),
        holders=query_group[by_hash],
        holder_frames=frames[by_hash],
        member_starts=member_starts,
        members=members,
        frames=np.bincount(query_group, weights=frames, minlength=len(numbers)).astype(np.int64),
        is_video=is_video[members[member_starts[:-1]]],
    )


def _nothing_found(items: int, groups: int, hashes: int) -> _Found:
    def filled(many: int, value: int = _NONE) -> _Numbers:
        return np.full(many, value, np.int64)

    return _Found(
        now=np.array([_NONE, 0, 0]),
        near=filled(groups),
        touched=filled(groups),
        least=filled(groups),
        own=filled(groups),
        others=filled(groups),
        last_query=filled(groups),
        last_group=filled(hashes),
        roots=np.tile(np.arange(items, dtype=np.int32), (_LEVELS, 1)),
        # Each kept join makes one tree of two at its distance, so that there is room for all. What is not used is
        # never touched, and takes no memory.
        kept=np.empty((_LEVELS * items, 3), np.int32),
        still_bits=filled(items, _LEVELS),
        still_video=filled(items),
        second=filled(items),
        second_bits=filled(items),
    )


def _take_pairs(pairs: npt.NDArray[np.uint32], of: _Groups, found: _Found) -> None:  # noqa: C901, PLR0912, PLR0915  # compiled as one: calls would each have to be
    """Takes in the pairs of successive hashes of groups, and keeps the joins of each group that is complete.

    Args:
        pairs: Hash of a group, by its place; hash near it; distance. Without any, the last group is complete.
        of: The groups.
        found: What was found before; changed.
    """
    many = len(pairs)
    lowest = np.int64(pairs[:, 0].min()) if many else np.int64(0)
    ends = np.zeros((np.int64(pairs[:, 0].max()) - lowest if many else 0) + 2, np.int64)
    for place in range(many):
        ends[np.int64(pairs[place, 0]) - lowest + 1] += 1
    for place in range(1, len(ends)):
        ends[place] += ends[place - 1]
    order = np.empty(many, np.int64)
    for place in range(many):
        query = np.int64(pairs[place, 0]) - lowest
        order[ends[query]] = place
        ends[query] += 1
    for at in range(many or 1):
        query = np.int64(pairs[order[at], 0]) if many else np.int64(0)
        group = of.query_group[query] if many else np.int64(-1)
        now = found.now[0]
        if group != now:
            found.now[0] = group
            near = found.now[1] if now >= 0 else 0
            found.now[1] = 0
            count = 0
            for which in range(near):
                other = found.near[which]
                distance = found.least[other]
                begin, end = of.member_starts[other], of.member_starts[other + 1]
                first = of.members[of.member_starts[now]]
                if other != now:
                    own_half = 2 * found.own[other] >= of.frames[now]
                    other_half = 2 * found.others[other] >= of.frames[other]
                    # The item with fewer frames decides, of two with as many the one that comes first.
                    joined_first = own_half if of.frames[now] <= of.frames[other] else other_half
                    joined_second = other_half if of.frames[other] <= of.frames[now] else own_half
                    if of.is_video[now] != of.is_video[other]:
                        if of.is_video[now]:
                            continue
                        for member in range(of.member_starts[now], of.member_starts[now + 1]):
                            still = of.members[member]
                            video = np.int64(-1)
                            if joined_second and of.members[begin] < still:
                                video = of.members[begin]
                            elif joined_first:
                                after = begin + np.searchsorted(of.members[begin:end], still)
                                if after < end:
                                    video = of.members[after]
                            if video >= 0 and (
                                distance < found.still_bits[still]
                                or (distance == found.still_bits[still] and video < found.still_video[still])
                            ):
                                found.still_bits[still], found.still_video[still] = distance, video
                        continue
                    if not joined_first:
                        continue
                else:
                    distance = np.int64(0)
                for member in range(begin + np.searchsorted(of.members[begin:end], first + 1), end):
                    found.second[count], found.second_bits[count] = of.members[member], distance
                    count += 1
                    # The rest of a group are connected to its first at distance 0, and here no nearer.
                    if distance > 0:
                        break
            ascending = np.argsort(found.second[:count])
            for which in range(count):
                distance, second = found.second_bits[ascending[which]], found.second[ascending[which]]
                for level in range(distance, len(found.roots)):
                    one, two = first, second
                    while found.roots[level, one] != one:
                        found.roots[level, one] = found.roots[level, found.roots[level, one]]
                        one = np.int64(found.roots[level, one])
                    while found.roots[level, two] != two:
                        found.roots[level, two] = found.roots[level, found.roots[level, two]]
                        two = np.int64(found.roots[level, two])
                    if one == two:
                        break
                    found.roots[level, max(one, two)] = min(one, two)
                    if level == distance:
                        kept = found.now[2]
                        found.kept[kept, 0], found.kept[kept, 1], found.kept[kept, 2] = distance, first, second
                        found.now[2] = kept + 1
        if not many:
            break
        target, distance = np.int64(pairs[order[at], 1]), np.int64(pairs[order[at], 2])
        is_new = found.last_group[target] != group
        found.last_group[target] = group
        for place in range(of.holder_starts[target], of.holder_starts[target + 1]):
            other = of.holders[place]
            if found.touched[other] != group:
                found.touched[other] = group
                found.near[found.now[1]] = other
                found.now[1] += 1
                found.least[other], found.own[other], found.others[other] = distance, 0, 0
            found.least[other] = min(found.least[other], distance)
            if found.last_query[other] != query:
                found.last_query[other] = query
                found.own[other] += of.query_frames[query]
            if is_new:
                found.others[other] += of.holder_frames[place]
