"""The Merkle tree of RFC 9162 over the lines of the log, and the two kinds of proof about it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence

__all__ = [
    "Frontier",
    "consistency_path",
    "inclusion_path",
    "inclusion_paths",
    "leaf_digest",
    "root_by_inclusion",
    "root_of",
    "roots_by_consistency",
]


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


def inclusion_path(leaves: Sequence[bytes], index: int) -> list[bytes]:
    """The digests that join a leaf to the root over all leaves, from the leaf upwards.

    Args:
        leaves: Leaf digests of the whole tree.
        index: Which leaf, from 0.

    References:
        RFC 9162, section 2.1.3.1.
    """
    if len(leaves) == 1:
        return []
    split = _split(len(leaves))
    if index < split:
        return [*inclusion_path(leaves[:split], index), Frontier(leaves[split:]).root()]
    return [*inclusion_path(leaves[split:], index - split), Frontier(leaves[:split]).root()]


def inclusion_paths(leaves: Sequence[bytes], indexes: Iterable[int]) -> dict[int, list[bytes]]:
    """The path of each of several leaves, as `inclusion_path` gives it; no subtree is digested twice.

    Args:
        leaves: Leaf digests of the whole tree.
        indexes: Which leaves, from 0.
    """
    known: dict[tuple[int, int], bytes] = {}

    def subtree(start: int, end: int) -> bytes:
        if end - start == 1:
            return leaves[start]
        if (start, end) not in known:
            middle = start + _split(end - start)
            known[start, end] = _node_digest(subtree(start, middle), subtree(middle, end))
        return known[start, end]

    paths = {}
    for index in indexes:
        start, end, path = 0, len(leaves), []
        while end - start > 1:
            middle = start + _split(end - start)
            if index < middle:
                path.append(subtree(middle, end))
                end = middle
            else:
                path.append(subtree(start, middle))
                start = middle
        paths[index] = path[::-1]
    return paths


def consistency_path(leaves: Sequence[bytes], first: int) -> list[bytes]:
    """The digests that show the tree over the first leaves to be the beginning of the tree over all of them.

    Args:
        leaves: Leaf digests of the whole tree.
        first: How many the smaller tree has, from 1 to all.

    References:
        RFC 9162, section 2.1.4.1.
    """
    return _subproof(leaves, first, whole=True)


def root_by_inclusion(leaf: bytes, index: int, entries: int, path: Sequence[bytes]) -> bytes | None:
    """The root that the path leads to from the leaf; None if no tree of that size has such a path.

    References:
        RFC 9162, section 2.1.3.2.
    """
    if not 0 <= index < entries:
        return None
    number, last, digest = index, entries - 1, leaf
    for sibling in path:
        if last == 0:
            return None
        if number & 1 or number == last:
            digest = _node_digest(sibling, digest)
            while not number & 1 and number:
                number, last = number >> 1, last >> 1
        else:
            digest = _node_digest(digest, sibling)
        number, last = number >> 1, last >> 1
    return digest if last == 0 else None


def roots_by_consistency(first: int, entries: int, first_root: bytes, path: Sequence[bytes]) -> tuple[bytes, bytes]:
    """The roots of the smaller and of the larger tree that the path leads to; empty if it leads nowhere.

    Args:
        first: Leaves of the smaller tree.
        entries: Leaves of the larger tree.
        first_root: Root of the smaller tree, which a path does not repeat where that tree is complete.
        path: The digests of the proof.

    References:
        RFC 9162, section 2.1.4.2.
    """
    nowhere = (b"", b"")
    if not 1 <= first <= entries:
        return nowhere
    if first == entries:
        return (first_root, first_root) if not path else nowhere
    digests = [first_root, *path] if first & (first - 1) == 0 else list(path)
    if not digests:
        return nowhere
    number, last = first - 1, entries - 1
    while number & 1:
        number, last = number >> 1, last >> 1
    smaller = larger = digests[0]
    for digest in digests[1:]:
        if last == 0:
            return nowhere
        if number & 1 or number == last:
            smaller, larger = _node_digest(digest, smaller), _node_digest(digest, larger)
            while not number & 1 and number:
                number, last = number >> 1, last >> 1
        else:
            larger = _node_digest(larger, digest)
        number, last = number >> 1, last >> 1
    return (smaller, larger) if last == 0 else nowhere


def _subproof(leaves: Sequence[bytes], first: int, *, whole: bool) -> list[bytes]:
    if first == len(leaves):
        return [] if whole else [Frontier(leaves).root()]
    split = _split(len(leaves))
    if first <= split:
        return [*_subproof(leaves[:split], first, whole=whole), Frontier(leaves[split:]).root()]
    return [*_subproof(leaves[split:], first - split, whole=False), Frontier(leaves[:split]).root()]


def _split(leaves: int) -> int:
    """The largest power of two below the number of leaves, which must be more than one."""
    return 1 << (leaves - 1).bit_length() - 1
