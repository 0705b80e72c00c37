"""Entries become items: named, told apart by content, and tied to the uploads that left them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from headwater.catalogue.content import content_kind
from headwater.catalogue.ledger import ledger_table
from headwater.engine import Derived, Session, StageContext
from headwater.schema import item_id, table_named

__all__ = ["catalogue_entries"]


def catalogue_entries(context: StageContext) -> dict[str, Derived]:
    """The tables `items`, `upload_items` and `ledger`, from the entries of all exhibits."""
    items = context.kept("items", _items(context.tables))
    context.tables.put("items", items)
    return {"items": items, "upload_items": _upload_items(context.tables), "ledger": ledger_table(context)}


def _items(tables: Session) -> Iterator[pa.Table]:
    """Rows of `items`, part by part: an exhibit may hold more files than fit into memory."""
    entries = tables.table("entries")
    copies = entries.filter(entries.sha256.notnull()).group_by("sha256").aggregate(copies=lambda t: t.count())
    counted = entries.left_join(copies, "sha256").select(*entries.columns, copies=copies.copies.fill_null(0))
    for part in tables.result_parts(counted):
        yield _items_of(part)


def _items_of(entries: pa.Table) -> pa.Table:
    kinds = [
        content_kind(head) if kind == "file" else ("other", kind)
        for head, kind in zip(entries["head"].to_pylist(), entries["entry_type"].to_pylist(), strict=True)
    ]
    columns: dict[str, Any] = {name: entries[name] for name in entries.column_names if name != "head"}
    columns["item_id"] = [
        item_id(exhibit, volume, path)
        for exhibit, volume, path in zip(
            *(entries[name].to_pylist() for name in ("exhibit_id", "volume_index", "path_bytes")), strict=True
        )
    ]
    columns["content_kind"] = [kind for kind, _ in kinds]
    columns["content_format"] = [name for _, name in kinds]
    return table_named("items").part(columns)


_NOTED = {"media_sha256": "sha256", "media_sha1": "sha1", "media_md5": "md5"}


def _upload_items(tables: Session) -> pa.Table:
    """Uploads tied to items, by the path the platform noted, else by the strongest digest it noted.

    Items of exhibits whose integrity check failed are catalogued, and make nobody a lead.
    """
    uploads = tables.arrow("uploads")
    failed = [row["exhibit_id"] for row in tables.arrow("exhibits").to_pylist() if row["integrity"] == "failed"]
    wanted = {"path": uploads["media_path"], **{name: uploads[noted] for noted, name in _NOTED.items()}}
    named = {name: pc.unique(values.drop_null()) for name, values in wanted.items()}
    by_value: dict[str, dict[str, list[str]]] = {name: defaultdict(list) for name in wanted}
    for part in tables.parts("items", ["exhibit_id", "item_id", "entry_type", *wanted]):
        of_failed = pc.is_in(part["exhibit_id"], value_set=pa.array(failed, pa.string()))
        files = part.filter(pc.and_(pc.equal(part["entry_type"], "file"), pc.invert(of_failed)))
        for name, values in named.items():
            # Only what an upload names: an exhibit may hold millions of files.
            chosen = files.filter(pc.is_in(files[name], value_set=values))
            for item, value in zip(chosen["item_id"].to_pylist(), chosen[name].to_pylist(), strict=True):
                by_value[name][value].append(item)
    rows = []
    for upload in uploads.select(["upload_id", "media_path", *_NOTED]).to_pylist():
        found, how = by_value["path"].get(upload["media_path"] or "", []), "path"
        for noted, name in _NOTED.items():
            if not found and upload[noted]:
                found, how = by_value[name].get(upload[noted], []), "digest"
        rows += [{"upload_id": upload["upload_id"], "item_id": item, "resolved_by": how} for item in sorted(found)]
    return table_named("upload_items").rows(rows)
