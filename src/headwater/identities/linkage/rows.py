"""The two files as tables of text, ordered by id, so that the order in which rows came never shows."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

from headwater.errors import InputError, UnreadableInputError
from headwater.identities.linkage.column_map import Side

__all__ = ["as_text", "same_file", "side_rows"]

PARQUET_SUFFIXES = (".parquet", ".pq")


def side_rows(path: Path, side: Side) -> pa.Table:
    """The file's rows with the columns `id` and, for each bound field, its text; in order of the ids' bytes.

    Args:
        path: CSV with a header, or Parquet, by suffix.
        side: What its columns hold.

    Raises:
        InputError: A column is missing, an id is absent or there twice, or the file has no rows.
        UnreadableInputError: It is not the format that its suffix says.
    """
    names = _column_names(path)
    wanted = [side.id_column, *(c for columns in side.columns.values() for c in columns)]
    found = {column: _found(path, names, column) for column in wanted}
    table = _read(path, sorted(set(found.values())))
    if table.num_rows == 0:
        raise InputError(path, "holds no rows", remedy="check that it is the file you mean")
    ids = _ids(table[found[side.id_column]])
    _check_ids(path, side.id_column, ids)
    columns = {"id": ids}
    for field, parts in side.columns.items():
        texts = [as_text(table[found[c]]) for c in parts]
        columns[field] = texts[0] if len(texts) == 1 else pc.binary_join_element_wise(*texts, " ", null_handling="skip")
    rows = pa.table(columns)
    return rows.take(pc.sort_indices(rows, sort_keys=[("id", "ascending")]))


def same_file(left: Path, right: Path) -> bool:
    """Whether both names lead to one file: then its rows are compared with each other."""
    return left.exists() and right.exists() and left.samefile(right)


def _column_names(path: Path) -> list[str]:
    if not path.is_file():
        raise InputError(path, "no such file", remedy="check the path")
    if path.stat().st_size == 0:
        raise InputError(path, "is empty", remedy="check that it is the file you mean")
    try:
        if path.suffix.lower() in PARQUET_SUFFIXES:
            return [str(name) for name in pq.read_schema(path).names]
        with path.open("rb") as stream:
            line = stream.readline(1 << 20)
        head = pa_csv.read_csv(io.BytesIO(line), parse_options=pa_csv.ParseOptions(delimiter=_delimiter(line)))
        return [str(name) for name in head.schema.names]
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError, UnicodeDecodeError) as error:
        raise _unreadable(path, error) from error


def _found(path: Path, names: list[str], column: str) -> str:
    """The file's own name for a column: exactly so, or apart from blanks around it."""
    near = [n for n in names if n == column] or [n for n in names if n.strip("\ufeff \t") == column.strip()]
    if not near:
        raise InputError(path, f"has no column '{column}'", remedy=f"its columns are {', '.join(names)}")
    if len(near) > 1:
        raise InputError(path, f"has {len(near)} columns '{column}'", remedy="rename all but one")
    return near[0]


def _read(path: Path, columns: list[str]) -> pa.Table:
    try:
        if path.suffix.lower() in PARQUET_SUFFIXES:
            return pq.read_table(path, columns=columns)
        with path.open("rb") as stream:
            line = stream.readline(1 << 20)
        return pa_csv.read_csv(
            path,
            read_options=pa_csv.ReadOptions(block_size=8 << 20),
            parse_options=pa_csv.ParseOptions(delimiter=_delimiter(line), newlines_in_values=_has_quotes(path)),
            convert_options=_as_text(columns),
        )
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError, UnicodeDecodeError) as error:
        raise _unreadable(path, error) from error


def _delimiter(header: bytes) -> str:
    """What parts the columns: what the header has most of."""
    return max(",;\t|", key=lambda mark: header.count(mark.encode()))


def _has_quotes(path: Path) -> bool:
    """Whether a value may hold a line end: only then is reading in parallel not sure."""
    with path.open("rb") as stream:
        return any(b'"' in part for part in iter(lambda: stream.read(1 << 24), b""))


def _as_text(columns: list[str]) -> Any:  # noqa: ANN401 - pyarrow publishes no types
    """Every column as text: a postcode that begins with 0, or an id, is no number."""
    options = pa_csv.ConvertOptions(strings_can_be_null=False, check_utf8=True)
    options.include_columns = columns
    options.column_types = dict.fromkeys(columns, pa.string())
    return options


def _unreadable(path: Path, error: Exception) -> UnreadableInputError:
    return UnreadableInputError(path, f"cannot be read ({error})", remedy="give CSV in UTF-8 with a header, or Parquet")


def as_text(column: pa.ChunkedArray) -> pa.Array:
    """The column as trimmed text; a value of nothing but blanks is absent."""
    column = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    if isinstance(column, pa.ChunkedArray):
        column = pa.concat_arrays(column.chunks)
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    if pa.types.is_floating(column.type):
        # A whole number that a table program kept as one with a fraction, for want of a way to leave a cell out.
        whole = pc.equal(column, pc.floor(column))
        column = pc.if_else(
            whole, pc.cast(pc.cast(column, pa.int64(), safe=False), pa.string()), pc.cast(column, pa.string())
        )
    text = pc.utf8_trim_whitespace(pc.cast(column, pa.string()))
    return pc.if_else(pc.equal(text, ""), pa.scalar(None, pa.string()), text)


def _ids(column: pa.ChunkedArray) -> pa.Array:
    """The ids as they were given; one of nothing but blanks is absent."""
    ids = pa.concat_arrays(pc.cast(column, pa.string()).chunks)
    return pc.if_else(pc.equal(pc.utf8_trim_whitespace(ids), ""), pa.scalar(None, pa.string()), ids)


def _check_ids(path: Path, column: str, ids: pa.Array) -> None:
    if ids.null_count:
        row = pc.index(pc.is_null(ids), value=True).as_py() + 1
        raise InputError(path, f"row {row:,} has no id in column '{column}'", remedy="every row needs one")
    counted = pc.value_counts(ids)
    twice = counted.filter(pc.greater(counted.field("counts"), 1))
    if len(twice):
        example = min(twice.field("values").to_pylist())
        raise InputError(
            path,
            f"column '{column}' is no id: {len(twice):,} values stand more than once, '{example}' for one",
            remedy="name a column whose values are all different",
        )
