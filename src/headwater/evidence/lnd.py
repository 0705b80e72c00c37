"""Rows of LND's own state, from the records of its sealed reader."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pyarrow as pa

from headwater.evidence.gather import Gathered
from headwater.evidence.lightning import Lightning, node_row
from headwater.evidence.row_source import RowSource

__all__ = ["take_lnd"]

_INSTANT = pa.timestamp("us", tz="UTC")
_BECOMES = {
    "invoice": "lightning_invoices",
    "payment": "lightning_payments",
    "channel": "lightning_channels",
}
_TIMES = ("created_at", "expires_at", "paid_at")
_COLUMNS = {
    "invoice": (
        *("payment_hash", "description", "amount_msat", "received_msat", "state"),
        *("created_at_utc", "expires_at_utc", "paid_at_utc"),
    ),
    "payment": ("payment_hash", "amount_msat", "state"),
    "channel": (
        *("peer_node_id", "funding_txid", "funding_output_index", "short_channel_id", "capacity_sat", "opener"),
        "state",
    ),
}


def take_lnd(source: RowSource, batches: Iterable[pa.RecordBatch], lightning: Lightning, gathered: Gathered) -> None:
    """Takes in the records of one file.

    Args:
        source: The file.
        batches: Replies of the job `read_lnd`.
        lightning: Takes the rows.
        gathered: Takes the defects.
    """
    for batch in batches:
        timed = batch
        for name in _TIMES:
            timed = timed.append_column(f"{name}_utc", timed[f"{name}_us"].cast(_INSTANT))
        rows: dict[str, list[dict[str, Any]]] = {kind: [] for kind in _BECOMES}
        for record in timed.to_pylist():
            if record["kind"] == "defect":
                reason = f"{record['bucket']}, record {record['number']}: {record['reason']}"
                offset, length = record["offset_bytes"], record["length_bytes"]
                gathered.defect(source.exhibit_id, source.path, record["code"], reason, offset=offset, length=length)
                continue
            place = {
                "source_table": record["bucket"],
                "source_row": record["number"],
                "source_offset_bytes": record["offset_bytes"],
                "source_length_bytes": record["length_bytes"],
            }
            told = {name: record[name] for name in _COLUMNS[record["kind"]]} | {"node_software": "lnd"}
            if record["kind"] == "payment":
                told["at_utc"] = record["created_at_utc"]
            rows[record["kind"]].append(node_row(_BECOMES[record["kind"]], source, place, told))
        for kind, made in rows.items():
            lightning.add(_BECOMES[kind], source, made)
