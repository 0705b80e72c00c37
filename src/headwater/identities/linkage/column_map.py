"""The operator's file that says which columns of two files hold what."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from headwater.errors import ConfigError

__all__ = ["FIELDS", "ColumnMap", "Side", "read_column_map"]

FIELDS = (
    "given_name", "surname", "full_name", "date_of_birth", "street_number", "address", "suburb", "postcode", "state",
    "country", "phone", "email", "nickname", "national_id",
)  # fmt: skip
"""What a column may hold."""
_SIDES = ("left", "right")


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """What one file's columns hold.

    Attributes:
        id_column: The column that tells its rows apart.
        columns: For each field, its column; several are read as one text, in their order.
    """

    id_column: str
    columns: Mapping[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnMap:
    """What the columns of both files hold.

    Attributes:
        left: Of the first file.
        right: Of the second.
    """

    left: Side
    right: Side

    @property
    def fields(self) -> tuple[str, ...]:
        """Fields that at least one side has, in their usual order."""
        return tuple(f for f in FIELDS if f in self.left.columns or f in self.right.columns)


def read_column_map(path: Path) -> ColumnMap:
    """The map in a TOML file: `[left]` and `[right]`, each with `id` and the fields it has.

    What is the same on both sides may stand once, at the top or under `[columns]`: `surname = "family_name"`. A field
    may name both sides at once: `surname = { left = "name", right = "family_name" }`.

    Raises:
        ConfigError: It is no TOML, names an unknown field, binds a column twice, or lacks an id.
    """
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: not a column map ({error}); write it as TOML in UTF-8") from error
    sides: dict[str, dict[str, tuple[str, ...]]] = {"left": {}, "right": {}}
    shared = {k: v for k, v in document.items() if k not in {*_SIDES, "columns"}}
    for key, value in {**shared, **_table(path, document, "columns")}.items():
        if key in _SIDES:
            continue
        for side in _SIDES:
            named = value.get(side) if isinstance(value, dict) else value
            if named is not None:
                _bind(path, side, sides[side], key, named)
    nested = _table(path, document, "columns")
    for side in _SIDES:
        for table in (_table(path, nested, side), _table(path, document, side)):
            for key, value in table.items():
                _bind(path, side, sides[side], key, value)
    return ColumnMap(left=_side(path, "left", sides["left"]), right=_side(path, "right", sides["right"]))


def _table(path: Path, document: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    table = document.get(name, {})
    if not isinstance(table, dict):
        raise ConfigError(f"{path}: '{name}' must be a table; write [{name}] and below it field = \"column\"")
    return table


def _bind(path: Path, side: str, bound: dict[str, tuple[str, ...]], key: str, value: object) -> None:
    field = {"left_id": "id", "right_id": "id", "id_column": "id"}.get(key, key)
    if key in {"left_id", "right_id"} and key != f"{side}_id":
        return
    if field != "id" and field not in FIELDS:
        raise ConfigError(f"{path}: '{key}' is no field; known are id, {', '.join(FIELDS)}")
    columns = [value] if isinstance(value, str) else value
    if not isinstance(columns, list) or not columns or not all(isinstance(c, str) and c for c in columns):
        raise ConfigError(f'{path}: {side}.{key} must name a column; write {key} = "column"')
    bound[field] = tuple(columns)


def _side(path: Path, side: str, bound: dict[str, tuple[str, ...]]) -> Side:
    if "id" not in bound:
        raise ConfigError(f'{path}: no id column for the {side} file; write [{side}] and below it id = "column"')
    if len(bound["id"]) != 1:
        raise ConfigError(f"{path}: {side}.id names several columns; the id is one")
    if len(bound) == 1:
        raise ConfigError(f"{path}: nothing but an id for the {side} file; bind at least one of {', '.join(FIELDS)}")
    seen: dict[str, str] = {}
    for field, columns in bound.items():
        for column in columns:
            if column in seen:
                raise ConfigError(
                    f"{path}: {side} column '{column}' is bound twice, as {seen[column]} and as {field}; keep one"
                )
            seen[column] = field
    return Side(id_column=bound["id"][0], columns={f: c for f, c in bound.items() if f != "id"})
