"""MB/s of the readers of PostgreSQL dumps, beside psql restoring the same dump into a server in the same run.

Prints one JSON object a line. Without a PostgreSQL, a line says so.

    bench/postgres_rate.py [MEGABYTES]
"""

from __future__ import annotations

import io
import json
import random
import sys
import time
from collections.abc import Callable

from headwater_sealed.postgres_archive import parse_postgres_archive
from headwater_sealed.postgres_dump import parse_postgres_dump
from headwater_synth.postgres_server import PostgresMissingError, running_postgres

HEAD = b"""--
-- PostgreSQL database dump
--

CREATE TABLE public.posts (
    id integer NOT NULL,
    account integer NOT NULL,
    at timestamp with time zone,
    price numeric(8,2),
    title character varying(255),
    body text,
    token bytea
);
"""
END = b"\n--\n-- PostgreSQL database dump complete\n--\n"
WORDS = ("river", "meadow", "stone", "cloud", "lantern", "path", "quiet", "north")


def rows(megabytes: int) -> list[tuple[str | None, ...]]:
    """Rows of about that size, of seed 7."""
    chance = random.Random(7)
    found: list[tuple[str | None, ...]] = []
    size = 0
    while size < megabytes * 1_000_000:
        number = len(found)
        body = " ".join(chance.choices(WORDS, k=chance.randrange(4, 40)))
        at = f"2024-05-{number % 28 + 1:02} 10:00:00+00" if number % 3 else None
        price = f"{number % 50}.{number % 100:02}"
        token = "\\x" + chance.randbytes(16).hex()
        found.append((str(number), str(number % 977), at, price, f"it's {number}", body, token))
        size += sum(len(value or "") + 1 for value in found[-1])
    return found


def copied(found: list[tuple[str | None, ...]]) -> bytes:
    """The rows as COPY writes them."""
    lines = ("\t".join("\\N" if v is None else v.replace("\\", "\\\\") for v in row) + "\n" for row in found)
    return (
        HEAD
        + b"COPY public.posts (id, account, at, price, title, body, token) FROM stdin;\n"
        + ("".join(lines).encode() + b"\\.\n" + END)
    )


def inserted(found: list[tuple[str | None, ...]]) -> bytes:
    """The rows as statements of a hundred each."""

    def value(place: int, written: str | None) -> str:
        if written is None:
            return "NULL"
        return written if place in (0, 1, 3) else "'" + written.replace("'", "''") + "'"

    parts = [HEAD]
    for start in range(0, len(found), 100):
        values = ",\n\t".join(
            f"({', '.join(value(place, one) for place, one in enumerate(row))})" for row in found[start : start + 100]
        )
        parts.append(f"INSERT INTO public.posts VALUES\n\t{values};\n".encode())
    return b"".join((*parts, END))


def best_s(work: Callable[[], object], times: int = 3) -> float:
    """Seconds of the fastest time."""
    found = []
    for _ in range(times):
        began = time.perf_counter()
        work()
        found.append(time.perf_counter() - began)
    return min(found)


def told(measure: str, size_bytes: int, seconds: float, **more: object) -> None:
    """One line."""
    rate = round(size_bytes / seconds / 1e6, 1)
    print(json.dumps({"measure": measure, "value": rate, "unit": "MB/s", "size_bytes": size_bytes, **more}), flush=True)


def main() -> None:
    """Prints one line a pass."""
    found = rows(int(sys.argv[1]) if len(sys.argv) > 1 else 48)
    dumps = {"copy": copied(found), "inserts": inserted(found)}
    archives: dict[str, bytes] = {}
    restored_s: dict[str, float] = {}
    try:
        with running_postgres() as server:
            server.run("createdb", "bench")
            for name, dump in dumps.items():

                def restore(dump: bytes = dump) -> None:
                    server.run("psql", "-q", "bench", sent="DROP TABLE IF EXISTS public.posts;\n" + dump.decode())

                restored_s[name] = best_s(restore, 2)
            for level in (0, 6):
                archives[f"custom, level {level}"] = server.run("pg_dump", "-Fc", f"-Z{level}", "bench")
    except PostgresMissingError as missing:
        print(json.dumps({"measure": "psql restore", "reason": str(missing)}))
    for name, dump in dumps.items():
        told(f"anchor: bytes.count ({name})", len(dump), best_s(lambda dump=dump: dump.count(b"),\n")))  # type: ignore[misc]  # a default
        if name in restored_s:
            told(f"anchor: psql restore ({name})", len(dump), restored_s[name])
        read_s = best_s(lambda dump=dump: parse_postgres_dump([io.BytesIO(dump)], {}, lambda _batch: None))  # type: ignore[misc]  # a default
        ratio = round(restored_s[name] / read_s, 2) if name in restored_s else None
        told(f"parse_postgres_dump ({name})", len(dump), read_s, ratio_to_restore=ratio)
    for name, dump in archives.items():
        read_s = best_s(lambda dump=dump: parse_postgres_archive([io.BytesIO(dump)], {}, lambda _batch: None))  # type: ignore[misc]  # a default
        told(f"parse_postgres_archive ({name})", len(dump), read_s)


if __name__ == "__main__":
    main()
