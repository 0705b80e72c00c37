"""What the image jobs ask of a file system, whoever reads it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import BinaryIO, Protocol, runtime_checkable

__all__ = ["Child", "Filesystem", "Listing", "Node", "Numbered"]


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


@runtime_checkable
class Numbered(Protocol):
    """A file system that finds an object by its number, without the directory that names it."""

    def node_at(self, inode: int) -> Node:
        """The object with that number."""
        ...
