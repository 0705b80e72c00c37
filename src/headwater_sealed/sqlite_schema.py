"""What a CREATE TABLE of SQLite says of its columns, and where each of them stands in a stored record.

References:
    SQLite documentation, "CREATE TABLE" (3: rowids and INTEGER PRIMARY KEY; default values; generated columns),
    "Datatypes In SQLite" 3.1 (affinity), "Database File Format" 2.3-2.6 (records of tables with and without rowid).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

__all__ = ["SqliteColumn", "SqliteTable", "declared_table"]

_TOKEN = re.compile(
    r"""(?P<quoted>"(?:[^"]|"")*"|`(?:[^`]|``)*`|\[[^\]]*\])|(?P<text>[xX]?'(?:[^']|'')*')"""
    r"""|(?P<comment>--[^\n]*|/\*.*?(?:\*/|\Z))|(?P<mark>[(),])|(?P<word>[^\s"'`\[(),]+?(?=--|/\*|[\s"'`\[(),]|\Z))"""
    r"""|(?P<blank>\s+)|(?P<other>.)""",
    re.DOTALL,
)
_CONSTRAINTS = frozenset(
    {"CONSTRAINT", "PRIMARY", "NOT", "NULL", "UNIQUE", "CHECK", "DEFAULT", "COLLATE", "REFERENCES", "GENERATED", "AS"}
    | {"ON", "AUTOINCREMENT"}
)
_TABLE_CONSTRAINTS = frozenset({"CONSTRAINT", "PRIMARY", "UNIQUE", "CHECK", "FOREIGN"})
_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?\Z")


@dataclass(frozen=True, slots=True, kw_only=True)
class SqliteColumn:
    """A column.

    Attributes:
        name: Its name.
        declared_type: Its type as written; may be empty.
        real: Whether whole numbers in it stand for fractional ones.
        default: What a record that is too short for it has; None is NULL.
        stored: Whether records hold it; generated columns may be worked out instead.
    """

    name: str
    declared_type: str
    real: bool
    default: tuple[bytes | None, bool]
    stored: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class SqliteTable:
    """A table.

    Attributes:
        columns: Those that are stored, in the order of their declaration.
        places: For each of them its place in a record.
        rowid_column: Place in `columns` of the one that is the rowid; None if none is.
        without_rowid: Whether its records are kept in an index.
    """

    columns: tuple[SqliteColumn, ...]
    places: tuple[int, ...]
    rowid_column: int | None
    without_rowid: bool


def declared_table(statement: str) -> SqliteTable | None:
    """The table that a statement declares; None if its text cannot be understood."""
    tokens = [found for found in _TOKEN.finditer(statement) if found.lastgroup not in ("blank", "comment")]
    begin = next((n for n, token in enumerate(tokens) if token[0] == "("), None)
    if begin is None:
        return None
    parts, end = _parts(tokens, begin)
    if end is None:
        return None
    options = [token[0].upper() for token in tokens[end:]]
    without_rowid = any(pair == ("WITHOUT", "ROWID") for pair in pairwise(options))
    columns: list[SqliteColumn] = []
    key: list[str] = []
    descending = False
    for part in parts:
        words = [token[0].upper() for token in part]
        if part and part[0].lastgroup == "word" and words[0] in _TABLE_CONSTRAINTS:
            key = key or _key_names(part, words)
            continue
        if not part:
            return None
        column, primary = _column(part, words)
        columns.append(column)
        if primary:
            key, descending = [column.name], words[words.index("PRIMARY") + 2 :][:1] == ["DESC"]
    if not columns:
        return None
    return _table(columns, key, without_rowid=without_rowid, descending=descending)


def _table(
    columns: Sequence[SqliteColumn], key: Sequence[str], *, without_rowid: bool, descending: bool
) -> SqliteTable:
    stored = [column for column in columns if column.stored]
    by_name = {column.name.lower(): place for place, column in reversed(list(enumerate(stored)))}
    keyed = list(dict.fromkeys(by_name[name.lower()] for name in key if name.lower() in by_name))
    rowid = None
    places = list(range(len(stored)))
    if without_rowid:
        order = [*keyed, *(place for place in places if place not in keyed)]
        places = [order.index(place) for place in places]
    elif len(keyed) == 1 == len(key) and stored[keyed[0]].declared_type.upper() == "INTEGER" and not descending:
        # In the column's own declaration, PRIMARY KEY DESC makes an ordinary column.
        rowid = keyed[0]
    return SqliteTable(columns=tuple(stored), places=tuple(places), rowid_column=rowid, without_rowid=without_rowid)


def _parts(tokens: Sequence[re.Match[str]], begin: int) -> tuple[list[list[re.Match[str]]], int | None]:
    """What stands between the commas of the outermost parentheses, and the place behind them."""
    parts: list[list[re.Match[str]]] = [[]]
    depth = 1
    for place in range(begin + 1, len(tokens)):
        token = tokens[place]
        if token.lastgroup == "mark":
            depth += (token[0] == "(") - (token[0] == ")")
            if not depth:
                return parts, place + 1
            if token[0] == "," and depth == 1:
                parts.append([])
                continue
        parts[-1].append(token)
    return parts, None


def _name(token: re.Match[str]) -> str:
    text = token[0]
    if token.lastgroup == "text":
        return text[1:-1].replace("''", "'")
    if token.lastgroup != "quoted":
        return text
    return text[1:-1] if text[0] == "[" else text[1:-1].replace(text[0] * 2, text[0])


def _key_names(part: Sequence[re.Match[str]], words: Sequence[str]) -> list[str]:
    """The columns of a PRIMARY KEY of the table; none if it is another constraint."""
    at = 2 if words[0] == "CONSTRAINT" else 0
    if words[at : at + 3] != ["PRIMARY", "KEY", "("]:
        return []
    names, first = [], True
    for token in part[at + 3 :]:
        if token[0] == ")":
            break
        if token[0] == ",":
            first = True
        elif first:
            names.append(_name(token))
            first = False
    return names


def _column(part: Sequence[re.Match[str]], words: Sequence[str]) -> tuple[SqliteColumn, bool]:
    """A column, and whether it is the primary key by itself."""
    depth = 0
    typed: list[str] = []
    for token, word in zip(part[1:], words[1:], strict=True):
        if not depth and token.lastgroup == "word" and word in _CONSTRAINTS:
            break
        depth += (token[0] == "(") - (token[0] == ")")
        typed.append(token[0])
    at = 1 + len(typed)
    rest = list(words[at:])
    declared = re.sub(r"\s*([(),])\s*", r"\1", " ".join(typed))
    primary = any(pair == ("PRIMARY", "KEY") for pair in pairwise(rest))
    generated = "AS" in rest
    column = SqliteColumn(
        name=_name(part[0]),
        declared_type=declared,
        real=_is_real(declared.upper()),
        default=_default(part[at:], rest),
        stored=not generated or "STORED" in rest,
    )
    return column, primary


def _is_real(declared: str) -> bool:
    """Whether the affinity is REAL."""
    if any(word in declared for word in ("INT", "CHAR", "CLOB", "TEXT", "BLOB")):
        return False
    return any(word in declared for word in ("REAL", "FLOA", "DOUB"))


def _default(part: Sequence[re.Match[str]], words: Sequence[str]) -> tuple[bytes | None, bool]:
    """The value of DEFAULT where it is a literal; only such can have been given to rows that were there before."""
    if "DEFAULT" not in words:
        return None, False
    at = words.index("DEFAULT") + 1
    if at == len(part):
        return None, False
    token = part[at]
    if token.lastgroup == "text" and token[0][0] in "xX":
        digits = token[0][2:-1]
        return (bytes.fromhex(digits), True) if re.fullmatch(r"(?:[0-9A-Fa-f]{2})*", digits) else (None, False)
    if token.lastgroup in ("text", "quoted"):
        return _name(token).encode("utf-8", "surrogatepass"), True
    word = words[at]
    if word in ("+", "-") and at + 1 < len(words):
        word += words[at + 1]
    if word in ("TRUE", "FALSE"):
        return (b"1" if word == "TRUE" else b"0"), False
    return (word.removeprefix("+").encode("ascii"), False) if _NUMBER.match(word) else (None, False)
