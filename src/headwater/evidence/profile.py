"""Profiles of an application's tables, from the records of a dump: what each column holds, as counts and shares.

Three ways in which applications hide columns are undone here: a table that was split into many of one form is one
table; an object of JSON in a cell is a column for each of its paths; names are cut into words, whatever joins them.
"""

from __future__ import annotations

import datetime as dt
import json
import re
from collections import Counter
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
# A table that keeps attributes as rows has few columns: a number, whose it is, its name, its value, sometimes a time.
_LEAST_ATTRIBUTE_COLUMNS, _MOST_ATTRIBUTE_COLUMNS = 3, 6
_LEAST_ATTRIBUTES, _MOST_ATTRIBUTES = 2, 64
_ATTRIBUTE = re.compile(rb"[A-Za-z_][\w.:-]{1,63}")
_TEXT_TYPE = re.compile(r"char|text|json|blob|binary|string", re.IGNORECASE)
_NUMBER = re.compile(rb"-?\d{1,20}(?:\.\d{1,18})?")
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
        where: Of an attribute kept as rows, the column of its name and the name; `column` is that of its value.
    """

    table: str
    column: str
    declared_type: str
    sketch: ColumnSketch
    window: TimeWindow
    where: tuple[str, str] | None = None

    @cached_property
    def shares_ppm(self) -> Mapping[str, int]:
        """For each shape, the share of the sampled distinct values that have it."""
        return shares_of(self.sketch.values, self.window) if self.sketch.values else {}

    @property
    def words(self) -> tuple[str, ...]:
        """The words of its name."""
        return name_words(self.column if self.where is None else self.where[1])

    @cached_property
    def median(self) -> float | None:
        """The middle of its values as numbers, of times with a date in seconds; None if half of them are neither."""
        numbers = sorted(number for value in self.sketch.values if (number := _number(value)) is not None)
        return numbers[len(numbers) // 2] if 2 * len(numbers) > len(self.sketch.values) else None

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
        attributes: If it keeps attributes as rows, each of them as a column.
    """

    table: str
    parts: tuple[str, ...]
    rows: int
    rows_of_other_width: int
    columns: tuple[ColumnProfile, ...]
    attributes: tuple[ColumnProfile, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class PlatformProfile:
    """The tables of a platform, in the order of their names."""

    tables: tuple[TableProfile, ...]


def _number(value: bytes) -> float | None:
    if _NUMBER.fullmatch(value):
        return float(value)
    try:
        at = dt.datetime.fromisoformat(value.decode("ascii"))
    except ValueError:
        return None
    return at.replace(tzinfo=at.tzinfo or dt.UTC).timestamp()


class _Table:
    """Counts of one table as they come."""

    def __init__(self, names: tuple[str, ...], types: tuple[str, ...]) -> None:
        self.form = names, types
        self.sketches = [ColumnSketch() for _ in names]
        self.rows = 0
        self.rows_of_other_width = 0
        # Of each column that may name attributes, what stands beside each name; None once it cannot be one.
        self.named: dict[int, dict[bytes, dict[int, ColumnSketch]] | None] = {}
        if _LEAST_ATTRIBUTE_COLUMNS <= len(names) <= _MOST_ATTRIBUTE_COLUMNS:
            self.named = {place: {} for place in range(len(names)) if _may_be_text(types[place])}

    def take(self, cells: pa.ListArray) -> None:
        """Takes rows, each a list of its cells."""
        width = len(self.sketches)
        fitting = cells.filter(pc.equal(pc.list_value_length(cells), width))
        self.rows += len(cells)
        self.rows_of_other_width += len(cells) - len(fitting)
        flat = fitting.flatten()
        for place, sketch in enumerate(self.sketches):
            sketch.add(flat.take(pa.array(np.arange(place, len(flat), width))))
        for place, known in self.named.items():
            if known is not None:
                self.named[place] = self._taken(place, known, flat, width)

    def _taken(
        self, place: int, known: dict[bytes, dict[int, ColumnSketch]], flat: pa.Array, width: int
    ) -> dict[bytes, dict[int, ColumnSketch]] | None:
        """What stands beside each name of a column; None if there are too many or they are no names."""
        names = flat.take(pa.array(np.arange(place, len(flat), width)))
        found = pc.unique(names).to_pylist()
        if len(known.keys() | set(found)) > _MOST_ATTRIBUTES or not all(n and _ATTRIBUTE.fullmatch(n) for n in found):
            return None
        for name in sorted(found):
            rows = np.flatnonzero(pc.equal(names, name).to_numpy(zero_copy_only=False))
            beside = known.setdefault(name, {p: ColumnSketch() for p in self.named if p != place})
            for other, sketch in beside.items():
                sketch.add(flat.take(pa.array(rows * width + other)))
        return known

    def merge(self, other: _Table) -> None:
        """Takes what another table of the same form has taken."""
        self.rows += other.rows
        self.rows_of_other_width += other.rows_of_other_width
        for mine, theirs in zip(self.sketches, other.sketches, strict=True):
            mine.merge(theirs)
        self.named = {}  # attributes are not looked for in tables that were split


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
        table = tables[name]
        families.setdefault((stem, *table.form, _keys(table)) if stem != name else (name, None), []).append(name)
    yield from sorted(tuple(parts) for parts in families.values())


def _keys(table: _Table) -> frozenset[str]:
    """The keys that most objects of a table of documents have; collections of other things differ in these only."""
    counts: Counter[str] = Counter()
    values = table.sketches[-1].values if table.form[1][-1:] == ("json",) else []
    for value in values:
        whole = _object(value)
        counts.update(whole.keys() if isinstance(whole, dict) else ())
    return frozenset(key for key, count in counts.items() if 2 * count > len(values))


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
        attributes=tuple(_attributes(name, whole, window)),
    )


def _attributes(table: str, whole: _Table, window: TimeWindow) -> Iterator[ColumnProfile]:
    """Each attribute of a table that keeps them as rows: several names, each of which comes again and again."""
    names, types = whole.form
    for place, known in whole.named.items():
        if not known or len(known) < _LEAST_ATTRIBUTES or whole.rows < 2 * len(known):
            continue
        for name, beside in sorted(known.items()):
            for other, sketch in beside.items():
                yield ColumnProfile(
                    table=table,
                    column=names[other],
                    declared_type=types[other],
                    sketch=sketch,
                    window=window,
                    where=(names[place], name.decode("utf-8", "replace")),
                )


def _may_be_text(declared: str) -> bool:
    """Whether a column may hold texts, by its declared type; one that says nothing may."""
    return not declared or _TEXT_TYPE.search(declared) is not None


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
