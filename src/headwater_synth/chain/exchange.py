"""An exchange: an address for each customer's deposits, swept into a hot wallet that pays out in batches."""

from __future__ import annotations

import random
from collections import deque
from dataclasses import dataclass, field

from headwater_synth.chain.encoding import address_of, shown
from headwater_synth.chain.keys import Key, ScriptKind, owned_key
from headwater_synth.chain.market import Market, Wallet
from headwater_synth.chain.result import Deposit, Withdrawal
from headwater_synth.chain.transactions import Coin
from headwater_synth.seeds import stream

__all__ = ["OPERATOR_CUSTOMER", "Exchange", "Request"]

OPERATOR_CUSTOMER = "platform-operator"
_HOT_ADDRESSES = 4
_BATCH_OUTPUTS = 40
_SWEEP_INPUTS = 60
_DEPOSIT_SCRIPTS: tuple[ScriptKind, ...] = ("p2wpkh", "p2sh-p2wpkh", "p2pkh")


@dataclass(slots=True, kw_only=True)
class Request:
    """A customer's order to withdraw.

    Attributes:
        key: Where to.
        amount_sat: How much.
        at_s: When it was given.
        into: Gets the coin once it is paid out.
        person_key: The customer, where it is a payer of the platform.
        invoice_key: The invoice, where it is paid straight from here.
    """

    key: Key
    amount_sat: int
    at_s: int
    into: list[Coin] | deque[Coin]
    person_key: int | None = None
    invoice_key: int | None = None


@dataclass(slots=True, kw_only=True)
class _HotWallet(Wallet):
    """A wallet that uses its few addresses in turn."""

    addresses: tuple[Key, ...] = ()

    def key(self) -> Key:
        self.keys += 1
        return self.addresses[self.keys % len(self.addresses)]


@dataclass(slots=True, kw_only=True)
class _Customer:
    """A customer's own deposit address, and what arrived there and was not swept."""

    key: Key
    coins: list[Coin] = field(default_factory=list)


class Exchange:
    """One exchange.

    Attributes:
        name: Actor name.
        tagged: Keys of the hot wallet that are publicly known as its own.
        withdrawals: Paid out to payers of the platform.
        other_withdrawals: Paid out to everybody else.
        deposits: Made by the platform's operator.
        paid_directly: Coin of each invoice that was paid straight from here.
    """

    def __init__(self, market: Market, name: str, place: int, *, tagged: bool) -> None:
        self.name = name
        self.withdrawals: list[Withdrawal] = []
        self.other_withdrawals: list[Withdrawal] = []
        self.deposits: list[Deposit] = []
        self.paid_directly: dict[int, Coin] = {}
        self._market = market
        self._owner = f"exchange:{name}"
        self._random: random.Random = stream(market.seed, "chain", "exchange", name)
        self._hot = _HotWallet(market=market, owner=self._owner, kind="exchange_hot", script_kind="p2wpkh")
        self._hot.addresses = tuple(
            owned_key(market.seed, f"{self._owner}/hot", number, "p2wpkh") for number in range(_HOT_ADDRESSES)
        )
        for key in self._hot.addresses:
            key.owner = self._owner
            market.register(key, "exchange_hot")
        # Real packs know few of an exchange's addresses; the others must be found by co-spending.
        self.tagged: tuple[Key, ...] = self._hot.addresses[: 2 if place == 0 else 1] if tagged else ()
        # At every second exchange the operator's deposits are swept alone, so that nothing links their address.
        self._sweeps_operator_alone = place % 2 == 1
        self._deposit_script: ScriptKind = _DEPOSIT_SCRIPTS[place % len(_DEPOSIT_SCRIPTS)]
        self._customers: dict[str, _Customer] = {}
        self._waiting: dict[str, None] = {}  # customers with coins to sweep, in order of arrival
        self._requests: list[Request] = []
        self._served_by_sibling = False
        self._sweeps = self._batches = 0
        self.joined = False

    def deposit_key(self, customer: str) -> Key:
        """The deposit address of a customer, always the same."""
        known = self._customers.get(customer)
        if known is None:
            key = owned_key(self._market.seed, f"{self._owner}/deposit/{customer}", 0, self._deposit_script)
            key.owner = self._owner
            self._market.register(key, "exchange_deposit")
            known = self._customers[customer] = _Customer(key=key)
        return known.key

    def receive(self, customer: str, coin: Coin, at_s: int) -> None:
        """Credit a coin that a customer paid in."""
        self._customers[customer].coins.append(coin)
        self._waiting[customer] = None
        if customer == OPERATOR_CUSTOMER:
            self.deposits.append(
                Deposit(
                    exchange=self.name,
                    customer=customer,
                    address=address_of(coin.key.script) or "",
                    txid=shown(coin.txid),
                    output_index=coin.output_index,
                    amount_sat=coin.amount_sat,
                    at_s=at_s,
                ),
            )

    def ask(self, request: Request) -> None:
        """Put a withdrawal into the next batch."""
        self._requests.append(request)

    def sweep(self) -> None:
        """Move deposits to the hot wallet; about half of the sweeps spend a hot coin along with them."""
        coins: list[Coin] = []
        linked = OPERATOR_CUSTOMER in self._waiting or self._sweeps == 1
        for customer in self._waiting:
            mine = self._customers[customer].coins
            if customer == OPERATOR_CUSTOMER and self._sweeps_operator_alone:
                self._swept(mine, linked=False)
            else:
                coins += mine
            self._customers[customer].coins = []
        self._waiting = {}
        for start in range(0, len(coins), _SWEEP_INPUTS):
            self._swept(coins[start : start + _SWEEP_INPUTS], linked=linked or self._random.random() < 0.5)

    def _swept(self, coins: list[Coin], *, linked: bool) -> None:
        self._sweeps += 1
        spent = [*coins]
        if linked and self._hot.coins:
            spent.append(self._hot.coins.popleft())
        total_sat = sum(coin.amount_sat for coin in spent)
        first, second = self._hot.key(), self._hot.key()
        fee_sat = self._market.fee_sat(spent, [first.script, second.script])
        share_sat = (total_sat - fee_sat) * self._random.randint(25, 75) // 100
        if share_sat < 10 * fee_sat:  # too little to be split
            payments = [(first, max(total_sat - fee_sat, total_sat // 2))]
        else:
            payments = [(first, share_sat), (second, total_sat - fee_sat - share_sat)]
        self._hot.coins.extend(self._market.send(spent, payments, kind="sweep").coins)

    def join_hot_addresses(self) -> None:
        """Spend from all addresses of the hot wallet together, once each has a coin: they become one cluster."""
        chosen: list[Coin] = []
        for key in self._hot.addresses:
            chosen += [coin for coin in self._hot.coins if coin.key is key][:1]
        if len(chosen) < _HOT_ADDRESSES:
            return
        self._hot.coins = deque(coin for coin in self._hot.coins if not any(coin is other for other in chosen))
        total_sat = sum(coin.amount_sat for coin in chosen)
        fee_sat = self._market.fee_sat(chosen, [key.script for key in self._hot.addresses])
        share_sat = (total_sat - fee_sat) // _HOT_ADDRESSES
        payments = [(key, share_sat) for key in self._hot.addresses]
        # Uneven, so that it does not look as if several people had joined their coins.
        payments = [(key, amount_sat - 7_919 * place) for place, (key, amount_sat) in enumerate(payments)]
        self._hot.coins.extend(self._market.send(chosen, payments, kind="consolidation").coins)
        self.joined = True

    def pay_out(self) -> None:
        """Pay everything asked for, customers of all sorts in one transaction."""
        requests, self._requests = self._requests, []
        self._random.shuffle(requests)
        for start in range(0, len(requests), _BATCH_OUTPUTS):
            self._paid_out(requests[start : start + _BATCH_OUTPUTS])

    def _paid_out(self, requests: list[Request]) -> None:
        self._batches += 1
        if self.tagged and (self._batches % 3 or not self._served_by_sibling):
            self._turn_to_sibling()
        coins = self._hot.take(sum(request.amount_sat for request in requests), len(requests) + 1)
        sent = self._market.send(
            coins,
            [(request.key, request.amount_sat) for request in requests],
            kind="batch_payout" if len(requests) > 1 else "withdrawal",
            change=self._hot,
        )
        by_sibling = not any(coin.key is key for coin in coins for key in self.tagged)
        for request, coin in zip(requests, sent.coins, strict=True):
            request.into.append(coin)
            if request.invoice_key is not None:
                self.paid_directly[request.invoice_key] = coin
            self._served_by_sibling |= by_sibling and request.person_key is not None
            chosen = self.other_withdrawals if request.person_key is None else self.withdrawals
            chosen.append(
                Withdrawal(
                    exchange=self.name,
                    person_key=request.person_key,
                    txid=shown(coin.txid),
                    output_index=coin.output_index,
                    address=address_of(coin.key.script) or "",
                    amount_sat=coin.amount_sat,
                    at_s=request.at_s,
                ),
            )

    def _turn_to_sibling(self) -> None:
        """Let the next coin spent lie at an address that no tag names."""
        for _ in range(len(self._hot.coins)):
            if not any(self._hot.coins[0].key is key for key in self.tagged):
                return
            self._hot.coins.rotate(-1)
