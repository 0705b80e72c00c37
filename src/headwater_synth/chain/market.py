"""Wallets, and the place where their coins change hands."""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

from headwater.errors import ConfigError
from headwater_synth.chain.keys import Key, ScriptKind, owned_key
from headwater_synth.chain.ledger import Ledger
from headwater_synth.chain.transactions import Coin, Transaction, estimated_vsize, signed_transaction
from headwater_synth.seeds import stream

__all__ = ["DUST_SAT", "SCRIPT_KINDS", "Market", "Sent", "Wallet"]

DUST_SAT = 1_000  # change below this is left to the miner
_INPUT_MARGIN_VBYTES = 150
_OUTPUT_MARGIN_VBYTES = 45

# What private wallets look like: mostly native segwit, some older, some newer.
SCRIPT_KINDS: tuple[ScriptKind, ...] = (
    "p2wpkh", "p2wpkh", "p2wpkh", "p2wpkh", "p2wpkh", "p2wpkh", "p2wpkh", "p2pkh", "p2sh-p2wpkh", "p2tr",
)  # fmt: skip


@dataclass(slots=True, kw_only=True)
class Wallet:
    """An owner's keys and coins.

    Attributes:
        market: Where it trades.
        owner: Who controls it.
        kind: What addresses of it are called in the truth.
        script_kind: How its outputs are locked.
        coins: What it can spend, oldest first.
        keys: Keys made so far.
    """

    market: Market
    owner: str
    kind: str
    script_kind: ScriptKind
    coins: deque[Coin] = field(default_factory=deque)
    keys: int = 0

    def key(self) -> Key:
        """A fresh key: one address for each use."""
        key = owned_key(self.market.seed, self.owner, self.keys, self.script_kind)
        self.keys += 1
        self.market.register(key, self.kind)
        return key

    def take(self, amount_sat: int, outputs: int = 2) -> list[Coin]:
        """The oldest coins that pay for an amount and its fee; they are no longer in the wallet.

        Args:
            amount_sat: What is to be paid, without the fee.
            outputs: How many outputs the transaction will have.
        """
        taken: list[Coin] = []
        missing_sat = amount_sat + self.market.fee_rate * (outputs * _OUTPUT_MARGIN_VBYTES + 12)
        while missing_sat > 0 or not taken:
            if not self.coins:
                raise ConfigError(
                    f"synthetic chain: {self.owner} is short of {missing_sat} sat at height "
                    f"{self.market.ledger.height}; ask for more blocks or smaller amounts",
                )
            coin = self.coins.popleft()
            taken.append(coin)
            missing_sat += self.market.fee_rate * _INPUT_MARGIN_VBYTES - coin.amount_sat
        return taken


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """A transaction on its way.

    Attributes:
        transaction: The transaction.
        coins: Its coins, in the order of the payments asked for.
        change: The coin that came back, if any.
    """

    transaction: Transaction
    coins: tuple[Coin, ...]
    change: Coin | None


class Market:
    """Who holds which script, and how payments become transactions.

    Attributes:
        seed: Seed of all keys.
        ledger: The chain.
        fee_rate: Satoshis for each virtual byte.
        holders: Owner and kind of every script, in the order of their making.
        random: The order of outputs.
    """

    def __init__(self, seed: int, ledger: Ledger) -> None:
        self.seed = seed
        self.ledger = ledger
        self.fee_rate = 5
        self.holders: dict[bytes, tuple[str, str]] = {}
        self.random: random.Random = stream(seed, "chain", "market")

    def wallet(self, owner: str, kind: str, script_kind: ScriptKind | None = None) -> Wallet:
        """A new wallet.

        Args:
            owner: Who controls it.
            kind: What its addresses are called in the truth.
            script_kind: How its outputs are locked; None picks one by the owner's name.
        """
        by_name: ScriptKind = stream(self.seed, "chain", "script", owner).choice(SCRIPT_KINDS)
        return Wallet(market=self, owner=owner, kind=kind, script_kind=script_kind or by_name)

    def register(self, key: Key, kind: str) -> None:
        """Note who holds a script."""
        self.holders[key.script] = (key.owner, kind)

    def fee_sat(self, coins: Sequence[Coin], scripts: Sequence[bytes]) -> int:
        """The fee of a transaction at the present rate."""
        return self.fee_rate * estimated_vsize(coins, scripts)

    def send(
        self,
        coins: Sequence[Coin],
        payments: Sequence[tuple[Key, int]],
        *,
        kind: str,
        change: Wallet | None = None,
        shuffled: bool = True,
    ) -> Sent:
        """The transaction that pays, submitted; change is in its wallet already.

        Args:
            coins: What to spend.
            payments: Key and satoshis of each output wanted.
            kind: What it is for.
            change: Where the rest goes; None leaves it to the miner.
            shuffled: Whether outputs stand in random order, change among them.
        """
        wanted = list(payments)
        in_sat = sum(coin.amount_sat for coin in coins)
        out_sat = sum(amount_sat for _, amount_sat in payments)
        scripts = [key.script for key, _ in payments]
        rest_sat = in_sat - out_sat - self.fee_sat(coins, [*scripts, scripts[0]])
        if change is not None and rest_sat >= DUST_SAT:
            wanted.append((change.key(), rest_sat))
        order = list(range(len(wanted)))
        if shuffled:
            self.random.shuffle(order)
        transaction = signed_transaction(coins, [wanted[place] for place in order], kind=kind)
        self.ledger.submit(transaction)
        by_payment = {place: transaction.coins[output_index] for output_index, place in enumerate(order)}
        made = [coin for place in range(len(wanted)) if (coin := by_payment[place]) is not None]
        returned = made[len(payments)] if len(wanted) > len(payments) else None
        if returned is not None and change is not None:
            change.coins.append(returned)
        return Sent(transaction=transaction, coins=tuple(made[: len(payments)]), change=returned)
