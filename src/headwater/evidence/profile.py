"""Profiles of an application's tables, from the records of a dump: what each column holds, as counts and shares.

Three ways in which applications hide columns are undone here: a table that was split into many of one form is one
table; an object of JSON in a cell is a column for each of its paths; names are cut into words, whatever joins them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from headwater.evidence.shapes import TimeWindow, shares_of
from headwater.evidence.sketch import ColumnSketch

__all__ = ["ColumnProfile", "PlatformProfile", "TableProfile", "name_words", "profile_of"]

_MOSTLY_PPM = 800_000  # this much of a column's values must be objects of JSON to look into them
_MAX_PATHS = 64  # of one column: settings of an application have few, keys that are values have no end
_MAX_DEPTH = 4
_SHARD = re.compile(r"(?<=[^0-9])_?[0-9]{1,6}\Z")
_LEAST_SHARDS = 2
_LETTERS_OR_DIGITS = re.compile(r"[^\W\d_]+|\d+")


def name_words(name: str) -> tuple[str, ...]:
    """The words that a name is put together from, in lower case: `userId2` and `USER_ID_2` are user, id, 2."""
    return tuple(word.lower() for run in _LETTERS_OR_DIGITS.findall(name) for word in _humps(run))


def _humps(run: str) -> Iterator[str]:
    """The run cut before a capital that begins a word: behind a small letter, or before one."""
    start = 0
    for at in range(1, len(run)):
        if run[at].isupper() and (run[at - 1].islower() or run[at + 1 : at + 2].islower()):
            yield run[start:at]
            start = at
    yield run[start:]


@dataclass(frozen=True, kw_only=True)
class ColumnProfile:
    """What is known of a column.

    Attributes:
        table: As the dump names it; of a table in parts, their common name with `*`.
        column: As the dump names it; a path inside objects is `column->key->key`.
        declared_type: As declared; empty inside objects.
        sketch: Counts and a sample.
        window: In which times are plausible.
    """

    table: str
    column: str
    declared_type: str
    sketch: ColumnSketch
    window: TimeWindow

    @cached_property
    def shares_ppm(self) -> Mapping[str, int]:
        """For each shape, the share of the sampled distinct values that have it."""
        return shares_of(self.sketch.values, self.window) if self.sketch.values else {}

    @property
    def words(self) -> tuple[str, ...]:
        """The words of its name."""
        return name_words(self.column)

    @property
    def is_unique(self) -> bool:
        """Whether every row has a value of its own, as far as a sample tells."""
        sketch = self.sketch
        # An estimate of the number of distinct values is within some 5 %; three times that is room enough.
        return sketch.rows > 0 and sketch.filled == sketch.rows and sketch.distinct >= 0.85 * sketch.rows


@dataclass(frozen=True, slots=True, kw_only=True)
class TableProfile:
    """What is known of a table.

    Attributes:
        table: Its name.
        parts: The tables it is made of, more than one if it was split.
        rows: Rows read.
        rows_of_other_width: Rows that had not one value for each column, and are in no count.
        columns: Its columns, each followed by the paths inside it.
    """

    table: str
    parts: tuple[str, ...]
    rows: int
    rows_of_other_width: int
    columns: tuple[ColumnProfile, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PlatformProfile:
    """The tables of a platform, in the order of their names."""

    tables: tuple[TableProfile, ...]


class _Table:
    """Counts of one table as they come."""

    def __init__(self, names: tuple[str, ...], types: tuple[str, ...]) -> None:
        self.form = names, types
        self.sketches = [ColumnSketch() for _ in names]
        self.rows = 0
        self.rows_of_other_width = 0

    def take(self, cells: pa.ListArray) -> None:
        """Takes rows, each a list of its cells."""
        width = len(self.sketches)
        fitting = cells.filter(pc.equal(pc.list_value_length(cells), width))
        self.rows += len(cells)
        self.rows_of_other_width += len(cells) - len(fitting)
        flat = fitting.flatten()
        for place, sketch in enumerate(self.sketches):
            sketch.add(flat.take(pa.array(np.arange(place, len(flat), width))))

    def merge(self, other: _Table) -> None:
        """Takes what another table of the same form has taken."""
        self.rows += other.rows
        self.rows_of_other_width += other.rows_of_other_width
        for mine, theirs in zip(self.sketches, other.sketches, strict=True):
            mine.merge(theirs)


def profile_of(batches: Iterable[pa.RecordBatch], window: TimeWindow) -> PlatformProfile:
    """The profile of all tables that have named columns, in one pass and in memory that does not grow with the rows.

    Args:
        batches: Records of a dump, as the sealed reader emits them.
        window: When the server can have been in use.
    """
    tables: dict[str, _Table] = {}
    for batch in batches:
        for table in batch.filter(pc.equal(batch["record_kind"], "table")).to_pylist():
            form = tuple(table["names"]), tuple(table["types"])
            known = tables.get(table["table_name"])
            # Two dumps of one application have the same tables; of two that differ, the later one is profiled.
            if known is None or known.form != form:
                tables[table["table_name"]] = _Table(*form)
        rows = batch.filter(pc.equal(batch["record_kind"], "row"))
        for name in pc.unique(rows["table_name"]).to_pylist():
            if name in tables:
                tables[name].take(rows.filter(pc.equal(rows["table_name"], name))["values"])
    return PlatformProfile(tables=tuple(_finished(parts, tables, window) for parts in _families(tables)))


def _families(tables: Mapping[str, _Table]) -> Iterator[tuple[str, ...]]:
    """The tables by name; those that differ by the number behind their name only, and have one form, together."""
    families: dict[tuple[object, ...], list[str]] = {}
    for name in sorted(tables):
        stem = _SHARD.sub("", name)
        families.setdefault((stem, *tables[name].form) if stem != name else (name, None), []).append(name)
    yield from sorted(tuple(parts) for parts in families.values())


def _finished(parts: tuple[str, ...], tables: Mapping[str, _Table], window: TimeWindow) -> TableProfile:
    whole, *others = (tables[part] for part in parts)
    for other in others:
        whole.merge(other)
    name = parts[0] if len(parts) < _LEAST_SHARDS else _SHARD.sub("", parts[0]) + "*"
    columns: list[ColumnProfile] = []
    for column, declared, sketch in zip(*whole.form, whole.sketches, strict=True):
        found = ColumnProfile(table=name, column=column, declared_type=declared, sketch=sketch, window=window)
        columns.append(found)
        if found.shares_ppm.get("json", 0) >= _MOSTLY_PPM:
            columns += _inside(found)
    return TableProfile(
        table=name,
        parts=parts,
        rows=whole.rows,
        rows_of_other_width=whole.rows_of_other_width,
        columns=tuple(columns),
    )


def _inside(outer: ColumnProfile) -> Iterator[ColumnProfile]:
    """A profile for each path to a value inside the sampled objects; counts are of that sample."""
    objects = [_object(value) for value in outer.sketch.values]
    paths: dict[str, list[bytes | None]] = {}
    for number, whole in enumerate(objects):
        for path, value in _leaves(whole, ()):
            # A key that stands twice in one object has its last value, as most readers of JSON have it.
            paths.setdefault("->".join((outer.column, *path)), [None] * len(objects))[number] = value
    if len(paths) > _MAX_PATHS:
        return  # keys that are values themselves, not names of columns
    for joined, cells in sorted(paths.items()):
        sketch = ColumnSketch()
        sketch.add(pa.array(cells, pa.binary()))
        yield ColumnProfile(table=outer.table, column=joined, declared_type="", sketch=sketch, window=outer.window)


def _object(value: bytes) -> object:
    try:
        return json.loads(value)
    except (ValueError, RecursionError):
        return None


def _leaves(value: object, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], bytes | None]]:
    if isinstance(value, dict) and len(path) < _MAX_DEPTH:
        for key, inner in value.items():
            yield from _leaves(inner, (*path, str(key)))
    elif path and isinstance(value, str):
        yield path, value.encode("utf-8", "surrogatepass")
    elif path and isinstance(value, bool | int | float):
        yield path, json.dumps(value).encode("ascii")
    elif path and value is None:
        yield path, None
