"""The byte sources that a job's parameters name: files as received, or entries of a volume of an image.

{"volume_index": 0, "entries": [{"path_hex": "7661722f6c6f67", "inode": 12}]}   entries of a volume of the image
{"entries": [{"file_index": 0}]}                                                files as they were received
{"entries": [{"file_index": 0, "members": [3, 0]}]}     the first member of the archive that is the fourth of that file

The number of a file stands beside its path where the walk gave one; a file system that can goes by it.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, BinaryIO

from headwater_sealed.archive_members import MemberCursor, open_member
from headwater_sealed.containers import open_image
from headwater_sealed.filesystem import Filesystem, Node, Numbered
from headwater_sealed.refusal import UnreadableError
from headwater_sealed.volumes import open_filesystem

__all__ = ["Sources"]

_CACHED_DIRECTORIES = 64


class Sources:
    """Opens what the entries of one request name.

    Args:
        files: As received.
        parameters: The job's; `volume_index` says that the files are an image.

    Raises:
        UnreadableError: The files are named as an image and its volume is not read.
    """

    def __init__(self, files: Sequence[BinaryIO], parameters: Mapping[str, Any]) -> None:
        self._files = files
        self._filesystem: Filesystem | None = None
        self._cursor: tuple[Mapping[str, Any], MemberCursor] | None = None
        if parameters.get("volume_index") is not None:
            _, self._filesystem = open_filesystem(open_image(files, parameters), int(parameters["volume_index"]))
        self._children = lru_cache(_CACHED_DIRECTORIES)(self._read_children)

    def open(self, entry: Mapping[str, Any]) -> BinaryIO:
        """The content of the entry, from its beginning, with an offset of its own.

        Raises:
            UnreadableError: There is no such entry, or it is not a file that can be read.
        """
        members = entry.get("members")
        if not members:
            return self.open_sized(entry)[0]
        archive = {name: value for name, value in entry.items() if name != "members"}
        if self._cursor is None or self._cursor[0] != archive:
            # One at a time: the entries of a request that are of one archive stand together.
            self._cursor = archive, MemberCursor(self.open_sized(archive)[0])
        return open_member(self._cursor[1], [int(number) for number in members])

    def open_sized(self, entry: Mapping[str, Any]) -> tuple[BinaryIO, int]:
        """The content of an entry that is no member of an archive, and the size it is recorded with."""
        if entry.get("path_hex") is None:
            index = int(entry.get("file_index", 0))
            if not 0 <= index < len(self._files):
                raise UnreadableError(f"no file {index} was given")
            file = self._files[index]
            size_bytes = file.seek(0, os.SEEK_END)
            file.seek(0)
            return file, size_bytes
        if self._filesystem is None:
            raise UnreadableError("a path was named, but no volume")
        inode = entry.get("inode")
        if inode is not None and isinstance(self._filesystem, Numbered):
            # A directory may hold a million names: listing it for each of them would take for ever.
            node = self._filesystem.node_at(int(inode))
        else:
            node = self._node(bytes.fromhex(entry["path_hex"]))
        if node.entry_type != "file":
            raise UnreadableError(f"it is a {node.entry_type}, not a file")
        return self._filesystem.content(node), node.size_bytes

    def _node(self, path: bytes) -> Node:
        *parents, name = path.split(b"/")
        node = self._children(tuple(parents)).get(name)
        if node is None:
            raise UnreadableError("no such entry, or it cannot be read")
        return node

    def _read_children(self, parents: tuple[bytes, ...]) -> dict[bytes, Node]:
        """The nodes in a directory by name; of two equal names the first one, as a kernel would."""
        assert self._filesystem is not None
        directory = self._children(parents[:-1]).get(parents[-1]) if parents else self._filesystem.root()
        if directory is None or directory.entry_type != "directory":
            return {}
        found: dict[bytes, Node] = {}
        for child in self._filesystem.listing(directory).children:
            if child.node is not None:
                found.setdefault(child.name, child.node)
        return found
