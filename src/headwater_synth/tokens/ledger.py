"""Balances of one invented token, where every lot carries its own history: what the truth is read from.

The product links transfers and looks the links up; here each lot takes along the list of transfers that it came
through, and the truth is read off these lists. The two agree only if both are right.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

__all__ = ["NOBODY", "Ending", "Sent", "TokenLedger"]

NOBODY = ""
"""Issues and takes back."""

_MAX_HOPS = 20  # the default of the case's settings

Lot = tuple[int, tuple[int, ...]]
"""Units, and the transfers that they came through; the first number is -1 where they were held before all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """A transfer, or what an issuer destroyed.

    Attributes:
        sender: Who pays; of what is issued, nobody.
        receiver: Who is paid; of what is given back or destroyed, nobody.
        units: Base units.
        block: Its block.
        position: Its place in the block; the same numbers for all tokens of a chain.
        destroyed: Whether the issuer destroyed it.
    """

    sender: str
    receiver: str
    units: int
    block: int
    position: int
    destroyed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """Where units of a receipt or payout truly end.

    Attributes:
        direction: backward or forward.
        origin: Number of the receipt or payout.
        end: Number of the last transfer that is followed.
        reason: Why they end there.
        account: Whose account that is about.
        units: How many.
    """

    direction: str
    origin: int
    end: int
    reason: str
    account: str
    units: int


@dataclass(slots=True, kw_only=True)
class TokenLedger:
    """Who holds what of one token, and how it came there.

    Attributes:
        chain: Its chain.
        contract: Its contract.
        symbol: Its symbol.
        decimals: A whole token is ten to this power of base units.
        sent: What was sent, in order.
    """

    chain: str
    contract: str
    symbol: str
    decimals: int
    sent: list[Sent] = field(default_factory=list)
    _held: dict[str, deque[Lot]] = field(default_factory=dict)
    _passed: list[list[Lot]] = field(default_factory=list)

    def held_before(self, account: str, units: int) -> None:
        """Let an account hold units that no transfer shows."""
        self._held.setdefault(account, deque()).append((units, (-1,)))

    def balance(self, account: str) -> int:
        """What an account holds."""
        return sum(units for units, _ in self._held.get(account, ()))

    def send(self, sent: Sent) -> int:
        """The number of a transfer, after making it: the oldest units go first."""
        number = len(self.sent)
        self.sent.append(sent)
        passed: list[Lot] = []
        if sent.sender == NOBODY:
            passed = [(sent.units, (number,))] if sent.units else []
        else:
            held, wanted = self._held.get(sent.sender, deque()), sent.units
            while wanted:
                units, way = held.popleft()
                taken = min(units, wanted)
                if units > taken:
                    held.appendleft((units - taken, way))
                passed.append((taken, (*way, number)))
                wanted -= taken
        self._passed.append(passed)
        if sent.receiver != NOBODY:
            self._held.setdefault(sent.receiver, deque()).extend(passed)
        return number

    def _last(self) -> Iterator[Lot]:
        """Every unit where it is at the end: held, given back or destroyed."""
        for held in self._held.values():
            yield from held
        for sent, passed in zip(self.sent, self._passed, strict=True):
            if sent.receiver == NOBODY:
                yield from passed

    def backward(self, origin: int, owned: dict[str, str], whole: Sequence[str] | None) -> Iterator[Ending]:
        """Where the units of a receipt came from.

        Args:
            origin: Its number.
            owned: By account, why nothing is followed through it.
            whole: The accounts whose transfers are stated to be all there; None for all accounts.
        """
        for units, way in self._passed[origin]:
            steps = [number for number in reversed(way) if number >= 0]
            yield self._ending("backward", origin, steps, units, owned, whole, known_before=way[0] >= 0)

    def forward(self, origin: int, owned: dict[str, str], whole: Sequence[str] | None) -> Iterator[Ending]:
        """Where the units of a payout went; arguments as for `backward`."""
        for units, way in self._last():
            if origin in way:
                steps = way[way.index(origin) :]
                yield self._ending("forward", origin, steps, units, owned, whole, known_before=True)

    def _ending(
        self,
        direction: str,
        origin: int,
        steps: Sequence[int],
        units: int,
        owned: dict[str, str],
        whole: Sequence[str] | None,
        *,
        known_before: bool,
    ) -> Ending:
        back = direction == "backward"
        end, reason, account = origin, "", ""
        for hops, number in enumerate(steps, start=1):
            sent = self.sent[number]
            end, account = number, sent.sender if back else sent.receiver
            if account == NOBODY:
                reason = "mint" if back else "destroyed" if sent.destroyed else "burn"
            elif account in owned:
                reason = owned[account]
            elif hops == len(steps) and back:
                # Whoever paid without ever receiving held it before the first transfer.
                reason = "balance_before_table" if not known_before else "lost"
            elif whole is not None and account not in whole:
                reason = "snapshot_end"
            elif hops == len(steps):
                reason = "unspent"
            elif hops >= _MAX_HOPS:
                reason = "hop_limit"
            else:
                continue
            break
        return Ending(direction=direction, origin=origin, end=end, reason=reason, account=account, units=units)
