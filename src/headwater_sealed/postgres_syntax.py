"""Patterns of the SQL that pg_dump writes, and the words of a table's declaration."""

from __future__ import annotations

import re

__all__ = [
    "ATOMIC",
    "ATOMIC_BODY",
    "CONNECT",
    "COPY",
    "CREATE_TABLE",
    "INSERT",
    "PARENT",
    "QUOTED",
    "RESYNC",
    "STATEMENT",
    "columns",
    "literal",
    "name",
    "names",
    "row",
    "unescaped",
]

_NAME = rb'(?:"(?:[^"]|"")*"|[A-Za-z_\x80-\xff][\w$\x80-\xff]*+)'
_QUALIFIED = _NAME + rb"(?:\." + _NAME + rb")*"
_ESCAPED = rb"[eE]'(?>(?:[^'\\]++|\\.|'')*)'"
_ATOM = (
    rb"(?:" + _ESCAPED + rb"|[A-Za-z_\x80-\xff][\w$\x80-\xff]*+|'[^']*+'|\"[^\"]*+\""
    rb"|\$([A-Za-z_]\w*+|)\$.*?\$\1\$|--[^\n]*+|/\*.*?\*/|[^;'\"$A-Za-z_\x80-\xff/-]++|[-/]|\$(?=\d))"
)
STATEMENT = re.compile(rb"(?>" + _ATOM + rb"*);", re.DOTALL)
_LIST = rb"\s*(\((?:[^()\"]|\"(?:[^\"]|\"\")*\")*\))?"
COPY = re.compile(rb"COPY\s+(" + _QUALIFIED + rb")" + _LIST + rb"\s+FROM\s+stdin[^;\n]*;[ \r]*\n", re.IGNORECASE)
INSERT = re.compile(
    rb"INSERT\s+INTO\s+(" + _QUALIFIED + rb")" + _LIST + rb"\s+(?:OVERRIDING\s+\w+\s+VALUE\s+)?VALUES\s*",
    re.IGNORECASE,
)
CREATE_TABLE = re.compile(
    rb"CREATE\s+(?:UNLOGGED\s+|FOREIGN\s+)?TABLE\s+(?:IF\s+NOT\s+EXISTS\s+)?(" + _QUALIFIED + rb")\s*(\()?",
    re.IGNORECASE,
)
QUOTED = re.compile(rb"'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"|\$([A-Za-z_]\w*+|)\$.*?\$\1\$|--[^\n]*+", re.DOTALL)
ATOMIC = re.compile(rb"\bBEGIN\s+ATOMIC\b", re.IGNORECASE)
ATOMIC_BODY = re.compile(rb"CREATE\b.*?\bBEGIN\s+ATOMIC\b.*?\n\s*END\s*;", re.IGNORECASE | re.DOTALL)
PARENT = re.compile(rb"(?:PARTITION\s+OF|\)\s*INHERITS\s*\()\s*(" + _QUALIFIED + rb")", re.IGNORECASE)
CONNECT = re.compile(rb"\\c(?:onnect)?\s+(?:-reuse-previous=\w+\s+)?(" + _NAME + rb")")
_ROW_END = re.compile(rb"(?>(?:'(?:[^']|'')*'|[^'()]|\((?:[^()']|'(?:[^']|'')*')*\))*)\)", re.DOTALL)
_VALUE = re.compile(
    rb"\s*(" + _ESCAPED + rb"|[bBxX]?'(?:[^']++|'')*'|[\w.+-]++)(?:::[\w .\"]++(?:\[\])*)?\s*([,)])", re.DOTALL
)
RESYNC = re.compile(rb"\n(?=(?:CREATE|ALTER|COPY|INSERT INTO|SET|SELECT pg_catalog|DROP) |--|\\[a-z])")

_ONE_NAME = re.compile(_NAME)
_PIECE = re.compile(rb"'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"|--[^\n]*|[^'\"(),-]+|.", re.DOTALL)
_CONSTRAINT = re.compile(rb"(?:CONSTRAINT|PRIMARY\s+KEY|UNIQUE|CHECK|FOREIGN\s+KEY|EXCLUDE|LIKE)\b", re.IGNORECASE)
_TYPE_END = re.compile(
    rb"\s+(?:NOT\s+NULL|NULL|DEFAULT|COLLATE|GENERATED|CONSTRAINT|PRIMARY|UNIQUE|CHECK|REFERENCES|OPTIONS"
    rb"|STORAGE|COMPRESSION)\b.*",
    re.IGNORECASE | re.DOTALL,
)
_ESCAPE = re.compile(rb"\\(?:([0-7]{1,3})|x([0-9A-Fa-f]{1,2})|(.))", re.DOTALL)
_LETTERS = {b"b": b"\b", b"f": b"\f", b"n": b"\n", b"r": b"\r", b"t": b"\t", b"v": b"\v"}


def name(text: bytes) -> str:
    """A name, qualified or not, without its quotes."""
    parts = [p[1:-1].replace(b'""', b'"') if p[:1] == b'"' else p for p in _ONE_NAME.findall(text)]
    return b".".join(parts).decode("utf-8", "replace")


def names(text: bytes) -> list[str]:
    """The names of a list in parentheses."""
    return [name(found) for found in _ONE_NAME.findall(text)]


def unescaped(text: bytes) -> bytes:
    """The bytes that a text with backslash escapes stands for."""

    def meant(found: re.Match[bytes]) -> bytes:
        if found[1]:
            return bytes([int(found[1], 8) & 255])
        if found[2]:
            return bytes([int(found[2], 16)])
        return _LETTERS.get(found[3], found[3])

    return _ESCAPE.sub(meant, text)


def literal(text: bytes) -> tuple[bytes | None, bool]:
    """A value of VALUES, and whether it was written as a string."""
    if text[-1:] != b"'":
        # What is worked out by the server is written as DEFAULT, and is not there.
        return (None if text.upper() in (b"NULL", b"DEFAULT") else text), False
    prefix, _, body = text[:-1].partition(b"'")
    body = body.replace(b"''", b"'")
    return (unescaped(body) if prefix in (b"e", b"E") else body), True


def row(statement: bytes, at: int) -> tuple[list[tuple[bytes | None, bool]] | None, int]:
    """The values of the row that begins with the parenthesis at a place, and the place behind it.

    Returns:
        None for the values if one of them is of a form that is not read.
    """
    start = at
    values: list[tuple[bytes | None, bool]] = []
    at += 1
    while (value := _VALUE.match(statement, at)) is not None:
        values.append(literal(value[1]))
        at = value.end()
        if value[2] == b")":
            return values, at
    whole = _ROW_END.match(statement, start + 1)
    return None, whole.end() if whole is not None else len(statement)


def columns(body: bytes) -> tuple[list[str], list[str]]:
    """The column names and types of what stands behind the opening parenthesis of a table's declaration."""
    parts, depth = [b""], 1
    for found in _PIECE.finditer(body):
        piece = found[0]
        depth += (piece == b"(") - (piece == b")")
        if not depth:
            break
        if piece == b"," and depth == 1:
            parts.append(b"")
        elif not piece.startswith(b"--"):
            parts[-1] += piece
    found_names, types = [], []
    for part in (p.strip() for p in parts):
        first = _ONE_NAME.match(part)
        if first is None or _CONSTRAINT.match(part):
            continue
        found_names.append(name(first[0]))
        types.append(_TYPE_END.sub(b"", part[first.end() :]).strip().decode("utf-8", "replace"))
    return found_names, types
