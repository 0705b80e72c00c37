"""The rows of a dump: INSERT and REPLACE statements, taken apart row by row against the table they fill."""

from __future__ import annotations

import re
from typing import Any

from headwater_sealed import mysql_syntax as syntax
from headwater_sealed.dump_records import DumpRecords
from headwater_sealed.lookahead import Lookahead
from headwater_sealed.mysql_dialect import WITH_ESCAPES
from headwater_sealed.mysql_runs import row_run

__all__ = ["RowStatements"]

_SEPARATOR = re.compile(rb"[\s]*+([,;])[\s]*+")
_SEPARATOR_BYTES = 64 * 1024  # far more blanks than any program writes between two rows
_WINDOW_BYTES = 4 * 1024 * 1024  # of rows taken at once; mysqldump writes statements of about 1 MiB
_FEW_BYTES = 4096  # a statement this short is quicker read row by row
_FEW_ROWS = 16  # a run this short is not worth what it costs to find
_DUPLICATE = re.compile(rb"\s*+ON\s++DUPLICATE\s", re.IGNORECASE)


class _Table:
    """What is known of a table while its rows come."""

    __slots__ = ("columns", "name", "rows")

    def __init__(self, name: str) -> None:
        self.name = name
        self.columns: syntax.Columns | None = None
        self.rows = 0


class _Target:
    """Where the values of one statement's rows belong.

    Attributes:
        table: The table.
        width: How many values a row brings; 0 where that is not known beforehand.
        places: For each value its column; None where values and columns are the same, or columns have no names.
        refused: Why no row of the statement can be put into the table.
        singly: How many rows to read one by one before a run is looked for again.
        patience: What `singly` begins with next time; it doubles, so that looking in vain costs little.
    """

    __slots__ = ("patience", "places", "refused", "singly", "table", "width")

    def __init__(self, table: _Table) -> None:
        self.table = table
        self.width = 0
        self.singly = 0
        self.patience = _FEW_ROWS
        self.places: list[int] | None = None
        self.refused: str | None = None


class RowStatements:
    """Takes row-bringing statements, and the table declarations they need.

    Args:
        text: The dump, at the beginning of a statement whenever something is asked.
        records: Takes what is found.

    Attributes:
        dialect: How strings are written here.
        database: The one in use, if the dump named one.
        code: After `read` returned False: what kind of damage stands at the place in hand.
        reason: The same in words.
        where: The table and the number of the row.
    """

    def __init__(self, text: Lookahead, records: DumpRecords) -> None:
        self._text = text
        self._records = records
        self._tables: dict[tuple[str | None, str], _Table] = {}
        self._shown: set[str] = set()
        self.dialect = WITH_ESCAPES
        self.database: str | None = None
        self.code = ""
        self.reason = ""
        self.where: dict[str, Any] = {}

    def _take(self, kind: str, end: int) -> None:
        self._records.range(kind, end - self._text.at)
        self._text.at = end

    def _table(self, raw: bytes) -> _Table:
        """The table of that name in the database in use; of two databases the later one's tables carry its name."""
        database, name = syntax.table_name(raw)
        key = (database or self.database, name)
        table = self._tables.get(key)
        if table is None:
            shown = name if name not in self._shown else f"{key[0]}.{name}"
            table = self._tables[key] = _Table(shown)
            self._shown.add(shown)
        return table

    def declare(self, statement: bytes) -> None:
        """Takes a statement about the schema: the columns, if it makes a table. Its bytes stay the caller's."""
        if syntax.MAKES_TABLE.match(statement) is None:
            return
        head = syntax.TABLE_HEAD.match(statement)
        offset = self._text.offset_bytes
        table = self._table(head[1]) if head is not None else None
        declared = self.dialect.columns(statement[head.end() :]) if head is not None and head[2] else None
        if table is None or declared is None:
            reason = "the columns of CREATE TABLE do not parse" if head is None or head[2] else "it lists no columns"
            name = table.name if table is not None else None
            self._records.defect("bad_schema", reason, offset, len(statement), table=name)
            return
        table.columns = declared
        self._records.table(table.name, declared.names, declared.types, offset, len(statement))

    def _target(self, head: re.Match[bytes]) -> _Target:
        target = _Target(self._table(head[1]))
        table = target.table
        offset = self._text.offset_bytes
        listed = syntax.names(head[2]) if head[2] is not None else None
        if table.columns is None:
            if listed is None:
                if not table.rows:
                    reason = "rows without a CREATE TABLE before them: their columns have no names"
                    self._records.defect("no_schema", reason, offset, 0, table=table.name)
                return target
            unknown = ("",) * len(listed)
            table.columns = syntax.Columns(names=tuple(listed), types=unknown, generated=(False,) * len(listed))
            self._records.table(table.name, listed, unknown, offset, 0)
        names = table.columns.names
        target.width = len(names)
        if listed is None:
            return target
        target.width = len(listed)
        missing = [name for name in listed if name not in names]
        if missing or len(set(listed)) != len(listed):
            target.refused = f"the column list does not fit the table: {', '.join(missing or listed)[:200]}"
        elif tuple(listed) != names:
            target.places = [names.index(name) for name in listed]
        return target

    def read(self, head: re.Match[bytes]) -> bool:
        """Whether the statement was taken to its end; if not, the place in hand is where it stopped making sense.

        Args:
            head: The statement's head, matched at the place in hand.
        """
        text = self._text
        target = self._target(head)
        self._take("rows", head.end())
        while True:
            if not self._run(target) and not self._row(target):
                return False
            text.fill(_SEPARATOR_BYTES)
            separator = text.match(_SEPARATOR)
            if separator is None:
                break
            if separator[1] == b";":
                self._take("rows", separator.end(1))
                return True
            self._take("rows", separator.end())
            if not text.buffer.startswith(b"(", text.at):
                break
        whole = text.match_whole(self.dialect.statement_end(b";")) if text.match(_DUPLICATE) is not None else None
        if whole is not None:
            self._take("rows", whole.end())
            return True
        self.code, self.reason = "unparsed", "neither a row nor the end of the statement"
        self.where = {"table": target.table.name}
        return False

    def _run(self, target: _Target) -> bool:
        """Whether a run of rows was taken, which leaves the place in hand behind its last row."""
        if (
            target.singly
            or not target.width
            or not self.dialect.escapes
            or target.places is not None
            or target.refused is not None
        ):
            target.singly = max(0, target.singly - 1)
            return False
        text, table = self._text, target.table
        text.fill(_WINDOW_BYTES)
        # Where the statement seems to end: a guess that saves work, since what is in a string may look the same.
        end = text.buffer.find(b";\n", text.at, text.at + _WINDOW_BYTES) + 1 or min(
            len(text.buffer), text.at + _WINDOW_BYTES
        )
        run = row_run(text.buffer, text.at, end, target.width) if end - text.at > _FEW_BYTES else None
        taken = 0 if run is None else len(run.starts)
        if taken < _FEW_ROWS:
            target.singly = target.patience
            target.patience *= 2
        if run is None:
            return False
        self._records.run(table.name, table.rows, text.offset_bytes - text.at, run, target.width)
        table.rows += taken
        self._take("rows", int(run.starts[-1] + run.lengths_bytes[-1]))
        return True

    def _row(self, target: _Target) -> bool:
        """Takes the row in hand, or its bytes as unparsed; False if where it ends cannot be told."""
        text, table = self._text, target.table
        number = table.rows
        table.rows += 1
        found = text.match(self.dialect.row_pattern(target.width)) if target.width else None
        if found is None:
            end = self._closed()
            if end is None:
                self.code, self.reason = "bad_row", "the row has no end"
                self.where = {"table": table.name, "number": number}
                return False
            found = self._other_row(target, end)
            if found is None:
                return self._bad_row(target, number, end)
        try:
            literals = [self.dialect.literal(value) for value in found.groups()]
        except ValueError:
            return self._bad_row(target, number, found.end(), "a hexadecimal or bit literal is none")
        if target.refused is not None:
            return self._bad_row(target, number, found.end(), target.refused)
        if target.places is not None or len(literals) != target.width:
            literals = self._placed(target, literals)
        length = found.end() - text.at
        self._records.row(table.name, number, text.offset_bytes, length, literals)
        self._records.range("rows", length)
        text.at += length
        return True

    @staticmethod
    def _placed(target: _Target, literals: list[tuple[bytes | None, bool]]) -> list[tuple[bytes | None, bool]]:
        """The values in the order of the table's columns; a column that the row brings nothing for is NULL."""
        columns = target.table.columns
        if columns is None:
            return literals
        places = target.places
        if places is None:
            places = [index for index, generated in enumerate(columns.generated) if not generated]
        placed: list[tuple[bytes | None, bool]] = [(None, False)] * len(columns.names)
        for place, value in zip(places, literals, strict=True):
            placed[place] = value
        return placed

    def _other_row(self, target: _Target, end: int) -> re.Match[bytes] | None:
        """The row in hand where the usual pattern did not match: the buffer had cut it, or its width is another."""
        width = target.width or self._width(end)
        found = self._text.match(self.dialect.row_pattern(width)) if width else None
        columns = target.table.columns
        if found is None and columns is not None and target.places is None and any(columns.generated):
            brought = len(columns.names) - sum(columns.generated)
            found = self._text.match(self.dialect.row_pattern(brought)) if brought else None
        return found

    def _bad_row(self, target: _Target, number: int, end: int, reason: str = "") -> bool:
        """Takes the row's bytes as unparsed; False if what follows shows that it does not end there."""
        text = self._text
        if not reason:
            has = self._width(end)
            reason = f"{has} values for {target.width} columns" if has else "a value is not a literal"
        self.where = {"table": target.table.name, "number": number}
        if text.buffer[end : end + 1] not in b",; \r\n\t":  # nothing at all is in it: the end of the file
            self.code, self.reason = "bad_row", reason
            return False
        self._records.defect("bad_row", reason, text.offset_bytes, end - text.at, **self.where)
        self._take("unparsed", end)
        return True

    def _width(self, end: int) -> int:
        """How many literals the row in hand has; 0 if it holds anything else."""
        at, width = self._text.at + 1, 0
        while at < end:
            found = self.dialect.one_value.match(self._text.buffer, at)
            if found is None:
                return 0
            at, width = found.end(), width + 1
        return width

    def _closed(self) -> int | None:
        """Where in the buffer the parenthesis in hand is closed, for which as much is read as it takes."""
        while True:
            end = self._closed_here()
            if end is not None or not self._text.grow():
                return end

    def _closed_here(self) -> int | None:
        depth, at = 0, self._text.at
        while (token := self.dialect.loose_token.match(self._text.buffer, at)) is not None:
            at = token.end()
            if token.lastgroup == "open":
                depth += 1
            elif token.lastgroup == "close":
                depth -= 1
                if depth == 0:
                    return at
        return None
