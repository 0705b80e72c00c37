"""People besides, peeling services and rounds of each protocol: valid, as planned, and absent unless asked for."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import replace

import pytest

from headwater_synth.chain import build_chain
from headwater_synth.chain.habits import HABITS
from headwater_synth.chain.protocol_rounds import PROTOCOLS


@pytest.fixture(scope="module")
def crowded(plan_of):
    return build_chain(replace(plan_of(11, blocks=180), bystanders=60))


def test_core_accepts_every_block_of_a_crowded_chain(crowded, core):
    assert core.height(block.raw for block in crowded.blocks) == len(crowded.blocks) - 1


def test_every_agent_is_there(crowded):
    kinds = Counter(crowded.transaction_kinds.values())
    assert all(kinds[f"coinjoin_{protocol}"] >= 3 for protocol in PROTOCOLS), kinds
    assert kinds["whirlpool_tx0"] > 5
    assert kinds["service_peel"] > 100
    holders = {holder.kind for holder in crowded.holders}
    assert {f"bystander_{habit.name}" for habit in HABITS} <= holders


def test_nobody_of_them_is_there_unless_asked_for(chain):
    kinds = set(chain.transaction_kinds.values())
    assert not {kind for kind in kinds if kind.startswith(("coinjoin_", "whirlpool", "service_peel"))}


def test_the_same_plan_gives_the_same_chain(plan_of):
    plan = replace(plan_of(4, invoices=9, blocks=140), bystanders=20)
    assert [block.raw for block in build_chain(plan).blocks] == [block.raw for block in build_chain(plan).blocks]


def test_rounds_have_the_shape_that_their_programs_published(crowded):
    bitcoin = pytest.importorskip("bitcoin.core", reason="python-bitcoinlib parses independently")
    shapes = defaultdict(list)
    for block in crowded.blocks:
        for parsed in bitcoin.CBlock.deserialize(block.raw).vtx:
            kind = crowded.transaction_kinds[parsed.GetTxid()[::-1].hex()]
            shapes[kind].append((len(parsed.vin), [output.nValue for output in parsed.vout]))
    for inputs, paid in shapes["coinjoin_whirlpool"]:
        assert 5 <= inputs == len(paid) <= 8
        assert len(set(paid)) == 1
    for inputs, paid in shapes["coinjoin_wasabi1"]:
        count, amount_sat = max((count, amount_sat) for amount_sat, count in Counter(paid).items())
        assert count >= 10
        assert abs(amount_sat - 10_000_000) < 2_000_000
        assert inputs >= count
    assert any(inputs >= 50 for inputs, _ in shapes["coinjoin_wasabi2"])
    assert all(paid == sorted(paid, reverse=True) for _, paid in shapes["coinjoin_wasabi2"])
    assert all(paid.count(0) == 1 for _, paid in shapes["whirlpool_tx0"])
    assert all(inputs == 1 and len(paid) == 2 for inputs, paid in shapes["service_peel"])


@pytest.fixture(scope="module")
def payjoining(plan_of):
    return build_chain(replace(plan_of(11, blocks=180), bystanders=60, payjoins_per_mille=100))


def test_in_a_payjoin_two_people_spend_and_the_payee_gets_the_coin_back_with_the_payment(payjoining, core):
    bitcoin = pytest.importorskip("bitcoin.core", reason="python-bitcoinlib parses independently")
    assert core.height(block.raw for block in payjoining.blocks) == len(payjoining.blocks) - 1
    owners = {holder.script_hex: holder.owner for holder in payjoining.holders}
    outputs, seen = {}, 0
    for block in payjoining.blocks:
        for parsed in bitcoin.CBlock.deserialize(block.raw).vtx:
            txid = parsed.GetTxid()
            outputs |= {(txid, at): (out.scriptPubKey.hex(), out.nValue) for at, out in enumerate(parsed.vout)}
            if payjoining.transaction_kinds[txid[::-1].hex()] != "payjoin":
                continue
            seen += 1
            spent = [outputs[entry.prevout.hash, entry.prevout.n] for entry in parsed.vin]
            payers = {owners[script] for script, _ in spent}
            assert len(payers) == len(parsed.vout) == 2
            assert {owners[out.scriptPubKey.hex()] for out in parsed.vout} == payers
            gained = {owner: -sum(sat for script, sat in spent if owners[script] == owner) for owner in payers}
            for out in parsed.vout:
                gained[owners[out.scriptPubKey.hex()]] += out.nValue
            assert sorted(sat > 0 for sat in gained.values()) == [False, True]
    assert seen >= 20


def test_there_is_no_payjoin_unless_asked_for(crowded, chain):
    assert "payjoin" not in {*crowded.transaction_kinds.values(), *chain.transaction_kinds.values()}
