"""The next pair of a queue of 200,000: a judgement sent, compared, committed and logged, and the page after it.

    .venv/bin/python bench/review_queue.py [--pairs N] [--judged N] [--steps N]

The case is real in everything but its tables, which are made up: that many accounts, records and proposed links, and
judgements that three other people have given. Prints a line each: sending a judgement (version compared, flushed to the
custody log, committed to the database), the page of the next pair, both together as a person waits for them, what the
desk costs when the server first reads the case, and anchors in the same run: one flush to the medium, of which a step
takes about twenty; one row of a link read from its file by the engine; the question as the command line asks it.
"""

from __future__ import annotations

import argparse
import datetime as dt
import os
import re
import tempfile
import time
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import sqlalchemy as sa
from starlette.testclient import TestClient

from headwater.engine import ParquetParts
from headwater.judgements import Judgement
from headwater.schema import content_id, table_named
from headwater.schema.state import JUDGEMENTS, OUTPUTS, RUNS
from headwater.workflow import Case, show_queue
from headwater_web.app import application
from headwater_web.cases import opened_cases
from headwater_web.gate import COOKIE
from headwater_web.rules import Role
from headwater_web.server import address_of, workbench_at
from headwater_web.state import open_state
from workbench_pages import timed, told

FIELDS = ("prior", "email", "phone", "full_name", "nickname", "device")
WEIGHTS = (-11_000, 14_000, 9_000, 3_000, 2_000, -400)
PART = 65_536


def ids(kind: str, numbers: np.ndarray[Any, Any]) -> list[str]:
    """Ids as digests are, in ascending order."""
    return [f"{kind}-{number:032x}" for number in numbers * 2_654_435_761]


def tables_of(pairs: int) -> dict[str, Any]:
    """From the name of a table to a maker of its rows from a number up to another."""
    people = max(1, pairs // 2)

    def rows_of(name: str, key: str, kind: str, extra: dict[str, Any]) -> Any:
        def made(start: int, stop: int) -> list[dict[str, Any]]:
            blank = {column.name: None for column in table_named(name).columns}
            numbers = np.arange(start, stop)
            return [
                {**blank, key: row_id, **{field: value(number) for field, value in extra.items()}}
                for row_id, number in zip(ids(kind, numbers), range(start, stop), strict=True)
            ]

        return made

    def links(start: int, stop: int) -> list[dict[str, Any]]:
        numbers = np.arange(start, stop)
        lefts, rights = ids("acc", numbers // 2), ids("rec", numbers % people)
        comparisons = [
            {
                "field": field,
                "level": "equal",
                "weight_mbits": weight,
                "rows_with_value": 2,
                "sentence": f"{field} told",
            }
            for field, weight in zip(FIELDS, WEIGHTS, strict=True)
        ]
        return [
            {
                "link_id": link, "claim": "used", "left_table": "accounts", "left_id": left, "right_table": "records",
                "right_id": right, "proposed": True, "match_weight_mbits": sum(WEIGHTS), "probability_ppm": 999_990,
                "comparisons": comparisons, "because": "e-mail: equal", "model_id": "mdl-1", "rivals": 1,
                "barred_by": None,
            }
            for link, left, right in zip(ids("lnk", numbers), lefts, rights, strict=True)
        ]  # fmt: skip

    def queued(start: int, stop: int) -> list[dict[str, Any]]:
        # Not in the order of the links' file, as no real queue is.
        places = (np.arange(start, stop) * 7_919) % pairs
        return [
            {
                "link_id": link, "rank": rank, "claim": "used", "risk_tier": 3, "lead_id": None,
                "uncertainty_mbits": 100, "value_mbits": 800,
            }
            for rank, link in enumerate(ids("lnk", places), start=start + 1)
        ]  # fmt: skip

    email = {"email": lambda n: f"person{n}@mail.example", "full_name": lambda n: f"Person {n}", "source_key": str}
    account = {
        "email": lambda n: f"person{n}@mail.example", "nickname": lambda n: f"n{n}", "platform_key": str, "role": str,
    }  # fmt: skip
    return {
        "links": (links, pairs),
        "review_queue": (queued, pairs),
        "accounts": (rows_of("accounts", "account_id", "acc", account), people),
        "records": (rows_of("records", "record_id", "rec", email), people),
    }


def write_tables(case: Case, pairs: int) -> None:
    """The tables, and a run of each stage that says it made them."""
    for name, (made, count) in tables_of(pairs).items():
        table = table_named(name)
        schema = pa.schema([pa.field(field.name, field.type) for field in table.arrow])
        path = case.table_file(name, f"run-{name}")
        path.parent.mkdir(parents=True, exist_ok=True)
        with ParquetParts(path, table.arrow) as file:
            for start in range(0, count, PART):
                rows = [
                    {field.name: _filled(field, row.get(field.name)) for field in table.arrow}
                    for row in made(start, min(count, start + PART))
                ]
                file.write(pa.Table.from_pylist(rows, schema=schema).cast(table.arrow))
            digest = file.finish()
        with case.database.begin() as connection:
            values: dict[str, Any] = {"run_id": f"run-{name}", "stage": name, "at_utc": case.now()}
            columns = {column.name: values.get(column.name, "") for column in RUNS.columns if column.name != "seq"}
            connection.execute(RUNS.insert().values(**columns))
            connection.execute(
                OUTPUTS.insert().values(run_id=f"run-{name}", table_name=name, sha256=digest, rows=count)
            )


def _filled(field: pa.Field, value: object) -> object:
    """Something in every column that may not be empty."""
    if value is not None or field.nullable:
        return value
    if pa.types.is_string(field.type):
        return ""
    if pa.types.is_list(field.type):
        return []
    return False if pa.types.is_boolean(field.type) else 0


def write_judgements(case: Case, pairs: int, count: int) -> None:
    """Judgements of other people on the links that stand first."""
    places = [(number * 7_919) % pairs for number in range(count)]
    rows = []
    for number, place in enumerate(places):
        one = np.array([place])
        [link], [left], [right] = ids("lnk", one), ids("acc", one // 2), ids("rec", one % max(1, pairs // 2))
        judgement = Judgement(
            link_id=link, claim="used", left_id=left, right_id=right, verdict="unsure",
            operator=f"Other {number % 3}", why="bench", seen_weight_mbits=0, model_id="mdl-1", at_utc=case.now(),
        )  # fmt: skip
        values = {name: getattr(judgement, name) for name in judgement.__slots__}
        rows.append({**values, "judgement_id": content_id("jdg", link, number)})
    with case.database.begin() as connection:
        for start in range(0, len(rows), 500):
            connection.execute(sa.insert(JUDGEMENTS), rows[start : start + 500])


def flushed(path: Path) -> None:
    """One line more in a file, and the wait until it is on the medium."""
    with path.open("ab") as file:
        file.write(b"x" * 200)
        file.flush()
        os.fsync(file.fileno())


def stepped(client: TestClient, headers: dict[str, str], case_key: str, token: str, options: Any) -> str:
    """Judge one pair after the other and print what each step took; the address of the last pair."""
    began = time.perf_counter()
    answer = client.get(f"/case/{case_key}/review/", headers=headers, follow_redirects=False)
    while answer.status_code == 202:
        time.sleep(0.1)
        answer = client.get(f"/case/{case_key}/review/", headers=headers, follow_redirects=False)
    at = answer.headers["location"]
    print(f"{options.pairs:,} pairs, {options.judged:,} judgements; first page {time.perf_counter() - began:.1f} s")
    page = client.get(at, headers=headers).text
    sent, shown, both = [], [], []
    for _ in range(options.steps):
        version = re.search(r'name="version" value="(\d+)"', page)
        assert version is not None
        form = {"token": token, "version": version[1], "decision": "unsure.1", "why": "bench"}
        marks = [(time.perf_counter(), time.process_time())]
        address = f"{at.partition('?')[0]}/judge"
        answer = client.post(address, data=form, headers=headers, follow_redirects=False)
        marks.append((time.perf_counter(), time.process_time()))
        assert answer.status_code == 303, answer.text
        at = answer.headers["location"]
        page = client.get(at, headers=headers).text
        marks.append((time.perf_counter(), time.process_time()))
        first, middle, last = marks
        for found, (one, other) in ((sent, (first, middle)), (shown, (middle, last)), (both, (first, last))):
            found.append(((other[0] - one[0]) * 1000, (other[1] - one[1]) * 1000))
    told("judgement, compared and committed", sent)
    told("page of the next pair", shown)
    told("next pair, both together", both)
    return str(at)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--pairs", type=int, default=200_000)
    parser.add_argument("--judged", type=int, default=5_000)
    parser.add_argument("--steps", type=int, default=200)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / "case"
        with Case.create(folder, authority_ref="bench", operator="B", purpose="bench") as case:
            write_tables(case, options.pairs)
            write_judgements(case, options.pairs, options.judged)
            links = case.table_file("links", "run-links")
        bench = workbench_at(
            opened_cases([folder]), open_state(Path(scratch) / "state"), address_of("127.0.0.1", 8765, "", None, None)
        )
        [opened] = bench.cases.values()
        bench.people.add("B. Analyst", by="bench", administrator=False)
        person = bench.people.named("B. Analyst")
        assert person is not None
        until = dt.datetime.now(dt.UTC) + dt.timedelta(days=1)
        bench.members.grant(person, opened.case_id, Role.ANALYST, purpose="bench", until=until, by="bench")
        cookie = bench.sessions.begin(person, "full")
        session = bench.sessions.of(cookie)
        assert session is not None
        client = TestClient(application(bench), base_url="http://localhost:8765")
        headers = {"Cookie": f"{COOKIE}={cookie}", "Accept": "text/html", "Origin": "http://localhost:8765"}
        at = stepped(client, headers, opened.key, session.form_token, options)
        told("anchor: one flush to the medium", timed(lambda: flushed(Path(scratch) / "flushed"), 100))
        engine = duckdb.connect()
        sql = f"SELECT * FROM read_parquet('{links}') WHERE link_id = ?"
        wanted = at.partition("?")[0].rpartition("/")[2]
        told("anchor: one link by the engine", timed(lambda: engine.execute(sql, [wanted]).fetchall(), 30))
        with opened.acting() as case:
            actor = case.actor("B. Analyst", role="analyst")
            told("anchor: as the command line asks", timed(lambda: show_queue(case, actor, limit=1), 3))
        bench.close()


if __name__ == "__main__":
    main()
