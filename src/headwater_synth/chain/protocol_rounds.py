"""CoinJoin rounds as four programs make them: Wasabi 1, Wasabi 2, Whirlpool with its tx0, and JoinMarket.

The shapes follow what the programs have published (docs/explanation/money.md names the sources), not the rules that
are to find them: amounts, denominations and the order of outputs are worked out here anew.
"""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

from headwater_synth.chain.keys import Key, ScriptKind
from headwater_synth.chain.market import Market, Wallet
from headwater_synth.chain.transactions import Coin, Transaction, estimated_vsize, signed_transaction
from headwater_synth.seeds import stream

__all__ = ["PROTOCOLS", "ProtocolRounds"]

PROTOCOLS = ("wasabi1", "wasabi2", "whirlpool", "joinmarket")
_ROUND_EVERY_STEPS = 2
_WASABI_COORDINATOR = bytes.fromhex("0014ecd061b89993e862ee625dbb6b28b0a912d65674")  # regtest's, WalletWasabi 1.1
_POOL_FEES_SAT = {100_000: 5_000, 1_000_000: 50_000, 5_000_000: 175_000}
_LEAST_OUTPUT_SAT = 5_000
_DATA_BYTES = 64


@dataclass(slots=True, kw_only=True)
class _Party:
    """Somebody who takes part, with coins bought for it."""

    wallet: Wallet
    coins: list[Coin] = field(default_factory=list)

    def taken(self) -> list[Coin]:
        taken, self.coins[:] = list(self.coins), []
        return taken


class ProtocolRounds:
    """Rounds, one protocol after the other; the coins for each are bought a step before."""

    def __init__(self, market: Market, scale: int) -> None:
        self._market = market
        self._random: random.Random = stream(market.seed, "chain", "protocol rounds")
        self._parties: dict[str, list[_Party]] = {
            protocol: [
                _Party(
                    wallet=market.wallet(
                        f"{protocol}:{number}", f"participant_{protocol}", self._kind(protocol, number)
                    )
                )
                for number in range(30)
            ]
            for protocol in PROTOCOLS
        }
        self._every_steps = max(1, _ROUND_EVERY_STEPS * 60 // max(scale, 60))
        self._held = 0
        self._due: str | None = None
        self._chosen: list[_Party] = []
        self._equal_sat = 0
        self._coordinators = {name: market.wallet(f"coordinator:{name}", "coordinator", "p2wpkh") for name in PROTOCOLS}
        self._premixed: dict[int, deque[tuple[_Party, Coin]]] = {pool: deque() for pool in _POOL_FEES_SAT}
        self._mixed: dict[int, deque[tuple[_Party, Coin]]] = {pool: deque() for pool in _POOL_FEES_SAT}

    @staticmethod
    def _kind(protocol: str, number: int) -> ScriptKind:
        return "p2tr" if protocol == "wasabi2" and number % 3 == 2 else "p2wpkh"

    def wants(self, step: int) -> list[list[tuple[Key, int, list[Coin]]]]:
        """Coins for the next round, for everybody in it together."""
        if self._due is not None or step % self._every_steps:
            return []
        self._due = PROTOCOLS[self._held % len(PROTOCOLS)]
        self._held += 1
        wanted = {
            "wasabi1": self._wanted_wasabi1,
            "wasabi2": self._wanted_wasabi2,
            "whirlpool": self._wanted_whirlpool,
            "joinmarket": self._wanted_joinmarket,
        }[self._due]()
        self._chosen = [party for party, _ in wanted]
        return [[(party.wallet.key(), amount_sat, party.coins) for party, sums in wanted for amount_sat in sums]]

    def hold(self) -> None:
        """Hold the round that is due, if everybody could buy coins."""
        due, self._due = self._due, None
        if due is None or not all(party.coins for party in self._chosen):
            return
        {
            "wasabi1": self._hold_wasabi1,
            "wasabi2": self._hold_wasabi2,
            "whirlpool": self._hold_whirlpool,
            "joinmarket": self._hold_joinmarket,
        }[due](self._chosen)

    def _sent(self, coins: Sequence[Coin], payments: Sequence[tuple[Key, int]], kind: str) -> Transaction:
        transaction = signed_transaction(coins, payments, kind=kind)
        self._market.ledger.submit(transaction)
        return transaction

    def _fee_sat(self, coins: Sequence[Coin], outputs: int) -> int:
        """The share of the fee of somebody with these coins and so many outputs."""
        return self._market.fee_rate * (estimated_vsize(coins, []) + 43 * outputs)

    def _wanted_wasabi1(self) -> list[tuple[_Party, list[int]]]:
        self._equal_sat = 10_000_000 + self._random.randint(-150_000, 150_000)
        chosen = self._random.sample(self._parties["wasabi1"], self._random.randint(10, 14))
        return [(party, [self._equal_sat * self._random.randint(104, 180) // 100, *self._more(2)]) for party in chosen]

    def _more(self, most: int) -> list[int]:
        return [self._random.randint(100_000, 900_000) for _ in range(self._random.randint(0, most))]

    def _hold_wasabi1(self, chosen: Sequence[_Party]) -> None:
        """Equal outputs of about a tenth of a bitcoin, a change each, and the coordinator's fee."""
        coordinator = self._coordinators["wasabi1"].key()
        # Every second round pays the address that the program has published, the others one that it has not.
        if self._random.random() < 0.5:
            coordinator = Key(
                secret=b"", public=b"", script_kind="p2wpkh", script=_WASABI_COORDINATOR, owner=coordinator.owner
            )
        coins: list[Coin] = []
        payments: list[tuple[Key, int]] = []
        each_fee_sat = self._equal_sat * 3 // 1_000
        for party in chosen:
            mine = party.taken()
            coins += mine
            payments.append((party.wallet.key(), self._equal_sat))
            rest_sat = sum(coin.amount_sat for coin in mine) - self._equal_sat - each_fee_sat - self._fee_sat(mine, 2)
            if rest_sat > _LEAST_OUTPUT_SAT:
                payments.append((party.wallet.key(), rest_sat))
        payments.append((coordinator, each_fee_sat * len(chosen)))
        self._random.shuffle(coins)
        self._random.shuffle(payments)
        self._sent(coins, payments, "coinjoin_wasabi1")

    def _wanted_wasabi2(self) -> list[tuple[_Party, list[int]]]:
        # A first coordinator asked for fifty inputs; those that came after it take fewer.
        count = self._random.randint(20, 26) if self._random.random() < 0.7 else self._random.randint(9, 12)
        return [
            (party, [self._random.randint(200_000, 4_000_000) for _ in range(self._random.randint(3, 5))])
            for party in self._random.sample(self._parties["wasabi2"], count)
        ]

    def _hold_wasabi2(self, chosen: Sequence[_Party]) -> None:
        """Everybody's sum in standard denominations, inputs and outputs from the largest to the smallest."""
        coins: list[Coin] = []
        payments: list[tuple[Key, int]] = []
        usual = sorted(self._random.sample(_denominations(), 30), reverse=True)
        for party in chosen:
            mine = party.taken()
            coins += mine
            left_sat = sum(coin.amount_sat for coin in mine) - self._fee_sat(mine, 8)
            for _ in range(self._random.randint(6, 8)):
                fitting = [amount_sat for amount_sat in usual if amount_sat <= left_sat]
                if not fitting:
                    break
                amount_sat = self._random.choice(fitting[:3])
                payments.append((party.wallet.key(), amount_sat))
                left_sat -= amount_sat
            if left_sat > 4 * _LEAST_OUTPUT_SAT and self._random.random() < 0.6:
                payments.append((party.wallet.key(), left_sat))
        coins.sort(key=lambda coin: -coin.amount_sat)
        payments.sort(key=lambda payment: -payment[1])
        self._sent(coins, payments, "coinjoin_wasabi2")

    def _wanted_whirlpool(self) -> list[tuple[_Party, list[int]]]:
        self._equal_sat = self._random.choice(tuple(_POOL_FEES_SAT))
        chosen = self._random.sample(self._parties["whirlpool"], self._random.randint(3, 5))
        whole_sat = 6 * (self._equal_sat + 2_000) + _POOL_FEES_SAT[self._equal_sat]
        return [(party, [whole_sat * self._random.randint(70, 95) // 100, whole_sat // 2]) for party in chosen]

    def _hold_whirlpool(self, chosen: Sequence[_Party]) -> None:
        """Each prepares coins for the pool in a tx0; then mixes are made of these and of coins mixed before."""
        pool_sat = self._equal_sat
        for party in chosen:
            self._prepared(party, pool_sat)
        fresh, mixed = self._premixed[pool_sat], self._mixed[pool_sat]
        for _ in range(3):
            size = self._random.randint(5, 8)
            entrants = self._distinct(fresh, size if len(mixed) < 3 else self._random.randint(2, size - 1), ())
            again = self._distinct(mixed, size - len(entrants), [party for party, _ in entrants])
            together = [*entrants, *again]
            if len(together) < 5 or not entrants:
                fresh.extendleft(entrants)
                mixed.extendleft(again)
                continue
            self._random.shuffle(together)
            payments = [(party.wallet.key(), pool_sat) for party, _ in together]
            transaction = self._sent([coin for _, coin in together], payments, "coinjoin_whirlpool")
            for (party, _), coin in zip(together, transaction.coins, strict=True):
                assert coin is not None
                mixed.append((party, coin))
            self._random.shuffle(mixed)

    @staticmethod
    def _distinct(
        waiting: deque[tuple[_Party, Coin]], count: int, without: Sequence[_Party]
    ) -> list[tuple[_Party, Coin]]:
        """Coins of so many different people, taken from those that wait."""
        taken: list[tuple[_Party, Coin]] = []
        for _ in range(len(waiting)):
            party, coin = waiting.popleft()
            if len(taken) < count and not any(party is other for other in [*without, *(one for one, _ in taken)]):
                taken.append((party, coin))
            else:
                waiting.append((party, coin))
        return taken

    def _prepared(self, party: _Party, pool_sat: int) -> None:
        mine = party.taken()
        premix_sat = pool_sat + self._market.fee_rate * self._random.randint(150, 260)
        pool_fee_sat = _POOL_FEES_SAT[pool_sat]
        left_sat = sum(coin.amount_sat for coin in mine) - pool_fee_sat - self._fee_sat(mine, 10)
        count = min(left_sat // premix_sat, 6)
        if count < 1:
            party.coins.extend(mine)
            return
        marker = b"\x6a\x40" + self._random.randbytes(_DATA_BYTES)
        payments = [(party.wallet.key(), premix_sat) for _ in range(count)]
        payments.append((self._coordinators["whirlpool"].key(), pool_fee_sat))
        payments.append((Key(secret=b"", public=b"", script_kind="p2wpkh", script=marker, owner=""), 0))
        rest_sat = left_sat - count * premix_sat
        if rest_sat > _LEAST_OUTPUT_SAT:
            payments.append((party.wallet.key(), rest_sat))
        order = self._random.sample(range(len(payments)), len(payments))
        transaction = self._sent(mine, [payments[place] for place in order], "whirlpool_tx0")
        for place, coin in zip(order, transaction.coins, strict=True):
            if place < count and coin is not None:
                self._premixed[pool_sat].append((party, coin))

    def _wanted_joinmarket(self) -> list[tuple[_Party, list[int]]]:
        self._equal_sat = self._random.randint(600_000, 20_000_000)
        chosen = self._random.sample(self._parties["joinmarket"], self._random.randint(3, 9))
        return [(party, [self._equal_sat * self._random.randint(103, 900) // 100, *self._more(2)]) for party in chosen]

    def _hold_joinmarket(self, chosen: Sequence[_Party]) -> None:
        """Equal outputs; each maker has a change that holds its earnings, and the taker pays for everything."""
        coins: list[Coin] = []
        payments: list[tuple[Key, int]] = []
        owed_sat = 0
        for party in chosen[1:]:
            mine = party.taken()
            coins += mine
            earned_sat = self._equal_sat * self._random.randint(1, 30) // 100_000
            owed_sat += earned_sat
            rest_sat = sum(coin.amount_sat for coin in mine) - self._equal_sat + earned_sat
            payments += [(party.wallet.key(), self._equal_sat), (party.wallet.key(), rest_sat)]
        mine = chosen[0].taken()
        coins += mine
        payments.append((chosen[0].wallet.key(), self._equal_sat))
        fee_sat = self._fee_sat(coins, len(payments) + 1)
        rest_sat = sum(coin.amount_sat for coin in mine) - self._equal_sat - owed_sat - fee_sat
        if rest_sat > _LEAST_OUTPUT_SAT:
            payments.append((chosen[0].wallet.key(), rest_sat))
        if sum(coin.amount_sat for coin in coins) <= sum(amount_sat for _, amount_sat in payments):
            chosen[0].coins.extend(coins)  # the taker could not pay the makers: nothing is signed, all keep their coins
            return
        self._random.shuffle(coins)
        self._random.shuffle(payments)
        self._sent(coins, payments, "coinjoin_joinmarket")


def _denominations() -> list[int]:
    """Amounts that wallets of Wasabi 2 agree upon, from 5,000 sat to a tenth of a bitcoin."""
    made = {base**power * times for base, many in ((2, (1,)), (3, (1, 2)), (10, (1, 2, 5))) for times in many
            for power in range(30)}  # fmt: skip
    return sorted(amount_sat for amount_sat in made if _LEAST_OUTPUT_SAT <= amount_sat <= 10_000_000)
