"""Rows that a review asks for by an id: by reading a table through, or by an index that outlives one question."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any, Protocol

import pyarrow as pa
import pyarrow.compute as pc

from headwater.engine import Session
from headwater.schema import table_named

__all__ = ["IndexedRows", "OrderOfReview", "ReviewRows", "ScannedRows"]

_READ_AT_ONCE = 1_024


class ReviewRows(Protocol):
    """Where a review finds the rows of the case's tables."""

    def rows(
        self, table: str, column: str, values: Collection[str], columns: Sequence[str] | None = None
    ) -> list[dict[str, Any]]:
        """The rows whose column has one of the values, in canonical order.

        Args:
            table: Its name.
            column: A column of text.
            values: What it may be.
            columns: Only these; None for all.
        """

    def arrow(self, table: str) -> pa.Table:
        """A whole table; for small ones."""


class ScannedRows:
    """Rows found by reading the table through, once for each question.

    Args:
        tables: The case's tables.
    """

    def __init__(self, tables: Session) -> None:
        self._tables = tables

    def rows(
        self, table: str, column: str, values: Collection[str], columns: Sequence[str] | None = None
    ) -> list[dict[str, Any]]:
        """As `ReviewRows.rows`."""
        wanted = pa.array(sorted(values), pa.string())
        read = None if columns is None else list(dict.fromkeys([column, *columns]))
        found = self._tables.chosen(table, lambda part: pc.is_in(part[column], value_set=wanted), columns=read)
        rows: list[dict[str, Any]] = (found if columns is None else found.select(list(columns))).to_pylist()
        return rows

    def arrow(self, table: str) -> pa.Table:
        """As `ReviewRows.arrow`."""
        return self._tables.arrow(table)


class IndexedRows:
    """Rows found by an index in memory; the rows themselves are mapped from a file without a name.

    Args:
        tables: The case's tables; not needed after the last table is held.
        columns: For each table that is not wanted whole, the columns that are asked for.
    """

    def __init__(self, tables: Session, columns: Mapping[str, Sequence[str]]) -> None:
        self._tables = tables
        self._columns = columns
        self._held: dict[str, pa.Table] = {}
        self._indexes: dict[tuple[str, str], _Index] = {}

    def hold(self, table: str, *keys: str) -> None:
        """Read a table through now, with an index of each of these columns."""
        names = self._columns.get(table) or [column.name for column in table_named(table).columns]
        self._held[table] = self._tables.columns(table, names)
        for key in keys:
            self._indexes[table, key] = _Index(self._held[table][key])

    def rows(
        self, table: str, column: str, values: Collection[str], columns: Sequence[str] | None = None
    ) -> list[dict[str, Any]]:
        """As `ReviewRows.rows`, for a table and column that are held."""
        numbers = sorted(number for value in set(values) for number in self._indexes[table, column].of(value))
        held = self._held[table] if columns is None else self._held[table].select(list(columns))
        # One slice each: `take` would copy every chunk that it takes something of.
        return [row for number in numbers for row in held.slice(number, 1).to_pylist()]

    def arrow(self, table: str) -> pa.Table:
        """As `ReviewRows.arrow`."""
        return self._held[table]


class _Index:
    """Which rows have a value: eight bytes for each row, and none where the column is in order already."""

    def __init__(self, values: pa.ChunkedArray) -> None:
        self._values = values
        in_order = len(values) < 2 or pc.all(pc.less_equal(values[:-1], values[1:]), min_count=0).as_py()
        self._order: Any = None
        if not in_order or values.null_count:
            # Absent values come last.
            self._order = pc.sort_indices(values, sort_keys=[("", "ascending")]).to_numpy()
        self._filled = len(values) - values.null_count

    def of(self, value: str) -> Iterator[int]:
        """The numbers of the rows that have this value."""
        at = bisect_left(range(self._filled), value, key=self._at)
        while at < self._filled and self._at(at) == value:
            yield self._number(at)
            at += 1

    def _at(self, place: int) -> str:
        text: str = self._values[self._number(place)].as_py()
        return text

    def _number(self, place: int) -> int:
        return place if self._order is None else int(self._order[place])


class OrderOfReview:
    """The order in which proposed links are given to a person, and the pairs of known answer that may stand among them.

    Args:
        tables: The case's tables; not needed afterwards.

    Attributes:
        unordered: Proposed links that have no place, because the order is of another run; they come after the others.
        proposed: Links that are proposed.
    """

    def __init__(self, tables: Session) -> None:
        links = tables.columns("links", ["link_id", "claim", "proposed"])
        queued = tables.columns("review_queue", ["link_id"])["link_id"]
        places = pc.drop_null(pc.index_in(queued, value_set=links["link_id"]))
        beyond = links.filter(links["proposed"])
        beyond = beyond.filter(pc.invert(pc.is_in(beyond["link_id"], value_set=queued))).sort_by("link_id")
        self.unordered = len(beyond)
        self._rows = pa.concat_tables([links.take(places), beyond])
        self.proposed = pc.sum(links["proposed"], min_count=0).as_py()
        known = tables.arrow("known_links")
        chosen = known.filter(pc.and_(known["proposed"], pc.is_valid(known["known_pair_id"])))
        self._known = dict(zip(chosen["link_id"].to_pylist(), chosen["claim"].to_pylist(), strict=True))

    def links(self, judged: Mapping[str, str], claim: str | None) -> Iterator[str]:
        """Every link that is proposed or judged; what was judged and is not proposed any more comes last.

        Args:
            judged: Links of the case that somebody has judged, with their claims.
            claim: Of this one; None for all.
        """
        for start in range(0, len(self._rows), _READ_AT_ONCE):
            part = self._rows.slice(start, _READ_AT_ONCE).to_pydict()
            for link, of_claim, proposed in zip(part["link_id"], part["claim"], part["proposed"], strict=True):
                if claim in {None, of_claim} and (proposed or link in judged):
                    yield link
        if judged:
            placed = pa.chunked_array([self._rows["link_id"].combine_chunks()])
            others = pc.invert(pc.is_in(pa.array(sorted(judged), pa.string()), value_set=placed))
            for link in pa.array(sorted(judged), pa.string()).filter(others).to_pylist():
                if claim in {None, judged[link]}:
                    yield link

    def known(self, claim: str | None) -> set[str]:
        """Pairs of known answer that would be proposed if they were links: others would be told by their weight."""
        return {link for link, of_claim in self._known.items() if claim in {None, of_claim}}
