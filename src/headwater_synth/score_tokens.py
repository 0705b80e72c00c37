"""Token transfers measured against the truth."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from headwater.engine import Session
from headwater_synth.score_truth import Measure, Truth, share

__all__ = ["token_measures"]

Place = tuple[str, int, int]
"""Chain, block, and the place in it: what names a transfer on either side."""


def token_measures(tables: Session, truth: Truth) -> Iterator[Measure]:
    """How far traces of tokens, and marks of what is not to be followed, are from the truth.

    - `token.taint_error_units`: base units that stand at an end where they do not belong, or lack where they do, by
      direction, origin and stop reason; of all tokens together. n is the ends of the truth.
    - `token.endpoint.recall`: of the services that a receipt or payout truly leads to, the share among its endpoints.
    - `token.marks.recall`: of the transfers planted to deceive, the share that bears its mark.
    - `token.marks.false`: of the marks, the share on transfers that are what they seem.
    """
    places = _places(tables)
    actors = {row["service_id"]: row["actor"] for row in tables.arrow("services").to_pylist()}
    origins = {
        row["trace_id"]: (row["direction"], places[row["transfer_id"]])
        for row in tables.arrow("token_traces").to_pylist()
    }
    found: Counter[tuple[Any, ...]] = Counter()
    found_services = set()
    for row in tables.arrow("token_endpoints").to_pylist():
        origin = origins[row["trace_id"]]
        found[*origin, places[row["move_id"]], row["stop_reason"]] += int(row["amount_units"])
        if row["service_id"] in actors:
            found_services.add((*origin, actors[row["service_id"]]))
    true: Counter[tuple[Any, ...]] = Counter()
    true_services = set()
    for flow in truth.token_flows:
        origin = (flow["direction"], _place(flow, "origin_"))
        true[*origin, _place(flow, "endpoint_"), flow["stop_reason"]] += int(flow["amount_units"])
        if flow["stop_reason"] == "service":
            true_services.add((*origin, flow["service_actor"]))
    error = sum(abs(true[key] - found[key]) for key in true.keys() | found.keys())
    yield Measure(measure="token.taint_error_units", value=error if true else None, n=len(true))
    reached = len(true_services & found_services)
    value = share(reached, len(true_services))
    yield Measure(measure="token.endpoint.recall", value=value, n=len(true_services))
    planted = {(_place(row, ""), row["mark"]) for row in truth.token_marks}
    marked = {(places[row["transfer_id"]], row["mark"]) for row in tables.arrow("token_marks").to_pylist()}
    value = share(len(planted & marked), len(planted))
    yield Measure(measure="token.marks.recall", value=value, n=len(planted))
    value = share(len(marked - planted), len(marked)) if planted else None
    yield Measure(measure="token.marks.false", value=value, n=len(marked))


def _places(tables: Session) -> dict[str, Place]:
    """The place of every transfer and event of an issuer by its id."""
    return {
        row[key]: (row["chain"], row["block_number"], row["position"])
        for name, key in (("token_transfers", "transfer_id"), ("issuer_events", "issuer_event_id"))
        for row in tables.arrow(name).to_pylist()
    }


def _place(row: Mapping[str, str], prefix: str) -> Place:
    return row["chain"], int(row[f"{prefix}block"]), int(row[f"{prefix}position"])
