"""The reader of plain PostgreSQL dumps."""

from __future__ import annotations

import io

import pytest

from headwater_sealed.postgres_dump import parse_postgres_dump
from headwater_sealed.refusal import UnreadableError

DUMP = rb"""--
-- PostgreSQL database dump
--

\restrict abc
SET standard_conforming_strings = on;
SELECT pg_catalog.set_config('search_path', '', false);
CREATE FUNCTION public.f() RETURNS integer LANGUAGE sql AS $body$ SELECT 1; -- it's $body$;
CREATE TABLE public."Po sts" (
    id integer NOT NULL,
    price numeric(8,2) DEFAULT 0.00,
    tags text[],
    at timestamp with time zone,
    CONSTRAINT c CHECK ((id > 0))
);
COPY public."Po sts" (id, price, tags, at) FROM stdin;
1	2.50	{a,b}	\N
2	\N	a\\b\tc\n\x41\101	2020-01-01 00:00:00+00
\.

INSERT INTO public."Po sts" VALUES (3, 1.0, 'it''s; \n', NULL), (4, NULL, E'a\'\n', 'x');
\unrestrict abc
-- PostgreSQL database dump complete
"""


def records(dump):
    batches = []
    parse_postgres_dump([io.BytesIO(dump)], {}, batches.append)
    found = [row for batch in batches for row in batch.to_pylist()]
    assert sum(r["length_bytes"] for r in found if r["record_kind"] == "range") == len(dump)
    return found


def of_kind(found, kind):
    return [r for r in found if r["record_kind"] == kind]


def test_tables_and_rows_come_back():
    found = records(DUMP)
    assert of_kind(found, "defect") == []
    table = of_kind(found, "table")[0]
    assert table["table_name"] == "public.Po sts"
    assert table["names"] == ["id", "price", "tags", "at"]
    assert table["types"] == ["integer", "numeric(8,2)", "text[]", "timestamp with time zone"]
    rows = of_kind(found, "row")
    assert [r["number"] for r in rows] == [0, 1, 2, 3]
    assert [r["values"] for r in rows] == [
        [b"1", b"2.50", b"{a,b}", None],
        [b"2", None, b"a\\b\tc\nAA", b"2020-01-01 00:00:00+00"],
        [b"3", b"1.0", b"it's; \\n", None],
        [b"4", None, b"a'\n", b"x"],
    ]


def test_a_row_of_another_width_is_a_defect_and_reading_goes_on():
    found = records(DUMP.replace(b"1\t2.50", b"1"))
    defect = of_kind(found, "defect")[0]
    assert DUMP.replace(b"1\t2.50", b"1")[defect["offset_bytes"] :].startswith(b"1\t{a,b}")
    assert len(of_kind(found, "row")) == 3


def test_commands_of_psql_are_noted_and_never_run(tmp_path):
    mark = tmp_path / "mark"
    found = records(b"\\! touch " + bytes(mark) + b"\n" + DUMP)
    assert [r["code"] for r in of_kind(found, "defect")] == ["statement_not_read"]
    assert not mark.exists()


def test_other_formats_are_refused():
    with pytest.raises(UnreadableError):
        records(b"PGDMP\x01")


def test_any_cut_is_a_defect_and_every_byte_is_accounted_for():
    for end in range(len(DUMP) - 40):
        assert any(r["code"] == "truncated" for r in of_kind(records(DUMP[:end]), "defect"))


def test_no_changed_byte_raises():
    for at in range(len(DUMP)):
        for byte in b"\n\t\\'\xff":
            records(DUMP[:at] + bytes([byte]) + DUMP[at + 1 :])


def test_a_bad_row_does_not_cost_its_statement():
    dump = b"CREATE TABLE t (a integer, b text);\nINSERT INTO t VALUES (1, 'x'), (2, now()), (3), (4, 'y');\n"
    found = records(dump + b"-- PostgreSQL database dump complete\n")
    assert [row["values"] for row in of_kind(found, "row")] == [[b"1", b"x"], [b"4", b"y"]]
    lost = [(d["code"], dump[d["offset_bytes"] :][: d["length_bytes"]]) for d in of_kind(found, "defect")]
    assert lost == [("row_not_readable", b"(2, now())"), ("row_not_readable", b"(3)")]


def test_a_lost_end_of_a_statement_costs_that_statement():
    dump = b"CREATE TABLE t (a integer)\nCREATE TABLE u (b text);\nCOPY u FROM stdin;\nx\n\\.\n"
    found = records(dump + b"-- PostgreSQL database dump complete\n")
    assert [table["table_name"] for table in of_kind(found, "table")] == ["u"]
    assert [row["values"] for row in of_kind(found, "row")] == [[b"x"]]
    assert [defect["code"] for defect in of_kind(found, "defect")] == ["unparsed"]


def test_parts_and_heirs_have_the_columns_of_what_they_are_of():
    dump = (
        b"CREATE TABLE p (a integer, b text)\nPARTITION BY RANGE (a);\n"
        b"CREATE TABLE p1 PARTITION OF p FOR VALUES IN (1);\n"
        b"CREATE TABLE h (c text)\nINHERITS (p);\nCOPY h FROM stdin;\n1\t2\t3\n\\.\n"
    )
    found = records(dump + b"-- PostgreSQL database dump complete\n")
    assert {table["table_name"]: table["names"] for table in of_kind(found, "table")} == {
        "p": ["a", "b"],
        "p1": ["a", "b"],
        "h": ["a", "b", "c"],
    }
    assert [row["values"] for row in of_kind(found, "row")] == [[b"1", b"2", b"3"]]


def test_tables_of_several_databases_are_told_apart():
    one = b"\\connect forum\nCREATE TABLE public.t (a integer);\nCOPY public.t (a) FROM stdin;\n1\n\\.\n"
    found = records(
        one + one.replace(b"forum", b"-reuse-previous=on shop") + b"-- PostgreSQL database cluster dump complete\n"
    )
    assert [row["table_name"] for row in of_kind(found, "row")] == ["forum.public.t", "shop.public.t"]


def test_commands_of_psql_are_told_and_never_run():
    found = records(b"\\! touch /tmp/x\n\\copy t from program 'id'\n-- PostgreSQL database dump complete\n")
    assert [defect["reason"] for defect in of_kind(found, "defect")] == ["a command of psql is never run"] * 2
