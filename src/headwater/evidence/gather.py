"""What the evidence stage has found so far: tables in parts, and defects that are told apart."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

import pyarrow as pa
import pyarrow.compute as pc

from headwater.engine import without_keys
from headwater.schema import content_id, table_named

__all__ = ["Gathered"]


class Gathered:
    """Parts of tables as they come in.

    Args:
        named: Whether the file of a path is read because the mapping names it, whatever it looks like.
    """

    def __init__(self, named: Callable[[str], bool] = lambda _path: False) -> None:
        self.named = named
        self._parts: dict[str, list[pa.Table]] = {}
        self._defects: list[dict[str, object]] = []
        self._places: Counter[tuple[str | int, ...]] = Counter()

    def add(self, name: str, part: pa.Table) -> None:
        """Takes a part of a table, in the table's schema; its order does not matter."""
        if part.num_rows:
            self._parts.setdefault(name, []).append(part.cast(table_named(name).arrow))

    def add_rows(self, name: str, rows: Iterable[Mapping[str, object]]) -> None:
        """Takes rows of a table."""
        self.add(name, table_named(name).rows(rows))

    def add_all(self, tables: Mapping[str, pa.Table]) -> None:
        """Takes parts of several tables."""
        for name, part in tables.items():
            self.add(name, part)

    def parts(self, name: str) -> Sequence[pa.Table]:
        """The parts of a table so far."""
        return self._parts.get(name, ())

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
        # The same path on two volumes, or two names that are shown alike, are two defects: told apart by their order.
        again = (self._places[place],) if self._places[place] else ()
        self._places[place] += 1
        self._defects.append(
            {
                "defect_id": content_id("dfc", *place, *again),
                "exhibit_id": exhibit_id,
                "path": path,
                "offset_bytes": offset,
                "length_bytes": length,
                "code": code,
                "reason": reason,
            }
        )

    def finished(self, names: Collection[str]) -> dict[str, pa.Table]:
        """The tables of those names, whole, checked and in order."""
        self.add_rows("defects", self._defects)
        self._defects = []
        finished = {}
        assert self._parts.keys() <= set(names), f"nobody asks for {sorted(self._parts.keys() - set(names))}"
        for name in names:
            table = table_named(name)
            whole = pa.concat_tables([table.empty(), *self._parts.pop(name, [])])
            if name == "defects":
                # A reason may repeat the value that could not be read.
                reasons, _ = without_keys(whole["reason"].combine_chunks())
                place = whole.schema.get_field_index("reason")
                told = pc.fill_null(reasons, "it cannot be read, and holds key material, which is withheld")
                whole = whole.set_column(place, whole.schema.field(place), told)
            finished[name] = table.checked(whole)
        return finished
