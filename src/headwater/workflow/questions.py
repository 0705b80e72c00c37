"""What speaks against following money through a transaction, as a reader of a proof needs it beside each hop."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from headwater.engine import Session
from headwater.workflow.cluster_rows import rows_where

__all__ = ["way_marks"]


def way_marks(tables: Session, txids: Collection[str]) -> dict[str, dict[str, Any]]:
    """By transaction its block, what was judged of it, and which outputs rules take for change.

    Args:
        tables: The case's tables.
        txids: Transactions.
    """
    columns = ["txid", "block_height", "coinjoin", "coinjoin_rule", "inputs", "outputs"]
    found: dict[str, dict[str, Any]] = {
        row["txid"]: {**{name: row[name] for name in columns[1:]}, "change": []}
        for row in rows_where(tables, "transactions", "txid", txids, columns).to_pylist()
    }
    for row in rows_where(tables, "change_candidates", "txid", txids).to_pylist():
        if row["output_index"] is not None:
            found[row["txid"]]["change"].append({"rule": row["rule"], "output_index": row["output_index"]})
    return found
