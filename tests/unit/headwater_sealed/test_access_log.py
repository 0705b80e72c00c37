"""Access logs: a record for every line, whatever the line is."""

from __future__ import annotations

import gzip
import io
from pathlib import Path
from typing import Any

import pytest

from headwater_sealed.access_log import MAX_LINE_BYTES, parse_access_log

LINE = b'203.0.113.9 - - [01/Feb/2026:03:04:05 +0000] "GET /a?b=c HTTP/1.1" 200 512 "-" "Browser/1.0"\n'


def parsed(content: bytes, **parameters: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    parse_access_log([io.BytesIO(content)], parameters, lambda batch: found.extend(batch.to_pylist()))
    return found


def test_a_line_of_the_combined_format() -> None:
    assert parsed(LINE) == [
        {
            "line_number": 1,
            "offset_bytes": 0,
            "length_bytes": len(LINE),
            "at_us": 1_769_915_045_000_000,
            "network_address": "203.0.113.9",
            "method": "GET",
            "target": "/a?b=c",
            "status": 200,
            "response_bytes": 512,
            "account_name": None,
            "forwarded_for": None,
            "log_format": "combined",
            "code": None,
            "reason": None,
        }
    ]


@pytest.mark.parametrize(
    ("zone", "hours"), [(b"+0000", 0), (b"+0200", -2), (b"-0730", 7.5), (b"+1245", -12.75), (b"-0000", 0)]
)
def test_the_time_is_read_with_its_zone(zone: bytes, hours: float) -> None:
    [row] = parsed(LINE.replace(b"+0000", zone))
    assert row["at_us"] == 1_769_915_045_000_000 + int(hours * 3_600_000_000)


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (LINE.replace(b" - - ", b" - river.stone "), {"account_name": "river.stone"}),
        (LINE.replace(b" - - ", b" - two words "), {"account_name": "two words"}),
        (LINE.replace(b"203.0.113.9", b"2001:db8::1"), {"network_address": "2001:db8::1"}),
        (LINE.replace(b' "-" "Browser/1.0"', b""), {"status": 200}),  # the common format
        (LINE.replace(b'"Browser/1.0"', b'"Browser/1.0" "10.0.0.1" 0.004'), {"status": 200}),
        (LINE.replace(b" 512 ", b" - "), {"response_bytes": None, "status": 200}),
        (LINE.replace(b"GET /a?b=c HTTP/1.1", b"-"), {"method": None, "target": "-"}),
        (LINE.replace(b"GET /a?b=c HTTP/1.1", rb"\x16\x03\x01"), {"method": None, "target": r"\x16\x03\x01"}),
        (LINE.replace(b"/a?b=c", rb"/a\x22b"), {"target": r"/a\x22b"}),
        (LINE.replace(b"/a?b=c", rb"/a\"b"), {"target": rb"/a\"b".decode()}),
        (LINE.replace(b"/a?b=c", b"/caf\xe9/\xc3\xa9"), {"target": r"/caf\xe9/é"}),
        (LINE.replace(b"\n", b"\r\n"), {"status": 200}),
        (LINE.rstrip(), {"status": 200}),
    ],
)
def test_forms_that_servers_write(line: bytes, expected: dict[str, Any]) -> None:
    [row] = parsed(line)
    assert {name: row[name] for name in expected} == expected
    assert row["code"] is None
    assert row["length_bytes"] == len(line)


@pytest.mark.parametrize(
    ("line", "code"),
    [
        (b"\n", "empty"),
        (b"nothing of the kind\n", "malformed"),
        (LINE[:60] + b"\n", "malformed"),
        (LINE.replace(b" 200 ", b" 20x "), "malformed"),
        (LINE.replace(b"01/Feb", b"31/Feb"), "bad_time"),
        (LINE.replace(b"Feb", b"Fev"), "bad_time"),
        (LINE.replace(b"+0000", b"+9900"), "bad_time"),
        (LINE.replace(b"/a?b=c", b"/" + b"x" * MAX_LINE_BYTES), "line_too_long"),
    ],
)
def test_a_line_that_does_not_parse_is_a_record_between_the_others(line: bytes, code: str) -> None:
    content = LINE + line + LINE
    rows = parsed(content)
    assert [row["code"] for row in rows] == [None, code, None]
    assert [row["line_number"] for row in rows] == [1, 2, 3]
    assert rows[1]["reason"]
    assert content[rows[2]["offset_bytes"] :] == LINE
    assert sum(row["length_bytes"] for row in rows) == len(content)


def test_lines_do_not_depend_on_where_a_read_ends() -> None:
    content = b"".join(LINE.replace(b"/a", b"/" + b"p" * (number % 97)) for number in range(9_000))
    rows = parsed(content)
    assert len(rows) == 9_000
    assert not [row for row in rows if row["code"]]
    assert sum(row["length_bytes"] for row in rows) == len(content)


@pytest.mark.parametrize(
    ("name", "lines", "good"),
    [
        ("apache_access.log", 15, 12),
        ("aws_elb_access.log", 16, 10),
        ("confluence_access.log", 3, 3),
        ("jira_access.log", 4, 4),
    ],
)
def test_real_logs_parsed_and_rejected_are_all_lines(reference_data: Path, name: str, lines: int, good: int) -> None:
    content = (reference_data / "logs" / name).read_bytes()
    rows = parsed(content)
    assert len(rows) == lines == len(content.splitlines())
    assert sum(row["code"] is None for row in rows) == good
    assert sum(row["length_bytes"] for row in rows) == len(content)


def test_rotated_logs_are_unpacked_members_and_all() -> None:
    whole = LINE * 5_000
    packed = gzip.compress(whole[:100_000]) + gzip.compress(whole[100_000:])
    assert parsed(packed) == parsed(whole)
    assert parsed(packed + bytes(512)) == parsed(whole)


def test_a_cut_gzip_keeps_its_lines_and_says_so() -> None:
    packed = gzip.compress(b"".join(LINE.replace(b"/a", b"/%d" % (n * n)) for n in range(5_000)))
    rows = parsed(packed[: len(packed) // 2])
    assert len([row for row in rows if row["code"] is None]) > 1_000
    assert (rows[-1]["code"], rows[-1]["reason"]) == ("unreadable", "the gzip file is cut short")


def test_a_damaged_gzip_keeps_its_lines_and_says_so() -> None:
    packed = bytearray(gzip.compress(LINE * 10))
    packed[-6] ^= 1  # the checksum
    rows = parsed(bytes(packed))
    assert rows[-1]["code"] == "unreadable"
    assert "damaged" in rows[-1]["reason"]


def test_a_gzip_bomb_is_left_at_its_limit() -> None:
    packed = gzip.compress(LINE * 20_000)
    rows = parsed(packed, max_unpacked_bytes=300_000)
    assert "unpacks to more than 300000 bytes" in rows[-1]["reason"]
    assert sum(row["length_bytes"] for row in rows) < 900_000
    bomb = gzip.compress(bytes(80 * 2**20))
    assert "300 times its size" in parsed(bomb)[-1]["reason"]
