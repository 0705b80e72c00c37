"""What is decided by columns is what the rules say of each transaction by itself."""

from __future__ import annotations

import random
from array import array

import pytest

from headwater.money.coinjoin import RULES, CoinjoinVerdict, coinjoin_verdict, shape_of
from headwater.money.coinjoin_lineage import round_of
from headwater.money.coinjoin_protocols import PROTOCOL_RULES, mix_pool_sat, round_answer
from headwater.money.coinjoin_verdicts import own_answers
from headwater.money.scripts import is_unspendable
from headwater.money.snapshot import ABSENT, Snapshot

SCRIPTS = (*(b"\x00\x14" + bytes((number,)) * 20 for number in range(80)), b"\x6a\x01a", b"\x6a\x01b", b"\x51")


def snapshot_of_shapes(seed: int, transactions: int = 400) -> Snapshot:
    """Transactions that spend and pay at random, often equal amounts, often from and to the same scripts."""
    chance, snapshot = random.Random(seed), Snapshot()
    for number in range(transactions):
        snapshot.txids.append(number.to_bytes(32, "big"))
        snapshot.tx_positions.append(0 if number % 40 == 0 else 1 + number % 40)
        few = chance.choice((1, 2, 3, 40, len(SCRIPTS)))
        amounts = [chance.choice((100, 546, 547, 10_000, 100_000, 1_000_000, 10_001_000, 2**20)) for _ in range(3)]
        mixes = chance.random() < 0.1
        inputs = 0 if snapshot.is_coinbase(number) else chance.choice((1, 2, 3, 5, 6, 22, 60))
        for _ in range(inputs):
            known = chance.random() > 0.01
            amount = 1_000_500 if mixes else chance.choice((*amounts, chance.randint(1, 10**7)))
            snapshot.input_txs.append(number)
            snapshot.input_outputs.append(ABSENT)
            snapshot.input_amounts_sat.append(amount if known else ABSENT)
            script = snapshot.script_number(chance.choice(SCRIPTS[:few]))
            snapshot.input_scripts.append(script if known else ABSENT)
        snapshot.input_starts.append(len(snapshot.input_txs))
        outputs = inputs if mixes else chance.choice((1, 2, 3, 4, 8, 30))
        several = chance.sample(SCRIPTS[:80], outputs) if chance.random() < 0.5 else chance.choices(SCRIPTS, k=outputs)
        for script in several:
            amount = 1_000_000 if mixes else chance.choice((*amounts, amounts[0], chance.randint(1, 10**7)))
            snapshot.output_txs.append(number)
            snapshot.output_amounts_sat.append(amount)
            snapshot.output_scripts.append(snapshot.script_number(script))
            snapshot.spent_by.append(ABSENT)
        snapshot.output_starts.append(len(snapshot.output_txs))
    snapshot.tx_blocks = array("q", [0] * transactions)
    return snapshot


def by_rules(snapshot: Snapshot, tx: int) -> tuple[CoinjoinVerdict, int | None]:
    if not snapshot.is_resolved(tx):
        return CoinjoinVerdict(answer="abstain", rule="spent_output_unresolved"), None
    shape = shape_of(
        [(snapshot.input_scripts[at], snapshot.input_amounts_sat[at]) for at in snapshot.inputs_of(tx)],
        [
            (snapshot.output_scripts[at], snapshot.output_amounts_sat[at])
            for at in snapshot.outputs_of(tx)
            if not is_unspendable(snapshot.scripts[snapshot.output_scripts[at]])
        ],
        is_coinbase=snapshot.is_coinbase(tx),
    )
    # A round has two inputs and three outputs at least, as it always had.
    if len(snapshot.inputs_of(tx)) < 2 or len(snapshot.outputs_of(tx)) < 3:
        return coinjoin_verdict(shape), None
    joint = round_of(snapshot, tx)
    return round_answer(joint) or coinjoin_verdict(shape), mix_pool_sat(joint)


@pytest.mark.parametrize("seed", range(6))
def test_columns_and_rules_agree(seed):
    snapshot = snapshot_of_shapes(seed)
    own = own_answers(snapshot)
    for tx in range(len(snapshot.txids)):
        verdict, pool_sat = by_rules(snapshot, tx)
        assert own.verdicts[tx] == verdict, tx
        assert own.pools_sat.get(tx) == pool_sat, tx


def test_such_shapes_meet_nearly_every_rule():
    met = {verdict.rule for seed in range(6) for verdict in own_answers(snapshot_of_shapes(seed)).verdicts}
    assert {rule.name for rule in RULES} - met <= {"equal_outputs_with_change", "more_shares_than_payers"}
    assert met & {rule.name for rule in PROTOCOL_RULES} >= {"wasabi2_shape", "whirlpool_shape"}


def test_a_chain_of_nothing_has_no_answers():
    assert own_answers(Snapshot()).verdicts == []
