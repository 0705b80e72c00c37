"""Strings of bytes that are numbered at first sight: txids and scripts, without an object of Python for each."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import TypeVar, overload

import numpy as np
import numpy.typing as npt

__all__ = ["ByteTable", "NumberOf"]

_U8 = npt.NDArray[np.uint8]
_I64 = npt.NDArray[np.int64]
_Room = TypeVar("_Room", _U8, _I64)
_LEAST_SLOTS = 1 << 10


class ByteTable(Sequence[bytes]):  # noqa: PLW1641 - it grows, so it has no digest to be found by
    """Distinct strings of bytes by number, and numbers by string.

    A string takes its bytes, 8 for its place, and 16 to 32 in the table that finds it.
    """

    def __init__(self) -> None:
        self._count = 0
        self._kept: _U8 = np.zeros(_LEAST_SLOTS, dtype=np.uint8)
        self._starts: _I64 = np.zeros(_LEAST_SLOTS, dtype=np.int64)
        self._slots = np.zeros(_LEAST_SLOTS, dtype=np.uint64)
        # Drawn anew, so that nobody can make scripts that crowd the table; numbers do not depend on it.
        self._multiplier = np.uint64(secrets.randbits(63) * 2 + 1)

    def __len__(self) -> int:
        """How many strings."""
        return self._count

    @overload
    def __getitem__(self, number: int) -> bytes: ...

    @overload
    def __getitem__(self, number: slice) -> list[bytes]: ...

    def __getitem__(self, number: int | slice) -> bytes | list[bytes]:
        """The string of a number."""
        if isinstance(number, slice):
            return [self[each] for each in range(*number.indices(self._count))]
        if not -self._count <= number < self._count:
            raise IndexError(number)
        number %= self._count
        return self._kept[self._starts[number] : self._starts[number + 1]].tobytes()

    def __iter__(self) -> Iterator[bytes]:
        """The strings in the order of their numbers."""
        bounds = self.starts.tolist()
        content = self.content.tobytes()
        return (content[start:end] for start, end in pairwise(bounds))

    def __eq__(self, other: object) -> bool:
        """Whether the other has the same strings with the same numbers."""
        if not isinstance(other, ByteTable):
            return NotImplemented
        return np.array_equal(self.starts, other.starts) and np.array_equal(self.content, other.content)

    @property
    def content(self) -> _U8:
        """The bytes of all strings end to end; good until the next string is added."""
        return self._kept[: self._starts[self._count]]

    @property
    def starts(self) -> _I64:
        """Where each string begins, and last where the last one ends; good until the next string is added."""
        return self._starts[: self._count + 1]

    @property
    def size_bytes(self) -> int:
        """Memory taken, with what is reserved."""
        return self._kept.nbytes + self._starts.nbytes + self._slots.nbytes

    def append(self, string: bytes) -> int:
        """The number of a string, given at first sight."""
        return int(self.numbers_of(np.frombuffer(string, dtype=np.uint8), np.array([[0, len(string)]]))[0])

    def numbers_of(self, content: _U8, bounds: _I64) -> _I64:
        """The number of each string, given at first sight, in their order.

        Args:
            content: Bytes in which they lie.
            bounds: First byte of each and the one after its last; shape (strings, 2).
        """
        from headwater.money.byte_table_kernels import number_all  # loads a compiler

        self._make_room(len(bounds), int((bounds[:, 1] - bounds[:, 0]).sum()))
        numbers = np.empty(len(bounds), dtype=np.int64)
        self._count = number_all(
            content, bounds, self._count, self._kept, self._starts, self._slots, self._multiplier, numbers
        )
        return numbers

    def found(self, content: _U8, bounds: _I64) -> _I64:
        """The number of each string, or -1 where it has none; arguments as in `numbers_of`."""
        from headwater.money.byte_table_kernels import find_all  # loads a compiler

        numbers = np.empty(len(bounds), dtype=np.int64)
        find_all(content, bounds, self._kept, self._starts, self._slots, self._multiplier, numbers)
        return numbers

    def _make_room(self, strings: int, size_bytes: int) -> None:
        from headwater.money.byte_table_kernels import fill_slots  # loads a compiler

        needed = int(self._starts[self._count]) + size_bytes
        if needed > len(self._kept):
            self._kept = _grown(self._kept, needed)
        if self._count + strings + 1 > len(self._starts):
            self._starts = _grown(self._starts, self._count + strings + 1)
        if 2 * (self._count + strings) > len(self._slots):
            self._slots = np.zeros(1 << (2 * (self._count + strings)).bit_length(), dtype=np.uint64)
            fill_slots(self._count, self._kept, self._starts, self._slots, self._multiplier)


class NumberOf(Mapping[bytes, int]):
    """The numbers of a table's strings.

    Args:
        table: The table.
    """

    def __init__(self, table: ByteTable) -> None:
        self._table = table

    def __getitem__(self, string: bytes) -> int:
        """The number of a string."""
        content = np.frombuffer(string, dtype=np.uint8)
        number = int(self._table.found(content, np.array([[0, len(string)]]))[0])
        if number < 0:
            raise KeyError(string)
        return number

    def __iter__(self) -> Iterator[bytes]:
        """The strings in the order of their numbers."""
        return iter(self._table)

    def __len__(self) -> int:
        """How many strings."""
        return len(self._table)


def _grown(room: _Room, needed: int) -> _Room:
    made: _Room = np.zeros(max(needed, len(room) * 3 // 2), dtype=room.dtype)
    made[: len(room)] = room
    return made
