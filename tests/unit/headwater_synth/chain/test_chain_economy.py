"""Every planted situation is there, whatever the seed, and the truth says so."""

from __future__ import annotations

import csv
import os
import subprocess
import sys
from dataclasses import replace

import pytest

from headwater.errors import ConfigError
from headwater_synth.chain import ROUTES, build_chain, write_blocks, write_truth, write_wallet

bitcoin = pytest.importorskip("bitcoin.core", reason="python-bitcoinlib parses independently")


class Parsed:
    """What another parser finds in the blocks."""

    def __init__(self, result):
        self.outputs, self.inputs = {}, {}
        for block in result.blocks:
            for position, transaction in enumerate(bitcoin.CBlock.deserialize(block.raw).vtx):
                txid = transaction.GetTxid()[::-1].hex()
                for place, output in enumerate(transaction.vout):
                    self.outputs[txid, place] = (output.nValue, bytes(output.scriptPubKey).hex())
                self.inputs[txid] = (
                    [(spent.prevout.hash[::-1].hex(), spent.prevout.n) for spent in transaction.vin] if position else []
                )
        self.address = {holder.script_hex: holder.address for holder in result.holders}

    def paid_to(self, outpoint):
        amount_sat, script_hex = self.outputs[outpoint]
        return self.address[script_hex], amount_sat

    def spenders(self, txid):
        return [self.paid_to(outpoint)[0] for outpoint in self.inputs[txid]]


@pytest.fixture(scope="module")
def parsed(chain):
    return Parsed(chain)


def test_every_paid_invoice_is_paid_exactly_and_no_other(chain, parsed):
    paid = {invoice.invoice_key: invoice for invoice in chain.plan.invoices if invoice.paid_at_s is not None}
    assert set(chain.payment_txid) == set(paid)
    received = {parsed.address.get(script_hex) for _, script_hex in parsed.outputs.values()}
    for invoice_key, address in chain.invoice_address.items():
        if invoice_key in paid:
            assert parsed.paid_to(chain.payment_txid[invoice_key]) == (address, paid[invoice_key].amount_sat)
        else:
            assert address not in received


def test_payments_are_mined_soon_after_they_were_made(chain):
    block_at_s = {txid[::-1].hex(): block.at_s for block in chain.blocks for txid in block.txids}
    longest_s = 2 * chain.plan.blocks * chain.plan.spacing_s // (chain.plan.blocks - 112)
    for invoice in chain.plan.invoices:
        if invoice.paid_at_s is not None:
            waited_s = block_at_s[chain.payment_txid[invoice.invoice_key][0]] - invoice.paid_at_s
            assert waited_s <= longest_s
            if invoice.paid_at_s <= chain.blocks[-1].at_s:
                assert waited_s >= 0


def test_withdrawals_are_in_the_chain_and_come_from_their_exchange(chain, parsed):
    owners = chain.owners
    people = {invoice.payer_person_key for invoice in chain.plan.invoices if invoice.exchange and invoice.paid_at_s}
    assert {withdrawal.person_key for withdrawal in chain.withdrawals} == people
    assert all(withdrawal.person_key is None for withdrawal in chain.other_withdrawals)
    block_at_s = {txid[::-1].hex(): block.at_s for block in chain.blocks for txid in block.txids}
    for withdrawal in (*chain.withdrawals, *chain.other_withdrawals):
        outpoint = (withdrawal.txid, withdrawal.output_index)
        assert parsed.paid_to(outpoint) == (withdrawal.address, withdrawal.amount_sat)
        assert {owners[address] for address in parsed.spenders(withdrawal.txid)} == {
            (f"exchange:{withdrawal.exchange}", "exchange_hot"),
        }
        assert withdrawal.at_s <= block_at_s[withdrawal.txid]


def test_every_exchange_wallet_payer_withdraws_before_paying(chain):
    earliest = {}
    for withdrawal in chain.withdrawals:
        earliest[withdrawal.person_key] = min(earliest.get(withdrawal.person_key, withdrawal.at_s), withdrawal.at_s)
    for invoice in chain.plan.invoices:
        if invoice.paid_at_s is not None and invoice.exchange:
            assert earliest[invoice.payer_person_key] <= invoice.paid_at_s


def test_one_batch_pays_payers_and_strangers(chain):
    payers = {withdrawal.txid for withdrawal in chain.withdrawals}
    strangers = {withdrawal.txid for withdrawal in chain.other_withdrawals}
    assert payers & strangers
    assert {chain.transaction_kinds[txid] for txid in payers} <= {"withdrawal", "batch_payout"}


def test_hot_addresses_without_a_tag_matter(chain, parsed):
    assert [len(chain.tagged_addresses[name]) for name in chain.plan.exchanges] == [2, 1, 1, 0]
    for name in chain.plan.exchanges[:-1]:
        tagged = set(chain.tagged_addresses[name])
        served = [w for w in chain.withdrawals if w.exchange == name]
        assert any(not tagged & set(parsed.spenders(withdrawal.txid)) for withdrawal in served)
    for name in chain.plan.exchanges:
        hot = {h.address for h in chain.holders if h.owner == f"exchange:{name}" and h.kind == "exchange_hot"}
        assert len(hot) == 4
        assert any(
            hot == set(parsed.spenders(txid))
            for txid, kind in chain.transaction_kinds.items()
            if kind == "consolidation"
        )


def test_nobody_spends_together_with_a_stranger_but_in_a_coinjoin(chain, parsed):
    owners = chain.owners
    together = 0
    for txid, kind in chain.transaction_kinds.items():
        scripts = [parsed.outputs[outpoint][1] for outpoint in parsed.inputs[txid]]
        holders = {owners[parsed.address[script]][0] for script in scripts if script in parsed.address}
        if kind == "coinjoin":
            assert len(holders) >= 4
        else:
            assert len(holders) <= 1
        together += kind == "payment" and len(set(scripts)) > 1
    assert together >= 3, "payers spend several coins together"


def test_coinjoins_look_like_coinjoins(chain, parsed):
    rounds = [txid for txid, kind in chain.transaction_kinds.items() if kind == "coinjoin"]
    owners = chain.owners
    with_payers = 0
    for txid in rounds:
        amounts = [amount for (made_in, _), (amount, _) in parsed.outputs.items() if made_in == txid]
        equal = max(amounts.count(amount) for amount in amounts)
        assert equal >= 5
        assert len(parsed.inputs[txid]) >= equal
        assert len(amounts) > equal, "somebody gets change"
        with_payers += any(owners[address][1] == "payer" for address in parsed.spenders(txid))
    assert 0 < with_payers < len(rounds)


def test_self_funded_payers_have_no_service_behind_them(chain):
    funded = {
        chain.payment_txid[invoice.invoice_key]
        for invoice in chain.plan.invoices
        if invoice.route == "self_funded" and invoice.paid_at_s is not None
    }
    other_routes = {invoice.payer_person_key for invoice in chain.plan.invoices if invoice.route != "self_funded"}
    alone = {
        chain.payment_txid[invoice.invoice_key]
        for invoice in chain.plan.invoices
        if invoice.paid_at_s is not None and invoice.payer_person_key not in other_routes
    }
    assert funded
    kinds = {
        flow.endpoint_kind
        for flow in chain.flows
        if flow.direction == "backward" and (flow.origin_txid, flow.origin_output_index) in funded & alone
    }
    assert kinds <= {"coinbase", "hop_limit"}


def test_direct_payments_end_at_the_exchange_at_once(chain):
    for invoice in chain.plan.invoices:
        if invoice.route != "exchange_direct" or invoice.paid_at_s is None:
            continue
        ends = {
            (flow.endpoint_kind, flow.service_actor)
            for flow in chain.flows
            if flow.direction == "backward"
            and (flow.origin_txid, flow.origin_output_index) == chain.payment_txid[invoice.invoice_key]
        }
        if invoice.exchange == chain.plan.exchanges[-1]:
            assert ("service", invoice.exchange) not in ends
        else:
            assert ends == {("service", invoice.exchange)}


def test_the_operator_arrives_at_exchanges_in_both_ways(chain, parsed):
    assert chain.deposits
    ends = {}
    for flow in chain.flows:
        if flow.direction == "forward" and flow.endpoint_kind == "service":
            address, _ = parsed.paid_to((flow.endpoint_txid, flow.endpoint_output_index))
            ends.setdefault(chain.owners[address][1], set()).add(flow.service_actor)
    assert ends["exchange_deposit"], "a deposit address that co-spending links to a tag"
    assert ends["exchange_hot"], "a deposit address that nothing links"
    untagged = chain.plan.exchanges[-1]
    for deposit in chain.deposits:
        assert deposit.customer == "platform-operator"
        assert deposit.exchange != untagged
        assert parsed.paid_to((deposit.txid, deposit.output_index)) == (deposit.address, deposit.amount_sat)
        assert chain.owners[deposit.address] == (f"exchange:{deposit.exchange}", "exchange_deposit")


def test_every_kind_of_transaction_occurs(chain):
    assert set(chain.transaction_kinds.values()) == {
        "batch_payout",
        "coinbase",
        "coinjoin",
        "consolidation",
        "honest",
        "operator_cashout",
        "payment",
        "peel",
        "sweep",
        "transfer",
        "withdrawal",
    }


@pytest.mark.parametrize("seed", range(6))
def test_any_seed_keeps_every_situation(plan_of, seed):
    result = build_chain(plan_of(seed, invoices=20, blocks=140))
    parsed = Parsed(result)
    assert {"coinjoin", "consolidation", "operator_cashout", "peel", "sweep"} <= set(result.transaction_kinds.values())
    assert result.deposits
    served_by_sibling = [
        withdrawal
        for withdrawal in result.withdrawals
        if result.tagged_addresses[withdrawal.exchange]
        and not set(result.tagged_addresses[withdrawal.exchange]) & set(parsed.spenders(withdrawal.txid))
    ]
    assert served_by_sibling
    assert {flow.endpoint_kind for flow in result.flows} >= {"service", "coinjoin", "coinbase"}


def test_flows_conserve_every_satoshi_backward(chain):
    amounts = {
        chain.payment_txid[invoice.invoice_key]: invoice.amount_sat
        for invoice in chain.plan.invoices
        if invoice.paid_at_s is not None
    }
    for policy in ("fifo", "pro_rata"):
        sums = dict.fromkeys(amounts, 0)
        for flow in chain.flows:
            if (flow.direction, flow.policy) == ("backward", policy):
                sums[flow.origin_txid, flow.origin_output_index] += flow.amount_sat
        assert sums == amounts


def everything(result, directory):
    write_blocks(result, directory / "blocks")
    write_wallet(result, directory / "wallet.dat")
    write_truth(result, directory / "truth")
    return {path.relative_to(directory): path.read_bytes() for path in directory.rglob("*") if path.is_file()}


PROGRAM = """
import sys
from pathlib import Path
from headwater_synth.chain import *
directory = Path(sys.argv[1])
invoices = tuple(
    PlannedInvoice(invoice_key=key, account_key=key, amount_sat=100_000 + key, amount_cents=900, currency="EUR",
                   issued_at_s=1_700_000_000, paid_at_s=1_700_000_000 + 90_000 * key, payer_person_key=key,
                   route=ROUTES[key % len(ROUTES)], exchange="A" if key % len(ROUTES) != 4 else None)
    for key in range(10)
)
result = build_chain(ChainPlan(seed=5, invoices=invoices, exchanges=("A", "B"), blocks=140,
                               start_s=1_700_000_000, spacing_s=7200))
write_blocks(result, directory / "blocks")
write_wallet(result, directory / "wallet.dat")
write_truth(result, directory / "truth")
"""


def test_bytes_depend_on_nothing_but_the_plan(tmp_path):
    made = []
    for name, changes in (
        ("one", {"TZ": "Asia/Tokyo", "LC_ALL": "C", "PYTHONHASHSEED": "1"}),
        ("two", {"TZ": "America/Lima", "LC_ALL": "C.UTF-8", "PYTHONHASHSEED": "2"}),
    ):
        directory = tmp_path / name
        directory.mkdir()
        subprocess.run([sys.executable, "-c", PROGRAM, str(directory)], env={**os.environ, **changes}, check=True)
        made.append(
            {path.relative_to(directory): path.read_bytes() for path in directory.rglob("*") if path.is_file()},
        )
    assert len(made[0]) == 8
    assert made[0] == made[1]


def test_another_seed_makes_another_chain(plan_of, tmp_path):
    first = everything(build_chain(plan_of(1, invoices=6, blocks=140)), tmp_path / "first")
    second = everything(build_chain(replace(plan_of(1, invoices=6, blocks=140), seed=2)), tmp_path / "second")
    assert first.keys() == second.keys()
    assert all(first[path] != second[path] for path in first)


def test_truth_files(chain, tmp_path):
    write_truth(chain, tmp_path, person_of_account=lambda key: key + key % 2)
    tables = {
        path.stem: list(csv.DictReader(path.read_text(encoding="utf-8").splitlines()))
        for path in sorted(tmp_path.iterdir())
    }
    assert list(tables) == ["addresses", "flows", "payments", "transactions"]
    assert list(tables["addresses"][0]) == ["address", "script_hex", "owner", "kind", "cluster_expected"]
    assert {row["kind"] for row in tables["addresses"]} == {
        "platform",
        "payer",
        "exchange_hot",
        "exchange_deposit",
        "honest",
        "coinjoin_participant",
        "miner",
        "operator",
    }
    assert len({row["address"] for row in tables["addresses"]}) == len(tables["addresses"])
    assert {row["txid"] for row in tables["transactions"]} == set(chain.transaction_kinds)
    assert len(tables["flows"]) == len(chain.flows)
    assert {row["route"] for row in tables["payments"]} == set(ROUTES)
    assert all(int(row["is_relative"]) == int(row["account_key"]) % 2 for row in tables["payments"])
    assert len(tables["payments"]) == len(chain.payment_txid)


def test_without_invoices_there_is_a_chain_all_the_same(plan_of):
    result = build_chain(replace(plan_of(4, blocks=140), invoices=()))
    assert len(result.blocks) == 141
    assert not result.flows


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"blocks": 100}, "too few"),
        ({"exchanges": ()}, "at least one exchange"),
        ({"exchanges": ("A", "A")}, "each once"),
        ({"exchanges": ("Elsewhere",)}, "no exchange"),
        ({"spacing_s": 1}, "between blocks"),
    ],
)
def test_a_plan_that_cannot_be_is_refused(plan_of, change, reason):
    with pytest.raises(ConfigError, match=reason):
        build_chain(replace(plan_of(1), **change))


def test_amounts_beyond_all_coins_are_refused(plan_of):
    plan = plan_of(1, invoices=5, blocks=140)
    invoice = replace(plan.invoices[0], amount_sat=10**12)
    with pytest.raises(ConfigError, match="short of"):
        build_chain(replace(plan, invoices=(invoice,)))
