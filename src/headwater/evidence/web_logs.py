"""Tables of an access log: its requests, its defects, and whether one client alone stands behind it."""

from __future__ import annotations

from collections.abc import Iterable

import pyarrow as pa
import pyarrow.compute as pc

from headwater.engine import without_keys
from headwater.schema import content_id, content_ids, table_named

__all__ = ["LOG_TABLES", "log_tables"]

LOG_TABLES = ("web_requests", "web_logs", "defects")
"""The tables that a log's records become."""

_INSTANT = pa.timestamp("us", tz="UTC")
_SINGLE_CLIENT_PPM = 950_000  # above it, what stands before the server makes the requests: a proxy, a hidden service
_MILLION = 1_000_000
_UNREADABLE = "unreadable"  # the one record that is no line: from there on the log cannot be read


def log_tables(exhibit_id: str, log_path: str, batches: Iterable[pa.RecordBatch]) -> dict[str, pa.Table]:
    """The tables of `LOG_TABLES`, from the records of one log.

    Args:
        exhibit_id: The exhibit that the log is or lies in.
        log_path: The log, as it is shown.
        batches: Replies of the job `parse_access_log`.
    """
    good, bad = [], []
    for batch in batches:
        parsed = pc.is_null(batch["code"])
        good.append(batch.filter(parsed))
        bad.append(batch.filter(pc.invert(parsed)))
    lines, withheld = _without_keys(pa.Table.from_batches(good) if good else pa.table({}))
    rejected = pa.Table.from_batches(bad) if bad else pa.table({})
    return {
        "web_requests": _requests(exhibit_id, log_path, lines),
        "web_logs": _summary(exhibit_id, log_path, lines, rejected),
        "defects": pa.concat_tables([_defects(exhibit_id, log_path, part) for part in (rejected, withheld)]),
    }


def _without_keys(lines: pa.Table) -> tuple[pa.Table, pa.Table]:
    """The lines without texts that hold key material, and a record for each line that one was taken from."""
    found: dict[int, str] = {}
    for place, field in enumerate(lines.schema):
        if pa.types.is_string(field.type) and field.nullable:
            texts, held = without_keys(lines[field.name].combine_chunks())
            found |= {number: f"{field.name}: holds {kind}, which is withheld" for number, kind in held.items()}
            lines = lines.set_column(place, field, texts)
    numbers = sorted(found)
    withheld = lines.take(pa.array(numbers, pa.int64()))
    if numbers:
        for name, values in (
            ("code", ["key_material_withheld"] * len(numbers)),
            ("reason", [found[n] for n in numbers]),
        ):
            withheld = withheld.set_column(withheld.schema.get_field_index(name), name, pa.array(values))
    return lines, withheld


def _requests(exhibit_id: str, log_path: str, lines: pa.Table) -> pa.Table:
    table = table_named("web_requests")
    if not lines.num_rows:
        return table.empty()
    fixed = {"exhibit_id": exhibit_id, "log_path": log_path}
    columns = {name: pa.repeat(pa.scalar(value), lines.num_rows) for name, value in fixed.items()}
    columns |= {"source_offset_bytes": lines["offset_bytes"], "at_utc": lines["at_us"].cast(_INSTANT)}
    names = table.arrow.names
    return pa.table({name: columns.get(name, lines[name] if name in lines.column_names else None) for name in names})


def _summary(exhibit_id: str, log_path: str, lines: pa.Table, rejected: pa.Table) -> pa.Table:
    parsed = lines.num_rows
    refused = pc.sum(pc.not_equal(rejected["code"], _UNREADABLE)).as_py() or 0 if rejected.num_rows else 0
    clients, largest, largest_lines = 0, None, 0
    if parsed:
        counts = lines.group_by("network_address").aggregate([([], "count_all")])
        order = [("count_all", "descending"), ("network_address", "ascending")]
        first = counts.take(pc.sort_indices(counts, sort_keys=order)[:1]).to_pylist()[0]
        clients, largest, largest_lines = counts.num_rows, first["network_address"], first["count_all"]
    row = {
        "exhibit_id": exhibit_id,
        "log_path": log_path,
        "log_format": lines["log_format"][0].as_py() if parsed else "",
        "lines": parsed + refused,
        "parsed": parsed,
        "rejected": refused,
        "clients": clients,
        "largest_client": largest,
        "largest_client_ppm": largest_lines * _MILLION // parsed if parsed else 0,
        # Compared in whole numbers: a share just above the limit must not be rounded onto it.
        "single_client": bool(parsed) and largest_lines * _MILLION > parsed * _SINGLE_CLIENT_PPM,
    }
    return table_named("web_logs").rows([row])


def _defects(exhibit_id: str, log_path: str, rejected: pa.Table) -> pa.Table:
    table = table_named("defects")
    if not rejected.num_rows:
        return table.empty()
    count = rejected.num_rows
    numbers = rejected["line_number"].cast(pa.string())
    reasons = pc.binary_join_element_wise("line ", numbers, ": ", rejected["reason"], "")
    fixed = (exhibit_id, log_path)
    columns = {
        "defect_id": pa.array(content_ids("dfc", (content_id("log", *fixed),), rejected["line_number"].to_pylist())),
        "exhibit_id": pa.repeat(pa.scalar(exhibit_id), count),
        "path": pa.repeat(pa.scalar(log_path), count),
        "offset_bytes": rejected["offset_bytes"],
        "length_bytes": rejected["length_bytes"],
        "code": rejected["code"],
        "reason": reasons,
    }
    return pa.table({field.name: columns.get(field.name, pa.nulls(count, field.type)) for field in table.arrow}).cast(
        table.arrow
    )
