"""A mapping drafted from suggestions, for a person to correct, complete and approve."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import yaml

from headwater.evidence.mapping import MAPPING_VERSION, Via
from headwater.evidence.suggest import likeliest
from headwater.evidence.suggestion import TableSuggestion
from headwater.evidence.targets import TARGETS

__all__ = ["UNCONFIRMED", "draft_mapping"]

UNCONFIRMED = "suggested, not confirmed"
"""How each reason in a draft begins; a mapping in which one still does cannot be approved."""

# What a table must state and this one has no column for.
_LITERALS = {"role": "member", "status": "unknown"}
_HEAD = """\
# Drafted by headwater from the names and values of the dump. Nothing here has been confirmed by anybody: read each line
# against the dump, correct it, write in your own words why it is so, and approve it by name.
# Times are taken to be UTC and text to be UTF-8 unless you say otherwise. Codes of roles and states are not translated.
"""


def draft_mapping(found: Mapping[str, Sequence[TableSuggestion]]) -> str:
    """The text of a mapping with the likeliest table and columns for each of ours; empty lists if nothing was found.

    A table in parts is written once, with `*` for the numbers of its parts.
    """
    # A table stands before those that name its rows.
    tables = [_table(best, found) for best in likeliest(found)]
    text: str = yaml.safe_dump(
        {"version": MAPPING_VERSION, "application": "unknown", "tables": tables},
        sort_keys=False,
        allow_unicode=True,
        width=120,
    )
    return _HEAD + text


def _table(best: TableSuggestion, found: Mapping[str, Sequence[TableSuggestion]]) -> dict[str, object]:
    target = best.target
    columns: dict[str, object] = {}
    evidence = []
    for ours, candidates in best.columns.items():
        one = candidates[0]
        evidence.append(f"{one.column} ({', '.join(one.evidence)})")
        if ours == "key":
            continue
        column: dict[str, object] = {"column": one.column}
        if ours in {"account", "invoice"}:
            column["joins"] = found[f"{ours}s"][0].table
        elif one.unit != "text":
            column["unit"] = one.unit
        if one.via is not None:
            column["via"] = _via(one.via)
        columns[ours] = column
    columns |= {ours: {"literal": text} for ours, text in best.literals.items()}
    for ours in TARGETS[target].required:
        if ours not in columns and ours in _LITERALS:
            columns[ours] = {"literal": _LITERALS[ours]}
    table: dict[str, object] = {"table": best.table, "binds": target}
    if TARGETS[target].keyed:
        table["key"] = best.columns["key"][0].column
    if best.where is not None:
        table["where"] = {"column": best.where[0], "equals": best.where[1]}
    return table | {"because": f"{UNCONFIRMED}: {'; '.join(evidence)}", "columns": columns}


def _via(via: Via) -> dict[str, object]:
    written: dict[str, object] = {"table": via.table, "key": via.key, "take": via.take}
    if via.where is not None:
        column, text, _ = via.where
        written["where"] = {"column": column, "equals": text}
    return written
