"""Invented applications: tables and columns as somebody would have named them, over the facts of an invented platform.

Each application is a file of its own. It says for each table what of ours it holds, and for each column which fact in
which unit; what begins with `~` means nothing and is drawn. What begins with `+` is told of the row's account besides:
by what it can also be reached, or a file that it refers to.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from importlib import resources
from pathlib import Path
from typing import Any

import yaml

from headwater_synth.platform_dump import DumpTable, Value, write_dump
from headwater_synth.population_accounts import SEIZED_AT_S
from headwater_synth.schemas.facts import Fact, ObjectId, PlatformFacts, drawn_facts, key_written
from headwater_synth.schemas.further import REFERENCE_COLUMNS, identifier, reference
from headwater_synth.schemas.values import FILLERS, KINDS, SQL_TYPES, filler, written
from headwater_synth.seeds import stream

__all__ = ["HELD_OUT", "TUNING", "Application", "TrueBinding", "application", "nameless", "write_application"]

TUNING = (
    "anchor", "birke", "cobalt", "compass", "granite", "harbour",
    "juniper", "lantern", "linde", "meadow", "willow", "zest",
)  # fmt: skip
"""Applications that a suggester may be tuned with."""

HELD_OUT = ("brook", "dune", "faro", "krok", "olivo", "quartz", "saule", "wierzba")
"""Applications that are there to measure it, and are not read while it is tuned."""

_FILLER = "~"
_BESIDES = "+"
_REFERRING = 0.6  # of the rows that may refer to a file do
_KEYED = ("accounts", "invoices", "payments")
_UNBOUND = frozenset({"text"})  # what a message says is never bound


@dataclass(frozen=True, slots=True, kw_only=True)
class TrueBinding:
    """What a right mapping binds.

    Attributes:
        target: Table of ours.
        target_column: Column of ours; `key` for the platform's own key.
        table: Table of the application, with `*` for the numbers of its parts.
        column: Column of the application, or the path to it.
        unit: How values are written.
        via: Table, key, value, and where a name column has a name, if the value stands in another table.
        kind: Of an identifier that stands in a column of its own, what it is.
        where: Column and value of the rows that are meant, of attributes kept as rows.
    """

    target: str
    target_column: str
    table: str
    column: str
    unit: str
    via: tuple[str, str, str, tuple[str, str] | None] | None = None
    kind: str | None = None
    where: tuple[str, str] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Application:
    """An application.

    Attributes:
        name: Its name.
        about: Its style.
        keys: How it writes keys: integer, uuid or object_id.
        documents: Whether it keeps documents, not tables.
        tables: Its tables, as its file has them.
    """

    name: str
    about: str
    keys: str
    documents: bool
    tables: Mapping[str, Mapping[str, Any]]

    def truth(self) -> tuple[TrueBinding, ...]:
        """What a right mapping of it binds."""
        return tuple(binding for name in self.tables for binding in self._bindings(name))

    def ignored(self) -> tuple[str, ...]:
        """The tables that hold nothing of ours."""
        return tuple(sorted(name for name, table in self.tables.items() if "binds" not in table))

    def _bindings(self, name: str) -> Iterator[TrueBinding]:
        table = self.tables[name]
        target = table.get("binds")
        if target is None:
            return
        shown = f"{name}*" if "shards" in table else name
        inside = "document->" if self.documents else ""
        own_key = ""
        for path, spec in _leaves(table["columns"]):
            ours, unit = _ours(spec)
            if spec.startswith(_FILLER) or ours in _UNBOUND or (ours == "key" and target not in _KEYED):
                continue
            own_key = path if ours == "key" else own_key
            column = path if self.documents and path == "_id" else inside + path
            if spec.startswith(_BESIDES):
                yield _besides(spec, shown, column)
                continue
            yield TrueBinding(target=target, target_column=ours, table=shown, column=column, unit=unit)
        more: Mapping[str, Any] = table.get("attributes", {})
        for word, spec in more["values"].items() if more else ():
            if spec.startswith(_BESIDES):
                yield _besides(spec, more["table"], more["value"], where=(more["name"], word))
            elif not spec.startswith(_FILLER):
                ours, unit = _ours(spec)
                via: tuple[str, str, str, tuple[str, str] | None]
                via = more["table"], more["owner"], more["value"], (more["name"], word)
                yield TrueBinding(target=target, target_column=ours, table=shown, column=own_key, unit=unit, via=via)
        for ours, (column, other, key, value) in table.get("through", {}).items():
            via = other, key, value, None
            yield TrueBinding(target=target, target_column=ours, table=shown, column=column, unit="key", via=via)


def application(name: str) -> Application:
    """The application of that name."""
    folder = "held_out" if name in HELD_OUT else "tuning"
    text = resources.files("headwater_synth.schemas").joinpath(folder, f"{name}.yaml").read_text("utf-8")
    read = yaml.safe_load(text)
    return Application(
        name=name,
        about=read["about"],
        keys=read["keys"],
        documents=read.get("documents", False),
        tables=read["tables"],
    )


def nameless(app: Application) -> Application:
    """The same application with names that say nothing: what is left to tell its columns by is what they hold."""
    # No numbers behind the names of tables, which would make parts of one table of them.
    places = {name: f"t{chr(97 + number)}" for number, name in enumerate(sorted(app.tables))}
    numbers = iter(range(1, 10_000))

    def renamed(columns: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, str]]:
        names = {name: name if name == "_id" else f"c{next(numbers)}" for name in columns}
        return {
            names[name]: renamed(spec)[0] if isinstance(spec, Mapping) else spec for name, spec in columns.items()
        }, names

    tables: dict[str, dict[str, Any]] = {}
    columns_of: dict[str, dict[str, str]] = {}
    for name, table in app.tables.items():
        columns, columns_of[name] = renamed(table["columns"])
        tables[places[name]] = {**table, "columns": columns}
    for name, table in app.tables.items():
        if "through" in table:
            tables[places[name]]["through"] = {
                ours: [columns_of[name][column], places[other], columns_of[other][key], columns_of[other][value]]
                for ours, (column, other, key, value) in table["through"].items()
            }
        if "attributes" in table:
            more = table["attributes"]
            words = {word: f"n{next(numbers)}" for word in more["values"]}
            tables[places[name]]["attributes"] = {
                "table": "tz",
                **{part: f"c{next(numbers)}" for part in ("id", "owner", "name", "value")},
                "values": {words[word]: spec for word, spec in more["values"].items()},
            }
    return replace(app, tables=tables)


def write_application(app: Application, folder: Path, *, seed: int, accounts: int) -> tuple[tuple[str, Path], ...]:
    """The files that were written, each with the format it is in: one dump, or one file for each collection.

    Args:
        app: The application.
        folder: Made if it is not there.
        seed: Of everything in it.
        accounts: How many it has.
    """
    folder.mkdir(parents=True, exist_ok=True)
    facts = drawn_facts(seed, accounts=accounts)
    if not app.documents:
        tables = [made for name in app.tables for made in _tables(app, name, facts)]
        write_dump(folder / "dump.sql", app.name, tables, at_s=SEIZED_AT_S)
        return (("mysql-dump", folder / "dump.sql"),)
    files = []
    for name, table in sorted(app.tables.items()):
        path = folder / f"{name}.jsonl"
        with path.open("w", encoding="utf-8") as file:
            for number, fact in enumerate(_facts(table, facts), start=1):
                row = _row(app, name, table["columns"], fact, number, facts)
                file.write(json.dumps(_extended(row), ensure_ascii=False) + "\n")
        files.append(("json-rows", path))
    return tuple(files)


def _besides(spec: str, table: str, column: str, where: tuple[str, str] | None = None) -> TrueBinding:
    """What a column is that tells something of the row's account besides."""
    ours, unit = _ours(spec.removeprefix(_BESIDES))
    if ours in REFERENCE_COLUMNS:
        return TrueBinding(target="media_references", target_column=ours, table=table, column=column, unit=unit)
    return TrueBinding(
        target="identifiers", target_column="value", table=table, column=column, unit="text", kind=ours, where=where
    )


def _leaves(columns: Mapping[str, Any], path: str = "") -> Iterator[tuple[str, str]]:
    for name, spec in columns.items():
        if isinstance(spec, Mapping):
            yield from _leaves(spec, f"{path}{name}->")
        else:
            yield f"{path}{name}", spec


def _ours(spec: str) -> tuple[str, str]:
    """Column of ours and unit of a specification."""
    ours, _, unit = spec.partition(" ")
    return ours, unit or ("key" if KINDS.get(ours) == "key" else "text")


def _facts(table: Mapping[str, Any], facts: PlatformFacts) -> Sequence[Fact]:
    return facts.facts[table["binds"]] if "binds" in table else [{}] * int(table["rows"])


def _value(app: Application, name: str, path: str, spec: str, fact: Fact, number: int, facts: PlatformFacts) -> Any:  # noqa: ANN401  # as columns hold
    if spec.startswith(_FILLER):
        kind = spec.removeprefix(_FILLER)
        rng = stream(facts.seed, "filler", app.name, name, path, number)
        return filler(kind, rng, facts, number=number, keys=app.keys)
    ours, unit = _ours(spec.removeprefix(_BESIDES))
    if spec.startswith(_BESIDES):
        if ours not in REFERENCE_COLUMNS:
            of = fact["account"] if "account" in fact else fact["key"]
            return identifier(facts.population, int(str(of)), ours)
        refers = stream(facts.seed, "application-refers", app.name, name, number).random() < _REFERRING
        place = app.name, name, number
        return written(reference(facts.seed, facts.facts["uploads"], *place)[ours], unit) if refers else None
    if ours in ("key", "account", "invoice"):
        key = fact[ours]
        of = {"account": "accounts", "invoice": "invoices"}.get(ours, name)
        of = of if ours != "key" else str(app.tables[name]["binds"])
        return None if key is None else key_written(facts.seed, app.keys, of, int(str(key)))
    return written(fact[ours], unit)


def _row(
    app: Application,
    name: str,
    columns: Mapping[str, Any],
    fact: Fact,
    number: int,
    facts: PlatformFacts,
    path: str = "",
) -> dict[str, Any]:
    return {
        column: _row(app, name, spec, fact, number, facts, f"{path}{column}->")
        if isinstance(spec, Mapping)
        else _value(app, name, path + column, spec, fact, number, facts)
        for column, spec in columns.items()
    }


def _extended(value: Any) -> Any:  # noqa: ANN401  # JSON
    """A value in the extended JSON of an export."""
    if isinstance(value, dict):
        return {key: _extended(inner) for key, inner in value.items() if inner is not None}
    if isinstance(value, ObjectId):
        return {"$oid": value.raw.hex()}
    if isinstance(value, Decimal):
        return {"$numberDecimal": str(value)}
    if isinstance(value, str) and len(value) == 24 and value.endswith("Z") and value[10] == "T":
        return {"$date": value}
    return value.hex() if isinstance(value, bytes) else value


def _cell(value: Any) -> Value:  # noqa: ANN401  # as columns hold
    """A value as a cell; objects become JSON."""
    if isinstance(value, dict):
        plain = {key: _plain(inner) for key, inner in value.items()}
        return json.dumps(plain, ensure_ascii=False, separators=(",", ":"))
    return value.raw if isinstance(value, ObjectId) else value


def _plain(value: Any) -> Any:  # noqa: ANN401  # JSON
    if isinstance(value, dict):
        return {key: _plain(inner) for key, inner in value.items()}
    return float(value) if isinstance(value, Decimal) else value.hex() if isinstance(value, bytes) else value


def _tables(app: Application, name: str, facts: PlatformFacts) -> Iterator[DumpTable]:
    table = app.tables[name]
    columns = table["columns"]
    definitions = [f"`{column}` {_type(app, spec)}" for column, spec in columns.items()]
    rows = [
        [_cell(value) for value in _row(app, name, columns, fact, number, facts).values()]
        for number, fact in enumerate(_facts(table, facts), start=1)
    ]
    shards = int(table.get("shards", 1))
    for shard in range(shards):
        part = f"{name}_{shard:02}" if shards > 1 else name
        yield DumpTable(name=part, definitions=definitions, rows=rows[shard::shards])
    if "attributes" in table:
        yield _attributes(app, name, facts)


def _attributes(app: Application, name: str, facts: PlatformFacts) -> DumpTable:
    """Values of a table that are kept as rows of another one."""
    more = app.tables[name]["attributes"]
    rows: list[list[Value]] = []
    for number, fact in enumerate(_facts(app.tables[name], facts), start=1):
        holder = key_written(facts.seed, app.keys, str(app.tables[name]["binds"]), int(str(fact["key"])))
        for word, spec in more["values"].items():
            value = _cell(_value(app, name, f"attribute {word}", spec, fact, number, facts))
            if value is not None:
                rows.append([len(rows) + 1, _cell(holder), word, value if isinstance(value, str) else str(value)])
    key = SQL_TYPES[f"key {app.keys}"]
    definitions = [
        f"`{more['id']}` int(10) unsigned NOT NULL",
        f"`{more['owner']}` {key}",
        f"`{more['name']}` varchar(190) DEFAULT NULL",
        f"`{more['value']}` longtext DEFAULT NULL",
    ]
    return DumpTable(name=more["table"], definitions=definitions, rows=rows)


def _type(app: Application, spec: Any) -> str:  # noqa: ANN401  # a specification, or columns inside
    if isinstance(spec, Mapping):
        return SQL_TYPES["json"]
    if spec.startswith(_FILLER):
        kind = spec.removeprefix(_FILLER)
        if kind in ("serial", "account"):
            return SQL_TYPES["key integer" if kind == "serial" else f"key {app.keys}"]
        return FILLERS[kind][0]
    ours, unit = _ours(spec.removeprefix(_BESIDES))
    if unit == "key":
        return SQL_TYPES[f"key {app.keys}"]
    return "text" if ours == "text" else SQL_TYPES[unit]
