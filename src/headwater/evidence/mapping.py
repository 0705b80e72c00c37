"""The mapping: which of an application's tables and columns are accounts, logins, uploads, invoices and payments.

The file is declarative and approved by a named person; this module reads it and says no to anything it does not know.
Its form is in docs/reference/mapping.md.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase

import yaml

from headwater.errors import ConfigError
from headwater.evidence.charsets import codec_named
from headwater.evidence.targets import TARGETS, Target
from headwater.evidence.zones import zone_named
from headwater.schema import content_id

__all__ = [
    "Binding",
    "ColumnBinding",
    "LogBinding",
    "PlatformMapping",
    "Via",
    "Where",
    "binds_table",
    "read_mapping",
]

Where = tuple[str, str, bool]
"""A column, a value as text, and whether a row must have it or must not."""

MAPPING_VERSION = 1


UNITS: Mapping[str, tuple[str, ...]] = {
    "text": ("text",),
    "time": ("epoch_s", "epoch_ms", "epoch_us", "datetime_utc", "datetime_zoned", "datetime_local"),
    "address": ("text", "packed"),
    "digest": ("hex", "raw_bytes"),
    "coin": ("sat", "btc"),
    "money": ("cents", "currency_units"),
    "account": ("key",),
    "invoice": ("key",),
}
"""For each kind of value, the units a mapping may declare; the first is meant only where nothing else could be."""

_DEFAULT_UNITS = {"text": "text", "address": "text", "digest": "hex", "account": "key", "invoice": "key"}
_LOCAL = "datetime_local"
_UNITS_OF_BYTES = frozenset({"packed", "raw_bytes"})
_COLUMN_KEYS = {"before", "column", "unit", "literal", "values", "prefix", "joins", "charset", "zone", "via"}
_TABLE_KEYS = {"table", "binds", "key", "columns", "because", "where", "charset", "zone", "source"}
_LOG_KEYS = {"path", "log_format", "because"}
_VIA_KEYS = {"table", "key", "take", "where"}


def binds_table(pattern: str, table: str) -> bool:
    """Whether a mapping that names `pattern` means that table: by its name, or `name*` by what a number follows."""
    if not pattern.endswith("*"):
        return pattern == table
    rest = table.removeprefix(pattern[:-1])
    return table.startswith(pattern[:-1]) and rest.lstrip("_").isdecimal()


@dataclass(frozen=True, slots=True, kw_only=True)
class Via:
    """A value that stands in another table.

    Attributes:
        table: That table, as in a binding.
        key: Its column in which the cell is looked up.
        take: Its column that gives the value.
        where: What its rows must be.
    """

    table: str
    key: str
    take: str
    where: Where | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnBinding:
    """Where a value comes from and how it is written there.

    Attributes:
        target: Column of the target table.
        kind: Kind of value, a key of UNITS.
        column: Column of the application, or a path inside its objects; None for a literal.
        unit: One of UNITS for that kind.
        literal: A fixed value.
        values: Translation of the application's codes.
        prefix: Put before a text.
        charset: Python codec of a text.
        zone: Time zone of a time in local time; None for any other.
        via: Tables in which the cell is looked up, one after the other; the last gives the value.
        before: Only what stands before the first of this text counts; empty takes all.
    """

    target: str
    kind: str
    column: str | None
    unit: str
    literal: str | None = None
    values: Mapping[str, str] | None = None
    prefix: str = ""
    charset: str = "utf-8"
    zone: str | None = None
    via: tuple[Via, ...] = ()
    before: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Binding:
    """One table of the application bound to one of ours.

    Attributes:
        table: Table of the application.
        binds: Key of TARGETS.
        key: Column with the platform's own key; None where the row number serves.
        columns: Its column bindings.
        because: Why, in the words of who wrote the mapping.
        where: Column and value that a row must have, and whether it must or must not; None takes every row.
        source: Pattern of the paths of the files it is meant for; None means every file that has the table.
        part: Tells it from the others that bind the same table to the same of ours; empty where there is no other.
    """

    table: str
    binds: str
    key: str | None
    columns: tuple[ColumnBinding, ...]
    because: str
    where: Where | None
    source: str | None = None
    part: str = ""

    @property
    def columns_read(self) -> tuple[str, ...]:
        """The columns, or paths inside them, that it reads in its own table."""
        named = [c.column for c in self.columns if c.column is not None]
        return (*named, *([self.key] if self.key else []), *([self.where[0]] if self.where else []))

    @property
    def waits(self) -> bool:
        """Whether its rows can be bound only once the rows of other tables are known."""
        return any(column.via for column in self.columns)

    def binds_table(self, table: str) -> bool:
        """Whether it is meant for that table."""
        return binds_table(self.table, table)


@dataclass(frozen=True, slots=True, kw_only=True)
class LogBinding:
    """Logs of a web server, and the format that its configuration gives them.

    Attributes:
        path: Pattern of their paths.
        log_format: nginx's `log_format` or Apache's `LogFormat`.
        because: Where that is known from.
    """

    path: str
    log_format: str
    because: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PlatformMapping:
    """A mapping file, understood.

    Attributes:
        mapping_id: Digest of its bytes.
        application: What it is for.
        bindings: In the order of the file.
        logs: In the order of the file; the first that fits a path counts.
    """

    mapping_id: str
    application: str
    bindings: tuple[Binding, ...]
    logs: tuple[LogBinding, ...] = ()

    def log_format(self, path: str) -> str | None:
        """The format of the log of that path; None where the mapping says nothing of it."""
        return next((log.log_format for log in self.logs if fnmatchcase(path, log.path)), None)


def read_mapping(content: bytes, *, source: str = "mapping.yaml") -> PlatformMapping:
    """The mapping in those bytes.

    Raises:
        ConfigError: Something in it is unknown, missing or contradictory; the message names the place.
    """
    try:
        document = yaml.safe_load(content)
    except yaml.YAMLError as error:
        raise ConfigError(f"{source}: not valid YAML ({' '.join(str(error).split())}); correct it") from error
    except (RecursionError, ValueError) as error:
        raise ConfigError(f"{source}: a value in it is none ({error}); correct it") from error
    if not isinstance(document, Mapping) or not isinstance(document.get("tables"), list):
        raise ConfigError(f"{source}: no list 'tables'; see docs/reference/mapping.md")
    version = document.get("version")
    if version != MAPPING_VERSION:
        raise ConfigError(f"{source}: version {version!r}; this headwater reads version {MAPPING_VERSION}")
    common = {"charset": document.get("charset", "utf-8"), "zone": document.get("zone")}
    bindings = tuple(_binding(source, number, table, common) for number, table in enumerate(document["tables"]))
    return PlatformMapping(
        mapping_id=content_id("map", content),
        application=str(document.get("application", "")),
        bindings=_told_apart(source, bindings),
        logs=tuple(_log(source, number, log) for number, log in enumerate(_list(source, document, "logs"))),
    )


def _told_apart(source: str, bindings: Sequence[Binding]) -> tuple[Binding, ...]:
    """The bindings, those of one table to the same of ours with what tells them apart; keyed tables are bound once."""
    alike = Counter((binding.table, binding.binds) for binding in bindings)
    found: list[Binding] = []
    for binding in bindings:
        if alike[binding.table, binding.binds] == 1:
            found.append(binding)
            continue
        twice = f"{source}: table '{binding.table}' is bound to {binding.binds} twice"
        if TARGETS[binding.binds].keyed:
            raise ConfigError(f"{twice}; keep one")
        told = [column.column or "" for column in binding.columns if column.target in TARGETS[binding.binds].told_by]
        part = " ".join((*told, *(() if binding.where is None else binding.where[:2])))
        if any((binding.table, binding.binds, part) == (one.table, one.binds, one.part) for one in found):
            raise ConfigError(f"{twice} from the same columns; keep one")
        found.append(replace(binding, part=part))
    return tuple(found)


def _list(source: str, document: Mapping[object, object], name: str) -> list[object]:
    found = document.get(name, [])
    if not isinstance(found, list):
        raise ConfigError(f"{source}: '{name}' is not a list; see docs/reference/mapping.md")
    return found


def _log(source: str, number: int, log: object) -> LogBinding:
    where = f"{source}: logs[{number}]"
    if not isinstance(log, Mapping):
        raise ConfigError(f"{where} is not a mapping")
    _known_keys(where, log, _LOG_KEYS)
    for key, what in (
        ("path", "which logs"),
        ("log_format", "how their lines are written"),
        ("because", "how you know"),
    ):
        if not isinstance(log.get(key), str) or not log[key].strip():
            raise ConfigError(f"{where}: no '{key}'; say {what}")
    told = str(log["log_format"])
    if not re.search(r"\$remote_addr\b|%(?:\{c\})?[ah](?![A-Za-z])", told):
        raise ConfigError(
            f"{where}: the format names no client ($remote_addr or %h); copy it from the server's settings"
        )
    return LogBinding(path=log["path"], log_format=told, because=log["because"])


def _binding(source: str, number: int, table: object, common: Mapping[str, object]) -> Binding:
    if not isinstance(table, Mapping):
        raise ConfigError(f"{source}: tables[{number}] is not a mapping")
    where = f"{source}: tables[{number}] ({table.get('table')})"
    _known_keys(where, table, _TABLE_KEYS)
    if not isinstance(table.get("table"), str):
        raise ConfigError(f"{where}: no 'table'; name the application's table")
    target = TARGETS.get(str(table.get("binds")))
    if target is None:
        raise ConfigError(f"{where}: binds {table.get('binds')!r}; known are {', '.join(TARGETS)}")
    if not table.get("because"):
        raise ConfigError(f"{where}: no 'because'; a court may ask why this table was read so")
    if target.keyed and not table.get("key"):
        raise ConfigError(f"{where}: no 'key'; {table['binds']} are told apart by the platform's own key")
    columns = table.get("columns")
    if not isinstance(columns, Mapping):
        raise ConfigError(f"{where}: no 'columns'")
    common = {key: table.get(key, common[key]) for key in common}
    bound = tuple(_column(where, str(name), spec, target, common) for name, spec in columns.items())
    missing = [name for name in target.required if name not in columns]
    if missing:
        raise ConfigError(f"{where}: '{missing[0]}' is not bound; {table['binds']} need it")
    return Binding(
        table=str(table["table"]),
        binds=str(table["binds"]),
        key=str(table["key"]) if table.get("key") else None,
        columns=bound,
        because=str(table["because"]),
        where=_where(where, table.get("where")),
        source=None if table.get("source") is None else str(table["source"]),
    )


def _column(where: str, name: str, spec: object, target: Target, common: Mapping[str, object]) -> ColumnBinding:
    place = f"{where}.{name}"
    kind = target.columns.get(name)
    if kind is None:
        raise ConfigError(f"{place}: unknown column; known are {', '.join(target.columns)}")
    if not isinstance(spec, Mapping):
        raise ConfigError(f"{place}: not a mapping with 'column' or 'literal'")
    _known_keys(place, spec, _COLUMN_KEYS)
    literal = spec.get("literal")
    if (literal is None) == (spec.get("column") is None):
        raise ConfigError(f"{place}: give either 'column' or 'literal'")
    unit = str(spec.get("unit", _DEFAULT_UNITS.get(kind, "")))
    if literal is None and unit not in UNITS[kind]:
        raise ConfigError(f"{place}: unit {unit!r}; declare one of {', '.join(UNITS[kind])}, nothing is guessed")
    if spec.get("zone") is not None and unit != _LOCAL:
        raise ConfigError(f"{place}: 'zone' goes with unit '{_LOCAL}' only; unit {unit!r} states its own")
    values = spec.get("values")
    if values is not None and not isinstance(values, Mapping):
        raise ConfigError(f"{place}: 'values' is not a mapping")
    return ColumnBinding(
        target=name,
        kind=kind,
        column=None if spec.get("column") is None else str(spec["column"]),
        unit=unit,
        literal=None if literal is None else str(literal),
        values=None if values is None else {str(k): str(v) for k, v in values.items()},
        prefix=str(spec.get("prefix", "")),
        charset=_codec(place, str(spec.get("charset", common["charset"]))),
        zone=_zone(place, spec, common["zone"]) if unit == _LOCAL else None,
        via=_vias(place, spec.get("via"), literal=literal),
        before=_before(place, spec.get("before"), unit, literal=literal),
    )


def _before(place: str, spec: object, unit: str, *, literal: object) -> str:
    if spec is None:
        return ""
    if literal is not None or unit in _UNITS_OF_BYTES:
        raise ConfigError(f"{place}: 'before' cuts text, and this is none")
    if not isinstance(spec, str) or not spec:
        raise ConfigError(f"{place}: 'before' is not a text; say before which sign the value ends, as in '#'")
    return spec


def _codec(place: str, named: str) -> str:
    try:
        return codec_named(named)
    except LookupError as error:
        raise ConfigError(f"{place}: charset {named!r} is unknown; name it as MariaDB or Python does") from error


def _zone(place: str, spec: Mapping[object, object], common: object) -> str:
    named = spec.get("zone", common)
    if named is None:
        raise ConfigError(f"{place}: unit '{_LOCAL}' needs a 'zone'; say which clocks, as in Europe/Berlin")
    try:
        return zone_named(str(named)).key or str(named)
    except ValueError as error:
        raise ConfigError(f"{place}: {error}") from error


def _vias(place: str, spec: object, *, literal: object) -> tuple[Via, ...]:
    if spec is None:
        return ()
    steps = spec if isinstance(spec, list) else [spec]
    if not steps:
        raise ConfigError(f"{place}: 'via' is an empty list; say where the cell is looked up")
    return tuple(_via(place, step, literal=literal) for step in steps)


def _via(place: str, spec: object, *, literal: object) -> Via:
    if not isinstance(spec, Mapping) or not all(isinstance(spec.get(key), str) for key in ("table", "key", "take")):
        raise ConfigError(f"{place}: 'via' needs 'table', 'key' and 'take'")
    if literal is not None:
        raise ConfigError(f"{place}: 'via' looks a column's cell up, and a literal has none")
    _known_keys(f"{place}.via", spec, _VIA_KEYS)
    where = _where(f"{place}.via", spec.get("where"))
    return Via(table=spec["table"], key=spec["key"], take=spec["take"], where=where)


def _where(where: str, spec: object) -> Where | None:
    if spec is None:
        return None
    if not isinstance(spec, Mapping) or "column" not in spec or len({"equals", "not_equals"} & spec.keys()) != 1:
        raise ConfigError(f"{where}: 'where' needs 'column' and one of 'equals', 'not_equals'")
    equal = "equals" in spec
    return str(spec["column"]), str(spec["equals" if equal else "not_equals"]), equal


def _known_keys(where: str, spec: Mapping[object, object], known: set[str]) -> None:
    unknown = sorted(str(key) for key in spec if key not in known)
    if unknown:
        raise ConfigError(f"{where}: unknown key '{unknown[0]}'; known are {', '.join(sorted(known))}")
