"""What bound rows show of a mapping afterwards: shares that a right mapping has near the whole, and a wrong one not.

Orphans, times outside the server's life, addresses with a wrong checksum, paths and digests that are nowhere on the
exhibits: each is counted and kept with the rows, so that whoever reads a lead later can see how well its mapping held.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.compute as pc

from headwater.evidence.gather import Gathered
from headwater.evidence.mapping import PlatformMapping
from headwater.evidence.shapes import PLAUSIBLE_WINDOW, is_coin_address
from headwater.evidence.targets import TARGETS
from headwater.evidence.zones import is_twice, zone_named
from headwater.schema import table_named

__all__ = ["mapping_checks"]

_DIGESTS = {"media_sha256": "sha256", "media_sha1": "sha1", "media_md5": "md5"}


def mapping_checks(mapping: PlatformMapping, gathered: Gathered) -> pa.Table:
    """Rows of the table `mapping_checks` for everything that has been bound.

    Args:
        mapping: What bound it.
        gathered: The stage's tables so far.
    """
    found = _OnExhibits(gathered)
    tables = pa.concat_tables([table_named("dump_tables").empty(), *gathered.parts("dump_tables")])
    orphans = _orphans(gathered)
    rows: list[dict[str, object]] = []
    for counted in tables.to_pylist():
        if not counted["bound_to"]:
            continue
        place = counted["exhibit_id"], counted["source_table"]
        of_table = {
            "exhibit_id": place[0],
            "mapping_id": mapping.mapping_id,
            "source_table": place[1],
            "binds": counted["bound_to"],
            "bound_part": counted["bound_part"],
        }
        lost = orphans.get(place, 0)
        kept = counted["rows_mapped"]
        rows.append({**of_table, **_check("", "used", counted["rows_read"], kept)})
        rows.append({**of_table, **_check("", "no_orphan", kept + lost, kept)})
        bound = _bound_rows(gathered, TARGETS[counted["bound_to"]].table, *place)
        checks = _checks(counted["bound_to"], bound, found, _zones(mapping, counted))
        rows += [{**of_table, "bound_part": "", **check} for check in checks]
    return table_named("mapping_checks").rows(_summed(rows))


def _check(column: str, name: str, rows: int, met: int) -> dict[str, object]:
    return {"column_name": column, "check_name": name, "rows": rows, "rows_met": met}


def _summed(rows: Iterable[dict[str, object]]) -> list[dict[str, object]]:
    """One row for each check, where a table lies in several files of an exhibit, or is bound more than once."""
    key = table_named("mapping_checks").key
    summed: dict[tuple[object, ...], dict[str, object]] = {}
    for row in rows:
        place = tuple(row[name] for name in key)
        known = summed.setdefault(place, {**row, "rows": 0, "rows_met": 0})
        if row["column_name"] and known["rows"]:
            continue  # counted over all files already
        known["rows"] = int(str(known["rows"])) + int(str(row["rows"]))
        known["rows_met"] = int(str(known["rows_met"])) + int(str(row["rows_met"]))
    return list(summed.values())


def _orphans(gathered: Gathered) -> dict[tuple[str, str], int]:
    counts: Counter[tuple[str, str]] = Counter()
    for part in gathered.parts("defects", ["exhibit_id", "source_table", "code"]):
        for row in part.filter(pc.equal(part["code"], "orphan_row")).to_pylist():
            counts[row["exhibit_id"], row["source_table"]] += 1
    return counts


def _bound_rows(gathered: Gathered, table: str, exhibit_id: str, source_table: str) -> pa.Table:
    parts = [
        part.filter(pc.and_(pc.equal(part["exhibit_id"], exhibit_id), pc.equal(part["source_table"], source_table)))
        for part in gathered.parts(table)
    ]
    return pa.concat_tables([table_named(table).empty(), *parts])


def _zones(mapping: PlatformMapping, counted: Mapping[str, str]) -> dict[str, ZoneInfo]:
    """The zones of those columns of ours that are bound to local times."""
    return {
        column.target: zone_named(column.zone)
        for binding in mapping.bindings
        if binding.binds == counted["bound_to"] and binding.binds_table(counted["source_table"])
        for column in binding.columns
        if column.zone is not None
    }


def _times_once(times: pa.ChunkedArray, zone: ZoneInfo) -> int:
    """How many of the times are one instant, not two between which the clocks were put back."""
    counts = pc.value_counts(times.combine_chunks())
    pairs = zip(counts.field("values").to_pylist(), counts.field("counts").to_pylist(), strict=True)
    return sum(count for at, count in pairs if not is_twice(at, zone))


def _checks(
    binds: str, rows: pa.Table, found: _OnExhibits, zones: Mapping[str, ZoneInfo]
) -> Iterator[dict[str, object]]:
    for name, kind in TARGETS[binds].columns.items():
        column = f"{name}_id" if kind in {"account", "invoice"} else name
        if column not in rows.column_names:
            continue
        values = rows[column]
        filled = len(values) - values.null_count
        yield _check(name, "filled", len(values), filled)
        if not filled:
            continue
        there = values.drop_null()
        if kind == "time":
            at_s = pc.divide(there.cast(pa.int64()), 1_000_000)
            inside = pc.and_(
                pc.greater_equal(at_s, PLAUSIBLE_WINDOW.first_s), pc.less_equal(at_s, PLAUSIBLE_WINDOW.last_s)
            )
            yield _check(name, "inside_window", filled, pc.sum(inside).as_py())
            if name in zones:
                yield _check(name, "one_instant", filled, _times_once(there, zones[name]))
        elif name == "address":
            yield _check(name, "valid_address", filled, sum(map(is_coin_address, there.cast(pa.binary()).to_pylist())))
        elif name == "media_path":
            yield _check(name, "path_found", filled, found.count("path", there))
        elif name in _DIGESTS:
            yield _check(name, "digest_found", filled, found.count(_DIGESTS[name], there))


class _OnExhibits:
    """What lies on the exhibits, looked up only if a mapping binds something that may."""

    def __init__(self, gathered: Gathered) -> None:
        self._gathered = gathered

    def count(self, column: str, values: pa.ChunkedArray) -> int:
        """How many of the values are in that column of a file's entry."""
        wanted = pc.unique(values)
        found: list[pa.Array] = []
        # Rows name some files, exhibits hold millions: what is kept is what rows name.
        for part in self._gathered.parts("entries", ["entry_type", column]):
            there = part.filter(pc.equal(part["entry_type"], "file"))[column]
            found.append(pc.unique(there.filter(pc.is_in(there, value_set=wanted))))
        known = pc.unique(pa.chunked_array(found, pa.string()))
        return int(pc.sum(pc.is_in(values, value_set=known)).as_py() or 0)
