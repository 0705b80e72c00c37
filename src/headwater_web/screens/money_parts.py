"""What the screens of money share: addresses of sums, policies, bars, and cells that lead on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from headwater.money_view import End, btc_text
from headwater_web.answers import WrongInputError
from headwater_web.ask import Ask
from headwater_web.text import Seized

__all__ = ["BOUND", "amount_parts", "cluster_url", "end_key", "ends_url", "policy_asked", "policy_links", "row_links",
           "tx_url"]  # fmt: skip

BOUND: Final = "bound"


def policy_asked(ask: Ask, policies: Sequence[str]) -> str:
    """The policy that the address names; the first where it names none; empty where nothing was followed.

    Raises:
        WrongInputError: Nothing was followed by the one it names.
    """
    asked = ask.one("policy")
    if asked and asked not in {*policies, BOUND}:
        raise WrongInputError("problem.no_policy", policies=", ".join([*policies, BOUND]))
    return asked or next(iter(policies), "")


def policy_links(ask: Ask, policies: Sequence[str], policy: str, **values: object) -> list[dict[str, Any]]:
    """The switch: one address for each policy, and for the bound."""
    names = [*policies, BOUND] if policies else []
    route = ask.route.name
    return [{"policy": one, "href": ask.url(route, policy=one, **values), "here": one == policy} for one in names]


def end_key(end: End) -> str:
    """An end as an address names it."""
    return f"{end.stop_reason}:{end.service_id}" if end.service_id else end.stop_reason


def ends_url(
    ask: Ask,
    policy: str,
    direction: str,
    ends: Sequence[str],
    hops: tuple[int, int | None] | None = None,
    first: int = 0,
) -> str:
    """The address of the rows behind a sum."""
    between = None if hops is None else f"{hops[0]}-{'' if hops[1] is None else hops[1]}"
    return ask.url(
        "money_ends", policy=policy, direction=direction, end=list(ends), hops=between, first=first or None
    )  # fmt: skip


def amount_parts(least_sat: int, most_sat: int, bound_sat: int, followed_sat: int) -> list[tuple[str, int, int, str]]:
    """A bar of what reaches a service: by every rule, by some, by none but perhaps; of all that was followed."""
    if not followed_sat:
        return []
    edges = [0, *(1000 * min(sat, followed_sat) // followed_sat for sat in (least_sat, most_sat, bound_sat))]
    words = (f"{btc_text(least_sat)} BTC", f"{btc_text(most_sat)} BTC", f"{btc_text(bound_sat)} BTC")
    kinds = ("least", "most", "bound")
    return [
        (kind, edges[at], max(0, edges[at + 1] - edges[at]), words[at])
        for at, kind in enumerate(kinds)
        if edges[at + 1] > edges[at]
    ]


def tx_url(ask: Ask, txid: str | None) -> str:
    """Where a transaction's row is."""
    return ask.url("row", table="transactions", **{"is.txid": txid}) if txid else ""


def cluster_url(ask: Ask, wanted: str | None) -> str:
    """Where the cluster of an address is shown."""
    return ask.url("money_cluster", cluster=wanted) if wanted else ""


def row_links(ask: Ask, row: Mapping[str, Any], label: str) -> dict[str, Any]:
    """An endpoint with where each part of it leads."""
    return {
        **row,
        "label": Seized(label),
        "btc": btc_text(row["amount_sat"]),
        "href": ask.url("row", table="endpoints", **{"is.endpoint_id": row["endpoint_id"]})
        if row["endpoint_id"]
        else ask.url("row", table="traces", **{"is.trace_id": row["trace_id"]}),
        "trace": ask.url("table", table="trace_flows", **{"is.trace_id": row["trace_id"]}),
        "service": ask.url("money_service", service=row["service_id"]) if row["service_id"] else "",
        "tx": tx_url(ask, row["txid"]),
        "cluster": cluster_url(ask, row["address"]),
    }
