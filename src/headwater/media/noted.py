"""Digests that the platform noted, against hash lists: what was uploaded can be known although the file is gone."""

from __future__ import annotations

from functools import partial

import pyarrow as pa
import pyarrow.compute as pc

from headwater.engine import StageContext
from headwater.media.listed import ListedEntries
from headwater.schema import content_id, table_named

__all__ = ["noted_matches"]

_METHODS = ("sha256", "sha1", "md5")
_TOLD = ("polarity", "series", "victim_identified")


def noted_matches(context: StageContext, listed: ListedEntries) -> pa.Table:
    """The table `noted_matches`: every noted digest that an entry of a list has.

    Args:
        context: Has `uploads`, `upload_items`, `media_references` and `items`.
        listed: The entries of hash lists.
    """
    tables = context.tables
    noted = pa.concat_tables(
        [
            _noted(tables.columns("uploads", ("upload_id", "account_id", *_NOTED)), "media_reference_id"),
            _noted(tables.columns("media_references", ("media_reference_id", "account_id", *_NOTED)), "upload_id"),
        ]
    )
    place = listed.with_digests({method: noted[method] for method in _METHODS})
    entries = listed.rows(place, ("entry_id", *_METHODS, *_TOLD))
    there = {row["upload_id"] for row in tables.arrow("upload_items").select(["upload_id"]).to_pylist()}
    rows = []
    for method in _METHODS:
        left = noted.select([*_CITED, method])
        equal = left.join(entries.select(["entry_id", method, *_TOLD]), method, join_type="inner")
        on_exhibits = tables.chosen("items", partial(_is_one_of, method, pc.unique(equal[method])), columns=[method])
        known = set(on_exhibits[method].to_pylist())
        for row in equal.to_pylist():
            digest = row.pop(method)
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


_CITED = ("upload_id", "media_reference_id", "account_id")
_NOTED = tuple(f"media_{method}" for method in _METHODS)


def _noted(rows: pa.Table, without: str) -> pa.Table:
    """The digests that rows note, with what they cite; one of the columns is absent in these."""
    rows = rows.append_column(without, pa.nulls(len(rows), pa.string()))
    renamed = rows.rename_columns(
        [name.removeprefix("media_") if name in _NOTED else name for name in rows.column_names]
    )
    return pa.table({name: renamed[name] for name in (*_CITED, *_METHODS)})
