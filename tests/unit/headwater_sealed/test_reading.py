"""Bytes of entries in pieces: all of them, in order, and a reason where they end early."""

from __future__ import annotations

import hashlib
import io
from typing import Any, BinaryIO

from headwater_sealed.reading import read_entries


def pieces(*files: BinaryIO, entries: list[dict[str, Any]]) -> list[tuple[int, bytes, str | None]]:
    found: list[dict[str, Any]] = []
    read_entries(files, {"entries": entries}, lambda batch: found.extend(batch.to_pylist()))
    return [(row["entry_index"], row["content"], row["reason"]) for row in found]


def test_every_byte_comes_in_order_and_an_empty_one_is_told() -> None:
    content = hashlib.shake_256(b"pieces").digest(9 * 2**20 + 5)
    told = pieces(io.BytesIO(content), io.BytesIO(), entries=[{"file_index": 0}, {"file_index": 1}, {"file_index": 0}])
    assert [index for index, _, _ in told] == [0, 0, 0, 1, 2, 2, 2]
    assert b"".join(part for index, part, _ in told if index == 0) == content
    assert told[3] == (1, b"", None)
    assert {reason for _, _, reason in told} == {None}


def test_what_ends_early_or_is_not_there_has_a_reason() -> None:
    class Short(io.BytesIO):
        """Says that it is longer than it is."""

        def seek(self, offset: int, whence: int = 0) -> int:
            return super().seek(offset, whence) + (10 if whence == io.SEEK_END else 0)

    told = pieces(Short(b"12345"), entries=[{"file_index": 0}, {"file_index": 7}])
    assert told == [
        (0, b"12345", None),
        (0, b"", "5 of 15 bytes could be read"),
        (1, b"", "no file 7 was given"),
    ]
