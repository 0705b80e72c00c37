"""What a suggestion for a mapping is: a column, or a table with its columns, and what speaks for it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from headwater.evidence.mapping import Via

__all__ = ["Suggestion", "TableSuggestion", "rival_order"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Suggestion:
    """A column that may be one of ours.

    Attributes:
        target: Table of ours.
        target_column: Column of ours; `key` for the platform's own key.
        table: Table of the application.
        column: Column of the application.
        unit: How values are written there, as a mapping declares it.
        points: Larger is likelier; comparable within one target column only.
        evidence: What speaks for it, as counts and shares.
        via: Where the value stands if it is in another table, which the column leads to.
    """

    target: str
    target_column: str
    table: str
    column: str
    unit: str
    points: int
    evidence: tuple[str, ...]
    via: Via | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TableSuggestion:
    """A table that may be one of ours, and for each column of ours the candidates in it, likeliest first.

    Attributes:
        target: Table of ours.
        table: Table of the application.
        points: Larger is likelier; comparable within one target only.
        columns: By column of ours.
        literals: Columns of ours that have one value in all rows: of a column of names on a messenger, which one.
        where: Column and value of the rows that are meant; None means all.
    """

    target: str
    table: str
    points: int
    columns: Mapping[str, tuple[Suggestion, ...]]
    literals: Mapping[str, str] = field(default_factory=dict)
    where: tuple[str, str] | None = None


def rival_order(one: TableSuggestion) -> tuple[int, str, str, str]:
    """Key to sort by: likeliest first, and of equals the first by name."""
    first = min((candidates[0].column for candidates in one.columns.values()), default="")
    return -one.points, one.table, first, str(one.where)
