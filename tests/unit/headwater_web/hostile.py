"""A case in which every seized field holds what somebody might put there to steer the reader's browser."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import sqlalchemy as sa

from headwater.custody import utc_text
from headwater.schema import TABLES, Table
from headwater.schema.state import IMPORTS, OUTPUTS, RUNS
from headwater.workflow import Case

AT = dt.datetime(2024, 5, 6, 7, 8, 9, tzinfo=dt.UTC)
VOCABULARY = {
    "outcome": "no_action", "disposition": "refused", "entry_type": "file", "range_kind": "content",
    "verdict_group": "none", "claim": "used", "left_table": "accounts", "right_table": "records",
    "lead_country": "FR",
}  # fmt: skip
"""Columns whose values are ours: a stage would not have written another."""
IN_ONE_TABLE = {("contrary_facts", "source_table"): "accounts"}
"""The same, where another table has seized text in a column of that name."""

HOSTILE = (
    "<script>pwn('tag')</script>",
    "\"><img src=x onerror=pwn('attribute')>",
    "' autofocus onfocus=pwn('quote') x='",
    "<svg onload=pwn('drawing')><animate onbegin=pwn('drawing')></svg>",
    "{{ ''.__class__ }}{% for x in (1,) %}pwn{% endfor %}${pwn}",
    '<div hx-get="/reports" hx-trigger="load" hx-on:load="pwn(1)" data-hx-on="pwn">pwn</div>',
    "javascript:pwn('address')",
    "</td></tr></table></main><iframe srcdoc='<script>parent.pwn(1)</script>'></iframe>",
    "<base href=//pwn.example/><link rel=stylesheet href=//pwn.example/x.css><meta http-equiv=refresh content=0;//pwn>",
    "]]><!--<style>*{background:url(//pwn.example)}</style>-->",
    "\u202egnp.exe \u2066isolated\u2069 \u200b\u200f\ufeff\x00\x1b]0;pwn\x07\x1b[2J\r\n\x7f",
    '=HYPERLINK("http://pwn.example")',
    "pwn \ud800 \udfff",
    "A" * 1_000_000 + "<script>pwn('long')</script>",
)
"""One text for each way in; `pwn` stands in each, so that whatever got through is found by it."""
MARK = "pwn"


def value_of(kind: pa.DataType, text: str, number: int) -> Any:
    """A value of that type, with the text wherever a text may be."""
    if pa.types.is_list(kind):
        return [value_of(kind.value_type, text, number)]
    if pa.types.is_struct(kind):
        return {field.name: value_of(field.type, text, number) for field in kind}
    if pa.types.is_timestamp(kind):
        return AT
    if pa.types.is_boolean(kind):
        return bool(number % 2)
    # A column of texts holds no half of a character: a stage writes it as an escape. Bytes hold whatever they are.
    texts = {
        pa.string(): text.encode("utf-8", "backslashreplace").decode(),
        pa.binary(): text.encode("utf-8", "surrogatepass"),
    }
    return texts.get(kind, number + 1)


def hostile_rows(table: Table) -> pa.Table:
    """A row for each hostile text, in every column that can hold one."""
    rows = [
        {
            c.name: IN_ONE_TABLE.get((table.name, c.name)) or VOCABULARY.get(c.name) or value_of(c.type, text, n)
            for c in table.columns
        }
        for n, text in enumerate(HOSTILE)
    ]
    return pa.Table.from_pylist(rows, schema=table.arrow)


def poison(path: Path) -> None:
    """Give a case a newer run of every stage, and a newer reference of every kind, that hold nothing else."""
    with Case(path) as case, case.database.begin() as connection:
        connection.execute(sa.delete(IMPORTS))
        connection.execute(
            IMPORTS.insert().values(
                reference_name="hostile", reference_version="1", kind="tag-pack", polarity=None, source_sha256="0" * 64,
                seal_sha256="0" * 64, at_utc=utc_text(AT), imported_by="test",
            )
        )  # fmt: skip
        for stage in {table.stage for table in TABLES}:
            connection.execute(
                RUNS.insert().values(run_id=f"run-{stage}", stage=stage, version="0", at_utc=utc_text(AT))
            )
        for table in TABLES:
            folder = path / "references" / "hostile@1" if table.stage == "references" else path / "tables" / table.name
            folder.mkdir(parents=True, exist_ok=True)
            run = f"run-{table.stage}"
            name = table.name if table.stage == "references" else run
            pq.write_table(hostile_rows(table), folder / f"{name}.parquet")
            if table.stage != "references":
                connection.execute(
                    OUTPUTS.insert().values(run_id=run, table_name=table.name, sha256="0" * 64, rows=len(HOSTILE))
                )
