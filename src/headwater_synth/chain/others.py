"""Everybody who has nothing to do with the platform: miners, traders, and people who send coins to each other."""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Mapping, Sequence

from headwater_synth.chain.exchange import Exchange, Request
from headwater_synth.chain.keys import Key, ScriptKind, owned_key
from headwater_synth.chain.ledger import COINBASE_MATURITY
from headwater_synth.chain.market import Market, Wallet
from headwater_synth.chain.timetable import Timetable
from headwater_synth.chain.transactions import Coin
from headwater_synth.seeds import stream

__all__ = ["Miners", "People", "Traders"]

_TO_EXCHANGES_PERCENT = 60
_TO_TRADERS_PERCENT = 12
_TO_PEOPLE_PERCENT = 8
_PAYROLL_CHANCE = 0.2


class Traders:
    """Honest traders who sell coins that they had from miners; no service is behind these.

    Attributes:
        wallets: Their wallets.
    """

    def __init__(self, market: Market) -> None:
        self._market = market
        self.wallets = [market.wallet(f"trader:{number}", "honest", "p2wpkh") for number in range(3)]
        self._sales = 0

    def sell(self, key: Key, amount_sat: int) -> Coin:
        """The coin a customer gets."""
        trader = self.wallets[self._sales % len(self.wallets)]
        self._sales += 1
        coins = trader.take(amount_sat)
        return self._market.send(coins, [(key, amount_sat)], kind="honest", change=trader).coins[0]


class Miners:
    """Miners, who sell new coins at exchanges, to traders and to people.

    Attributes:
        keys: Where their next coinbases go.
    """

    def __init__(self, market: Market, needs_sat: Mapping[str, int]) -> None:
        self._market = market
        # The oldest one is still paid to bare public keys, which have no address.
        kinds: tuple[ScriptKind, ...] = ("p2wpkh", "p2wpkh", "p2pkh", "p2tr")
        self.wallets = [market.wallet(f"miner:{number}", "miner", kind) for number, kind in enumerate(kinds)]
        self._random: random.Random = stream(market.seed, "chain", "miners")
        self._maturing: deque[tuple[Coin, Wallet]] = deque()
        total_sat = sum(needs_sat.values())
        # Half of what goes to exchanges is spread evenly, half by what will be asked of them.
        self._weights = {
            name: 1_000 + (1_000 * len(needs_sat) * need_sat // total_sat if total_sat else 0)
            for name, need_sat in needs_sat.items()
        }

    def next_key(self, height: int) -> tuple[Key, Wallet]:
        """Where a block's new coins go, and whose they are."""
        wallet = self._random.choice(self.wallets)
        if wallet is self.wallets[0] and height <= 130:
            key = owned_key(self._market.seed, "miner:0/bare", height, "p2pk")
            key.owner = wallet.owner
            self._market.register(key, "miner")
            return key, wallet
        return wallet.key(), wallet

    def found(self, coin: Coin, wallet: Wallet) -> None:
        """Note the coins of a block."""
        self._maturing.append((coin, wallet))

    def sell(
        self, height: int, at_s: int, exchanges: Sequence[Exchange], traders: Traders, people: Sequence[Wallet]
    ) -> None:
        """Spend the coins that may be spent at a height."""
        while self._maturing and self._maturing[0][0].height + COINBASE_MATURITY <= height:
            coin, wallet = self._maturing.popleft()
            self._sold(coin, wallet, at_s, exchanges, traders, people)

    def _sold(
        self,
        coin: Coin,
        wallet: Wallet,
        at_s: int,
        exchanges: Sequence[Exchange],
        traders: Traders,
        people: Sequence[Wallet],
    ) -> None:
        percent_sat = coin.amount_sat // 100
        if percent_sat < 100_000:  # too late in the halvings to be worth a sale
            return
        whole = sum(self._weights.values())
        payments: list[tuple[Key, int]] = []
        for exchange in exchanges:
            amount_sat = percent_sat * _TO_EXCHANGES_PERCENT * self._weights[exchange.name] // whole
            payments.append((exchange.deposit_key(wallet.owner), amount_sat))
        each_sat = percent_sat * _TO_TRADERS_PERCENT // len(traders.wallets)
        payments += [(trader.key(), each_sat) for trader in traders.wallets]
        lucky = self._random.sample(list(people), 2)
        for person in lucky:
            amount_sat = percent_sat * _TO_PEOPLE_PERCENT * self._random.randint(30, 50) // 100
            payments.append((person.key(), amount_sat))
        sent = self._market.send([coin], payments, kind="honest", change=wallet)
        for exchange, sold in zip(exchanges, sent.coins, strict=False):
            exchange.receive(wallet.owner, sold, at_s)
        for owner, sold in zip([*traders.wallets, *lucky], sent.coins[len(exchanges) :], strict=True):
            owner.coins.append(sold)


class People:
    """Honest people who buy, save, spend and sell.

    Attributes:
        wallets: Their wallets.
    """

    def __init__(self, market: Market, timetable: Timetable, payments_a_step: int, invoices: int) -> None:
        self._market = market
        self._timetable = timetable
        self._random: random.Random = stream(market.seed, "chain", "people")
        count = min(20_000, max(30, invoices // 3))
        self.wallets = [market.wallet(f"honest:{number}", "honest") for number in range(count)]
        self._trades = max(3, payments_a_step // 2)

    def withdraw(self, step: int, exchanges: Sequence[Exchange]) -> None:
        """Ask exchanges for coins, whether or not a payer does so in the same step."""
        for exchange in exchanges:
            for _ in range(self._random.randint(1, 2 + self._trades // 2)):
                wallet = self._random.choice(self.wallets)
                amount_sat = 1_000 * self._random.randint(100, 200) << self._random.randint(0, 5)
                if self._random.random() < 0.3:  # people like round sums
                    amount_sat = amount_sat // 100_000 * 100_000
                at_s = self._timetable.moment(step, self._timetable.at_s(step), self._random)
                exchange.ask(Request(key=wallet.key(), amount_sat=amount_sat, at_s=at_s, into=wallet.coins))

    def deposit(self, step: int, exchanges: Sequence[Exchange]) -> None:
        """Pay coins in at exchanges."""
        for _ in range(self._trades):
            wallet = self._random.choice(self.wallets)
            if not wallet.coins:
                continue
            coin = wallet.coins.popleft()
            exchange = self._random.choice(exchanges)
            key = exchange.deposit_key(wallet.owner)
            amount_sat = coin.amount_sat - self._market.fee_sat([coin], [key.script])
            if amount_sat < 10_000:
                continue
            at_s = self._timetable.moment(step, self._timetable.at_s(step), self._random)
            exchange.receive(wallet.owner, self._market.send([coin], [(key, amount_sat)], kind="honest").coins[0], at_s)

    def trade(self, others: Sequence[Wallet]) -> None:
        """Pay each other, from one coin or from several at once.

        Args:
            others: Further people with coins.
        """
        everybody = [*self.wallets, *others]
        for _ in range(self._trades):
            payer, payee = self._random.sample(everybody, 2)
            count = min(len(payer.coins), self._random.choice((1, 1, 2, 3)))
            if not count:
                continue
            coins = [payer.coins.popleft() for _ in range(count)]
            total_sat = sum(coin.amount_sat for coin in coins)
            amount_sat = total_sat * self._random.randint(20, 80) // 100
            if total_sat - amount_sat < 20_000:
                continue
            sent = self._market.send(coins, [(payee.key(), amount_sat)], kind="honest", change=payer)
            payee.coins.append(sent.coins[0])
        if self._random.random() < _PAYROLL_CHANCE:
            self._pay_alike(everybody)

    def _pay_alike(self, everybody: Sequence[Wallet]) -> None:
        """Pay several people the same, from several coins: no CoinJoin, however much it may look like one."""
        payer, *payees = self._random.sample(everybody, self._random.randint(4, 6))
        if len(payer.coins) < 2:
            return
        coins = [payer.coins.popleft() for _ in range(min(3, len(payer.coins)))]
        each_sat = sum(coin.amount_sat for coin in coins) * 9 // 10 // len(payees) // 1_000 * 1_000
        if each_sat < 20_000:
            return
        sent = self._market.send(coins, [(payee.key(), each_sat) for payee in payees], kind="honest", change=payer)
        for payee, coin in zip(payees, sent.coins, strict=True):
            payee.coins.append(coin)
