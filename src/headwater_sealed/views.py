"""Read-only files made of parts of other files: a window, several end to end, a list of runs with holes."""

from __future__ import annotations

import io
import os
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from typing import BinaryIO, cast

from headwater_sealed.refusal import UnreadableError

__all__ = ["Concatenated", "Run", "RunView", "View", "Window", "buffered", "exactly"]

BUFFER_BYTES = 64 * 1024


def exactly(file: BinaryIO, offset_bytes: int, length_bytes: int) -> bytes:
    """Exactly so many bytes of a volume.

    Args:
        file: The volume.
        offset_bytes: Where they begin.
        length_bytes: How many.

    Raises:
        UnreadableError: The volume ends before.
    """
    file.seek(offset_bytes)
    content = file.read(length_bytes)
    if len(content) != length_bytes:
        raise UnreadableError(f"the volume ends before byte {offset_bytes + length_bytes}")
    return content


class View(io.RawIOBase):
    """A seekable file of known size with an offset of its own; what it reads is the subclass's.

    Args:
        size_bytes: Its length.
    """

    def __init__(self, size_bytes: int) -> None:
        super().__init__()
        self.size_bytes = size_bytes
        self._offset_bytes = 0

    def readable(self) -> bool:
        """True, always."""
        return True

    def seekable(self) -> bool:
        """True, always."""
        return True

    def tell(self) -> int:
        """The offset."""
        return self._offset_bytes

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """The new offset, which may lie behind the end, as in an ordinary file."""
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._offset_bytes, os.SEEK_END: self.size_bytes}[whence]
        if base + offset < 0:
            raise ValueError(f"offset {base + offset} lies before the beginning")
        self._offset_bytes = base + offset
        return self._offset_bytes

    def readinto(self, buffer: memoryview | bytearray) -> int:  # type: ignore[override]  # typeshed asks for its own Buffer
        """The number of bytes read; 0 only at the end."""
        view = memoryview(buffer).cast("B")
        wanted = min(len(view), self.size_bytes - self._offset_bytes)
        if wanted <= 0:
            return 0
        content = self.part(self._offset_bytes, wanted)
        view[: len(content)] = content
        self._offset_bytes += len(content)
        return len(content)

    def part(self, offset_bytes: int, length_bytes: int) -> bytes:
        """At least one and at most `length_bytes` bytes from the offset, which lie inside the view.

        Raises:
            UnreadableError: The bytes cannot be had; nothing is made up in their place.
        """
        raise NotImplementedError


def buffered(view: View) -> BinaryIO:
    """The view with a read buffer."""
    return cast("BinaryIO", io.BufferedReader(view, BUFFER_BYTES))


class Window(View):
    """A byte range of a file.

    Args:
        file: The file.
        start_bytes: Where the range begins.
        size_bytes: How long it is.
    """

    def __init__(self, file: BinaryIO, *, start_bytes: int, size_bytes: int) -> None:
        super().__init__(size_bytes)
        self._file = file
        self._start_bytes = start_bytes

    def part(self, offset_bytes: int, length_bytes: int) -> bytes:
        """Bytes of the range."""
        self._file.seek(self._start_bytes + offset_bytes)
        content = self._file.read(length_bytes)
        if not content:
            raise UnreadableError(f"the medium ends before byte {self._start_bytes + offset_bytes}")
        return content


class Concatenated(View):
    """Files one behind the other, as segments of a raw image are.

    Args:
        files: In order.
    """

    def __init__(self, files: Sequence[BinaryIO]) -> None:
        self._files = tuple(files)
        self._starts = [0]
        for file in files:
            self._starts.append(self._starts[-1] + file.seek(0, os.SEEK_END))
        super().__init__(self._starts[-1])

    def part(self, offset_bytes: int, length_bytes: int) -> bytes:
        """Bytes of the one segment that the offset lies in."""
        index = bisect_right(self._starts, offset_bytes) - 1
        inside = offset_bytes - self._starts[index]
        file = self._files[index]
        file.seek(inside)
        content = file.read(min(length_bytes, self._starts[index + 1] - offset_bytes))
        if not content:
            raise UnreadableError(f"segment {index + 1} cannot be read at byte {inside}")
        return content


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """Consecutive bytes of a file that lie together on the volume.

    Attributes:
        at_bytes: Where in the file they begin.
        from_bytes: Where on the volume they begin.
        size_bytes: How many.
    """

    at_bytes: int
    from_bytes: int
    size_bytes: int


class RunView(View):
    """A file laid out in runs; what no run covers is a hole and reads as zeros.

    Args:
        file: The volume.
        runs: Ascending and without overlap.
        size_bytes: Length of the file.
    """

    def __init__(self, file: BinaryIO, runs: Sequence[Run], size_bytes: int) -> None:
        super().__init__(size_bytes)
        self._file = file
        self._runs = runs
        self._starts = [run.at_bytes for run in runs]

    def part(self, offset_bytes: int, length_bytes: int) -> bytes:
        """Bytes of the run or the hole that the offset lies in."""
        index = bisect_right(self._starts, offset_bytes) - 1
        if index >= 0:
            run = self._runs[index]
            inside = offset_bytes - run.at_bytes
            if inside < run.size_bytes:
                self._file.seek(run.from_bytes + inside)
                content = self._file.read(min(length_bytes, run.size_bytes - inside))
                if not content:
                    raise UnreadableError(f"the volume ends before byte {run.from_bytes + inside}")
                return content
        following = self._starts[index + 1] if index + 1 < len(self._starts) else self.size_bytes
        return bytes(min(length_bytes, following - offset_bytes))
