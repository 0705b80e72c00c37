"""Where a cluster came from: what the lists say of it, and the earliest upload of any of its items."""

from __future__ import annotations

from typing import Any

import ibis
import pyarrow as pa

from headwater.engine import StageContext
from headwater.media.tiers import TIERS, VERDICT_GROUPS, victim_rank
from headwater.schema import table_named

__all__ = ["media_origins"]


def media_origins(context: StageContext) -> pa.Table:
    """The table `media_origins`, from clusters, verdicts and uploads.

    The earliest upload is a fact about this platform alone: who put it there first had it from somewhere.
    """
    speakers = _speakers(context)
    uploads = {row["media_cluster_id"]: row for row in _earliest_uploads(context).to_pylist()}
    rows = []
    for cluster_id, (size, speaker) in sorted(speakers.items()):
        matched = speaker["verdict_group"] in {"known", "near"}
        upload = uploads.get(cluster_id, {})
        rows.append(
            {
                "media_cluster_id": cluster_id,
                "items": size,
                "verdict_group": speaker["verdict_group"],
                "victim_identified": speaker["victim_identified"] if matched else None,
                "series": speaker["series"] if matched else None,
                "upload_id": upload.get("upload_id"),
                "account_id": upload.get("account_id"),
                "at_utc": upload.get("at_utc"),
                "uploads": upload.get("uploads", 0),
            }
        )
    return table_named("media_origins").rows(rows)


def _speakers(context: StageContext) -> dict[str, tuple[int, dict[str, Any]]]:
    """For each cluster, how many items it has and the verdict of the one that speaks for it."""
    verdicts = {row["item_id"]: row for row in context.tables.arrow("media_verdicts").to_pylist()}
    members: dict[str, list[dict[str, Any]]] = {}
    for row in context.tables.arrow("media_clusters").to_pylist():
        members.setdefault(row["media_cluster_id"], []).append(verdicts[row["item_id"]])
    return {cluster_id: (len(rows), min(rows, key=_order)) for cluster_id, rows in members.items()}


def _order(verdict: dict[str, Any]) -> tuple[int, int, int, int, str]:
    tier = TIERS.index(verdict["verdict"]) if verdict["verdict"] in TIERS else len(TIERS)
    return (
        VERDICT_GROUPS.index(verdict["verdict_group"]),
        tier,
        victim_rank(verdict["victim_identified"]),
        verdict["distance_bits"] or 0,
        verdict["item_id"],
    )


def _earliest_uploads(context: StageContext) -> pa.Table:
    """For each cluster with an upload: its first by time, then by id, and how many there are."""
    uploads = context.tables.table("uploads").select("upload_id", "account_id", "at_utc")
    left = context.tables.table("upload_items").select("upload_id", "item_id")
    members = context.tables.table("media_clusters").select("media_cluster_id", "item_id")
    # An upload that left several items of one cluster is one upload.
    each = members.inner_join(left, "item_id").inner_join(uploads, "upload_id")
    each = each.select("media_cluster_id", "upload_id", "account_id", "at_utc").distinct()
    window = ibis.window(group_by=each.media_cluster_id, order_by=[each.at_utc, each.upload_id])
    ranked = each.mutate(
        place=ibis.row_number().over(window), uploads=each.count().over(ibis.window(group_by=each.media_cluster_id))
    )
    first = ranked.filter(ranked.place == 0).drop("place")
    return context.tables.result(first, order_by=("media_cluster_id",))
