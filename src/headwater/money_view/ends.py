"""The rows behind a sum of the view: where the satoshis of which receipt stopped, with the sum that they give."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from headwater.engine import Session
from headwater.money_view.sums import FEE, End

__all__ = ["END_COLUMNS", "EndRows", "end_rows"]

END_COLUMNS: Final = (
    "stop_reason",
    "service_id",
    "amount_sat",
    "bound_sat",
    "hops",
    "at_utc",
    "address",
    "txid",
    "output_index",
    "trace_id",
    "endpoint_id",
)
_READ: Final = [*END_COLUMNS]
_SCHEMA: Final = pa.schema(
    [
        *((name, pa.string()) for name in END_COLUMNS[:2]),
        *((name, pa.int64()) for name in END_COLUMNS[2:5]),
        ("at_utc", pa.timestamp("us", tz="UTC")),
        ("address", pa.string()),
        ("txid", pa.string()),
        ("output_index", pa.int64()),
        ("trace_id", pa.string()),
        ("endpoint_id", pa.string()),
    ],
)


@dataclass(frozen=True, slots=True, kw_only=True)
class EndRows:
    """Rows and their sum.

    Attributes:
        rows: With `END_COLUMNS`, most satoshis first; of a fee `stop_reason` is `transaction fee`, and there is neither
            endpoint, output nor hops.
        amount_sat: Of all of them.
    """

    rows: pa.Table
    amount_sat: int

    def page(self, first: int, count: int) -> list[dict[str, Any]]:
        """Some of the rows."""
        return list(self.rows.slice(first, count).to_pylist())


def end_rows(
    tables: Session,
    *,
    direction: str,
    policy: str,
    ends: Collection[End] | None = None,
    hops: tuple[int, int | None] | None = None,
) -> EndRows:
    """The rows of one direction and policy that stop at some ends, over so many transactions.

    Args:
        tables: The case's tables.
        direction: backward or forward.
        policy: The rule of attribution.
        ends: Where they stop; None for anywhere.
        hops: Least and most transactions on the way, the latter None for no limit; None for any. Fees fall anywhere on
            the way, so that they fit no number.
    """
    traces = tables.chosen(
        "traces",
        lambda part: pc.and_(pc.equal(part["direction"], direction), pc.equal(part["policy"], policy)),
        columns=["trace_id", "direction", "policy", "fee_sat"],
    )
    wanted = pc.unique(traces["trace_id"])
    found = tables.chosen("endpoints", _keeps(wanted, ends, hops), columns=_READ).select(END_COLUMNS).cast(_SCHEMA)
    if hops is None and (ends is None or End(stop_reason=FEE) in ends):
        with_fee = traces.filter(pc.greater(traces["fee_sat"], 0))
        fees = pa.table(
            {
                **{name: pa.nulls(with_fee.num_rows, _SCHEMA.field(name).type) for name in END_COLUMNS},
                "stop_reason": pa.array([FEE] * with_fee.num_rows, pa.string()),
                "amount_sat": with_fee["fee_sat"],
                "trace_id": with_fee["trace_id"],
            },
            schema=_SCHEMA,
        )
        found = pa.concat_tables([found, fees])
    ordered = found.sort_by([("amount_sat", "descending"), ("trace_id", "ascending"), ("endpoint_id", "ascending")])
    return EndRows(rows=ordered, amount_sat=pc.sum(ordered["amount_sat"]).as_py() or 0)


def _keeps(
    trace_ids: pa.Array, ends: Collection[End] | None, hops: tuple[int, int | None] | None
) -> Callable[[pa.Table], pa.Array]:
    def keeps(part: pa.Table) -> pa.Array:
        kept = pc.is_in(part["trace_id"], value_set=trace_ids)
        if hops is not None:
            low, high = hops
            kept = pc.and_(kept, pc.greater_equal(part["hops"], low))
            kept = kept if high is None else pc.and_(kept, pc.less_equal(part["hops"], high))
        if ends is not None:
            kept = pc.and_(kept, _at(part, ends))
        return kept

    return keeps


def _at(part: pa.Table, ends: Collection[End]) -> pa.Array:
    """Whether each endpoint is at one of these; reason and service together."""
    mask = pa.array([False] * part.num_rows)
    services = pc.fill_null(part["service_id"], "")
    by_reason: dict[str, list[str]] = {}
    for end in ends:
        by_reason.setdefault(end.stop_reason, []).append(end.service_id)
    for reason, service_ids in sorted(by_reason.items()):
        at = pc.is_in(services, value_set=pa.array(sorted(service_ids), pa.string()))
        mask = pc.or_(mask, pc.and_(pc.equal(part["stop_reason"], reason), at))
    return mask
