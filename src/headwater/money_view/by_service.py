"""Each service in one line: what reaches it by each rule, what can by any, and how much there is to ask."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from headwater.engine import Session
from headwater.money_view.sums import services_by_id

__all__ = ["ServiceLine", "service_lines"]

_BACKWARD: Final = "backward"


@dataclass(slots=True, kw_only=True)
class ServiceLine:
    """One service, in one direction.

    Attributes:
        service_id: The service.
        direction: backward: its customers withdrew what came to the platform; forward: they paid in what left it.
        service: The row of the register.
        by_policy: Satoshis that end there, by policy.
        bound_sat: No rule brings more there: for each receipt the lesser of it and what these outputs can hold of it.
        bound_is_whole: Whether the case asked for poison, so that outputs which no other rule reaches are in the bound.
        ends: Outputs of it at which any policy stops.
        questions: Things to ask it about in this direction.
        first_at_utc: Of the first of the blocks of these outputs.
        last_at_utc: Of the last.
    """

    service_id: str
    direction: str
    service: Mapping[str, Any]
    by_policy: dict[str, int] = field(default_factory=dict)
    bound_sat: int = 0
    bound_is_whole: bool = False
    ends: int = 0
    questions: int = 0
    first_at_utc: dt.datetime | None = None
    last_at_utc: dt.datetime | None = None

    @property
    def least_sat(self) -> int:
        """The least of any policy."""
        return min(self.by_policy.values(), default=0)

    @property
    def most_sat(self) -> int:
        """The most of any policy."""
        return max(self.by_policy.values(), default=0)

    def as_row(self) -> dict[str, Any]:
        """The line for programs."""
        names = ("actor", "name", "country", "kind", "legal_contact")
        return {
            "kind": "service",
            "service_id": self.service_id,
            **{("service_kind" if name == "kind" else name): self.service.get(name) for name in names},
            "direction": self.direction,
            **{f"{policy}_sat": amount_sat for policy, amount_sat in sorted(self.by_policy.items())},
            "bound_sat": self.bound_sat,
            "bound_is_whole": self.bound_is_whole,
            "outputs": self.ends,
            "questions": self.questions,
            "first_at_utc": self.first_at_utc,
            "last_at_utc": self.last_at_utc,
        }


def service_lines(tables: Session) -> list[ServiceLine]:
    """The services that anything ends at: those who can name a payer first, each with most satoshis first.

    Args:
        tables: The case's tables.
    """
    services = services_by_id(tables)
    lines: dict[tuple[str, str], ServiceLine] = {}
    outputs: dict[tuple[str, str], set[tuple[str, int]]] = {}
    traces: dict[str, tuple[str, str, tuple[str, int], int]] = {}
    policies: dict[str, set[str]] = {}
    columns: tuple[str, ...] = ("trace_id", "direction", "policy", "origin_txid", "origin_output_index", "origin_sat")
    for row in _rows(tables, "traces", columns):
        receipt = (row["origin_txid"], row["origin_output_index"])
        traces[row["trace_id"]] = (row["direction"], row["policy"], receipt, row["origin_sat"])
        policies.setdefault(row["direction"], set()).add(row["policy"])
    # For each service, direction and receipt: what each of its outputs can hold of that receipt.
    bounds: dict[tuple[str, str], dict[tuple[str, int], dict[tuple[str, int], int]]] = {}
    held: dict[tuple[str, int], int] = {receipt: sat for _, _, receipt, sat in traces.values()}

    def line_of(service_id: str, direction: str) -> ServiceLine:
        key = (service_id, direction)
        if key not in lines:
            by_policy = dict.fromkeys(sorted(policies.get(direction, ())), 0)
            lines[key] = ServiceLine(
                service_id=service_id,
                direction=direction,
                service=services.get(service_id, {}),
                by_policy=by_policy,
            )
        return lines[key]

    columns = ("trace_id", "service_id", "txid", "output_index", "amount_sat", "bound_sat", "at_utc")
    for row in _rows(tables, "endpoints", columns):
        if not row["service_id"]:
            continue
        direction, policy, receipt, _ = traces[row["trace_id"]]
        line, key = line_of(row["service_id"], direction), (row["service_id"], direction)
        output = (row["txid"], row["output_index"])
        line.by_policy[policy] = line.by_policy.get(policy, 0) + row["amount_sat"]
        outputs.setdefault(key, set()).add(output)
        bounds.setdefault(key, {}).setdefault(receipt, {})[output] = row["bound_sat"]
        line.first_at_utc = min(filter(None, (line.first_at_utc, row["at_utc"])))
        line.last_at_utc = max(filter(None, (line.last_at_utc, row["at_utc"])))
    whole = False
    columns = ("direction", "origin_txid", "origin_output_index", "txid", "output_index", "service_id", "bound_sat")
    for row in _rows(tables, "trace_bounds", columns):
        whole = True
        if row["service_id"]:
            line_of(row["service_id"], row["direction"])
            key, receipt = (row["service_id"], row["direction"]), (row["origin_txid"], row["origin_output_index"])
            bounds.setdefault(key, {}).setdefault(receipt, {})[row["txid"], row["output_index"]] = row["bound_sat"]
    for row in _rows(tables, "request_sheets", ("service_id", "direction")):
        line_of(row["service_id"], row["direction"]).questions += 1
    for key, line in lines.items():
        line.ends = len(outputs.get(key, ()))
        line.bound_is_whole = whole
        line.bound_sat = sum(
            min(held.get(receipt, 0), sum(of_output.values())) for receipt, of_output in bounds.get(key, {}).items()
        )
    return sorted(
        lines.values(),
        key=lambda line: (line.direction != _BACKWARD, -line.most_sat, -line.bound_sat, line.service_id),
    )


def _rows(tables: Session, name: str, columns: tuple[str, ...]) -> Iterator[dict[str, Any]]:
    for part in tables.parts(name, columns):
        yield from part.to_pylist()
