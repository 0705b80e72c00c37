"""Perceptual hashes of every still and video of a case, made by sealed workers, once for each distinct content."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any, Protocol

import pyarrow as pa
import pyarrow.compute as pc

from headwater.catalogue import MEDIA_KINDS
from headwater.engine import StageContext
from headwater.errors import IntegrityError
from headwater.evidence import Failure, SealedPool
from headwater.media.sources import Item, place_of, sources_of
from headwater.media.transforms import hash_transforms, transformed_rows
from headwater.schema import table_named

__all__ = [
    "GROUP_ENTRIES",
    "JOB",
    "HashedFile",
    "Pool",
    "first_tier",
    "hash_again",
    "hash_items",
    "hashed_files",
    "is_sparse",
]

JOB = "hash_media"
GROUP_ENTRIES = 16
"""Files decoded by one fork: few enough that doing a failed group again file by file costs little."""

_RECHECK_ONE_IN = 100
_FEW_KEYFRAMES = 8
_SPARSE_MS = 10_500  # ten seconds, and what encoders are off by
_SUMMARY = -1
_OF_FRAME = ("frame_index", "at_ms", "pdq", "quality", "pdq_transforms")


class Pool(Protocol):
    """What is needed of a pool of sealed workers."""

    def groups(
        self, job: str, files: Sequence[Path], groups: Sequence[Mapping[str, Any]]
    ) -> Iterator[pa.Table | Failure]:
        """One result for each group, in order."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HashedFile:
    """What a sealed worker said of one file.

    Attributes:
        summary: The row of the file: status, reason, note, tier, width_px, height_px, duration_ms.
        frames: The rows of its hashes, in order: frame_index, at_ms, pdq, quality, pdq_transforms.
    """

    summary: Mapping[str, Any]
    frames: tuple[Mapping[str, Any], ...] = ()


def first_tier(media_kind: str) -> str:
    """The tier a file is hashed by at first: every video by its keyframes."""
    return "still" if media_kind == "still" else "keyframe"


def is_sparse(hashed: HashedFile) -> bool:
    """Whether a video's keyframes are too few to stand for it, so that it is hashed again, a frame a second.

    They are if there are fewer than eight, or none for more than ten seconds, before the first and after the last one
    too. A short clip often has one keyframe, at a moment that a trimmed copy of it does not show.
    """
    if hashed.summary["media_kind"] != "video" or hashed.summary["tier"] != "keyframe":
        return False
    times_ms = [0, *(frame["at_ms"] for frame in hashed.frames), hashed.summary["duration_ms"] or 0]
    return len(hashed.frames) < _FEW_KEYFRAMES or max(b - a for a, b in pairwise(times_ms)) > _SPARSE_MS


def hash_items(context: StageContext, *, pool: Pool | None = None) -> dict[str, pa.Table]:
    """The tables `media_files`, `media_hashes` and `media_transformed_hashes`, from every still and video of the items.

    Each distinct content is decoded once and its result given to every copy. One content in a hundred, chosen by its
    digest, is decoded again in a fresh process and must give the same.

    Args:
        context: Tables, exhibits and workers.
        pool: Sealed workers that run already; without it, some are started.

    Raises:
        IntegrityError: The same bytes gave two different results.
    """
    media = media_items(context)
    by_content: dict[str, list[dict[str, Any]]] = defaultdict(list)
    unread = []
    for item in media:
        if item["sha256"] is None:
            unread.append(item)
        else:
            by_content[item["sha256"]].append(item)
    sources = [min(copies, key=place_of) for copies in by_content.values()]
    results: dict[str, HashedFile] = {}
    if sources:
        with _workers(context, pool) as workers:
            results = _hash_contents(context, workers, sorted(sources, key=place_of))
    files, hashes = [], []
    transformed: list[dict[str, Any]] = []
    for digest in sorted(by_content):
        for item in by_content[digest]:
            files.append(_file_row(item, results[digest]))
            hashes += _hash_rows(item, results[digest])
            transformed += transformed_rows(item, results[digest].frames)
    files += [_file_row(item, _refused(item, item["reason"] or "its content could not be read")) for item in unread]
    return {
        "media_files": table_named("media_files").rows(files),
        "media_hashes": table_named("media_hashes").rows(hashes),
        "media_transformed_hashes": table_named("media_transformed_hashes").rows(transformed),
    }


def media_items(context: StageContext) -> list[dict[str, Any]]:
    """Rows of `items` that are stills or videos: an exhibit may hold millions of other files."""
    kinds = pa.array(MEDIA_KINDS)
    media = context.tables.chosen("items", lambda part: pc.is_in(part["content_kind"], value_set=kinds))
    return list(media.to_pylist())


def hash_again(
    context: StageContext,
    item_ids: Collection[str],
    *,
    transformed_only: Collection[str] = (),
    pool: Pool | None = None,
) -> dict[str, pa.Table]:
    """The tables of a second look at videos, one frame a second; nothing of a video that gives no frame so.

    They are `media_second_hashes` and `media_second_transformed_hashes`.

    Args:
        context: Has `items`, exhibits and workers.
        item_ids: Videos that were hashed by keyframes.
        transformed_only: Further ones, of which only transforms are asked: their hashes as they are stay as they were.
        pool: Sealed workers that run already; without it, some are started.
    """
    ids = pa.array(sorted({*item_ids, *transformed_only}), pa.string())
    wanted = context.tables.chosen("items", lambda part: pc.is_in(part["item_id"], value_set=ids)).to_pylist()
    by_content: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for item in wanted:
        by_content[item["sha256"]].append(item)
    sources = sorted((min(copies, key=place_of) for copies in by_content.values()), key=place_of)
    rows: list[dict[str, Any]] = []
    transformed: list[dict[str, Any]] = []
    if sources:
        with _workers(context, pool) as workers:
            for done, (source, hashed) in enumerate(
                _hash_sources(context, workers, [(item, "second") for item in sources]), start=1
            ):
                for item in by_content[source["sha256"]]:
                    rows += _hash_rows(item, hashed) if item["item_id"] in item_ids else ()
                    transformed += transformed_rows(item, hashed.frames)
                context.progress("files", done, len(sources))
    return {
        "media_second_hashes": table_named("media_second_hashes").rows(rows),
        "media_second_transformed_hashes": table_named("media_second_transformed_hashes").rows(transformed),
    }


def _workers(context: StageContext, pool: Pool | None) -> AbstractContextManager[Pool]:
    if pool is not None:
        return nullcontext(pool)
    return SealedPool(workers=context.workers, allow_unsealed=context.allow_unsealed)


def _hash_contents(context: StageContext, pool: Pool, sources: list[dict[str, Any]]) -> dict[str, HashedFile]:
    """The result of each content, by SHA-256."""
    total = len(sources)
    results: dict[str, HashedFile] = {}
    for item, hashed in _hash_sources(context, pool, [(item, first_tier(item["content_kind"])) for item in sources]):
        results[item["sha256"]] = hashed
        context.progress("files", len(results), total)
    sparse = [(item, "second") for item in sources if is_sparse(results[item["sha256"]])]
    for item, hashed in _hash_sources(context, pool, sparse):
        results[item["sha256"]] = _better(results[item["sha256"]], hashed)
    again = [
        (item, results[item["sha256"]].summary["tier"])
        for item in sources
        if int(item["sha256"][:8], 16) % _RECHECK_ONE_IN == 0
    ]
    for item, hashed in _hash_sources(context, pool, again):
        if hashed.frames != results[item["sha256"]].frames:
            raise IntegrityError(
                f"item {item['item_id']}: hashed twice with different results; do not rely on this run, "
                "check the machine's memory and report it"
            )
    return results


def _better(by_keyframes: HashedFile, by_seconds: HashedFile) -> HashedFile:
    """The result with more frames; a decoder that fails between keyframes must not cost the keyframes."""
    if len(by_seconds.frames) >= len(by_keyframes.frames):
        return by_seconds
    if by_seconds.summary["status"] != "refused":
        return by_keyframes
    reason = f"keyframes only: {by_seconds.summary['reason']}"
    return replace(by_keyframes, summary={**by_keyframes.summary, "status": "partial", "reason": reason})


def _hash_sources(
    context: StageContext, pool: Pool, wanted: Sequence[tuple[Item, str]]
) -> Iterator[tuple[Item, HashedFile]]:
    """Each item with its result, exhibit by exhibit."""
    tiers = {item["item_id"]: tier for item, tier in wanted}
    for here, sources in sources_of(context, [item for item, _ in wanted]):
        if sources is None:
            for item in here:
                yield item, _refused(item, "its exhibit is not at hand", tier=tiers[item["item_id"]])
            continue
        asked = [{"media_kind": item["content_kind"], "tier": tiers[item["item_id"]]} for item in here]
        entries = [told | found for told, found in zip(asked, sources.entries, strict=True)]
        parameters = {**sources.parameters, "hash_transforms": hash_transforms(context.parameters)}
        hashed = hashed_files(pool, sources.files, entries, parameters)
        yield from zip(here, hashed, strict=True)


def hashed_files(
    pool: Pool, files: Sequence[Path], entries: Sequence[Mapping[str, Any]], parameters: Mapping[str, Any]
) -> Iterator[HashedFile]:
    """The result of each entry, in order; one that no worker could do is refused with the reason.

    Args:
        pool: Sealed workers.
        files: What the entries refer to.
        entries: For each, `media_kind`, `tier`, and `file_index` or `path_hex`.
        parameters: What they share, such as `volume_index` and `hash_transforms`.
    """
    groups = [
        {**parameters, "entries": list(entries[start : start + GROUP_ENTRIES])}
        for start in range(0, len(entries), GROUP_ENTRIES)
    ]
    for group, result in zip(groups, pool.groups(JOB, files, groups), strict=True):
        if isinstance(result, Failure):
            for entry in group["entries"]:
                yield _failed(entry, result.reason)
            continue
        summaries: dict[int, dict[str, Any]] = {}
        frames: dict[int, list[dict[str, Any]]] = defaultdict(list)
        for row in result.to_pylist():
            if row["frame_index"] == _SUMMARY:
                summaries[row["entry_index"]] = row
            else:
                frames[row["entry_index"]].append(row)
        for index, entry in enumerate(group["entries"]):
            summary = summaries.get(index)
            yield (
                _failed(entry, "the worker did not answer for this file")
                if summary is None
                else HashedFile(
                    summary={name: value for name, value in summary.items() if name != "entry_index"},
                    frames=tuple({name: frame[name] for name in _OF_FRAME} for frame in frames[index]),
                )
            )


def _failed(entry: Mapping[str, Any], reason: str) -> HashedFile:
    return HashedFile(
        summary={
            "frame_index": _SUMMARY,
            "status": "refused",
            "reason": reason,
            "note": None,
            "media_kind": entry["media_kind"],
            "tier": entry["tier"],
            "width_px": None,
            "height_px": None,
            "duration_ms": None,
        }
    )


def _refused(item: Mapping[str, Any], reason: str, *, tier: str | None = None) -> HashedFile:
    kind = item["content_kind"]
    return _failed({"media_kind": kind, "tier": tier or first_tier(kind)}, reason)


def _file_row(item: Mapping[str, Any], hashed: HashedFile) -> dict[str, Any]:
    summary = hashed.summary
    return {
        "item_id": item["item_id"],
        "media_kind": item["content_kind"],
        "status": summary["status"],
        "reason": summary["reason"],
        "hashing_tier": summary["tier"],
        "width_px": summary["width_px"],
        "height_px": summary["height_px"],
        "duration_ms": summary["duration_ms"],
        "frames_hashed": len(hashed.frames),
        "best_quality": max((frame["quality"] for frame in hashed.frames), default=None),
        "note": summary["note"],
    }


def _hash_rows(item: Mapping[str, Any], hashed: HashedFile) -> list[dict[str, Any]]:
    return [
        {
            "item_id": item["item_id"],
            "frame_index": frame["frame_index"],
            "at_ms": frame["at_ms"],
            "pdq": frame["pdq"].hex(),
            "quality": frame["quality"],
        }
        for frame in hashed.frames
    ]
