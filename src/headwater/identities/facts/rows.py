"""Contrary facts as they are found, kept as columns: a large platform has millions."""

from __future__ import annotations

import pyarrow as pa

from headwater.schema import content_id, table_named

__all__ = ["FactRows"]

_PART_ROWS = 65_536
_COLUMNS = ("fact_id", "fact_kind", "account_id", "link_id", "statement", "source_table", "source_id")


class FactRows:
    """Collects facts, each once."""

    def __init__(self) -> None:
        self._table = table_named("contrary_facts")
        self._parts: list[pa.Table] = []
        self._held: list[tuple[str | None, ...]] = []

    def add(
        self,
        kind: str,
        statement: str,
        *,
        table: str,
        source: str,
        account: str | None = None,
        link: str | None = None,
    ) -> None:
        """Add a fact.

        Args:
            kind: As the schema lists them.
            statement: In words.
            table: Table of the row that it was read from.
            source: Id of that row.
            account: The account concerned.
            link: The link concerned.
        """
        fact_id = content_id("fct", kind, account or "", link or "", table, source, statement)
        self._held.append((fact_id, kind, account, link, statement, table, source))
        if len(self._held) == _PART_ROWS:
            self._put_away()

    def _put_away(self) -> None:
        columns = zip(*self._held, strict=True) if self._held else ((),) * len(_COLUMNS)
        self._parts.append(self._table.part(dict(zip(_COLUMNS, map(list, columns), strict=True))))
        self._held = []

    def table(self) -> pa.Table:
        """The table `contrary_facts`."""
        self._put_away()
        found = pa.concat_tables(self._parts)
        # One fact may be come upon twice, as where two customers of a payment lead to one person.
        first = (
            found.append_column("place", pa.array(range(len(found)))).group_by("fact_id").aggregate([("place", "min")])
        )
        return self._table.checked(found.take(first["place_min"]))
