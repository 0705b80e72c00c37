"""The claims `used` and `held` of a large invented case, beside DuckDB joining the same values: seconds, memory.

    python bench/claims_rate.py [--accounts 1800000] [--logins 3000000] [--people 1000000]

The anchor counts pairs of accounts and records with an equal e-mail address, telephone number or nickname, and pairs of
customers and records with an equal date of birth and surname. It weighs nothing: such work cannot take less.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from headwater.engine import Session, write_parquet
from headwater.identities.claims import held_pairs, links_table, standing_denials, used_pairs
from headwater.identities.link import KEPT_MBITS
from headwater.identities.linkage import read_linkage_model
from headwater.schema import table_named
from headwater_synth.two_files import two_files

SEED = 5
START = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
_SYLLABLES = ("ba", "de", "fi", "go", "ku", "la", "me", "ni", "po", "ru", "sa", "to", "vi", "wo", "xa", "zu")


def _named(numbers: np.ndarray, syllables: int) -> pa.Array:
    """An invented word for each number."""
    words = np.full(len(numbers), "", dtype=f"<U{2 * syllables}")
    for _ in range(syllables):
        words = np.char.add(words, np.array(_SYLLABLES)[numbers % 16])
        numbers = numbers // 16
    return pa.array(words.tolist(), pa.string())


def _table(name: str, count: int, **columns: pa.Array) -> pa.Table:
    filled = dict(columns)
    for column in table_named(name).columns:
        if column.name not in filled and not column.nullable:
            if pa.types.is_boolean(column.type):
                blank: object = False
            else:
                blank = START if pa.types.is_timestamp(column.type) else 0 if pa.types.is_integer(column.type) else "-"
            filled[column.name] = pa.array([blank], column.type).take(pa.array(np.zeros(count, np.int32)))
    return table_named(name).columnar(filled)


def _ids(prefix: str, numbers: np.ndarray) -> pa.Array:
    return pa.array([f"{prefix}-{n:08d}" for n in numbers.tolist()], pa.string())


def write_case(folder: Path, accounts: int, logins: int, people: int) -> None:
    """The tables of a case; every fifth person on record has an account, and more than half are customers."""
    rng = np.random.default_rng(SEED)
    held = np.arange(accounts)
    person = np.where(held < people // 5, held, people + held)
    write_parquet(
        _table(
            "accounts", accounts, account_id=_ids("acc", held), nickname=_named(person * 7919 % 16**6, 6),
            email=pa.array([f"m{n}@mail.test" if n % 3 == 0 else None for n in person.tolist()]),
        ),
        folder / "accounts.parquet",
    )  # fmt: skip
    of = rng.integers(0, accounts, logins)
    write_parquet(
        _table(
            "logins", logins, login_id=_ids("log", np.arange(logins)), account_id=_ids("acc", of),
            network_address=pa.array([f"10.{n >> 16 & 255}.{n >> 8 & 255}.{n & 255}" for n in (of * 3).tolist()]),
            device=_named(rng.zipf(1.3, logins) % 4_000, 3),
        ),
        folder / "logins.parquet",
    )  # fmt: skip
    made = two_files(people, seed=SEED)
    nicknames = pa.array(
        [t if n % 2 else None for n, t in enumerate(_named(np.arange(people) * 7919 % 16**6, 6).to_pylist())]
    )
    for name, prefix, rows in (("customers", "cus", made.left), ("records", "rec", made.right)):
        columns = {
            f"{name[:-1]}_id": _ids(prefix, np.arange(people)),
            "street_address": pc.binary_join_element_wise(rows["street_number"], rows["address"], " "),
            **{field: rows[field] for field in ("given_name", "surname", "date_of_birth", "postcode", "phone")},
        }
        if name == "records":
            columns["nickname"] = nicknames
            columns["email"] = pa.array([f"m{n}@mail.test" if n % 3 == 0 else None for n in range(people)])
        write_parquet(_table(name, people, **columns), folder / f"{name}.parquet")


def ours(folder: Path) -> dict[str, object]:
    files = {path.stem: [path] for path in folder.glob("*.parquet")}
    model = read_linkage_model()
    with Session(files, scratch=folder) as session:
        began = time.monotonic()
        used = used_pairs(session, model)
        used_seconds, began = time.monotonic() - began, time.monotonic()
        held = held_pairs(session, model, least_mbits=KEPT_MBITS, threads=2)
        held_seconds, began = time.monotonic() - began, time.monotonic()
        used = used.chosen(used.total_mbits >= KEPT_MBITS)
        links = links_table([held, used], model, 970_000, standing_denials(session))
    seconds = {"used": used_seconds, "held": held_seconds, "table": time.monotonic() - began}
    return {"links": links.num_rows, **{name: round(value, 1) for name, value in seconds.items()}}


def joined(folder: Path) -> dict[str, object]:
    import duckdb

    connection = duckdb.connect(config={"threads": 2})
    began = time.monotonic()
    pairs = 0
    for column in ("email", "nickname"):
        pairs += connection.execute(
            f"select count(*) from '{folder}/accounts.parquet' a join '{folder}/records.parquet' r using ({column})"
        ).fetchone()[0]
    pairs += connection.execute(
        f"select count(*) from '{folder}/customers.parquet' c join '{folder}/records.parquet' r "
        "using (date_of_birth, surname)"
    ).fetchone()[0]
    return {"pairs": pairs, "seconds": round(time.monotonic() - began, 1)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--accounts", type=int, default=1_800_000)
    parser.add_argument("--logins", type=int, default=3_000_000)
    parser.add_argument("--people", type=int, default=1_000_000)
    parser.add_argument("--one", choices=("ours", "joined"))
    parser.add_argument("--folder", type=Path)
    options = parser.parse_args()
    if options.one:
        told = {"ours": ours, "joined": joined}[options.one](options.folder)
        usage = resource.getrusage(resource.RUSAGE_SELF)
        told["processor_seconds"] = round(usage.ru_utime + usage.ru_stime, 1)
        print(json.dumps(told | {"peak_mb": usage.ru_maxrss // 1000}))
        return
    with tempfile.TemporaryDirectory() as name:
        write_case(Path(name), options.accounts, options.logins, options.people)
        rows = {path.stem: pq.read_metadata(path).num_rows for path in sorted(Path(name).glob("*.parquet"))}
        print(", ".join(f"{count:,} {table}" for table, count in rows.items()))
        for which in ("joined", "ours"):
            done = subprocess.run(
                [sys.executable, __file__, "--one", which, "--folder", name], check=True, capture_output=True, text=True
            )
            print(f"{which}: {done.stdout.strip()}", flush=True)


if __name__ == "__main__":
    main()
