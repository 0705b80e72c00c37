"""For which accounts, and between which blocks, tables of transfers are whole: what "still held" rests on."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from headwater.money.token_books import Book

__all__ = ["Coverage"]

Row = Mapping[str, Any]


class Coverage:
    """What is stated of one token.

    Without a statement nothing is known of what an account did besides: an export of one account's transfers shows the
    other account of each, but not what that one did next.

    Args:
        book: The token.
        statements: Rows of `token_coverage`.
    """

    def __init__(self, book: Book, statements: Sequence[Row]) -> None:
        self._lines = book.lines
        self._of_all: list[tuple[int, int]] = []
        self._of_account: dict[str, list[tuple[int, int]]] = {}
        for row in statements:
            if row["chain"] != book.chain or row["token_contract"] not in {None, book.contract}:
                continue
            span = (row["first_block"] or 0, row["last_block"])
            if row["address"] is None:
                self._of_all.append(span)
            else:
                self._of_account.setdefault(row["address"], []).append(span)

    def spans(self, account: str) -> list[tuple[int, int]]:
        """First and last block of each stretch in which all that the account did is here."""
        return self._of_all + self._of_account.get(account, [])

    def last_block(self, account: str) -> int | None:
        """The last block up to which the account is whole; None where nothing says so."""
        return max((last for _, last in self.spans(account)), default=None)

    def since_beginning(self, account: str) -> bool:
        """Whether the account is stated to be whole from its first transfer on."""
        return any(first == 0 for first, _ in self.spans(account))

    @property
    def covers(self) -> Callable[[str, int, int | None], bool]:
        """Whether an account is whole from one move to another, or to the end of a statement."""
        lines = self._lines

        def between(account: str, first: int, last: int | None) -> bool:
            begin = lines[first].block
            end = begin if last is None else lines[last].block
            return any(low <= begin and end <= high for low, high in self.spans(account))

        return between
