"""What the evidence stage has found so far: tables in parts, and defects that are told apart."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from headwater.engine import Derived, Spool, without_keys
from headwater.schema import content_id, table_named

__all__ = ["Gathered"]

_DEFECTS_HELD = 4096


class Gathered:
    """Parts of tables as they come in.

    Args:
        named: Whether the file of a path is read because the mapping names it, whatever it looks like.
        scratch: Folder for rows that do not fit into memory; None holds them all.
    """

    def __init__(self, named: Callable[[str], bool] = lambda _path: False, *, scratch: Path | None = None) -> None:
        self.named = named
        self._scratch = scratch
        self._spools: dict[str, Spool] = {}
        self._defects: list[dict[str, object]] = []
        self._places: Counter[str] = Counter()

    def add(self, name: str, part: pa.Table) -> None:
        """Takes a part of a table, in the table's schema; its order does not matter."""
        if part.num_rows:
            if name not in self._spools:
                self._spools[name] = Spool(table_named(name), self._scratch)
            self._spools[name].add(_told_without_keys(part) if name == "defects" else part)

    def add_rows(self, name: str, rows: Iterable[Mapping[str, object]]) -> None:
        """Takes rows of a table."""
        self.add(name, table_named(name).rows(rows))

    def add_all(self, tables: Mapping[str, pa.Table]) -> None:
        """Takes parts of several tables."""
        for name, part in tables.items():
            self.add(name, part)

    def parts(self, name: str, columns: Sequence[str] | None = None) -> Iterator[pa.Table]:
        """The parts of a table so far, or those columns of them."""
        if name == "defects":
            self._add_defects()
        if name in self._spools:
            yield from self._spools[name].parts(columns)

    def defect(
        self,
        exhibit_id: str,
        path: str,
        code: str,
        reason: str,
        *,
        offset: int | None = None,
        length: int | None = None,
    ) -> None:
        """Takes what could not be read, where, and why."""
        place: tuple[str | int, ...] = (exhibit_id, path, -1 if offset is None else offset, code, reason)
        known = content_id("dfc", *place)
        # The same path on two volumes, or two names that are shown alike, are two defects: told apart by their order.
        again = self._places[known]
        self._places[known] += 1
        self._defects.append(
            {
                "defect_id": content_id("dfc", *place, again) if again else known,
                "exhibit_id": exhibit_id,
                "path": path,
                "offset_bytes": offset,
                "length_bytes": length,
                "code": code,
                "reason": reason,
            }
        )
        if len(self._defects) >= _DEFECTS_HELD:
            self._add_defects()

    def finished(self, names: Collection[str]) -> dict[str, Derived]:
        """The tables of those names, whole, checked and in order."""
        self._add_defects()
        assert self._spools.keys() <= set(names), f"nobody asks for {sorted(self._spools.keys() - set(names))}"
        finished: dict[str, Derived] = {}
        for name in names:
            spool = self._spools.pop(name, None)
            finished[name] = table_named(name).empty() if spool is None else spool.finished()
        return finished

    def _add_defects(self) -> None:
        self.add_rows("defects", self._defects)
        self._defects = []


def _told_without_keys(defects: pa.Table) -> pa.Table:
    """The defects without key material: a reason may repeat the value that could not be read."""
    reasons, _ = without_keys(defects["reason"].combine_chunks())
    place = defects.schema.get_field_index("reason")
    told = pc.fill_null(reasons, "it cannot be read, and holds key material, which is withheld")
    return defects.set_column(place, defects.schema.field(place), told)
