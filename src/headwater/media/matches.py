"""Matches of items with hash lists: by digest, through the engine; by perceptual hash, through exact Hamming search."""

from __future__ import annotations

from dataclasses import dataclass

import ibis
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from headwater.engine import StageContext
from headwater.media.hamming import hashes_from_hex, pairs_within
from headwater.media.hamming_index import HashArray
from headwater.media.hubs import distant_items
from headwater.media.tiers import MAX_DISTANCE_BITS, MIN_QUALITY, TIERS, tier_places
from headwater.media.transforms import AS_IT_IS
from headwater.media.video_matches import video_matches
from headwater.schema import content_id, table_named

__all__ = ["CodedHashes", "coded_hashes", "comparable_entries", "media_matches"]

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
_HEX_AT_ONCE = 1 << 18
_COUNTED = 10  # times the limit: how far beyond it a hub is says how sure it is one


@dataclass(frozen=True, slots=True, kw_only=True)
class CodedHashes:
    """A column of hashes as numbers.

    Attributes:
        hashes: Each distinct hash, in order.
        order: Rows of the column, those of one hash together.
        starts: For each hash, where its rows begin in `order`; and the end.
    """

    hashes: HashArray
    order: npt.NDArray[np.int64]
    starts: npt.NDArray[np.int64]

    def rows_of(self, codes: npt.NDArray[np.int64]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """For each of these hashes in turn every row that has it: which of them, and the row."""
        counts = self.starts[codes + 1] - self.starts[codes]
        which = np.repeat(np.arange(len(codes)), counts)
        within = np.arange(len(which)) - np.repeat(np.cumsum(counts) - counts, counts)
        return which, self.order[self.starts[codes][which] + within]


def media_matches(context: StageContext, frames: pa.Table, transformed: pa.Table | None = None) -> dict[str, pa.Table]:
    """The tables `media_matches`, for each item and entry the strongest match, `video_matches` and `media_hubs`.

    Args:
        context: Has items, hash lists and what people said of hubs.
        frames: The comparable frames.
        transformed: What is near under a transform (`transformed_matches`), where that is asked for. It counts for no
            hub and no video; what is equal or near as it is, is not listed a second time.
    """
    wanted = ["entry_id", "pdq", "pdq_quality", "listed_file", "at_ms", *_LISTED]
    entries = context.tables.arrow("hash_list_entries").select(wanted)
    exact = _by_digest(context)
    near, further = _by_distance(context, frames, entries)
    # What is the very same file is not listed again as near.
    same = pa.array(_pairs_of(exact), pa.string()), pa.array(_pairs_of(near), pa.string())
    near = near.filter(pc.invert(pc.is_in(same[1], value_set=same[0])))
    whole = pa.concat_tables([exact, near], promote_options="default")
    whole = whole.append_column("transform", pa.repeat(AS_IT_IS, len(whole)))
    if transformed is not None:
        whole = pa.concat_tables(
            [whole, _further(whole, transformed, further["media_hubs"])], promote_options="default"
        )
    place = pc.index_in(whole["entry_id"], value_set=entries["entry_id"])
    listed = entries.select(list(_LISTED)).take(place)
    parts = [whole[name].to_pylist() for name in ("item_id", "entry_id", "method")]
    ids = [content_id("mch", *of) for of in zip(*parts, strict=True)]
    columns = {name: whole[name] for name in whole.column_names} | {name: listed[name] for name in _LISTED}
    return {
        "media_matches": table_named("media_matches").columnar(columns | {"match_id": pa.array(ids, pa.string())}),
        **further,
    }


def _further(whole: pa.Table, transformed: pa.Table, hubs: pa.Table) -> pa.Table:
    """The pairs that are near under a transform alone, with what hubs that are set aside say of them."""
    same = pa.array(_pairs_of(whole), pa.string()), pa.array(_pairs_of(transformed), pa.string())
    only = transformed.filter(pc.invert(pc.is_in(same[1], value_set=same[0])))
    held = hubs.filter(pc.not_equal(hubs["standing"], "listed"))["pdq"]
    quarantined = pc.is_in(only["listed_pdq"], value_set=held)
    return only.drop_columns(["listed_pdq"]).append_column("quarantined", quarantined)


def _pairs_of(matches: pa.Table) -> list[str]:
    return [f"{i} {e}" for i, e in zip(matches["item_id"].to_pylist(), matches["entry_id"].to_pylist(), strict=True)]


def _by_digest(context: StageContext) -> pa.Table:
    """Every pair with equal digests, whatever the item's content is.

    The strongest digest that both sides have decides: a pair with one MD5 and two SHA-256s is two files.
    """
    items = context.tables.table("items")
    items = items.filter(items.sha256.notnull()).select("item_id", "md5", "sha1", "sha256")
    entries = context.tables.table("hash_list_entries").select("entry_id", "md5", "sha1", "sha256")
    entries = entries.rename({f"listed_{name}": name for name in ("md5", "sha1", "sha256")})
    weaker = {
        "sha256": items.join(entries, items.sha256 == entries.listed_sha256),
        "sha1": items.join(entries, items.sha1 == entries.listed_sha1).filter(lambda t: t.listed_sha256.isnull()),
        "md5": items.join(entries, items.md5 == entries.listed_md5).filter(
            lambda t: t.listed_sha256.isnull() & t.listed_sha1.isnull()
        ),
    }
    found = ibis.union(
        *(pairs.select("item_id", "entry_id", method=ibis.literal(name)) for name, pairs in weaker.items())
    )
    rows = context.tables.result(found, order_by=("item_id", "entry_id"))
    told = {"tier": pa.repeat("exact", len(rows)), "quarantined": pa.repeat(pa.scalar(value=False), len(rows))}
    for name, column in told.items():
        rows = rows.append_column(name, column)
    return rows


def coded_hashes(hashes: pa.ChunkedArray) -> CodedHashes:
    """The hashes of a column without nulls, each once."""
    encoded = hashes.combine_chunks().dictionary_encode()
    texts = encoded.dictionary
    ordered = pc.sort_indices(texts).to_numpy()
    rank = np.empty(len(ordered), np.int64)
    rank[ordered] = np.arange(len(ordered))
    codes = rank[encoded.indices.to_numpy()] if len(encoded) else np.empty(0, np.int64)
    sorted_texts = texts.take(pa.array(ordered))
    parts = [
        hashes_from_hex(sorted_texts[start : start + _HEX_AT_ONCE].to_pylist())
        for start in range(0, len(texts), _HEX_AT_ONCE)
    ]
    return CodedHashes(
        hashes=np.concatenate([hashes_from_hex([]), *parts]),
        order=np.argsort(codes, kind="stable"),
        starts=np.concatenate([[0], np.cumsum(np.bincount(codes, minlength=len(texts)))]),
    )


def _expanded(of: CodedHashes, codes: npt.NDArray[np.int64]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """For each code in turn every row that has it: which of the codes, and the row."""
    return of.rows_of(codes)


def _by_distance(context: StageContext, frames: pa.Table, entries: pa.Table) -> tuple[pa.Table, dict[str, pa.Table]]:
    """Each item and entry with a frame within the limit, by the frame of the strongest tier; and what follows from it.

    A listed hash of which the list itself says that its quality is too low is compared with nothing.
    """
    listed = comparable_entries(entries).combine_chunks()
    queries, targets = coded_hashes(frames["pdq"]), coded_hashes(listed["pdq"])
    pairs = pairs_within(queries.hashes, targets.hashes, max_distance_bits=MAX_DISTANCE_BITS)
    which, frame = _expanded(queries, pairs.query)
    target, distance_bits = pairs.target[which], pairs.distance_bits[which]
    items = frames["item_id"].combine_chunks().dictionary_encode()
    item = items.indices.to_numpy()[frame] if len(frames) else np.empty(0, np.int64)
    quality = frames["quality"].to_numpy()[frame]
    tier = tier_places(distance_bits, quality)
    # Of each item and listed hash, the frame that speaks for them stands first.
    index = frames["frame_index"].to_numpy()[frame]
    order = np.lexsort((index, -quality, distance_bits, tier, target, item))
    pair = item[order] * max(len(targets.hashes), 1) + target[order]
    first = np.flatnonzero(np.concatenate([[True], pair[1:] != pair[:-1]])) if len(pair) else np.empty(0, np.int64)
    many = np.diff(np.concatenate([first, [len(pair)]]))
    best = order[first]
    of_item = np.bincount(items.indices.to_numpy(), minlength=len(items.dictionary)) if len(frames) else np.empty(0)
    hubs = _hubs(context, queries, targets, target[best], pairs.query[which][best], distance_bits[best])
    each, entry = _expanded(targets, target[best])
    told = best[each]
    near = pa.table(
        {
            "item_id": items.dictionary.take(pa.array(item[told])),
            "entry_id": listed["entry_id"].take(pa.array(entry)),
            "method": pa.repeat("pdq", len(told)),
            "tier": pa.array(TIERS, pa.string()).take(pa.array(tier[told])),
            "distance_bits": distance_bits[told],
            "quality": quality[told],
            "at_ms": frames["at_ms"].take(pa.array(frame[told])),
            "query_frames_percent": (100 * many[each] // of_item[item[told]].astype(np.int64)) if len(told) else many,
            "quarantined": np.isin(target[told], hubs.held),
        }
    )
    held = np.isin(target, hubs.held)
    pair, of_list = _expanded(targets, target[~held])
    videos = video_matches(frames, listed, frame[~held][pair], of_list, distance_bits[~held][pair])
    return near, {"media_hubs": hubs.table(listed["entry_id"], targets), "video_matches": videos}


def comparable_entries(entries: pa.Table) -> pa.Table:
    """The listed hashes that distances may be taken from: all but those whose stated quality is too low."""
    stated = pc.fill_null(pc.greater_equal(entries["pdq_quality"], MIN_QUALITY), fill_value=True)
    return entries.filter(pc.and_(pc.is_valid(entries["pdq"]), stated))


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

    def table(self, entry_ids: pa.ChunkedArray, targets: CodedHashes) -> pa.Table:
        """The table `media_hubs`."""
        rows = []
        for (target, items, distant), standing in zip(self.rows, self.standing, strict=True):
            of = targets.order[targets.starts[target] : targets.starts[target + 1]]
            pdq = targets.hashes[target].tobytes().hex()
            rows.append(
                {
                    "media_hub_id": content_id("hub", pdq),
                    "pdq": pdq,
                    "entries": len(of),
                    "entry_id": min(entry_ids[int(row)].as_py() for row in of),
                    "items": items,
                    "distant_items": distant,
                    "standing": standing,
                }
            )
        return table_named("media_hubs").rows(rows)


def _hubs(
    context: StageContext,
    queries: CodedHashes,
    targets: CodedHashes,
    target: npt.NDArray[np.int64],
    query: npt.NDArray[np.int64],
    distance_bits: npt.NDArray[np.int64],
) -> _Hubs:
    """The hubs, from the nearest frame of each item to each listed hash."""
    most = int(str(context.parameters["hub_distant_items"]))
    said = {row["pdq"]: row["standing"] for row in context.tables.arrow("hub_judgements").to_pylist()}
    order = np.argsort(target, kind="stable")
    rows = []
    counts = np.bincount(target, minlength=len(targets.hashes)) if len(target) else np.empty(0, np.int64)
    ends = np.cumsum(counts)
    for hub in np.flatnonzero(counts > most).tolist():
        of = order[ends[hub] - counts[hub] : ends[hub]]
        distant = distant_items(queries.hashes[query[of]], distance_bits[of].tolist(), enough=_COUNTED * most)
        if distant > most:
            rows.append((hub, int(counts[hub]), distant))
    standing = tuple(said.get(targets.hashes[hub].tobytes().hex(), "undecided") for hub, _, _ in rows)
    return _Hubs(rows=tuple(rows), standing=standing)
