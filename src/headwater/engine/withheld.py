"""Rows about subjects that are withheld: left out of what people and packages read, never of what is derived."""

from __future__ import annotations

from collections.abc import Collection

import pyarrow as pa
import pyarrow.compute as pc

from headwater.schema import table_named

__all__ = ["can_name_subjects", "without_subjects"]

_SPEAKING = frozenset({"contrary_facts"})
"""Tables whose words are about the subject, also where the column that names it may be absent."""


def can_name_subjects(name: str) -> bool:
    """Whether a table has a column of ids, or lists of rows that may have one."""
    return any(_is_id(field) or pa.types.is_list(field.type) for field in table_named(name).arrow)


def without_subjects(name: str, rows: pa.Table, ids: Collection[str]) -> pa.Table:
    """The rows of a table without those about the subjects.

    A row goes if a column that is never absent names one. Where the column may be absent, the row is about something
    else, such as an amount of money: it stays, and names nobody. Parts of lists that name one go.

    Args:
        name: The table.
        rows: Rows of it, perhaps of some columns alone.
        ids: Of all rows about the subjects.
    """
    wanted = pa.array(sorted(ids), pa.string())
    for field in rows.schema:
        if not len(rows):
            break
        if _is_id(field):
            named = pc.fill_null(pc.is_in(rows[field.name], value_set=wanted), False)  # noqa: FBT003 - Arrow's own signature
            if not pc.any(named).as_py():
                continue
            if field.nullable and name not in _SPEAKING:
                cleared = pc.if_else(named, pa.scalar(None, field.type), rows[field.name])
                rows = rows.set_column(rows.schema.get_field_index(field.name), field, cleared)
            else:
                rows = rows.filter(pc.invert(named))
        elif pa.types.is_list(field.type) and pa.types.is_struct(field.type.value_type):
            rows = _without_parts(rows, field, frozenset(ids))
    return rows


def _is_id(field: pa.Field) -> bool:
    return field.name.endswith("_id") and bool(pa.types.is_string(field.type))


def _without_parts(rows: pa.Table, field: pa.Field, ids: frozenset[str]) -> pa.Table:
    names = [part.name for part in field.type.value_type if _is_id(part)]
    if not names:
        return rows
    kept = [
        None if parts is None else [part for part in parts if not ids & {part[name] for name in names}]
        for parts in rows[field.name].to_pylist()
    ]
    return rows.set_column(rows.schema.get_field_index(field.name), field, pa.array(kept, field.type))
