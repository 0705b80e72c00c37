"""The transfers of each token in the order of its chain: each once, with what the issuer destroyed between them."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from headwater.money.defects import Defects
from headwater.money.token_lots import DESTROYED, FEE, Lots, Move

__all__ = ["Book", "Line", "books_of"]

Row = Mapping[str, Any]

_NAMES: tuple[str, ...] = ("from_address", "to_address", "amount_units", "kind")


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """Where a move of a book stands in the tables.

    Attributes:
        move_id: Transfer or event of the issuer.
        table: token_transfers or issuer_events.
        txid: Its transaction.
        block: Height of its block.
        at_utc: Time of that.
        row: The row.
    """

    move_id: str
    table: str
    txid: str | None
    block: int
    at_utc: dt.datetime
    row: Row


@dataclass(slots=True, kw_only=True)
class Book:
    """One token.

    Attributes:
        chain: Its chain.
        contract: Its contract.
        symbol: Symbol as most rows write it.
        decimals: A whole token is ten to this power of base units.
        moves: What moved, in the order of the chain.
        lines: Where each stands.
        lots: The same as lots; built when first asked for.
    """

    chain: str
    contract: str
    symbol: str | None
    decimals: int
    moves: list[Move] = field(default_factory=list)
    lines: list[Line] = field(default_factory=list)
    _lots: Lots | None = None

    @property
    def lots(self) -> Lots:
        """The lots of all its moves."""
        if self._lots is None:
            self._lots = Lots(self.moves)
        return self._lots

    def transfers(self) -> Iterator[tuple[int, Line]]:
        """Number and line of each transfer; not of fees and of what was destroyed."""
        for number, line in enumerate(self.lines):
            if line.table == "token_transfers" and self.moves[number].kind != FEE:
                yield number, line


def books_of(transfers: Sequence[Row], events: Sequence[Row], defects: Defects) -> list[Book]:
    """A book for each token, in order of chain and contract.

    Args:
        transfers: Rows of `token_transfers`.
        events: Rows of `issuer_events`.
        defects: Told of rows that contradict each other, and of an order that nothing states.
    """
    places = _places(transfers)
    by_token: dict[tuple[str, str], list[tuple[tuple[Any, ...], Row, str]]] = {}
    for row in _each_once(sorted(transfers, key=_origin), defects):
        by_token.setdefault((row["chain"], row["token_contract"]), []).append(
            (_order(row, places[row["transfer_id"]]), row, "token_transfers")
        )
    for row in sorted(events, key=_origin):
        if row["event"] == DESTROYED:
            by_token.setdefault((row["chain"], row["token_contract"]), []).append(
                (_order(row, row["reference_row"]), row, "issuer_events")
            )
    books = [_book(*token, entries, defects) for token, entries in sorted(by_token.items(), key=lambda item: item[0])]
    _tell_of_times(books, defects)
    return books


def _origin(row: Row) -> tuple[str, str, int]:
    return row["reference_name"], row["reference_version"], row["reference_row"]


def _places(transfers: Sequence[Row]) -> dict[str, int]:
    """For each transfer its place in its table, counted from the bottom where the table lists the newest first."""
    by_table: dict[tuple[str, str], list[Row]] = {}
    for row in sorted(transfers, key=_origin):
        by_table.setdefault((row["reference_name"], row["reference_version"]), []).append(row)
    places = {}
    for rows in by_table.values():
        newest_first = rows[0]["block_number"] > rows[-1]["block_number"]
        for place, row in enumerate(reversed(rows) if newest_first else rows):
            places[row["transfer_id"]] = place
    return places


def _order(row: Row, place: int) -> tuple[Any, ...]:
    """Block, then the place in it where that is stated, then the place in the table."""
    position = row["position"]
    return row["block_number"], position is None, position or 0, *_origin(row)[:2], place


def _each_once(transfers: Sequence[Row], defects: Defects) -> list[Row]:
    """Transfers that several tables hold, once; those that state their place in the block, and a fee, come first."""
    placed: dict[tuple[Any, ...], Row] = {}
    told: dict[tuple[Any, ...], set[tuple[str, str]]] = {}
    kept = []
    for row in sorted(transfers, key=lambda row: (row["position"] is None, row["fee_units"] is None)):
        token = (row["chain"], row["token_contract"], row["txid"])
        said = (*token, row["block_number"], *(row[name] for name in _NAMES))
        table = (row["reference_name"], row["reference_version"])
        if row["position"] is not None:
            first = placed.setdefault((*token, row["position"]), row)
            if first is not row:
                if any(first[name] != row[name] for name in ("block_number", *_NAMES)):
                    _tell_of_contradiction(first, row, defects)
                continue
        elif told.get(said, {table}) != {table}:
            continue
        told.setdefault(said, set()).add(table)
        kept.append(row)
    return kept


def _tell_of_contradiction(first: Row, row: Row, defects: Defects) -> None:
    defects.add(
        "token_transfers_disagree",
        f"transfer {row['transfer_id']} and {first['transfer_id']} are at one place of transaction {row['txid']} and "
        "say different things; the first table by name is used",
        reference_name=f"{row['reference_name']}@{row['reference_version']}",
        source_table="token_transfers",
    )


def _book(chain: str, contract: str, entries: list[tuple[tuple[Any, ...], Row, str]], defects: Defects) -> Book:
    entries.sort(key=lambda entry: entry[0])
    rows = [row for _, row, table in entries if table == "token_transfers"]
    symbols = Counter(row["token_symbol"] for row in rows if row["token_symbol"] is not None)
    decimals = Counter(row["decimals"] for row in rows)
    stated = sorted(decimals)
    if len(stated) > 1:
        defects.add(
            "token_decimals_disagree",
            f"{chain} {contract}: tables state {', '.join(map(str, stated))} decimals; amounts given in whole tokens "
            "are wrong in all but one of them",
            source_table="token_transfers",
        )
    book = Book(
        chain=chain,
        contract=contract,
        symbol=max(sorted(symbols), key=symbols.__getitem__) if symbols else None,
        decimals=max(stated, key=decimals.__getitem__) if stated else 0,
    )
    for _, row, table in entries:
        is_event = table == "issuer_events"
        line = Line(
            move_id=row["issuer_event_id" if is_event else "transfer_id"],
            table=table,
            txid=row["txid"],
            block=row["block_number"],
            at_utc=row["at_utc"],
            row=row,
        )
        if is_event:
            moved = Move(sender=row["address"], receiver=row["address"], units=int(row["amount_units"]), kind=DESTROYED)
        else:
            moved = Move(
                sender=row["from_address"],
                receiver=row["to_address"],
                units=int(row["amount_units"]),
                kind=row["kind"],
            )
        book.moves.append(moved)
        book.lines.append(line)
        if not is_event and int(row["fee_units"] or 0):
            book.moves.append(Move(sender=row["from_address"], receiver="", units=int(row["fee_units"]), kind=FEE))
            book.lines.append(line)
    _tell_of_order(book, defects)
    return book


def _tell_of_order(book: Book, defects: Defects) -> None:
    """Say in how many blocks an account has several moves whose order no place in the block states."""
    unplaced: dict[int, list[str]] = {}
    placed: dict[int, set[str]] = {}
    for move, line in zip(book.moves, book.lines, strict=True):
        if move.kind == FEE:
            continue
        accounts = sorted({move.sender, move.receiver} - {""})
        if line.row["position"] is None:
            unplaced.setdefault(line.block, []).extend(accounts)
        else:
            placed.setdefault(line.block, set()).update(accounts)
    unclear = sum(
        len(set(accounts)) < len(accounts) or not placed.get(block, set()).isdisjoint(accounts)
        for block, accounts in unplaced.items()
    )
    if unclear:
        defects.add(
            "token_order_assumed",
            f"{book.chain} {book.contract}: in {unclear} blocks an account has several transfers, and no table states "
            "their places; they are taken in the order of the tables",
            source_table="token_transfers",
        )


def _tell_of_times(books: Sequence[Book], defects: Defects) -> None:
    """Say so where later blocks of a chain have earlier times: a table has another time zone or unit."""
    by_chain: dict[str, dict[int, dt.datetime]] = {}
    for book in books:
        blocks = by_chain.setdefault(book.chain, {})
        for line in book.lines:
            blocks[line.block] = max(line.at_utc, blocks.get(line.block, line.at_utc))
    for chain, blocks in by_chain.items():
        newest: tuple[dt.datetime, int] | None = None
        for block, at_utc in sorted(blocks.items()):
            if newest is not None and at_utc < newest[0]:
                defects.add(
                    "token_times_disagree",
                    f"{chain}: block {block} is dated before block {newest[1]}; a table states its times in another "
                    "zone or unit",
                    source_table="token_transfers",
                )
                break
            newest = (at_utc, block)
