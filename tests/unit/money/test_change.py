"""Each rule of change names the output it should, stays silent where it cannot tell, and never touches a cluster."""

from __future__ import annotations

import pytest

from headwater.money.block_index import BlockSource, indexed_blocks
from headwater.money.chain_tables import shown_txids
from headwater.money.change import CHANGE_RULES, change_guesses, change_table
from headwater.money.clusters import address_clusters
from headwater.money.coinjoin_verdicts import coinjoin_verdicts
from headwater.money.defects import Defects
from headwater.money.peel import LEAST_HOPS, REMAINDER_RULE, STOP_REASONS, peel_chains, peel_tables
from headwater.money.snapshot import snapshot_of
from headwater.money.tx_habits import habits_of
from headwater.money.undo_index import matched_undo

PAYEE, CHANGE = 0, 1


def legacy(number):
    return b"\x76\xa9\x14" + number.to_bytes(20, "big") + b"\x88\xac"


class Chain:
    """Payments by hand; `guess` gives the rows about one of them, `chains` the peel chains."""

    def __init__(self, tools, folder):
        self.tools, self.folder, self.made = tools, folder, tools.HandMade.begun()
        self.key = tools.key_script

    def coins(self, *pays):
        txid = self.made.add((), pays)
        return [(txid, at) for at in range(len(pays))]

    def pay(self, coins, pays, lock_time=0):
        raw = self.tools.transaction(coins, pays, mark=lock_time)
        self.made.add([raw])
        return self.tools.twice(raw)

    def snapshot(self):
        index = indexed_blocks([BlockSource(exhibit_id="EX-4", path=self.made.write(self.folder))], Defects())
        return snapshot_of(index, matched_undo(index, Defects()), Defects())

    def guesses(self):
        snapshot = self.snapshot()
        return snapshot, change_guesses(snapshot, coinjoin_verdicts(snapshot), habits_of(snapshot))

    def guess(self, txid):
        snapshot, guesses = self.guesses()
        rows = change_table(snapshot, guesses, shown_txids(snapshot)).to_pylist()
        shown = txid[::-1].hex()
        return {row["rule"]: (row["output_index"], row["fired"]) for row in rows if row["txid"] == shown}

    def chains(self):
        snapshot, guesses = self.guesses()
        return snapshot, peel_chains(snapshot, guesses)


@pytest.fixture
def chain(tools, tmp_path):
    return Chain(tools, tmp_path / "blocks")


def test_change_that_goes_back_to_where_it_came_from(chain):
    [coin] = chain.coins((chain.key(1), 900_001))
    txid = chain.pay([coin], [(chain.key(2), 300_001), (chain.key(1), 590_001)])
    assert chain.guess(txid)["reused_script"] == (CHANGE, "conflict"), "the fresh payee speaks against it"
    assert chain.guess(txid)["fresh_script"] == (PAYEE, "conflict")


def test_change_at_a_fresh_script_beside_a_payee_seen_before(chain):
    [coin, _] = chain.coins((chain.key(1), 900_001), (chain.key(2), 5_001))
    txid = chain.pay([coin], [(chain.key(2), 300_001), (chain.key(3), 590_001)])
    assert chain.guess(txid) == {"fresh_script": (CHANGE, "yes")}


def test_a_script_paid_twice_in_one_block_is_not_fresh(chain, tools):
    [first, second, _] = chain.coins((chain.key(1), 900_001), (chain.key(4), 800_001), (chain.key(2), 5_001))
    one = tools.transaction([first], [(chain.key(2), 300_001), (chain.key(3), 590_001)])
    other = tools.transaction([second], [(chain.key(3), 300_001), (chain.key(2), 490_001)])
    chain.made.add([one, other])
    assert chain.guess(tools.twice(one)) == {}
    assert chain.guess(tools.twice(other)) == {}, "a miner's order is no evidence"


def test_change_of_the_type_of_all_inputs(chain):
    [coin] = chain.coins((chain.key(1), 900_001))
    txid = chain.pay([coin], [(legacy(2), 300_001), (chain.key(3), 590_001)])
    assert chain.guess(txid) == {"script_type": (CHANGE, "yes")}
    mixed = chain.coins((chain.key(11), 900_001), (legacy(12), 900_001))
    txid = chain.pay(mixed, [(legacy(13), 1_300_001), (chain.key(14), 490_001)])
    assert "script_type" not in chain.guess(txid)


def test_a_round_sum_is_paid_and_the_odd_rest_is_change(chain):
    [coin] = chain.coins((chain.key(1), 900_001))
    txid = chain.pay([coin], [(chain.key(2), 300_000), (chain.key(3), 590_001)])
    assert chain.guess(txid) == {"round_amount": (CHANGE, "yes")}


def test_nobody_spends_a_coin_more_than_needed(chain):
    coins = chain.coins((chain.key(1), 500_001), (chain.key(2), 400_001))
    txid = chain.pay(coins, [(chain.key(3), 700_001), (chain.key(4), 190_001)])
    assert chain.guess(txid) == {"optimal_amount": (CHANGE, "yes")}


def test_one_input_says_nothing_of_the_amount(chain):
    [coin] = chain.coins((chain.key(1), 900_001))
    assert chain.guess(chain.pay([coin], [(chain.key(2), 300_001), (chain.key(3), 590_001)])) == {}


def test_change_is_spent_with_the_same_lock_time_and_fee_rate(chain):
    [coin] = chain.coins((chain.key(1), 900_001))
    txid = chain.pay([coin], [(chain.key(2), 300_001), (chain.key(3), 590_001)], lock_time=7)
    assert chain.guess(txid) == {}, "neither is spent yet"
    chain.pay([(txid, PAYEE)], [(chain.key(4), 200_001)])
    assert chain.guess(txid) == {}, "one is not"
    # Fee rates: 9,999 sat for two outputs at first, and nearly the same rate with the change.
    chain.pay([(txid, CHANGE)], [(chain.key(5), 100_001), (chain.key(6), 480_000)], lock_time=9)
    guess = chain.guess(txid)
    assert guess["lock_time"] == (CHANGE, "yes")
    assert guess["fee_rate"] == (CHANGE, "yes")


def test_lock_times_and_sizes_are_read_from_the_blocks(chain):
    [coin] = chain.coins((chain.key(1), 900_001))
    txid = chain.pay([coin], [(chain.key(2), 300_001), (chain.key(3), 590_001)], lock_time=1_234_567)
    snapshot = chain.snapshot()
    habits = habits_of(snapshot)
    tx = snapshot.tx_numbers[txid]
    assert habits.lock_times[tx] == 1_234_567
    assert habits.virtual_bytes[tx] == 4 + 1 + 41 + 1 + 2 * 31 + 4, "no witness: its size is its virtual size"


def test_rules_that_disagree_say_so_and_name_no_agreed_output(chain):
    [coin, _] = chain.coins((chain.key(1), 900_001), (chain.key(2), 5_001))
    txid = chain.pay([coin], [(chain.key(2), 300_001), (chain.key(3), 500_000)])
    assert chain.guess(txid) == {"fresh_script": (CHANGE, "conflict"), "round_amount": (PAYEE, "conflict")}
    snapshot, guesses = chain.guesses()
    at = guesses.txs.tolist().index(snapshot.tx_numbers[txid])
    assert guesses.agreed[at] == -1
    assert guesses.disputed[at]


@pytest.mark.parametrize("outputs", [1, 3])
def test_other_than_two_outputs_have_no_sibling_to_reject(chain, outputs):
    [coin] = chain.coins((chain.key(1), 900_001))
    txid = chain.pay([coin], [(chain.key(2 + at), 100_000 + at) for at in range(outputs)])
    assert chain.guess(txid) == {}


def test_a_data_output_is_nobodys(chain):
    [coin] = chain.coins((chain.key(1), 900_001))
    txid = chain.pay([coin], [(b"\x6a\x01a", 0), (chain.key(2), 300_000), (chain.key(3), 590_001)])
    assert chain.guess(txid) == {"round_amount": (2, "yes")}


def test_what_may_be_a_coinjoin_has_no_change(chain):
    # Two equal sums are what a CoinJoin of two makes; only the third output is above a payment's.
    coins = chain.coins((chain.key(1), 500_001), (chain.key(2), 400_001))
    txid = chain.pay(coins, [(chain.key(3), 300_000), (chain.key(4), 300_000), (chain.key(5), 290_001)])
    assert chain.guess(txid) == {}


def test_clusters_know_nothing_of_change(chain):
    """Change that every rule is sure of stays apart from the script it came from."""
    [coin, _] = chain.coins((chain.key(1), 900_001), (legacy(2), 5_001))
    txid = chain.pay([coin], [(legacy(2), 300_000), (chain.key(3), 590_001)])
    assert {fired for _, fired in chain.guess(txid).values()} == {"yes"}
    snapshot = chain.snapshot()
    clusters = address_clusters(snapshot, coinjoin_verdicts(snapshot))
    assert clusters.merges == ()


def test_every_rule_is_explained(repository):
    page = (repository / "docs" / "explanation" / "money.md").read_text(encoding="utf-8")
    for name in (*CHANGE_RULES, REMAINDER_RULE, *STOP_REASONS):
        assert f"| `{name}` |" in page, name


# Peel chains


def peeled(chain, hops, begin_sat=9_000_001, first=100):
    """A coin that pays a legacy customer a little, again and again; the txids."""
    [coin] = chain.coins((chain.key(first), begin_sat))
    txids, left_sat = [], begin_sat
    for number in range(1, hops + 1):
        left_sat -= 100_321
        coin_txid = chain.pay([coin], [(legacy(first + number), 100_001), (chain.key(first + number), left_sat)])
        txids.append(coin_txid)
        coin = (coin_txid, 1)
    return txids, coin


def test_a_chain_of_peels_is_found_whole_with_rule_and_rejected_sibling(chain):
    txids, _ = peeled(chain, 5)
    snapshot, chains = chain.chains()
    assert [[bytes(snapshot.txids[hop.tx]) for hop in each.hops] for each in chains] == [txids]
    assert chains[0].stop_reason == "unspent"
    heads, hops = (table.to_pylist() for table in peel_tables(snapshot, chains, shown_txids(snapshot)))
    assert heads[0]["hops"] == 5
    assert heads[0]["peeled_sat"] == 5 * 100_001
    assert heads[0]["remainder_sat"] == 9_000_001 - 5 * 100_321
    assert [row["hop"] for row in hops] == [1, 2, 3, 4, 5]
    assert {(row["rule"], row["output_index"], row["rejected_output_index"]) for row in hops} == {("script_type", 1, 0)}


def test_two_payments_in_a_row_are_no_chain(chain):
    peeled(chain, LEAST_HOPS - 1)
    assert chain.chains()[1] == []


def test_a_chain_ends_where_coins_are_joined(chain):
    _, coin = peeled(chain, 3)
    [other] = chain.coins((chain.key(901), 700_001))
    chain.pay([coin, other], [(chain.key(902), 5_000_001), (chain.key(903), 2_000_001)])
    assert [each.stop_reason for each in chain.chains()[1]] == ["not_a_peel"]


def test_a_chain_ends_where_rules_disagree(chain):
    _, coin = peeled(chain, 3)
    chain.coins((chain.key(902), 1_001))
    chain.pay([coin], [(chain.key(902), 4_000_001), (chain.key(903), 4_600_000)])
    assert [each.stop_reason for each in chain.chains()[1]] == ["rules_conflict"]


def test_where_no_rule_speaks_a_chain_goes_on_with_what_is_large_and_else_ends(chain):
    _, coin = peeled(chain, 3)
    chain.pay([coin], [(chain.key(902), 300_001), (chain.key(903), 8_300_001)])
    [found] = chain.chains()[1]
    assert (found.hops[-1].rule, found.stop_reason) == (REMAINDER_RULE, "unspent")
    _, coin = peeled(chain, 3, first=500)
    chain.pay([coin], [(chain.key(912), 4_300_001), (chain.key(913), 4_300_021)])
    assert [each.stop_reason for each in chain.chains()[1]] == ["unspent", "no_rule"]
