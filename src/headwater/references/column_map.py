"""How the columns of somebody else's file become those of a register: a file of the operator, kept with the import."""

from __future__ import annotations

import datetime as dt
import hashlib
import re
import zoneinfo
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any, Final

import yaml

from headwater.errors import ConfigError
from headwater.references.register_columns import REGISTER_COLUMNS
from headwater.references.rows import BadRowError

__all__ = ["ColumnMap", "ColumnRule", "read_column_map"]

_MAP_KEYS: Final = ("version", "sheet", "header_row", "constants", "columns")
_RULE_KEYS: Final = ("column", "zone", "format", "unit", "values", "otherwise", "thousands")
_UNITS: Final = {"amount_sat": ("sat", "btc"), "at_utc": ("epoch_s", "epoch_ms")}
_TIMES: Final = frozenset({"at_utc"})
_GROUPED: Final = frozenset({"amount", "fee"})
_NOTHING: Final = re.compile(r"0*(?:\.0*)?")
_LARGEST_BYTES: Final = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnRule:
    """Where one of our columns comes from.

    Attributes:
        column: The column of the file, as its header writes it.
        zone: Zone of times that name none (IANA).
        format: How dates or times are written, as for `strptime`; None for ISO 8601.
        unit: sat or btc; epoch_s or epoch_ms.
        values: From what the file says to what we do; None takes it as it is.
        otherwise: Another column, taken where the first is empty or nothing; None for none.
        thousands: What the file sets between thousands of an amount; None for nothing.
    """

    column: str
    otherwise: str | None = None
    zone: str | None = None
    format: str | None = None
    unit: str | None = None
    values: Mapping[str, str] | None = None
    thousands: str | None = None

    @property
    def wanted(self) -> tuple[str, ...]:
        """The columns of the file that the rule reads, in the order in which they are asked."""
        return (self.column,) if self.otherwise is None else (self.column, self.otherwise)


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnMap:
    """A column map.

    Attributes:
        columns: Rules by our column.
        constants: Values that hold for every row, by our column.
        sheet: Sheet of a spreadsheet; None where it has one.
        header_row: Row of the header, from 1; in CSV, blank lines are not counted.
        sha256: Of the file.
        text: The file, which the seal keeps.
    """

    columns: Mapping[str, ColumnRule]
    constants: Mapping[str, str] = field(default_factory=dict)
    sheet: str | None = None
    header_row: int = 1
    sha256: str = ""
    text: str = ""

    def value(self, name: str, *cells: str) -> str:
        """The cells of a row as our column takes them: the first that says something.

        Raises:
            BadRowError: It is not as the map says.
        """
        rule = self.columns[name]
        stripped = [cell.strip() for cell in cells]
        text = next((each for each in stripped if not _NOTHING.fullmatch(each)), stripped[0])
        if not text:
            return ""
        if rule.values is not None:
            if text not in rule.values:
                raise BadRowError(f"'{name}' is {text[:20]!r}, which the column map does not list")
            return rule.values[text]
        if rule.thousands is not None:
            text = _ungrouped(text, rule.thousands, name)
        if rule.unit == "btc":
            return _satoshis(text, name)
        if rule.unit in {"epoch_s", "epoch_ms"}:
            return _from_epoch(text, rule.unit, name)
        if rule.format is not None or rule.zone is not None:
            return _time_text(text, rule, name)
        return text


def read_column_map(path: Path, kind: str) -> ColumnMap:
    """The column map for a kind of register.

    Args:
        path: YAML.
        kind: One of `REGISTER_COLUMNS`.

    Raises:
        ConfigError: The kind has no columns, the file is no map, or it names what there is not.
    """
    if kind not in REGISTER_COLUMNS:
        raise ConfigError(f"--columns is for {', '.join(REGISTER_COLUMNS)}; not '{kind}'")
    if not path.is_file():
        raise ConfigError(f"--columns {path}: no such file")
    content = path.read_bytes()
    if len(content) > _LARGEST_BYTES:
        raise ConfigError(f"--columns {path}: larger than any column map")
    try:
        text = content.decode("utf-8-sig")
        document = yaml.safe_load(text)
    except (UnicodeDecodeError, yaml.YAMLError, RecursionError, ValueError) as error:
        raise ConfigError(f"--columns {path}: not valid YAML ({' '.join(str(error).split())})") from error
    found = _checked(path, document, _MAP_KEYS, "the map")
    if found.get("version") != 1:
        raise ConfigError(f"--columns {path}: write 'version: 1'")
    known = REGISTER_COLUMNS[kind].known
    columns = {
        str(name): _rule(path, str(name), rule, known)
        for name, rule in _checked(path, found.get("columns"), None, "columns").items()
    }
    constants = {
        _target(path, str(name), known): _written(path, f"constants.{name}", value)
        for name, value in _checked(path, found.get("constants") or {}, None, "constants").items()
    }
    if twice := sorted(columns.keys() & constants.keys()):
        raise ConfigError(f"--columns {path}: '{twice[0]}' is both a column and a constant")
    if missing := [n for n in REGISTER_COLUMNS[kind].required if n not in columns and n not in constants]:
        raise ConfigError(f"--columns {path}: nothing gives {', '.join(map(repr, missing))}, which {kind} must have")
    header_row = found.get("header_row", 1)
    if not isinstance(header_row, int) or isinstance(header_row, bool) or not 1 <= header_row <= 1_000:
        raise ConfigError(f"--columns {path}: header_row is a row number from 1 to 1000")
    sheet = found.get("sheet")
    return ColumnMap(
        columns=columns,
        constants=constants,
        sheet=None if sheet is None else str(sheet),
        header_row=header_row,
        sha256=hashlib.sha256(content).hexdigest(),
        text=text,
    )


def _checked(path: Path, value: object, keys: Sequence[str] | None, where: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ConfigError(f"--columns {path}: {where} is no mapping of names")
    for key in value:
        if keys is not None and key not in keys:
            raise ConfigError(f"--columns {path}: {where} has '{key}'; known are {', '.join(keys)}")
    return value


def _target(path: Path, name: str, known: Sequence[str]) -> str:
    if name not in known:
        raise ConfigError(f"--columns {path}: there is no column '{name}' of ours; known are {', '.join(known)}")
    return name


def _written(path: Path, where: str, value: object) -> str:
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise ConfigError(f"--columns {path}: {where}: write it as text, in quotation marks")
    return str(value)


def _rule(path: Path, name: str, value: object, known: Sequence[str]) -> ColumnRule:
    _target(path, name, known)
    where = f"columns.{name}"
    if isinstance(value, str):
        return ColumnRule(column=value.strip())
    rule = _checked(path, value, _RULE_KEYS, where)
    if not isinstance(rule.get("column"), str):
        raise ConfigError(f"--columns {path}: {where}.column is the name of a column of the file")
    if sum(key in rule for key in ("unit", "values")) + ("zone" in rule or "format" in rule) > 1:
        raise ConfigError(f"--columns {path}: {where} has more than one of values, unit, and zone or format")
    unit = rule.get("unit")
    if unit is not None and unit not in _UNITS.get(name, ()):
        allowed = ", ".join(_UNITS.get(name, ())) or "none"
        raise ConfigError(f"--columns {path}: {where}.unit is '{unit}'; known are {allowed}")
    zone = rule.get("zone")
    if zone is not None and not (name in _TIMES and _is_zone(zone)):
        raise ConfigError(f"--columns {path}: {where}.zone is '{zone}'; it names the zone of a time, as Europe/Berlin")
    values = rule.get("values")
    if values is not None:
        pairs = _checked(path, values, None, f"{where}.values").items()
        values = {str(key): _written(path, f"{where}.values.{key}", said) for key, said in pairs}
    otherwise, thousands = rule.get("otherwise"), rule.get("thousands")
    if otherwise is not None and not isinstance(otherwise, str):
        raise ConfigError(f"--columns {path}: {where}.otherwise is the name of another column of the file")
    if thousands is not None and (name not in _GROUPED or thousands not in {",", "'", " "}):
        raise ConfigError(f"--columns {path}: {where}.thousands is ',', \"'\" or ' ', and of amounts alone")
    return ColumnRule(
        column=rule["column"].strip(),
        otherwise=None if otherwise is None else otherwise.strip(),
        thousands=thousands,
        zone=zone,
        format=None if rule.get("format") is None else str(rule["format"]),
        unit=unit,
        values=values,
    )


def _is_zone(name: object) -> bool:
    return isinstance(name, str) and name in zoneinfo.available_timezones()


def _ungrouped(text: str, mark: str, name: str) -> str:
    """An amount without the marks between its thousands, where these stand where they should."""
    if mark in text and not re.fullmatch(rf"[0-9]{{1,3}}(?:{re.escape(mark)}[0-9]{{3}})+(?:\.[0-9]+)?", text, re.ASCII):
        raise BadRowError(f"'{name}' is {text[:24]!r}, whose thousands are not set apart as the column map says")
    return text.replace(mark, "")


def _satoshis(text: str, name: str) -> str:
    try:
        amount_sat = Decimal(text).scaleb(8)
    except InvalidOperation:
        raise BadRowError(f"'{name}' is {text[:20]!r}, not an amount of bitcoin with a decimal point") from None
    if not amount_sat.is_finite() or amount_sat != amount_sat.to_integral_value():
        raise BadRowError(f"'{name}' is {text[:24]!r}, which is no whole number of satoshis")
    return str(int(amount_sat))


def _from_epoch(text: str, unit: str, name: str) -> str:
    per_second = 1 if unit == "epoch_s" else 1_000
    try:
        at = dt.datetime.fromtimestamp(0, dt.UTC) + dt.timedelta(milliseconds=int(text) * (1_000 // per_second))
    except (ValueError, OverflowError):
        raise BadRowError(f"'{name}' is {text[:20]!r}, not a time in {unit}") from None
    return at.isoformat()


def _time_text(text: str, rule: ColumnRule, name: str) -> str:
    try:
        at = dt.datetime.fromisoformat(text) if rule.format is None else dt.datetime.strptime(text, rule.format)  # noqa: DTZ007 - the zone is put on below
    except ValueError:
        raise BadRowError(f"'{name}' is {text[:30]!r}, not as the column map says") from None
    if name not in _TIMES:
        return at.date().isoformat()
    if at.tzinfo is None and rule.zone is not None:
        zone = zoneinfo.ZoneInfo(rule.zone)
        early, late = (at.replace(tzinfo=zone, fold=fold) for fold in (0, 1))
        if early.utcoffset() != late.utcoffset():
            raise BadRowError(f"'{name}' is {text[:30]!r}, in an hour that clocks of {rule.zone} showed twice or never")
        at = early
    return at.isoformat()
