"""Near-duplicate clusters: what is joined, by what, at which distance; the same whatever the order of the rows."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from typing import NamedTuple

import pyarrow as pa

from headwater.engine import StageContext
from headwater.media.hamming import hashes_from_hex, pairs_within
from headwater.media.tiers import MAX_DISTANCE_BITS
from headwater.schema import content_id, table_named

__all__ = ["Join", "joins_between", "media_clusters"]


class Join(NamedTuple):
    """Two items that belong together; joins sort by distance, then by the items.

    Attributes:
        distance_bits: Between their nearest frames; 0 for copies.
        first: The item with the smaller id.
        second: The other.
    """

    distance_bits: int
    first: str
    second: str


def media_clusters(context: StageContext, frames: Mapping[str, tuple[str, ...]]) -> pa.Table:
    """The table `media_clusters`: every still and video, in the connected component that its joins make.

    Each item but the first of a cluster names the neighbour that holds it there: the cluster's joins of least distance
    that connect all of it, followed from the item with the smallest id.

    Args:
        context: Has `items` and `media_files`.
        frames: The hashes of each item's comparable frames.
    """
    files = context.tables.arrow("media_files").select(["item_id", "media_kind"]).to_pylist()
    items = sorted(row["item_id"] for row in files)
    listing = context.tables.arrow("items").select(["item_id", "sha256"]).to_pylist()
    digests = {row["item_id"]: row["sha256"] for row in listing if row["sha256"] is not None}
    first_copy: dict[str, str] = {}
    joins = []
    for item in items:
        digest = digests.get(item)
        if digest is None:
            continue
        if digest in first_copy:
            joins.append(Join(0, first_copy[digest], item))
        else:
            first_copy[digest] = item
    once = {item: frames[item] for item in sorted(first_copy.values()) if item in frames}
    joins += joins_between(once, {row["item_id"] for row in files if row["media_kind"] == "video"})
    rows = []
    for members in _components(items, joins):
        cluster_id = content_id("mcl", *sorted(members))
        rows += [
            {
                "media_cluster_id": cluster_id,
                "item_id": item,
                "joined_to_item_id": join[0] if join else None,
                "distance_bits": join[1] if join else None,
            }
            for item, join in members.items()
        ]
    return table_named("media_clusters").rows(rows)


def joins_between(frames: Mapping[str, tuple[str, ...]], videos: AbstractSet[str]) -> list[Join]:
    """Every pair of items that are near-duplicates of each other, sorted.

    At least half of the comparable frames of whichever item has fewer must each have a frame of the other within the
    limit: one shared title card does not make two videos one. For the same reason a still is joined to no more than
    one video, the nearest of those that show it.

    Args:
        frames: The hashes of each item's comparable frames, low quality and partial stills left out already.
        videos: Which of the items are videos.
    """
    holders: dict[str, list[str]] = defaultdict(list)
    for item, of_item in sorted(frames.items()):
        for pdq in sorted(set(of_item)):
            holders[pdq].append(item)
    hashes = sorted(holders)
    array = hashes_from_hex(hashes)
    nearest: dict[tuple[str, str], int] = {}
    # For each pair of items, which hashes of the one are near some hash of the other.
    covered: dict[tuple[str, str], set[str]] = defaultdict(set)
    for query, target, distance_bits in pairs_within(array, array, max_distance_bits=MAX_DISTANCE_BITS):
        for item in holders[hashes[query]]:
            for other in holders[hashes[target]]:
                if item == other:
                    continue
                covered[item, other].add(hashes[query])
                pair = (item, other) if item < other else (other, item)
                nearest[pair] = min(distance_bits, nearest.get(pair, distance_bits))
    joins = []
    for (first, second), distance_bits in nearest.items():
        shorter, longer = (first, second) if len(frames[first]) <= len(frames[second]) else (second, first)
        near = sum(pdq in covered[shorter, longer] for pdq in frames[shorter])
        if 2 * near >= len(frames[shorter]):
            joins.append(Join(distance_bits, first, second))
    return _one_video_a_still(sorted(joins), videos)


def _one_video_a_still(joins: list[Join], videos: AbstractSet[str]) -> list[Join]:
    kept, placed = [], set()
    for join in joins:
        ends = {join.first, join.second}
        if len(ends & videos) == 1:
            still = next(iter(ends - videos))
            if still in placed:
                continue
            placed.add(still)
        kept.append(join)
    return kept


def _components(items: Iterable[str], joins: Iterable[Join]) -> list[dict[str, tuple[str, int] | None]]:
    """For each component, its items, each with the neighbour and distance that hold it; the first has none."""
    root = {item: item for item in items}

    def find(item: str) -> str:
        while root[item] != item:
            root[item] = root[root[item]]
            item = root[item]
        return item

    kept: dict[str, list[tuple[int, str]]] = defaultdict(list)
    for join in sorted(joins):
        one, other = find(join.first), find(join.second)
        if one == other:
            continue
        root[max(one, other)] = min(one, other)
        kept[join.first].append((join.distance_bits, join.second))
        kept[join.second].append((join.distance_bits, join.first))
    components = []
    for item in sorted(root):
        if find(item) != item:
            continue
        members: dict[str, tuple[str, int] | None] = {item: None}
        waiting = [item]
        while waiting:
            here = waiting.pop()
            for distance_bits, neighbour in kept[here]:
                if neighbour not in members:
                    members[neighbour] = (here, distance_bits)
                    waiting.append(neighbour)
        components.append(members)
    return components
