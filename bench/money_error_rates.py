"""How often each step of the money stage is wrong, on invented economies whose truth is known.

Prints one JSON object a measure. `--write` writes tests/golden/money_error_rates.json and the page
docs/explanation/money-error-rates.md from it; scripts/money-error-table does that.
"""

from __future__ import annotations

import argparse
import csv
import json
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa

from headwater.engine import Exhibit, Session, StageContext
from headwater.money import trace_money
from headwater.schema import content_id, table_named
from headwater_synth.chain import ChainResult, build_chain, write_blocks, write_truth
from headwater_synth.population import build_population
from headwater_synth.population_payments import chain_plan
from headwater_synth.score_money import money_measures
from headwater_synth.score_truth import Truth

ROOT = Path(__file__).resolve().parents[1]
GOLDEN = ROOT / "tests" / "golden" / "money_error_rates.json"
PAGE = ROOT / "docs" / "explanation" / "money-error-rates.md"
SEEDS = (21, 22, 23)
ACCOUNTS, BLOCKS, BYSTANDERS = 120, 220, 240
PAYJOINS_PER_MILLE = (5, 50)
_COUNTRIES = ("ES", "NL", "PT", "IE")
_FROM_DUMP = {
    "exhibit_id": "EX-2",
    "source_item_id": "itm-of-the-dump",
    "source_table": "t",
    "source_row": 0,
    "source_offset_bytes": 0,
    "source_length_bytes": 1,
    "mapping_id": "map-0",
}
_FROM_REFERENCE = {"reference_name": "tags", "reference_version": "1", "reference_row": 0}


def economy(
    seed: int,
    *,
    accounts: int = ACCOUNTS,
    blocks: int = BLOCKS,
    bystanders: int = BYSTANDERS,
    payjoins_per_mille: int = 0,
) -> ChainResult:
    """A chain with a platform, exchanges, people of every habit, peeling services, and rounds of each protocol."""
    population = build_population(seed, accounts=accounts, payers=accounts)
    plan = chain_plan(population, blocks=blocks, bystanders=bystanders, payjoins_per_mille=payjoins_per_mille)
    return build_chain(plan)


def tables_around(chain: ChainResult) -> dict[str, pa.Table]:
    """What other stages would have derived: descriptors, invoices, payments, tags and services."""
    at_utc = datetime.fromtimestamp(chain.plan.start_s, tz=UTC)
    wallet = chain.wallet
    made = {
        "wallet_descriptors": [
            {
                "descriptor_id": content_id("dsc", descriptor),
                "exhibit_id": "EX-3",
                "descriptor": descriptor,
                "is_change": is_change,
                "range_start": 0,
                "range_end": following,
                "next_index": following,
            }
            for descriptor, is_change, following in (
                (wallet.external, False, wallet.external_next),
                (wallet.internal, True, wallet.internal_next),
            )
        ],
        "invoices": [
            {
                "invoice_id": content_id("inv", invoice.invoice_key),
                "platform_key": str(invoice.invoice_key),
                "account_id": content_id("acc", invoice.account_key),
                "address": chain.invoice_address[invoice.invoice_key],
                "amount_sat": invoice.amount_sat,
                "issued_at_utc": at_utc,
                "status": "open" if invoice.paid_at_s is None else "paid",
                **_FROM_DUMP,
            }
            for invoice in chain.plan.invoices
        ],
        "payments": [
            {
                "payment_id": content_id("pay", invoice.invoice_key),
                "platform_key": str(invoice.invoice_key),
                "account_id": content_id("acc", invoice.account_key),
                "invoice_id": content_id("inv", invoice.invoice_key),
                "txid": chain.payment_txid[invoice.invoice_key][0],
                "at_utc": at_utc,
                **_FROM_DUMP,
            }
            for invoice in chain.plan.invoices
            if invoice.invoice_key in chain.payment_txid
        ],
        "tags": [
            {
                "tag_id": content_id("tag", address),
                **_FROM_REFERENCE,
                "address": address,
                "network": "BTC",
                "label": actor,
                "actor": actor,
                "category": "exchange",
            }
            for actor, addresses in chain.tagged_addresses.items()
            for address in addresses
        ],
        "services": [
            {
                "service_id": content_id("svc", actor),
                **_FROM_REFERENCE,
                "actor": actor,
                "name": f"{actor} Ltd",
                "kind": "exchange",
                "country": country,
                "legal_contact": "records@service.example",
                "custodial": True,
            }
            for actor, country in zip(chain.plan.exchanges, _COUNTRIES, strict=False)
        ],
    }
    return {name: table_named(name).rows(rows) for name, rows in made.items()}


def measured(chain: ChainResult) -> Iterator[dict[str, Any]]:
    """The measures of money of one chain, from the tables that the stage makes of its block files."""
    with tempfile.TemporaryDirectory() as kept, Session({}) as session:
        folder = Path(kept)
        write_blocks(chain, folder / "blocks")
        write_truth(chain, folder / "truth")
        for name, rows in tables_around(chain).items():
            session.put(name, rows)
        exhibit = Exhibit(exhibit_id="EX-4", exhibit_kind="blocks", path=folder / "blocks")
        for name, rows in trace_money(StageContext(tables=session, exhibits=(exhibit,), parameters={})).items():
            session.put(name, rows)
        for measure in money_measures(session, _truth(folder / "truth")):
            yield {"measure": measure.measure, "value": measure.value, "n": measure.n}


def _truth(folder: Path) -> Truth:
    rows: dict[str, tuple[dict[str, str], ...]] = {}
    for name in ("addresses", "transactions", "flows", "payments"):
        with (folder / f"{name}.csv").open(encoding="utf-8", newline="") as file:
            rows[name] = tuple(csv.DictReader(file))
    return Truth(accounts=(), people=(), media=(), **rows)


def together(figures: Sequence[Sequence[Mapping[str, Any]]]) -> dict[str, dict[str, Any]]:
    """Measures of several economies as one: counts are summed, shares weighed by what they are shares of."""
    parts: dict[str, float] = defaultdict(float)
    wholes: dict[str, int] = defaultdict(int)
    for one in figures:
        for line in one:
            name, count = line["measure"], line["n"]
            wholes[name] += count
            if line["value"] is not None:
                parts[name] += line["value"] if name.endswith("_sat") else line["value"] * count
    return {name: {"n": count, "value": _joined(name, parts[name], count)} for name, count in wholes.items()}


def _joined(name: str, part: float, count: int) -> float | None:
    if not count:
        return None
    return round(part) if name.endswith("_sat") else round(round(part) / count, 6)


_MERGED, _PRECISION = "money.payjoin.merged", "money.cluster.pair_precision"
_WITH_PAYJOINS = (_PRECISION, "money.cluster.pair_recall", _MERGED)
_SECTIONS: Mapping[str, Sequence[tuple[str, str]]] = {
    "Address clusters": (
        ("money.cluster.pair_precision", "pairs put together that are of one owner"),
        ("money.cluster.pair_recall", "pairs of one owner that were put together"),
    ),
    "CoinJoins": (
        ("money.coinjoin.excluded", "rounds left out of clusters, of all"),
        ("money.coinjoin.excluded.wasabi1", "the same, Wasabi 1"),
        ("money.coinjoin.excluded.wasabi2", "the same, Wasabi 2"),
        ("money.coinjoin.excluded.whirlpool", "the same, mixes of Whirlpool"),
        ("money.coinjoin.excluded.joinmarket", "the same, JoinMarket"),
        ("money.coinjoin.excluded.shape", "the same, rounds of no named protocol"),
        ("money.coinjoin.named.wasabi1", "rounds of Wasabi 1 that a rule of it says yes to"),
        ("money.coinjoin.named.wasabi2", "the same, Wasabi 2"),
        ("money.coinjoin.named.whirlpool", "the same, mixes of Whirlpool"),
        ("money.coinjoin.named.joinmarket", "the same, JoinMarket"),
        ("money.coinjoin.false.wasabi1", "what a rule of Wasabi 1 excludes and is no round of it"),
        ("money.coinjoin.false.wasabi2", "the same, Wasabi 2"),
        ("money.coinjoin.false.whirlpool", "the same, Whirlpool"),
        ("money.coinjoin.false.joinmarket", "the same, JoinMarket"),
        ("money.coinjoin.false_exclusion", "transactions of one payer and several scripts that are left out"),
    ),
    "Change": (
        ("money.change.reused_script.false_positive", "`reused_script` names an output that is not the payer's"),
        ("money.change.fresh_script.false_positive", "`fresh_script`"),
        ("money.change.script_type.false_positive", "`script_type`"),
        ("money.change.round_amount.false_positive", "`round_amount`"),
        ("money.change.optimal_amount.false_positive", "`optimal_amount`"),
        ("money.change.lock_time.false_positive", "`lock_time`"),
        ("money.change.fee_rate.false_positive", "`fee_rate`"),
        (
            "money.change.agreed.false_positive",
            "all that speak agree, and name what is not the payer's",
        ),
        ("money.change.agreed.coverage", "payments in which all rules that speak agree"),
    ),
    "Peel chains": (
        ("money.peel.hop_accuracy", "hops that go on with what is the payer's"),
        ("money.peel.recall", "planted peels that are such hops"),
    ),
    "Tracing": (
        ("money.taint_error_sat", "satoshis at the wrong output, of those traced"),
        ("money.endpoint.recall", "services that truly stand at an end, and were found there"),
        ("money.payments.reach_service", "payments that reach a service with a name and a country"),
        ("money.payments.reach_payers_service", "payments of an exchange's customer that reach that exchange"),
    ),
}


_INTRODUCTION = """# Money: measured error rates

<!-- Written by scripts/money-error-table from tests/golden/money_error_rates.json; do not edit. -->

What the money stage gets wrong, measured on invented economies of which everything is known: {count} regtest chains
of {blocks} blocks (seeds {seeds}), each with a platform of {accounts} accounts, exchanges that sweep deposits and pay
out in batches, {bystanders} people of ten habits who pay each other from one coin or several, services that peel, and
CoinJoin rounds of each protocol. Bitcoin Core's consensus library accepts every block of such chains
(`tests/unit/headwater_synth/chain/test_society.py`).

`scripts/money-error-table` measures anew and writes this page. [Measures](../reference/score.md) says how each figure
is reckoned, and `headwater-synth score` prints them for any case. A test fails if this page and what is measured
differ.

**What these figures are not.** The economies are ours: habits are mixed as we chose, the rounds have the shapes
that the programs published, and nobody in them tries to be taken for somebody else. PayJoins are in the last table
alone, and swaps in none: no rule here sees either. The figures say that the rules do what they are meant to, and
which of them fail where habits differ. They are no error rates of the real chain.
"""


_PAYJOINS = """## PayJoins

In a PayJoin (BIP 78) the payee adds a coin of their own to the inputs, so that two people spend together and the
amounts say nothing. It is made to look like any payment from several coins, and no rule here tells it apart. The
same economies with PayJoins among the payments of bystanders:

| PayJoins, of a thousand payments tried so | PayJoins made | of these merged | pair precision | pairs put together |
|---:|---:|---:|---:|---:|
{rows}

So each of them puts payer and payee, and all that either ever spent with other coins, into one cluster. The share
of pairs hides this: most pairs lie within a few exchanges, and a PayJoin is wrong of two people. How often they are
made on the real chain is not known. That is why a cluster is a reason to look and no proof, why every merge names
its transaction, and why a person can [cut one](money.md#cutting-a-merge).
"""


def page(golden: Mapping[str, Any]) -> str:
    """The page of the documentation, from the golden figures."""
    made = golden["economies"]
    seeds = ", ".join(map(str, made["seeds"]))
    lines = [_INTRODUCTION.format(**{**made, "count": len(made["seeds"]), "seeds": seeds})]
    for section, measures in _SECTIONS.items():
        lines += [f"## {section}", "", "| share of | measure | value | n |", "|---|---|---:|---:|"]
        for name, words in measures:
            figure = golden["measures"][name]
            lines.append(f"| {words} | `{name}` | {_shown(name, figure['value'])} | {figure['n']:,} |")
        lines.append("")
    rows = [_payjoin_row("0", golden["measures"])]
    rows += [_payjoin_row(rate, found) for rate, found in sorted(golden["payjoins"].items(), key=_as_number)]
    return "\n".join([*lines, _PAYJOINS.format(rows="\n".join(rows))])


def _as_number(rated: tuple[str, object]) -> int:
    return int(rated[0])


def _payjoin_row(rate: str, measures: Mapping[str, Any]) -> str:
    merged, precision = measures[_MERGED], measures[_PRECISION]
    figures = (f"{merged['n']:,}", _shown(_MERGED, merged["value"]), _shown(_PRECISION, precision["value"]))
    return f"| {rate} | {' | '.join(figures)} | {precision['n']:,} |"


def _shown(name: str, value: float | None) -> str:
    if value is None:
        return "none"
    return f"{value:,} sat" if name.endswith("_sat") else f"{100 * value:.2f} %"


def golden_of(seeds: Sequence[int] = SEEDS) -> dict[str, Any]:
    """What is measured now, in the form of the golden file."""
    figures = [list(measured(economy(seed))) for seed in seeds]
    made = {"seeds": list(seeds), "accounts": ACCOUNTS, "blocks": BLOCKS, "bystanders": BYSTANDERS}
    payjoins = {}
    for rate in PAYJOINS_PER_MILLE:
        found = together([list(measured(economy(seed, payjoins_per_mille=rate))) for seed in seeds])
        payjoins[f"{rate}"] = {name: found[name] for name in _WITH_PAYJOINS}
    return {"economies": made, "measures": together(figures), "payjoins": payjoins}


def _packages_too() -> None:
    # Here, because whoever runs this file from elsewhere does not look for modules beside it.
    from error_rates import write_gathered

    write_gathered()


def main() -> int:
    """0."""
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--write", action="store_true", help="the golden file and the page of the documentation")
    given = arguments.parse_args()
    golden = golden_of()
    for name, figure in golden["measures"].items():
        print(json.dumps({"measure": name, **figure}), flush=True)
    if given.write:
        GOLDEN.write_text(json.dumps(golden, indent=2, sort_keys=True) + "\n", encoding="utf-8")
        PAGE.write_text(page(golden), encoding="utf-8")
        _packages_too()
    return 0


if __name__ == "__main__":
    sys.exit(main())
