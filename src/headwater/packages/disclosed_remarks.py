"""What people noted beside the rows of a package: every note, label and assignment, also what was withdrawn."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from headwater.engine import Session
from headwater.packages.alternatives import Decided
from headwater.packages.custody_choice import CustodyChoice
from headwater.packages.own import Own

__all__ = ["disclosed_remarks"]

Row = dict[str, Any]


def disclosed_remarks(
    tables: Session, own: Own, choice: CustodyChoice, decided: Mapping[str, Decided]
) -> tuple[list[Row], int]:
    """The remarks beside rows of this package, in the order they were given; and how many texts are withheld.

    Args:
        tables: The tables of the case.
        own: What is this country's.
        choice: Tells which texts say nothing of others.
        decided: What the custody log says of each, by its id.
    """
    remarks = [row for row in tables.arrow("remarks").to_pylist() if row["object_id"] in own.ids]
    readable = choice.without_others([text for row in remarks for text in (row["text"], row["ended_why"]) if text])
    people = list(dict.fromkeys(name.strip().casefold() for row in remarks for name in _names(row)))

    def number(name: str | None) -> int | None:
        return None if name is None else people.index(name.strip().casefold()) + 1

    told, withheld = [], 0
    for row in remarks:
        act = decided.get(row["remark_id"])
        texts = {name: row[name] if row[name] in readable else None for name in ("text", "ended_why")}
        withheld += sum(row[name] is not None and texts[name] is None for name in texts)
        told.append(
            {
                **{name: row[name] for name in ("remark_id", "object_table", "object_id", "remark_kind", "at_utc")},
                "text": texts["text"],
                "person": number(row["operator"]),
                "role": None if act is None else act.role,
                "custody_entry": None if act is None else act.entry,
                "state": row["state"],
                "ended_at_utc": row["ended_at_utc"],
                "ended_by_person": number(row["ended_by"]),
                "ended_why": texts["ended_why"],
            }
        )
    return told, withheld


def _names(row: Row) -> list[str]:
    return [name for name in (row["operator"], row["ended_by"]) if name is not None]
