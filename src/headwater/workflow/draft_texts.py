"""The text of a mapping that is being worked on: its bindings, told apart; and the suggestions kept beside it."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import yaml

from headwater.errors import InputError
from headwater.evidence import UNCONFIRMED, TableSuggestion, likeliest
from headwater.schema import content_id
from headwater.workflow.suggest import MappingSuggestions

__all__ = ["DraftBinding", "binding_shown", "keyed", "suggestions_kept", "tables_in", "with_candidates", "written"]

_CANDIDATES: Final = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class DraftBinding:
    """One binding of the draft.

    Attributes:
        binding_id: Digest of what it binds, by which it is decided on.
        table: Table of the application.
        binds: What it is bound to.
        where: The rows that are meant, as text; empty for all.
        because: Why, in words; of a suggestion, the counts that speak for it.
        confirmed: Whether somebody has said why in their own words.
        columns: Of ours, each with its source there, its unit, and the candidates.
        rows: Rows of the table; None where the draft was not suggested.
    """

    binding_id: str
    table: str
    binds: str
    where: str
    because: str
    confirmed: bool
    columns: tuple[Mapping[str, Any], ...]
    rows: int | None


def tables_in(content: str) -> list[dict[str, Any]]:
    """The bindings of a text, as they are written."""
    read = yaml.safe_load(content)
    tables = read.get("tables", ()) if isinstance(read, dict) else ()
    return [dict(table) for table in tables or () if isinstance(table, dict)]


def keyed(tables: Sequence[Mapping[str, Any]]) -> list[tuple[str, Mapping[str, Any]]]:
    """Each binding with its id: the same table bound to the same of ours more than once is told apart by its order."""
    seen: Counter[tuple[str, ...]] = Counter()
    keyed = []
    for table in tables:
        key = (str(table.get("table")), str(table.get("binds")), json.dumps(table.get("where"), sort_keys=True))
        keyed.append((content_id("mpb", *key, str(seen[key])), table))
        seen[key] += 1
    return keyed


def written(before: str, tables: Sequence[Mapping[str, Any]]) -> str:
    """The text with other bindings; what else it says, and its comment at the top, stays."""
    head = "".join(line for line in before.splitlines(keepends=True) if line.startswith("#"))
    whole = {**yaml.safe_load(before), "tables": [dict(table) for table in tables]}
    text: str = yaml.safe_dump(whole, sort_keys=False, allow_unicode=True, width=120)
    return head + text


def binding_shown(key: str, table: Mapping[str, Any], suggested: Mapping[str, Any]) -> DraftBinding:
    """A binding as it is shown, with the candidates that the suggestions have for its columns."""
    name, binds = str(table.get("table")), str(table.get("binds"))
    where = table.get("where")
    candidates = suggested.get("candidates", {}).get(f"{binds}/{name}", {})
    columns = []
    for ours, spec in (table.get("columns") or {}).items():
        given = spec if isinstance(spec, dict) else {}
        columns.append(
            {
                "ours": str(ours),
                "column": _source_text(given),
                "unit": str(given.get("unit", "")),
                "candidates": tuple(candidates.get(ours, ())),
            }
        )
    because = str(table.get("because", ""))
    return DraftBinding(
        binding_id=key,
        table=name,
        binds=binds,
        where="" if where is None else ", ".join(f"{k} {v}" for k, v in where.items()),
        because=because,
        confirmed=not because.startswith(UNCONFIRMED),
        columns=tuple(columns),
        rows=suggested.get("rows", {}).get(name),
    )


def _source_text(spec: Mapping[str, Any]) -> str:
    if "literal" in spec:
        return f"always {spec['literal']!r}"
    via = spec.get("via")
    return str(spec.get("column", "")) + (f" via {via['table']}.{via['take']}" if isinstance(via, dict) else "")


def with_candidates(table: dict[str, Any], shown: DraftBinding, columns: Mapping[str, str]) -> dict[str, Any]:
    """The binding with those columns of ours given by other candidates.

    Raises:
        InputError: The binding has no such column, or the column no such candidate.
    """
    kept = dict(table.get("columns") or {})
    for ours, label in columns.items():
        column = next((one for one in shown.columns if one["ours"] == ours), None)
        if column is None:
            raise InputError(ours, "the binding gives no such column of ours", remedy="edit the draft as text")
        if label == column["column"]:
            continue
        if not label:
            del kept[ours]
            continue
        found = next((one for one in column["candidates"] if one["label"] == label), None)
        if found is None:
            raise InputError(label, f"no candidate for {ours}", remedy="edit the draft as text")
        old = {k: v for k, v in dict(kept[ours]).items() if k == "joins"}
        kept[ours] = {**found["spec"], **old}
    return {**table, "columns": kept}


def suggestions_kept(made: MappingSuggestions) -> dict[str, Any]:
    """What of the suggestions is kept beside a draft: rows, candidates, and what else was thought of."""
    profile, found, _ = made
    best = likeliest(found)
    bound = {one.table for one in best}
    return {
        "rows": {table.table: table.rows for table in profile.tables},
        "candidates": {
            f"{one.target}/{one.table}": {
                ours: [_candidate(one, ours, number) for number in range(min(len(several), _CANDIDATES))]
                for ours, several in one.columns.items()
            }
            for one in best
        },
        "others": [
            {"binds": target, "table": one.table, "points": one.points, "rank": rank}
            for target, tables in found.items()
            for rank, one in enumerate(tables[:_CANDIDATES], start=1)
            if not any(one is drafted for drafted in best)
        ],
        "unbound": [{"table": table.table, "rows": table.rows} for table in profile.tables if table.table not in bound],
    }


def _candidate(table: TableSuggestion, ours: str, number: int) -> dict[str, Any]:
    one = table.columns[ours][number]
    spec: dict[str, Any] = {"column": one.column}
    if one.unit not in {"text", "key"}:
        spec["unit"] = one.unit
    if one.via is not None:
        spec["via"] = {"table": one.via.table, "key": one.via.key, "take": one.via.take}
        if one.via.where is not None:
            column, text, _ = one.via.where
            spec["via"]["where"] = {"column": column, "equals": text}
    return {"label": _source_text(spec), "spec": spec, "points": one.points, "evidence": list(one.evidence)}
