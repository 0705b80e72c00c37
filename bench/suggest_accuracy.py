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


def suggested(app: Application, seed: int, accounts: int) -> Mapping[str, Sequence[TableSuggestion]]:
    """What is suggested for an application, from its files as the sealed workers read them."""
    with tempfile.TemporaryDirectory() as folder, SealedPool(workers=1) as pool:
        batches = [
            batch
            for form, path in write_application(app, Path(folder), seed=seed, accounts=accounts)
            for batch in row_batches(pool, Exhibit(exhibit_id="EX-1", exhibit_kind="file", path=path), form)
        ]
    return suggestions(profile_of(batches, PLAUSIBLE_WINDOW))


def is_right(binding: TrueBinding, one: Suggestion) -> bool:
    """Whether a suggestion is what a right mapping binds."""
    via = one.via
    told = None if via is None else (via.table, via.key, via.take, None if via.where is None else via.where[:2])
    return (one.table, one.column, one.unit, told) == (binding.table, binding.column, binding.unit, binding.via)


def rank(binding: TrueBinding, found: Mapping[str, Sequence[TableSuggestion]]) -> int | None:
    """The place of the right suggestion, from 1: that of its table, or within its table if that is the first."""
    places = []
    for table_place, table in enumerate(found.get(binding.target, ())[:3], start=1):
        for place, one in enumerate(table.columns.get(binding.target_column, ())[:3], start=1):
            if is_right(binding, one):
                places.append(max(table_place, place))
    return min(places, default=None)


def measured(app: Application, seed: int, accounts: int) -> tuple[dict[str, object], list[str], tuple[int, ...]]:
    """Figures of one application, what is not in the first place, and the counts."""
    found = suggested(app, seed, accounts)
    truth = app.truth()
    ranks = {binding: rank(binding, found) for binding in truth}
    tables = {(binding.target, binding.table) for binding in truth}
    tables_right = sum(bool(found.get(t)) and found[t][0].table == name for t, name in tables)
    drafted = [columns[0] for table in likeliest(found).values() for columns in table.columns.values()]
    wrong = [
        one
        for one in drafted
        if not any(b.target == one.target and b.target_column == one.target_column and is_right(b, one) for b in truth)
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
