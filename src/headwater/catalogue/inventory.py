"""Entries become items: named, told apart by content, and tied to the uploads that left them."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from headwater.catalogue.content import content_kind
from headwater.catalogue.ledger import ledger_table
from headwater.engine import StageContext
from headwater.schema import item_id, table_named

__all__ = ["catalogue_entries"]


def catalogue_entries(context: StageContext) -> dict[str, pa.Table]:
    """The tables `items`, `upload_items` and `ledger`, from the entries of all exhibits."""
    items = _items(context.tables.arrow("entries"))
    context.tables.put("items", items)
    return {
        "items": items,
        "upload_items": _upload_items(context.tables.arrow("uploads"), _trusted(items, context)),
        "ledger": ledger_table(context),
    }


def _trusted(items: pa.Table, context: StageContext) -> pa.Table:
    """The items but those of exhibits whose integrity check failed: they are catalogued, and make nobody a lead."""
    failed = [row["exhibit_id"] for row in context.tables.arrow("exhibits").to_pylist() if row["integrity"] == "failed"]
    return items.filter(pc.invert(pc.is_in(items["exhibit_id"], value_set=pa.array(failed, pa.string()))))


def _items(entries: pa.Table) -> pa.Table:
    table = table_named("items")
    copies = Counter(entries["sha256"].to_pylist())
    heads = entries["head"].to_pylist()
    kinds = [
        content_kind(head) if kind == "file" else ("other", kind)
        for head, kind in zip(heads, entries["entry_type"].to_pylist(), strict=True)
    ]
    columns: dict[str, Any] = {name: entries[name] for name in entries.column_names if name != "head"}
    columns["item_id"] = [
        item_id(exhibit, volume, path)
        for exhibit, volume, path in zip(
            entries["exhibit_id"].to_pylist(),
            entries["volume_index"].to_pylist(),
            entries["path_bytes"].to_pylist(),
            strict=True,
        )
    ]
    columns["content_kind"] = [kind for kind, _ in kinds]
    columns["content_format"] = [name for _, name in kinds]
    columns["copies"] = [0 if digest is None else copies[digest] for digest in entries["sha256"].to_pylist()]
    return table.columnar(columns)


_NOTED = {"media_sha256": "sha256", "media_sha1": "sha1", "media_md5": "md5"}


def _upload_items(uploads: pa.Table, items: pa.Table) -> pa.Table:
    """Uploads tied to items, by the path the platform noted, else by the strongest digest it noted."""
    files = items.filter(pc.equal(items["entry_type"], "file")).select(["item_id", "path", *_NOTED.values()])
    wanted = {"path": uploads["media_path"], **{name: uploads[noted] for noted, name in _NOTED.items()}}
    by_value: dict[str, dict[str, list[str]]] = {}
    for name, values in wanted.items():
        # Only what an upload names: an exhibit may hold millions of files.
        named = files.filter(pc.is_in(files[name], value_set=pc.unique(values.drop_null())))
        known = by_value[name] = defaultdict(list)
        for item, value in zip(named["item_id"].to_pylist(), named[name].to_pylist(), strict=True):
            known[value].append(item)
    rows = []
    for upload in uploads.select(["upload_id", "media_path", *_NOTED]).to_pylist():
        found, how = by_value["path"].get(upload["media_path"] or "", []), "path"
        for noted, name in _NOTED.items():
            if not found and upload[noted]:
                found, how = by_value[name].get(upload[noted], []), "digest"
        rows += [{"upload_id": upload["upload_id"], "item_id": item, "resolved_by": how} for item in sorted(found)]
    return table_named("upload_items").rows(rows)
