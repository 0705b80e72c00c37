"""The media of a case in the order in which a specialist should see them: one for each distinct content."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import ibis
import ibis.expr.types as ir

from headwater.engine import Session
from headwater.media import VERDICT_GROUPS
from headwater.packages import redacted
from headwater.viewer.names import FORMULA_STARTS

__all__ = [
    "EXPORTED_GROUPS",
    "Medium",
    "MediumPlace",
    "escaped_path",
    "media_in_order",
    "unescaped_path",
    "without_digest",
]

EXPORTED_GROUPS = tuple(group for group in VERDICT_GROUPS if group != "benign")
"""What an export holds unless told otherwise: what is known to be benign is nobody's work."""

_ROWS_AT_ONCE = 4_096
_LAST_RANK = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class MediumPlace:
    """One place where a content lies.

    Attributes:
        item_id: The item.
        exhibit_id: Its exhibit.
        volume_index: Its volume.
        path: Its path on the evidence, by `escaped_path`.
        withheld: Whether part of the path was withheld, because it held key material or encoded bytes.
        modified_at_utc: As the medium states it, ISO 8601; None if it does not.
    """

    item_id: str
    exhibit_id: str
    volume_index: int
    path: str
    withheld: bool
    modified_at_utc: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Medium:
    """One distinct content.

    Attributes:
        media_id: From 1, in the order of the export.
        row: What the tables say of it: digests, size, kind, format, verdict, match, media cluster, PDQ.
        places: Everywhere that it lies, in order.
    """

    media_id: int
    row: dict[str, Any]
    places: tuple[MediumPlace, ...]


def escaped_path(path: bytes) -> str:
    r"""The path as text from which its bytes can be had again.

    Backslashes, control characters, bytes that are not UTF-8, and what a spreadsheet would take for the start of a
    formula are written `\xNN`, a byte each; everything else is as it is.

    >>> escaped_path(b"a/b\\c\xff.x")
    'a/b\\x5cc\\xff.x'
    >>> unescaped_path(escaped_path(b"=1\x00\xe2")) == b"=1\x00\xe2"
    True
    """
    text = "".join(
        "".join(f"\\x{byte:02x}" for byte in character.encode("utf-8", "surrogateescape"))
        if character == "\\" or not character.isprintable()
        else character
        for character in path.decode("utf-8", "surrogateescape")
    )
    if text.startswith(FORMULA_STARTS):
        return "".join(f"\\x{byte:02x}" for byte in text[0].encode("utf-8")) + text[1:]
    return text


def unescaped_path(text: str) -> bytes:
    r"""The bytes of a path that `escaped_path` wrote."""
    first, *others = text.split("\\x")
    return first.encode("utf-8") + b"".join(bytes.fromhex(o[:2]) + o[2:].encode("utf-8") for o in others)


def media_in_order(
    tables: Session, *, groups: Sequence[str], exhibit_id: str | None, item_ids: Collection[str] | None = None
) -> Iterator[Medium]:
    """The media of these groups, one for each distinct content, those first that nobody has identified.

    In order: never seen; not comparable; known or near with a victim who is not identified; with one of whom the list
    says nothing; with an identified one; benign. Within each, near-duplicates stand together, so that one decision
    may serve them all.

    Args:
        tables: The case's tables.
        groups: Of `VERDICT_GROUPS`.
        exhibit_id: Only contents, and only places, of this exhibit; None for all.
        item_ids: Only contents, and only places, that are one of these items; None for all.
    """
    rows = _rows(tables, groups, exhibit_id)
    if item_ids is not None:
        rows = rows.filter(rows.item_id.isin(sorted(item_ids)))
    order = ("content_rank", "content_cluster", "sha256", "rank", "exhibit_id", "volume_index", "path_bytes", "item_id")
    arrow = tables.result(rows, order_by=order)
    listed = (row for batch in arrow.to_batches(max_chunksize=_ROWS_AT_ONCE) for row in batch.to_pylist())
    for number, (_, copies) in enumerate(groupby(listed, key=lambda row: row["sha256"]), start=1):
        first, *others = copies
        places = tuple(_place(row) for row in (first, *others))
        yield Medium(media_id=number, row=first | _without_keys(first), places=places)


_OTHERS_WORDS = ("series", "reason", "reference_name", "reference_version", "scheme", "country", "category")


def _without_keys(row: dict[str, Any]) -> dict[str, Any]:
    """The texts that others wrote, without key material and encoded bytes: one of them must not hold up an export."""
    told = {name: row[name] for name in _OTHERS_WORDS if row[name] is not None}
    kept = redacted(told)[0] if told else {}
    assert isinstance(kept, dict)
    return kept


def without_digest(tables: Session, *, groups: Sequence[str], exhibit_id: str | None) -> int:
    """How many items of these groups have no digest, so that no grade could come back to them."""
    items, verdicts = tables.table("items"), tables.table("media_verdicts")
    items = items.filter(items.sha256.isnull()).select("item_id", "exhibit_id")
    if exhibit_id is not None:
        items = items.filter(items.exhibit_id == exhibit_id)
    verdicts = verdicts.filter(verdicts.verdict_group.isin(list(groups))).select("item_id")
    return int(tables.result(items.inner_join(verdicts, "item_id"), order_by=["item_id"]).num_rows)


def _place(row: dict[str, Any]) -> MediumPlace:
    path, found = redacted(escaped_path(row["path_bytes"]))
    at_utc = row["modified_at_utc"]
    return MediumPlace(
        item_id=row["item_id"],
        exhibit_id=row["exhibit_id"],
        volume_index=row["volume_index"],
        path=str(path),
        withheld=bool(found),
        modified_at_utc=None if at_utc is None else at_utc.strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
    )


def _rows(tables: Session, groups: Sequence[str], exhibit_id: str | None) -> ir.Table:
    items = tables.table("items")
    items = items.filter(items.sha256.notnull())
    if exhibit_id is not None:
        items = items.filter(items.exhibit_id == exhibit_id)
    items = items.select(
        "item_id", "exhibit_id", "volume_index", "path_bytes", "size_bytes", "modified_at_utc", "md5", "sha1", "sha256",
        "content_kind", "content_format",
    )  # fmt: skip
    verdicts = tables.table("media_verdicts")
    verdicts = verdicts.filter(verdicts.verdict_group.isin(list(groups)))
    clusters = tables.table("media_clusters").select("item_id", "media_cluster_id")
    matches = tables.table("media_matches").select(
        "match_id", "reference_name", "reference_version", "scheme", "country", "category", "polarity"
    )
    rows = (
        items.inner_join(verdicts, "item_id")
        .left_join(clusters, "item_id")
        .drop("item_id_right")
        .left_join(matches, "match_id")
        .drop("match_id_right")
        .left_join(_best_hashes(tables), "item_id")
        .drop("item_id_right")
    )
    rows = rows.mutate(rank=_rank(rows))
    contents = rows.group_by("sha256").aggregate(
        content_rank=rows.rank.min(), content_cluster=rows.media_cluster_id.min().fill_null("")
    )
    joined: ir.Table = rows.inner_join(contents, "sha256")
    return joined


def _rank(rows: ir.Table) -> ir.IntegerValue:
    matched = rows.verdict_group.isin(["known", "near"])
    return ibis.cases(
        (rows.verdict_group == "none", 1),
        (rows.verdict_group == "not_comparable", 2),
        (matched & (rows.victim_identified == "no"), 3),
        (matched & (rows.victim_identified == "unknown"), 4),
        (matched, 5),
        else_=_LAST_RANK,
    )


def _best_hashes(tables: Session) -> ir.Table:
    """For each item, the hash of its frame of highest quality, the first of these."""
    hashes = tables.table("media_hashes")
    best = (
        hashes.group_by("item_id").order_by([hashes.quality.desc(), hashes.frame_index]).mutate(place=ibis.row_number())
    )
    return best.filter(best.place == 0).select("item_id", "pdq")
