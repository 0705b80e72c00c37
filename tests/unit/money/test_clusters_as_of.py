"""Clusters as of a block height are those that the chain up to it gives."""

from __future__ import annotations

from collections import defaultdict

import pyarrow as pa
import pytest

from headwater.engine import Session
from headwater.errors import InputError, UnreadableInputError
from headwater.money import VIEWS_BY_HEIGHT, as_of_height
from headwater.money.scripts import is_unspendable

READ = ("transactions", "tx_inputs", "tx_outputs", *VIEWS_BY_HEIGHT)


@pytest.fixture
def session(case, tmp_path):
    with Session({}, scratch=tmp_path) as opened:
        for name in READ:
            opened.put(name, case.tables[name])
        yield opened


def plainly(tables, height):
    """Scripts seen up to a height, by cluster, from the transactions alone."""
    joining = {}
    for row in tables["transactions"].to_pylist():
        if row["block_height"] <= height:
            joining[row["txid"]] = row["coinjoin"] == "no"
    groups = {}
    for row in tables["tx_outputs"].to_pylist() + tables["tx_inputs"].to_pylist():
        if row["txid"] in joining and not is_unspendable(bytes.fromhex(row["script_hex"])):
            groups.setdefault(row["script_hex"], {row["script_hex"]})
    spent = defaultdict(list)
    for row in tables["tx_inputs"].to_pylist():
        if joining.get(row["txid"]):
            spent[row["txid"]].append(row["script_hex"])
    for scripts in spent.values():
        whole = set().union(*(groups[script] for script in scripts))
        for script in whole:
            groups[script] = whole
    return {frozenset(group) for group in groups.values()}


def found(rows):
    groups = defaultdict(set)
    for row in rows.to_pylist():
        groups[row["address_cluster_id"]].add(row["script_hex"])
    return {frozenset(group) for group in groups.values()}


def test_each_height_gives_the_clusters_of_the_chain_up_to_it(case, session):
    heights = sorted(set(case.tables["transactions"]["block_height"].to_pylist()))
    several = set()
    for height in (heights[0], *heights[len(heights) // 3 :: 9], heights[-1]):
        clusters = found(as_of_height(session, "address_clusters", height))
        assert clusters == plainly(case.tables, height)
        several.add(len(clusters))
        merges = as_of_height(session, "cluster_merges", height).num_rows
        assert merges == sum(len(group) - 1 for group in clusters)
    assert len(several) > 3


def test_the_last_height_gives_the_tables_themselves(case, session):
    last = max(case.tables["transactions"]["block_height"].to_pylist())
    for name in VIEWS_BY_HEIGHT:
        assert as_of_height(session, name, last).combine_chunks().equals(case.tables[name].combine_chunks())


def test_a_height_that_is_none_and_a_chain_without_heights(case, session):
    last = max(case.tables["transactions"]["block_height"].to_pylist())
    for height in (-1, last + 1):
        with pytest.raises(InputError, match=f"blocks 0 to {last}"):
            as_of_height(session, "address_clusters", height)
    unknown = pa.array([-1] * case.tables["transactions"].num_rows, type=pa.int64())
    place = case.tables["transactions"].schema.get_field_index("block_height")
    session.put("transactions", case.tables["transactions"].set_column(place, "block_height", unknown))
    with pytest.raises(UnreadableInputError, match="heights are not known"):
        as_of_height(session, "address_clusters", 3)
    session.put("transactions", case.tables["transactions"].slice(0, 0))
    with pytest.raises(InputError, match="no chain of blocks"):
        as_of_height(session, "address_clusters", 3)
