"""One set of small tables with a session of each engine that holds them; measuring programs and what they measured."""

from __future__ import annotations

import datetime as dt
import gc
import json
import random
import runpy
import shutil
from collections.abc import Iterator, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from headwater.engine import Session
from headwater.schema import table_named

ROOT = Path(__file__).parents[2]

_EPOCH = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)


def filled(name: str, rows: list[dict[str, Any]]) -> pa.Table:
    """The rows as that table; a required column that a row leaves out gets a value of its type."""
    table = table_named(name)
    plain = {"string": "-", "int64": 0, "bool": False, "binary": b"", "timestamp[us, tz=UTC]": _EPOCH}
    defaults = {c.name: plain[str(c.type)] for c in table.columns if not c.nullable and str(c.type) in plain}
    return table.rows({**defaults, **row} for row in rows)


def _hour(number: int) -> dt.datetime:
    return _EPOCH + dt.timedelta(hours=number)


def _files(chance: random.Random) -> dict[str, list[dict[str, Any]]]:
    """Entries and items of two exhibits, with names that are no UTF-8, refusals, short reads and empty files."""
    entries, items = [], []
    for number in range(60):
        kind = chance.choice(["file", "file", "file", "directory", "symlink"])
        size = 0 if kind == "directory" else chance.choice([0, 1, chance.randrange(1 << 40)])
        disposition = chance.choice(["catalogued", "catalogued", "refused", "deferred"])
        common = {
            "exhibit_id": chance.choice(["EX-1", "EX-2"]),
            "volume_index": chance.choice([-1, 0, 1]),
            "path": f"d{number % 5}/é{number}",
            "path_bytes": b"d%d/\xe9%d" % (number % 5, number),
            "directory": f"d{number % 5}",
            "entry_type": kind,
            "size_bytes": size,
            "disposition": disposition,
            "read_bytes": size if disposition == "catalogued" else 0,
            "modified_at_utc": chance.choice([None, _hour(number)]),
            "sha256": chance.choice([None, f"{number % 40:064x}"]),
        }
        entries.append({**common, "head": chance.choice([None, b"\0\xff"])})
        if number:  # one entry becomes no item, so that the left join has something to leave
            items.append({**common, "item_id": f"itm-{number:03}", "content_kind": "still", "content_format": "png"})
    return {"entries": entries, "items": items}


def _activity(chance: random.Random) -> dict[str, list[dict[str, Any]]]:
    roles = ["member", "moderator", "administrator"]
    accounts = [{"account_id": f"acc-{n:02}", "role": chance.choice(roles)} for n in range(12)]
    uploads = [
        {
            "upload_id": f"upl-{n:02}",
            "account_id": f"acc-{chance.randrange(12):02}",
            "at_utc": _hour(chance.randrange(9)),
        }
        for n in range(40)
    ]
    upload_items = [{"upload_id": f"upl-{n:02}", "item_id": f"itm-{chance.randrange(1, 60):03}"} for n in range(40)]
    verdicts = [
        {
            "item_id": f"itm-{n:03}",
            "verdict_group": chance.choice(["known", "near", "none", "not_comparable"]),
            "victim_identified": chance.choice([None, "yes", "no", "unknown"]),
        }
        for n in range(1, 60)
    ]
    clusters = [{"media_cluster_id": f"mcl-{n % 15:02}", "item_id": f"itm-{n:03}"} for n in range(1, 60)]
    origins = [
        {
            "media_cluster_id": f"mcl-{n:02}",
            "verdict_group": chance.choice(["known", "near", "none"]),
            "victim_identified": chance.choice([None, "no", "yes"]),
            "account_id": chance.choice([None, f"acc-{chance.randrange(12):02}"]),
        }
        for n in range(15)
    ]
    noted = [
        {
            "noted_match_id": f"nmt-{n:02}",
            "upload_id": f"upl-{n:02}",
            "polarity": chance.choice(["known-illegal", "known-illegal", "known-benign"]),
            "file_is_gone": bool(n % 4),
            "victim_identified": chance.choice(["no", "yes", "unknown"]),
        }
        for n in range(30)
    ]
    payments = [{"payment_id": f"pay-{n:02}", "account_id": f"acc-{chance.randrange(12):02}"} for n in range(10)]
    records = [{"record_id": f"rec-{n}", "convicted": bool(n % 2)} for n in range(6)]
    judgements = [
        {
            "link_id": f"lnk-{n}",
            "claim": chance.choice(["used", "paid"]),
            "left_id": f"acc-{n:02}",
            "right_id": f"rec-{chance.randrange(6)}",
            "verdict": chance.choice(["positive", "negative"]),
        }
        for n in range(12)
    ]
    return {
        "accounts": accounts,
        "uploads": uploads,
        "upload_items": upload_items,
        "media_verdicts": verdicts,
        "media_clusters": clusters,
        "media_origins": origins,
        "noted_matches": noted,
        "payments": payments,
        "records": records,
        "judgements": judgements,
    }


def _money(chance: random.Random) -> dict[str, list[dict[str, Any]]]:
    """Backward traces by both rules, some stopped at a service that says for whom it paid out."""
    traces, flows, endpoints, returned = [], [], [], []
    for number in range(10):
        parts = [chance.randrange(1, 2_100_000_000_000_000 // 4) for _ in range(3)]
        for policy in ("fifo", "pro_rata"):
            trace = f"trc-{number}-{policy}"
            shares = parts if policy == "fifo" else [parts[0] - 1, parts[1] + 1, parts[2]]
            traces.append(
                {
                    "trace_id": trace,
                    "direction": "backward" if number < 8 else "forward",
                    "policy": policy,
                    "origin_sat": sum(shares),
                    "payment_id": None if number == 7 else f"pay-{number:02}",
                }
            )
            for part, amount in enumerate(shares):
                hot, sent = f"{number:02}{part}a".ljust(64, "0"), f"{number:02}{part}b".ljust(64, "0")
                flows.append(
                    {
                        "trace_id": trace,
                        "hop": 2,
                        "from_txid": sent,
                        "from_output_index": part,
                        "to_txid": hot,
                        "to_output_index": 0,
                        "amount_sat": amount,
                    }
                )
                endpoints.append(
                    {
                        "endpoint_id": f"end-{trace}-{part}",
                        "trace_id": trace,
                        "txid": hot,
                        "output_index": 0,
                        "amount_sat": amount,
                        "stop_reason": "service" if part < 2 else "coinbase",
                    }
                )
                if policy == "fifo" and part != 1:
                    returned.append(
                        {
                            "customer_transaction_id": f"ctx-{number}-{part}",
                            "customer_id": f"cus-{number % 3}",
                            "direction": "withdrawal",
                            "txid": sent,
                            "output_index": part,
                        }
                    )
    return {"traces": traces, "trace_flows": flows, "endpoints": endpoints, "customer_transactions": returned}


@pytest.fixture(scope="session")
def case_tables() -> Mapping[str, pa.Table]:
    """Small tables, the same in every run."""
    chance = random.Random(20261123)
    rows = {**_files(chance), **_activity(chance), **_money(chance)}
    return {name: filled(name, listed) for name, listed in rows.items()}


def _session(engine: str, tables: Mapping[str, pa.Table]) -> Session:
    session = Session({}, engine=engine)
    for name, rows in tables.items():
        session.put(name, rows)
    return session


@pytest.fixture(scope="session")
def on_duckdb(case_tables: Mapping[str, pa.Table]) -> Iterator[Session]:
    with _session("duckdb", case_tables) as session:
        yield session


@pytest.fixture(scope="session")
def on_spark(case_tables: Mapping[str, pa.Table]) -> Iterator[Session]:
    if find_spec("pyspark") is None:
        pytest.skip("pyspark is not installed: scripts/setup --oracles brings it")
    if shutil.which("java") is None:
        pytest.skip("Spark needs Java, which is not on this machine")
    with _session("spark", case_tables) as session:
        yield session


@pytest.fixture(autouse=True)
def _sockets_collected_here() -> Iterator[None]:
    """Collects what pyspark leaves behind within the test that left it, and not in somebody else's."""
    yield
    gc.collect()


@pytest.fixture(scope="module")
def bench(request: pytest.FixtureRequest) -> dict[str, Any]:
    """The own functions of the measuring program that the test's module names as `MEASURED`."""
    return runpy.run_path(str(ROOT / "bench" / f"{request.module.MEASURED}.py"))


@pytest.fixture(scope="module")
def golden(request: pytest.FixtureRequest) -> dict[str, Any]:
    """What that program measured, as it was written down."""
    found: dict[str, Any] = json.loads(
        (ROOT / "tests" / "golden" / f"{request.module.MEASURED}.json").read_text("utf-8")
    )
    return found
