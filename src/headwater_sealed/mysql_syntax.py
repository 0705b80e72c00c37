"""The words of a dump as mysqldump and mariadb-dump write it: literals, statement heads, column definitions.

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
    "BLOCK_COMMENT",
    "DELIMITER",
    "HEAD",
    "LINE_COMMENT",
    "LOOSE_TOKEN",
    "MAKES_TABLE",
    "RESYNC",
    "RESYNC_BYTES",
    "TABLE_HEAD",
    "VALUE",
    "VERSION_COMMENT",
    "Columns",
    "columns",
    "identifier",
    "literal",
    "names",
    "row_pattern",
    "statement_end",
    "table_name",
]

_SINGLE = rb"'[^'\\]*+(?>(?:(?:\\.|'')[^'\\]*+)*)'"
_DOUBLE = rb'"[^"\\]*+(?>(?:(?:\\.|"")[^"\\]*+)*)"'
_BACKTICK = rb"`[^`]*+(?>(?:``[^`]*+)*)`"
_QUOTED_NAME = rb'"[^"]*+(?>(?:""[^"]*+)*)"'  # as in ANSI mode
_NAME = rb"(?:" + _BACKTICK + rb"|" + _QUOTED_NAME + rb"|[A-Za-z0-9_$\x80-\xff]++)"
_QUALIFIED = _NAME + rb"(?>(?:\s*+\.\s*+" + _NAME + rb")?)"

VALUE = (
    rb"(?:"
    + _SINGLE
    + rb"|[-+]?+(?:\d++\.?+\d*+|\.\d++)(?>(?:[eE][-+]?+\d++)?)(?![xX0-9A-Za-z_'])|NULL|0[xX][0-9A-Fa-f]*+"
    rb"|_[A-Za-z0-9]++\s*+(?:" + _SINGLE + rb"|" + _DOUBLE + rb"|(?<=\s)0[xX][0-9A-Fa-f]*+)"
    rb"|[bBxXnN]" + _SINGLE + rb"|" + _DOUBLE + rb"|TRUE|FALSE|null|true|false)"
)
"""One literal in a row: quoted, number, NULL, hexadecimal, bits, or one of these with the name of its character set."""

HEAD = re.compile(
    rb"(?:INSERT|REPLACE)(?>(?:\s++(?:LOW_PRIORITY|HIGH_PRIORITY|DELAYED))?)(?>(?:\s++IGNORE)?)(?>(?:\s++INTO)?)\s++("
    + _QUALIFIED
    + rb")(?>(?:\s*+\((\s*+"
    + _NAME
    + rb"(?>(?:\s*+,\s*+"
    + _NAME
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

LOOSE_TOKEN = re.compile(
    rb"[^'\"`()]++|" + _SINGLE + rb"|" + _DOUBLE + rb"|" + _BACKTICK + rb"|(?P<open>\()|(?P<close>\))", re.DOTALL
)
"""What lies between the parentheses of something that is not a row of literals."""

RESYNC_BYTES = 32
"""More than `RESYNC` looks at."""

_PLAIN_COMMENT = rb"/\*[^*]*+(?>(?:\*(?!/)[^*]*+)*)\*/"
_VERSION_COMMENT = (
    rb"/\*M?+!(?>(?:[^'\"`*/]++|"
    + _SINGLE
    + rb"|"
    + _DOUBLE
    + rb"|"
    + _BACKTICK
    + rb"|"
    + _PLAIN_COMMENT
    + rb"|\*(?!/)|/(?!\*))*)\*/"
)


def statement_end(delimiter: bytes) -> re.Pattern[bytes]:
    """A pattern over a whole statement, up to and with the delimiter outside of strings, names and comments."""
    first = re.escape(delimiter[:1])
    return re.compile(
        rb"(?>(?:[^'\"`/#\-" + first + rb"]++|" + _SINGLE + rb"|" + _DOUBLE + rb"|" + _BACKTICK
        + rb"|" + _VERSION_COMMENT + rb"|" + _PLAIN_COMMENT
        + rb"|--(?=[\s\x00-\x1f])[^\n]*+|#[^\n]*+|(?!" + re.escape(delimiter) + rb")[/\-" + first + rb"])*)"
        + re.escape(delimiter),
        re.DOTALL,
    )  # fmt: skip


VERSION_COMMENT = re.compile(_VERSION_COMMENT + rb"|" + _PLAIN_COMMENT, re.DOTALL)
"""A statement for certain versions only; the second way is for one with an odd apostrophe."""

ALONE = re.compile(rb"[ \t]*+(?>(?:;++[ \t]*+)?)(?:\r?\n|\Z)")
"""What follows a version comment that is a whole statement, or (the sandbox line of MariaDB) needs no end."""

BLOCK_COMMENT = re.compile(_PLAIN_COMMENT, re.DOTALL)


def row_pattern(count: int) -> re.Pattern[bytes]:
    """A pattern over one row of so many literals, each a group."""
    one = rb"\s*+(" + VALUE + rb")\s*+"
    return re.compile(rb"\(" + rb",".join([one] * count) + rb"\)", re.DOTALL)


_ESCAPE = re.compile(rb"\\.|''", re.DOTALL)
_DOUBLE_ESCAPE = re.compile(rb'\\.|""', re.DOTALL)
_ESCAPED = {b"\\" + bytes([byte]): bytes([byte]) for byte in range(256)} | {
    b"\\0": b"\0",
    b"\\n": b"\n",
    b"\\r": b"\r",
    b"\\t": b"\t",
    b"\\b": b"\x08",
    b"\\Z": b"\x1a",
    # These two keep their backslash: it has a meaning in patterns only.
    b"\\%": b"\\%",
    b"\\_": b"\\_",
    b"''": b"'",
    b'""': b'"',
}


def _unescaped(found: re.Match[bytes]) -> bytes:
    return _ESCAPED[found[0]]


def _string(text: bytes) -> bytes:
    inner = text[1:-1]
    if text[0] == 0x22:
        return _DOUBLE_ESCAPE.sub(_unescaped, inner)
    if b"\\" in inner or b"'" in inner:
        return _ESCAPE.sub(_unescaped, inner)
    return inner


def _bits(text: bytes) -> bytes:
    return int(text or b"0", 2).to_bytes((len(text) + 7) // 8, "big")


def _hexadecimal(text: bytes) -> bytes:
    digits = text.decode("ascii")
    return bytes.fromhex(digits if len(digits) % 2 == 0 else "0" + digits)


_CHARACTER_SET = re.compile(rb"_[A-Za-z0-9]++\s*+")


def literal(text: bytes) -> tuple[bytes | None, bool]:
    """The bytes of a literal that `VALUE` matched, and whether it was quoted rather than bare; NULL has none.

    Raises:
        ValueError: It is written as hexadecimal or bits and is none.
    """
    first = text[0]
    if first == 0x27:
        # Most of a dump is strings with nothing to undo, so they come first.
        return (_string(text) if b"\\" in text or b"''" in text else text[1:-1]), True
    if first == 0x5F:  # _binary, _utf8mb4: names the character set and changes no byte
        named = _CHARACTER_SET.match(text)
        return literal(text[named.end() :]) if named is not None else (text, False)
    if text[1:2] == b"'" and first != 0x22:
        if first in b"bB":
            return _bits(text[2:-1]), True
        return (bytes.fromhex(text[2:-1].decode("ascii")) if first in b"xX" else _string(text[1:])), True
    if first == 0x22 or text[1:2] in {b"x", b"X"}:
        return (_string(text) if first == 0x22 else _hexadecimal(text[2:])), True
    return (None if text in {b"NULL", b"null"} else text), False


def identifier(raw: bytes) -> str:
    r"""A name without its quotes; bytes that are not UTF-8 are shown as \xNN."""
    quote = raw[:1]
    if quote in {b"`", b'"'}:
        raw = raw[1:-1].replace(quote * 2, quote)
    return raw.decode("utf-8", "backslashreplace")


_NAMES = re.compile(_NAME, re.DOTALL)


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


_NO_COLUMN = re.compile(
    rb"(?:PRIMARY|UNIQUE|KEY|INDEX|FULLTEXT|SPATIAL|CONSTRAINT|FOREIGN|CHECK|PERIOD|LIKE)\b", re.IGNORECASE
)
_COLUMN = re.compile(
    rb"(" + _NAME + rb")\s++([A-Za-z0-9_]++(?>(?:\s++(?:PRECISION|VARYING))?)(?>(?:\s*+\((?>(?:[^()'\"]++|" + _SINGLE
    + rb")*)\))?)(?>(?:\s++(?:UNSIGNED|SIGNED|ZEROFILL))*))",
    re.IGNORECASE | re.DOTALL,
)  # fmt: skip
_GENERATED = re.compile(rb"\s(?>(?:GENERATED\s++ALWAYS\s++)?)AS\s*+\(", re.IGNORECASE)
_DEFINITION_TOKEN = re.compile(
    rb"[^'\"`(),/#\-]++|" + _SINGLE + rb"|" + _DOUBLE + rb"|" + _BACKTICK + rb"|" + _PLAIN_COMMENT
    + rb"|--(?=\s)[^\n]*+|#[^\n]*+|[(),/\-]",
    re.DOTALL,
)  # fmt: skip


def _definitions(body: bytes) -> list[bytes] | None:
    """What stands between the commas of the outermost parentheses, without comments; None if they are not closed."""
    parts: list[list[bytes]] = [[]]
    depth = 1
    for token in _DEFINITION_TOKEN.findall(body):
        if token.startswith((b"--", b"#", b"/*")):
            continue  # what a version comment adds (INVISIBLE) is no part of the type
        depth += (token == b"(") - (token == b")")
        if depth == 0:
            return [b"".join(part).strip() for part in parts]
        if token == b"," and depth == 1:
            parts.append([])
        else:
            parts[-1].append(token)
    return None


def columns(body: bytes) -> Columns | None:
    """The columns in what follows the opening parenthesis of CREATE TABLE; None if it holds none or does not parse."""
    found = []
    for text in _definitions(body) or []:
        if _NO_COLUMN.match(text):
            continue
        column = _COLUMN.match(text)
        if column is None:
            return None
        declared = " ".join(column[2].decode("utf-8", "backslashreplace").split())
        found.append((identifier(column[1]), declared, bool(_GENERATED.search(_without_strings(text)))))
    if not found:
        return None
    return Columns(
        names=tuple(name for name, _, _ in found),
        types=tuple(declared for _, declared, _ in found),
        generated=tuple(generated for _, _, generated in found),
    )


def _without_strings(text: bytes) -> bytes:
    return re.sub(_SINGLE + rb"|" + _BACKTICK, b" ", text, flags=re.DOTALL)
