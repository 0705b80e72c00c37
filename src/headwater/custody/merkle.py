"""The Merkle tree of RFC 9162 over the lines of the log."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

__all__ = ["Frontier", "leaf_digest", "root_of"]


def leaf_digest(line: bytes) -> bytes:
    """The leaf of a line; the prefix keeps a leaf from ever being read as a node.

    References:
        RFC 9162, section 2.1.1.
    """
    return hashlib.sha256(b"\x00" + line).digest()


def _node_digest(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\x01" + left + right).digest()


class Frontier:
    """The complete subtrees of a tree that grows on the right: all that the next root needs.

    The subtrees stand for the bits of the number of leaves, largest first, so appending costs at most one digest a bit.
    """

    def __init__(self, leaves: Iterable[bytes] = ()) -> None:
        self._subtrees: list[tuple[int, bytes]] = []  # (leaves in it, digest)
        self.leaves = 0
        for leaf in leaves:
            self.add(leaf)

    def add(self, leaf: bytes) -> None:
        """Grow the tree by one leaf."""
        size, digest = 1, leaf
        while self._subtrees and self._subtrees[-1][0] == size:
            digest = _node_digest(self._subtrees.pop()[1], digest)
            size *= 2
        self._subtrees.append((size, digest))
        self.leaves += 1

    def root(self) -> bytes:
        """The Merkle tree hash of the leaves so far; of none, the SHA-256 of nothing."""
        if not self._subtrees:
            return hashlib.sha256(b"").digest()
        digest = self._subtrees[-1][1]
        for _, left in reversed(self._subtrees[:-1]):
            digest = _node_digest(left, digest)
        return digest

    def copy(self) -> Frontier:
        """The same tree, to grow apart from this one."""
        other = Frontier()
        other._subtrees = list(self._subtrees)
        other.leaves = self.leaves
        return other


def root_of(lines: Iterable[bytes]) -> bytes:
    """The root over the lines."""
    return Frontier(leaf_digest(line) for line in lines).root()
