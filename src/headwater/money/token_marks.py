"""Transfers that are not what they seem: sent to be mistaken for others, and never followed.

References:
    Tsuchiya, Dong, Soska and Christin, "Blockchain Address Poisoning", 2025: tiny transfers, transfers of nothing, and
    transfers of counterfeit tokens, all from addresses made to resemble one that the victim deals with.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from headwater.money.token_books import Book
from headwater.references import NATIVE

__all__ = ["Mark", "marks_of"]

Row = Mapping[str, Any]

_SHOWN: Final = 4
# Our choice: what wallets show of either end of an address. By chance two of n addresses share eight hex digits with
# probability below n**2 / 2**33; whoever makes them so has tried four thousand million keys.
_PREFIX: Final = {"ethereum": 2, "tron": 1}  # 0x, and the T that every address has


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """A transfer that is marked.

    Attributes:
        number: Its number in its book.
        mark: zero_amount, look_alike or copied_symbol.
        resembles: The address or contract that it resembles.
    """

    number: int
    mark: str
    resembles: str | None = None


def marks_of(books: Sequence[Book], issuers: Sequence[Row]) -> dict[tuple[str, str], list[Mark]]:
    """The marks of each token, by chain and contract.

    Args:
        books: All tokens; an address may be imitated in another token than that it was dealt with in.
        issuers: Rows of `token_issuers`.
    """
    found: dict[tuple[str, str], list[Mark]] = {}
    issued: dict[tuple[str, str], list[str]] = {}
    for row in issuers:
        issued.setdefault((row["chain"], row["token_symbol"].upper()), []).append(row["token_contract"])
    for book in books:
        contracts = sorted(issued.get((book.chain, (book.symbol or "").upper()), []))
        copied = contracts[0] if contracts and book.contract not in contracts else None
        marks = found.setdefault((book.chain, book.contract), [])
        for number, _ in book.transfers():
            if not book.moves[number].units and book.contract != NATIVE:  # calls of contracts move no ether
                marks.append(Mark(number=number, mark="zero_amount"))
            if copied is not None:
                marks.append(Mark(number=number, mark="copied_symbol", resembles=copied))
    for book, number, resembles in _look_alikes(books):
        found[book.chain, book.contract].append(Mark(number=number, mark="look_alike", resembles=resembles))
    return found


def _look_alikes(books: Sequence[Book]) -> Iterator[tuple[Book, int, str]]:
    """Transfers whose sender resembles another account that the receiver had dealt with before."""
    for chain in sorted({book.chain for book in books}):
        dealt: dict[str, dict[str, str]] = {}
        of_chain = [
            ((line.block, line.row["position"] or 0, line.move_id), book, number)
            for book in books
            if book.chain == chain
            for number, line in book.transfers()
        ]
        for _, book, number in sorted(of_chain, key=lambda each: each[0]):
            move = book.moves[number]
            ends = _ends(chain, move.sender)
            before = dealt.get(move.receiver, {}).get(ends)
            if before is not None and before != move.sender:
                yield book, number, before
            elif move.units:
                dealt.setdefault(move.receiver, {}).setdefault(ends, move.sender)
            if move.units:
                dealt.setdefault(move.sender, {}).setdefault(_ends(chain, move.receiver), move.receiver)


def _ends(chain: str, address: str) -> str:
    shown = address[_PREFIX[chain] :].lower() if chain == "ethereum" else address[_PREFIX[chain] :]
    return shown[:_SHOWN] + shown[-_SHOWN:]
