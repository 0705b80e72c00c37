"""The job `parse_mysql_dump`: the tables and rows of a dump, read as bytes in bounded memory and never executed.

Every byte of the file is in exactly one range: rows, schema, comment, skipped by rule, or unparsed. What does not parse
is a defect with its place, and reading goes on behind it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, BinaryIO

from headwater_sealed import mysql_syntax as syntax
from headwater_sealed.dump_records import DUMP_SCHEMA, DumpRecords
from headwater_sealed.lookahead import Lookahead
from headwater_sealed.mysql_dialect import Mode
from headwater_sealed.mysql_rows import RowStatements
from headwater_sealed.refusal import UnreadableError
from headwater_sealed.rows import Emit
from headwater_sealed.sources import Sources

__all__ = ["DUMP_SCHEMA", "MAX_STATEMENT_BYTES", "parse_mysql_dump"]

MAX_STATEMENT_BYTES = 128 * 1024 * 1024
"""A longer row, or a longer statement that brings no rows, is not read.

References:
    MySQL and MariaDB reference manuals, `max_allowed_packet`: 64 MiB and 16 MiB unless set; escapes double it at most.
"""

_HEAD_BYTES = 1024 * 1024  # a statement's head, with a column list of thousands of names
_WORD = re.compile(rb"[A-Za-z]++")
_BLANK = re.compile(rb"[\s\0]++")
_USE = re.compile(rb"USE\s++(.+?)\s*+;", re.IGNORECASE | re.DOTALL)
_COMPLETED = b"-- Dump completed"
_BEGUN = re.compile(rb"-- (?:MySQL|MariaDB|mysqldump)[^\n]*")
_BOM = b"\xef\xbb\xbf"

_SCHEMA_WORDS = frozenset({b"CREATE", b"DROP", b"ALTER"})
_SKIPPED_WORDS = frozenset(
    {b"SET", b"LOCK", b"UNLOCK", b"USE", b"START", b"BEGIN", b"COMMIT", b"ROLLBACK", b"FLUSH", b"ANALYZE", b"GRANT"}
)
_ROW_WORDS = frozenset({b"INSERT", b"REPLACE"})
_UNREAD_WORDS = frozenset(
    {b"UPDATE", b"DELETE", b"TRUNCATE", b"LOAD", b"CALL", b"RENAME", b"WITH", b"SELECT", b"REVOKE"}
)
_KNOWN_WORDS = _SCHEMA_WORDS | _SKIPPED_WORDS | _ROW_WORDS | _UNREAD_WORDS


class _Dump:
    """One pass over a dump."""

    def __init__(self, file: BinaryIO, records: DumpRecords) -> None:
        self._text = Lookahead(file, limit_bytes=MAX_STATEMENT_BYTES)
        self._records = records
        self._rows = RowStatements(self._text, records)
        self._mode = Mode()
        self._delimiter = b";"
        self._begun = self._completed = False

    def run(self) -> None:
        """Reads to the end of the file and emits everything."""
        text = self._text
        text.fill(_HEAD_BYTES)
        if text.buffer[:2] == b"\x1f\x8b":
            raise UnreadableError("a gzip file is not a dump; unpack it first")
        if text.buffer.startswith(_BOM):
            self._take("comment", len(_BOM))
        while True:
            text.fill(_HEAD_BYTES)
            if text.at == len(text.buffer):
                break
            self._next()
        if not self._completed:
            # A file without the comment that a dump begins with has none that says its end either.
            code, reason = "truncated", "no 'Dump completed' at the end: it was cut short"
            if not self._begun:
                code, reason = "end_not_stated", "made without comments: whether it is whole cannot be told from it"
            self._records.defect(code, reason, text.offset_bytes, 0)
        self._records.close()

    def _take(self, kind: str, end: int) -> None:
        """Accounts for the bytes up to `end` of the buffer."""
        self._records.range(kind, end - self._text.at)
        self._text.at = end

    def _next(self) -> None:
        text = self._text
        blank = text.match(_BLANK)
        if blank is not None:
            self._take("skipped", blank.end())
        elif text.buffer.startswith((b"--", b"#", b"/*"), text.at):
            self._comment()
        elif text.buffer.startswith(self._delimiter, text.at):
            self._take("skipped", text.at + len(self._delimiter))
        elif (changed := text.match(syntax.DELIMITER)) is not None:
            self._delimiter = changed[1]
            self._take("skipped", changed.end())
        else:
            self._worded()

    def _comment(self) -> None:
        text = self._text
        if text.buffer.startswith((b"/*!", b"/*M!"), text.at):
            version = text.match_whole(self._rows.dialect.version_comment)
            alone = syntax.ALONE.match(text.buffer, version.end()) if version is not None else None
            # Behind others that are not alone on their line, a statement goes on: CREATE*/ /*!50017 DEFINER=...
            whole = alone or (
                text.match_whole(self._rows.dialect.statement_end(self._delimiter)) if version is not None else None
            )
            kind, missing = "skipped", "a conditional statement has no end"
        elif text.buffer.startswith(b"/*", text.at):
            whole = text.match_whole(syntax.BLOCK_COMMENT)
            kind, missing = "comment", "a comment has no end"
        else:
            whole = text.match(syntax.LINE_COMMENT)
            if whole is not None and whole.end() == len(text.buffer):
                whole = text.match_whole(syntax.LINE_COMMENT)
            kind, missing = "comment", "no statement begins here"
        if whole is None:
            self._damaged("unparsed", missing)
            return
        if text.buffer.startswith(_COMPLETED, text.at):
            self._completed = True
        if kind == "skipped":
            self._note_mode(whole[0] if whole is not alone else text.buffer[text.at : whole.end()])
        self._begun |= _BEGUN.match(text.buffer, text.at) is not None
        self._take(kind, whole.end())

    def _worded(self) -> None:
        text = self._text
        found = text.match(_WORD)
        word = found[0].upper() if found is not None else b""
        if word in _ROW_WORDS:
            head = text.match(syntax.HEAD)
            if head is not None:
                if not self._rows.read(head):
                    self._damaged(self._rows.code, self._rows.reason, **self._rows.where)
                return
        if word not in _KNOWN_WORDS:
            self._damaged("unparsed", "no statement begins here", endless=False)
            return
        statement = text.match_whole(self._rows.dialect.statement_end(self._delimiter))
        if statement is None or self._runs_on(statement):
            self._damaged("unparsed", "a statement has no end")
        elif word in _SCHEMA_WORDS:
            self._rows.declare(statement[0])
            self._take("schema", statement.end())
        elif word in _SKIPPED_WORDS:
            used = _USE.match(statement[0])
            if used is not None:
                self._rows.database = syntax.identifier(used[1])
            self._note_mode(statement[0])
            self._take("skipped", statement.end())
        else:
            name = word.decode("ascii")
            reason = f"{name} of this form is not read" if word in _ROW_WORDS else f"{name} is not read"
            self._records.defect("statement_not_read", reason, text.offset_bytes, statement.end() - text.at)
            self._take("unparsed", statement.end())

    def _note_mode(self, statement: bytes) -> None:
        """Reads strings as the server would from here on, if the statement sets its mode."""
        self._mode.note(statement)
        self._rows.dialect = self._mode.dialect

    def _runs_on(self, statement: re.Match[bytes]) -> bool:
        """Whether the statement lost its end and took a later one in; bodies of routines hold statements rightly."""
        return (
            self._delimiter == b";"
            and syntax.RESYNC.search(statement.string, statement.start(), statement.end()) is not None
        )

    def _damaged(self, code: str, reason: str, *, endless: bool = True, **where: Any) -> None:  # noqa: ANN401  # as a defect
        """Gives up the bytes up to where a statement certainly begins again, or up to the end.

        Args:
            code: Of the defect.
            reason: Of the defect.
            endless: Whether an end was missing; if the file ends first, that end was cut off.
            where: Table and number of a row.
        """
        text = self._text
        start = text.offset_bytes
        first = text.at + 1
        while True:
            found = syntax.RESYNC.search(text.buffer, min(first, len(text.buffer)))
            if found is not None:
                self._take("unparsed", found.end())
                break
            # The word behind a line break may be cut by the end of the buffer.
            end = len(text.buffer) if text.ended else max(text.at, len(text.buffer) - syntax.RESYNC_BYTES)
            self._take("unparsed", end)
            if text.ended:
                code = "truncated" if endless else code
                break
            text.fill()
            first = text.at
        if self._delimiter != b";":
            self._delimiter = b";"
        self._records.defect(code, reason, start, text.offset_bytes - start, **where)


def parse_mysql_dump(files: Sequence[BinaryIO], parameters: Mapping[str, Any], emit: Emit) -> None:
    """Records of the dump's tables, rows and defects in the order of the file, and last the ranges, which sum to it.

    Args:
        files: The dump; or, with `volume_index` and one of `entries` in the parameters, the image that holds it.
        parameters: The job's.
        emit: Takes each batch.
    """
    entries = parameters.get("entries") or [{"file_index": 0}]
    _Dump(Sources(files, parameters).open(entries[0]), DumpRecords(emit)).run()
