"""How strings are written in a dump, with escapes by backslash or without, and all that depends on it.

A server in the mode NO_BACKSLASH_ESCAPES takes a backslash for what it is. mysqldump and mariadb-dump leave that mode
before they write; other programs, and dumps that set it for who restores them, do not.

References:
    MySQL reference manual, "String Literals" (escape sequences), "Hexadecimal Literals", "Bit-Value Literals", "Server
    SQL Modes" (NO_BACKSLASH_ESCAPES).
"""

from __future__ import annotations

import re
from functools import lru_cache

from headwater_sealed.mysql_syntax import BACKTICK, NAME, PLAIN_COMMENT, Columns, identifier

__all__ = ["PLAIN", "WITH_ESCAPES", "Dialect", "Mode"]

# Not the variable in which a dump keeps the mode of before: @OLD_SQL_MODE=@@SQL_MODE.
_MODE = re.compile(rb"(?<![A-Za-z0-9_])sql_mode\s*+:?+=([^;]*+)", re.IGNORECASE)
_VARIABLE = re.compile(rb"\s*+@(?!@)")
_KEEPS = re.compile(rb"@\w++\s*+:?+=\s*+@@(?>(?:SESSION\.|GLOBAL\.)?)sql_mode\b", re.IGNORECASE)
_NO_COLUMN = re.compile(
    rb"(?:PRIMARY|UNIQUE|KEY|INDEX|FULLTEXT|SPATIAL|CONSTRAINT|FOREIGN|CHECK|PERIOD|LIKE)\b", re.IGNORECASE
)
_GENERATED = re.compile(rb"\s(?>(?:GENERATED\s++ALWAYS\s++)?)AS\s*+\(", re.IGNORECASE)
_CHARACTER_SET = re.compile(rb"_[A-Za-z0-9]++\s*+")
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


def _bits(text: bytes) -> bytes:
    return int(text or b"0", 2).to_bytes((len(text) + 7) // 8, "big")


def _hexadecimal(text: bytes) -> bytes:
    digits = text.decode("ascii")
    return bytes.fromhex(digits if len(digits) % 2 == 0 else "0" + digits)


class Dialect:
    """One way to write strings.

    Args:
        escapes: Whether a backslash begins an escape.

    Attributes:
        escapes: As given.
        value: Pattern of one literal in a row: quoted, number, NULL, hexadecimal, bits, or one of these behind the name
            of its character set.
        one_value: The same with the comma or parenthesis behind it.
        loose_token: What lies between the parentheses of something that is not a row of literals.
        version_comment: A statement for certain versions only; the second way is for one with an odd apostrophe.
    """

    def __init__(self, *, escapes: bool) -> None:
        self.escapes = escapes
        stops, escape = (rb"\\", rb"\\.|") if escapes else (b"", b"")
        single = rb"'[^'" + stops + rb"]*+(?>(?:(?:" + escape + rb"'')[^'" + stops + rb"]*+)*)'"
        double = rb'"[^"' + stops + rb"]*+(?>(?:(?:" + escape + rb'"")[^"' + stops + rb']*+)*)"'
        self._escape = re.compile(escape + rb"''", re.DOTALL)
        self._double_escape = re.compile(escape + rb'""', re.DOTALL)
        self.value = (
            rb"(?:"
            + single
            + rb"|[-+]?+(?:\d++\.?+\d*+|\.\d++)(?>(?:[eE][-+]?+\d++)?)(?![xX0-9A-Za-z_'])|NULL|0[xX][0-9A-Fa-f]*+"
            rb"|_[A-Za-z0-9]++\s*+(?:" + single + rb"|" + double + rb"|(?<=\s)0[xX][0-9A-Fa-f]*+)"
            rb"|[bBxXnN]" + single + rb"|" + double + rb"|TRUE|FALSE|null|true|false)"
        )
        self.one_value = re.compile(rb"\s*+" + self.value + rb"\s*+([,)])", re.DOTALL)
        strings = single + rb"|" + double + rb"|" + BACKTICK
        self.loose_token = re.compile(rb"[^'\"`()]++|" + strings + rb"|(?P<open>\()|(?P<close>\))", re.DOTALL)
        conditional = rb"/\*M?+!(?>(?:[^'\"`*/]++|" + strings + rb"|" + PLAIN_COMMENT + rb"|\*(?!/)|/(?!\*))*)\*/"
        self.version_comment = re.compile(conditional + rb"|" + PLAIN_COMMENT, re.DOTALL)
        self._whole = strings + rb"|" + conditional + rb"|" + PLAIN_COMMENT
        self._definition_token = re.compile(
            rb"[^'\"`(),/#\-]++|" + strings + rb"|" + PLAIN_COMMENT + rb"|--(?=\s)[^\n]*+|#[^\n]*+|[(),/\-]", re.DOTALL
        )
        self._column = re.compile(
            rb"(" + NAME + rb")\s++([A-Za-z0-9_]++(?>(?:\s++(?:PRECISION|VARYING))?)(?>(?:\s*+\((?>(?:[^()'\"]++|"
            + single + rb")*)\))?)(?>(?:\s++(?:UNSIGNED|SIGNED|ZEROFILL))*))",
            re.IGNORECASE | re.DOTALL,
        )  # fmt: skip
        self._no_name = re.compile(single + rb"|" + BACKTICK, re.DOTALL)
        self.statement_end = lru_cache(64)(self._statement_end)
        self.row_pattern = lru_cache(1024)(self._row_pattern)

    def _statement_end(self, delimiter: bytes) -> re.Pattern[bytes]:
        """A pattern over a whole statement, up to and with the delimiter outside of strings, names and comments."""
        first = re.escape(delimiter[:1])
        return re.compile(
            rb"(?>(?:[^'\"`/#\-" + first + rb"]++|" + self._whole
            + rb"|--(?=[\s\x00-\x1f])[^\n]*+|#[^\n]*+|(?!" + re.escape(delimiter) + rb")[/\-" + first + rb"])*)"
            + re.escape(delimiter),
            re.DOTALL,
        )  # fmt: skip

    def _row_pattern(self, count: int) -> re.Pattern[bytes]:
        """A pattern over one row of so many literals, each a group."""
        one = rb"\s*+(" + self.value + rb")\s*+"
        return re.compile(rb"\(" + rb",".join([one] * count) + rb"\)", re.DOTALL)

    def literal(self, text: bytes) -> tuple[bytes | None, bool]:
        """The bytes of a literal that `value` matched, and whether it was quoted rather than bare; NULL has none.

        Raises:
            ValueError: It is written as hexadecimal or bits and is none.
        """
        first = text[0]
        if first == 0x27:
            # Most of a dump is strings with nothing to undo, so they come first.
            return (self._string(text) if b"\\" in text or b"''" in text else text[1:-1]), True
        if first == 0x5F:  # _binary, _utf8mb4: names the character set and changes no byte
            named = _CHARACTER_SET.match(text)
            return self.literal(text[named.end() :]) if named is not None else (text, False)
        if text[1:2] == b"'" and first != 0x22:
            if first in b"bB":
                return _bits(text[2:-1]), True
            return (bytes.fromhex(text[2:-1].decode("ascii")) if first in b"xX" else self._string(text[1:])), True
        if first == 0x22 or text[1:2] in {b"x", b"X"}:
            return (self._string(text) if first == 0x22 else _hexadecimal(text[2:])), True
        return (None if text in {b"NULL", b"null"} else text), False

    def _string(self, text: bytes) -> bytes:
        inner = text[1:-1]
        if text[0] == 0x22:
            return self._double_escape.sub(_unescaped, inner)
        if b"\\" in inner or b"'" in inner:
            return self._escape.sub(_unescaped, inner)
        return inner

    def columns(self, body: bytes) -> Columns | None:
        """The columns behind the opening parenthesis of CREATE TABLE; None if there are none or they do not parse."""
        found = []
        for text in self._definitions(body) or []:
            if _NO_COLUMN.match(text):
                continue
            column = self._column.match(text)
            if column is None:
                return None
            declared = " ".join(column[2].decode("utf-8", "backslashreplace").split())
            generated = bool(_GENERATED.search(self._no_name.sub(b" ", text)))
            found.append((identifier(column[1]), declared, generated))
        if not found:
            return None
        return Columns(
            names=tuple(name for name, _, _ in found),
            types=tuple(declared for _, declared, _ in found),
            generated=tuple(generated for _, _, generated in found),
        )

    def _definitions(self, body: bytes) -> list[bytes] | None:
        """What stands between the commas of the outermost parentheses, without comments; None if not closed."""
        parts: list[list[bytes]] = [[]]
        depth = 1
        for token in self._definition_token.findall(body):
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


WITH_ESCAPES = Dialect(escapes=True)
"""As servers read a dump unless told otherwise."""

PLAIN = Dialect(escapes=False)
"""In the mode NO_BACKSLASH_ESCAPES."""


class Mode:
    """The way to write strings at the place in hand, as the statements before it set it.

    Attributes:
        dialect: That way.
    """

    def __init__(self) -> None:
        self.dialect = self._kept = WITH_ESCAPES

    def note(self, statement: bytes) -> None:
        """Looks at a statement that may set the mode, keep it in a variable, or put it back from there."""
        before = self.dialect
        found = _MODE.search(statement)
        if found is not None:
            value = found[1].upper()
            if _VARIABLE.match(value) is not None:
                self.dialect = self._kept
            else:
                taken_out = b"REPLACE" in value
                self.dialect = PLAIN if b"NO_BACKSLASH_ESCAPES" in value and not taken_out else WITH_ESCAPES
        if _KEEPS.search(statement) is not None:
            self._kept = before
