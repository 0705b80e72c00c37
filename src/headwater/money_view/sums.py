"""Where the satoshis that were followed came to rest, summed for each direction and policy; nothing is left out.

Stop reasons and policies are taken from the tables as they are, never from a list kept here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from headwater.engine import Session
from headwater.errors import IntegrityError

__all__ = ["FEE", "UNNAMED", "End", "FlowSums", "MoneySums", "Scope", "money_sums", "services_by_id"]

FEE: Final = "transaction fee"
UNNAMED: Final = "other services"
"""Services that may not be named to whoever reads."""
_SERVICE: Final = "service"


class Scope(Protocol):
    """Which traces are summed, and which ends of them may be named."""

    def includes(self, trace_id: str) -> bool:
        """Whether the trace counts."""

    def names(self, trace_id: str, service_id: str) -> bool:
        """Whether the service may be named as an end of this trace."""


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class End:
    """Where satoshis stop.

    Attributes:
        stop_reason: As the table `endpoints` says; `transaction fee` for what went to miners, `other services` for what
            may not be named.
        service_id: The service, where it is one that the register names.
    """

    stop_reason: str
    service_id: str = ""

    @property
    def is_named_service(self) -> bool:
        """Whether lawful process has an address here."""
        return bool(self.service_id)


@dataclass(slots=True, kw_only=True)
class FlowSums:
    """Sums of one direction and policy; `origin_sat` is all of `by_end` together.

    Attributes:
        direction: backward or forward.
        policy: The rule of attribution.
        receipts: Receipts followed.
        origin_sat: Satoshis of them.
        by_end: Satoshis by end and by transactions on the way; None for fees, which fall anywhere on it.
    """

    direction: str
    policy: str
    receipts: int = 0
    origin_sat: int = 0
    by_end: dict[tuple[End, int | None], int] = field(default_factory=dict)

    @property
    def ends(self) -> dict[End, int]:
        """Satoshis by end, most first."""
        sums: dict[End, int] = {}
        for (end, _), amount_sat in self.by_end.items():
            sums[end] = sums.get(end, 0) + amount_sat
        return dict(sorted(sums.items(), key=lambda item: (-item[1], item[0])))

    @property
    def named_sat(self) -> int:
        """Satoshis that reach a service which the register names."""
        return sum(amount_sat for end, amount_sat in self.ends.items() if end.is_named_service)


@dataclass(frozen=True, slots=True, kw_only=True)
class MoneySums:
    """All sums of a case.

    Attributes:
        flows: Sums by direction and policy, in that order.
        services: Rows of `services` by id.
    """

    flows: tuple[FlowSums, ...]
    services: Mapping[str, Mapping[str, Any]]

    def policies(self) -> tuple[str, ...]:
        """The policies that anything was followed by."""
        return tuple(sorted({flow.policy for flow in self.flows}))

    def of_policy(self, policy: str) -> tuple[FlowSums, ...]:
        """The sums of one policy, by direction."""
        return tuple(flow for flow in self.flows if flow.policy == policy)

    def bounds(self) -> dict[str, tuple[int, int, int]]:
        """For each direction: least and most that reach a named service by any policy, and all that was followed."""
        found: dict[str, list[FlowSums]] = {}
        for flow in self.flows:
            found.setdefault(flow.direction, []).append(flow)
        return {
            direction: (
                min(flow.named_sat for flow in flows),
                max(flow.named_sat for flow in flows),
                max(flow.origin_sat for flow in flows),
            )
            for direction, flows in found.items()
        }

    def label(self, end: End) -> str:
        """What an end is called."""
        words = end.stop_reason.replace("_", " ")
        if not end.is_named_service:
            return "service not named" if end.stop_reason == _SERVICE else words
        service = self.services.get(end.service_id)
        name = end.service_id if service is None else f"{service['name']} ({service['country']})"
        return name if end.stop_reason == _SERVICE else f"{name}, {words}"


def money_sums(tables: Session, scope: Scope | None = None) -> MoneySums:
    """The sums of everything that was followed, or of what a scope includes.

    Args:
        tables: The case's tables.
        scope: What is summed and named; None for all.

    Raises:
        IntegrityError: A direction and policy holds more or fewer satoshis at its ends than it began with.
    """
    flows: dict[tuple[str, str], FlowSums] = {}
    of_trace: dict[str, FlowSums] = {}
    for row in _rows(tables, "traces", ("trace_id", "direction", "policy", "origin_sat", "fee_sat")):
        if scope is not None and not scope.includes(row["trace_id"]):
            continue
        key = (row["direction"], row["policy"])
        flow = flows.setdefault(key, FlowSums(direction=key[0], policy=key[1]))
        of_trace[row["trace_id"]] = flow
        flow.receipts += 1
        flow.origin_sat += row["origin_sat"]
        if row["fee_sat"]:
            _add(flow, End(stop_reason=FEE), None, row["fee_sat"])
    for row in _rows(tables, "endpoints", ("trace_id", "stop_reason", "service_id", "hops", "amount_sat")):
        if scope is not None and not scope.includes(row["trace_id"]):
            continue
        service_id = row["service_id"] or ""
        end = End(stop_reason=row["stop_reason"], service_id=service_id)
        if scope is not None and service_id and not scope.names(row["trace_id"], service_id):
            end = End(stop_reason=UNNAMED)
        _add(of_trace[row["trace_id"]], end, row["hops"], row["amount_sat"])
    for flow in flows.values():
        ended_sat = sum(flow.by_end.values())
        if ended_sat != flow.origin_sat:
            raise IntegrityError(
                f"{flow.direction}, {flow.policy}: {flow.origin_sat} satoshis were followed and {ended_sat} are at "
                "ends; run 'headwater verify'"
            )
    return MoneySums(flows=tuple(flows[key] for key in sorted(flows)), services=services_by_id(tables))


def services_by_id(tables: Session) -> dict[str, Mapping[str, Any]]:
    """The service register by id."""
    return {row["service_id"]: row for row in tables.arrow("services").to_pylist()}


def _rows(tables: Session, name: str, columns: tuple[str, ...]) -> Iterator[dict[str, Any]]:
    for part in tables.parts(name, columns):
        yield from part.to_pylist()


def _add(flow: FlowSums, end: End, hops: int | None, amount_sat: int) -> None:
    flow.by_end[end, hops] = flow.by_end.get((end, hops), 0) + amount_sat
