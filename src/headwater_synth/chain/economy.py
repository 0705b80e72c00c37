"""The whole of it: one block after the other, everybody's turn in each."""

from __future__ import annotations

from headwater.errors import ConfigError
from headwater_synth.chain.coinjoin import Mixers
from headwater_synth.chain.encoding import address_of, shown
from headwater_synth.chain.exchange import Exchange
from headwater_synth.chain.ledger import MAX_BLOCK_WEIGHT, Ledger
from headwater_synth.chain.market import Market
from headwater_synth.chain.oracle import OracleTransaction, flows_of
from headwater_synth.chain.others import Miners, People, Traders
from headwater_synth.chain.payers import Payers
from headwater_synth.chain.plan import ChainPlan
from headwater_synth.chain.platform import Platform
from headwater_synth.chain.result import ChainResult, Flow, Holder
from headwater_synth.chain.society import Society
from headwater_synth.chain.timetable import PREPARATION_STEPS, Timetable
from headwater_synth.seeds import seed_digest, stream

__all__ = ["build_chain"]

_STALE_EVERY_BLOCKS = 61


class _Economy:
    """Everybody, and the order in which they act."""

    def __init__(self, plan: ChainPlan, ledger: Ledger) -> None:
        self.plan = plan
        self.timetable = Timetable(plan)
        self.ledger = ledger
        self.market = Market(plan.seed, ledger)
        if not plan.exchanges or len(set(plan.exchanges)) < len(plan.exchanges):
            raise ConfigError("synthetic chain: name at least one exchange, and each once")
        untagged = len(plan.exchanges) - 1 if len(plan.exchanges) > 1 else None
        self.exchanges = {
            name: Exchange(self.market, name, place, tagged=place != untagged)
            for place, name in enumerate(plan.exchanges)
        }
        self.platform = Platform(self.market, plan, self.timetable)
        self.payers = Payers(
            self.market, plan, self.timetable, self.exchanges, self.platform.invoice_keys, self.platform.receipts
        )
        everywhere = tuple(self.exchanges.values())
        self.known_exchanges = tuple(exchange for exchange in everywhere if exchange.tagged)
        self.mixers = Mixers(self.market, self.timetable, everywhere, self.payers.rounds)
        self.miners = Miners(self.market, self.payers.needs_sat())
        self.traders = Traders(self.market)
        self.people = People(self.market, self.timetable, self.payers.payments_a_step(), len(plan.invoices))
        self.society = (
            Society(self.market, plan.bystanders, self.miners, everywhere, payjoins_per_mille=plan.payjoins_per_mille)
            if plan.bystanders
            else None
        )
        self._fees = stream(plan.seed, "chain", "fees")

    def run(self) -> None:
        """Mine everything, and go on for as long as transactions wait."""
        steps = self.timetable.steps
        for step in range(-self.timetable.warm_up - PREPARATION_STEPS, steps):
            self.market.fee_rate = self._fees.randint(2, 15)
            if step >= -PREPARATION_STEPS:
                self._trade(step)
            self._mine(step)
        step = steps
        while self.ledger.waiting:
            self._mine(step)
            step += 1

    def _mine(self, step: int) -> None:
        key, wallet = self.miners.next_key(self.ledger.height + 1)
        rival = None
        if step >= 0 and self.ledger.height % _STALE_EVERY_BLOCKS == 0:
            rival, _ = self.miners.next_key(self.ledger.height + 1)
        self.miners.found(self.ledger.mine(self.timetable.at_s(step), key, rival=rival), wallet)

    def _trade(self, step: int) -> None:
        everywhere = tuple(self.exchanges.values())
        at_s = self.timetable.at_s(step) - 60
        for exchange in everywhere:
            exchange.sweep()
            if not exchange.joined and step >= -PREPARATION_STEPS // 2:
                exchange.join_hot_addresses()
        height = self.ledger.height + 1
        self.miners.sell(height, at_s, everywhere, self.traders, self.people.wallets)
        if step < 0:
            return
        self.people.deposit(step, everywhere)
        self.people.withdraw(step, everywhere)
        self.payers.ask(step)
        self.mixers.ask(step)
        self.payers.buy(step, self.traders)
        for exchange in everywhere:
            exchange.pay_out()
        self.payers.hop(step)
        self.mixers.join(step)
        self.payers.pay(step)
        self.people.trade(self.mixers.wallets)
        self.platform.act(step, self.known_exchanges)
        if self.society is not None:
            self.society.act(step, self.timetable.at_s(step) - 30)

    def payment_places(self) -> dict[int, tuple[str, int]]:
        """Transaction and output of every invoice paid, in the order of invoices."""
        coins = dict(self.payers.paid)
        for exchange in self.exchanges.values():
            coins.update(exchange.paid_directly)
        return {
            invoice.invoice_key: (shown(coins[invoice.invoice_key].txid), coins[invoice.invoice_key].output_index)
            for invoice in self.plan.invoices
            if invoice.invoice_key in coins
        }

    def flows(self, payments: dict[int, tuple[str, int]]) -> tuple[Flow, ...]:
        """Where the satoshis of every receipt came from and went to."""
        transactions = [
            OracleTransaction(
                txid=shown(transaction.txid),
                inputs=tuple((shown(coin.txid), coin.output_index) for coin in transaction.inputs),
                amounts_sat=transaction.amounts_sat,
                scripts=transaction.scripts,
                is_coinjoin=transaction.kind.startswith("coinjoin"),
            )
            for transaction in self.ledger.transactions
        ]
        services = {key.script: exchange.name for exchange in self.exchanges.values() for key in exchange.tagged}
        return flows_of(transactions, services, tuple(payments.values()))


def build_chain(plan: ChainPlan, *, max_block_weight: int = MAX_BLOCK_WEIGHT) -> ChainResult:
    """A regtest chain with everything the plan asks for, and the truth about it.

    Args:
        plan: What to make; the same plan gives the same bytes.
        max_block_weight: Weight that a block may have; blocks are added where it does not suffice.
    """
    ledger = Ledger(max_block_weight=max_block_weight)
    economy = _Economy(plan, ledger)
    economy.run()
    payments = economy.payment_places()
    kinds = {shown(ledger.blocks[0].txids[0]): "coinbase"}
    kinds.update((shown(transaction.txid), transaction.kind) for transaction in ledger.transactions)
    exchanges = tuple(economy.exchanges.values())
    return ChainResult(
        plan=plan,
        invoice_address={
            invoice_key: address_of(key.script) or "" for invoice_key, key in economy.platform.invoice_keys.items()
        },
        payment_txid=payments,
        withdrawals=tuple(withdrawal for exchange in exchanges for withdrawal in exchange.withdrawals),
        other_withdrawals=tuple(withdrawal for exchange in exchanges for withdrawal in exchange.other_withdrawals),
        deposits=tuple(deposit for exchange in exchanges for deposit in exchange.deposits),
        tagged_addresses={
            exchange.name: tuple(address_of(key.script) or "" for key in exchange.tagged) for exchange in exchanges
        },
        wallet=economy.platform.record(),
        blocks=tuple(ledger.blocks),
        stale_blocks=tuple(ledger.stale_blocks),
        xor_key=seed_digest(plan.seed, "chain", "xor")[:8],
        holders=tuple(
            Holder(address=address, script_hex=script.hex(), owner=owner, kind=kind)
            for script, (owner, kind) in economy.market.holders.items()
            if (address := address_of(script)) is not None
        ),
        transaction_kinds=kinds,
        flows=economy.flows(payments),
    )
