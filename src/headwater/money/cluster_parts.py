"""Address clusters of a chain that does not fit into memory, by way of the engine.

Memory holds one number for each script, and what the engine holds when it sorts and joins. The result is that of
`clusters.address_clusters`, proofs included, from the tables alone. Scripts are numbered in the order of their bytes,
so that the lower of two is the one with the lower number. What the engine hands over in the order of the chain is
joined block by block, and the engine puts scripts in place of numbers again.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import ibis
import ibis.expr.types as ir
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from headwater.engine import ParquetParts, Session
from headwater.errors import UnreadableInputError
from headwater.money.byte_table import ByteTable
from headwater.money.clusters import sets_in_order
from headwater.money.scripts import SCRIPTS_OF_ANYONE, addresses_of, is_unspendable
from headwater.schema import content_id, table_named

__all__ = ["ClusterParts", "clusters_by_parts"]

_NUMBERED: Final = pa.schema([("script_hex", pa.string()), ("number", pa.int64())])
_LED: Final = pa.schema([("number", pa.int64()), ("leader", pa.int64()), ("is_joined", pa.bool_())])
_MERGED: Final = pa.schema([("lower", pa.int64()), ("other", pa.int64()), ("txid", pa.string())])
_PART_ROWS: Final = 1 << 16
_JOINED_AT_ONCE: Final = 1 << 18


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterParts:
    """Clusters that lie in scratch files, to be read part by part.

    Attributes:
        tables: The session that they are read through.
        network: Network of the addresses.
        scripts: File of scripts and their numbers, in the order of both.
        leaders: File of the leader of each number.
        merges: File of merges by number.
    """

    tables: Session
    network: str
    scripts: Path
    leaders: Path
    merges: Path

    def address_clusters(self) -> Iterator[pa.Table]:
        """The rows of the table `address_clusters` in canonical order, part by part."""
        read = self.tables.backend.read_parquet
        scripts, leaders, firsts = read(self.scripts), read(self.leaders), read(self.scripts)
        led = scripts.inner_join(leaders, "number")
        firsts = firsts.select(leader=firsts.number, first_hex=firsts.script_hex)
        rows = led.inner_join(firsts, "leader").select("script_hex", "first_hex", "is_joined").order_by("script_hex")
        for part in self.tables.result_parts(rows):
            scripts_hex = part["script_hex"].to_pylist()
            table = ByteTable()
            spendable = np.array([not is_unspendable(bytes.fromhex(script)) for script in scripts_hex], dtype=np.bool_)
            for script in scripts_hex:
                table.append(bytes.fromhex(script))
            made = {
                "address_cluster_id": [content_id("adc", first) for first in part["first_hex"].to_pylist()],
                "script_hex": part["script_hex"],
                "address": addresses_of(table, self.network),
                "heuristic": ["co_spend" if joined else "none" for joined in part["is_joined"].to_pylist()],
            }
            yield table_named("address_clusters").part(made).filter(pa.array(spendable))

    def cluster_merges(self) -> Iterator[pa.Table]:
        """The rows of the table `cluster_merges` in canonical order, part by part."""
        read = self.tables.backend.read_parquet
        merges, leaders = read(self.merges), read(self.leaders)
        led = merges.inner_join(leaders.select(lower=leaders.number, leader=leaders.leader), "lower")
        for column in ("lower", "other", "leader"):
            scripts = read(self.scripts)
            led = led.inner_join(
                scripts.select(**{column: scripts.number, f"{column}_hex": scripts.script_hex}), column
            )
        rows = led.select("lower_hex", "other_hex", "leader_hex", "txid").order_by(["lower_hex", "other_hex"])
        for part in self.tables.result_parts(rows):
            made = {
                "address_cluster_id": [content_id("adc", first) for first in part["leader_hex"].to_pylist()],
                "script_hex": part["lower_hex"],
                "other_script_hex": part["other_hex"],
                "txid": part["txid"],
            }
            yield table_named("cluster_merges").part(made)


def clusters_by_parts(tables: Session, network: str, scratch: Path) -> ClusterParts:
    """The address clusters of the tables of a session, by way of the engine.

    Args:
        tables: Has `transactions`, `tx_inputs` and `tx_outputs`.
        network: Key of `ADDRESS_NETWORKS`, for the addresses.
        scratch: Folder for what lies between; about twice the size of these tables.

    Raises:
        UnreadableInputError: Heights are not known, because the chain does not begin at its first block; its order
            cannot be told from the tables then.
    """
    parts = ClusterParts(
        tables=tables,
        network=network,
        scripts=scratch / "scripts.parquet",
        leaders=scratch / "leaders.parquet",
        merges=scratch / "merges.parquet",
    )
    count = _number_scripts(tables, parts.scripts)
    sets = sets_in_order(count)
    with ParquetParts(parts.merges, _MERGED) as file:
        for spent in _by_blocks(tables, parts.scripts):
            file.write(_joined(spent, sets))
        file.finish()
    _write_leaders(sets, parts.leaders)
    return parts


def _number_scripts(tables: Session, path: Path) -> int:
    """Write every script once, numbered in the order of bytes; how many."""
    scripts = ibis.union(
        tables.table("tx_outputs").select("script_hex"), tables.table("tx_inputs").select("script_hex"), distinct=True
    )
    count = 0
    with ParquetParts(path, _NUMBERED) as file:
        for part in tables.result_parts(scripts.order_by("script_hex")):
            numbers = pa.array(np.arange(count, count + part.num_rows))
            file.write(pa.table([part["script_hex"].combine_chunks(), numbers], schema=_NUMBERED))
            count += part.num_rows
        file.finish()
    return count


def _spent_together(tables: Session, scripts: Path) -> ir.Table:
    """Scripts of each transaction that surely had one payer, those that show nothing left out."""
    inputs, txs = tables.table("tx_inputs"), tables.table("transactions")
    txs = txs.filter(txs.coinjoin == "no").select("txid", "block_height")
    inputs = inputs.filter(~inputs.script_hex.isin([script.hex() for script in sorted(SCRIPTS_OF_ANYONE)]))
    numbered = tables.backend.read_parquet(scripts)
    spent = inputs.select("txid", "script_hex").distinct().inner_join(numbered, "script_hex").inner_join(txs, "txid")
    return spent.select("block_height", "txid", "number").order_by(["block_height", "txid", "number"])


def _by_blocks(tables: Session, scripts: Path) -> Iterator[pa.Table]:
    """The rows of `_spent_together`, some whole blocks at a time."""
    waiting: list[pa.Table] = []
    for part in tables.result_parts(_spent_together(tables, scripts)):
        heights = part["block_height"].to_numpy()
        if len(heights) and heights[0] < 0:
            raise UnreadableInputError(
                "transactions", "heights are not known", remedy="take in the chain from its start"
            )
        waiting.append(part)
        # What follows may go on with the last height of this part.
        whole = int(np.searchsorted(heights, heights[-1])) if len(heights) else 0
        if whole and sum(each.num_rows for each in waiting) >= _JOINED_AT_ONCE:
            yield pa.concat_tables([*waiting[:-1], part.slice(0, whole)])
            waiting = [part.slice(whole)]
    if waiting:
        yield pa.concat_tables(waiting)


def _joined(spent: pa.Table, sets: npt.NDArray[np.uint64]) -> pa.Table:
    """The merges that the transactions of some blocks make; the sets are joined on the way."""
    from headwater.money.cluster_kernels import join_spent_together  # loads a compiler

    heights, numbers = spent["block_height"].to_numpy(), spent["number"].to_numpy()
    txids = spent["txid"].combine_chunks().dictionary_encode()
    codes = txids.indices.to_numpy()
    begins = np.concatenate(([0], np.nonzero(np.diff(codes))[0] + 1)) if len(codes) else np.empty(0, dtype=np.int64)
    shown = txids.dictionary.to_pylist()
    of_begins = heights[begins].tolist()
    # Within a block by the bytes of the txid as they lie in files, which is not the order in which it is displayed.
    order = sorted(range(len(begins)), key=lambda tx: (of_begins[tx], bytes.fromhex(shown[tx])[::-1]))
    starts = np.concatenate((begins, [len(codes)])).astype(np.int64)
    merges = np.empty((len(numbers), 3), dtype=np.int64)
    nothing = np.empty(0, dtype=np.int64)
    told = join_spent_together(
        np.array(order, dtype=np.int64),
        starts,
        np.ascontiguousarray(numbers),
        nothing,
        np.empty(0, dtype=np.uint8),
        nothing,
        sets,
        merges,
    )
    merged = merges[:told]
    names = pa.array(shown, type=pa.string()).take(pa.array(merged[:, 2]))
    return pa.table([pa.array(merged[:, 0]), pa.array(merged[:, 1]), names], schema=_MERGED)


def _write_leaders(sets: npt.NDArray[np.uint64], path: Path) -> None:
    from headwater.money.cluster_kernels import leaders_of  # loads a compiler

    leaders = sets.view(np.int64)
    leaders_of(sets, leaders)
    is_joined = np.zeros(len(leaders), dtype=np.bool_)
    with pq.ParquetWriter(path, _LED) as file:
        for first in range(0, len(leaders), _PART_ROWS):
            numbers = np.arange(first, min(first + _PART_ROWS, len(leaders)))
            moved = leaders[numbers] != numbers
            is_joined[numbers[moved]] = True
            is_joined[leaders[numbers[moved]]] = True
        for first in range(0, len(leaders), _PART_ROWS):
            numbers = np.arange(first, min(first + _PART_ROWS, len(leaders)))
            columns = [pa.array(numbers), pa.array(leaders[numbers]), pa.array(is_joined[numbers])]
            file.write_table(pa.table(columns, schema=_LED))
