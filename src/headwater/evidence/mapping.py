"""The mapping: which of an application's tables and columns are accounts, logins, uploads, invoices and payments.

The file is declarative and approved by a named person; this module reads it and says no to anything it does not know.
Its form is in docs/reference/mapping.md.
"""

from __future__ import annotations

import codecs
from collections.abc import Mapping
from dataclasses import dataclass

import yaml

from headwater.errors import ConfigError
from headwater.schema import content_id

__all__ = ["TARGETS", "Binding", "ColumnBinding", "PlatformMapping", "read_mapping"]

MAPPING_VERSION = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A table that rows can be bound to.

    Attributes:
        id_column: Its id.
        id_prefix: Prefix of that id.
        keyed: Whether the platform's own key makes the id; else table and row do.
        columns: For each column that can be bound, what kind of value it holds.
        required: Columns without which a row is a defect.
    """

    id_column: str
    id_prefix: str
    keyed: bool
    columns: Mapping[str, str]
    required: tuple[str, ...]


TARGETS: Mapping[str, Target] = {
    "accounts": Target(
        id_column="account_id",
        id_prefix="acc",
        keyed=True,
        columns={
            "nickname": "text",
            "email": "text",
            "phone": "text",
            "pgp_fingerprint": "text",
            "role": "text",
            "registered_at_utc": "time",
            "last_seen_at_utc": "time",
        },
        required=("role",),
    ),
    "logins": Target(
        id_column="login_id",
        id_prefix="lgn",
        keyed=False,
        columns={"account": "account", "at_utc": "time", "network_address": "address", "device": "text"},
        required=("account", "at_utc"),
    ),
    "uploads": Target(
        id_column="upload_id",
        id_prefix="upl",
        keyed=False,
        columns={
            "account": "account",
            "at_utc": "time",
            "media_path": "text",
            "media_sha256": "digest",
            "network_address": "address",
        },
        required=("account", "at_utc"),
    ),
    "invoices": Target(
        id_column="invoice_id",
        id_prefix="inv",
        keyed=True,
        columns={
            "account": "account",
            "address": "text",
            "amount_sat": "coin",
            "amount_cents": "money",
            "currency": "text",
            "issued_at_utc": "time",
            "status": "text",
        },
        required=("account", "issued_at_utc", "status"),
    ),
    "payments": Target(
        id_column="payment_id",
        id_prefix="pay",
        keyed=True,
        columns={
            "account": "account",
            "invoice": "invoice",
            "txid": "digest",
            "amount_sat": "coin",
            "amount_cents": "money",
            "currency": "text",
            "at_utc": "time",
        },
        required=("account", "at_utc"),
    ),
}

UNITS: Mapping[str, tuple[str, ...]] = {
    "text": ("text",),
    "time": ("epoch_s", "epoch_ms", "datetime_utc"),
    "address": ("text", "packed"),
    "digest": ("hex", "raw_bytes"),
    "coin": ("sat", "btc"),
    "money": ("cents", "currency_units"),
    "account": ("key",),
    "invoice": ("key",),
}
"""For each kind of value, the units a mapping may declare; the first is meant only where nothing else could be."""

# MariaDB's names where they differ from Python's; its latin1 is in truth Windows code page 1252.
# source: MariaDB knowledge base, "Supported Character Sets and Collations"
_CHARSETS = {
    "utf8mb4": "utf-8",
    "utf8mb3": "utf-8",
    "utf8": "utf-8",
    "latin1": "cp1252",
    "binary": "latin-1",
    "ucs2": "utf-16-be",
    "utf16": "utf-16-be",
    "koi8r": "koi8-r",
    "koi8u": "koi8-u",
    "sjis": "shift_jis",
    "euckr": "euc_kr",
    "ujis": "euc_jp",
    "greek": "iso8859-7",
    "hebrew": "iso8859-8",
    "latin2": "iso8859-2",
    "latin5": "iso8859-9",
    "latin7": "iso8859-13",
}

_DEFAULT_UNITS = {"text": "text", "address": "text", "digest": "hex", "account": "key", "invoice": "key"}
_COLUMN_KEYS = {"column", "unit", "literal", "values", "prefix", "joins", "charset"}
_TABLE_KEYS = {"table", "binds", "key", "columns", "because", "where", "charset"}


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnBinding:
    """Where a value comes from and how it is written there.

    Attributes:
        target: Column of the target table.
        kind: Kind of value, a key of UNITS.
        column: Column of the application; None for a literal.
        unit: One of UNITS for that kind.
        literal: A fixed value.
        values: Translation of the application's codes.
        prefix: Put before a text.
        charset: Python codec of a text.
    """

    target: str
    kind: str
    column: str | None
    unit: str
    literal: str | None = None
    values: Mapping[str, str] | None = None
    prefix: str = ""
    charset: str = "utf-8"


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
    """

    table: str
    binds: str
    key: str | None
    columns: tuple[ColumnBinding, ...]
    because: str
    where: tuple[str, str, bool] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PlatformMapping:
    """A mapping file, understood.

    Attributes:
        mapping_id: Digest of its bytes.
        application: What it is for.
        bindings: In the order of the file.
    """

    mapping_id: str
    application: str
    bindings: tuple[Binding, ...]


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
    charset = str(document.get("charset", "utf-8"))
    bindings = tuple(_binding(source, number, table, charset) for number, table in enumerate(document["tables"]))
    names = [binding.table for binding in bindings]
    for name in names:
        if names.count(name) > 1:
            raise ConfigError(f"{source}: table '{name}' is bound twice; keep one")
    return PlatformMapping(
        mapping_id=content_id("map", content),
        application=str(document.get("application", "")),
        bindings=bindings,
    )


def _binding(source: str, number: int, table: object, charset: str) -> Binding:
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
    bound = tuple(
        _column(where, str(name), spec, target, str(table.get("charset", charset))) for name, spec in columns.items()
    )
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
    )


def _column(where: str, name: str, spec: object, target: Target, charset: str) -> ColumnBinding:
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
    values = spec.get("values")
    if values is not None and not isinstance(values, Mapping):
        raise ConfigError(f"{place}: 'values' is not a mapping")
    named = str(spec.get("charset", charset))
    try:
        codec = codecs.lookup(_CHARSETS.get(named, named)).name
        b"a".decode(
            codec, "replace"
        )  # Python also knows codecs that are no character sets, and says so only when they are used
    except (LookupError, ValueError) as error:
        raise ConfigError(f"{place}: charset {named!r} is unknown; name it as MariaDB or Python does") from error
    return ColumnBinding(
        target=name,
        kind=kind,
        column=None if spec.get("column") is None else str(spec["column"]),
        unit=unit,
        literal=None if literal is None else str(literal),
        values=None if values is None else {str(k): str(v) for k, v in values.items()},
        prefix=str(spec.get("prefix", "")),
        charset=codec,
    )


def _where(where: str, spec: object) -> tuple[str, str, bool] | None:
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
