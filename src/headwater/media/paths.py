"""Digests and perceptual hashes of plain files, for the command line; no case is involved."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any

from headwater.catalogue import content_kind
from headwater.config import HASH_TRANSFORMS
from headwater.evidence import SealedPool
from headwater.media.hashing import GROUP_ENTRIES, HashedFile, Pool, first_tier, hashed_files
from headwater.media.transforms import named_transforms

__all__ = ["hash_paths"]

_CHUNK_BYTES = 1 << 20
_HEAD_BYTES = 64
_TIERS = ("keyframe", "second")


def hash_paths(
    paths: Iterable[Path],
    *,
    tier: str = "keyframe",
    transforms: str = "none",
    workers: int = 1,
    allow_unsealed: bool = False,
    pool: Pool | None = None,
) -> Iterator[dict[str, Any]]:
    """For each file, in order, what it is and its hashes.

    The digests are computed here, in one read; decoding is left to sealed workers. Each dict has `path`, `size_bytes`,
    `md5`, `sha1`, `sha256`, `kind` (still, video or other), `status` (ok, partial or refused), `reason`, `pdq` and
    `pdq_quality`; a video has `tier`, `duration_s` and `frames` besides, each frame with `t_s`, `pdq`, `pdq_quality`.
    Wherever a `pdq` is, `pdq_transforms` has the hash under each transform by its name, if that is asked for.

    Args:
        paths: Files; a folder or a file that cannot be read is refused, the others go on.
        tier: `keyframe` or `second`, for videos.
        transforms: `none` or `dihedral`.
        workers: Sealed workers at the same time.
        allow_unsealed: Go on where this machine has no sandbox.
        pool: Workers that run already.
    """
    if tier not in _TIERS:
        raise ValueError(f"tier {tier!r} is none of {_TIERS}")
    if transforms not in HASH_TRANSFORMS:
        raise ValueError(f"transforms {transforms!r} is none of {HASH_TRANSFORMS}")
    if pool is not None:
        yield from _hash_in(pool, paths, tier=tier, transforms=transforms, at_once=GROUP_ENTRIES * workers)
        return
    with SealedPool(workers=workers, allow_unsealed=allow_unsealed) as started:
        yield from _hash_in(started, paths, tier=tier, transforms=transforms, at_once=GROUP_ENTRIES * workers)


def _hash_in(
    pool: Pool, paths: Iterable[Path], *, tier: str, transforms: str, at_once: int
) -> Iterator[dict[str, Any]]:
    rest = iter(paths)
    while batch := list(islice(rest, at_once)):
        rows = [_digested(path) for path in batch]
        media = [row for row in rows if row["kind"] != "other" and row["status"] == "ok"]
        files = [row["path"] for row in media]
        entries = [
            {
                "file_index": index,
                "media_kind": row["kind"],
                "tier": tier if row["kind"] == "video" else first_tier(row["kind"]),
            }
            for index, row in enumerate(media)
        ]
        results = hashed_files(pool, files, entries, {"hash_transforms": transforms})
        for row, hashed in zip(media, results, strict=True):
            row.update(_media_fields(row["kind"], hashed))
        for row in rows:
            yield {**row, "path": str(row["path"])}


def _digested(path: Path) -> dict[str, Any]:
    """The row of a file before any decoding."""
    row: dict[str, Any] = {
        "path": path,
        "size_bytes": None,
        "md5": None,
        "sha1": None,
        "sha256": None,
        "kind": "other",
        "status": "ok",
        "reason": None,
        "pdq": None,
        "pdq_quality": None,
    }
    hashers = {name: hashlib.new(name, usedforsecurity=False) for name in ("md5", "sha1", "sha256")}
    head, size_bytes = b"", 0
    try:
        if not path.is_file():
            return row | {"status": "refused", "reason": "no such file" if not path.exists() else "not a file"}
        with path.open("rb") as file:
            while chunk := file.read(_CHUNK_BYTES):
                head = head or chunk[:_HEAD_BYTES]
                size_bytes += len(chunk)
                for hasher in hashers.values():
                    hasher.update(chunk)
    except OSError as error:
        return row | {"status": "refused", "reason": f"cannot be read: {error.strerror}"}
    kind, _format = content_kind(head)
    row |= {name: hasher.hexdigest() for name, hasher in hashers.items()}
    return row | {"size_bytes": size_bytes, "kind": kind if kind in {"still", "video"} else "other"}


def _media_fields(kind: str, hashed: HashedFile) -> dict[str, Any]:
    """What the decoder adds to the row."""
    summary = hashed.summary
    # The best frame stands for the file where one hash is asked for; the first of those equally good.
    best = max(hashed.frames, key=lambda frame: (frame["quality"], -frame["frame_index"]), default=None)
    if kind == "still" and hashed.frames:
        best = hashed.frames[0]
    fields: dict[str, Any] = {
        "status": summary["status"],
        "reason": summary["reason"],
        "pdq": best["pdq"].hex() if best else None,
        "pdq_quality": best["quality"] if best else None,
        **_transforms(best),
    }
    if kind == "video":
        duration_ms = summary["duration_ms"]
        fields |= {
            "tier": summary["tier"],
            "duration_s": None if duration_ms is None else duration_ms / 1000,
            "frames": [
                {
                    "t_s": frame["at_ms"] / 1000,
                    "pdq": frame["pdq"].hex(),
                    "pdq_quality": frame["quality"],
                    **_transforms(frame),
                }
                for frame in hashed.frames
            ],
        }
    return fields


def _transforms(frame: Mapping[str, Any] | None) -> dict[str, Any]:
    """The field `pdq_transforms` of a frame whose transforms were asked for, and no field of another."""
    if frame is None or frame["pdq_transforms"] is None:
        return {}
    return {"pdq_transforms": named_transforms(frame["pdq_transforms"])}
