"""Digests that the platform noted, against hash lists: what was uploaded can be known although the file is gone."""

from __future__ import annotations

from functools import partial

import ibis
import ibis.expr.types as ir
import pyarrow as pa
import pyarrow.compute as pc

from headwater.engine import StageContext
from headwater.schema import content_id, table_named

__all__ = ["noted_matches"]

_METHODS = ("sha256", "sha1", "md5")


def noted_matches(context: StageContext) -> pa.Table:
    """The table `noted_matches`: every noted digest that an entry of a list has.

    Args:
        context: Has `uploads`, `upload_items`, `media_references`, `items` and `hash_list_entries`.
    """
    tables = context.tables
    uploads = tables.table("uploads")
    references = tables.table("media_references")
    none = ibis.null("string")
    noted = ibis.union(
        uploads.select(
            upload_id="upload_id",
            media_reference_id=none,
            account_id="account_id",
            noted_sha256="media_sha256",
            noted_sha1="media_sha1",
            noted_md5="media_md5",
        ),
        references.select(
            upload_id=none,
            media_reference_id="media_reference_id",
            account_id="account_id",
            noted_sha256="media_sha256",
            noted_sha1="media_sha1",
            noted_md5="media_md5",
        ),
    )
    there = {row["upload_id"] for row in tables.arrow("upload_items").select(["upload_id"]).to_pylist()}
    rows = []
    for method in _METHODS:
        equal = tables.result(_equal(noted, tables.table("hash_list_entries"), method), order_by=_ORDER)
        digests = pc.unique(equal["digest"])
        on_exhibits = tables.chosen("items", partial(_is_one_of, method, digests), columns=[method])
        known = set(on_exhibits[method].to_pylist())
        for row in equal.to_pylist():
            digest = row.pop("digest")
            rows.append(
                {
                    **row,
                    "noted_match_id": content_id(
                        "nmt", row["upload_id"] or "", row["media_reference_id"] or "", row["entry_id"], method
                    ),
                    "method": method,
                    "file_is_gone": row["upload_id"] not in there and digest not in known,
                }
            )
    return table_named("noted_matches").rows(rows)


def _is_one_of(method: str, digests: pa.Array, items: pa.Table) -> pa.Array:
    return pc.is_in(items[method], value_set=digests)


_ORDER = ("upload_id", "media_reference_id", "entry_id")


def _equal(noted: ir.Table, entries: ir.Table, method: str) -> ir.Table:
    listed = entries.select("entry_id", "polarity", "series", "victim_identified", digest=entries[method]).filter(
        ibis._.digest.notnull()
    )
    joined = noted.inner_join(listed, noted[f"noted_{method}"] == listed.digest)
    return joined.select(
        "upload_id", "media_reference_id", "account_id", "entry_id", "polarity", "series", "victim_identified", "digest"
    ).distinct()
