"""Searching a case: the index is made of what people may read now, and every search is on record before it answers."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from headwater.engine import Progress, Session, silent
from headwater.errors import ConfigError
from headwater.search import SEARCHED, Found, SearchIndex, index_at, index_name, make_index
from headwater.workflow.case import Actor, Case, recordable
from headwater.workflow.intake import recorded

__all__ = ["LONGEST_QUERY", "made_index", "search_case", "search_index_name", "search_row"]

LONGEST_QUERY: Final = 200
"""Characters of what is searched for."""


def search_index_name(case: Case) -> str:
    """The name of the index of what the case holds now."""
    searched = {one.table for one in SEARCHED}
    digests = {
        f"{output['table_name']} {output['run_id']}": str(output["sha256"])
        for output in case.current_outputs()
        if output["table_name"] in searched
    }
    for row in case.imports():
        digests[f"{row['reference_name']}@{row['reference_version']}"] = str(row["seal_sha256"])
    return index_name(digests, case.erased_ids())


def made_index(case: Case, tables: Session, *, progress: Progress = silent) -> Path:
    """The folder of the index of what the case holds now; it is made if it is not there.

    Args:
        case: The case.
        tables: Its tables, as people read them.
        progress: Called with the searched columns that are done.
    """
    name = search_index_name(case)
    return index_at(case.path, name) or make_index(tables, case.path, name, progress=progress)


def search_case(
    case: Case, actor: Actor, query: str, *, most: int, progress: Progress = silent
) -> tuple[list[dict[str, Any]], int]:
    """What fits, the best first, as rows; and how many fit in all.

    Args:
        case: The case.
        actor: Who searches; what was searched for is part of the record.
        query: As somebody typed it.
        most: So many rows.
        progress: As of `made_index`.
    """
    # In the reason, which can be erased: what was searched for may be somebody's name.
    why = f"{actor.justification or case.settings.purpose} | searched for: {recordable(query)[:LONGEST_QUERY]}"
    actor = replace(actor, justification=why)
    case.record("consulted", actor, params={"read": "search"})
    with recorded(case, "consulted", actor, read="search"):
        if len(query) > LONGEST_QUERY:
            raise ConfigError(f"a text to search for has at most {LONGEST_QUERY} characters")
        with case.tables(with_unconfirmed=True) as tables:
            folder = made_index(case, tables, progress=progress)
        index = SearchIndex(folder)
        try:
            found, fitting = index.find(query, most=most)
        finally:
            index.close()
    return [search_row(one) for one in found], fitting


def search_row(found: Found) -> dict[str, Any]:
    """What was found, as it is printed and sent to programs."""
    one = found.searched
    return {"table": one.table, "column": one.column, "key": found.key, "value": found.value, "edits": found.edits}
