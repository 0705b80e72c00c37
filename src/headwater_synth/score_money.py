"""Measures of money: addresses, clusters, CoinJoins, endpoints and the satoshis that reach them."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterator
from collections.abc import Set as AbstractSet

from headwater.engine import Session
from headwater_synth.chain import PAYJOIN
from headwater_synth.score_change import change_measures
from headwater_synth.score_truth import Measure, Truth, pair_counts, share

__all__ = ["PROTOCOLS", "money_measures"]

PROTOCOLS = ("wasabi1", "wasabi2", "whirlpool", "joinmarket")
_ANY_ROUND = "joinmarket"  # equal outputs and a change each: what rounds look like that no coordinator shapes
_COINJOIN = "coinjoin"
Origin = tuple[str, str, str, int]  # direction, policy, transaction and output
_EXCLUDED = frozenset({"yes", "abstain"})


def money_measures(tables: Session, truth: Truth) -> Iterator[Measure]:
    """All measures of money, in the order of the reference."""
    yield _platform_addresses(tables, truth)
    yield from _cluster_pairs(tables, truth)
    yield from _coinjoins(tables, truth)
    yield from change_measures(tables, truth)
    yield from _flows(tables, truth)
    yield from _payments(tables, truth)


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


def _coinjoins(tables: Session, truth: Truth) -> Iterator[Measure]:
    """How many CoinJoins are left out of clusters, and how many others with them.

    - `money.coinjoin.excluded`: of the CoinJoins, the share judged yes or abstain.
    - `money.coinjoin.excluded.PROTOCOL`: the same of the rounds of one protocol; `shape` is those of no named one.
    - `money.coinjoin.named.PROTOCOL`: of the rounds of a protocol, the share for which a rule of it answered yes.
    - `money.coinjoin.false.PROTOCOL`: of the transactions for which a rule of that protocol answered yes or abstain,
      the share that is none of its rounds; JoinMarket's form is also that of rounds of no named protocol.
    - `money.coinjoin.false_exclusion`: of the transactions that are no CoinJoin or PayJoin and spend from two scripts
      or more, the share judged yes or abstain: merges that are not made, and traces that stop for nothing.
    - `money.payjoin.merged`: of the PayJoins, the share judged no, so that payer and payee become one cluster.
    """
    kinds = {row["txid"]: row["kind"] for row in truth.transactions}
    rows = tables.arrow("transactions").select(["txid", "coinjoin", "coinjoin_rule"]).to_pylist()
    answers = {row["txid"]: (row["coinjoin"], str(row["coinjoin_rule"]).partition("_")[0]) for row in rows}
    excluded = {txid for txid, (answer, _) in answers.items() if answer in _EXCLUDED}
    rounds = {txid: kind.removeprefix(_COINJOIN).lstrip("_") or "shape" for txid, kind in kinds.items() if _joins(kind)}
    yield _share_of("money.coinjoin.excluded", excluded, rounds)
    for protocol in (*PROTOCOLS, "shape"):
        mine = [txid for txid, name in rounds.items() if name == protocol]
        yield _share_of(f"money.coinjoin.excluded.{protocol}", excluded, mine)
    for protocol in PROTOCOLS:
        mine = [txid for txid, name in rounds.items() if name == protocol]
        named = {txid for txid, answer in answers.items() if answer == ("yes", protocol)}
        yield _share_of(f"money.coinjoin.named.{protocol}", named, mine)
    for protocol in PROTOCOLS:
        said = [txid for txid in excluded if answers[txid][1] == protocol]
        allowed = {protocol, "shape"} if protocol == _ANY_ROUND else {protocol}
        wrong = {txid for txid in said if rounds.get(txid) not in allowed}
        yield _share_of(f"money.coinjoin.false.{protocol}", wrong, said)
    payjoins = {txid for txid, kind in kinds.items() if kind == PAYJOIN}
    others = (_of_several_scripts(tables) & kinds.keys()) - rounds.keys() - payjoins
    yield _share_of("money.coinjoin.false_exclusion", excluded, others)
    yield _share_of("money.payjoin.merged", payjoins - excluded, payjoins)


def _joins(kind: str) -> bool:
    return kind == _COINJOIN or kind.startswith(f"{_COINJOIN}_")


def _of_several_scripts(tables: Session) -> set[str]:
    scripts: dict[str, set[str]] = defaultdict(set)
    for row in tables.arrow("tx_inputs").select(["txid", "script_hex"]).to_pylist():
        scripts[row["txid"]].add(row["script_hex"])
    return {txid for txid, spent in scripts.items() if len(spent) > 1}


def _share_of(name: str, found: AbstractSet[str], expected: Collection[str]) -> Measure:
    return Measure(measure=name, value=share(sum(txid in found for txid in expected), len(expected)), n=len(expected))


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


def _payments(tables: Session, truth: Truth) -> Iterator[Measure]:
    """How many payments lead to somebody who can be asked.

    - `money.payments.reach_service`: of the payments, the share with an endpoint backward at a service that the
      register names.
    - `money.payments.reach_payers_service`: of the payments whose payer is the customer of an exchange, the share with
      such an endpoint at that very exchange.
    """
    actors = {row["service_id"]: row["actor"] for row in tables.arrow("services").to_pylist()}
    origins = {
        row["trace_id"]: (row["origin_txid"], row["origin_output_index"])
        for row in tables.arrow("traces").to_pylist()
        if row["direction"] == "backward"
    }
    reached: dict[tuple[str, int], set[str]] = defaultdict(set)
    for row in tables.arrow("endpoints").to_pylist():
        if row["trace_id"] in origins and row["stop_reason"] == "service" and row["service_id"] in actors:
            reached[origins[row["trace_id"]]].add(actors[row["service_id"]])
    paid = [(row["txid"], int(row["output_index"]), row["exchange"]) for row in truth.payments]
    named = sum(bool(reached[txid, index]) for txid, index, _ in paid)
    yield Measure(measure="money.payments.reach_service", value=share(named, len(paid)), n=len(paid))
    customers = [each for each in paid if each[2]]
    right = sum(exchange in reached[txid, index] for txid, index, exchange in customers)
    yield Measure(measure="money.payments.reach_payers_service", value=share(right, len(customers)), n=len(customers))
