"""An address cluster as a person needs it: who is in it, what joined each to the others, whose it is said to be."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from headwater.engine import Session
from headwater.errors import InputError

__all__ = ["cluster_members", "cluster_of", "rows_where"]

_CLUSTER_PREFIX: Final = "adc-"


def cluster_members(tables: Session, wanted: str) -> dict[str, Any]:
    """A cluster with its scripts, the transaction that proves each merge, tags, sums, and accounts that it paid for.

    Args:
        tables: The case's tables.
        wanted: Id of an address cluster, an address, or a script in hex.

    Raises:
        InputError: The chain of this case does not hold it.
    """
    cluster_id = cluster_of(tables, wanted)
    members = rows_where(tables, "address_clusters", "address_cluster_id", [cluster_id])
    scripts = members["script_hex"].to_pylist()
    address_of = dict(zip(scripts, members["address"].to_pylist(), strict=True))
    made = rows_where(tables, "tx_outputs", "script_hex", scripts)
    spent = rows_where(tables, "tx_inputs", "script_hex", scripts)
    merges = rows_where(tables, "cluster_merges", "address_cluster_id", [cluster_id])
    txs = {
        row["txid"]: row
        for row in rows_where(
            tables,
            "transactions",
            "txid",
            {*made["txid"].to_pylist(), *spent["txid"].to_pylist(), *merges["txid"].to_pylist()},
            ["txid", "block_height", "at_utc", "coinjoin", "coinjoin_rule"],
        ).to_pylist()
    }
    platform = {
        row["script_hex"]: row for row in rows_where(tables, "platform_addresses", "script_hex", scripts).to_pylist()
    }
    received = _sums(made)
    times = sorted(row["at_utc"] for row in txs.values())
    tags = rows_where(tables, "cluster_tags", "address_cluster_id", [cluster_id]).to_pylist()
    return {
        "address_cluster_id": cluster_id,
        "asked_for": wanted,
        "heuristic": members["heuristic"][0].as_py(),
        "scripts": len(scripts),
        "transactions": len(txs),
        "received_sat": sum(received.values()),
        "spent_sat": pc.sum(spent["amount_sat"]).as_py() or 0,
        "first_at_utc": times[0] if times else None,
        "last_at_utc": times[-1] if times else None,
        "is_platform": bool(platform),
        "tags": [{**row, "address": address_of[row["script_hex"]] or row["script_hex"]} for row in tags],
        "members": [
            {
                "script_hex": script,
                "address": address_of[script],
                "received_sat": received.get(script, 0),
                "is_platform": script in platform,
                "account_id": platform.get(script, {}).get("account_id"),
                "invoice_id": platform.get(script, {}).get("invoice_id"),
            }
            for script in sorted(scripts, key=lambda script: (-received.get(script, 0), script))
        ],
        "merges": [
            {
                "address": address_of[row["script_hex"]] or row["script_hex"],
                "other_address": address_of[row["other_script_hex"]] or row["other_script_hex"],
                **txs[row["txid"]],
            }
            for row in sorted(merges.to_pylist(), key=lambda row: (txs[row["txid"]]["block_height"], row["txid"]))
        ],
        "paid_for": _paid_for(tables, {txid for txid, row in txs.items() if row["coinjoin"] == "no"}, spent),
        "endpoints": rows_where(tables, "endpoints", "address_cluster_id", [cluster_id], ["endpoint_id"]).num_rows,
    }


def _paid_for(tables: Session, plain_txids: set[str], spent: pa.Table) -> list[dict[str, Any]]:
    """Accounts of the platform whose own addresses were paid straight from the cluster, with what and by which."""
    spending = set(spent["txid"].to_pylist()) & plain_txids
    outputs = rows_where(tables, "tx_outputs", "txid", spending).to_pylist()
    owned = rows_where(tables, "platform_addresses", "script_hex", {row["script_hex"] for row in outputs}).to_pylist()
    at = {row["script_hex"]: row for row in owned if row["account_id"]}
    found = [
        {
            "account_id": at[row["script_hex"]]["account_id"],
            "invoice_id": at[row["script_hex"]]["invoice_id"],
            "address": row["address"],
            "txid": row["txid"],
            "output_index": row["output_index"],
            "amount_sat": row["amount_sat"],
        }
        for row in outputs
        if row["script_hex"] in at
    ]
    return sorted(found, key=lambda row: (-row["amount_sat"], row["txid"], row["output_index"]))


def cluster_of(tables: Session, wanted: str) -> str:
    """The id of the cluster that is meant.

    Raises:
        InputError: The chain of this case does not hold it.
    """
    columns = ["address_cluster_id"] if wanted.startswith(_CLUSTER_PREFIX) else ["address", "script_hex"]
    for column in columns:
        found = rows_where(tables, "address_clusters", column, [wanted])
        if found.num_rows:
            return str(found["address_cluster_id"][0].as_py())
    raise InputError(
        wanted,
        "the chain of this case holds no such address, script or address cluster",
        remedy="copy one from 'headwater show CASE address_clusters'",
    )


def rows_where(
    tables: Session, name: str, column: str, values: Iterable[str], columns: list[str] | None = None
) -> pa.Table:
    """The rows of a table whose column has one of these values, in canonical order."""
    read = None if columns is None else list(dict.fromkeys([*columns, column]))
    return tables.keyed(name, column, values, columns=read)


def _sums(outputs: pa.Table) -> dict[str, int]:
    summed = outputs.select(["script_hex", "amount_sat"]).group_by("script_hex").aggregate([("amount_sat", "sum")])
    return dict(zip(summed["script_hex"].to_pylist(), summed["amount_sat_sum"].to_pylist(), strict=True))
