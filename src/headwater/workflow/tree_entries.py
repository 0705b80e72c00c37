"""The entries behind a number of the folder tree: in order of path, from any place, out of millions."""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from headwater.engine import Session
from headwater.workflow.overview import ACCOUNTED
from headwater.workflow.tree import with_accounts

__all__ = ["EntriesUnder", "FolderEntries", "folder_entries"]

_SHOWN: Final = (
    "item_id", "path", "entry_type", "size_bytes", "read_bytes", "content_kind", "content_format", "account", "reason",
)  # fmt: skip
_KEPT_QUERIES: Final = 64
"""Of each, a bit for each entry of the volume is kept, so that its next page is quick."""


_BLOCK_BYTES: Final = 4_096


@dataclass(frozen=True, slots=True, kw_only=True)
class EntriesUnder:
    """Some of the entries behind a number of the tree.

    Attributes:
        rows: Of `items`, with the account of each, in order of path.
        fitting: How many there are.
    """

    rows: list[dict[str, Any]]
    fitting: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _Volume:
    """Entries that follow each other, all of one volume: from which row on, and how many."""

    first: int
    rows: int


class _Chosen:
    """Some of many rows: a bit for each, and how many were chosen before each block, so that any of them is near."""

    def __init__(self, mask: npt.NDArray[np.bool_]) -> None:
        bits = np.packbits(mask)
        self._blocks = np.pad(bits, (0, -len(bits) % _BLOCK_BYTES)).reshape(-1, _BLOCK_BYTES)
        self._before = np.cumsum([0, *np.bitwise_count(self._blocks).sum(axis=1, dtype=np.int64)])
        self.count = int(self._before[-1])

    def places(self, first: int, rows: int) -> npt.NDArray[np.int64]:
        """Where the chosen ones lie, from the one of that number on, and so many at most."""
        found: list[npt.NDArray[np.int64]] = [np.zeros(0, np.int64)]
        at, end = first, min(first + rows, self.count)
        while at < end:
            block = int(np.searchsorted(self._before, at, side="right")) - 1
            inside = np.flatnonzero(np.unpackbits(self._blocks[block]))
            before = int(self._before[block])
            taken = inside[at - before : end - before]
            found.append(taken + block * _BLOCK_BYTES * 8)
            at += len(taken)
        return np.concatenate(found)


class FolderEntries:
    """Every entry, in order of exhibit, volume and path. Threads may share it.

    In memory it holds five bytes for each; the rows themselves may be mapped from a file.

    Args:
        rows: What is shown of each, with `exhibit_id`, `volume_index` and `directory`.
    """

    def __init__(self, rows: pa.Table) -> None:
        self._rows = rows.select(list(_SHOWN)).to_batches()
        self._starts = np.cumsum([0, *(len(batch) for batch in self._rows)])
        folders = rows["directory"].dictionary_encode().unify_dictionaries()
        self._folders = folders.chunk(0).dictionary if folders.num_chunks else pa.array([], pa.string())
        self._folder_of = _joined([chunk.indices.to_numpy() for chunk in folders.chunks], np.uint32)
        accounts = pc.index_in(rows["account"], value_set=pa.array(ACCOUNTED, pa.string()))
        self._account_of = accounts.to_numpy().astype(np.uint8)
        self._volumes: dict[tuple[str, int], _Volume] = {}
        at = 0
        volumes = rows.group_by(["exhibit_id", "volume_index"], use_threads=False).aggregate([([], "count_all")])
        for one in volumes.to_pylist():
            place = (one["exhibit_id"], one["volume_index"])
            self._volumes[place] = _Volume(first=at, rows=one["count_all"])
            at += one["count_all"]
        self._kept: OrderedDict[tuple[object, ...], _Chosen] = OrderedDict()
        self._lock = threading.Lock()

    def under(
        self, exhibit_id: str, volume_index: int, folder: str, *, account: str = "", is_here: bool = False,
        first: int = 0, rows: int = 50,
    ) -> EntriesUnder:  # fmt: skip
        """The entries behind a number of the tree.

        Args:
            exhibit_id: The exhibit.
            volume_index: Volume within it.
            folder: Path as the tree shows it.
            account: One of `ACCOUNTED`; empty for all.
            is_here: Only what lies right in the folder.
            first: Number of the first row, from 0.
            rows: How many at most.
        """
        volume = self._volumes.get((exhibit_id, volume_index), _Volume(first=0, rows=0))
        key = (exhibit_id, volume_index, folder, account, is_here)
        with self._lock:
            kept = self._kept.get(key)
        if kept is None:
            kept = _Chosen(self._mask(volume, folder, account, is_here=is_here))
            with self._lock:
                self._kept[key] = kept
                while len(self._kept) > _KEPT_QUERIES:
                    self._kept.popitem(last=False)
        places = volume.first + kept.places(first, rows)
        return EntriesUnder(rows=[self._row(place) for place in places.tolist()], fitting=kept.count)

    def _mask(self, volume: _Volume, folder: str, account: str, *, is_here: bool) -> npt.NDArray[np.bool_]:
        within = slice(volume.first, volume.first + volume.rows)
        fits = np.ones(volume.rows, np.bool_)
        if folder or is_here:
            meant = pc.equal(self._folders, folder)
            if not is_here:
                meant = pc.or_(meant, pc.starts_with(self._folders, f"{folder}/"))
            fits = meant.to_numpy(zero_copy_only=False)[self._folder_of[within]]
        if account:
            fits &= self._account_of[within] == ACCOUNTED.index(account)
        return fits

    def _row(self, place: int) -> dict[str, Any]:
        batch = int(np.searchsorted(self._starts, place, side="right")) - 1
        [row] = self._rows[batch].slice(place - int(self._starts[batch]), 1).to_pylist()
        return dict(row)


def _joined(parts: list[npt.NDArray[Any]], kind: type[np.unsignedinteger[Any]]) -> npt.NDArray[Any]:
    return np.concatenate([part.astype(kind) for part in parts]) if parts else np.zeros(0, kind)


def folder_entries(tables: Session) -> FolderEntries:
    """Every entry of the exhibits with its account."""
    told = with_accounts(tables).select(*_SHOWN, "exhibit_id", "volume_index", "directory", "path_bytes")
    order = ["exhibit_id", "volume_index", "path_bytes"]
    return FolderEntries(tables.mapped(told, order_by=order))
