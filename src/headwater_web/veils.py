"""What pages keep veiled until somebody opens it, and what no page or export ever has."""

from __future__ import annotations

from typing import Final

from headwater.schema import TABLES

__all__ = ["VEILED", "WITHHELD", "is_veiled", "shown_columns"]

_FREELY_WRITTEN: Final = frozenset({"label", "memo", "description"})
"""Columns made from evidence that hold what people wrote freely: it may be anything, so nobody meets it unasked."""

VEILED: Final = frozenset(
    {
        *((t.name, c.name) for t in TABLES if t.stage != "references" for c in t.columns if c.name in _FREELY_WRITTEN),
        # What came back of a lead, in the words of the unit that worked on it.
        ("outcomes", "note"),
    },
)
"""Table and column of what a page keeps veiled."""

WITHHELD: Final = frozenset({("entries", "head")})
"""The first bytes of files, which may be of media: by them kinds are told, and that is all they are for."""


def is_veiled(table: str, column: str) -> bool:
    """Whether a page shows that there is a text, and not the text."""
    return (table, column) in VEILED


def shown_columns(table: str, columns: list[str]) -> list[str]:
    """The columns without those that never leave."""
    return [column for column in columns if (table, column) not in WITHHELD]
