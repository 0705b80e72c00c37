"""The cells of a table's rows by column, and by path inside objects of JSON."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Sequence

import numpy as np
import pyarrow as pa

__all__ = ["PATH_SEPARATOR", "TableCells", "all_cells", "array_of", "bare_column"]

PATH_SEPARATOR = "->"
"""Stands between a column and the keys inside its objects: `profile->contact->email`."""


def bare_column(name: str) -> str:
    """The column of the application that a name is of, without a path inside it."""
    return name.partition(PATH_SEPARATOR)[0]


def all_cells(count: int) -> pa.Array:
    """So many cells of no content, where a binding needs none."""
    return pa.nulls(count, pa.binary())


class TableCells:
    """Cells by name.

    Args:
        columns: The table's columns.
        rows: Lists of cells, each as long as there are columns.
    """

    def __init__(self, columns: Sequence[str], rows: pa.ListArray) -> None:
        self._columns = {name: place for place, name in enumerate(columns)}
        self._count = len(rows)
        self._flat = rows.flatten()
        self._known: dict[str, pa.Array] = {}

    @property
    def columns(self) -> Collection[str]:
        """The columns there are."""
        return self._columns.keys()

    def __getitem__(self, name: str) -> pa.Array:
        """The cells of a column, or what lies at a path inside them, as bytes; null for NULL and for no such path."""
        if name not in self._known:
            column, separator, path = name.partition(PATH_SEPARATOR)
            if separator:
                self._known[name] = _inside(self[column], path.split(PATH_SEPARATOR))
            else:
                width = len(self._columns)
                places = np.arange(self._columns[column], self._count * width, width)
                self._known[name] = self._flat.take(pa.array(places, pa.int64()))
        return self._known[name]

    def texts(self, name: str) -> pa.Array:
        r"""The cells as text, with bytes that are not UTF-8 as `\\xNN`."""
        cells = self[name]
        try:
            return cells.cast(pa.string())
        except pa.ArrowInvalid:
            return pa.array(
                [None if raw is None else raw.decode("utf-8", "backslashreplace") for raw in cells.to_pylist()],
                pa.string(),
            )


def _inside(cells: pa.Array, path: Sequence[str]) -> pa.Array:
    encoded = cells.dictionary_encode()
    values = [_at(raw, path) for raw in encoded.dictionary.to_pylist()]
    return pa.array(values, pa.binary()).take(encoded.indices)


_ARRAY_TOKEN = re.compile(r'"((?:[^"\\]|\\.)*)"|([^{},"\\]+)|([{},])', re.DOTALL)
_MARKS = {"{": "[", "}": "]", ",": ","}


def array_of(raw: bytes) -> object:
    """The items of an array as PostgreSQL writes one, `{a,"b c",NULL}`, arrays in it as lists; None if it is none.

    References:
        PostgreSQL manual, "Array Input and Output Syntax".
    """
    text = raw.decode("utf-8", "backslashreplace").strip()
    if text.startswith("["):
        text = text.partition("=")[2]  # bounds stand before it where they do not begin at 1
    if not text.startswith("{"):
        return None
    parts, at = [], 0
    while at < len(text) and (token := _ARRAY_TOKEN.match(text, at)) is not None:
        quoted, bare, mark = token.groups()
        if quoted is not None:
            parts.append(json.dumps(re.sub(r"\\(.)", r"\1", quoted, flags=re.DOTALL)))
        elif bare is not None:
            parts.append("null" if bare.strip().upper() == "NULL" else json.dumps(bare.strip()) if bare.strip() else "")
        else:
            parts.append(_MARKS[mark])
        at = token.end()
    try:
        return json.loads("".join(parts)) if at == len(text) else None
    except (ValueError, RecursionError):
        return None


def _at(raw: bytes, path: Sequence[str]) -> bytes | None:
    """The value at the path as bytes: text as it is, numbers and truth as JSON writes them, objects as JSON."""
    try:
        value = json.loads(raw)
    except (ValueError, RecursionError):
        value = array_of(raw)
    for key in path:
        # A number is a place in a list, where there is a list.
        if isinstance(value, list) and key.isdecimal() and int(key) < len(value):
            value = value[int(key)]
        elif isinstance(value, dict) and key in value:
            value = value[key]
        else:
            return None
    if value is None:
        return None
    if isinstance(value, str):
        return value.encode("utf-8", "surrogatepass")
    return json.dumps(value, ensure_ascii=False).encode("utf-8", "surrogatepass")
