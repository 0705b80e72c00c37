"""Read-only files over descriptors that were received already open.

Every file keeps its own offset and reads with `pread`, so the offset in the kernel, which all copies of a descriptor
share, is never used: two children, or two files over one descriptor, cannot disturb each other.
"""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Iterable
from typing import BinaryIO, cast

__all__ = ["BUFFER_BYTES", "PreadFile", "open_descriptor", "open_window", "open_windows"]

BUFFER_BYTES = 256 * 1024
"""Buffer of one file: large enough that a sequential read costs few system calls, small beside a decoded still."""


class PreadFile(io.RawIOBase):
    """A seekable, read-only view of a byte range of a descriptor, with an offset of its own.

    It has no `fileno`: a library that was handed the number could use the shared offset, or map the file.

    Args:
        descriptor: An open descriptor of a regular file or block device; it stays the caller's to close.
        start_bytes: Where the view begins.
        size_bytes: How long the view is; None is up to the end of the file.
        on_close: Called once when the view is closed.
    """

    def __init__(
        self,
        descriptor: int,
        *,
        start_bytes: int = 0,
        size_bytes: int | None = None,
        on_close: Callable[[], None] | None = None,
    ) -> None:
        super().__init__()
        # Seeking to the end asks for the size without fstat, which says 0 for a block device.
        whole_bytes = os.lseek(descriptor, 0, os.SEEK_END)
        rest_bytes = max(0, whole_bytes - start_bytes)
        self._descriptor = descriptor
        self._start_bytes = start_bytes
        self._size_bytes = rest_bytes if size_bytes is None else min(size_bytes, rest_bytes)
        self._offset_bytes = 0
        self._on_close = on_close

    @property
    def size_bytes(self) -> int:
        """The length of the view."""
        return self._size_bytes

    def readable(self) -> bool:
        """True, always."""
        return True

    def seekable(self) -> bool:
        """True, always."""
        return True

    def tell(self) -> int:
        """The offset in the view."""
        return self._offset_bytes

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """The new offset, which may lie behind the end, as in an ordinary file."""
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._offset_bytes, os.SEEK_END: self._size_bytes}.get(whence)
        if base is None:
            raise ValueError(f"whence {whence} is none of 0, 1, 2")
        if base + offset < 0:
            raise ValueError(f"offset {base + offset} lies before the beginning")
        self._offset_bytes = base + offset
        return self._offset_bytes

    def readinto(self, buffer: memoryview | bytearray) -> int:  # type: ignore[override]  # typeshed asks for its own Buffer
        """The number of bytes read into the buffer; 0 at the end."""
        view = memoryview(buffer).cast("B")
        wanted = min(len(view), self._size_bytes - self._offset_bytes)
        if wanted <= 0:
            return 0
        count = os.preadv(self._descriptor, [view[:wanted]], self._start_bytes + self._offset_bytes)
        self._offset_bytes += count
        return count

    def close(self) -> None:
        """Closes the view, not the descriptor."""
        if not self.closed and self._on_close is not None:
            self._on_close()
        super().close()


def open_descriptor(descriptor: int) -> BinaryIO:
    """A buffered, seekable, read-only file over the whole descriptor."""
    return open_window(descriptor)


def open_window(descriptor: int, *, start_bytes: int = 0, size_bytes: int | None = None) -> BinaryIO:
    """A buffered, seekable, read-only file over a byte range of the descriptor."""
    raw = PreadFile(descriptor, start_bytes=start_bytes, size_bytes=size_bytes)
    return cast("BinaryIO", io.BufferedReader(raw, BUFFER_BYTES))


def open_windows(descriptors: Iterable[int]) -> tuple[BinaryIO, ...]:
    """One buffered file for each descriptor, in the same order."""
    return tuple(open_descriptor(descriptor) for descriptor in descriptors)
