"""Blocks as the program rusty-blockparser writes them into four CSV files, in the form that `getblock` prints.

The rows of a block stand together in each file, in the order of the blocks. One pass notes where they begin; a block is
then put together from its rows and read as any exported block, so that its hash and its merkle root are checked.

References:
    rusty-blockparser, README, "csvdump": columns and names of the files; they have no headings.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any, BinaryIO, Final

from headwater.money.block_exports import BlockExportError

__all__ = ["csv_block", "csv_siblings", "csv_spans"]

_PARTS: Final = ("transactions", "tx_in", "tx_out")
_COLUMNS: Final = {"blocks": 9, "transactions": 4, "tx_in": 5, "tx_out": 5}
_COINBASE: Final = "00" * 32
_INDEXES_KEPT: Final = 4

Span = tuple[int, int]


def csv_siblings(path: Path) -> tuple[Path, ...]:
    """The files of transactions, inputs and outputs beside a file of blocks; empty where it is none."""
    if not (path.suffix == ".csv" and path.name.startswith("blocks")):
        return ()
    beside = tuple(path.with_name(part + path.name.removeprefix("blocks")) for part in _PARTS)
    return beside if all(each.is_file() for each in beside) else ()


def csv_spans(path: Path) -> Iterator[Span]:
    """First byte and length of the row of each block."""
    yield from ((offset, length) for offset, (length, *_) in _indexed(path).items())


def csv_block(path: Path, offset_bytes: int) -> Mapping[str, Any]:
    """The block of a row, in the form that `getblock` prints.

    Args:
        path: The file of blocks.
        offset_bytes: First byte of the row.

    Raises:
        BlockExportError: A row has other columns, or an input or an output belongs to no transaction of the block.
    """
    length_bytes, *spans = _indexed(path)[offset_bytes]
    (block,) = _rows(path, "blocks", (offset_bytes, length_bytes))
    named, spent, paid = (
        list(_rows(file, part, span)) for file, part, span in zip(csv_siblings(path), _PARTS, spans, strict=True)
    )
    try:
        transactions = {
            txid: {"version": int(version), "locktime": int(locktime), "vin": [], "vout": []}
            for txid, _, version, locktime in named
        }
        for txid, spent_txid, index, script, sequence in spent:
            outpoint: dict[str, Any] = {"txid": spent_txid, "vout": int(index), "scriptSig": {"hex": script}}
            if spent_txid == _COINBASE:
                outpoint = {"coinbase": script}
            transactions[txid]["vin"].append(outpoint | {"sequence": int(sequence)})  # type: ignore[attr-defined]  # a list
        for txid, _, amount_sat, script, _ in paid:
            output = {"value_sat": int(amount_sat), "scriptPubKey": {"hex": script}}
            transactions[txid]["vout"].append(output)  # type: ignore[attr-defined]  # a list
        return {
            "hash": block[0],
            "version": int(block[2]),
            "previousblockhash": block[4],
            "merkleroot": block[5],
            "time": int(block[6]),
            "bits": f"{int(block[7]):08x}",
            "nonce": int(block[8]),
            "tx": list(transactions.values()),
        }
    except (KeyError, ValueError) as error:
        raise BlockExportError(f"rows that make no block: {type(error).__name__} {error}") from None


def _rows(path: Path, part: str, span: Span) -> Iterator[list[str]]:
    with path.open("rb") as stream:
        stream.seek(span[0])
        lines = stream.read(span[1]).decode("ascii", "replace").splitlines()
    for line in lines:
        cells = line.split(";")
        if len(cells) != _COLUMNS[part]:
            raise BlockExportError(f"a row of {part} has {len(cells)} columns, not {_COLUMNS[part]}")
        yield cells


class _Cursor:
    """Rows of a file one after the other, by their first or second cell."""

    def __init__(self, stream: BinaryIO, cell: int) -> None:
        self._stream, self._cell = stream, cell
        self.at = 0
        self._line = stream.readline()

    def taken(self, wanted: bytes) -> list[bytes]:
        """The rows from here on that have the wanted cell; what their first cells are."""
        found = []
        while self._line:
            cells = self._line.split(b";", 2)
            if len(cells) < 2 or cells[self._cell] != wanted:
                break
            found.append(cells[0])
            self.at += len(self._line)
            self._line = self._stream.readline()
        return found


@lru_cache(maxsize=_INDEXES_KEPT)
def _indexed(path: Path) -> dict[int, tuple[int, Span, Span, Span]]:
    """For the first byte of each block's row its length, and where its rows lie in the other files."""
    index: dict[int, tuple[int, Span, Span, Span]] = {}
    txs, ins, outs = csv_siblings(path)
    with path.open("rb") as blocks, txs.open("rb") as named, ins.open("rb") as spent, outs.open("rb") as paid:
        cursors = _Cursor(named, 1), _Cursor(spent, 0), _Cursor(paid, 0)
        offset = 0
        for line in blocks:
            begins = [cursor.at for cursor in cursors]
            for txid in cursors[0].taken(line.split(b";", 1)[0]):
                cursors[1].taken(txid)
                cursors[2].taken(txid)
            spans = [(begin, cursor.at - begin) for begin, cursor in zip(begins, cursors, strict=True)]
            index[offset] = (len(line), spans[0], spans[1], spans[2])
            offset += len(line)
    return index
