"""The active chain as a graph in memory: numbered transactions, outputs and inputs, each spent output resolved."""

from __future__ import annotations

from array import array
from bisect import bisect_left
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from headwater.money.block_index import IndexedBlock
from headwater.money.block_layout import TXID_BYTES
from headwater.money.byte_table import ByteTable, NumberOf

__all__ = ["ABSENT", "Outpoints", "Snapshot", "as_numbers"]

ABSENT = -1
"""In place of a number: outside of this snapshot, not spent in it, or not resolved."""


_Column = npt.NDArray[np.int64]


def _numbers() -> array[int]:
    return array("q")


def as_numbers(column: array[int]) -> _Column:
    """A column as an array that shares its memory; the column cannot grow as long as the array lives."""
    return np.asarray(column)


class Outpoints:
    """Transaction and index of outputs that inputs spend, by the number of the input, in rising order."""

    def __init__(self) -> None:
        self._inputs, self._indexes = _numbers(), _numbers()
        self._txids = bytearray()

    def __len__(self) -> int:
        """How many."""
        return len(self._inputs)

    def __getitem__(self, number: int) -> tuple[bytes, int]:
        """Transaction and index of the output that an input spends."""
        place = bisect_left(self._inputs, number)
        if place == len(self._inputs) or self._inputs[place] != number:
            raise KeyError(number)
        return bytes(self._txids[TXID_BYTES * place : TXID_BYTES * (place + 1)]), self._indexes[place]

    def add(self, inputs: _Column, txids: npt.NDArray[np.uint8], indexes: _Column) -> None:
        """Note those of some inputs, whose numbers are above all that were noted.

        Args:
            inputs: Their numbers.
            txids: The transactions, shape (inputs, 32).
            indexes: The outputs of them.
        """
        self._inputs.frombytes(inputs.tobytes())
        self._indexes.frombytes(indexes.tobytes())
        self._txids += txids.tobytes()


@dataclass(slots=True, kw_only=True)
class Snapshot:
    """Transactions of the active chain in its order, so that every parent has a lower number than its children.

    Inputs and outputs are numbered through all transactions; those of transaction `t` are
    `range(input_starts[t], input_starts[t + 1])`, and outputs alike. A coinbase has no inputs.

    A column is an `array` of numbers of 64 bits: its items are Python's numbers, which never overflow, and `as_numbers`
    shows it to numpy.

    Attributes:
        blocks: The blocks that transactions were read from, in the order of the chain.
        merkle_ok: For every block that was read, by hash, whether its transactions give its merkle root.
        txids: Transactions, in the order of the file.
        tx_blocks: Place of its block in `blocks`.
        tx_positions: Place of the transaction in its block.
        input_starts: First input of each transaction, and the number of all at the end.
        output_starts: First output of each transaction, and the number of all at the end.
        input_outputs: The output an input spends, or `ABSENT` where it lies outside of this snapshot.
        input_amounts_sat: What it brings in, or `ABSENT` where nothing says.
        input_scripts: Number of the script it spends, or `ABSENT` where nothing says.
        input_txs: The transaction it belongs to.
        outside: Transaction and index of the spent output, for inputs whose output lies outside.
        output_amounts_sat: What an output holds.
        output_scripts: Number of its script.
        output_txs: The transaction it belongs to.
        spent_by: The input that spends it, or `ABSENT`.
        scripts: Scripts by number.
    """

    blocks: list[IndexedBlock] = field(default_factory=list)
    merkle_ok: dict[bytes, bool] = field(default_factory=dict)
    txids: ByteTable = field(default_factory=ByteTable)
    tx_blocks: array[int] = field(default_factory=_numbers)
    tx_positions: array[int] = field(default_factory=_numbers)
    input_starts: array[int] = field(default_factory=lambda: array("q", [0]))
    output_starts: array[int] = field(default_factory=lambda: array("q", [0]))
    input_outputs: array[int] = field(default_factory=_numbers)
    input_amounts_sat: array[int] = field(default_factory=_numbers)
    input_scripts: array[int] = field(default_factory=_numbers)
    input_txs: array[int] = field(default_factory=_numbers)
    outside: Outpoints = field(default_factory=Outpoints)
    output_amounts_sat: array[int] = field(default_factory=_numbers)
    output_scripts: array[int] = field(default_factory=_numbers)
    output_txs: array[int] = field(default_factory=_numbers)
    spent_by: array[int] = field(default_factory=_numbers)
    scripts: ByteTable = field(default_factory=ByteTable)

    @property
    def tx_numbers(self) -> NumberOf:
        """Number of a transaction by txid."""
        return NumberOf(self.txids)

    @property
    def script_numbers(self) -> NumberOf:
        """Number of a script."""
        return NumberOf(self.scripts)

    @property
    def size_bytes(self) -> int:
        """Memory that transactions, inputs, outputs and scripts take."""
        columns = [value for name in self.__slots__ if isinstance(value := getattr(self, name), array)]
        return (
            sum(column.itemsize * len(column) for column in columns) + self.txids.size_bytes + self.scripts.size_bytes
        )

    def script_number(self, script: bytes) -> int:
        """The number of a script, given at first sight."""
        return self.scripts.append(script)

    def is_coinbase(self, tx: int) -> bool:
        """Whether a transaction makes new coins."""
        return self.tx_positions[tx] == 0

    def inputs_of(self, tx: int) -> range:
        """Inputs of a transaction."""
        return range(self.input_starts[tx], self.input_starts[tx + 1])

    def outputs_of(self, tx: int) -> range:
        """Outputs of a transaction."""
        return range(self.output_starts[tx], self.output_starts[tx + 1])

    def output_index(self, output: int) -> int:
        """Place of an output in its transaction."""
        return output - self.output_starts[self.output_txs[output]]

    def is_resolved(self, tx: int) -> bool:
        """Whether the amounts of all inputs of a transaction are known."""
        return all(self.input_amounts_sat[number] != ABSENT for number in self.inputs_of(tx))

    def spent_outpoint(self, number: int) -> tuple[bytes, int]:
        """Transaction and index of the output that an input spends."""
        output = self.input_outputs[number]
        if output == ABSENT:
            return self.outside[number]
        return self.txids[self.output_txs[output]], self.output_index(output)
