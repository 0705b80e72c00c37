"""The folders of the exhibits, level by level: of each, where everything below it went, and whether that adds up."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import ibis
import ibis.expr.types as ir
import pyarrow as pa
import pyarrow.compute as pc

from headwater.engine import Session
from headwater.errors import InputError
from headwater.workflow.overview import ACCOUNTED, AccountLine

__all__ = ["FolderLevel", "FolderLine", "FolderSums", "folder_sums", "with_accounts"]

_STATED: Final = ""
"""In the place of an account: what the directories of the evidence state, which the accounts have to add up to."""
_KEPT_LEVELS: Final = 16
"""One of them may hold thousands of folders."""
_PLACE: Final = ("exhibit_id", "volume_index", "directory")


@dataclass(frozen=True, slots=True, kw_only=True)
class FolderLine:
    """A folder with all that is below it, or what lies right in one.

    Attributes:
        exhibit_id: The exhibit.
        volume_index: Volume within it.
        folder: Its path, shown; empty for the exhibit itself.
        name: Its last part.
        is_here: Whether this is what lies right in the folder, without what is below its folders.
        entries: Entries that the directories name.
        size_bytes: Bytes that they state.
        lines: Where these went, in the order of `ACCOUNTED`.
    """

    exhibit_id: str
    volume_index: int
    folder: str
    name: str
    is_here: bool
    entries: int
    size_bytes: int
    lines: tuple[AccountLine, ...]

    @property
    def unaccounted_entries(self) -> int:
        """Entries that went nowhere; 0 where the folder adds up."""
        return self.entries - sum(line.entries for line in self.lines)

    @property
    def unaccounted_bytes(self) -> int:
        """Bytes that went nowhere; 0 where the folder adds up."""
        return self.size_bytes - sum(line.size_bytes for line in self.lines)


@dataclass(frozen=True, slots=True, kw_only=True)
class FolderLevel:
    """One folder opened.

    Attributes:
        whole: The folder itself, all that is below it.
        parts: Its folders, largest first, then what lies right in it; they add up to the whole.
    """

    whole: FolderLine
    parts: tuple[FolderLine, ...]


class FolderSums:
    """Entries and bytes by folder and account, summed once; a level of them is found without reading the case again.

    Args:
        sums: Exhibit, volume, directory, account (empty for what is stated), entries and bytes.
    """

    def __init__(self, sums: pa.Table) -> None:
        self._sums = sums
        self._levels: OrderedDict[tuple[str, int, str], FolderLevel] = OrderedDict()
        self._exhibits: list[FolderLine] = []
        self._lock = threading.Lock()
        places = sums.group_by(["exhibit_id", "volume_index"]).aggregate([]).to_pylist()
        self._volumes = sorted((row["exhibit_id"], row["volume_index"]) for row in places)

    def exhibits(self) -> list[FolderLine]:
        """Each volume of each exhibit as a folder, in order."""
        if not self._exhibits:
            self._exhibits = [self.level(exhibit_id, volume_index).whole for exhibit_id, volume_index in self._volumes]
        return list(self._exhibits)

    def level(self, exhibit_id: str, volume_index: int = 0, folder: str = "") -> FolderLevel:
        """What a folder holds.

        Raises:
            InputError: The exhibits name no such folder.
        """
        place = (exhibit_id, volume_index, folder)
        with self._lock:
            if place in self._levels:
                self._levels.move_to_end(place)
                return self._levels[place]
        level = self._level(*place)
        with self._lock:
            self._levels[place] = level
            while len(self._levels) > _KEPT_LEVELS:
                self._levels.popitem(last=False)
        return level

    def _level(self, exhibit_id: str, volume_index: int, folder: str) -> FolderLevel:
        sums = self._sums
        fits = pc.and_(pc.equal(sums["exhibit_id"], exhibit_id), pc.equal(sums["volume_index"], volume_index))
        if folder:
            below = pc.starts_with(sums["directory"], f"{folder}/")
            fits = pc.and_(fits, pc.or_(pc.equal(sums["directory"], folder), below))
        found = sums.filter(fits)
        if not found.num_rows:
            place = f"{exhibit_id} volume {volume_index} {folder}".strip()
            raise InputError(place, "no such folder", remedy="begin with 'headwater tree CASE' and go down")
        rest = pc.utf8_slice_codeunits(found["directory"], len(folder) + 1 if folder else 0)
        is_here = pc.equal(found["directory"], folder)
        child = pc.if_else(is_here, None, pc.list_element(pc.split_pattern(rest, "/", max_splits=1), 0))
        place_of = {"exhibit_id": exhibit_id, "volume_index": volume_index}
        by_child = _by_part(found.append_column("part", child))
        here = by_child.pop(None, None)
        parts = [
            _line({**place_of, "folder": f"{folder}/{name}" if folder else name, "name": name}, counted)
            for name, counted in by_child.items()
        ]
        parts.sort(key=lambda line: (-line.size_bytes, -line.entries, line.name))
        own = {**place_of, "folder": folder, "name": folder.rpartition("/")[2]}
        if here is not None:
            parts.append(_line(own, here, is_here=True))
        [whole] = _by_part(found.append_column("part", pa.nulls(found.num_rows, pa.string()))).values()
        return FolderLevel(whole=_line(own, whole), parts=tuple(parts))


_Counted = Mapping[str, tuple[int, int]]
"""From an account to its entries and bytes."""


def _by_part(sums: pa.Table) -> dict[str | None, dict[str, tuple[int, int]]]:
    summed = sums.group_by(["part", "account"]).aggregate([("entries", "sum"), ("size_bytes", "sum")])
    found: dict[str | None, dict[str, tuple[int, int]]] = {}
    for row in summed.to_pylist():
        found.setdefault(row["part"], {})[row["account"]] = (row["entries_sum"], row["size_bytes_sum"])
    return found


def _line(place: Mapping[str, Any], counted: _Counted, *, is_here: bool = False) -> FolderLine:
    entries, size_bytes = counted.get(_STATED, (0, 0))
    lines = []
    for account in ACCOUNTED:
        n, b = counted.get(account, (0, 0))
        lines.append(AccountLine(account=account, entries=n, size_bytes=b))
    return FolderLine(**place, is_here=is_here, entries=entries, size_bytes=size_bytes, lines=tuple(lines))


def folder_sums(tables: Session) -> FolderSums:
    """The sums of every folder of every exhibit.

    What is stated comes from `entries`, where it went from `items` and `media_verdicts`: what one of them lacks shows.
    """
    entries, told = tables.table("entries"), with_accounts(tables)
    stated = _summed(entries.mutate(account=ibis.literal(_STATED)))
    went = _summed(told)
    parts = [tables.result(sums, order_by=[*_PLACE, "account"]) for sums in (stated, went)]
    return FolderSums(pa.concat_tables(part.select(parts[0].column_names) for part in parts))


def with_accounts(tables: Session) -> ir.Table:
    """The items, each with its account."""
    items, verdicts = tables.table("items"), tables.table("media_verdicts")
    joined = items.left_join(verdicts.select("item_id", "verdict_group"), "item_id")
    account = (joined.disposition == "catalogued").ifelse(
        ibis.coalesce(joined.verdict_group, "other"), joined.disposition
    )
    return joined.select(*items.columns, account=account)


def _summed(rows: ir.Table) -> ir.Table:
    size = (rows.entry_type == "file").ifelse(rows.size_bytes, 0)
    return rows.group_by([*_PLACE, "account"]).aggregate(
        entries=rows.count().cast("int64"), size_bytes=size.sum().cast("int64")
    )
