"""How far up the leads stand on which a child may depend, and whom leads name, by size of the seizure.

    python bench/leads_ranking.py [--only ACCOUNTS] [--write]

Makes whole seizures, takes each through every stage, and scores the leads against the truth, beside two orders that
need no rules: by activity, and by amount paid. `--write` puts what was measured into tests/golden/leads_ranking.json,
beside what is there of other sizes, and docs/explanation/lead-error-rates.md is written from that.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from headwater.engine import Session, StageContext
from headwater.judgements import Judgement, snapshot
from headwater.leads import rank_leads
from headwater.workflow import (
    Actor,
    Case,
    add_exhibit,
    add_reference,
    approve_mapping,
    confirm_polarity,
    open_tables,
    run_stages,
)
from headwater_synth.score_people import lead_measures
from headwater_synth.score_truth import Truth, read_truth
from headwater_synth.seizure import SeizureOptions, make_seizure

ROOT = Path(__file__).resolve().parents[1]
GOLDEN = ROOT / "tests" / "golden" / "leads_ranking.json"
PAGE = ROOT / "docs" / "explanation" / "lead-error-rates.md"
MEDIA, BLOCKS = 40, 200
# Accounts, accounts that are paid for at most, and seeds. The media store stays as it is: those who first uploaded what
# no list knows are few among ever more accounts, as on a platform of some size.
SIZES = ((400, 1_500, (31, 32)), (5_000, 1_500, (31,)), (20_000, 3_000, (31,)))
ORDERS = (("high_risk", "by the rules"), ("by_activity", "by activity"), ("by_amount_paid", "by amount paid"))
FIRST = (10, 100, 1_000)
WORDS = """# Leads: how far up, and who is named

Whole invented seizures, taken through every stage and scored against their truth. The media store is the same at every
size, so that those who first uploaded what no list knows are few among ever more accounts. `scripts/lead-error-table`
measures anew and writes this page; the definitions are in [measures](../reference/score.md).

**What these figures are not.** People, acts and media are ours, and mild: nobody hid on purpose from these rules. They
are no error rates of your case.

## First uploaders who can be reached

The goal: all of them within the first 1 % of leads. *Room* is the share that fits there: below 1, no order can reach
the goal, because there are more of them than places.

| accounts | seed | leads | first uploaders | worst place | of leads, % | in the first 1 % | room |
|---|---|---|---|---|---|---|---|
{origins}

## Accounts of high risk in the first places

Of high risk are, in truth, those first uploaders, also where they cannot be reached, and the administrators. The share
is of those that the places have room for. Beside the rules stand two orders that need none.

| accounts | seed | of high risk, at most 1,000 | order | first 10 | first 100 | first 1,000 |
|---|---|---|---|---|---|---|
{orders}

## Innocent people who are named

Leads that name somebody who did not use the account: relatives who only paid, others behind a shared address. Before
anybody judges, nobody can be named. *Control*: so many wrong judgements are given on purpose, and the measure must see
as many.

| accounts | seed | leads | named before any judgement | wrong judgements in the control | named then |
|---|---|---|---|---|---|
{named}

What the order looks at, and what it does not: [Leads](leads.md).
"""


def finished_case(folder: Path, *, accounts: int, payers: int, seed: int) -> tuple[Path, Truth]:
    """A case after every stage, before anybody judged, and the truth of its seizure."""
    options = SeizureOptions(seed=seed, accounts=accounts, media=MEDIA, blocks=BLOCKS, payers=payers)
    seized, truth, path = folder / "seizure", folder / "truth", folder / "case"
    make_seizure(seized, truth, options)
    with Case.create(path, authority_ref="Bench 1", operator="A. Examiner", purpose="measurement") as case:
        actor = case.actor()
        for number, name in enumerate(("disk/server.img", "dump/platform.sql", "wallet/wallet.dat", "blocks"), start=1):
            add_exhibit(case, actor, seized / name, exhibit_id=f"EX-{number}", allow_unsealed=True)
        for kind, file in references(seized / "references"):
            polarity = "known-illegal" if kind == "hash-list" else None
            name = file.name.replace(".", "-")
            is_list = kind == "hash-list"
            add_reference(case, actor, kind, file, name=name, version="1", polarity=polarity, accept_defects=is_list)
            if polarity:
                second = Actor(name="B. Analyst", role="operator", justification="measurement")
                confirm_polarity(case, second, f"{name}@1", polarity, why="it was made so")
        approve_mapping(case, actor, seized / "mapping.yaml")
        run_stages(case, actor, workers=2, allow_unsealed=True)
    return path, read_truth(truth)


def references(folder: Path) -> Iterator[tuple[str, Path]]:
    """What the stages up to the leads need, with its kind."""
    for kind, pattern in (
        ("hash-list", "hashlist*"),
        ("tag-pack", "tagpack.yaml"),
        ("services", "services.csv"),
        ("records", "records.csv"),
        ("networks", "networks.csv"),
        ("network-database", "*.mmdb"),
        ("customers", "customers-*.csv"),
        ("customer-transactions", "customer-transactions-*.csv"),
    ):
        for file in sorted(folder.glob(pattern)):
            yield kind, file


def measured(path: Path, truth: Truth) -> dict[str, dict[str, Any]]:
    """The measures of leads; and how many innocent people are named after wrong judgements, which must be seen."""
    with open_tables(path) as tables:
        found = {m.measure: {"value": m.value, "n": m.n} for m in lead_measures(tables, truth)}
        wrong = wrong_judgements(tables, truth)
        tables.put("judgements", snapshot(wrong))
        tables.put("leads", rank_leads(StageContext(tables=tables))["leads"])
        named = {m.measure: m.value for m in lead_measures(tables, truth)}["leads.innocents_named"]
    return {**found, "control.innocents_named": {"value": named, "n": len(wrong)}}


def wrong_judgements(tables: Session, truth: Truth, count: int = 5) -> list[Judgement]:
    """Positive judgements that name somebody else than who used the account; first of all those who only paid."""
    people = sorted(truth.people, key=lambda person: person["only_paid_for_relative"] != "1")
    person_of = {row["account_key"]: row["person_key"] for row in truth.accounts}
    keys = {row["account_id"]: row["platform_key"] for row in tables.arrow("accounts").to_pylist()}
    records = {row["source_key"]: row["record_id"] for row in tables.arrow("records").to_pylist()}
    innocent = [(person["person_key"], key) for person in people for key in person["record_keys"].split(";") if key]
    leads = tables.arrow("leads")["account_id"].to_pylist()
    return [
        Judgement(
            link_id=f"lnk-control-{number}",
            claim="used",
            left_id=account,
            right_id=next(records[key] for person, key in innocent[number:] if person != person_of[keys[account]]),
            verdict="positive",
            operator="A. Examiner",
            why="a control: wrong on purpose",
            seen_weight_mbits=0,
            model_id="",
            at_utc="2026-11-30T00:00:00.000000Z",
        )
        for number, account in enumerate(leads[:count])
    ]


def shown(found: Mapping[str, Any]) -> str:
    """A figure as the page has it."""
    return "none" if found["value"] is None else f"{found['value']:g}"


def page(golden: Mapping[str, Any]) -> str:
    """The page, written from the figures."""
    origins, orders, named = [], [], []
    for case in golden["cases"]:
        of, head = case["measures"], f"| {case['accounts']:,} | {case['seed']} "
        leads = of["leads.innocents_named"]["n"]
        worst = of["leads.origin.worst_place_percent"]
        place = round((worst["value"] or 0) * leads / 100)
        within, room = (shown(of[f"leads.origin.{name}_first_percent"]) for name in ("in", "room_in"))
        origins.append(f"{head}| {leads:,} | {worst['n']} | {place} | {shown(worst)} | {within} | {room} |")
        for name, words in ORDERS:
            shares = " | ".join(shown(of[f"leads.{name}.first_{first}"]) for first in FIRST)
            orders.append(f"{head}| {of[f'leads.{name}.first_1000']['n']} | {words} | {shares} |")
        before, control = of["leads.innocents_named"], of["control.innocents_named"]
        named.append(f"{head}| {leads:,} | {shown(before)} | {control['n']} | {shown(control)} |")
    return WORDS.format(origins="\n".join(origins), orders="\n".join(orders), named="\n".join(named))


def _packages_too() -> None:
    # Here, because whoever runs this file from elsewhere does not look for modules beside it.
    from error_rates import write_gathered

    write_gathered()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", type=int)
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    cases = {}
    if GOLDEN.is_file():
        cases = {(c["accounts"], c["seed"]): c for c in json.loads(GOLDEN.read_text("utf-8"))["cases"]}
    for accounts, payers, seeds in reversed(SIZES):
        if options.only not in {None, accounts}:
            continue
        for seed in seeds:
            began = time.monotonic()
            with tempfile.TemporaryDirectory() as name:
                path, truth = finished_case(Path(name), accounts=accounts, payers=payers, seed=seed)
                cases[accounts, seed] = {"accounts": accounts, "seed": seed, "measures": measured(path, truth)}
            print(json.dumps({"seconds": round(time.monotonic() - began), **cases[accounts, seed]}), flush=True)
            if options.write:
                golden = {"cases": [cases[key] for key in sorted(cases)]}
                GOLDEN.write_text(json.dumps(golden, indent=1, sort_keys=True) + "\n", encoding="utf-8")
                PAGE.write_text(page(golden), encoding="utf-8")
                _packages_too()


if __name__ == "__main__":
    main()
