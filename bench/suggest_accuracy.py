"""How often a suggestion for a mapping is right, on invented applications of twelve styles.

For each application: of the bindings that a right mapping has, how many stand in the first place (what a person only
has to confirm), and how many within the first three; and how many bindings of the draft are in no right mapping. The
applications that are held out are never read while the suggester is tuned; only their totals are printed.

Prints one JSON object a line.

    bench/suggest_accuracy.py                 the applications for tuning, one line for each and one for all
    bench/suggest_accuracy.py --details       and each binding that is not in the first place
    bench/suggest_accuracy.py --nameless      the same applications, with names that say nothing
    bench/suggest_accuracy.py --held-out      totals of those held out
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from headwater.engine import Exhibit
from headwater.evidence import (
    PLAUSIBLE_WINDOW,
    SealedPool,
    Suggestion,
    TableSuggestion,
    likeliest,
    profile_of,
    row_batches,
    suggestions,
)
from headwater_synth.schemas import HELD_OUT, TUNING, Application, TrueBinding, application, nameless, write_application

FURTHER = ("identifiers", "media_references")


def suggested(app: Application, seed: int, accounts: int) -> Mapping[str, Sequence[TableSuggestion]]:
    """What is suggested for an application, from its files as the sealed workers read them."""
    with tempfile.TemporaryDirectory() as folder, SealedPool(workers=1) as pool:
        batches = [
            batch
            for form, path in write_application(app, Path(folder), seed=seed, accounts=accounts)
            for batch in row_batches(pool, Exhibit(exhibit_id="EX-1", exhibit_kind="file", path=path), form)
        ]
    return suggestions(profile_of(batches, PLAUSIBLE_WINDOW))


def is_right(binding: TrueBinding, table: TableSuggestion, one: Suggestion) -> bool:
    """Whether a suggestion is what a right mapping binds, with the kind and the rows that it is of."""
    via = one.via
    told = None if via is None else (via.table, via.key, via.take, None if via.where is None else via.where[:2])
    if (one.table, one.column, one.unit, told) != (binding.table, binding.column, binding.unit, binding.via):
        return False
    return binding.kind == table.literals.get("identifier_kind") and binding.where == table.where


def is_same(binding: TrueBinding, one: Suggestion) -> bool:
    """Whether a column of accounts is suggested from the attribute that a right mapping binds as an identifier.

    An account's only mail address may be its own column or a further identifier: both say the same.
    """
    via = one.via
    if via is None or via.where is None or (one.target, one.target_column) != ("accounts", binding.kind):
        return False
    return (via.table, via.take, via.where[:2]) == (binding.table, binding.column, binding.where)


def rank(binding: TrueBinding, found: Mapping[str, Sequence[TableSuggestion]]) -> int | None:
    """The place of the right suggestion, from 1: that of its table, or within its table if that is the first.

    What stands in many places is drafted for each of them; a place that is suggested and not drafted counts as second.
    """
    tables = found.get(binding.target, ())
    drafted = likeliest(found)
    if binding.target in FURTHER:
        ranked = [(1 if any(one is d for d in drafted) else 2, one) for one in tables if one.table == binding.table]
    else:
        ranked = list(enumerate(tables[:3], start=1))
    places = [1] * any(is_same(binding, of[0]) for one in drafted for of in one.columns.values())
    for table_place, table in ranked:
        for place, one in enumerate(table.columns.get(binding.target_column, ())[:3], start=1):
            if is_right(binding, table, one):
                places.append(max(table_place, place))
    return min(places, default=None)


def measured(app: Application, seed: int, accounts: int) -> tuple[dict[str, object], list[str], tuple[int, ...]]:
    """Figures of one application, what is not in the first place, and the counts."""
    found = suggested(app, seed, accounts)
    truth = app.truth()
    ranks = {binding: rank(binding, found) for binding in truth}
    tables = {(binding.target, binding.table) for binding in truth}
    best = likeliest(found)
    tables_right = sum(any((one.target, one.table) == place for one in best) for place in tables)
    told = {(binding.target, binding.table, binding.target_column) for binding in truth}
    # Whose a column beside an account is follows from the table, and is no binding to count.
    implied = {(target, table, "account") for target, table in tables if target in FURTHER} - told
    drafted = [
        (table, of, ones[0])
        for table in best
        for of, ones in table.columns.items()
        if (table.target, table.table, of) not in implied
    ]
    wrong = [
        one
        for table, of, one in drafted
        if not any(
            is_same(b, one) or ((b.target, b.target_column) == (table.target, of) and is_right(b, table, one))
            for b in truth
        )
    ]
    first = sum(place == 1 for place in ranks.values())
    third = sum(place is not None for place in ranks.values())
    details = [
        f"{b.target}.{b.target_column} is {b.table}.{b.column} ({b.unit}{'' if b.via is None else f' via {b.via}'}), "
        f"{'not found' if place is None else f'in place {place}'}; first: "
        + ", ".join(
            f"{t.table}.{t.columns[b.target_column][0].column} ({t.columns[b.target_column][0].unit})"
            for t in found.get(b.target, ())[:1]
            if b.target_column in t.columns
        )
        for b, place in ranks.items()
        if place != 1
    ]
    details += [f"drafted wrongly: {one.target}.{one.target_column} = {one.table}.{one.column}" for one in wrong]
    counts = (len(truth), first, third, len(tables), tables_right, len(drafted), len(wrong))
    return {"measure": f"suggest.{app.name}", **figures(counts)}, details, counts


def figures(counts: Sequence[int]) -> dict[str, object]:
    """Counts as shares."""
    needed, first, third, tables, tables_right, drafted, wrong = counts
    return {
        "bindings_needed": needed,
        "top_1": round(first / needed, 4),
        "top_3": round(third / needed, 4),
        "tables_right": round(tables_right / tables, 4),
        "confirmed_of_needed": round(first / needed, 4),
        "drafted": drafted,
        "drafted_wrongly": wrong,
    }


def totals(name: str, counts: Iterable[Sequence[int]]) -> dict[str, object]:
    """Figures of several applications together."""
    return {"measure": f"suggest.{name}", **figures([sum(column) for column in zip(*counts, strict=True)])}


def main() -> int:
    """0."""
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--held-out", action="store_true")
    arguments.add_argument("--details", action="store_true", help="of the applications for tuning")
    arguments.add_argument("--only", help="one application for tuning", choices=TUNING)
    arguments.add_argument("--nameless", action="store_true", help="the same with names that say nothing")
    arguments.add_argument("--accounts", type=int, default=300)
    arguments.add_argument("--seed", type=int, default=7)
    given = arguments.parse_args()
    counted = []
    for name in HELD_OUT if given.held_out else [given.only] if given.only else TUNING:
        app = nameless(application(name)) if given.nameless else application(name)
        told, details, counts = measured(app, given.seed, given.accounts)
        counted.append(counts)
        if given.held_out:
            continue
        print(json.dumps(told), flush=True)
        for line in details if given.details else ():
            print(f"  {line}", flush=True)
    print(json.dumps(totals("held_out" if given.held_out else "tuning", counted)), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
