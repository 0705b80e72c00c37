"""Every byte of a medium, told by what holds it: the other side of the list of files, which must add up to its size."""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, BinaryIO

import numpy as np
import pyarrow as pa

from headwater_sealed.basic import Emit
from headwater_sealed.containers import Medium, open_image
from headwater_sealed.filesystem import Filesystem, Node
from headwater_sealed.ranges import NO_RANGES, Ranges, ranges_of, tiles
from headwater_sealed.refusal import UnreadableError, refusing
from headwater_sealed.views import Run
from headwater_sealed.volumes import Volume, open_filesystem, volumes

__all__ = ["RANGE_KINDS", "TILE_MEDIUM_SCHEMA", "tile_medium"]

RANGE_KINDS = {
    "unreadable": "bytes that an image no longer has, content that cannot be read, or a volume whose map is damaged",
    "content": "content of entries that can be read",
    "slack": "behind the end of an entry, up to the end of the room it was given",
    "structures": "in use, and content of no entry: the file system's own, directories, what a damaged one names",
    "unallocated": "free, as the file system says",
    "refused": "a volume that is not read",
    "outside": "in no volume, or behind the end of a file system",
}
"""What may hold a range of a medium; where two claim it, the one that stands first."""

_BATCH_ROWS = 65_536
_MAX_RANGES = 100_000_000
_MAX_DEPTH = 4096

TILE_MEDIUM_SCHEMA = pa.schema(
    [
        pa.field("start_bytes", pa.int64(), nullable=False),
        pa.field("range_bytes", pa.int64(), nullable=False),
        pa.field("range_kind", pa.string(), nullable=False),
        pa.field("volume_index", pa.int64()),
        pa.field("reason", pa.string()),
    ]
)


class _Pairs:
    """Beginnings and lengths, sixteen bytes each."""

    def __init__(self) -> None:
        self._numbers = array("q")

    def add(self, start_bytes: int, size_bytes: int) -> None:
        self._numbers.extend((start_bytes, size_bytes))
        if len(self._numbers) > 2 * _MAX_RANGES:
            raise UnreadableError(f"more than {_MAX_RANGES} ranges of content")

    def ranges(self) -> Ranges:
        return np.frombuffer(self._numbers, np.int64).reshape(-1, 2) if self._numbers else NO_RANGES


@dataclass(slots=True)
class _Held:
    """What holds a volume, in bytes of the volume."""

    content: _Pairs = field(default_factory=_Pairs)
    slack: _Pairs = field(default_factory=_Pairs)
    unreadable: _Pairs = field(default_factory=_Pairs)
    structures: Ranges = field(default_factory=lambda: NO_RANGES)
    covered: Ranges = field(default_factory=lambda: NO_RANGES)
    unmapped: str | None = None

    def take(self, filesystem: Filesystem, node: Node) -> None:
        """The ranges of a file."""
        try:
            with refusing("its content cannot be found"):
                runs = filesystem.extents(node)
        except UnreadableError:
            return  # its entry has the reason; where it lies nobody knows
        pairs = self.content if node.reason is None else self.unreadable
        for run in runs:
            inside = max(0, min(run.size_bytes, node.size_bytes - run.at_bytes))
            if inside:
                pairs.add(run.from_bytes, inside)
            if inside < run.size_bytes:
                self.slack.add(run.from_bytes + inside, run.size_bytes - inside)


class _Files:
    """Every file of a volume once, however many names it has."""

    def __init__(self, filesystem: Filesystem) -> None:
        self._filesystem = filesystem
        self._seen: set[int] = set()  # directories, which hostile ones name again, and files of several names

    def __iter__(self) -> Iterator[Node]:
        stack = [self._below(self._filesystem.root())]
        while stack:
            node = next(stack[-1], None)
            if node is None:
                stack.pop()
            elif node.entry_type == "file":
                yield node
            elif len(stack) < _MAX_DEPTH:
                stack.append(self._below(node))

    def _below(self, directory: Node) -> Iterator[Node]:
        """The files and directories that a directory names; where it is damaged, its entry has the reason."""
        if self._again(directory):
            return
        with suppress(UnreadableError), refusing("the directory is damaged"):
            for child in self._filesystem.listing(directory).children:
                node = child.node
                if node is None or node.entry_type not in {"file", "directory"}:
                    continue
                if node.entry_type == "directory" or node.links == 1 or not self._again(node):
                    yield node

    def _again(self, node: Node) -> bool:
        if node.inode is None:
            return False
        known = node.inode in self._seen
        self._seen.add(node.inode)
        return known


def _held(filesystem: Filesystem) -> _Held:
    held = _Held()
    for node in _Files(filesystem):
        held.take(filesystem, node)
    held.covered = ranges_of([(0, filesystem.whole_bytes)])
    try:
        with refusing("the map of what is in use is damaged"):
            held.structures = np.concatenate([NO_RANGES, *filesystem.allocated()])
    except UnreadableError as error:
        held.unmapped = error.reason
    return held


def _on_medium(volume: Volume, ranges: Ranges) -> Ranges:
    """Ranges of a volume where they lie on the medium, cut where its parts end."""
    inside = ranges.copy()
    ends = np.clip(inside[:, 0] + inside[:, 1], 0, volume.size_bytes)
    inside[:, 0] = np.clip(inside[:, 0], 0, volume.size_bytes)
    inside[:, 1] = ends - inside[:, 0]
    runs = volume.runs or (Run(at_bytes=0, from_bytes=volume.offset_bytes, size_bytes=volume.size_bytes),)
    parts = [NO_RANGES]
    for run in runs:
        starts = np.maximum(inside[:, 0], run.at_bytes)
        stops = np.minimum(inside[:, 0] + inside[:, 1], run.at_bytes + run.size_bytes)
        there = stops > starts
        parts.append(np.stack([starts[there] - run.at_bytes + run.from_bytes, (stops - starts)[there]], axis=1))
    return np.concatenate(parts)


def _layers(medium: Medium, volume: Volume) -> Iterator[tuple[str, int | None, str | None, Ranges]]:
    """What holds the volume, the uppermost layer first."""
    whole = ranges_of([(0, volume.size_bytes)])
    index = volume.index
    if volume.refused is None:
        _, filesystem = open_filesystem(medium, index)
        held = _held(filesystem)
        yield "unreadable", index, "content that cannot be read", _on_medium(volume, held.unreadable.ranges())
        yield "content", index, None, _on_medium(volume, held.content.ranges())
        yield "slack", index, None, _on_medium(volume, held.slack.ranges())
        if held.unmapped is not None:
            yield "unreadable", index, held.unmapped, _on_medium(volume, held.covered)
        else:
            yield "structures", index, None, _on_medium(volume, held.structures)
            yield "unallocated", index, None, _on_medium(volume, held.covered)
        yield "outside", index, "behind the end of the file system", _on_medium(volume, whole)
    elif volume.filesystem == "unknown" and volume.size_bytes >= medium.size_bytes:
        yield "refused", None, volume.refused, _on_medium(volume, whole)
    else:
        yield "refused", index, volume.refused, _on_medium(volume, whole)


def tile_medium(files: Sequence[BinaryIO], parameters: Mapping[str, Any], emit: Emit) -> None:
    """Ranges side by side from the first byte of the medium to its last, each with what holds it.

    `verify` among the parameters asks an image with checksums which of its parts are damaged; that reads it all.
    """
    medium = open_image(files, parameters)
    damaged = medium.ewf.damaged() if medium.ewf is not None and parameters.get("verify") else []
    layers: list[tuple[str, int | None, str | None, Ranges]] = [
        ("unreadable", None, "the image's own checksum fails", ranges_of(damaged))
    ]
    for volume in volumes(medium):
        layers += _layers(medium, volume)
    starts, sizes, numbers = tiles([layer for *_, layer in layers], medium.size_bytes)
    labels = [(kind, index, reason) for kind, index, reason, _ in layers]
    labels.append(("outside", None, "in no volume"))
    for at in range(0, len(starts), _BATCH_ROWS):
        part = slice(at, at + _BATCH_ROWS)
        found = [labels[number] for number in numbers[part].tolist()]
        columns = [starts[part], sizes[part], *(list(column) for column in zip(*found, strict=True))]
        arrays = [pa.array(column, f.type) for column, f in zip(columns, TILE_MEDIUM_SCHEMA, strict=True)]
        emit(pa.record_batch(arrays, schema=TILE_MEDIUM_SCHEMA))
