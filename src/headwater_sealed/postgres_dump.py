"""The job `parse_postgres_dump`: tables and rows of a plain dump, read as bytes in bounded memory and never executed.

Every byte of the file is in exactly one range. What does not parse is a defect with its place, and reading goes on.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, BinaryIO

from headwater_sealed import postgres_syntax as syntax
from headwater_sealed.dump_records import DumpRecords
from headwater_sealed.lookahead import Lookahead
from headwater_sealed.postgres_copy import copied_run, fitting_lines
from headwater_sealed.postgres_tables import DeclaredTables
from headwater_sealed.refusal import UnreadableError
from headwater_sealed.rows import Emit
from headwater_sealed.sources import Sources

__all__ = ["parse_postgres_dump"]

_LIMIT_BYTES = 128 * 1024 * 1024
_HEAD_BYTES = 1024 * 1024
_BLANK = re.compile(rb"\s++")
_WORD = re.compile(rb"[A-Za-z]++")
_LINE = re.compile(rb"[^\n]*+\n?")
_FIRST_LINE = re.compile(rb"[^\n]*+\n")
_SCHEMA_WORDS = frozenset({b"CREATE", b"ALTER", b"DROP", b"COMMENT"})
_SKIPPED_WORDS = frozenset({b"SET", b"RESET", b"GRANT", b"REVOKE", b"BEGIN", b"COMMIT", b"REFRESH", b"SECURITY"})
_SELECT = re.compile(rb"SELECT\s+pg_catalog\.(?:set_config|setval|lo_\w+|lowrite)\b", re.IGNORECASE)
_PLAIN_COMMAND = re.compile(rb"\\(?:restrict|unrestrict|connect|encoding)\b")
_COMPLETED = (b"-- PostgreSQL database dump complete", b"-- PostgreSQL database cluster dump complete")


class _Dump:
    """One pass over a dump."""

    def __init__(self, file: BinaryIO, records: DumpRecords) -> None:
        self._text = Lookahead(file, limit_bytes=_LIMIT_BYTES)
        self._records = records
        self._widths: dict[str, int] = {}
        self._tables = DeclaredTables(records, self._named)
        self._database = ""
        self._numbers: dict[str, int] = {}
        self._completed = False

    def run(self) -> None:
        """Reads to the end of the file and emits everything."""
        text = self._text
        text.fill(_HEAD_BYTES)
        if text.buffer.startswith((b"\x1f\x8b", b"PGDMP")):
            raise UnreadableError("not a plain dump: compressed, or of pg_dump's custom format")
        while True:
            text.fill(_HEAD_BYTES)
            if text.at == len(text.buffer):
                break
            self._next()
        if not self._completed:
            self._records.defect("truncated", "no 'PostgreSQL database dump complete' at the end", text.offset_bytes, 0)
        self._records.close()

    def _take(self, kind: str, end: int) -> None:
        self._records.range(kind, end - self._text.at)
        self._text.at = end

    def _next(self) -> None:
        text = self._text
        blank = text.match(_BLANK)
        if blank is not None:
            self._take("skipped", blank.end())
        elif text.buffer.startswith((b"--", b"\\"), text.at):
            line = text.match_whole(_LINE)
            assert line is not None  # the pattern takes anything, even nothing
            if line[0].startswith(_COMPLETED):
                self._completed = True
            is_comment = line[0].startswith(b"--")
            connected = syntax.CONNECT.match(line[0])
            if connected is not None:
                self._database = syntax.name(connected[1])
            if not is_comment and not _PLAIN_COMMAND.match(line[0]):
                reason = "a command of psql is never run"
                self._records.defect("statement_not_read", reason, text.offset_bytes, len(line[0]))
            self._take("comment" if is_comment else "skipped", line.end())
        elif (head := text.match(syntax.COPY)) is not None:
            self._copy(head)
        else:
            self._statement()

    def _statement(self) -> None:
        text = self._text
        found = text.match(_WORD)
        word = found[0].upper() if found is not None else b""
        whole = text.match_whole(syntax.STATEMENT) if word else None
        if whole is not None and word == b"CREATE" and syntax.ATOMIC.search(whole[0]) is not None:
            # The body of such a function is statements, each with its own end.
            whole = text.match_whole(syntax.ATOMIC_BODY) or whole
        if whole is None or (word in _SCHEMA_WORDS and self._runs_on(whole[0])):
            self._damaged("a statement has no end" if word else "no statement begins here")
        elif word == b"INSERT" and self._insert(whole[0]):
            self._take("rows", whole.end())
        elif word in _SCHEMA_WORDS:
            head = syntax.CREATE_TABLE.match(whole[0])
            self._tables.declare(head, offset_bytes=text.offset_bytes, length_bytes=len(whole[0]))
            if head is not None:
                table = self._named(head[1])
                self._widths[table] = len(self._tables.listed(table, None))
            self._take("schema", whole.end())
        elif word in _SKIPPED_WORDS or _SELECT.match(whole[0]):
            self._take("skipped", whole.end())
        else:
            reason = f"{word.decode('ascii')} of this form is not read"
            self._records.defect("statement_not_read", reason, text.offset_bytes, len(whole[0]))
            self._take("unparsed", whole.end())

    def _runs_on(self, statement: bytes) -> bool:
        """Whether the statement lost its end and took a later one in; texts and bodies hold statements rightly."""
        if syntax.ATOMIC.search(statement) is not None:
            return False
        return syntax.RESYNC.search(syntax.QUOTED.sub(b"", statement)) is not None

    def _named(self, written: bytes) -> str:
        """The name of a table, behind the database that was connected to if there is more than one in the file."""
        name = syntax.name(written)
        return f"{self._database}.{name}" if self._database else name

    def _listed(self, table: str, names: list[str] | None) -> None:
        """Takes the columns that rows list for themselves."""
        columns = self._tables.listed(table, names, offset_bytes=self._text.offset_bytes)
        if columns:
            self._widths[table] = len(columns)

    def _insert(self, statement: bytes) -> bool:
        """Whether the statement was one of rows; a row among them that is none is a defect of its own."""
        head = syntax.INSERT.match(statement)
        if head is None or statement[head.end() : head.end() + 1] != b"(":
            return False
        table = self._named(head[1])
        self._listed(table, syntax.names(head[2]) if head[2] else None)
        at = head.end()
        while statement[at : at + 1] == b"(":
            start = at
            values, at = syntax.row(statement, at)
            width = self._widths.setdefault(table, len(values or ()))
            number, offset = self._number(table, 1), self._text.offset_bytes + start
            if values is None or (width and len(values) != width):
                reason = "a value is not read" if values is None else "a row has another number of values"
                where = {"table": table, "number": number}
                self._records.defect("row_not_readable", reason, offset, at - start, **where)  # type: ignore[arg-type]  # a text and a number
            else:
                self._records.row(table, number, offset, at - start, values)
            while statement[at : at + 1] in (b",", b" ", b"\n", b"\t", b"\r"):
                at += 1
        return True

    def _number(self, table: str, count: int) -> int:
        first = self._numbers.get(table, 0)
        self._numbers[table] = first + count
        return first

    def _copy(self, head: re.Match[bytes]) -> None:
        text = self._text
        table = self._named(head[1])
        self._listed(table, syntax.names(head[2]) if head[2] else None)
        width = self._widths.get(table, 0)
        self._take("rows", head.end())
        while True:
            text.fill()
            if text.buffer.startswith(b"\\.", text.at):
                line = text.match(_LINE)
                if line is not None and line[0].rstrip(b"\r\n") == b"\\.":
                    self._take("rows", line.end())
                    return
            whole = text.match_whole(_FIRST_LINE)
            if whole is None:
                if text.ended:
                    reason = "the file ends within the rows of a table"
                    self._records.defect(
                        "truncated", reason, text.offset_bytes, len(text.buffer) - text.at, table=table
                    )
                    self._take("unparsed", len(text.buffer))
                else:
                    self._damaged("a row has no end")
                return
            width = width or whole[0].count(b"\t") + 1
            end = text.buffer.find(b"\n\\.", text.at)
            end = (text.buffer.rfind(b"\n", text.at) if end < 0 else end) + 1
            if not self._lines(table, width, text.buffer[text.at : end]):
                return

    def _lines(self, table: str, width: int, content: bytes) -> bool:
        """Whether the table's rows go on behind the content."""
        text = self._text
        good, end = fitting_lines(content, width)
        if good:
            run = copied_run(content[:end], text.at, width)
            base = text.offset_bytes - text.at
            self._records.run(table, self._number(table, good), base, run, width)
            self._take("rows", text.at + end)
        if end < len(content):
            line = content[end : content.index(b"\n", end) + 1]
            lost = line.startswith(b"--") or syntax.COPY.match(line) is not None
            reason = "the rows of a table have no end" if lost else "a row has another number of values"
            length = 0 if lost else len(line)
            number = None if lost else self._number(table, 1)
            code = "unparsed" if lost else "row_not_readable"
            self._records.defect(code, reason, text.offset_bytes, length, table=table, number=number)
            self._take("unparsed", text.at + length)
            return not lost
        return True

    def _damaged(self, reason: str) -> None:
        """Gives up the bytes up to where a statement certainly begins again, or up to the end of the file."""
        text = self._text
        start, first = text.offset_bytes, text.at
        while (found := syntax.RESYNC.search(text.buffer, first)) is None and not text.ended:
            self._take("unparsed", max(text.at, len(text.buffer) - 32))
            text.fill()
            first = text.at
        self._take("unparsed", len(text.buffer) if found is None else found.end())
        self._records.defect("unparsed", reason, start, text.offset_bytes - start)


def parse_postgres_dump(files: Sequence[BinaryIO], parameters: Mapping[str, Any], emit: Emit) -> None:
    """Records of the dump's tables, rows and defects in the order of the file, and last the ranges, which sum to it.

    Args:
        files: The dump; or, with `volume_index` and one of `entries` in the parameters, the image that holds it.
        parameters: The job's.
        emit: Takes each batch.
    """
    entries = parameters.get("entries") or [{"file_index": 0}]
    _Dump(Sources(files, parameters).open(entries[0]), DumpRecords(emit)).run()
