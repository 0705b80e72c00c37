"""Dumps that a real PostgreSQL wrote: every format holds the rows that the server itself gives."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from headwater.workflow import open_tables
from headwater_sealed.postgres_archive import parse_postgres_archive
from headwater_sealed.postgres_dump import parse_postgres_dump
from headwater_sealed.refusal import UnreadableError
from headwater_synth.postgres_server import PostgresMissingError, RunningPostgres, running_postgres

Row = tuple[bytes | None, ...]

SCHEMA = r"""
CREATE TYPE mood AS ENUM ('calm', 'glad');
CREATE TABLE members (
  id integer PRIMARY KEY, name varchar(40) NOT NULL, raw bytea, at timestamptz, born date, address inet, tags text[],
  more jsonb, share numeric(12,4), yes boolean, token uuid, state mood, ratio double precision,
  doubled integer GENERATED ALWAYS AS (id * 2) STORED
);
INSERT INTO members (id, name, raw, at, born, address, tags, more, share, yes, token, state, ratio)
SELECT n, E'member\t' || n || E'\n\\ "quoted" ''x''', decode(lpad(to_hex(n), 4, '0'), 'hex'),
  timestamptz '2024-05-01 10:00:00.123+02' + n * interval '1 hour', date '1990-01-01' + n,
  ('192.0.2.' || n % 250)::inet, ARRAY['a' || n, 'b "c"', NULL], jsonb_build_object('n', n, 'text', E'line\nbreak'),
  n / 7.0, n % 2 = 0, md5(n::text)::uuid, CASE n % 3 WHEN 0 THEN 'calm' WHEN 1 THEN 'glad' END::mood, n / 3.0
FROM generate_series(1, 500) AS n;
UPDATE members SET raw = NULL, at = NULL, tags = NULL, more = NULL WHERE id % 5 = 0;
CREATE TABLE visits (id bigint, member integer REFERENCES members, at timestamptz NOT NULL) PARTITION BY RANGE (at);
CREATE TABLE visits_2024 PARTITION OF visits FOR VALUES FROM ('2024-01-01') TO ('2025-01-01');
INSERT INTO visits SELECT n, n % 500 + 1, timestamptz '2024-06-01 00:00:00+00' + n * interval '1 minute'
FROM generate_series(1, 300) AS n;
CREATE TABLE parent (a integer, b text);
CREATE TABLE child (c text) INHERITS (parent);
INSERT INTO child VALUES (1, 'two', 'three');
CREATE TABLE "Odd Name" ("A ""b"" c" text, "select" integer);
INSERT INTO "Odd Name" VALUES ('\.', 1), (E'\\N', 2), ('', 3), (NULL, NULL);
CREATE TABLE nothing ();
CREATE TABLE empty (a integer);
CREATE FUNCTION f() RETURNS integer LANGUAGE sql BEGIN ATOMIC SELECT 1; SELECT 2; END;
CREATE FUNCTION g() RETURNS text LANGUAGE plpgsql AS $body$ BEGIN RETURN '; it''s -- no comment'; END $body$;
SELECT lo_from_bytea(0, 'a large object');
"""
TABLES = ("members", "visits_2024", "child", '"Odd Name"', "empty")


@pytest.fixture(scope="module")
def server() -> Iterator[RunningPostgres]:
    """A server with that schema."""
    try:
        with running_postgres() as running:
            running.run("psql", "-q", "-v", "ON_ERROR_STOP=1", "postgres", sent=SCHEMA)
            yield running
    except PostgresMissingError as error:
        pytest.skip(str(error))


@pytest.fixture(scope="module")
def expected(server: RunningPostgres) -> Mapping[str, list[Row]]:
    """The rows of each table as the server prints them, in their order."""
    found = {}
    for table in TABLES:
        form = "FORMAT csv, NULL '~', QUOTE '|', FORCE_QUOTE *"
        text = server.run("psql", "-qAt", "postgres", "-c", f"COPY (SELECT * FROM {table}) TO STDOUT ({form})")
        found[table.strip('"')] = list(csv_rows(text))
    return found


def csv_rows(text: bytes) -> Iterator[Row]:
    """Rows of CSV in which every value is between bars, and NULL is a tilde."""
    at, row = 0, []
    while at < len(text):
        if text[at : at + 1] == b"~":
            value: bytes | None = None
            at += 1
        else:
            end = at + 1
            while text[end : end + 1] != b"|" or text[end + 1 : end + 2] == b"|":
                end += 2 if text[end : end + 1] == b"|" else 1
            value = text[at + 1 : end].replace(b"||", b"|")
            at = end + 1
        row.append(value)
        if text[at : at + 1] == b"\n":
            yield tuple(row)
            row = []
        at += 1


def taken(job: Callable[..., None], files: list[bytes], **parameters: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    opened = [io.BytesIO(content) for content in files]
    entries = [{"file_index": number} for number in range(len(files))]
    job(opened, {"entries": entries, **parameters}, lambda batch: found.extend(batch.to_pylist()))
    return found


def rows_of(found: list[dict[str, Any]], expected: Mapping[str, list[Row]]) -> dict[str, list[Row]]:
    """The rows by table, those of generated columns left out of what is expected, as a dump leaves them out."""
    rows: dict[str, list[Row]] = {name: [] for name in expected}
    for record in found:
        if record["record_kind"] == "row":
            rows[record["table_name"].removeprefix("public.")].append(tuple(record["values"]))
    return rows


def dumped(expected: Mapping[str, list[Row]]) -> dict[str, list[Row]]:
    return {name: [row[:-1] if name == "members" else row for row in rows] for name, rows in expected.items()}


def unexplained(found: list[dict[str, Any]]) -> list[tuple[str, str]]:
    return [(r["code"], r["reason"]) for r in found if r["record_kind"] == "defect"]


@pytest.mark.parametrize("options", [[], ["--inserts"], ["--column-inserts"], ["--inserts", "--rows-per-insert=7"]])
def test_plain_dumps(server: RunningPostgres, expected: Mapping[str, list[Row]], options: list[str]) -> None:
    dump = server.run("pg_dump", *options, "--no-blobs", "postgres")
    found = taken(parse_postgres_dump, [dump])
    written = rows_of(found, expected)
    if options:
        # A statement writes true where a line writes t.
        for rows in (written["members"],):
            said: dict[bytes | None, bytes | None] = {b"true": b"t", b"false": b"f"}
            rows[:] = [tuple(said.get(value, value) for value in row) for row in rows]
    wanted = dumped(expected)
    if options and "--column-inserts" not in options:
        # Every column has its place there; of one that the server works out, the value is left open.
        wanted["members"] = [(*row, None) for row in wanted["members"]]
    assert {name: sorted(map(str, rows)) for name, rows in written.items()} == {
        name: sorted(map(str, rows)) for name, rows in wanted.items()
    }
    assert unexplained(found) == []
    assert sum(r["length_bytes"] for r in found if r["record_kind"] == "range") == len(dump)


@pytest.mark.parametrize("level", [0, 6])
def test_archives_of_custom_format(server: RunningPostgres, expected: Mapping[str, list[Row]], level: int) -> None:
    dump = server.run("pg_dump", "-Fc", f"-Z{level}", "postgres")
    found = taken(parse_postgres_archive, [dump])
    assert rows_of(found, expected) == dumped(expected)
    assert unexplained(found) == []
    assert sum(r["length_bytes"] for r in found if r["record_kind"] == "range") == len(dump)
    [members] = [r for r in found if r["record_kind"] == "table" and r["table_name"] == "public.members"][-1:]
    assert members["names"][-1] == "ratio"
    assert members["types"][:3] == ["integer", "character varying(40)", "bytea"]


def test_a_cut_archive_keeps_what_was_whole(server: RunningPostgres, expected: Mapping[str, list[Row]]) -> None:
    dump = server.run("pg_dump", "-Fc", "-Z0", "postgres")
    with pytest.raises(UnreadableError, match="cut short"):
        taken(parse_postgres_archive, [dump[:2_000]])
    for cut in (len(dump) // 3, len(dump) * 2 // 3, len(dump) - 1):
        found = taken(parse_postgres_archive, [dump[:cut]])
        assert sum(r["length_bytes"] for r in found if r["record_kind"] == "range") == cut
        assert "truncated" in {code for code, _ in unexplained(found)}
        for name, rows in rows_of(found, expected).items():
            assert rows == dumped(expected)[name][: len(rows)]


@pytest.mark.parametrize("options", [["-Fd", "-Z0"], ["-Fd"], ["-Ft"]])
def test_archives_in_several_files(
    server: RunningPostgres,
    expected: Mapping[str, list[Row]],
    options: list[str],
    headwater: Callable[..., Any],
    tmp_path: Path,
) -> None:
    name = "-".join(options).replace("-", "")
    place = server.folder / f"dump{name}"
    server.run("pg_dump", *options, "-f", str(place), "postgres")
    exhibit = tmp_path / "exhibit"
    exhibit.mkdir()
    if place.is_dir():
        (exhibit / "dump").mkdir()
        for file in place.iterdir():
            (exhibit / "dump" / file.name).write_bytes(file.read_bytes())
    else:
        assert tarfile.is_tarfile(place)
        (exhibit / "dump.tar").write_bytes(place.read_bytes())
    case = tmp_path / "case"
    for command in (
        ("case", "create", case, "--authority", "Order 1", "--operator", "A. Examiner"),
        ("evidence", "add", case, exhibit, "--exhibit", "EX-1"),
        ("run", case, "--until", "catalogue"),
        ("verify", case),
    ):
        done = headwater(*command)
        assert done.status == 0, done.err
    with open_tables(case) as tables:
        counted: dict[str, int] = {}
        for row in tables.arrow("dump_tables").to_pylist():
            table = row["source_table"].removeprefix("public.")
            counted[table] = counted.get(table, 0) + row["rows_read"]
        codes = {row["code"] for row in tables.arrow("defects").to_pylist()}
        sizes = {row["item_id"]: row["size_bytes"] for row in tables.arrow("items").to_pylist()}
        ranges: dict[str, int] = {}
        for row in tables.arrow("dump_ranges").to_pylist():
            ranges[row["source_item_id"]] = ranges.get(row["source_item_id"], 0) + row["range_bytes"]
    assert {name: counted[name] for name in expected} == {name: len(rows) for name, rows in expected.items()}
    assert codes <= {"copy_not_read_again"}
    assert ranges == {item: sizes[item] for item in ranges}
