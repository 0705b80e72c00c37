"""Near-duplicate clusters: what is joined, by what, at which distance; the same whatever the order of the rows."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from headwater.engine import StageContext
from headwater.media.joins import JOIN, spanning_joins
from headwater.media.listed import packed_hashes
from headwater.schema import content_id, table_named

__all__ = ["least_joins", "media_clusters"]

_Joins = npt.NDArray[np.void]


def media_clusters(context: StageContext, frames: pa.Table) -> pa.Table:
    """The table `media_clusters`: every still and video, in the connected component that its joins make.

    Each item but the first of a cluster names the neighbour that holds it there: the cluster's joins of least distance
    that connect all of it, followed from the item with the smallest id.

    Args:
        context: Has `items` and `media_files`.
        frames: The comparable frames.
    """
    files = context.tables.columns("media_files", ("item_id", "media_kind")).sort_by("item_id")
    items = files["item_id"].combine_chunks()
    listing = context.tables.columns("items", ("item_id", "sha256"))
    digests = listing["sha256"].take(pc.index_in(items, value_set=listing["item_id"])).to_pylist()
    first_copy: dict[str, int] = {}
    copies = []
    for number, digest in enumerate(digests):
        if digest is not None and first_copy.setdefault(digest, number) != number:
            copies.append((0, first_copy[digest], number))
    is_first = np.zeros(len(items), bool)
    is_first[list(first_copy.values())] = True
    numbers = pc.index_in(frames["item_id"], value_set=items).to_numpy()
    once = is_first[numbers]
    hashes = packed_hashes(frames["pdq"].filter(pa.array(once)).combine_chunks())
    is_video = pc.equal(files["media_kind"], "video").to_numpy()
    joins = np.concatenate([np.array(copies, JOIN), spanning_joins(hashes, numbers[once].astype(np.int64), is_video)])
    return _clustered(items.to_pylist(), joins)


def _clustered(items: Sequence[str], joins: _Joins) -> pa.Table:
    """Each item in its component, with the neighbour and distance that hold it; the first has none."""
    holder: list[int | None] = [None] * len(items)
    held_bits: list[int | None] = [None] * len(items)
    kept = least_joins(len(items), joins)
    cluster_ids = [""] * len(items)
    for item in range(len(items)):
        if cluster_ids[item]:
            continue
        members, waiting = [item], [item]
        while waiting:
            here = waiting.pop()
            for distance_bits, neighbour in kept.get(here, ()):
                if neighbour != holder[here]:
                    holder[neighbour], held_bits[neighbour] = here, distance_bits
                    waiting.append(neighbour)
                    members.append(neighbour)
        cluster_id = content_id("mcl", *(items[member] for member in sorted(members)))
        for member in members:
            cluster_ids[member] = cluster_id
    return table_named("media_clusters").columnar(
        {
            "media_cluster_id": cluster_ids,
            "item_id": items,
            "joined_to_item_id": [None if number is None else items[number] for number in holder],
            "distance_bits": held_bits,
        }
    )


def least_joins(items: int, joins: _Joins) -> dict[int, list[tuple[int, int]]]:
    """The least joins that connect whatever all of them connect: for each item, distance and neighbour of each.

    Args:
        items: How many there are.
        joins: In any order.
    """
    root = list(range(items))

    def find(item: int) -> int:
        while root[item] != item:
            root[item] = root[root[item]]
            item = root[item]
        return item

    kept: dict[int, list[tuple[int, int]]] = {}
    for distance_bits, first, second in np.sort(joins, order=JOIN.names).tolist():
        one, other = find(first), find(second)
        if one == other:
            continue
        root[max(one, other)] = min(one, other)
        kept.setdefault(first, []).append((distance_bits, second))
        kept.setdefault(second, []).append((distance_bits, first))
    return kept
