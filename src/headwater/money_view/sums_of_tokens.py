"""Where base units that were followed came to rest, summed for each token and direction; nothing is left out."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from headwater.engine import Session
from headwater.errors import IntegrityError
from headwater.money_view.sums import services_by_id

__all__ = ["TokenEnd", "TokenSums", "token_end_rows", "token_sums"]

FEE = "fee"


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class TokenEnd:
    """Where base units stop.

    Attributes:
        stop_reason: As the table `token_endpoints` says; `fee` for what went to those who make blocks.
        service_id: The service, where it is one that the register names.
        label: What it is called.
    """

    stop_reason: str
    service_id: str
    label: str


@dataclass(slots=True, kw_only=True)
class TokenSums:
    """Sums of one token and direction; `origin_units` is all of `ends` together.

    Attributes:
        chain: Its chain.
        token_contract: Its contract.
        token_symbol: Its symbol.
        decimals: A whole token is ten to this power of base units.
        direction: backward or forward.
        origins: Receipts or payouts followed.
        origin_units: Base units of them.
        ends: Base units by end.
    """

    chain: str
    token_contract: str
    token_symbol: str | None
    decimals: int
    direction: str
    origins: int = 0
    origin_units: int = 0
    ends: dict[TokenEnd, int] = field(default_factory=dict)

    def most_first(self) -> list[tuple[TokenEnd, int]]:
        """The ends, those with most base units first."""
        return sorted(self.ends.items(), key=lambda item: (-item[1], item[0]))


def token_sums(tables: Session) -> list[TokenSums]:
    """The sums of everything that was followed, in order of chain, contract and direction.

    Raises:
        IntegrityError: A token and direction holds more or fewer base units at its ends than it began with.
    """
    services = services_by_id(tables)
    found: dict[tuple[str, str, str], TokenSums] = {}
    of_trace: dict[str, TokenSums] = {}
    for row in tables.arrow("token_traces").to_pylist():
        sums = found.setdefault(
            (row["chain"], row["token_contract"], row["direction"]),
            TokenSums(
                chain=row["chain"],
                token_contract=row["token_contract"],
                token_symbol=row["token_symbol"],
                decimals=row["decimals"],
                direction=row["direction"],
            ),
        )
        of_trace[row["trace_id"]] = sums
        sums.origins += 1
        sums.origin_units += int(row["origin_units"])
        if int(row["fee_units"]):
            _add(sums, TokenEnd(stop_reason=FEE, service_id="", label="transaction fee"), int(row["fee_units"]))
    for row in tables.arrow("token_endpoints").to_pylist():
        service = services.get(row["service_id"] or "")
        words = row["stop_reason"].replace("_", " ")
        named = f"{service['name']} ({service['country']})" if service else ""
        label = named if row["stop_reason"] == "service" else f"{named}, {words}".removeprefix(", ")
        end = TokenEnd(
            stop_reason=row["stop_reason"], service_id=row["service_id"] or "", label=label or "service not named"
        )
        _add(of_trace[row["trace_id"]], end, int(row["amount_units"]))
    for sums in found.values():
        ended = sum(sums.ends.values())
        if ended != sums.origin_units:
            raise IntegrityError(
                f"{sums.chain} {sums.token_contract}, {sums.direction}: {sums.origin_units} base units were followed "
                f"and {ended} are at ends; run 'headwater verify'"
            )
    return [found[key] for key in sorted(found)]


def token_end_rows(tables: Session, sums: TokenSums, end: TokenEnd) -> list[dict[str, Any]]:
    """The rows that a sum at an end is made of, those with most base units first.

    Args:
        tables: The tables of the case.
        sums: The token and direction.
        end: One of its ends.

    Returns:
        Of each the table and its id, the trace, transaction, address, base units, transfers from the platform and time;
        of a fee there is the trace alone.
    """
    own = (sums.chain, sums.token_contract, sums.direction)
    traces = {
        row["trace_id"]: row
        for row in tables.arrow("token_traces").to_pylist()
        if (row["chain"], row["token_contract"], row["direction"]) == own
    }
    if end.stop_reason == FEE:
        found = [
            {
                "table": "token_traces",
                "row_id": row["trace_id"],
                "trace_id": row["trace_id"],
                "txid": None,
                "address": "",
                "amount_units": int(row["fee_units"]),
                "hops": None,
                "at_utc": None,
            }
            for row in traces.values()
            if int(row["fee_units"])
        ]
    else:
        found = [
            {
                "table": "token_endpoints",
                "row_id": row["endpoint_id"],
                "amount_units": int(row["amount_units"]),
                **{name: row[name] for name in ("trace_id", "txid", "address", "hops", "at_utc")},
            }
            for row in tables.arrow("token_endpoints").to_pylist()
            if row["trace_id"] in traces
            and (row["stop_reason"], row["service_id"] or "") == (end.stop_reason, end.service_id)
        ]
    return sorted(found, key=lambda row: (-row["amount_units"], row["row_id"]))


def _add(sums: TokenSums, end: TokenEnd, units: int) -> None:
    sums.ends[end] = sums.ends.get(end, 0) + units
