"""Rounds of each protocol are known by what their programs published; honest payments that look alike are not."""

from __future__ import annotations

from dataclasses import replace

import pytest

from headwater.money.coinjoin import coinjoin_verdict, shape_of
from headwater.money.coinjoin_protocols import (
    PROTOCOL_RULES,
    STANDARD_DENOMINATIONS_SAT,
    WASABI_COORDINATORS,
    WHIRLPOOL_POOLS_SAT,
    Round,
    mix_pool_sat,
    premix_of,
    round_answer,
)
from headwater.money.partition import shares_add_up
from headwater.money.scripts import address_of


def key_hash(number):
    return b"\x00\x14" + number.to_bytes(20, "big")


def taproot(number):
    return b"\x51\x20" + number.to_bytes(32, "big")


def joint(spent, outputs, *, data_outputs=0, script=key_hash):
    """Each amount at a script of its own; a pair names its script."""
    return Round(
        spent=tuple(each if isinstance(each, tuple) else (script(1 + at), each) for at, each in enumerate(spent)),
        outputs=tuple(
            each if isinstance(each, tuple) else (script(1_001 + at), each) for at, each in enumerate(outputs)
        ),
        data_outputs=data_outputs,
    )


def rule_of(each):
    verdict = round_answer(each)
    return None if verdict is None else (verdict.answer, verdict.rule)


def generic_answer(each):
    return coinjoin_verdict(shape_of(each.spent, each.outputs, is_coinbase=False)).answer


# Wasabi 1

TENTH = 9_980_000
WASABI1 = joint([TENTH + 400_000 + at for at in range(11)], [*[TENTH] * 11, *range(100_000, 400_000, 30_000), 330_001])


def test_coordinators_are_the_published_addresses():
    networks = {"bc": "main", "tb": "test", "bcrt": "regtest"}
    for address, script in WASABI_COORDINATORS.items():
        assert address_of(script, networks[address.partition("1")[0]]) == address


def test_a_round_of_wasabi_1_without_a_published_coordinator():
    assert rule_of(WASABI1) == ("yes", "wasabi1_denomination")


@pytest.mark.parametrize("coordinator", WASABI_COORDINATORS.values())
def test_three_equal_outputs_and_the_coordinator_are_enough(coordinator):
    few = joint([400_000, 500_000, 600_000], [*[300_000] * 3, 90_000, 190_000, (coordinator, 4_000)])
    assert rule_of(few) == ("yes", "wasabi1_coordinator")
    assert rule_of(joint([400_000, 500_000], [300_000, 300_001, (coordinator, 4_000)])) is None


@pytest.mark.parametrize(
    "other",
    [
        joint([each + 30_000_000 for _, each in WASABI1.spent], [TENTH * 2] * 11 + [7_000, 8_000]),  # not a tenth
        joint([TENTH * 12, TENTH], [TENTH] * 11 + [7_000, 8_000]),  # two payers cannot be eleven
        joint([TENTH + 9_000] * 11, [TENTH] * 11),  # nobody's change and no fee
        replace(WASABI1, outputs=(*WASABI1.outputs, (b"\x76\xa9\x14" + bytes(20) + b"\x88\xac", 5_555))),
    ],
    ids=["another amount", "few scripts", "no unique output", "another form of script"],
)
def test_what_lacks_a_mark_of_wasabi_1_is_no_round_of_it(other):
    assert rule_of(other) != ("yes", "wasabi1_denomination")


# Wasabi 2: 55 inputs; the equal outputs are far fewer than half.

_STANDARD = sorted((sat for sat in STANDARD_DENOMINATIONS_SAT if 5_000 <= sat <= 4_000_000), reverse=True)
WASABI2_SPENT = [4_000_000 - 31_337 * at for at in range(55)]
WASABI2_PAID = sorted([*_STANDARD[:40], *_STANDARD[:20], 777_777, 123_457], reverse=True)
WASABI2 = joint(WASABI2_SPENT, WASABI2_PAID)


def test_denominations_are_those_that_wallets_agree_upon():
    assert {5_000, 6_561, 8_192, 10_000, 13_122, 20_000, 50_000, 100_000_000} <= STANDARD_DENOMINATIONS_SAT
    assert not {1_000, 4_999, 30_000, 40_000, 5_001} & STANDARD_DENOMINATIONS_SAT


def test_a_round_of_wasabi_2_is_known_though_few_outputs_are_equal():
    count, _ = WASABI2.most_equal()
    assert 2 * count < len(WASABI2.outputs), "the textbook rule would not see it"
    assert rule_of(WASABI2) == ("yes", "wasabi2")


@pytest.mark.parametrize(
    "other",
    [
        joint(WASABI2_SPENT[::-1], WASABI2_PAID),
        joint(WASABI2_SPENT, WASABI2_PAID[::-1]),
        joint(WASABI2_SPENT[:49], WASABI2_PAID),
        joint([(key_hash(at % 5), each) for at, each in enumerate(WASABI2_SPENT)], WASABI2_PAID),
        joint(WASABI2_SPENT, sorted([*WASABI2_PAID, *range(60_001, 60_030)], reverse=True)),
        replace(WASABI2, outputs=(*WASABI2.outputs, (b"\xa9\x14" + bytes(20) + b"\x87", 1_000))),
    ],
    ids=["inputs rise", "outputs rise", "too few", "one address has many", "too few standard", "other script"],
)
def test_what_lacks_a_mark_of_wasabi_2_is_at_most_doubted(other):
    assert rule_of(other) in {("abstain", "wasabi2_shape"), None}


def test_a_smaller_round_of_a_later_coordinator_is_doubted():
    assert rule_of(joint(WASABI2_SPENT[:22], WASABI2_PAID, script=taproot)) == ("abstain", "wasabi2_shape")


def test_a_payout_of_an_exchange_from_many_deposits_is_no_round():
    payout = joint([1_000_000 + at for at in range(60)], [410_003 + 7_919 * at for at in range(60)])
    assert rule_of(payout) is None
    assert generic_answer(payout) == "no"


# Whirlpool

POOL = 1_000_000


@pytest.mark.parametrize("size", [5, 6, 8])
@pytest.mark.parametrize("pool_sat", WHIRLPOOL_POOLS_SAT)
def test_a_mix_alone_is_doubted_until_the_chain_is_looked_at(size, pool_sat):
    mix = joint([pool_sat] * 3 + [pool_sat + 900] * (size - 3), [pool_sat] * size)
    assert mix_pool_sat(mix) == pool_sat
    assert rule_of(mix) == ("abstain", "whirlpool_shape")


@pytest.mark.parametrize(
    "other",
    [
        joint([POOL + 300] * 4, [POOL] * 4),
        joint([POOL + 300] * 5, [POOL] * 4),
        joint([POOL + 300] * 5, [POOL + 1] * 5),
        joint([POOL + 200_000] * 5, [POOL] * 5),
        joint([(key_hash(1), POOL + 300)] * 2 + [POOL] * 3, [POOL] * 5),
        joint([POOL + 300] * 5, [POOL] * 4 + [(key_hash(1), POOL)]),
        joint([POOL + 300] * 5, [POOL] * 5, data_outputs=1),
    ],
    ids=["four", "one less", "no pool", "too much in", "one script twice", "returns", "data"],
)
def test_what_lacks_a_mark_of_a_mix_is_none(other):
    assert mix_pool_sat(other) is None


def test_a_tx0_is_known_by_its_premixes_its_fee_and_its_data():
    tx0 = joint([9_000_000, 80_000], [POOL + 1_500] * 4 + [50_000, 3_000_000], data_outputs=1)
    found = premix_of(tx0)
    assert found is not None
    assert (found.pool_sat, found.premix_sat, found.changes) == (POOL, POOL + 1_500, 1)
    assert premix_of(replace(tx0, data_outputs=0)) is None
    assert premix_of(replace(tx0, outputs=tx0.outputs[:4])) is None, "no fee of the pool"
    assert premix_of(replace(tx0, outputs=(*tx0.outputs, (b"a", 7_000_000), (b"b", 8_000_000)))) is None


# JoinMarket

MAKERS = joint(
    [5_300_000, 9_100_000, 2_450_000, 700_000, 4_020_000],
    [2_000_000] * 4 + [3_300_900, 7_101_000, 1_155_000, 2_010_000],
)


def test_a_round_of_makers_and_a_taker_adds_up():
    assert rule_of(MAKERS) == ("yes", "joinmarket")


def test_a_taker_who_swept_a_wallet_has_no_change():
    swept = joint([5_300_000, 9_100_000, 2_010_000], [2_000_000] * 3 + [3_300_900, 7_101_000])
    assert rule_of(swept) == ("yes", "joinmarket")


def test_equal_salaries_out_of_one_large_coin_do_not_add_up():
    salaries = joint([9_000_000, 40_000, 30_000, 20_000], [2_000_000] * 4 + [250_000, 250_001, 300_000, 250_003])
    assert rule_of(salaries) is None


def test_a_search_that_is_cut_off_is_a_doubt(monkeypatch):
    monkeypatch.setattr("headwater.money.coinjoin_protocols.shares_add_up", lambda *_, **__: None)
    assert rule_of(MAKERS) == ("abstain", "joinmarket_undecided")


@pytest.mark.parametrize(
    ("amounts", "goals", "expected"),
    [
        ([5, 5, 5], [10, 5], True),
        ([5, 5, 5], [9, 9], False),
        ([7, 3, 4], [7, 7], True),
        ([100], [50, 50], False),
        ([], [1], False),
        ([1], [], True),
    ],
)
def test_shares_add_up_or_do_not(amounts, goals, expected):
    assert shares_add_up(amounts, goals) is expected


def test_the_search_for_shares_gives_up():
    # Many amounts that nearly fit and never do: with little effort nothing is said.
    amounts = [1_000 + 2 * at for at in range(18)]
    goals = [sum(amounts) // 6 - 1] * 6
    assert shares_add_up(amounts, goals, max_steps=3) in {None, True}
    assert shares_add_up([10, 10, 10, 10, 10], [16, 16, 16], max_steps=1) is None


def test_a_share_may_lack_a_makers_fee():
    assert shares_add_up([100, 50], [101, 49]) is False
    assert shares_add_up([100, 50], [101, 49], allowance_sat=1) is True


def test_rules_have_names_sources_and_a_place_in_the_documentation(repository):
    from headwater.money.coinjoin_lineage import LINEAGE_RULES

    names = [rule.name for rule in PROTOCOL_RULES]
    assert len(set(names)) == len(names)
    assert all(rule.source for rule in PROTOCOL_RULES)
    page = (repository / "docs" / "explanation" / "money.md").read_text(encoding="utf-8")
    answers = {rule.name: rule.answer for rule in PROTOCOL_RULES} | LINEAGE_RULES
    answers |= {rule.undecided_name: "abstain" for rule in PROTOCOL_RULES if rule.undecided_name}
    assert [name for name, answer in answers.items() if f"| `{name}` | {answer} |" not in page] == []


# What the chain says


class Pool:
    """A hand-made chain with mixes and what they were made from."""

    def __init__(self, tools):
        self.made, self.tools, self.numbers = tools.HandMade.begun(), tools, iter(range(1, 10_000))

    def coins(self, *amounts_sat):
        pays = [(self.tools.key_script(next(self.numbers)), each) for each in amounts_sat]
        txid = self.made.add((), pays)
        return [(txid, at) for at in range(len(pays))]

    def spend(self, coins, amounts_sat, *, data=False):
        pays = [(self.tools.key_script(next(self.numbers)), each) for each in amounts_sat]
        if data:
            pays.append((b"\x6a\x02ab", 0))
        raw = self.tools.transaction(coins, pays)
        self.made.add([raw])
        txid = self.tools.twice(raw)
        return txid, [(txid, at) for at in range(len(amounts_sat))]

    def tx0(self, coins):
        return self.spend(coins, [POOL + 1_500] * 3 + [50_000, 400_000], data=True)

    def verdicts(self, folder):
        from headwater.money.block_index import BlockSource, indexed_blocks
        from headwater.money.coinjoin_verdicts import coinjoin_verdicts
        from headwater.money.defects import Defects
        from headwater.money.snapshot import snapshot_of
        from headwater.money.undo_index import matched_undo

        defects = Defects()
        index = indexed_blocks([BlockSource(exhibit_id="EX-4", path=self.made.write(folder))], defects)
        snapshot = snapshot_of(index, matched_undo(index, defects), defects)
        return {bytes(snapshot.txids[tx]): each for tx, each in enumerate(coinjoin_verdicts(snapshot))}


@pytest.fixture
def pool(tools):
    return Pool(tools)


def test_a_mix_of_premixes_and_of_a_mix_descends_from_the_pool(pool, tmp_path):
    prepared, tx0s = [], []
    for _ in range(3):
        txid, coins = pool.tx0(pool.coins(2_000_000, 2_500_000))
        tx0s.append(txid)
        prepared += coins[:3]
    first, mixed = pool.spend(prepared[:5], [POOL] * 5)
    second, _ = pool.spend([*mixed[:3], *prepared[5:8]], [POOL] * 6)
    verdicts = pool.verdicts(tmp_path)
    for mix in (first, second):
        assert (verdicts[mix].answer, verdicts[mix].rule) == ("yes", "whirlpool_mix")
    assert {verdicts[txid].answer for txid in tx0s} == {"no"}, "one person's own coins"


def test_what_looks_like_a_mix_and_comes_from_elsewhere_stays_a_doubt(pool, tmp_path):
    _, coins = pool.tx0(pool.coins(2_000_000, 2_500_000))
    strange = pool.coins(POOL + 700, POOL + 800)
    mix, _ = pool.spend([*coins[:3], *strange], [POOL] * 5)
    verdict = pool.verdicts(tmp_path)[mix]
    assert (verdict.answer, verdict.rule) == ("abstain", "whirlpool_shape")


def test_coins_prepared_for_another_pool_are_no_lineage(pool, tmp_path):
    _, coins = pool.spend(pool.coins(2_000_000), [101_000] * 5 + [5_000, 400_000], data=True)
    other, _ = pool.spend(pool.coins(9_000_000), [POOL + 1_500] * 5 + [50_000, 400_000], data=True)
    mix, _ = pool.spend([*coins[:2], *((other, at) for at in range(3))], [100_000] * 5)
    assert pool.verdicts(tmp_path)[mix].answer != "yes" or pool.verdicts(tmp_path)[mix].rule != "whirlpool_mix"


def test_a_tx0_with_two_changes_may_be_two_peoples(pool, tmp_path):
    coins = pool.coins(3_600_000, 3_700_000)
    txid, prepared = pool.spend(coins, [POOL + 1_500] * 5 + [50_000, 800_000, 800_000], data=True)
    mix, _ = pool.spend(prepared[:5], [POOL] * 5)
    verdicts = pool.verdicts(tmp_path)
    assert verdicts[mix].rule == "whirlpool_mix"
    assert verdicts[txid].rule != "whirlpool_tx0"
