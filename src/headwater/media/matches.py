"""Matches of items with hash lists: by equal digest; by perceptual hash, through exact Hamming search.

Frames are searched a block of items at a time, and of each item and listed hash only the frame that speaks for them is
kept. The entries that are near or equal are read from the lists at the end: what did not match is never loaded.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from headwater.engine import StageContext
from headwater.media.hubs import distant_items
from headwater.media.listed import CodedHashes, ListedEntries, coded_hashes, expanded, packed_hashes
from headwater.media.tiers import MAX_DISTANCE_BITS, TIERS, tier_places
from headwater.media.transforms import AS_IT_IS
from headwater.media.video_matches import FRAME_OF, listed_frames, video_matches
from headwater.schema import content_id, table_named

__all__ = ["best_frames", "media_matches"]

_LISTED = (
    "polarity",
    "reference_name",
    "reference_version",
    "scheme",
    "country",
    "category",
    "series",
    "victim_identified",
)
_METHODS = ("sha256", "sha1", "md5")
_FRAMES_AT_ONCE = 1 << 16
_PAIRS_KEPT = 1 << 20
_COUNTED = 10  # times the limit: how far beyond it a hub is says how sure it is one
_BEST = np.dtype([(name, np.int64) for name in ("item", "target", "tier", "distance_bits", "quality", "frame", "many")])
"""The frame that speaks for an item and a listed hash, and how many frames of the item are near that hash."""

_Best = npt.NDArray[np.void]


def media_matches(
    context: StageContext, frames: pa.Table, listed: ListedEntries, transformed: pa.Table | None = None
) -> dict[str, pa.Table]:
    """The tables `media_matches`, for each item and entry the strongest match, `video_matches` and `media_hubs`.

    Args:
        context: Has items and what people said of hubs.
        frames: The comparable frames.
        listed: The entries of hash lists.
        transformed: What is near under a transform (`transformed_matches`), where that is asked for. It counts for no
            hub and no video; what is equal or near as it is, is not listed a second time.
    """
    items = frames["item_id"].combine_chunks().dictionary_encode()
    best = best_frames(frames, items, listed)
    hubs = _hubs(context, frames, listed.coded, best)
    each, near_rows = expanded(listed.coded, best["target"])
    exact, exact_rows = _by_digest(context, listed)
    under, under_rows = _under_transforms(listed, transformed)
    place = np.unique(np.concatenate([exact_rows, near_rows, under_rows]))
    entries = listed.rows(place, ("entry_id", *_LISTED, *FRAME_OF))
    exact_ids, near_ids = (entries["entry_id"].take(_found(place, rows)) for rows in (exact_rows, near_rows))
    exact = exact.append_column("entry_id", exact_ids)
    near = _near_matches(frames, items, best[each], near_ids, hubs)
    # What is the very same file is not listed again as near.
    same = pa.array(_pairs_of(exact), pa.string()), pa.array(_pairs_of(near), pa.string())
    near = near.filter(pc.invert(pc.is_in(same[1], value_set=same[0])))
    whole = pa.concat_tables([exact, near], promote_options="default")
    whole = whole.append_column("transform", pa.repeat(AS_IT_IS, len(whole)))
    if under is not None:
        under = under.append_column("entry_id", entries["entry_id"].take(_found(place, under_rows)))
        whole = pa.concat_tables([whole, _further(whole, under, hubs)], promote_options="default")
    listing = entries.select(list(_LISTED)).take(pc.index_in(whole["entry_id"], value_set=entries["entry_id"]))
    parts = [whole[name].to_pylist() for name in ("item_id", "entry_id", "method")]
    ids = [content_id("mch", *of) for of in zip(*parts, strict=True)]
    columns = {name: whole[name] for name in whole.column_names} | {name: listing[name] for name in _LISTED}
    counting = best[~np.isin(best["target"], hubs.held)]
    hashes = np.unique(counting["target"])
    of_hash, rows = expanded(listed.coded, hashes)
    of_items = items.dictionary.take(pa.array(np.unique(counting["item"])))
    video = listed_frames(listed, hashes[of_hash], entries.take(_found(place, rows)))
    return {
        "media_matches": table_named("media_matches").columnar(columns | {"match_id": pa.array(ids, pa.string())}),
        "media_hubs": hubs.table(listed),
        "video_matches": video_matches(frames, of_items, video),
    }


def _found(place: npt.NDArray[np.int64], rows: npt.NDArray[np.int64]) -> pa.Array:
    """Where rows stand among the rows that were read."""
    return pa.array(np.searchsorted(place, rows))


def _under_transforms(
    listed: ListedEntries, transformed: pa.Table | None
) -> tuple[pa.Table | None, npt.NDArray[np.int64]]:
    """What is near under a transform, a row for each entry; and the rows of the entries."""
    if transformed is None:
        return None, np.empty(0, np.int64)
    each, rows = expanded(listed.coded, transformed["target"].to_numpy())
    return transformed.take(pa.array(each)), rows


def _further(whole: pa.Table, under: pa.Table, hubs: _Hubs) -> pa.Table:
    """The pairs that are near under a transform alone, with what hubs that are set aside say of them."""
    same = pa.array(_pairs_of(whole), pa.string()), pa.array(_pairs_of(under), pa.string())
    only = under.filter(pc.invert(pc.is_in(same[1], value_set=same[0])))
    quarantined = pa.array(np.isin(only["target"].to_numpy(), hubs.held))
    return only.drop_columns(["target"]).append_column("quarantined", quarantined)


def _pairs_of(matches: pa.Table) -> list[str]:
    return [f"{i} {e}" for i, e in zip(matches["item_id"].to_pylist(), matches["entry_id"].to_pylist(), strict=True)]


def _by_digest(context: StageContext, listed: ListedEntries) -> tuple[pa.Table, npt.NDArray[np.int64]]:
    """Every pair with equal digests, whatever the item's content is; and of each pair, the row of the entry.

    The strongest digest that both sides have decides: a pair with one MD5 and two SHA-256s is two files.
    """
    items = context.tables.columns("items", ("item_id", *_METHODS))
    items = items.filter(pc.is_valid(items["sha256"]))
    rows = listed.with_digests({method: items[method] for method in _METHODS})
    entries = listed.rows(rows, _METHODS).append_column("row", pa.array(rows))
    found = []
    for method in _METHODS:
        pairs = items.select(["item_id", method]).join(entries.select(["row", method]), method, join_type="inner")
        found.append(pairs.select(["item_id", "row"]).append_column("method", pa.repeat(method, len(pairs))))
        # An entry with this digest is another file where only a weaker one is equal.
        entries = entries.filter(pc.is_null(entries[method]))
    pairs = pa.concat_tables(found)
    told = {
        "item_id": pairs["item_id"],
        "method": pairs["method"],
        "tier": pa.repeat("exact", len(pairs)),
        "quarantined": pa.repeat(pa.scalar(value=False), len(pairs)),
    }
    return pa.table(told), pairs["row"].to_numpy()


def _blocks(items: pa.DictionaryArray) -> Iterator[tuple[int, int]]:
    """First frame and the one after the last, of some items together."""
    codes = items.indices.to_numpy()
    ends = np.append(np.flatnonzero(codes[1:] != codes[:-1]) + 1, len(codes))
    start = 0
    while start < len(codes):
        end = int(ends[min(int(np.searchsorted(ends, start + _FRAMES_AT_ONCE)), len(ends) - 1)])
        yield start, end
        start = end


def best_frames(frames: pa.Table, items: pa.DictionaryArray, listed: ListedEntries) -> _Best:
    """For each item and listed hash within the limit, the frame that speaks for them: that of the strongest tier."""
    whole = [np.empty(0, _BEST)]
    codes, quality = items.indices.to_numpy(), frames["quality"].to_numpy()
    for start, end in _blocks(items):
        queries = coded_hashes(packed_hashes(frames["pdq"].slice(start, end - start).combine_chunks()))
        of_block = [np.empty(0, _BEST)]
        for pairs in listed.targets.pieces(
            queries.hashes, max_distance_bits=MAX_DISTANCE_BITS, expected=len(frames), most_pairs=_PAIRS_KEPT
        ):
            which, frame = expanded(queries, pairs[:, 0].astype(np.int64))
            near = np.empty(len(which), _BEST)
            near["frame"], near["many"] = frame + start, 1
            near["target"], near["distance_bits"] = pairs[which, 1], pairs[which, 2]
            near["item"], near["quality"] = codes[frame + start], quality[frame + start]
            near["tier"] = tier_places(near["distance_bits"], near["quality"])
            of_block.append(_best_of(near))
        # A piece ends anywhere among the frames of an item.
        whole.append(_best_of(np.concatenate(of_block)))
    return np.concatenate(whole)


def _best_of(near: _Best) -> _Best:
    """Of each item and listed hash the row that stands first, with the sum of their frames."""
    if not len(near):
        return near
    keys = near["frame"], -near["quality"], near["distance_bits"], near["tier"], near["target"], near["item"]
    near = near[np.lexsort(keys)]
    other = (near["item"][1:] != near["item"][:-1]) | (near["target"][1:] != near["target"][:-1])
    first = np.flatnonzero(np.append(True, other))
    many = np.add.reduceat(near["many"], first)
    near = near[first]
    near["many"] = many
    return near


def _near_matches(
    frames: pa.Table, items: pa.DictionaryArray, told: _Best, entry_ids: pa.ChunkedArray, hubs: _Hubs
) -> pa.Table:
    """A row for each item and entry that are near.

    Args:
        frames: The comparable frames.
        items: The item of each frame.
        told: For each row, the frame that speaks for it.
        entry_ids: For each row, the entry.
        hubs: Listed hashes that are near many unlike items.
    """
    of_item = np.bincount(items.indices.to_numpy(), minlength=len(items.dictionary))
    return pa.table(
        {
            "item_id": items.dictionary.take(pa.array(told["item"])),
            "entry_id": entry_ids,
            "method": pa.repeat("pdq", len(told)),
            "tier": pa.array(TIERS, pa.string()).take(pa.array(told["tier"])),
            "distance_bits": told["distance_bits"],
            "quality": told["quality"],
            "at_ms": frames["at_ms"].take(pa.array(told["frame"])),
            "query_frames_percent": 100 * told["many"] // of_item[told["item"]] if len(told) else told["many"],
            "quarantined": np.isin(told["target"], hubs.held),
        }
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Hubs:
    """Listed hashes that are near many unlike items.

    Attributes:
        rows: For each, its number among the listed hashes, items near it, and how many of these are distant.
        standing: For each, what people said: listed, template or undecided.
    """

    rows: tuple[tuple[int, int, int], ...]
    standing: tuple[str, ...]

    @property
    def held(self) -> npt.NDArray[np.int64]:
        """Those that count for no verdict."""
        return np.array([row[0] for row, said in zip(self.rows, self.standing, strict=True) if said != "listed"], int)

    def table(self, listed: ListedEntries) -> pa.Table:
        """The table `media_hubs`."""
        if not self.rows:
            return table_named("media_hubs").empty()
        which, of = expanded(listed.coded, np.array([row[0] for row in self.rows]))
        order = np.argsort(of)
        entry_ids = listed.rows(of[order], ("entry_id",))["entry_id"].to_pylist()
        first: dict[int, str] = {}
        for hub, entry_id in zip(which[order].tolist(), entry_ids, strict=True):
            first[hub] = min(entry_id, first.get(hub, entry_id))
        entries = np.bincount(which).tolist()
        rows = []
        for hub, ((target, items, distant), standing) in enumerate(zip(self.rows, self.standing, strict=True)):
            pdq = listed.coded.hashes[target].tobytes().hex()
            rows.append(
                {
                    "media_hub_id": content_id("hub", pdq),
                    "pdq": pdq,
                    "entries": entries[hub],
                    "entry_id": first[hub],
                    "items": items,
                    "distant_items": distant,
                    "standing": standing,
                }
            )
        return table_named("media_hubs").rows(rows)


def _hubs(context: StageContext, frames: pa.Table, targets: CodedHashes, best: _Best) -> _Hubs:
    """The hubs, from the nearest frame of each item to each listed hash."""
    most = int(str(context.parameters["hub_distant_items"]))
    said = {row["pdq"]: row["standing"] for row in context.tables.arrow("hub_judgements").to_pylist()}
    found, place, counts = np.unique(best["target"], return_inverse=True, return_counts=True)
    order = np.argsort(place, kind="stable")
    ends = np.cumsum(counts)
    rows = []
    for hub in np.flatnonzero(counts > most).tolist():
        of = best[order[ends[hub] - counts[hub] : ends[hub]]]
        hashes = packed_hashes(frames["pdq"].take(pa.array(of["frame"])).combine_chunks())
        distant = distant_items(hashes, of["distance_bits"].tolist(), enough=_COUNTED * most)
        if distant > most:
            rows.append((int(found[hub]), int(counts[hub]), distant))
    standing = tuple(said.get(targets.hashes[hub].tobytes().hex(), "undecided") for hub, _, _ in rows)
    return _Hubs(rows=tuple(rows), standing=standing)
