"""Why traces stop: each reason where it holds and nowhere else, what the endpoint says of it, and that guards bite."""

from __future__ import annotations

from collections import defaultdict
from itertools import pairwise
from types import SimpleNamespace

import numpy as np
import pytest

from headwater.engine import Session
from headwater.errors import ConfigError
from headwater.money import POLICIES, proof_path, tracing
from headwater.money.block_layout import MAX_MONEY_SAT
from headwater.money.coinjoin import CoinjoinVerdict
from headwater.money.poison import poison_bounds
from headwater.money.snapshot import ABSENT, Snapshot
from headwater.money.stops import STOP_REASONS, StopRules
from headwater.money.trace_all import further_policies
from headwater.money.tracing import Tracer
from headwater.schema import content_id, table_named
from headwater.workflow import way_back

DAY_S = 86_400


def with_rows(case, name, change):
    rows = case.inputs[name].to_pylist()
    return {**case.inputs, name: table_named(name).rows(change(rows))}


def stops(tables, reason):
    return [row for row in tables["endpoints"].to_pylist() if row["stop_reason"] == reason]


def places(rows):
    return {(row["trace_id"], row["txid"], row["output_index"], row["amount_sat"]) for row in rows}


def conserved(tables):
    ends = defaultdict(int)
    for row in tables["endpoints"].to_pylist():
        ends[row["trace_id"]] += row["amount_sat"]
    return all(row["origin_sat"] == ends[row["trace_id"]] + row["fee_sat"] for row in tables["traces"].to_pylist())


def test_a_bridge_stops_a_trace_where_a_service_would_and_is_not_taken_for_one(case, run_money):
    def bridging(rows):
        return [{**row, "category": "defi_bridge"} for row in rows]

    inputs = with_rows(case, "tags", bridging)
    assert not stops(run_money(case.folder, inputs), "bridge"), "the register says that these are custodial"
    for services in ([], [{**row, "custodial": False} for row in inputs["services"].to_pylist()]):
        inputs["services"] = table_named("services").rows(services)
        tables = run_money(case.folder, inputs)
        assert not stops(tables, "service")
        bridges = stops(tables, "bridge")
        assert places(bridges) == places(stops(case.tables, "service"))
        assert all(row["tag_id"] and row["tagged_address"] for row in bridges)
        assert any(row["service_id"] for row in bridges) == bool(services)
        assert bool(tables["request_sheets"].num_rows) == bool(services)
        assert conserved(tables)


def test_an_alias_of_an_actor_pack_joins_a_tag_to_the_register(case, run_money):
    def short(rows):
        return [{**row, "actor": row["actor"].split()[0].lower()} for row in rows]

    inputs = with_rows(case, "tags", short)
    nobody = run_money(case.folder, inputs)
    assert not stops(nobody, "service") or not any(row["service_id"] for row in stops(nobody, "service"))
    names = sorted({row["actor"] for row in case.inputs["tags"].to_pylist()})
    inputs["actors"] = table_named("actors").rows(
        {
            "actor_id": f"act-{name}",
            "reference_name": "pack",
            "reference_version": "1",
            "reference_row": 0,
            "actor": f"{name} Group".replace(" ", "_"),
            "label": name,
            # The register's names have spaces, which no alias has; so the register is asked by ids here.
            "aliases": f"{name.split()[0].lower()} {name.replace(' ', '_')}",
        }
        for name in names
    )
    inputs["services"] = table_named("services").rows(
        {**row, "actor": row["actor"].replace(" ", "_")} for row in case.inputs["services"].to_pylist()
    )
    tables = run_money(case.folder, inputs)
    found = [(row["trace_id"], row["txid"], row["service_id"]) for row in stops(tables, "service")]
    assert found == [(row["trace_id"], row["txid"], row["service_id"]) for row in stops(case.tables, "service")]
    assert all(service for *_, service in found)
    assert {row["actor"] for row in tables["cluster_tags"].to_pylist()} == {name.split()[0].lower() for name in names}


def test_a_tag_of_an_address_alone_is_not_extended_to_its_cluster(case, run_money):
    assert any(row["address"] != row["tagged_address"] for row in stops(case.tables, "service")), (
        "else nothing is shown"
    )
    alone = run_money(
        case.folder, with_rows(case, "tags", lambda rows: [{**row, "is_cluster_definer": False} for row in rows])
    )
    stated = run_money(
        case.folder, with_rows(case, "tags", lambda rows: [{**row, "is_cluster_definer": True} for row in rows])
    )
    assert stated["endpoints"].equals(case.tables["endpoints"])
    direct = {row["address"] for row in case.inputs["tags"].to_pylist()}
    ended = stops(alone, "service")
    assert all(row["address"] == row["tagged_address"] for row in ended)
    assert {row["address"] for row in ended} <= direct
    assert len(ended) < len(stops(case.tables, "service"))
    assert alone["cluster_tags"].equals(case.tables["cluster_tags"])
    assert conserved(alone)


def test_of_a_cluster_only_the_tags_that_are_about_it_are_taken_over(case, run_money):
    """A second tag that is about one address alone disagrees with nobody, and is nearer to its own address."""
    ended = next(row for row in stops(case.tables, "service") if row["address"] != row["tagged_address"])
    other = {
        **case.inputs["tags"].to_pylist()[0], "tag_id": "tag-other", "address": ended["address"], "actor": "Dogwood",
        "is_cluster_definer": False,
    }  # fmt: skip
    tables = run_money(case.folder, with_rows(case, "tags", lambda rows: [*rows, other]))
    codes = [row["code"] for row in tables["defects"].to_pylist()]
    assert "tags_disagree" not in codes
    for row in stops(tables, "service"):
        assert (row["tag_id"] == "tag-other") == (row["address"] == ended["address"])


def untagged(case, actor):
    """The inputs without the tags of one exchange, and the cluster that they were of."""
    tagged = set(case.chain.tagged_addresses[actor])
    inputs = with_rows(case, "tags", lambda rows: [row for row in rows if row["address"] not in tagged])
    cluster_of = {row["address"]: row["address_cluster_id"] for row in case.rows("address_clusters")}
    return inputs, {cluster_of[address] for address in tagged}


def test_an_untagged_cluster_that_pays_as_services_do_stops_a_trace_and_names_nobody(case, run_money):
    inputs, clusters = untagged(case, "Alder Exchange")
    scripts = defaultdict(int)
    cluster_of = {}
    for row in case.rows("address_clusters"):
        scripts[row["address_cluster_id"]] += 1
        cluster_of[row["address"]] = row["address_cluster_id"]
    size = max(scripts[cluster] for cluster in clusters)
    for limits in ({"trace_service_min_scripts": size}, {"trace_service_min_payees": 10}):
        tables = run_money(case.folder, inputs, **{"trace_service_min_payees": 0, **limits})
        found = stops(tables, "probable_service")
        assert clusters & {cluster_of[row["address"]] for row in found}
        for row in found:
            assert row["service_id"] is row["tag_id"] is row["tagged_address"] is row["address_cluster_id"] is None
            assert row["cluster_scripts"] == scripts[cluster_of[row["address"]]]
            assert (
                row["cluster_scripts"] >= size if "trace_service_min_scripts" in limits else row["cluster_payees"] >= 10
            )
        asked = {row["service_id"] for row in tables["request_sheets"].to_pylist()}
        assert content_id("svc", "Alder Exchange") not in asked
        assert content_id("svc", "Birch Exchange") in asked, "what is tagged is named as before"
        assert conserved(tables)
    off = run_money(case.folder, inputs, trace_service_min_scripts=0, trace_service_min_payees=0)
    assert not stops(off, "probable_service")


def test_the_platform_is_never_a_probable_service(case, run_money):
    own = {row["address"] for row in case.rows("platform_addresses")}
    tables = run_money(case.folder, case.inputs, trace_service_min_scripts=1, trace_service_min_payees=1)
    found = {row["address"] for row in stops(tables, "probable_service")}
    assert found
    assert not found & own
    assert not stops(case.tables, "probable_service"), "not in so small a chain by the limits that a case begins with"


def dated(case, last_modified):
    return with_rows(case, "tags", lambda rows: [{**row, "last_modified": last_modified} for row in rows])


@pytest.mark.parametrize(
    ("last_modified", "is_later"),
    [("2001-01-01", False), ("2999-01-01 00:00:00", True), ("spring", None), (None, None)],
)
def test_a_tag_dated_after_the_snapshot_is_marked_wherever_it_is_relied_on(case, run_money, last_modified, is_later):
    tables = run_money(case.folder, dated(case, last_modified))
    for name in ("endpoints", "request_sheets", "cluster_tags"):
        marks = {row["tag_is_later"] for row in tables[name].to_pylist() if row["tag_id"]}
        assert marks == {is_later}, name
    assert places(stops(tables, "service")) == places(stops(case.tables, "service")), "a mark decides nothing"


def test_every_tag_is_kept_and_none_is_blended(case, run_money):
    def doubled(rows):
        late = {"last_modified": "2999-01-01", "confidence": "hearsay", "source": "https://other.example"}
        early = {"last_modified": "2001-01-01", "confidence": "service_data", "source": "https://own.example"}
        # The later one has the lower id, so that only its date can put it second.
        return [{**row, **early, "tag_id": f"z{row['tag_id']}"} for row in rows] + [
            {**row, **late, "tag_id": f"a{row['tag_id']}"} for row in rows
        ]

    tables = run_money(case.folder, with_rows(case, "tags", doubled))
    rows = tables["cluster_tags"].to_pylist()
    by_script = defaultdict(set)
    for row in rows:
        by_script[row["script_hex"]].add((row["tag_id"][0], row["confidence"], row["source"], row["tag_is_later"]))
    both = {("a", "hearsay", "https://other.example", True), ("z", "service_data", "https://own.example", False)}
    assert all(found == both for found in by_script.values())
    clusters = {row["address_cluster_id"] for row in rows}
    for row in stops(tables, "service"):
        assert row["tag_id"].startswith("z")
        assert row["tag_is_later"] is False
        assert row["tags"] >= 2
        assert row["address_cluster_id"] in clusters


def test_an_actor_pack_says_what_a_service_that_no_register_names_is(case, run_money):
    actor = {
        "actor_id": "act-1", "reference_name": "pack", "reference_version": "1", "reference_row": 0,
        "actor": "Alder Exchange", "label": "Alder", "uri": "alder.example", "jurisdictions": "ES NL",
        "categories": "organization exchange",
    }  # fmt: skip
    inputs = with_rows(case, "services", lambda rows: [row for row in rows if row["actor"] != "Alder Exchange"])
    inputs["actors"] = table_named("actors").rows([actor])
    (told,) = run_money(case.folder, inputs)["defects"].to_pylist()
    assert told["code"] == "service_not_in_register"
    assert "jurisdictions ES NL and alder.example" in told["reason"]
    # A tag without a category takes that of its actor.
    bare = [{**row, "category": None} for row in inputs["tags"].to_pylist() if row["actor"] == "Alder Exchange"]
    inputs["tags"] = table_named("tags").rows(bare)
    assert stops(run_money(case.folder, inputs), "service")
    inputs["actors"] = table_named("actors").empty()
    assert not stops(run_money(case.folder, inputs), "service")


def test_further_policies_stand_beside_and_change_nothing_else(case, run_money):
    tables = run_money(case.folder, case.inputs, trace_further_policies="lifo tiho poison")
    further = {row["trace_id"] for row in tables["traces"].to_pylist() if row["policy"] not in POLICIES}
    assert len(further) == case.tables["traces"].num_rows
    assert conserved(tables)
    for name in ("traces", "trace_flows", "endpoints", "request_sheets"):
        rows = [row for row in tables[name].to_pylist() if row.get("trace_id") not in further]
        assert rows == case.rows(name), name
    assert case.tables["trace_bounds"].num_rows == 0
    traces = {row["trace_id"]: row for row in tables["traces"].to_pylist()}
    bounds = {
        (row["direction"], row["origin_txid"], row["origin_output_index"], row["txid"], row["output_index"]): row
        for row in tables["trace_bounds"].to_pylist()
    }
    for row in tables["endpoints"].to_pylist():
        trace = traces[row["trace_id"]]
        origin = (trace["direction"], trace["origin_txid"], trace["origin_output_index"])
        assert 0 < row["amount_sat"] <= row["bound_sat"] <= trace["origin_sat"]
        bound = bounds.get((*origin, row["txid"], row["output_index"]))
        assert bound is not None or row["stop_reason"] == "hop_limit"
        assert bound is None or bound["bound_sat"] == row["bound_sat"]
    assert {row["stop_reason"] for row in bounds.values()} >= {"service", "coinjoin", "coinbase"}


@pytest.mark.parametrize("setting", ["lifo fifo", "haircut", "lifo,tiho"])
def test_a_rule_that_is_none_is_refused(setting, case, run_money):
    with pytest.raises(ConfigError, match="known are lifo, tiho, poison"):
        run_money(case.folder, case.inputs, trace_further_policies=setting)
    assert further_policies(" poison  lifo ") == ("lifo", "poison")


def test_the_hops_to_an_endpoint_are_a_chain_from_its_origin(case):
    flows = defaultdict(list)
    for row in case.rows("trace_flows"):
        flows[row["trace_id"]].append(row)
    traces = {row["trace_id"]: row for row in case.rows("traces")}
    lengths = set()
    for end in stops(case.tables, "service"):
        path = proof_path(flows[end["trace_id"]], end["txid"], end["output_index"])
        trace = traces[end["trace_id"]]
        here = (trace["origin_txid"], trace["origin_output_index"])
        for hop, step in enumerate(path, start=1):
            assert step["hop"] == hop
            assert (step["from_txid"], step["from_output_index"]) == here
            here = (step["to_txid"], step["to_output_index"])
        assert here == (end["txid"], end["output_index"])
        lengths.add(len(path))
    assert len(lengths) > 1
    assert proof_path([], "aa", 0) == []


@pytest.fixture(scope="module")
def session(case):
    with Session({}) as opened:
        for name, rows in {**case.inputs, **case.tables}.items():
            opened.put(name, rows)
        yield opened


def test_explain_shows_the_hops_of_an_endpoint_and_of_a_trace_in_order(case, session):
    end = max(stops(case.tables, "service"), key=lambda row: row["hops"])
    steps = [step.row for step in way_back(session, end["endpoint_id"]) if step.table == "trace_flows"]
    assert [row["hop"] for row in steps] == list(range(1, len(steps) + 1))
    assert len(steps) >= end["hops"] > 1
    assert (steps[-1]["to_txid"], steps[-1]["to_output_index"]) == (end["txid"], end["output_index"])
    for before, after in pairwise(steps):
        assert (before["to_txid"], before["to_output_index"]) == (after["from_txid"], after["from_output_index"])
    everything = [step.row for step in way_back(session, end["trace_id"]) if step.table == "trace_flows"]
    assert [row["hop"] for row in everything] == sorted(row["hop"] for row in everything)
    assert len(everything) == sum(row["trace_id"] == end["trace_id"] for row in case.rows("trace_flows"))


def test_explain_shows_every_tag_on_the_cluster_of_an_endpoint(case, session):
    end = stops(case.tables, "service")[0]
    shown = {step.row["tag_id"] for step in way_back(session, end["endpoint_id"]) if step.table == "tags"}
    cluster = end["address_cluster_id"]
    assert shown == {row["tag_id"] for row in case.rows("cluster_tags") if row["address_cluster_id"] == cluster}
    assert end["tag_id"] in shown


def chained(amounts_sat, times_s, extra_sat=0):
    """A coinbase and transactions that each spend the one output of the one before; one transaction a block."""
    snapshot = Snapshot()
    for number, (amount_sat, time_s) in enumerate(zip(amounts_sat, times_s, strict=True)):
        snapshot.blocks.append(SimpleNamespace(header=SimpleNamespace(time_s=time_s)))
        if number:
            snapshot.spent_by[number - 1] = len(snapshot.input_outputs)
            for spent, held in ((number - 1, amounts_sat[number - 1]), *([(ABSENT, extra_sat)] if extra_sat else [])):
                snapshot.input_outputs.append(spent)
                snapshot.input_amounts_sat.append(held)
                snapshot.input_scripts.append(0)
                snapshot.input_txs.append(number)
        snapshot.output_amounts_sat.append(amount_sat)
        snapshot.output_scripts.append(snapshot.script_number(b"\x51"))
        snapshot.output_txs.append(number)
        snapshot.spent_by.append(ABSENT)
        snapshot.txids.append(number.to_bytes(32, "big"))
        snapshot.tx_blocks.append(number)
        snapshot.tx_positions.append(1 if number else 0)
        snapshot.input_starts.append(len(snapshot.input_outputs))
        snapshot.output_starts.append(number + 1)
    return snapshot


def tracer_of(snapshot, **rules):
    return Tracer(snapshot, [CoinjoinVerdict(answer="no", rule="test")] * len(snapshot.txids), StopRules(**rules))


@pytest.mark.parametrize(
    ("max_days", "forward", "backward"),
    [
        (0, (3, "unspent"), (0, "coinbase")),
        (4, (2, "time_limit"), (2, "time_limit")),
        (9, (3, "unspent"), (0, "coinbase")),
    ],
)
def test_a_limit_of_time_counts_from_the_block_of_the_origin_either_way(max_days, forward, backward):
    snapshot = chained([10] * 4, [0, 1 * DAY_S, 4 * DAY_S, 8 * DAY_S + 1])
    tracer = tracer_of(snapshot, max_days=max_days)
    for policy in (*POLICIES, "lifo", "tiho"):
        (leaf,) = tracer.trace(0, "forward", policy).leaves
        assert (leaf.output, leaf.stop_reason) == forward
        (leaf,) = tracer.trace(3, "backward", policy).leaves
        assert (leaf.output, leaf.stop_reason) == backward
    for origin, direction, expected in ((0, "forward", forward), (3, "backward", backward)):
        bounds = poison_bounds(tracer, [origin], direction)
        assert [(bounds.outputs[0], STOP_REASONS[bounds.codes[0]])] == [expected]


def test_more_than_all_the_bitcoin_there_can_be_is_followed_no_further():
    for extra_sat, reason in ((MAX_MONEY_SAT - 20, "coinbase"), (MAX_MONEY_SAT, "snapshot_end")):
        tracer = tracer_of(chained([10, 10], [0, 1], extra_sat))
        assert {leaf.stop_reason for leaf in tracer.trace(1, "backward", "fifo").leaves} == {reason}


def test_a_leaf_without_a_reason_and_a_lost_satoshi_stop_the_program(monkeypatch):
    snapshot = chained([10, 9, 8], [0, 1, 2])
    monkeypatch.setattr(tracing, "largest_remainders", lambda totals, weights, lengths: np.maximum(weights - 1, 0))
    with pytest.raises(AssertionError, match="satoshis lost"):
        tracer_of(snapshot).trace(0, "forward", "pro_rata")
    monkeypatch.undo()
    ends = tracing._leaves

    def unexplained(parts):
        leaves = ends(parts)
        leaves.codes[:] = 0
        return leaves

    monkeypatch.setattr(tracing, "_leaves", unexplained)
    with pytest.raises(AssertionError, match="without a reason"):
        tracer_of(snapshot).trace(0, "forward", "fifo")
