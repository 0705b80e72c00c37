"""Measures of money: addresses, clusters, CoinJoins, endpoints and the satoshis that reach them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from headwater.engine import Session
from headwater_synth.score_truth import Measure, Truth, pair_counts, share

__all__ = ["money_measures"]

Origin = tuple[str, str, str, int]  # direction, policy, transaction and output
_EXCLUDED = frozenset({"yes", "abstain"})


def money_measures(tables: Session, truth: Truth) -> Iterator[Measure]:
    """All measures of money, in the order of the reference."""
    yield _platform_addresses(tables, truth)
    yield from _cluster_pairs(tables, truth)
    yield _coinjoins(tables, truth)
    yield from _flows(tables, truth)


def _platform_addresses(tables: Session, truth: Truth) -> Measure:
    """`money.platform_addresses.recall`: of the platform's addresses that it gave out or used, the share derived."""
    expected = {row["script_hex"] for row in truth.addresses if row["kind"] == "platform"}
    found = set(tables.arrow("platform_addresses")["script_hex"].to_pylist())
    value = share(len(expected & found), len(expected))
    return Measure(measure="money.platform_addresses.recall", value=value, n=len(expected))


def _cluster_pairs(tables: Session, truth: Truth) -> Iterator[Measure]:
    """Pairs of addresses under one control, against pairs of one address cluster.

    Only addresses that were spent from count: spending together shows no other. `money.cluster.pair_precision` is the
    share of the pairs found that are true, `money.cluster.pair_recall` the share of the true pairs that are found.
    """
    spent_from = set(tables.arrow("tx_inputs")["script_hex"].unique().to_pylist())
    owners = {
        row["script_hex"]: row["cluster_expected"]
        for row in truth.addresses
        if row["cluster_expected"] and row["script_hex"] in spent_from
    }
    clusters = tables.arrow("address_clusters").select(["script_hex", "address_cluster_id"]).to_pylist()
    found = {row["script_hex"]: row["address_cluster_id"] for row in clusters}
    pairs = pair_counts(owners, found)
    yield Measure(measure="money.cluster.pair_precision", value=share(pairs.both, pairs.found), n=pairs.found)
    yield Measure(measure="money.cluster.pair_recall", value=share(pairs.both, pairs.expected), n=pairs.expected)


def _coinjoins(tables: Session, truth: Truth) -> Measure:
    """`money.coinjoin.excluded`: of the CoinJoins, the share judged yes or abstain, which clusters leave out."""
    expected = [row["txid"] for row in truth.transactions if row["kind"] == "coinjoin"]
    rows = tables.arrow("transactions").select(["txid", "coinjoin"]).to_pylist()
    excluded = {row["txid"] for row in rows if row["coinjoin"] in _EXCLUDED}
    value = share(sum(txid in excluded for txid in expected), len(expected))
    return Measure(measure="money.coinjoin.excluded", value=value, n=len(expected))


def _flows(tables: Session, truth: Truth) -> Iterator[Measure]:
    """Where traces end.

    - `money.endpoint.recall`: of the services that each receipt truly leads to, by direction and policy, the share
      among the endpoints of that trace.
    - `money.taint_error_sat`: satoshis that stand at an output where they do not belong or lack where they do, summed
      over the endpoints of the truth and those found, by direction, policy and receipt; n is the satoshis of the truth.
    """
    actors = {row["service_id"]: row["actor"] for row in tables.arrow("services").to_pylist()}
    columns = ["trace_id", "direction", "policy", "origin_txid", "origin_output_index"]
    origins: dict[str, Origin] = {
        row["trace_id"]: (row["direction"], row["policy"], row["origin_txid"], row["origin_output_index"])
        for row in tables.arrow("traces").select(columns).to_pylist()
    }
    found_services: set[tuple[Origin, str]] = set()
    found_sat: Counter[tuple[Origin, str, int]] = Counter()
    for row in tables.arrow("endpoints").to_pylist():
        origin = origins[row["trace_id"]]
        found_sat[origin, row["txid"], row["output_index"]] += row["amount_sat"]
        if row["stop_reason"] == "service" and row["service_id"] in actors:
            found_services.add((origin, actors[row["service_id"]]))

    true_services: set[tuple[Origin, str]] = set()
    true_sat: Counter[tuple[Origin, str, int]] = Counter()
    for flow in truth.flows:
        origin = (flow["direction"], flow["policy"], flow["origin_txid"], int(flow["origin_output_index"]))
        true_sat[origin, flow["endpoint_txid"], int(flow["endpoint_output_index"])] += int(flow["amount_sat"])
        if flow["endpoint_kind"] == "service":
            true_services.add((origin, flow["service_actor"]))

    reached = len(true_services & found_services)
    value = share(reached, len(true_services))
    yield Measure(measure="money.endpoint.recall", value=value, n=len(true_services))
    compared_sat = sum(true_sat.values())
    error_sat = sum(abs(true_sat[key] - found_sat[key]) for key in true_sat.keys() | found_sat.keys())
    yield Measure(measure="money.taint_error_sat", value=error_sat if compared_sat else None, n=compared_sat)
