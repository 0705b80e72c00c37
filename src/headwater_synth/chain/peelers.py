"""Services that pay their customers one by one out of one large coin, whose rest lies at a new address each time."""

from __future__ import annotations

import random

from headwater_synth.chain.habits import Bystanders
from headwater_synth.chain.keys import Key
from headwater_synth.chain.market import Market, Wallet
from headwater_synth.chain.transactions import Coin, estimated_vsize, signed_transaction
from headwater_synth.seeds import stream

__all__ = ["Peelers"]

_LARGE_SAT = 150_000_000
_WORN_OUT_SAT = 20_000_000
_PEELS_A_STEP = 3


class Peelers:
    """All such services; each has one coin at a time."""

    def __init__(self, market: Market, count: int) -> None:
        self._market = market
        self._random: random.Random = stream(market.seed, "chain", "peelers")
        self._wallets: list[tuple[Wallet, list[Coin]]] = [
            (market.wallet(f"peeler:{number}", "peeler", "p2wpkh" if number % 2 == 0 else "p2sh-p2wpkh"), [])
            for number in range(count)
        ]

    def wants(self, _step: int) -> list[list[tuple[Key, int, list[Coin]]]]:
        """A large coin for whoever has none."""
        return [
            [(wallet.key(), self._random.randint(_LARGE_SAT, 2 * _LARGE_SAT), coins)]
            for wallet, coins in self._wallets
            if not coins
        ]

    def peel(self, bystanders: Bystanders) -> None:
        """Pay a few customers; what is left of a worn-out coin is paid in whole."""
        for wallet, coins in self._wallets:
            for _ in range(self._random.randint(1, 2 * _PEELS_A_STEP - 1) if coins else 0):
                customer = self._random.choice(bystanders.everybody)
                key, coin = customer.receiving_key(), coins[0]
                amount_sat = coin.amount_sat * self._random.randint(2, 60) // 1_000
                if self._random.random() < 0.5:
                    amount_sat = max(amount_sat // 100_000, 1) * 100_000
                fee_sat = self._market.fee_rate * estimated_vsize([coin], [key.script, coin.key.script])
                payments = [(key, amount_sat), (wallet.key(), coin.amount_sat - amount_sat - fee_sat)]
                order = self._random.sample((0, 1), 2)
                transaction = signed_transaction([coin], [payments[place] for place in order], kind="service_peel")
                self._market.ledger.submit(transaction)
                paid, rest = transaction.coins[order.index(0)], transaction.coins[order.index(1)]
                assert paid is not None
                assert rest is not None
                customer.coins.append(paid)
                coins[0] = rest
                if rest.amount_sat < _WORN_OUT_SAT:
                    wallet.coins.append(coins.pop())
                    break
