"""The words of a dump as mysqldump and mariadb-dump write it: statement heads, names, comments.

What depends on how strings are written, literals and whole statements, is in `mysql_dialect`.

All patterns are over bytes and give nothing back once matched, so a match costs time linear in what it covers,
whatever the bytes are. Single characters repeat possessively, groups inside an atomic group, `(?>(?:...)*)`: possessive
groups match wrongly in CPython before 3.11.5 (GH-106052), which Debian 12 ships, and rows would be lost without a word.

References:
    MySQL reference manual, "String Literals" (escape sequences), "Hexadecimal Literals", "Bit-Value Literals",
    "Comments"; mysqldump and mariadb-dump, the statements they write.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

__all__ = [
    "ALONE",
    "BACKTICK",
    "BLOCK_COMMENT",
    "DELIMITER",
    "HEAD",
    "LINE_COMMENT",
    "MAKES_TABLE",
    "NAME",
    "PLAIN_COMMENT",
    "RESYNC",
    "RESYNC_BYTES",
    "TABLE_HEAD",
    "Columns",
    "identifier",
    "names",
    "table_name",
]

BACKTICK = rb"`[^`]*+(?>(?:``[^`]*+)*)`"
_QUOTED_NAME = rb'"[^"]*+(?>(?:""[^"]*+)*)"'  # as in ANSI mode
NAME = rb"(?:" + BACKTICK + rb"|" + _QUOTED_NAME + rb"|[A-Za-z0-9_$\x80-\xff]++)"
_QUALIFIED = NAME + rb"(?>(?:\s*+\.\s*+" + NAME + rb")?)"

HEAD = re.compile(
    rb"(?:INSERT|REPLACE)(?>(?:\s++(?:LOW_PRIORITY|HIGH_PRIORITY|DELAYED))?)(?>(?:\s++IGNORE)?)(?>(?:\s++INTO)?)\s++("
    + _QUALIFIED
    + rb")(?>(?:\s*+\((\s*+"
    + NAME
    + rb"(?>(?:\s*+,\s*+"
    + NAME
    + rb")*))\s*+\))?)\s*+VALUES?+\s*+(?=\()",
    re.IGNORECASE | re.DOTALL,
)
"""The head of a row-bringing statement, up to its first row: table, and the column list if there is one."""

TABLE_HEAD = re.compile(
    rb"CREATE\s++(?>(?:OR\s++REPLACE\s++)?)(?>(?:TEMPORARY\s++)?)TABLE\s++(?>(?:IF\s++NOT\s++EXISTS\s++)?)("
    + _QUALIFIED
    + rb")\s*+(\(?)",
    re.IGNORECASE | re.DOTALL,
)

MAKES_TABLE = re.compile(rb"CREATE\s[^`\"(]*?\bTABLE\b", re.IGNORECASE)
"""A statement that ought to have a `TABLE_HEAD`."""

LINE_COMMENT = re.compile(rb"--(?=[\s\x00-\x1f]|\Z)[^\n]*+(?:\n|\Z)|#[^\n]*+(?:\n|\Z)", re.DOTALL)
"""A comment up to the end of its line."""

DELIMITER = re.compile(rb"DELIMITER[ \t]++(\S++)[ \t\r]*+(?:\n|\Z)", re.IGNORECASE)

RESYNC = re.compile(
    rb"\n(?=INSERT INTO |REPLACE INTO |CREATE |DROP |ALTER |LOCK TABLES |UNLOCK TABLES|SET |USE `|-- |/\*[!M]"
    rb"|DELIMITER )"
)
"""Where reading goes on behind damage. These programs write a line break inside a string as two characters, so a true
line break before one of these words is the beginning of a statement."""

RESYNC_BYTES = 32
"""More than `RESYNC` looks at."""

ALONE = re.compile(rb"[ \t]*+(?>(?:;++[ \t]*+)?)(?:\r?\n|\Z)")
"""What follows a version comment that is a whole statement, or (the sandbox line of MariaDB) needs no end."""

PLAIN_COMMENT = rb"/\*[^*]*+(?>(?:\*(?!/)[^*]*+)*)\*/"
"""Pattern of a comment that is none for certain versions only."""

BLOCK_COMMENT = re.compile(PLAIN_COMMENT, re.DOTALL)


def identifier(raw: bytes) -> str:
    r"""A name without its quotes; bytes that are not UTF-8 are shown as \xNN."""
    quote = raw[:1]
    if quote in {b"`", b'"'}:
        raw = raw[1:-1].replace(quote * 2, quote)
    return raw.decode("utf-8", "backslashreplace")


_NAMES = re.compile(NAME, re.DOTALL)


def table_name(raw: bytes) -> tuple[str | None, str]:
    """Database, if it is named, and table."""
    parts = [identifier(part) for part in _NAMES.findall(raw)]
    return (parts[0], parts[1]) if len(parts) == 2 else (None, parts[0])


def names(raw: bytes) -> list[str]:
    """The names in a column list."""
    return [identifier(part) for part in _NAMES.findall(raw)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Columns:
    """The columns that a table declares.

    Attributes:
        names: In order.
        types: As declared, in lower case where the word is a keyword of the type.
        generated: Which ones the server computes; a dump brings no values for them.
    """

    names: tuple[str, ...]
    types: tuple[str, ...]
    generated: tuple[bool, ...]
