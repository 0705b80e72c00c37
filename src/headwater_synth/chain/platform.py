"""The platform's wallet, and the operator who cashes out: consolidation, peel chain, deposits at exchanges."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

from headwater_synth.chain.encoding import address_of
from headwater_synth.chain.exchange import OPERATOR_CUSTOMER, Exchange
from headwater_synth.chain.keys import Key, platform_account
from headwater_synth.chain.market import Market, Wallet
from headwater_synth.chain.plan import ChainPlan
from headwater_synth.chain.result import PlatformWallet
from headwater_synth.chain.timetable import Timetable
from headwater_synth.chain.transactions import Coin
from headwater_synth.seeds import stream

__all__ = ["Platform"]

_OWNER = "platform"
_CONSOLIDATED_INPUTS = 120
_CASHED_OUT_INPUTS = 20
_LEAST_PEEL_SAT = 20_000


@dataclass(slots=True, kw_only=True)
class _Peel:
    """A coin that the operator pays out bit by bit."""

    coin: Coin
    left: int


class Platform:
    """The platform: an address for each invoice, and everything that happens to what is paid there.

    Attributes:
        receipts: Coins paid by customers and not yet moved.
        invoice_keys: Key of every invoice.
    """

    def __init__(self, market: Market, plan: ChainPlan, timetable: Timetable) -> None:
        self._market = market
        self._timetable = timetable
        self._random: random.Random = stream(plan.seed, "chain", "platform")
        self._account, self._external, self._internal = platform_account(plan.seed, _OWNER)
        self.receipts: list[Coin] = []
        self.invoice_keys: dict[int, Key] = {}
        for invoice in plan.invoices:
            key = self._external.key()
            market.register(key, "platform")
            self.invoice_keys[invoice.invoice_key] = key
        self._saved: list[Coin] = []
        self._operator: Wallet = market.wallet("operator", "operator", "p2wpkh")
        self._peels: list[_Peel] = []
        self._every = max(6, timetable.steps // 7)
        self._last_start = timetable.steps - 9
        self._deposited = 0

    def act(self, step: int, exchanges: Sequence[Exchange]) -> None:
        """What the operator does in a step.

        Args:
            step: The step.
            exchanges: Where the operator is a customer.
        """
        self._peel(step, exchanges)
        if step % self._every == self._every - 1 and step <= self._last_start:
            self._consolidate()
        elif step % self._every == 0:
            self._cash_out()
        if step == self._timetable.steps - 3 and not self._deposited:
            self._consolidate()  # whoever paid so late must be seen to arrive somewhere too
            self._cash_out()
            for peel in self._peels:
                peel.left = 1

    def record(self) -> PlatformWallet:
        """What the wallet file will hold."""
        return PlatformWallet(
            external=self._external.descriptor,
            internal=self._internal.descriptor,
            account_public=self._account.public,
            account_secret=self._account.secret,
            branch_records=(self._external.node.public_record, self._internal.node.public_record),
            external_next=self._external.next_index,
            internal_next=self._internal.next_index,
            labels=tuple(
                (address_of(key.script) or "", f"invoice {invoice_key}")
                for invoice_key, key in self.invoice_keys.items()
            ),
        )

    def _internal_key(self) -> Key:
        key = self._internal.key()
        self._market.register(key, "platform")
        return key

    def _consolidate(self) -> None:
        """Bring receipts together; the newest few stay where they are."""
        count = len(self.receipts) if len(self.receipts) < 4 else len(self.receipts) * 9 // 10
        coins = self.receipts[:count]
        del self.receipts[:count]  # in place: payers add to this very list
        if self._saved and self._random.random() < 0.5:
            coins.append(self._saved.pop(0))
        for start in range(0, len(coins), _CONSOLIDATED_INPUTS):
            spent = coins[start : start + _CONSOLIDATED_INPUTS]
            key = self._internal_key()
            total_sat = sum(coin.amount_sat for coin in spent)
            amount_sat = total_sat - self._market.fee_sat(spent, [key.script])
            if amount_sat < _LEAST_PEEL_SAT:
                self.receipts += spent
                continue
            self._saved += self._market.send(spent, [(key, amount_sat)], kind="consolidation").coins

    def _cash_out(self) -> None:
        """Move most of what was saved to addresses of the operator's own."""
        saved, self._saved = self._saved, []
        for start in range(0, len(saved), _CASHED_OUT_INPUTS):
            self._cashed_out(saved[start : start + _CASHED_OUT_INPUTS])

    def _cashed_out(self, coins: list[Coin]) -> None:
        total_sat = sum(coin.amount_sat for coin in coins)
        amount_sat = total_sat * self._random.randint(75, 92) // 100
        out, back = self._operator.key(), self._internal_key()
        rest_sat = total_sat - amount_sat - self._market.fee_sat(coins, [out.script, back.script])
        payments = [(out, amount_sat)]
        if rest_sat >= _LEAST_PEEL_SAT:
            payments.append((back, rest_sat))
        else:
            payments = [(out, total_sat - self._market.fee_sat(coins, [out.script]))]
        sent = self._market.send(coins, payments, kind="operator_cashout")
        self._peels.append(_Peel(coin=sent.coins[0], left=self._random.randint(4, 7)))
        self._saved += sent.coins[1:]

    def _peel(self, step: int, exchanges: Sequence[Exchange]) -> None:
        """Pay a slice of each running chain in at an exchange, and the rest to a fresh address."""
        running, self._peels = self._peels, []
        at_s = self._timetable.moment(step, self._timetable.at_s(step), self._random) if step >= 0 else 0
        for peel in running:
            exchange = exchanges[self._deposited % len(exchanges)]
            key = exchange.deposit_key(OPERATOR_CUSTOMER)
            amount_sat = peel.coin.amount_sat * self._random.randint(18, 40) // 100
            rest_sat = peel.coin.amount_sat - amount_sat
            last = peel.left <= 1 or amount_sat < _LEAST_PEEL_SAT or rest_sat < 2 * _LEAST_PEEL_SAT
            if last:
                amount_sat = peel.coin.amount_sat - self._market.fee_sat([peel.coin], [key.script])
                if amount_sat <= 0:
                    continue
                sent = self._market.send([peel.coin], [(key, amount_sat)], kind="peel")
            else:
                sent = self._market.send([peel.coin], [(key, amount_sat)], kind="peel", change=self._operator)
                if sent.change is not None:
                    self._operator.coins.pop()
                    self._peels.append(_Peel(coin=sent.change, left=peel.left - 1))
            exchange.receive(OPERATOR_CUSTOMER, sent.coins[0], at_s)
            self._deposited += 1
