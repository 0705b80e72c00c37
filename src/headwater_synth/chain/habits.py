"""People whose wallets give change in different ways, so that each rule of change has a truth, and fails somewhere."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from headwater_synth.chain.exchange import Exchange
from headwater_synth.chain.keys import Key, ScriptKind, owned_key
from headwater_synth.chain.market import DUST_SAT, Market, Wallet
from headwater_synth.chain.payjoins import PayJoins
from headwater_synth.chain.transactions import Coin, estimated_vsize, signed_transaction
from headwater_synth.seeds import stream

__all__ = ["HABITS", "Bystander", "Bystanders", "Habit"]

_ROUND_SAT = 100_000
_LEAST_PAYMENT_SAT = 20_000
_DEPOSIT_CHANCE = 0.08
_SPLIT_CHANCE = 0.01
_LEAST_SPLIT_SAT = 400_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Habit:
    """What one kind of wallet does.

    Attributes:
        name: What the truth calls it.
        script_kind: How it locks its outputs.
        change: To a fresh address, back to where the first coin lay, fresh and of the payee's kind, or fresh and of the
            newest kind, as a wallet has it that was brought up to date.
        amounts: Payments as prices come out, in round sums, or such that a round sum is left.
        receives: At a fresh address each time, or always at one.
        fewest_coins: Whether it spends no more coins than it needs.
        locks: Whether it sets the lock time to the present height.
        fee_rate: Satoshis for each virtual byte, whatever others pay; None for the market's.
    """

    name: str
    script_kind: ScriptKind
    change: Literal["fresh", "same", "as_payee", "newest"] = "fresh"
    amounts: Literal["price", "round", "leaves_round"] = "price"
    receives: Literal["fresh", "static"] = "fresh"
    fewest_coins: bool = True
    locks: bool = False
    fee_rate: int | None = None


HABITS: tuple[Habit, ...] = (
    Habit(name="node", script_kind="p2wpkh", locks=True),
    Habit(name="mobile", script_kind="p2wpkh", amounts="round", receives="static"),
    Habit(name="paper", script_kind="p2pkh", change="same", receives="static"),
    Habit(name="hardware", script_kind="p2sh-p2wpkh", fee_rate=9),
    Habit(name="taproot", script_kind="p2tr", locks=True),
    Habit(name="blending", script_kind="p2wpkh", change="as_payee", locks=True),
    Habit(name="gatherer", script_kind="p2wpkh", fewest_coins=False),
    Habit(name="saver", script_kind="p2wpkh", amounts="leaves_round"),
    Habit(name="upgraded", script_kind="p2pkh", change="newest"),
    Habit(name="shop", script_kind="p2wpkh", receives="static"),
)


@dataclass(slots=True, kw_only=True)
class Bystander:
    """One of them.

    Attributes:
        wallet: Keys and coins.
        habit: How the wallet works.
        static: The one address, for those who have but one.
    """

    wallet: Wallet
    habit: Habit
    static: Key
    coins: list[Coin] = field(default_factory=list)

    def receiving_key(self) -> Key:
        """Where the next payment goes."""
        return self.static if self.habit.receives == "static" else self.wallet.key()

    def change_key(self, first: Coin, payee: Key) -> Key:
        """Where the rest of a payment goes."""
        if self.habit.change == "same":
            return first.key
        if self.habit.change == "fresh":
            return self.wallet.key()
        market = self.wallet.market
        kind: ScriptKind = "p2tr" if self.habit.change == "newest" else payee.script_kind
        key = owned_key(market.seed, f"{self.wallet.owner}/change", self.wallet.keys, kind)
        key.owner = self.wallet.owner
        self.wallet.keys += 1
        market.register(key, self.wallet.kind)
        return key


class Bystanders:
    """All of them.

    Attributes:
        everybody: In the order of their making.
    """

    def __init__(
        self, market: Market, count: int, exchanges: Sequence[Exchange], payjoins: PayJoins | None = None
    ) -> None:
        self._market = market
        self._payjoins = payjoins
        self._exchanges = exchanges
        self._random: random.Random = stream(market.seed, "chain", "bystanders")
        self.everybody = [self._made(number) for number in range(count)]
        self._trades = max(2, count // 5)

    def _made(self, number: int) -> Bystander:
        habit = HABITS[number % len(HABITS)]
        wallet = self._market.wallet(f"bystander:{number}", f"bystander_{habit.name}", habit.script_kind)
        return Bystander(wallet=wallet, habit=habit, static=wallet.key())

    def wants(self, step: int) -> list[list[tuple[Key, int, list[Coin]]]]:
        """Coins that they wish to buy now: at first everybody some, later a few who ran dry."""
        if step == 0:
            buyers = self.everybody
        else:
            buyers = [one for one in self.everybody if not one.coins and self._random.random() < 0.1]
        return [
            [
                (one.receiving_key(), self._random.randint(300_000, 9_000_000), one.coins)
                for one in buyers[start : start + 40]
            ]
            for start in range(0, len(buyers), 40)
        ]

    def pay(self, at_s: int) -> None:
        """Pay each other, or pay in at an exchange."""
        for _ in range(self._trades):
            payer, payee = self._random.sample(self.everybody, 2)
            if not payer.coins:
                continue
            if self._payjoins is not None and self._payjoins.paid(payer, self.everybody):
                continue
            if self._random.random() < _SPLIT_CHANCE and self._split(payer):
                continue
            if self._random.random() < _DEPOSIT_CHANCE:
                exchange = self._random.choice(self._exchanges)
                key = exchange.deposit_key(payer.wallet.owner)
                coin = self._paid(payer, key)
                if coin is not None:
                    exchange.receive(payer.wallet.owner, coin, at_s)
                continue
            coin = self._paid(payer, payee.receiving_key())
            if coin is not None:
                payee.coins.append(coin)

    def _paid(self, payer: Bystander, key: Key) -> Coin | None:
        """The payee's coin; None where the payer has too little."""
        habit, market = payer.habit, self._market
        self._random.shuffle(payer.coins)
        count = 1 if habit.fewest_coins else min(len(payer.coins), self._random.randint(2, 3))
        if habit.fewest_coins and self._random.random() < 0.35:
            count = min(len(payer.coins), 2)
        coins = payer.coins[:count]
        rate = habit.fee_rate or market.fee_rate
        fee_sat = rate * estimated_vsize(coins, [key.script, key.script])
        total_sat = sum(coin.amount_sat for coin in coins)
        least_sat = min(coin.amount_sat for coin in coins)
        # Who takes no more coins than needed pays more than all but one of them hold, so that the rest is small.
        floor_sat = total_sat - least_sat if habit.fewest_coins and count > 1 else 0
        share_sat = self._random.randint(5, 90) * (total_sat - floor_sat - fee_sat) // 100
        amount_sat = floor_sat + share_sat
        if habit.amounts == "round" and amount_sat >= _ROUND_SAT:
            amount_sat = -(-amount_sat // _ROUND_SAT) * _ROUND_SAT
        elif habit.amounts == "leaves_round":
            left_sat = (total_sat - fee_sat - amount_sat) // _ROUND_SAT * _ROUND_SAT
            amount_sat = total_sat - fee_sat - left_sat if left_sat else amount_sat
        rest_sat = total_sat - fee_sat - amount_sat
        if amount_sat < _LEAST_PAYMENT_SAT or rest_sat < 0:
            return None
        payments = [(key, amount_sat)]
        if rest_sat >= DUST_SAT:
            payments.append((payer.change_key(coins[0], key), rest_sat))
        order = list(range(len(payments)))
        self._random.shuffle(order)
        transaction = signed_transaction(
            coins,
            [payments[place] for place in order],
            kind="honest",
            lock_height=market.ledger.height if habit.locks else 0,
        )
        market.ledger.submit(transaction)
        del payer.coins[:count]
        made = {place: transaction.coins[at] for at, place in enumerate(order)}
        change = made.get(1)
        if change is not None:
            payer.coins.append(change)
        return made[0]

    def _split(self, payer: Bystander) -> bool:
        """Turn one's own coins into equal ones, as some do to have small coins at hand: no CoinJoin at all."""
        coins = payer.coins[:3]
        total_sat = sum(coin.amount_sat for coin in coins)
        if len(coins) < 2 or total_sat < _LEAST_SPLIT_SAT:
            return False
        keys = [payer.wallet.key() for _ in range(4)]
        fee_sat = self._market.fee_rate * estimated_vsize(coins, [key.script for key in keys])
        each_sat = (total_sat - fee_sat) // len(keys)
        transaction = signed_transaction(coins, [(key, each_sat) for key in keys], kind="honest")
        self._market.ledger.submit(transaction)
        payer.coins[:3] = [coin for coin in transaction.coins if coin is not None]
        return True
