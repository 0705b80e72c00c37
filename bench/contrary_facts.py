"""Contrary facts of an invented platform: how often they are right, how long they take, how much memory.

    python bench/contrary_facts.py [--accounts 60000] [--seeds 3]

The tables are made of the population directly, without a dump, so that a large platform is quickly there. Beside the
seconds stands an anchor from the same run: what it takes to make every login a row of Python, and do nothing with it.
"""

from __future__ import annotations

import argparse
import datetime as dt
import ipaddress
import json
import resource
import time
from collections import Counter

import pyarrow as pa

from headwater.engine import Session, StageContext
from headwater.identities.contrary import contrary_facts
from headwater.schema import content_id, table_named
from headwater_synth.population import Population, build_population
from headwater_synth.population_activity import drawn_logins
from headwater_synth.score_truth import Truth
from headwater_synth.score_use import fact_measures
from headwater_synth.truth_of_use import fact_rows
from headwater_synth.words import words

_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


def filled(name: str, columns: dict[str, list[object]]) -> pa.Table:
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
                "identifier_kind": {"mail": "email", "tel": "phone"}[contact.kind],
                "value": getattr(
                    population.person(contact.person_key), {"mail": "email", "tel": "phone"}[contact.kind]
                ),
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


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--accounts", type=int, default=60_000)
    parser.add_argument("--seeds", type=int, default=3)
    asked = parser.parse_args()
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
        print(json.dumps(told), flush=True)


if __name__ == "__main__":
    main()
