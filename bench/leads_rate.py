"""The leads stage at the size of a whole platform, beside DuckDB that counts and sorts the same tables in the same run.

    python bench/leads_rate.py [--accounts 1800000] [--logins 5000000]

The tables are written directly, invented: accounts of which a tenth paid and a hundredth uploaded, logins from a
million lines, a database of networks. Each side runs in a process of its own.
"""

from __future__ import annotations

import argparse
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

from headwater.engine import ParquetParts, Session, StageContext
from headwater.leads import rank_leads
from headwater.schema import table_named

_START_US = 1_767_225_600_000_000
_PART = 1 << 18
_SOURCE = {
    "exhibit_id": "EX-1",
    "source_item_id": "itm-0",
    "source_table": "t",
    "source_row": 0,
    "source_offset_bytes": 0,
    "source_length_bytes": 1,
    "mapping_id": "map-0",
}


def ids(prefix: str, numbers: np.ndarray) -> pa.Array:
    """Ids as wide as real ones, in the order of their numbers."""
    digits = pc.utf8_lpad(pa.array(numbers).cast(pa.string()), 32, "0")
    return pc.binary_join_element_wise(pa.scalar(f"{prefix}-"), digits, "")


def write(folder: Path, name: str, rows: int, columns) -> None:
    table = table_named(name)
    with ParquetParts(folder / f"{name}.parquet", table.arrow) as parts:
        for begin in range(0, rows, _PART):
            numbers = np.arange(begin, min(rows, begin + _PART))
            made = columns(numbers)
            own = {c.name for c in table.columns}
            fixed = {k: pa.repeat(v, len(numbers)) for k, v in _SOURCE.items() if k in own}
            parts.write(table.part({**fixed, **made}))
        parts.finish()


def made(folder: Path, accounts: int, logins: int) -> None:
    """The tables, as Parquet files."""
    rng = np.random.default_rng(1)

    def at(count: int) -> pa.Array:
        return pa.array(_START_US + rng.integers(0, 31_536_000, count) * 1_000_000).cast(pa.timestamp("us", tz="UTC"))

    def lines(count: int) -> pa.Array:
        number = rng.integers(0, 1_000_000, count)
        parts = [
            pa.array(part).cast(pa.string()) for part in (100 + number // 65_536, number // 256 % 256, number % 256)
        ]
        return pc.binary_join_element_wise(parts[0], parts[1], parts[2], pa.scalar("7"), ".")

    def account(n: np.ndarray) -> dict:
        phone = pc.if_else(
            pa.array(n % 20 == 0),
            pc.binary_join_element_wise(pa.scalar("+46"), pa.array(81_000_000 + n).cast("str"), ""),
            pa.scalar(None, pa.string()),
        )  # fmt: skip
        name = pc.binary_join_element_wise(pa.scalar("owl"), pa.array(n).cast("str"), "")
        return {"account_id": ids("acc", n), "platform_key": pa.array(n).cast("str"), "nickname": name, "phone": phone,
                "role": pa.repeat("member", len(n)), "registered_at_utc": at(len(n))}  # fmt: skip

    def some_account(count: int, share: int = 1) -> pa.Array:
        return ids("acc", rng.integers(0, max(1, accounts // share), count) * share)

    write(folder, "accounts", accounts, account)
    write(folder, "logins", logins, lambda n: {
        "login_id": ids("lgn", n), "account_id": some_account(len(n)), "at_utc": at(len(n)),
        "network_address": lines(len(n))})  # fmt: skip
    uploads, payments = accounts // 4, accounts // 4
    write(folder, "uploads", uploads, lambda n: {
        "upload_id": ids("upl", n), "account_id": some_account(len(n), 100), "at_utc": at(len(n)),
        "network_address": lines(len(n))})  # fmt: skip
    write(folder, "payments", payments, lambda n: {
        "payment_id": ids("pay", n), "platform_key": pa.array(n).cast("str"), "account_id": some_account(len(n), 10),
        "at_utc": at(len(n)), "status": pa.repeat("settled", len(n))})  # fmt: skip
    write(folder, "traces", payments, lambda n: {
        "trace_id": ids("trc", n), "direction": pa.repeat("backward", len(n)), "policy": pa.repeat("fifo", len(n)),
        "account_id": some_account(len(n), 10), "payment_id": ids("pay", n),
        **required("traces", len(n), "trace_id", "direction", "policy", "account_id", "payment_id")})  # fmt: skip
    write(folder, "endpoints", payments, lambda n: {
        "endpoint_id": ids("end", n), "trace_id": ids("trc", n), "service_id": ids("svc", n % 40), "at_utc": at(len(n)),
        **required("endpoints", len(n), "endpoint_id", "trace_id", "service_id", "at_utc")})  # fmt: skip
    write(folder, "media_origins", 2_000, lambda n: {
        "media_cluster_id": ids("mcl", n), "account_id": some_account(len(n), 100),
        "verdict_group": pa.repeat("none", len(n)),
        **required("media_origins", len(n), "media_cluster_id", "account_id", "verdict_group")})  # fmt: skip
    write(folder, "services", 40, lambda n: {
        "service_id": ids("svc", n), "name": ids("Service", n),
        "country": pa.array([("NL", "IE", "EE")[i % 3] for i in n]),
        **required("services", len(n), "service_id", "name", "country")})  # fmt: skip
    ranges = 16 * 256
    write(folder, "network_ranges", ranges, lambda n: {
        "network_range_id": ids("nrg", n), "reference_name": pa.repeat("geo", len(n)),
        "reference_version": pa.repeat("1", len(n)), "reference_row": pa.array(n),
        "first_bytes": pa.array([bytes([100 + i // 256, i % 256, 0, 0]) for i in n], pa.binary()),
        "last_bytes": pa.array([bytes([100 + i // 256, i % 256, 255, 255]) for i in n], pa.binary()),
        "country": pa.array([("SE", "NO", "FI", "DK")[i % 4] for i in n]),
        "holder": pa.array([f"Line {i % 50}" for i in n]),
        **required("network_ranges", len(n), "network_range_id", "reference_name", "reference_version", "reference_row",
                   "first_bytes", "last_bytes", "country", "holder")})  # fmt: skip


def required(name: str, count: int, *given: str) -> dict[str, pa.Array]:
    """What a table must have besides, the same in every row."""
    values = {pa.string(): "-", pa.int64(): 1, pa.bool_(): True}
    found = {}
    for column in table_named(name).columns:
        if not column.nullable and column.name not in {*given, *_SOURCE}:
            default = values.get(column.type)
            if default is None:
                found[column.name] = pa.repeat(pa.scalar(_START_US, pa.int64()), count).cast(column.type)
            else:
                found[column.name] = pa.repeat(pa.scalar(default, column.type), count)
    return found


def ours(folder: Path) -> int:
    files = {path.stem: [path] for path in folder.glob("*.parquet")}
    with tempfile.TemporaryDirectory(dir=folder) as scratch, Session(files, scratch=Path(scratch)) as tables:
        result = rank_leads(StageContext(tables=tables, scratch=Path(scratch)))
        return result["leads"].num_rows


def duckdb(folder: Path) -> int:
    """What the stage has to do at least: count acts by account, and put the acts of leads in order."""
    import duckdb as engine

    connection = engine.connect(config={"threads": 2, "memory_limit": "512MB", "temp_directory": str(folder / "tmp")})
    for name in ("accounts", "logins", "uploads", "payments"):
        connection.read_parquet(str(folder / f"{name}.parquet")).create_view(name)
    acts = " union all ".join(
        f"select account_id, '{act}' act, {key} act_id, {at} at_utc, {address} network_address from {table}"
        for act, table, key, at, address in (
            ("registration", "accounts", "account_id", "registered_at_utc", "null"),
            ("login", "logins", "login_id", "at_utc", "network_address"),
            ("upload", "uploads", "upload_id", "at_utc", "network_address"),
            ("payment", "payments", "payment_id", "at_utc", "null"),
        )
    )
    connection.execute(
        "create temp table leads as select account_id, count(*) n from "
        "(select account_id from uploads union all select account_id from payments) group by 1"
    )
    connection.execute(
        f"copy (select a.* from ({acts}) a join leads using (account_id) order by account_id, act, act_id) "
        f"to '{folder / 'acts.out'}' (format parquet, compression zstd)"
    )
    return int(connection.execute("select count(*) from leads").fetchone()[0])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--accounts", type=int, default=1_800_000)
    parser.add_argument("--logins", type=int, default=5_000_000)
    parser.add_argument("--one", choices=("ours", "duckdb"))
    parser.add_argument("--folder", type=Path)
    options = parser.parse_args()
    if options.one:
        began = time.monotonic()
        leads = {"ours": ours, "duckdb": duckdb}[options.one](options.folder)
        usage = resource.getrusage(resource.RUSAGE_SELF)
        seconds, processor = round(time.monotonic() - began, 1), round(usage.ru_utime + usage.ru_stime, 1)
        figures = {
            "leads": leads,
            "seconds": seconds,
            "processor_seconds": processor,
            "peak_mb": usage.ru_maxrss // 1000,
        }
        print(json.dumps(figures))
        return
    with tempfile.TemporaryDirectory() as name:
        made(Path(name), options.accounts, options.logins)
        print(f"{options.accounts:,} accounts, {options.logins:,} logins")
        for which in ("duckdb", "ours"):
            words = [sys.executable, __file__, "--one", which, "--folder", name]
            done = subprocess.run(words, check=True, capture_output=True, text=True)
            print(f"{which}: {done.stdout.strip()}", flush=True)


if __name__ == "__main__":
    main()
