"""What the image jobs ask of a file system, whoever reads it."""

from __future__ import annotations

import stat
from array import array
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import BinaryIO, Protocol, overload, runtime_checkable

from headwater_sealed.ranges import Ranges
from headwater_sealed.views import Run

__all__ = ["ENTRY_TYPES", "Child", "Filesystem", "LazyChildren", "Listing", "Node", "Numbered", "names_of"]

ENTRY_TYPES = {
    stat.S_IFREG: "file",
    stat.S_IFDIR: "directory",
    stat.S_IFLNK: "symlink",
    stat.S_IFCHR: "device",
    stat.S_IFBLK: "device",
    stat.S_IFIFO: "fifo",
    stat.S_IFSOCK: "socket",
}
"""What the type bits of a Unix mode say."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """One object of a file system, without its name.

    Attributes:
        entry_type: `file`, `directory`, `symlink`, `device`, `fifo`, `socket` or `other`.
        size_bytes: As the file system records it.
        modified_at_us: Microseconds since 1970, UTC.
        inode: Its number, where the file system numbers its objects.
        links: How many names it has.
        handle: What the reader needs to find it again; nobody else looks inside.
        reason: Why it cannot be read as it should be.
    """

    entry_type: str
    size_bytes: int
    modified_at_us: int | None
    inode: int | None
    links: int | None
    handle: object
    reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Child:
    """One name in a directory.

    Attributes:
        name: Its bytes as stored.
        node: What it names; None if that cannot be read.
        reason: Why `node` is None.
    """

    name: bytes
    node: Node | None
    reason: str | None = None


class LazyChildren(Sequence[Child]):
    """The names in a directory, of which each object is read only when it is asked for.

    A directory of a million files costs its names and eight bytes each, not a million objects.

    Args:
        entries: Name and number of each, in the order stored.
        resolve: The child with that name and number.
    """

    def __init__(self, entries: Iterable[tuple[bytes, int]], resolve: Callable[[bytes, int], Child]) -> None:
        self.names: list[bytes] = []
        self._numbers = array("Q")
        for name, number in entries:
            self.names.append(name)
            self._numbers.append(number)
        self._resolve = resolve

    def __len__(self) -> int:
        return len(self.names)

    @overload
    def __getitem__(self, index: int) -> Child: ...

    @overload
    def __getitem__(self, index: slice) -> Sequence[Child]: ...

    def __getitem__(self, index: int | slice) -> Child | Sequence[Child]:
        if isinstance(index, slice):
            return [self[number] for number in range(*index.indices(len(self)))]
        return self._resolve(self.names[index], self._numbers[index])


def names_of(children: Sequence[Child]) -> Sequence[bytes]:
    """The names alone, without reading what they name where that can be avoided."""
    return children.names if isinstance(children, LazyChildren) else [child.name for child in children]


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """The names in a directory.

    Attributes:
        children: In the order stored.
        reason: Why names may be missing; None if the listing is complete.
    """

    children: Sequence[Child]
    reason: str | None = None


class Filesystem(Protocol):
    """A file system on a volume."""

    @property
    def remark(self) -> str | None:
        """What the reader should know although it is read."""
        ...

    def root(self) -> Node:
        """The topmost directory."""
        ...

    def listing(self, node: Node) -> Listing:
        """What a directory holds, without `.` and `..`."""
        ...

    def content(self, node: Node) -> BinaryIO:
        """The content of a file, with an offset of its own."""
        ...

    def first_byte(self, node: Node) -> int | None:
        """Where on the volume the content begins, where that is cheap to know."""
        ...

    @property
    def whole_bytes(self) -> int:
        """How many bytes of the volume the file system covers."""
        ...

    def extents(self, node: Node) -> Sequence[Run]:
        """The room that the content of a file was given on the volume, up to the end of its last block."""
        ...

    def allocated(self) -> Iterator[Ranges]:
        """What is in use on the volume, as the file system's own map says, with the map itself."""
        ...


@runtime_checkable
class Numbered(Protocol):
    """A file system that finds an object by its number, without the directory that names it."""

    def node_at(self, inode: int) -> Node:
        """The object with that number."""
        ...
