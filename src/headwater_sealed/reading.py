"""The job `read_entries`: the bytes of entries as they are, in pieces, for who must hand them to another program.

It serves the copy of a database's data directory, which only its own server understands, and nothing else asks for it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, BinaryIO

import pyarrow as pa

from headwater_sealed.basic import Emit
from headwater_sealed.refusal import UnreadableError, refusing
from headwater_sealed.sources import Sources

__all__ = ["READ_ENTRIES_SCHEMA", "read_entries"]

_PIECE_BYTES = 4 * 1024 * 1024

READ_ENTRIES_SCHEMA = pa.schema(
    [
        pa.field("entry_index", pa.int64(), nullable=False),
        pa.field("content", pa.binary(), nullable=False),
        pa.field("reason", pa.string()),
    ]
)


def read_entries(files: Sequence[BinaryIO], parameters: Mapping[str, Any], emit: Emit) -> None:
    """A row for each piece of each entry, in order, at least one an entry; the last has a reason if it is not whole."""
    sources = Sources(files, parameters)

    def tell(index: int, content: bytes, reason: str | None) -> None:
        columns = [pa.array([index]), pa.array([content], pa.binary()), pa.array([reason], pa.string())]
        emit(pa.record_batch(columns, schema=READ_ENTRIES_SCHEMA))

    for index, entry in enumerate(parameters["entries"]):
        try:
            done = 0
            with refusing("reading failed"):
                content, size_bytes = sources.open_sized(entry)
                while piece := content.read(_PIECE_BYTES):
                    done += len(piece)
                    tell(index, piece, None)
            if done != size_bytes:
                tell(index, b"", f"{done} of {size_bytes} bytes could be read")
            elif not done:
                tell(index, b"", None)
        except UnreadableError as error:
            tell(index, b"", error.reason)
