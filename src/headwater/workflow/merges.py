"""Why two addresses are in one cluster, and what falls apart if a proof is cut."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from headwater.engine import Session
from headwater.errors import InputError
from headwater.money import Merge, fallen_apart, merge_path

__all__ = ["cut_preview", "joining_path"]

_SHOWN_EXAMPLES = 5


def joining_path(tables: Session, one: str, other: str, height: int | None = None) -> list[dict[str, Any]]:
    """The transactions that join two addresses, one row each, in order; then the cuts that keep them apart, if any.

    Args:
        tables: The case's tables.
        one: An address, or a script in hex.
        other: Another.
        height: As of this block; None for the last one.

    Raises:
        InputError: The chain of this case does not hold one of them, nothing ever joined them, or nothing had by then.
    """
    found = [_of_address(tables, wanted) for wanted in (one, other)]
    if found[0] == found[1]:
        raise InputError(other, "is the same script as the first", remedy="name two different addresses")
    (script, cluster_id), (other_script, other_cluster_id) = found
    if cluster_id == other_cluster_id:
        rows = _equal(tables.arrow("cluster_merges"), "address_cluster_id", cluster_id).to_pylist()
        merges = [Merge(**{name: row[name] for name in ("script_hex", "other_script_hex", "txid")}) for row in rows]
        path = [_described(tables, txid) for txid in merge_path(merges, script, other_script)]
        # Merges are a tree in the order of the chain, so two scripts are joined from the last of their path on.
        last = max(path, key=lambda row: row["block_height"])
        if height is not None and last["block_height"] < 0:
            raise InputError(f"height {height}", "the heights of this chain are not known", remedy="leave it out")
        if height is not None and last["block_height"] > height:
            reason = f"nothing joined it with the first up to block {height}"
            remedy = f"transaction {last['txid']} of block {last['block_height']} did"
            raise InputError(other, reason, remedy=remedy)
        return path
    cuts = [
        {**_described(tables, row["txid"]), "cut_by": row["operator"]}
        for row in tables.arrow("merge_cuts").to_pylist()
        if {cluster_id, other_cluster_id} <= _clusters_spent(tables, row["txid"])
    ]
    if not cuts:
        raise InputError(
            other,
            "no chain of transactions joins it with the first",
            remedy="see 'headwater show CASE address_clusters'",
        )
    return cuts


def cut_preview(tables: Session, txid: str) -> dict[str, Any]:
    """What a cut of a transaction would do, or has done: the parts of its cluster, largest first. Nothing is changed.

    Raises:
        InputError: There is no such transaction, or it joins nothing.
    """
    clusters = _clusters_spent(tables, txid)
    answers = {
        row["txid"]: row["coinjoin"] for row in tables.arrow("transactions").select(["txid", "coinjoin"]).to_pylist()
    }
    if txid not in answers or not clusters:
        raise InputError(txid, "no transaction of this case that spends has this id", remedy="see 'headwater explain'")
    rows = _in(tables.arrow("address_clusters"), "address_cluster_id", clusters).to_pylist()
    addresses = {row["script_hex"]: row["address"] or row["script_hex"] for row in rows}
    spends = _in(tables.arrow("tx_inputs"), "script_hex", addresses)
    by_txid: dict[str, set[str]] = defaultdict(set)
    for row in spends.select(["txid", "script_hex"]).to_pylist():
        if answers[row["txid"]] == "no" or row["txid"] == txid:
            by_txid[row["txid"]].add(row["script_hex"])
    # The table of transactions is in the order of the chain; within a block the order of txids decides, as for merges.
    order = {row["txid"]: row["block_height"] for row in tables.arrow("transactions").to_pylist()}
    joining = {key: sorted(by_txid[key]) for key in sorted(by_txid, key=lambda key: (order[key], key))}
    if len(joining[txid]) < 2:
        raise InputError(txid, "spends from one script and joins nothing", remedy="see 'headwater explain CASE A B'")
    left = fallen_apart(joining, addresses, txid)
    return {
        **_described(tables, txid),
        "scripts": len(addresses),
        "parts": [
            {"scripts": len(part), "addresses": [addresses[script] for script in part[:_SHOWN_EXAMPLES]]}
            for part in left.parts
        ],
        "still_joined_by": list(left.still_joined_by),
        "is_cut": txid in tables.arrow("merge_cuts")["txid"].to_pylist(),
    }


def _of_address(tables: Session, wanted: str) -> tuple[str, str]:
    """Script and address cluster of an address, or of a script in hex."""
    clusters = tables.arrow("address_clusters")
    for column in ("address", "script_hex"):
        rows = _equal(clusters, column, wanted).to_pylist()
        if rows:
            return rows[0]["script_hex"], rows[0]["address_cluster_id"]
    raise InputError(
        wanted, "the chain of this case holds no such address", remedy="name an address or a script in hex"
    )


def _clusters_spent(tables: Session, txid: str) -> set[str]:
    """The address clusters that a transaction spends from."""
    spent = _equal(tables.arrow("tx_inputs"), "txid", txid)["script_hex"].to_pylist()
    return set(_in(tables.arrow("address_clusters"), "script_hex", spent)["address_cluster_id"].to_pylist())


def _described(tables: Session, txid: str) -> dict[str, Any]:
    """A transaction and what it spends from, as far as a person needs it to judge a merge."""
    inputs = _equal(tables.arrow("tx_inputs"), "txid", txid).to_pylist()
    [row] = _equal(tables.arrow("transactions"), "txid", txid).to_pylist() or [None]
    return {
        "txid": txid,
        "block_height": None if row is None else row["block_height"],
        "at_utc": None if row is None else row["at_utc"],
        "coinjoin_rule": None if row is None else row["coinjoin_rule"],
        "spends_from": sorted({each["address"] or each["script_hex"] for each in inputs}),
    }


def _equal(table: pa.Table, column: str, value: str) -> pa.Table:
    return table.filter(pc.equal(table[column], value))


def _in(table: pa.Table, column: str, values: Iterable[str]) -> pa.Table:
    return table.filter(pc.is_in(table[column], value_set=pa.array(sorted(values), pa.string())))
