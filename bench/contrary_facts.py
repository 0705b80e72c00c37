"""Contrary facts of an invented platform: how often they are right, how long they take, how much memory.

    python bench/contrary_facts.py [--accounts 60000] [--seeds 3] [--write docs/explanation/rivals-and-facts.md]

The tables are made of the population directly, without a dump, so that a large platform is quickly there. Beside the
seconds stands an anchor from the same run: what it takes to make every login a row of Python, and do nothing with it.
`--write` puts the sums over the seeds into a page, between its two marks.
"""

from __future__ import annotations

import argparse
import datetime as dt
import ipaddress
import json
import resource
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

from headwater.engine import Session, StageContext
from headwater.identities.contrary import contrary_facts
from headwater.schema import content_id, table_named
from headwater_synth.population import Population, build_population
from headwater_synth.population_activity import drawn_logins
from headwater_synth.score_truth import Truth
from headwater_synth.score_use import FACTS, OF_TWO, fact_measures
from headwater_synth.truth_of_use import fact_rows
from headwater_synth.words import words

_KINDS = {"mail": "email", "tel": "phone"}
_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


def filled(name: str, columns: Mapping[str, Sequence[object]]) -> pa.Table:
    """The table, with what a required column holds where nothing here reads it."""
    table = table_named(name)
    rows = len(next(iter(columns.values())))
    for column in table.columns:
        if column.name not in columns and not column.nullable:
            if pa.types.is_timestamp(column.type):
                nothing: object = _EPOCH
            else:
                nothing = 0 if pa.types.is_integer(column.type) else "-"
            columns[column.name] = pa.repeat(pa.scalar(nothing, column.type), rows)
    return table.columnar(columns)


def platform(population: Population, session: Session) -> int:
    """The number of logins, after putting the tables that facts are found in."""
    ids = [content_id("acc", str(key)) for key in population.account_keys()]
    keys = [str(key) for key in population.account_keys()]
    session.put("accounts", filled("accounts", {"account_id": ids, "platform_key": keys}))
    columns: dict[str, list[object]] = {
        name: [] for name in ("login_id", "account_id", "at_utc", "network_address", "device")
    }
    texts: dict[bytes, str] = {}
    for number, login in enumerate(drawn_logins(population).since(0)):
        text = texts.get(login.network_address)
        if text is None:
            text = texts[login.network_address] = str(ipaddress.ip_address(login.network_address))
        columns["login_id"].append(f"lgn-{number:032x}")
        columns["account_id"].append(ids[login.account_key - 1])
        columns["at_utc"].append(login.at_ms * 1_000)
        columns["network_address"].append(text)
        columns["device"].append(words().devices[login.device])
    columns["at_utc"] = pa.array(columns["at_utc"], pa.int64()).cast(pa.timestamp("us", tz="UTC"))
    session.put("logins", filled("logins", columns))
    session.put(
        "identifiers",
        table_named("identifiers").rows(
            {
                **dict.fromkeys(("exhibit_id", "source_item_id", "source_table", "mapping_id"), "-"),
                **dict.fromkeys(("source_row", "source_offset_bytes", "source_length_bytes"), 0),
                "identifier_id": f"idn-{number}",
                "account_id": ids[contact.account_key - 1],
                "identifier_kind": _KINDS[contact.kind],
                "value": getattr(population.person(contact.person_key), _KINDS[contact.kind]),
                "at_utc": _EPOCH + dt.timedelta(seconds=contact.at_s),
            }
            for number, contact in enumerate(population.facts.contacts)
        ),
    )
    session.put(
        "networks",
        table_named("networks").rows(
            {
                "network_id": f"net-{number}",
                **dict.fromkeys(("reference_name", "reference_version"), "-"),
                "reference_row": number,
                "cidr": found.cidr,
                "kind": found.kind,
                "country": found.country or None,
                "holder": found.holder,
            }
            for number, found in enumerate(population.networks.networks())
        ),
    )
    return len(columns["login_id"])


_MARKS = ("<!-- measured by bench/contrary_facts.py -->\n", "<!-- end -->")


def write_table(page: Path, accounts: int, runs: list[dict[str, Any]]) -> None:
    """Put the sums over all runs into a page."""
    logins = sum(run["logins"] for run in runs)
    lines = [
        f"Over {len(runs)} invented platforms of {accounts:,} accounts, {logins:,} logins in all:",
        "",
        "| kind | accounts of which it is true | found of them | accounts with such a row | right of them |",
        "|---|---|---|---|---|",
    ]
    for name, kind in FACTS.items():
        sums = []
        for measure in ("recall", "precision"):
            told = [run[f"facts.{name}.{measure}"] for run in runs]
            whole = sum(n for _, n in told)
            part = sum((value or 0) * n for value, n in told)
            sums += [f"{whole:,}", f"{100 * part / max(1, whole):.1f} %"]
        lines.append(f"| `{kind}` | {sums[0]} | {sums[1]} | {sums[2]} | {sums[3]} |")
    planted: Counter[str] = Counter()
    for run in runs:
        planted.update(run["looks_like"])
        planted["told of"] += run["lookalikes_told_of"]
    many = sum(planted[name] for name in ("moved", "second_home", "renewed"))
    told = f"Among the accounts are {many:,} that were made to look so: people who moved, who come from two homes with "
    told += f"one device, or who changed device and address. Of these {planted['told of']:,} have a row of one of the "
    lines += ["", f"{told}first three kinds.", ""]
    before, rest = page.read_text(encoding="utf-8").split(_MARKS[0])
    after = rest.split(_MARKS[1], 1)[1]
    page.write_text(before + _MARKS[0] + "\n".join(lines) + _MARKS[1] + after, encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--accounts", type=int, default=60_000)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--write", type=Path)
    asked = parser.parse_args()
    runs = []
    for seed in range(1, asked.seeds + 1):
        population = build_population(seed, accounts=asked.accounts, payers=0)
        with Session({}) as session:
            logins = platform(population, session)
            began = time.perf_counter()
            facts = contrary_facts(StageContext(tables=session))
            seconds = time.perf_counter() - began
            peak_bytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
            session.put("contrary_facts", facts)
            began = time.perf_counter()
            assert len(session.arrow("logins").to_pylist()) == logins
            anchor = time.perf_counter() - began
            columns = ("account_key", "fact_kind")
            rows = [dict(zip(columns, map(str, row[:2]), strict=True)) for row in fact_rows(population)]
            truth = Truth(
                **dict.fromkeys(("accounts", "people", "payments", "addresses", "transactions", "flows", "media"), ()),
                facts=tuple(rows),
            )
            told = {
                "seed": seed,
                "accounts": asked.accounts,
                "logins": logins,
                "facts": dict(sorted(Counter(facts["fact_kind"].to_pylist()).items())),
                "seconds": round(seconds, 2),
                "rows_of_python_seconds": round(anchor, 2),
                "ratio": round(seconds / anchor, 2),
                "peak_mib": peak_bytes >> 20,
                **{m.measure: [m.value, m.n] for m in fact_measures(session, truth)},
            }
            told["looks_like"] = dict(Counter(population.facts.lookalikes.values()))
            ids = {content_id("acc", str(key)) for key in population.facts.lookalikes}
            told["lookalikes_told_of"] = len(
                {f["account_id"] for f in facts.to_pylist() if f["account_id"] in ids and f["fact_kind"] in OF_TWO}
            )
        runs.append(told)
        print(json.dumps(told), flush=True)
    if asked.write:
        write_table(asked.write, asked.accounts, runs)


if __name__ == "__main__":
    main()
