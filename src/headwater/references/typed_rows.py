"""Rows of JSON Lines and Parquet as the texts that a register is made of; what is not exact has no text."""

from __future__ import annotations

import datetime as dt
import decimal
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import pyarrow as pa
import pyarrow.parquet as pq

from headwater.errors import UnreadableInputError
from headwater.references.csv_text import decoded, records
from headwater.references.spreadsheet import BadCell, Cell

__all__ = ["typed_rows"]

_PARQUET_START: Final = b"PAR1"  # source: Apache Parquet, "File format"
_BATCH_ROWS: Final = 4_096

TypedRow = tuple[int | None, Sequence[Cell], str | None]
"""First byte, where the format has one; cells; why the row is none."""


def typed_rows(path: Path, start: bytes) -> Iterator[TypedRow] | None:
    """The names of the columns and then every row; None where the file is neither.

    Args:
        path: The file.
        start: Its first bytes.

    Raises:
        UnreadableInputError: It begins as one of the two and cannot be read on.
    """
    if start.startswith(_PARQUET_START):
        return _parquet(path)
    if start.removeprefix(b"\xef\xbb\xbf").lstrip().startswith(b"{"):
        return _json_lines(path)
    return None


def _json_lines(path: Path) -> Iterator[TypedRow]:
    """Objects one a line. Their keys are those of the first; a later key that the first lacks is not passed over."""
    names: list[str] | None = None
    with path.open("rb") as file:
        for offset, record in records(file, path):
            text = decoded(record, path, offset)
            try:
                found = _object(text)
            except (ValueError, RecursionError) as error:
                if names is None:
                    raise UnreadableInputError(
                        path, f"first line: {error}", offset_bytes=offset, remedy="give one JSON object a line"
                    ) from error
                yield offset, (), f"no JSON object ({error})"
                continue
            if names is None:
                names = list(found)
                yield offset, names, None
            stray = next((name for name in found if name not in names), None)
            bad = None if stray is None else f"it has {stray[:40]!r}, which the first row lacks"
            yield offset, [_of_json(found.get(name)) for name in names], bad


def _object(text: str) -> dict[str, object]:
    found = json.loads(text, parse_int=str, parse_float=str, parse_constant=_no_constant)
    if not isinstance(found, dict):
        raise ValueError("a value that is no object")  # noqa: TRY004 - as what the parser raises for other bad lines
    return found


def _no_constant(word: str) -> str:
    raise ValueError(f"{word} is no number")


def _of_json(value: object) -> Cell:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return value if isinstance(value, str) else BadCell(reason="a list or an object, not one value")


def _parquet(path: Path) -> Iterator[TypedRow]:
    try:
        with pq.ParquetFile(path) as file:
            yield None, file.schema_arrow.names, None
            for batch in file.iter_batches(_BATCH_ROWS):
                for values in zip(*(column.to_pylist() for column in batch.columns), strict=True):
                    yield None, [_of_parquet(value) for value in values], None
    except (pa.ArrowException, OSError) as error:
        raise UnreadableInputError(
            path, f"not a whole Parquet file ({error})", remedy="ask its author for it again"
        ) from error


def _of_parquet(value: object) -> Cell:
    cell: Cell
    match value:
        case None:
            cell = ""
        case bool():
            cell = "yes" if value else "no"
        case str() | int():
            cell = str(value)
        case decimal.Decimal():
            cell = format(value, "f")
        case dt.datetime() | dt.date():
            cell = value.isoformat()
        case float():
            cell = BadCell(reason="a floating-point number, which is not exact: write it as text or as a decimal")
        case _:
            cell = BadCell(reason=f"a value of the kind {type(value).__name__}")
    return cell
