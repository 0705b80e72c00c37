"""Satoshis by service and month: what customers took out on the way to the platform, and what was paid in from it.

The month is that of the transaction which the service can look up: backward its own withdrawal, forward the deposit.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from headwater.engine import Session
from headwater.money_view.prices import Prices
from headwater.money_view.sums import UNNAMED, Scope, services_by_id

__all__ = ["MonthTable", "month_table"]

_BACKWARD: Final = "backward"
_SERVICE: Final = "service"


@dataclass(frozen=True, slots=True, kw_only=True)
class MonthTable:
    """The table, as rows and as columns in order.

    Attributes:
        rows: One for each service, direction and month.
        columns: Their names.
    """

    rows: tuple[Mapping[str, Any], ...]
    columns: tuple[str, ...]


@dataclass(slots=True)
class _Cell:
    amounts_sat: dict[str, int] = field(default_factory=dict)
    values_minor: dict[str, int] = field(default_factory=dict)
    unpriced_sat: dict[str, int] = field(default_factory=dict)
    txids: set[str] = field(default_factory=set)


def month_table(tables: Session, prices: Prices | None = None, scope: Scope | None = None) -> MonthTable:
    """The table; its satoshis are those of all endpoints at services, so that the sums of the view are its totals.

    Args:
        tables: The case's tables.
        prices: Prices for the columns of values; None for none.
        scope: What is summed and named; None for all. Services that it does not name are one row for each direction,
            without month and without number of transactions.
    """
    services = services_by_id(tables)
    cells: dict[tuple[str, str, str], _Cell] = {}
    policies: set[str] = set()
    for trace_id, service_id, direction, policy, txid, at_utc, amount_sat in _known_to_services(tables, scope):
        policies.add(policy)
        named = scope is None or not service_id or scope.names(trace_id, service_id)
        key = (service_id, direction, f"{at_utc:%Y-%m}") if named else (UNNAMED, direction, "")
        cell = cells.setdefault(key, _Cell())
        cell.txids.add(txid)
        cell.amounts_sat[policy] = cell.amounts_sat.get(policy, 0) + amount_sat
        if prices is not None:
            worth = prices.value(amount_sat, at_utc)
            sums, added = (cell.unpriced_sat, amount_sat) if worth is None else (cell.values_minor, worth)
            sums[policy] = sums.get(policy, 0) + added
    ordered = sorted(policies)
    rows = []
    for (service_id, direction, month), cell in cells.items():
        service = services.get(service_id, {})
        row: dict[str, Any] = {
            "country": service.get("country") or "",
            "actor": service.get("actor") or "",
            "service": service.get("name") or service_id or "service not named",
            "service_id": "" if service_id == UNNAMED else service_id,
            "direction": direction,
            "month": month,
        }
        for policy in ordered:
            row[f"{policy}_sat"] = cell.amounts_sat.get(policy, 0)
            if prices is not None:
                row[f"{policy}_value_minor"] = cell.values_minor.get(policy, 0)
                row[f"{policy}_unpriced_sat"] = cell.unpriced_sat.get(policy, 0)
        if prices is not None:
            row["currency"] = prices.currency
        row["transactions"] = None if service_id == UNNAMED else len(cell.txids)
        rows.append(row)
    rows.sort(key=lambda row: (row["actor"] == "", row["country"], row["actor"], row["direction"], row["month"]))
    amounts = [f"{policy}{ending}" for policy in ordered for ending in _endings(priced=prices is not None)]
    columns = ("country", "service", "direction", "month", *amounts, *(["currency"] if prices else []), "transactions")
    return MonthTable(rows=tuple(rows), columns=columns)


def _endings(*, priced: bool) -> tuple[str, ...]:
    return ("_sat", "_value_minor", "_unpriced_sat") if priced else ("_sat",)


def _known_to_services(
    tables: Session, scope: Scope | None
) -> Iterator[tuple[str, str, str, str, str, dt.datetime, int]]:
    """Trace, service, direction, policy, transaction, its time and satoshis, of all that ends at a service."""
    ends = tables.chosen("endpoints", _at_service)
    traces = {
        row["trace_id"]: (row["direction"], row["policy"])
        for part in tables.parts("traces", ["trace_id", "direction", "policy"])
        for row in part.to_pylist()
    }
    at_service: dict[tuple[str, str, int], str] = {}
    for row in ends.to_pylist():
        if scope is not None and not scope.includes(row["trace_id"]):
            continue
        direction, policy = traces[row["trace_id"]]
        service_id = row["service_id"] or ""
        if direction == _BACKWARD:
            at_service[row["trace_id"], row["txid"], row["output_index"]] = service_id
        else:
            yield row["trace_id"], service_id, direction, policy, row["txid"], row["at_utc"], row["amount_sat"]
    # Backward, a service's output is spent by its withdrawal: the transaction that the step came through.
    steps = [step for step in _steps_to(tables, ends["txid"]) if _to(step) in at_service]
    times = _times(tables, {step["from_txid"] for step in steps})
    for step in steps:
        direction, policy = traces[step["trace_id"]]
        yield (
            step["trace_id"],
            at_service[_to(step)],
            direction,
            policy,
            step["from_txid"],
            times[step["from_txid"]],
            step["amount_sat"],
        )


def _at_service(part: pa.Table) -> pa.Array:
    return pc.or_(pc.equal(part["stop_reason"], _SERVICE), pc.is_valid(part["service_id"]))


def _steps_to(tables: Session, txids: pa.ChunkedArray) -> Iterator[dict[str, Any]]:
    wanted = pc.unique(txids)
    columns = ["trace_id", "from_txid", "to_txid", "to_output_index", "amount_sat"]
    yield from tables.chosen(
        "trace_flows", lambda part: pc.is_in(part["to_txid"], value_set=wanted), columns=columns
    ).to_pylist()


def _to(step: Mapping[str, Any]) -> tuple[str, str, int]:
    return step["trace_id"], step["to_txid"], step["to_output_index"]


def _times(tables: Session, txids: set[str]) -> dict[str, dt.datetime]:
    wanted = pa.array(sorted(txids), pa.string())
    rows = tables.chosen(
        "transactions", lambda part: pc.is_in(part["txid"], value_set=wanted), columns=["txid", "at_utc"]
    )
    return {row["txid"]: row["at_utc"] for row in rows.to_pylist()}
