"""Clusters by way of the engine are those made in memory, row for row and proof for proof."""

from __future__ import annotations

import pyarrow as pa
import pytest

from headwater.engine import Session
from headwater.errors import UnreadableInputError
from headwater.money import cluster_parts
from headwater.money.cluster_parts import clusters_by_parts

READ = ("transactions", "tx_inputs", "tx_outputs")


@pytest.mark.parametrize("rows_at_once", [1, 40, 1 << 18])
def test_the_same_clusters_and_the_same_proofs(case, tmp_path, monkeypatch, rows_at_once):
    monkeypatch.setattr(cluster_parts, "_JOINED_AT_ONCE", rows_at_once)
    with Session({}, scratch=tmp_path) as session:
        for name in READ:
            session.put(name, case.tables[name])
        parts = clusters_by_parts(session, "regtest", tmp_path)
        for name, found in (("address_clusters", parts.address_clusters()), ("cluster_merges", parts.cluster_merges())):
            rows = pa.concat_tables(found)
            assert rows.num_rows > 10
            assert rows.combine_chunks().equals(case.tables[name])


def test_a_chain_without_its_beginning_is_refused(case, tmp_path):
    with Session({}, scratch=tmp_path) as session:
        for name in READ:
            session.put(name, case.tables[name])
        unknown = pa.array([-1] * case.tables["transactions"].num_rows, type=pa.int64())
        place = case.tables["transactions"].schema.get_field_index("block_height")
        session.put("transactions", case.tables["transactions"].set_column(place, "block_height", unknown))
        with pytest.raises(UnreadableInputError, match="heights are not known"):
            clusters_by_parts(session, "regtest", tmp_path)
