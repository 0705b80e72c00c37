"""CoinJoin rounds: several owners' coins in, equal outputs and everybody's change out."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, field

from headwater_synth.chain.exchange import Exchange, Request
from headwater_synth.chain.keys import Key
from headwater_synth.chain.market import DUST_SAT, Market, Wallet
from headwater_synth.chain.timetable import Timetable
from headwater_synth.chain.transactions import Coin
from headwater_synth.seeds import stream

__all__ = ["JoinedPayer", "Mixers", "Round"]

_PARTICIPANTS = 24
_FEE_SHARE_VBYTES = 220  # two inputs, an equal output and change


@dataclass(slots=True, kw_only=True)
class JoinedPayer:
    """A participant: whose coins, and which; afterwards the coins hold the equal output alone."""

    wallet: Wallet
    coins: list[Coin]


@dataclass(slots=True, kw_only=True)
class Round:
    """One round.

    Attributes:
        each_sat: The equal amount.
        payers: Payers of the platform among the participants.
        others: Everybody else.
    """

    each_sat: int
    payers: tuple[JoinedPayer, ...] = ()
    others: list[JoinedPayer] = field(default_factory=list)


class Mixers:
    """Honest people who join rounds for their privacy.

    Attributes:
        wallets: Their wallets.
    """

    def __init__(
        self,
        market: Market,
        timetable: Timetable,
        exchanges: Sequence[Exchange],
        rounds: dict[int, list[Round]],
    ) -> None:
        self._market = market
        self._timetable = timetable
        self._exchanges = exchanges
        self._random: random.Random = stream(market.seed, "chain", "coinjoin")
        self.wallets = [
            market.wallet(f"participant:{number}", "coinjoin_participant", "p2wpkh") for number in range(_PARTICIPANTS)
        ]
        self._rounds = rounds
        self._orders: dict[int, list[tuple[Exchange, Request]]] = {}
        for step in range(3, timetable.steps, max(4, timetable.steps // 6)):  # rounds with no payer in them
            rounds.setdefault(step, []).append(Round(each_sat=self._random.randint(4, 40) * 50_000))
        for step in sorted(rounds):
            for joint in rounds[step]:
                self._fill(step, joint)

    def _fill(self, step: int, joint: Round) -> None:
        missing = self._random.randint(5, 8) - len(joint.payers)
        for wallet in self._random.sample(self.wallets, missing):
            coins: list[Coin] = []
            joint.others.append(JoinedPayer(wallet=wallet, coins=coins))
            total_sat = joint.each_sat * self._random.randint(110, 240) // 100 + 60_000
            parts = [total_sat]
            if self._random.random() < 0.4:
                first_sat = total_sat * self._random.randint(30, 70) // 100
                parts = [first_sat, total_sat - first_sat]
            for amount_sat in parts:
                ordered = max(0, step - self._random.randint(0, 2))
                at_s = self._timetable.moment(ordered, self._timetable.at_s(ordered), self._random)
                request = Request(key=wallet.key(), amount_sat=amount_sat, at_s=at_s, into=coins)
                self._orders.setdefault(ordered, []).append((self._random.choice(self._exchanges), request))

    def ask(self, step: int) -> None:
        """Give exchanges the orders of this step."""
        for exchange, request in self._orders.pop(step, ()):
            exchange.ask(request)

    def join(self, step: int) -> None:
        """Hold the rounds of this step."""
        for joint in self._rounds.pop(step, ()):
            self._held(joint)

    def _held(self, joint: Round) -> None:
        everybody = [*joint.payers, *joint.others]
        self._random.shuffle(everybody)
        payments: list[tuple[Key, int]] = [(participant.wallet.key(), joint.each_sat) for participant in everybody]
        changed: list[JoinedPayer] = []
        for participant in everybody:
            fee_sat = self._market.fee_rate * _FEE_SHARE_VBYTES
            change_sat = sum(coin.amount_sat for coin in participant.coins) - joint.each_sat - fee_sat
            if change_sat >= DUST_SAT:
                payments.append((participant.wallet.key(), change_sat))
                changed.append(participant)
        coins = [coin for participant in everybody for coin in participant.coins]
        self._random.shuffle(coins)
        sent = self._market.send(coins, payments, kind="coinjoin")
        for participant, coin in zip(everybody, sent.coins, strict=False):
            participant.coins[:] = [coin]
            if any(participant is other for other in joint.others):
                participant.wallet.coins.append(coin)
        for participant, coin in zip(changed, sent.coins[len(everybody) :], strict=True):
            participant.wallet.coins.append(coin)
