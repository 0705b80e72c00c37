"""Those who pay the platform: when they withdraw, by which way the coins go, and the payment itself."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Mapping, Sequence

from headwater.errors import ConfigError
from headwater_synth.chain.coinjoin import JoinedPayer, Round
from headwater_synth.chain.exchange import Exchange, Request
from headwater_synth.chain.keys import Key
from headwater_synth.chain.market import Market, Wallet
from headwater_synth.chain.others import Traders
from headwater_synth.chain.plan import ROUTES, ChainPlan, PlannedInvoice
from headwater_synth.chain.timetable import Timetable
from headwater_synth.chain.transactions import Coin
from headwater_synth.seeds import stream

__all__ = ["Payers"]

_FEE_ALLOWANCE_SAT = 20_000  # a few transactions of a private wallet, at the highest rate here
_PAYERS_OF_A_ROUND = 3


class Payers:
    """All payers, by the steps of the timetable.

    Attributes:
        rounds: CoinJoin rounds that payers wait for, by step.
        paid: Coin of each payment made from a payer's own wallet, by invoice.
    """

    def __init__(
        self,
        market: Market,
        plan: ChainPlan,
        timetable: Timetable,
        exchanges: Mapping[str, Exchange],
        invoice_keys: Mapping[int, Key],
        receipts: list[Coin],
    ) -> None:
        self.rounds: dict[int, list[Round]] = defaultdict(list)
        self.paid: dict[int, Coin] = {}
        self._market = market
        self._timetable = timetable
        self._exchanges = exchanges
        self._invoice_keys = invoice_keys
        self._receipts = receipts
        self._random: random.Random = stream(plan.seed, "chain", "payers")
        self._wallets: dict[int, Wallet] = {}
        self._coins: dict[int, list[Coin]] = {}
        self._requests: dict[int, list[tuple[str, Request]]] = defaultdict(list)
        self._hops: dict[int, list[PlannedInvoice]] = defaultdict(list)
        self._sales: dict[int, list[PlannedInvoice]] = defaultdict(list)
        self._payments: dict[int, list[PlannedInvoice]] = defaultdict(list)
        self._several = 0
        self._joined: dict[int, list[PlannedInvoice]] = defaultdict(list)
        for invoice in plan.invoices:
            if invoice.paid_at_s is not None:
                self._schedule(invoice, invoice.paid_at_s)
        for step in sorted(self._joined):
            self._schedule_rounds(step, self._joined[step])

    def needs_sat(self) -> dict[str, int]:
        """Satoshis that payers will withdraw from each exchange."""
        needs = dict.fromkeys(self._exchanges, 0)
        for step in sorted(self._requests):
            for exchange, request in self._requests[step]:
                needs[exchange] += request.amount_sat
        return needs

    def sales_sat(self) -> int:
        """Satoshis that payers will buy from traders."""
        bought = (invoice for step in sorted(self._sales) for invoice in self._sales[step])
        return sum(2 * (invoice.amount_sat + _FEE_ALLOWANCE_SAT) for invoice in bought)

    def payments_a_step(self) -> int:
        """Payments in a step, on average and rounded up."""
        paid = sum(len(group) for group in self._payments.values())
        direct = sum(1 for group in self._requests.values() for _, request in group if request.invoice_key is not None)
        return -(-(paid + direct) // self._timetable.steps)

    def ask(self, step: int) -> None:
        """Give exchanges the orders of this step."""
        for exchange, request in self._requests.pop(step, ()):
            self._exchanges[exchange].ask(request)

    def buy(self, step: int, traders: Traders) -> None:
        """Buy coins from honest traders, for payers who are at no exchange."""
        for invoice in self._sales.pop(step, ()):
            key = self._wallet(invoice).key()
            amount_sat = self._with_allowance(invoice)
            self._coins[invoice.invoice_key] = [traders.sell(key, amount_sat)]

    def hop(self, step: int) -> None:
        """Move coins on to another address of one's own."""
        for invoice in self._hops.pop(step, ()):
            wallet = self._wallet(invoice)
            coins = self._coins[invoice.invoice_key]
            amount_sat = invoice.amount_sat + _FEE_ALLOWANCE_SAT
            sent = self._market.send(coins, [(wallet.key(), amount_sat)], kind="transfer", change=wallet)
            self._coins[invoice.invoice_key] = list(sent.coins)

    def pay(self, step: int) -> None:
        """Pay the invoices that are due from wallets."""
        for invoice in self._payments.pop(step, ()):
            wallet = self._wallet(invoice)
            coins = self._coins.pop(invoice.invoice_key)
            # Change of an earlier payment goes along now and then, as wallets choose coins.
            if wallet.coins and invoice.route != "coinjoin" and self._random.random() < 0.3:
                coins.append(wallet.coins.popleft())
            sent = self._market.send(
                coins,
                [(self._invoice_keys[invoice.invoice_key], invoice.amount_sat)],
                kind="payment",
                change=wallet,
            )
            self.paid[invoice.invoice_key] = sent.coins[0]
            self._receipts.append(sent.coins[0])

    def _wallet(self, invoice: PlannedInvoice) -> Wallet:
        person = invoice.payer_person_key
        assert person is not None
        if person not in self._wallets:
            self._wallets[person] = self._market.wallet(f"person:{person}", "payer")
        return self._wallets[person]

    def _with_allowance(self, invoice: PlannedInvoice) -> int:
        extra_sat = invoice.amount_sat * self._random.randint(4, 60) // 100
        return invoice.amount_sat + 2 * _FEE_ALLOWANCE_SAT + extra_sat

    def _schedule(self, invoice: PlannedInvoice, paid_at_s: int) -> None:
        if invoice.route not in ROUTES or invoice.payer_person_key is None:
            raise ConfigError(f"synthetic chain: invoice {invoice.invoice_key}: no such route or no payer")
        if invoice.route != "self_funded" and invoice.exchange not in self._exchanges:
            raise ConfigError(f"synthetic chain: invoice {invoice.invoice_key}: no exchange {invoice.exchange!r}")
        step = self._timetable.step_of(paid_at_s)
        if invoice.route == "exchange_direct":
            self._order(invoice, step, paid_at_s, self._invoice_keys[invoice.invoice_key], invoice.amount_sat)
            return
        self._payments[step].append(invoice)
        if invoice.route == "self_funded":
            self._sales[max(0, step - self._random.randint(0, 4))].append(invoice)
        elif invoice.route == "coinjoin":
            self._joined[max(0, step - self._random.randint(0, 2))].append(invoice)
        else:
            last = step
            if invoice.route == "exchange_two_hops":
                last = max(0, step - self._random.randint(0, 2))
                self._hops[last].append(invoice)
            self._withdraw(invoice, last, paid_at_s)

    def _withdraw(self, invoice: PlannedInvoice, last: int, before_s: int) -> None:
        """Order what an invoice needs, in every third case as two coins that will be spent together."""
        total_sat = self._with_allowance(invoice)
        parts = [total_sat]
        if self._several % 3 == 0:
            first_sat = total_sat * self._random.randint(35, 65) // 100
            parts = [first_sat, total_sat - first_sat]
        self._several += 1
        for amount_sat in parts:
            step = max(0, last - self._random.randint(0, 3))
            at_s = self._timetable.moment(step, before_s, self._random)
            self._order(invoice, step, at_s, self._wallet(invoice).key(), amount_sat)

    def _order(self, invoice: PlannedInvoice, step: int, at_s: int, key: Key, amount_sat: int) -> None:
        direct = invoice.route == "exchange_direct"
        request = Request(
            key=key,
            amount_sat=amount_sat,
            at_s=at_s,
            into=self._receipts if direct else self._coins.setdefault(invoice.invoice_key, []),
            person_key=invoice.payer_person_key,
            invoice_key=invoice.invoice_key if direct else None,
        )
        assert invoice.exchange is not None
        self._requests[step].append((invoice.exchange, request))

    def _schedule_rounds(self, step: int, invoices: Sequence[PlannedInvoice]) -> None:
        for start in range(0, len(invoices), _PAYERS_OF_A_ROUND):
            group = invoices[start : start + _PAYERS_OF_A_ROUND]
            largest_sat = max(invoice.amount_sat for invoice in group)
            each_sat = -(-(largest_sat + 2 * _FEE_ALLOWANCE_SAT) // 100_000) * 100_000
            joined: list[JoinedPayer] = []
            for invoice in group:
                withdrawn_at = max(0, step - self._random.randint(0, 2))
                amount_sat = each_sat + _FEE_ALLOWANCE_SAT + each_sat * self._random.randint(3, 40) // 100
                assert invoice.paid_at_s is not None
                at_s = self._timetable.moment(withdrawn_at, invoice.paid_at_s, self._random)
                wallet = self._wallet(invoice)
                self._order(invoice, withdrawn_at, at_s, wallet.key(), amount_sat)
                joined.append(JoinedPayer(wallet=wallet, coins=self._coins[invoice.invoice_key]))
            self.rounds[step].append(Round(each_sat=each_sat, payers=tuple(joined)))
