"""Columns of bytes as Arrow holds them: cut from a block, written in hex, numbered."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from headwater.money.byte_table import ByteTable
from headwater.money.scripts import addresses_of

__all__ = ["addresses_column", "as_binary", "as_hex", "from_hex", "numbered", "shown_txid_column", "slices_of"]

_Numbers = npt.NDArray[np.int64]
_HEX: Final = np.frombuffer(b"".join(b"%02x" % octet for octet in range(256)), dtype=np.uint16)
_DIGITS: Final = np.zeros(256, dtype=np.uint8)
_DIGITS[np.frombuffer(b"0123456789abcdef", dtype=np.uint8)] = np.arange(16)


def slices_of(content: npt.NDArray[np.uint8], starts: _Numbers, ends: _Numbers) -> pa.BinaryArray:
    """Stretches of bytes as a column.

    Args:
        content: Bytes in which they lie.
        starts: First byte of each.
        ends: The one after its last.
    """
    lengths = ends - starts
    offsets = np.concatenate((np.zeros(1, dtype=np.int64), np.cumsum(lengths)))
    places = np.arange(offsets[-1]) + np.repeat(starts - offsets[:-1], lengths)
    held = content[places]
    return pa.BinaryArray.from_buffers(
        pa.binary(), len(lengths), [None, pa.py_buffer(offsets.astype(np.int32)), pa.py_buffer(held)]
    )


def shown_txid_column(txids: npt.NDArray[np.uint8]) -> pa.FixedSizeBinaryArray:
    """Txids in the order in which they are displayed, which is that of their hex.

    Args:
        txids: In the order of the file; shape (transactions, 32).
    """
    width = txids.shape[1]
    held = np.ascontiguousarray(txids[:, ::-1])
    return pa.FixedSizeBinaryArray.from_buffers(pa.binary(width), len(txids), [None, pa.py_buffer(held)])


def as_binary(column: pa.Array | pa.ChunkedArray) -> pa.BinaryArray:
    """A column of bytes in one piece that begins at the beginning of its buffers."""
    whole = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    if isinstance(whole, pa.ChunkedArray):
        whole = pa.concat_arrays(whole.chunks)
    return whole.cast(pa.binary())


def _bounds_of(column: pa.BinaryArray) -> tuple[npt.NDArray[np.uint8], _Numbers]:
    """The bytes of a column, and where each value begins and where the last ends."""
    _, offsets, held = column.buffers()
    count = len(column)
    if not count:
        return np.zeros(0, dtype=np.uint8), np.zeros(1, dtype=np.int64)
    places = np.frombuffer(offsets, dtype=np.int32)[column.offset : column.offset + count + 1].astype(np.int64)
    content = np.frombuffer(held, dtype=np.uint8) if held is not None and held.size else np.zeros(0, dtype=np.uint8)
    return content, places


def as_hex(column: pa.Array | pa.ChunkedArray) -> pa.Array:
    """Each value in hex; absent where it is."""
    values = as_binary(column)
    if not len(values):
        return pa.array([], type=pa.string())
    content, places = _bounds_of(values)
    written = _HEX[content[places[0] : places[-1]]]
    offsets = (2 * (places - places[0])).astype(np.int32)
    made = pa.StringArray.from_buffers(len(values), pa.py_buffer(offsets), pa.py_buffer(written))
    return pc.if_else(values.is_valid(), made, pa.scalar(None, pa.string())) if values.null_count else made


def from_hex(column: pa.Array | pa.ChunkedArray) -> pa.BinaryArray:
    """The bytes that each value writes in hex, in lower case; none is absent."""
    content, places = _bounds_of(as_binary(column))
    pairs = _DIGITS[content[places[0] : places[-1]]].reshape(-1, 2)
    held = pairs[:, 0] << 4 | pairs[:, 1]
    offsets = ((places - places[0]) // 2).astype(np.int32)
    return pa.BinaryArray.from_buffers(
        pa.binary(), len(offsets) - 1, [None, pa.py_buffer(offsets), pa.py_buffer(np.ascontiguousarray(held))]
    )


def numbered(column: pa.Array | pa.ChunkedArray, table: ByteTable) -> _Numbers:
    """The number that a table has, or now gives, to each value; none is absent."""
    content, places = _bounds_of(as_binary(column))
    held = content[places[0] : places[-1]].copy()
    held.flags.writeable = False  # the same kind of array as that of a block, so that loops are compiled once
    places = places - places[0]
    return table.numbers_of(held, np.column_stack((places[:-1], places[1:])))


def addresses_column(scripts: pa.Array | pa.ChunkedArray, network: str) -> pa.Array:
    """The address that stands for each script; absent where none does."""
    table = ByteTable()
    numbers = numbered(scripts, table)
    return pa.array(addresses_of(table, network), type=pa.string()).take(pa.array(numbers))
