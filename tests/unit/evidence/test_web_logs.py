"""Logs as tables: every line is a request or a defect, and a log of one client is told."""

from __future__ import annotations

import io
from typing import Any

import pyarrow as pa
import pytest

from headwater.evidence.web_logs import LOG_TABLES, log_tables
from headwater.schema import table_named
from headwater_sealed.access_log import parse_access_log


def line(address: str) -> str:
    return f'{address} - - [01/Feb/2026:03:04:05 +0000] "GET /a HTTP/1.1" 200 512 "-" "Browser/1.0"\n'


def tables_of(content: str | bytes) -> dict[str, pa.Table]:
    batches: list[pa.RecordBatch] = []
    content = content.encode() if isinstance(content, str) else content
    parse_access_log([io.BytesIO(content)], {}, batches.append)
    return log_tables("EX-1", "var/log/access.log", batches)


def summary(content: str | bytes) -> dict[str, Any]:
    [row] = tables_of(content)["web_logs"].to_pylist()
    return row


def test_every_line_is_a_request_or_a_defect() -> None:
    tables = tables_of(line("203.0.113.9") + "nothing of the kind\n\n" + line("203.0.113.10"))
    assert tuple(tables) == LOG_TABLES
    for name, rows in tables.items():
        assert table_named(name).checked(rows.cast(table_named(name).arrow)).num_rows
    assert tables["web_requests"]["line_number"].to_pylist() == [1, 4]
    assert [row["reason"][:8] for row in tables["defects"].to_pylist()] == ["line 2: ", "line 3: "]
    told = tables["web_logs"].to_pylist()[0]
    assert (told["lines"], told["parsed"], told["rejected"], told["clients"]) == (4, 2, 2, 2)
    assert told["log_format"] == "combined"


@pytest.mark.parametrize(("one", "others", "single"), [(96, 4, True), (95, 5, False), (1, 0, True), (951, 49, True)])
def test_a_log_of_more_than_95_percent_of_one_client_is_told(one: int, others: int, *, single: bool) -> None:
    told = summary(line("127.0.0.1") * one + "".join(line(f"203.0.113.{n}") for n in range(others)))
    assert (told["single_client"], told["largest_client"]) == (single, "127.0.0.1")
    assert told["largest_client_ppm"] == one * 1_000_000 // (one + others)
    assert told["clients"] == 1 + others


def test_logs_without_a_request() -> None:
    for content in ("", "nothing of the kind\n"):
        told = summary(content)
        assert (told["parsed"], told["single_client"], told["largest_client"], told["log_format"]) == (
            0,
            False,
            None,
            "",
        )
    assert summary(b"\x1f\x8b\x08\x00cut")["lines"] == 0
