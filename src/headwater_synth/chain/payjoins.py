"""PayJoins: payments to which the payee adds a coin of their own, so that two people spend together.

References:
    BIP 78 (the payee's coin has the script type of the payer's, and the payee gets it back with the payment).
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Protocol

from headwater_synth.chain.keys import Key
from headwater_synth.chain.market import DUST_SAT, Market, Wallet
from headwater_synth.chain.transactions import Coin, estimated_vsize, signed_transaction
from headwater_synth.seeds import stream

__all__ = ["PAYJOIN", "PayJoins"]

PAYJOIN = "payjoin"
"""What the truth calls such a transaction."""

_MOST_COINS = 2


class Payer(Protocol):
    """Somebody who has coins and a habit of giving change."""

    @property
    def wallet(self) -> Wallet:
        """Keys."""

    @property
    def coins(self) -> list[Coin]:
        """What can be spent."""

    def receiving_key(self) -> Key:
        """Where the next payment goes."""

    def change_key(self, first: Coin, payee: Key) -> Key:
        """Where the rest of a payment goes."""


class PayJoins:
    """Who pays so, and how often. They draw from a stream of their own.

    Args:
        market: Where they trade.
        per_mille: Of a thousand payments, how many are attempted so.
    """

    def __init__(self, market: Market, per_mille: int) -> None:
        self._market = market
        self._per_mille = per_mille
        self._random: random.Random = stream(market.seed, "chain", "payjoins")

    def paid(self, payer: Payer, everybody: Sequence[Payer]) -> bool:
        """Whether a payment was made so; not often, and only where the payee has a coin like the payer's."""
        if self._random.randrange(1_000) >= self._per_mille:
            return False
        kind = payer.coins[0].key.script_kind
        payees = [
            one for one in everybody if one is not payer and any(coin.key.script_kind == kind for coin in one.coins)
        ]
        return bool(payees) and self._pay(payer, self._random.choice(payees))

    def _pay(self, payer: Payer, payee: Payer) -> bool:
        kind = payer.coins[0].key.script_kind
        spent = [coin for coin in payer.coins if coin.key.script_kind == kind]
        spent = spent[: self._random.randint(1, _MOST_COINS)]
        added = next(coin for coin in payee.coins if coin.key.script_kind == kind)
        key = payee.wallet.key()
        total_sat = sum(coin.amount_sat for coin in spent)
        fee_sat = self._market.fee_rate * estimated_vsize([*spent, added], [key.script, key.script])
        amount_sat = (total_sat - fee_sat) * self._random.randint(20, 80) // 100
        rest_sat = total_sat - fee_sat - amount_sat
        if amount_sat < DUST_SAT or rest_sat < DUST_SAT:
            return False
        inputs = self._random.sample([*spent, added], len(spent) + 1)
        payments = [(key, added.amount_sat + amount_sat), (payer.change_key(spent[0], key), rest_sat)]
        order = self._random.sample((0, 1), 2)
        transaction = signed_transaction(inputs, [payments[place] for place in order], kind=PAYJOIN)
        self._market.ledger.submit(transaction)
        for owner, gone, place in ((payer, spent, 1), (payee, [added], 0)):
            made = transaction.coins[order.index(place)]
            assert made is not None
            owner.coins[:] = [*(coin for coin in owner.coins if coin not in gone), made]
        return True
