"""What GraphSense publishes as expected, and where our own rules differ from it: one transaction, for a stated reason.

That clusters agree where the same transactions are left out is tested in test_clusters.py.
"""

from __future__ import annotations

import json

import pytest

from headwater.money.coinjoin import coinjoin_verdict, shape_of
from headwater.money.coinjoin_protocols import Round, round_answer


@pytest.fixture(scope="module")
def published(reference_data):
    folder = reference_data / "money" / "graphsense-utxo-expected"

    def lines(name):
        return [json.loads(line) for line in (folder / name).read_text("utf-8").splitlines()]

    return lines


def answer_of(row):
    sides = [[(repr(part["address"]).encode(), part["value"]) for part in row[side]] for side in ("inputs", "outputs")]
    joint = Round(spent=tuple(sides[0]), outputs=tuple(sides[1]), data_outputs=0)
    return round_answer(joint) or coinjoin_verdict(shape_of(*sides, is_coinbase=False))


def test_the_only_difference_is_a_round_that_repeats_no_amount(published):
    differing = {}
    for row in published("test_txs.json"):
        if not row["coinbase"] and (answer_of(row).answer != "no") != row["coinjoin"]:
            differing[row["txHash"]] = (answer_of(row).rule, sorted(part["value"] for part in row["outputs"]))
    assert differing == {
        "ab30109910f327700e0f199972eed8ea7c6b1920e965f9cb48a92973e7325046": (
            "no_amount_repeated",
            [100_000, 150_000, 1_325_000, 2_350_000],
        )
    }


def test_so_the_only_difference_of_clusters_is_the_pair_that_it_spends_from(published):
    addresses = {row["addressId"]: row["address"] for row in published("address_ids.json")}

    def clusters(name):
        found = {}
        for row in published(name):
            found.setdefault(row["clusterId"], set()).add(addresses[row["addressId"]])
        return {frozenset(members) for members in found.values()}

    filtered, unfiltered = clusters("address_cluster.json"), clusters("address_cluster_with_coinjoin.json")
    [row] = [row for row in published("test_txs.json") if row["coinjoin"]]
    spent = frozenset(part["address"][0] for part in row["inputs"])
    assert unfiltered - filtered == {spent}
    assert filtered - unfiltered == {frozenset((each,)) for each in spent}
