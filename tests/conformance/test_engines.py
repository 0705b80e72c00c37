"""The same expressions on DuckDB and on Spark: one door, two engines, equal rows."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any

import ibis
import pyarrow as pa
import pytest

from headwater.catalogue import ledger_sums
from headwater.catalogue.ledger import ledger_table
from headwater.engine import Session, StageContext
from headwater.identities.claims.traced import traced_shares
from headwater.leads.acts import ACT_TABLES, observed_acts
from headwater.media.origins import _earliest_uploads
from headwater.packages.contents import _rows as rows_by_value
from headwater.packages.contents import _sources

pytestmark = [
    pytest.mark.spark,
    # pyspark leaves the loopback sockets of each collected result to the garbage collector.
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
]

Result = Callable[[Session], Any]


def _ledger(session: Session) -> list[dict[str, Any]]:
    return ledger_table(StageContext(tables=session)).to_pylist()


def _ledger_by_exhibit(session: Session) -> list[dict[str, Any]]:
    session.put("ledger", ledger_table(StageContext(tables=session)))
    return [asdict(line) for line in ledger_sums(session)]


def _shares(session: Session) -> list[dict[str, Any]]:
    return [asdict(share) for share in traced_shares(StageContext(tables=session))]


def _first_uploads(session: Session) -> list[dict[str, Any]]:
    return _earliest_uploads(StageContext(tables=session)).to_pylist()


RESULTS: Mapping[str, Result] = {
    "ledger": _ledger,
    "ledger by exhibit": _ledger_by_exhibit,
    "observed acts": observed_acts,
    "traced shares": _shares,
    "earliest uploads": _first_uploads,
    "rows by value": lambda s: rows_by_value(s, "uploads", "account_id", ["acc-01", "acc-02", "nobody"]),
    "sources": lambda s: _sources(s, s.arrow("customers")["customer_id"].to_pylist()[:2]),
}


def _typed(value: object) -> object:
    """The value with its Python type beside it: a decimal is equal to an integer, and is not one."""
    if isinstance(value, Mapping):
        return {key: _typed(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [_typed(part) for part in value]
    if isinstance(value, dt.datetime):
        return ("time", value.astimezone(dt.UTC).isoformat(), value.utcoffset())
    return (type(value).__name__, value)


@pytest.mark.parametrize("name", RESULTS)
def test_both_engines_give_the_same(name: str, on_duckdb: Session, on_spark: Session) -> None:
    expected = _typed(RESULTS[name](on_duckdb))
    assert expected, "nothing was computed, so nothing was compared"
    assert _typed(RESULTS[name](on_spark)) == expected


@pytest.mark.parametrize("act", ACT_TABLES)
def test_each_act_is_the_same(act: str, on_duckdb: Session, on_spark: Session) -> None:
    rows = [
        s.result(ACT_TABLES[act].rows(s), order_by=["account_id", "example_id"]).to_pylist()
        for s in (on_duckdb, on_spark)
    ]
    assert rows[0] == rows[1]
    assert rows[0], "the tables hold no such act"


def test_every_type_comes_back_as_it_went_in(
    case_tables: Mapping[str, pa.Table], on_duckdb: Session, on_spark: Session
) -> None:
    """Text beyond ASCII, bytes, absent values, times in UTC, integers beyond 53 bits."""
    entries = case_tables["entries"]
    for session in (on_duckdb, on_spark):
        back = session.result(session.table("entries"), order_by=["exhibit_id", "volume_index", "path_bytes"])
        assert _typed(back.to_pylist()) == _typed(entries.to_pylist()), session
    large = on_spark.table("traces").aggregate(total=ibis._.origin_sat.sum().cast("int64"))
    total = on_spark.result(large, order_by=["total"]).to_pylist()[0]["total"]
    assert total == sum(case_tables["traces"]["origin_sat"].to_pylist())
    assert total > 1 << 53


def test_a_table_without_rows_is_empty_and_typed(on_duckdb: Session, on_spark: Session) -> None:
    for session in (on_duckdb, on_spark):
        tags = session.table("tags")
        counted = tags.group_by("reference_name").aggregate(rows=tags.count())
        assert session.result(counted, order_by=["reference_name"]).num_rows == 0


def test_rows_put_later_are_seen(on_spark: Session, case_tables: Mapping[str, pa.Table]) -> None:
    before = on_spark.result(on_spark.table("accounts"), order_by=["account_id"])
    on_spark.put("accounts", before.slice(0, 3).cast(case_tables["accounts"].schema))
    try:
        assert on_spark.result(on_spark.table("accounts"), order_by=["account_id"]).num_rows == 3
    finally:
        on_spark.put("accounts", case_tables["accounts"])
