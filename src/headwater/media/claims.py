"""What each still and video says of who or what made it: claims, which a specialist sorts by and nothing else reads.

Whatever a file says here, anybody could have written, and most platforms take it away. So no verdict, cluster, origin
or lead depends on this table; a test holds the code to that. See docs/explanation/provenance-claims.md.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import nullcontext
from typing import Any

import pyarrow as pa

from headwater.engine import StageContext
from headwater.evidence import Failure, SealedPool
from headwater.media.hashing import Pool, media_items
from headwater.media.sources import place_of, sources_of
from headwater.schema import content_id, table_named

__all__ = ["CLAIM_KINDS", "claimed_origins"]

JOB = "read_claims"
GROUP_ENTRIES = 32
"""Files of one fork: reading some kilobytes of each takes less than starting it."""

SUMMARY = "summary"
CLAIM_KINDS = frozenset(
    {
        SUMMARY,
        "unreadable",
        "c2pa-manifest",
        "digital-source-type",
        "creator-tool",
        "software",
        "camera",
        "generator-chunk",
        "encoder",
        "handler",
        "brand",
        "comment",
    }
)
"""Every kind that a row may have."""

_ALLOWED = {
    "claim_kind": CLAIM_KINDS,
    "claims_synthetic": frozenset({"yes", "no", "unknown"}),
    "signature_checked": frozenset({"no", None}),
    "status": frozenset({"ok", "partial", "refused"}),
}
_MAX_CHARACTERS = {"claim": 256, "claimed_by": 256, "reason": 320, "note": 512}
_MAX_ROWS = 201

Row = Mapping[str, Any]


def claimed_origins(context: StageContext, *, pool: Pool | None = None) -> dict[str, pa.Table]:
    """The table `media_claims`, from every still and video among the items.

    Each distinct content is read once and its claims given to every copy. Each item has one row of kind `summary`.

    Args:
        context: Has `items`, exhibits and workers.
        pool: Sealed workers that run already; without it, some are started.
    """
    media: Sequence[Row] = media_items(context)
    by_content: dict[str, list[Row]] = defaultdict(list)
    rows: list[dict[str, Any]] = []
    for item in media:
        if item["sha256"] is None:
            rows.append(_row(item, _refused(item["reason"] or "its content could not be read")))
        else:
            by_content[item["sha256"]].append(item)
    sources = sorted((min(copies, key=place_of) for copies in by_content.values()), key=place_of)
    if sources:
        started = SealedPool(workers=context.workers, allow_unsealed=context.allow_unsealed) if pool is None else None
        with started or nullcontext(pool) as workers:
            assert workers is not None
            for number, (item, claims) in enumerate(_read(context, workers, sources), start=1):
                rows += [_row(copy, claim) for copy in by_content[item["sha256"]] for claim in claims]
                context.progress("claims of files", number, len(sources))
    return {"media_claims": table_named("media_claims").rows(rows)}


def _read(context: StageContext, pool: Pool, items: list[Row]) -> Iterator[tuple[Row, list[Row]]]:
    """Each item with its claims, exhibit by exhibit."""
    for here, sources in sources_of(context, items):
        if sources is None:
            yield from ((item, [_refused("its exhibit is not at hand")]) for item in here)
            continue
        groups = [
            {**sources.parameters, "entries": sources.entries[start : start + GROUP_ENTRIES]}
            for start in range(0, len(sources.entries), GROUP_ENTRIES)
        ]
        rest = iter(here)
        for group, result in zip(groups, pool.groups(JOB, sources.files, groups), strict=True):
            for claims in _claims_of_group(result, len(group["entries"])):
                yield next(rest), claims


def _claims_of_group(result: pa.Table | Failure, count: int) -> Iterator[list[Row]]:
    """The claims of each entry of a group, in order."""
    if isinstance(result, Failure):
        for _ in range(count):
            yield [_refused(result.reason)]
        return
    by_entry: dict[int, list[Row]] = defaultdict(list)
    for row in result.to_pylist():
        by_entry[row["entry_index"]].append(row)
    for index in range(count):
        claims = by_entry[index]
        # A worker that was taken over by what it read must not get more than such a row into the case.
        if not claims or not _keeps_the_rules(claims):
            yield [_refused("the worker's answer for this file is none that a worker gives")]
        else:
            yield claims


def _keeps_the_rules(claims: Sequence[Row]) -> bool:
    kinds = [row["claim_kind"] for row in claims]
    return len(claims) <= _MAX_ROWS and kinds.count(SUMMARY) == 1 and all(_is_claim(row) for row in claims)


def _is_claim(row: Row) -> bool:
    return all(row[name] in allowed for name, allowed in _ALLOWED.items()) and all(
        row[name] is None or (len(row[name]) <= most and row[name].isprintable())
        for name, most in _MAX_CHARACTERS.items()
    )


def _refused(reason: str) -> Row:
    return {"claim_kind": SUMMARY, "claims_synthetic": "unknown", "status": "refused", "reason": reason}


def _row(item: Row, claim: Row) -> dict[str, Any]:
    told = {name: claim.get(name) for name in _COLUMNS}
    parts = (told[name] or "" for name in ("claim_kind", "claimed_by", "claim", "reason"))
    return {"claim_id": content_id("clm", item["item_id"], *parts), "item_id": item["item_id"], **told}


_COLUMNS = (
    "claim_kind",
    "claim",
    "claimed_by",
    "offset_bytes",
    "claims_synthetic",
    "signature_checked",
    "status",
    "reason",
    "note",
)
