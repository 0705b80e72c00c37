"""The jobs over disk images: what the image is, its volumes, its entries."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from heapq import heappop, heappush
from typing import Any, BinaryIO

import pyarrow as pa

from headwater_sealed import crc32c
from headwater_sealed.containers import container_format, image_files, open_image
from headwater_sealed.filesystem import Child, Filesystem, Node, names_of
from headwater_sealed.refusal import UnreadableError, refusing
from headwater_sealed.rows import Emit, Rows, field
from headwater_sealed.volumes import Volume, open_filesystem, volumes

__all__ = [
    "DESCRIBE_IMAGE_SCHEMA",
    "LIST_VOLUMES_SCHEMA",
    "WALK_IMAGE_SCHEMA",
    "describe_image",
    "list_volumes",
    "prepare",
    "walk_image",
]

_MAX_PATH_BYTES = 64 * 1024  # a path this long does not come about by using a file system

DESCRIBE_IMAGE_SCHEMA = pa.schema(
    [
        field("container_format", pa.string()),
        field("medium_bytes", pa.int64()),
        field("integrity", pa.string()),
        field("stored_md5", pa.string(), nullable=True),
        field("computed_md5", pa.string(), nullable=True),
        field("reason", pa.string(), nullable=True),
    ]
)

LIST_VOLUMES_SCHEMA = pa.schema(
    [
        field("volume_index", pa.int64()),
        field("offset_bytes", pa.int64()),
        field("size_bytes", pa.int64()),
        field("filesystem", pa.string()),
        field("status", pa.string()),
        field("reason", pa.string(), nullable=True),
    ]
)

WALK_IMAGE_SCHEMA = pa.schema(
    [
        field("path", pa.binary()),
        field("entry_type", pa.string()),
        field("size_bytes", pa.int64()),
        field("modified_at_us", pa.int64(), nullable=True),
        field("inode", pa.int64(), nullable=True),
        field("links", pa.int64(), nullable=True),
        field("offset_bytes", pa.int64(), nullable=True),
        field("reason", pa.string(), nullable=True),
    ]
)


def prepare() -> None:
    """Loads what the libraries would load on first use, by opening an empty medium every way there is."""
    crc32c.prepare()
    for magic in (b"", b"QFI\xfb\0\0\0\x03", b"vhdxfile", b"conectix"):
        image = io.BytesIO(magic.ljust(128 * 1024, b"\0") + magic.ljust(512, b"\0"))
        list_volumes([image], {}, lambda _batch: None)


def describe_image(files: Sequence[BinaryIO], parameters: Mapping[str, Any], emit: Emit) -> None:
    """One row: the format, the medium's size, and whether the image is what its acquisition sealed.

    `integrity` is `verified` if the image stores an MD5 that the medium has and every chunk's checksum is right,
    `failed` with the reason if something differs, and `not-stored` if the format stores nothing to check against.
    """
    rows = Rows(DESCRIBE_IMAGE_SCHEMA, emit)
    name, _refused = container_format(image_files(files, parameters))
    try:
        medium = open_image(files, parameters)
    except UnreadableError as error:
        size_bytes = sum(file.seek(0, os.SEEK_END) for file in files)
        integrity = "failed" if name == "e01" else "not-stored"
        rows.add(container_format=name, medium_bytes=size_bytes, integrity=integrity, reason=error.reason)
        rows.close()
        return
    row: dict[str, Any] = {"container_format": name, "medium_bytes": medium.size_bytes, "integrity": "not-stored"}
    if medium.ewf is not None:
        found = medium.ewf.verification()
        row |= {"stored_md5": found.stored_md5, "computed_md5": found.computed_md5, "reason": found.failure}
        if found.failure is not None:
            row["integrity"] = "failed"
        elif found.stored_md5 is not None:
            row["integrity"] = "verified"
    rows.add(**row)
    rows.close()


def list_volumes(files: Sequence[BinaryIO], parameters: Mapping[str, Any], emit: Emit) -> None:
    """One row a volume, at least one; what is not read has status `refused` and its reason, by name."""
    rows = Rows(LIST_VOLUMES_SCHEMA, emit)
    try:
        found = volumes(open_image(files, parameters))
    except UnreadableError as error:
        size_bytes = sum(file.seek(0, os.SEEK_END) for file in files)
        name, _ = container_format(image_files(files, parameters))
        filesystem = name if name != "raw" else "unknown"
        found = [Volume(index=0, offset_bytes=0, size_bytes=size_bytes, filesystem=filesystem, refused=error.reason)]
    for volume in found:
        rows.add(
            volume_index=volume.index,
            offset_bytes=volume.offset_bytes,
            size_bytes=volume.size_bytes,
            filesystem=volume.filesystem,
            status="readable" if volume.refused is None else "refused",
            reason="; ".join(text for text in (volume.refused, volume.remark) if text) or None,
        )
    rows.close()


def _row(path: bytes, child: Child, filesystem: Filesystem, volume: Volume) -> dict[str, Any]:
    node = child.node
    if node is None:
        return {"path": path, "entry_type": "other", "size_bytes": 0, "reason": child.reason}
    row: dict[str, Any] = {
        "path": path,
        "entry_type": node.entry_type,
        # A hostile size beyond 63 bits has no place in the column; reading it fails with its reason anyway.
        "size_bytes": min(node.size_bytes, 2**63 - 1),
        "modified_at_us": node.modified_at_us,
        "inode": node.inode,
        "links": node.links,
        "reason": node.reason,
    }
    if node.reason is None and node.entry_type == "file":
        try:
            with refusing("its content cannot be found"):
                first = filesystem.first_byte(node)
                row["offset_bytes"] = None if first is None else volume.on_medium(first)
        except UnreadableError as error:
            row["reason"] = error.reason
    return row


class _Walk:
    """The rows of a volume in the order of the paths' bytes, held in memory one directory at a time.

    Below a directory `a` every path begins with `a/`; so among the names beside it, the subtree has its place where
    the name `a/` would have it, and the whole comes out sorted without being collected first.
    """

    def __init__(self, filesystem: Filesystem, volume: Volume) -> None:
        self._filesystem = filesystem
        self._volume = volume
        self._listing = lru_cache(4)(filesystem.listing)
        self._listed: set[int] = set()  # directories by inode: hostile ones name each other

    def rows(self) -> Iterator[dict[str, Any]]:
        """One row an entry."""
        root = self._filesystem.root()
        self._listed.update(() if root.inode is None else (root.inode,))
        if (reason := self._listing(root).reason) is not None:
            # The root is no entry, so the names missing from it need a row of their own.
            yield {"path": b".", "entry_type": "directory", "size_bytes": 0, "reason": reason}
        stack = [self._events(b"", root)]
        while stack:
            event = next(stack[-1], None)
            if event is None:
                stack.pop()
            elif isinstance(event, dict):
                yield event
            else:
                stack.append(self._events(*event))

    def _events(self, prefix: bytes, directory: Node) -> Iterator[dict[str, Any] | tuple[bytes, Node]]:
        """Rows and, in their place among them, the directories to go down into."""
        children = self._listing(directory).children
        names = names_of(children)
        below: list[tuple[bytes, int, Node]] = []  # the directories whose place is still to come
        for number in sorted(range(len(names)), key=names.__getitem__):
            while below and below[0][0] <= names[number]:
                name, _, node = heappop(below)
                yield prefix + name, node
            child = children[number]
            path = prefix + child.name
            row = _row(path, child, self._filesystem, self._volume)
            if child.node is not None and child.node.entry_type == "directory":
                reason = self._refusal(child.node, path)
                if reason is None:
                    reason = self._listing(child.node).reason
                    heappush(below, (child.name + b"/", number, child.node))
                row["reason"] = row["reason"] or reason
            yield row
        while below:
            name, _, node = heappop(below)
            yield prefix + name, node

    def _refusal(self, node: Node, path: bytes) -> str | None:
        """Why the directory is not gone into; None if it is."""
        if node.inode is not None and node.inode in self._listed:
            return f"directory {node.inode} was listed under another name already"
        if len(path) > _MAX_PATH_BYTES:
            return f"its path is longer than {_MAX_PATH_BYTES} bytes"
        if node.inode is not None:
            self._listed.add(node.inode)
        return None


def walk_image(files: Sequence[BinaryIO], parameters: Mapping[str, Any], emit: Emit) -> None:
    """One row an entry of the volume, in the order of the paths' bytes; links are never followed.

    What cannot be read is a row with its reason. Names missing from a damaged directory are told in the directory's
    own row; for the root directory, which has none, in a row with the path `.`, which no entry can have.
    """
    volume, filesystem = open_filesystem(open_image(files, parameters), int(parameters["volume_index"]))
    rows = Rows(WALK_IMAGE_SCHEMA, emit)
    for row in _Walk(filesystem, volume).rows():
        rows.add(**row)
    rows.close()
