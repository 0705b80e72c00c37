"""Types and groups of columns that several tables share."""

from __future__ import annotations

import pyarrow as pa

from headwater.schema.table import Column

__all__ = ["AT_UTC", "BOOLEAN", "BYTES", "DIGEST", "ID", "INT", "TEXT", "from_dump", "from_reference", "nullable"]

TEXT = pa.string()
ID = pa.string()
DIGEST = pa.string()  # lower-case hex
BYTES = pa.binary()
INT = pa.int64()  # DuckDB and Spark agree on signed 64-bit integers; 21 million bitcoin in satoshis need 51 bits
BOOLEAN = pa.bool_()
AT_UTC = pa.timestamp("us", tz="UTC")


def nullable(column: Column) -> Column:
    """The column, allowed to be absent."""
    return Column(name=column.name, type=column.type, about=column.about, nullable=True, cites=column.cites)


def from_dump() -> tuple[Column, ...]:
    """Where a mapped row came from: exhibit, file, table, row, and the bytes of the row in the file."""
    return (
        Column(name="exhibit_id", type=ID, about="The exhibit the row was read from", cites="exhibits.exhibit_id"),
        Column(
            name="source_item_id", type=ID, about="The file it was read from, in the exhibit", cites="items.item_id"
        ),
        Column(name="source_table", type=TEXT, about="Table of the application, as the dump names it"),
        Column(name="source_row", type=INT, about="Row within that table, counted from 0 in the order of the dump"),
        Column(name="source_offset_bytes", type=INT, about="First byte of the row in the dump"),
        Column(name="source_length_bytes", type=INT, about="Length of the row in the dump"),
        Column(name="mapping_id", type=ID, about="Digest of the mapping that bound the columns"),
    )


def from_reference() -> tuple[Column, ...]:
    """Which imported reference a row belongs to."""
    return (
        Column(name="reference_name", type=TEXT, about="Name given at import"),
        Column(name="reference_version", type=TEXT, about="Version given at import"),
        Column(name="reference_row", type=INT, about="Row within the imported file, counted from 0"),
    )
