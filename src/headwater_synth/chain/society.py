"""People besides: they pay each other by habit, services peel large coins, and rounds of each protocol are held."""

from __future__ import annotations

from collections.abc import Sequence

from headwater_synth.chain.exchange import Exchange
from headwater_synth.chain.habits import Bystanders
from headwater_synth.chain.keys import Key
from headwater_synth.chain.market import Market
from headwater_synth.chain.others import Miners
from headwater_synth.chain.payjoins import PayJoins
from headwater_synth.chain.peelers import Peelers
from headwater_synth.chain.protocol_rounds import ProtocolRounds
from headwater_synth.chain.transactions import Coin
from headwater_synth.seeds import stream

__all__ = ["Society"]

_LARGE_SAT = 100_000_000


class Society:
    """Everybody besides. They draw from streams of their own, and buy their coins from miners.

    Args:
        market: Where they trade.
        bystanders: How many pay each other; services and rounds follow from it.
        miners: Who has coins to sell.
        exchanges: Where some pay coins in.
        payjoins_per_mille: Of a thousand payments, how many are tried as PayJoins.
    """

    def __init__(
        self,
        market: Market,
        bystanders: int,
        miners: Miners,
        exchanges: Sequence[Exchange],
        *,
        payjoins_per_mille: int = 0,
    ) -> None:
        self._market = market
        self._miners = miners
        self._random = stream(market.seed, "chain", "society")
        payjoins = PayJoins(market, payjoins_per_mille) if payjoins_per_mille else None
        self._bystanders = Bystanders(market, bystanders, exchanges, payjoins)
        self._peelers = Peelers(market, 1 + bystanders // 60)
        self._rounds = ProtocolRounds(market, bystanders)

    def act(self, step: int, at_s: int) -> None:
        """Let everybody have a turn; whoever finds no coins to buy waits for the next step."""
        for ask in (self._peelers.wants, self._rounds.wants, self._bystanders.wants):
            for wanted in ask(step):
                self._buy(wanted)
        self._bystanders.pay(at_s)
        self._peelers.peel(self._bystanders)
        self._rounds.hold()

    def _buy(self, wanted: list[tuple[Key, int, list[Coin]]]) -> None:
        """Sell coins to everybody who asks together, out of one miner's wallet."""
        total_sat = sum(amount_sat for _, amount_sat, _ in wanted)
        rich = [
            wallet for wallet in self._miners.wallets if sum(coin.amount_sat for coin in wallet.coins) > 2 * total_sat
        ]
        if not wanted or not rich:
            return
        seller = self._random.choice(rich)
        coins = seller.take(total_sat, len(wanted) + 1)
        payments = [(key, amount_sat) for key, amount_sat, _ in wanted]
        sent = self._market.send(coins, payments, kind="honest", change=seller)
        for (_, _, into), coin in zip(wanted, sent.coins, strict=True):
            into.append(coin)
