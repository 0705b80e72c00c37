"""The stage against the truth of a synthetic chain, its sums, and what it says when things do not fit."""

from __future__ import annotations

from collections import Counter, defaultdict

import pyarrow as pa
import pytest

from headwater.errors import InputError
from headwater.money import Merge, merge_path
from headwater.schema import content_id, table_named
from headwater_synth.chain import write_blocks


def codes(tables):
    return Counter(row["code"] for row in tables["defects"].to_pylist())


def test_every_table_is_there_and_nothing_was_defective(case):
    names = [table.name for table in (table_named(name) for name in case.tables)]
    assert names == [
        "blocks", "transactions", "tx_inputs", "tx_outputs", "platform_addresses", "address_clusters",
        "cluster_merges", "change_candidates", "peel_chains", "peel_hops", "cluster_tags", "traces", "trace_flows",
        "endpoints", "trace_bounds", "request_sheets", "defects",
    ]  # fmt: skip
    assert all(table.num_rows for name, table in case.tables.items() if name not in {"defects", "trace_bounds"})
    assert codes(case.tables) == {}


def test_blocks_are_those_of_the_chain(case):
    rows = case.rows("blocks")
    active = [row["block_hash"] for row in rows if row["active"]]
    assert active == [block.block_hash[::-1].hex() for block in case.chain.blocks]
    assert len(rows) - len(active) == len(case.chain.stale_blocks) > 0
    assert all(row["merkle_ok"] for row in rows)
    assert [row["height"] for row in rows if row["active"]] == list(range(len(active)))


def test_satoshis_in_are_satoshis_out_and_fees(case):
    inputs, outputs = defaultdict(int), defaultdict(int)
    for row in case.rows("tx_inputs"):
        inputs[row["txid"]] += row["amount_sat"]
    for row in case.rows("tx_outputs"):
        outputs[row["txid"]] += row["amount_sat"]
    for row in case.rows("transactions"):
        assert row["input_sat"] == row["output_sat"] + row["fee_sat"]
        assert row["output_sat"] == outputs[row["txid"]]
        assert row["is_coinbase"] or row["input_sat"] == inputs[row["txid"]]
    ends = defaultdict(int)
    for row in case.rows("endpoints"):
        ends[row["trace_id"]] += row["amount_sat"]
        assert row["stop_reason"] in {"service", "coinjoin", "coinbase", "unspent", "hop_limit"}
        assert (row["stop_reason"] == "service") == (row["tag_id"] is not None)
    for row in case.rows("traces"):
        assert row["origin_sat"] == ends[row["trace_id"]] + row["fee_sat"]
        assert row["fee_sat"] == 0 or row["direction"] == "forward"


def test_steps_of_a_trace_carry_what_its_ends_hold(case):
    """At every output of a trace: what comes in goes on, stops here, or is a fee."""
    traces = {row["trace_id"]: row for row in case.rows("traces")}
    balance = Counter()
    for trace_id, row in traces.items():
        balance[trace_id, row["origin_txid"], row["origin_output_index"]] += row["origin_sat"]
    for row in case.rows("trace_flows"):
        balance[row["trace_id"], row["from_txid"], row["from_output_index"]] -= row["amount_sat"]
        balance[row["trace_id"], row["to_txid"], row["to_output_index"]] += row["amount_sat"]
    for row in case.rows("endpoints"):
        balance[row["trace_id"], row["txid"], row["output_index"]] -= row["amount_sat"]
    left = Counter()
    for (trace_id, _, _), amount_sat in balance.items():
        assert amount_sat >= 0
        left[trace_id] += amount_sat
    assert {trace_id: row["fee_sat"] for trace_id, row in traces.items()} == dict(left)


def test_endpoints_are_those_of_the_oracle_to_the_satoshi(case):
    traces = {row["trace_id"]: row for row in case.rows("traces")}
    actors = {row["service_id"]: row["actor"] for row in case.inputs["services"].to_pylist()}
    found = {}
    for row in case.rows("endpoints"):
        trace = traces[row["trace_id"]]
        found[
            trace["direction"], trace["policy"], trace["origin_txid"], trace["origin_output_index"],
            row["txid"], row["output_index"], row["stop_reason"], actors.get(row["service_id"]),
        ] = row["amount_sat"]  # fmt: skip
    expected = {
        (
            flow.direction, flow.policy, flow.origin_txid, flow.origin_output_index,
            flow.endpoint_txid, flow.endpoint_output_index, flow.endpoint_kind, flow.service_actor,
        ): flow.amount_sat
        for flow in case.chain.flows
    }  # fmt: skip
    assert found == expected


def test_platform_addresses_are_derived_and_tied_to_invoices(case):
    rows = {row["address"]: row for row in case.rows("platform_addresses")}
    paid = case.chain.payment_txid
    for invoice in case.chain.plan.invoices:
        row = rows[case.chain.invoice_address[invoice.invoice_key]]
        assert row["invoice_id"] == content_id("inv", invoice.invoice_key)
        assert row["account_id"] == content_id("acc", invoice.account_key)
        assert row["received_sat"] == (invoice.amount_sat if invoice.invoice_key in paid else 0)
        assert not row["is_change"]
    owners = case.chain.owners
    assert {address for address, (owner, _) in owners.items() if owner == "platform"} <= rows.keys()
    assert sum(1 for row in rows.values() if not row["is_change"]) == len(case.chain.plan.invoices) + 100


def test_each_receipt_is_followed_four_times_and_knows_its_payment(case):
    traces = case.rows("traces")
    by_origin = defaultdict(set)
    for row in traces:
        by_origin[row["origin_txid"], row["origin_output_index"]].add((row["direction"], row["policy"]))
        assert row["payment_id"] is not None
        assert row["invoice_id"].removeprefix("inv") == content_id("inv", 0).removeprefix("inv") or row["account_id"]
    assert set(by_origin) == set(case.chain.payment_txid.values())
    assert all(len(ways) == 4 for ways in by_origin.values())
    key = next(iter(case.chain.payment_txid))
    row = next(row for row in traces if row["origin_txid"] == case.chain.payment_txid[key][0])
    assert row["payment_id"] == content_id("pay", key)


def test_clusters_hold_one_owner_each_and_every_pair_is_explained(case):
    owners = case.chain.owners
    members, scripts = defaultdict(set), defaultdict(list)
    for row in case.rows("address_clusters"):
        scripts[row["address_cluster_id"]].append(row["script_hex"])
        if row["address"] in owners:
            members[row["address_cluster_id"]].add(owners[row["address"]][0])
    assert all(len(found) == 1 for found in members.values())
    merges = [
        Merge(script_hex=row["script_hex"], other_script_hex=row["other_script_hex"], txid=row["txid"])
        for row in case.rows("cluster_merges")
    ]
    assert len(merges) == sum(len(found) - 1 for found in scripts.values())
    largest = max(scripts.values(), key=len)
    spent = defaultdict(set)
    for row in case.rows("tx_inputs"):
        spent[row["txid"]].add(row["script_hex"])
    for other in largest[1:]:
        path = merge_path(merges, largest[0], other)
        assert path
        assert largest[0] in spent[path[0]]
        assert other in spent[path[-1]]


def test_requests_ask_about_real_withdrawals_and_deposits(case):
    requests = case.rows("request_sheets")
    withdrawals = {(each.txid, each.output_index): each for each in case.chain.withdrawals}
    backward = [row for row in requests if row["direction"] == "backward"]
    asked = {(row["txid"], row["output_index"]) for row in backward}
    for row in backward:
        withdrawal = withdrawals.get((row["txid"], row["output_index"]))
        if withdrawal is not None:
            assert (row["actor"], row["address"], row["output_sat"]) == (
                withdrawal.exchange, withdrawal.address, withdrawal.amount_sat,
            )  # fmt: skip
    direct = {
        case.chain.payment_txid[invoice.invoice_key]
        for invoice in case.chain.plan.invoices
        if invoice.route == "exchange_direct"
        and invoice.invoice_key in case.chain.payment_txid
        and invoice.exchange in case.chain.tagged_addresses
        and case.chain.tagged_addresses[invoice.exchange]
    }
    assert direct <= asked
    for row in requests:
        assert 0 <= row["fifo_sat"] <= row["output_sat"]
        assert 0 <= row["pro_rata_sat"] <= row["output_sat"]
        assert row["traces"] >= row["accounts"] >= 1
        assert row["txid"] in row["question"]
        assert row["country"] in {"ES", "NL", "PT"}
    forward = [row for row in requests if row["direction"] == "forward"]
    swept = {(each.txid, each.output_index) for each in case.chain.deposits}
    named = {place for place in swept if any(f"{place[0]}:{place[1]}" in row["question"] for row in forward)}
    assert named | {(row["txid"], row["output_index"]) for row in forward} & swept


def test_the_same_input_gives_the_same_tables_whatever_the_order_of_files_and_rows(case, run_money, tmp_path):
    write_blocks(case.chain, tmp_path / "b", max_file_bytes=40_000)
    assert len(list((tmp_path / "b").glob("blk*.dat"))) > 2
    turned = {name: rows.take(list(range(rows.num_rows))[::-1]) for name, rows in case.inputs.items()}
    again = run_money(tmp_path / "b", turned)
    for name, rows in case.tables.items():
        if name == "blocks":
            kept = [column for column in rows.column_names if not column.startswith("file_")]
            assert again[name].select(kept).equals(rows.select(kept))
        else:
            assert again[name].equals(rows), name


def with_rows(case, name, change):
    rows = case.inputs[name].to_pylist()
    return {**case.inputs, name: table_named(name).rows(change(rows))}


def test_a_service_that_no_register_names_is_a_defect_and_no_request(case, run_money):
    inputs = with_rows(case, "services", lambda rows: [row for row in rows if row["actor"] != "Alder Exchange"])
    tables = run_money(case.folder, inputs)
    assert codes(tables) == {"service_not_in_register": 1}
    unnamed = [
        row for row in tables["endpoints"].to_pylist() if row["stop_reason"] == "service" and not row["service_id"]
    ]
    assert unnamed
    assert all(row["tag_id"] for row in unnamed)
    assert {row["actor"] for row in tables["request_sheets"].to_pylist()} == {"Birch Exchange"}


def test_tags_of_two_actors_in_one_cluster_stop_a_trace_and_name_nobody(case, run_money):
    first, second = case.chain.tagged_addresses["Alder Exchange"][:2]

    def renamed(rows):
        return [{**row, "actor": "Dogwood Exchange"} if row["address"] == second else row for row in rows]

    tables = run_money(case.folder, with_rows(case, "tags", renamed))
    assert codes(tables)["tags_disagree"] == 1
    stops = [row for row in tables["endpoints"].to_pylist() if row["stop_reason"] == "service"]
    birch = content_id("svc", "Birch Exchange")
    for row in stops:
        if row["service_id"] == content_id("svc", "Alder Exchange"):
            assert row["address"] == first
    assert any(row["service_id"] is None and row["address"] not in {first, second} for row in stops)
    assert any(row["service_id"] == birch for row in stops)
    # The trace stops at the same outputs as before, whoever they are ascribed to.
    assert {(row["txid"], row["output_index"], row["amount_sat"]) for row in stops} == {
        (row["txid"], row["output_index"], row["amount_sat"])
        for row in case.rows("endpoints")
        if row["stop_reason"] == "service"
    }


def test_a_tag_of_somebody_who_pools_nothing_stops_no_trace(case, run_money):
    def weakened(rows):
        return [{**row, "category": "user", "actor": "somebody"} for row in rows]

    tables = run_money(case.folder, with_rows(case, "tags", weakened))
    assert "service" not in set(tables["endpoints"]["stop_reason"].to_pylist())

    def elsewhere(rows):
        return [{**row, "network": "LTC"} for row in rows]

    tables = run_money(case.folder, with_rows(case, "tags", elsewhere))
    assert "service" not in set(tables["endpoints"]["stop_reason"].to_pylist())

    def not_custodial(rows):
        return [{**row, "custodial": False} for row in rows]

    tables = run_money(case.folder, with_rows(case, "services", not_custodial))
    assert "service" not in set(tables["endpoints"]["stop_reason"].to_pylist())


def test_a_tag_on_the_platforms_own_address_is_told(case, run_money):
    platform = next(
        row["address"] for row in case.rows("platform_addresses") if row["received_sat"] and not row["is_change"]
    )
    extra = {
        **case.inputs["tags"].to_pylist()[0], "tag_id": "tag-platform", "address": platform.upper(),
        "actor": "Alder Exchange",
    }  # fmt: skip
    tables = run_money(case.folder, with_rows(case, "tags", lambda rows: [*rows, extra]))
    assert codes(tables)["platform_at_service"] == 1


def test_invoices_and_payments_that_fit_nothing_are_told(case, run_money):
    def foreign(rows):
        return [{**row, "address": "bcrt1qforeign"} if row["platform_key"] == "9" else row for row in rows]

    tables = run_money(case.folder, with_rows(case, "invoices", foreign))
    assert codes(tables) == {"address_not_derived": 1}

    def imagined(rows):
        return [{**row, "txid": "00" * 32} if row["platform_key"] == "1" else row for row in rows]

    tables = run_money(case.folder, with_rows(case, "payments", imagined))
    assert codes(tables) == {"payment_not_on_chain": 1}
    assert len([row for row in tables["traces"].to_pylist() if row["payment_id"] is None]) == 4


def test_an_address_given_out_twice_names_an_account_only_by_its_payments(case, run_money):
    paid = sorted(case.chain.payment_txid)[:2]
    address = case.chain.invoice_address[paid[0]]

    def shared(rows):
        return [{**row, "address": address} if row["platform_key"] == str(paid[1]) else row for row in rows]

    inputs = with_rows(case, "invoices", shared)
    tables = run_money(case.folder, inputs)
    assert codes(tables)["address_given_out_again"] == 1
    row = next(row for row in tables["platform_addresses"].to_pylist() if row["address"] == address)
    assert row["invoice_id"] is None
    traces = [row for row in tables["traces"].to_pylist() if row["origin_address"] == address]
    assert {row["invoice_id"] for row in traces} == {content_id("inv", paid[0])}

    inputs["payments"] = table_named("payments").empty()
    tables = run_money(case.folder, inputs)
    traces = [row for row in tables["traces"].to_pylist() if row["origin_address"] == address]
    assert {row["invoice_id"] for row in traces} == {None}


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda text: text[:-1] + ("q" if text[-1] != "q" else "p"), "checksum"),
        (lambda text: "wpkh(nonsense)", "cannot be parsed"),
        (lambda text: text.replace("tpub", "tpab").split("#")[0], "cannot be parsed"),
        (lambda text: "wpkh(cU" + "1" * 50 + ")", "cannot be parsed"),
        (lambda text: "", "cannot be parsed"),
    ],
)
def test_descriptors_that_cannot_be_used_are_told_without_their_text(case, run_money, change, reason):
    def changed(rows):
        return [row if row["is_change"] else {**row, "descriptor": change(row["descriptor"])} for row in rows]

    tables = run_money(case.folder, with_rows(case, "wallet_descriptors", changed))
    told = [row for row in tables["defects"].to_pylist() if row["code"] == "descriptor_unread"]
    assert len(told) == 1
    assert reason in told[0]["reason"]
    assert "nonsense" not in told[0]["reason"]
    assert tables["traces"].num_rows == 0


def test_a_private_descriptor_derives_nothing(case, run_money):
    private = (  # source: BIP-32, test vector 1; published, so it guards nothing
        "wpkh(xprv9s21ZrQH143K3QTDL4LXw2F7HEK3wJUD2nW2nRk4stbPy6cq3jPPqjiChkVvvNKmPGJxWUtg6LnF5kejMRNNU3TGtRBeJgk33yu"
        "GBxrMPHi/0/*)"
    )

    def changed(rows):
        return [{**row, "descriptor": private} for row in rows]

    tables = run_money(case.folder, with_rows(case, "wallet_descriptors", changed))
    assert codes(tables)["descriptor_unread"] == 2
    assert not any("xprv" in row["reason"] for row in tables["defects"].to_pylist())
    assert tables["platform_addresses"].num_rows == 0


def test_limits_are_parameters(case, run_money):
    tables = run_money(case.folder, case.inputs, trace_max_hops=1, address_gap_limit=0)
    reasons = set(tables["endpoints"]["stop_reason"].to_pylist())
    assert "hop_limit" in reasons
    assert max(tables["endpoints"]["hops"].to_pylist()) == 1
    assert tables["platform_addresses"].num_rows == len(case.chain.plan.invoices) + case.chain.wallet.internal_next
    tables = run_money(case.folder, case.inputs, trace_dust_sat=50_000)
    dust = [row for row in tables["endpoints"].to_pylist() if row["stop_reason"] == "dust"]
    assert dust
    ends = defaultdict(int)
    for row in tables["endpoints"].to_pylist():
        ends[row["trace_id"]] += row["amount_sat"]
    assert all(row["origin_sat"] == ends[row["trace_id"]] + row["fee_sat"] for row in tables["traces"].to_pylist())


def test_without_blocks_there_are_empty_tables(run_money, case, tmp_path):
    (tmp_path / "blk00000.dat").write_bytes(b"")
    tables = run_money(tmp_path, case.inputs)
    assert tables["transactions"].num_rows == 0
    assert tables["traces"].num_rows == 0
    assert isinstance(tables["defects"], pa.Table)
    with pytest.raises(InputError, match="no such file"):
        run_money(tmp_path / "absent", case.inputs)


def test_a_snapshot_that_begins_late_ends_traces_where_it_begins(case, run_money, tools, tmp_path):
    last = {txid for txid, _ in case.chain.payment_txid.values()}
    begins = [place for place, block in enumerate(case.chain.blocks) if last & {t[::-1].hex() for t in block.txids}]
    late = case.chain.blocks[begins[len(begins) // 2] :]
    (tmp_path / "blk00000.dat").write_bytes(tools.framed_blocks(*(block.raw for block in late)))
    tables = run_money(tmp_path, case.inputs)
    assert "snapshot_end" in set(tables["endpoints"]["stop_reason"].to_pylist())
    assert codes(tables)["spent_output_unresolved"] > 0
    absent = [row for row in tables["transactions"].to_pylist() if row["fee_sat"] is None]
    assert len({row["txid"] for row in absent}) > 0
    assert all(row["coinjoin"] == "abstain" and row["coinjoin_rule"] == "spent_output_unresolved" for row in absent)
