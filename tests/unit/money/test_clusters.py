"""Who spends together is one, with a proof for every merge, and CoinJoins prove nothing."""

from __future__ import annotations

import json
from collections import defaultdict
from itertools import combinations, pairwise

import pytest

from headwater.money import Merge, merge_path
from headwater.money.clusters import address_clusters, coinjoin_verdicts
from headwater.money.coinjoin import CoinjoinVerdict, coinjoin_verdict, shape_of
from headwater.money.snapshot import ABSENT, Snapshot


def spent_together(transactions):
    """A snapshot in which only the scripts spent matter: a list of them for each transaction."""
    snapshot = Snapshot()
    for place, scripts in enumerate(transactions):
        for script in scripts:
            snapshot.input_outputs.append(ABSENT)
            snapshot.input_amounts_sat.append(1_000)
            snapshot.input_scripts.append(snapshot.script_number(script))
            snapshot.input_txs.append(place)
        snapshot.output_amounts_sat.append(1)
        snapshot.output_scripts.append(snapshot.script_number(b"\x00\x14" + place.to_bytes(20, "big")))
        snapshot.output_txs.append(place)
        snapshot.spent_by.append(ABSENT)
        snapshot.txids.append(place.to_bytes(32, "big"))
        snapshot.tx_blocks.append(place)
        snapshot.tx_positions.append(1)
        snapshot.input_starts.append(len(snapshot.input_outputs))
        snapshot.output_starts.append(len(snapshot.output_amounts_sat))
    return snapshot


NO = CoinjoinVerdict(answer="no", rule="test")


def groups(snapshot, clusters):
    found = defaultdict(set)
    for number, leader in enumerate(clusters.leaders):
        found[leader].add(snapshot.scripts[number])
    return {frozenset(members) for members in found.values()}


def named(snapshot, clusters):
    return [
        Merge(
            script_hex=snapshot.scripts[script].hex(),
            other_script_hex=snapshot.scripts[other].hex(),
            txid=snapshot.txids[tx].hex(),
        )
        for script, other, tx in clusters.merges
    ]


def test_merges_are_a_spanning_tree_and_explain_every_pair():
    a, b, c, d, e, x, y = (bytes((0xA0 + number,)) * 3 for number in range(7))
    snapshot = spent_together([[a, b], [c, d], [a, b], [b, c], [d, a, e], [x, y], [x]])
    clusters = address_clusters(snapshot, [NO] * 7)
    assert frozenset((a, b, c, d, e)) in groups(snapshot, clusters)
    merges = named(snapshot, clusters)
    assert len(merges) == 4 + 1
    txids = [txid.hex() for txid in snapshot.txids]
    assert merge_path(merges, a.hex(), b.hex()) == [txids[0]]
    assert merge_path(merges, a.hex(), d.hex()) == [txids[0], txids[3], txids[1]]
    assert merge_path(merges, d.hex(), a.hex()) == [txids[1], txids[3], txids[0]]
    assert merge_path(merges, e.hex(), a.hex()) == [txids[4]]
    assert merge_path(merges, a.hex(), x.hex()) == []
    assert merge_path(merges, a.hex(), a.hex()) == []


@pytest.mark.parametrize("answer", ["yes", "abstain"])
def test_a_coinjoin_and_a_perhaps_merge_nothing(answer):
    snapshot = spent_together([[b"aaa", b"bbb"], [b"bbb", b"ccc"]])
    clusters = address_clusters(snapshot, [CoinjoinVerdict(answer=answer, rule="test"), NO])
    assert frozenset((b"bbb", b"ccc")) in groups(snapshot, clusters)
    assert frozenset((b"aaa",)) in groups(snapshot, clusters)


def test_what_anyone_can_spend_merges_nobody():
    anchor = bytes.fromhex("51024e73")
    snapshot = spent_together([[b"aaa", anchor], [b"bbb", anchor], [b"ccc", b"\x51"], [b"ddd", b"\x51"]])
    clusters = address_clusters(snapshot, [NO] * 4)
    assert clusters.merges == ()


def test_the_order_of_inputs_means_nothing():
    scripts = [bytes((number,)) * 3 for number in range(9)]
    first = spent_together([scripts[:4], scripts[3:6], scripts[6:]])
    second = spent_together([scripts[:4][::-1], scripts[3:6][::-1], scripts[6:][::-1]])
    merges = [sorted(named(snapshot, address_clusters(snapshot, [NO] * 3))) for snapshot in (first, second)]
    assert merges[0] == merges[1]


def test_a_set_is_led_by_its_smallest():
    snapshot = spent_together([[b"5", b"3"], [b"3", b"1"], [b"5", b"1"], [b"4"]])
    clusters = address_clusters(snapshot, [NO] * 4)
    first = snapshot.script_numbers[b"5"]
    assert [clusters.leaders[snapshot.script_numbers[script]] for script in (b"5", b"3", b"1")] == [first] * 3
    assert clusters.sizes[first] == 3
    assert clusters.leaders[snapshot.script_numbers[b"4"]] == snapshot.script_numbers[b"4"]


def test_an_open_case_is_settled_by_who_else_spends_together(tools, tmp_path):
    """Two hot addresses pay two equal sums: perhaps two people. Other spends show that it is one."""
    from headwater.money.block_index import BlockSource, indexed_blocks
    from headwater.money.defects import Defects
    from headwater.money.snapshot import snapshot_of
    from headwater.money.undo_index import matched_undo

    for linked in (False, True):
        made = tools.HandMade.begun()
        key = tools.key_script
        coins = [made.add((), [(key(1), 1_000_000), (key(2), 1_000_000)]) for _ in range(2)]
        doubtful = tools.transaction(
            [(coins[0], 0), (coins[0], 1)], [(key(3), 300_000), (key(4), 300_000), (key(5), 1_390_000)]
        )
        made.add([doubtful])
        if linked:
            made.add([tools.transaction([(coins[1], 0), (coins[1], 1)], [(key(6), 1_900_000)])])
        index = indexed_blocks([BlockSource(exhibit_id="EX-4", path=made.write(tmp_path / str(linked)))], Defects())
        snapshot = snapshot_of(index, matched_undo(index, Defects()), Defects())
        verdict = coinjoin_verdicts(snapshot)[snapshot.tx_numbers[tools.twice(doubtful)]]
        expected = ("no", "inputs_spent_together_elsewhere") if linked else ("abstain", "equal_outputs")
        assert (verdict.answer, verdict.rule) == expected


def test_what_another_program_marks_as_a_coinjoin_has_no_amount_twice(reference_data):
    """The one difference to its published clusters that docs/explanation/money.md explains."""
    path = reference_data / "money" / "graphsense-utxo-expected" / "test_txs.json"
    marked = [row for row in map(json.loads, path.read_text().splitlines()) if row["coinjoin"]]
    (only,) = marked
    sides = [[(each["address"][0], each["value"]) for each in only[name]] for name in ("inputs", "outputs")]
    verdict = coinjoin_verdict(shape_of(*sides, is_coinbase=False))
    assert (verdict.answer, verdict.rule) == ("no", "no_amount_repeated")


@pytest.mark.parametrize("with_coinjoins", [False, True])
def test_another_program_finds_the_same_clusters(reference_data, with_coinjoins):
    folder = reference_data / "money" / "graphsense-utxo-expected"

    def lines(name):
        return [json.loads(line) for line in (folder / name).read_text().splitlines()]

    transactions = [row for row in lines("test_txs.json") if not row["coinbase"]]
    # A bare multisig has several addresses, and the other program leaves it out; here it is a script like others.
    snapshot = spent_together(
        [[each["address"][0].encode() for each in row["inputs"] if len(each["address"]) == 1] for row in transactions]
    )
    verdicts = [
        CoinjoinVerdict(answer="yes" if row["coinjoin"] and not with_coinjoins else "no", rule="as published")
        for row in transactions
    ]
    found = groups(snapshot, address_clusters(snapshot, verdicts))
    addresses = {row["addressId"]: row["address"].encode() for row in lines("address_ids.json")}
    expected = defaultdict(set)
    name = "address_cluster_with_coinjoin.json" if with_coinjoins else "address_cluster.json"
    for row in lines(name):
        expected[row["clusterId"]].add(addresses[row["addressId"]])
    spent = {each["address"][0].encode() for row in transactions for each in row["inputs"]}
    several = {frozenset(members) for members in expected.values() if len(members) > 1}
    assert {members for members in found if len(members) > 1} == several
    assert several
    assert {member for members in several for member in members} <= spent


def test_any_two_addresses_of_its_clusters_are_explained(reference_data):
    """Its users asked which transactions join two addresses of a cluster; here each pair has them."""
    path = reference_data / "money" / "graphsense-utxo-expected" / "test_txs.json"
    transactions = [row for row in map(json.loads, path.read_text().splitlines()) if not row["coinbase"]]
    scripts = [[str(each["address"]).encode() for each in row["inputs"]] for row in transactions]
    snapshot = spent_together(scripts)
    clusters = address_clusters(snapshot, [NO] * len(transactions))
    merges, spends = named(snapshot, clusters), {}
    for place, held in enumerate(scripts):
        spends[place.to_bytes(32, "big").hex()] = {script.hex() for script in held}
    pairs = [pair for group in groups(snapshot, clusters) for pair in combinations(sorted(group), 2)]
    assert pairs
    for one, other in pairs:
        steps = [spends[txid] for txid in merge_path(merges, one.hex(), other.hex())]
        assert one.hex() in steps[0]
        assert other.hex() in steps[-1]
        assert all(earlier & later for earlier, later in pairwise(steps))
