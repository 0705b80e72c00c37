"""Formats of access logs: compiled from what servers are given, or found out from the first lines."""

from __future__ import annotations

import io
import json
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from headwater_sealed.access_log import parse_access_log
from headwater_sealed.log_format import chosen_format, compiled
from headwater_sealed.refusal import UnreadableError

AT_US = 1_769_915_045_000_000
COMBINED = '203.0.113.9 - - [01/Feb/2026:03:04:05 +0000] "GET /a HTTP/1.1" 200 512 "-" "Browser/1.0"'
CADDY = json.dumps(
    {
        "level": "info",
        "ts": 1769915045.25,
        "logger": "http.log.access",
        "request": {
            "remote_ip": "203.0.113.9",
            "method": "GET",
            "uri": "/a",
            "headers": {"X-Forwarded-For": ["198.51.100.7"]},
        },
        "user_id": "",
        "size": 512,
        "status": 200,
    }
)
NGINX_JSON = (
    '{"time_iso8601":"2026-02-01T05:04:05+02:00","remote_addr":"203.0.113.9","request":"GET /a HTTP/1.1",'
    '"status":"200","body_bytes_sent":"512","http_x_forwarded_for":"-"}'
)


def parsed(content: str, **parameters: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    parse_access_log([io.BytesIO(content.encode())], parameters, lambda batch: found.extend(batch.to_pylist()))
    return found


@pytest.mark.parametrize(
    ("line", "name", "forwarded_for"),
    [
        (COMBINED, "combined", None),
        (COMBINED.removesuffix(' "-" "Browser/1.0"'), "common", None),
        (f"river.test:443 {COMBINED}", "vhost_combined", None),
        (f'{COMBINED} "198.51.100.7"', "nginx_forwarded", "198.51.100.7"),
        (f'{COMBINED} "-"', "nginx_forwarded", None),
        (f"{COMBINED} 0.004", "nginx_timed", None),
        (f'{COMBINED} "198.51.100.7, 10.0.0.1" 0.004', "nginx_forwarded_timed", "198.51.100.7, 10.0.0.1"),
        (CADDY, "json", "198.51.100.7"),
        (NGINX_JSON, "json", None),
    ],
)
def test_a_log_shows_its_format(line: str, name: str, forwarded_for: str | None) -> None:
    rows = parsed(f"{line}\n" * 3)
    assert [row["code"] for row in rows] == [None] * 3
    row = rows[1]
    assert (row["log_format"], row["network_address"], row["forwarded_for"]) == (name, "203.0.113.9", forwarded_for)
    assert (row["method"], row["target"], row["status"], row["response_bytes"]) == ("GET", "/a", 200, 512)
    assert row["at_us"] == AT_US + (250_000 if line is CADDY else 0)


@pytest.mark.parametrize(
    ("told", "line", "expected"),
    [
        (
            "$remote_addr|$time_iso8601|$request_method|$request_uri|$status",
            "203.0.113.9|2026-02-01T03:04:05+00:00|GET|/a|200",
            {},
        ),
        (
            '${msec} ${remote_addr} "$request" $status $bytes_sent',
            '1769915045.000 203.0.113.9 "GET /a HTTP/2.0" 200 512',
            {},
        ),
        (
            "$http_x_forwarded_for;$remote_addr;$msec;$request;$status",
            "198.51.100.7;203.0.113.9;1769915045.000;GET /a HTTP/1.1;200",
            {"forwarded_for": "198.51.100.7"},
        ),
        (
            '%{X-Forwarded-For}i %a %l %u %t \\"%r\\" %>s %b',
            '198.51.100.7 203.0.113.9 - - [01/Feb/2026:03:04:05 +0000] "GET /a HTTP/1.1" 200 -',
            {"forwarded_for": "198.51.100.7", "response_bytes": None},
        ),
        ("%{usec}t %h %m %U %>s %D %%", "1769915045000000 203.0.113.9 GET /a 200 77 %", {}),
        (
            '%h %u %t \\"%r\\" %400,501{User-Agent}i %s',
            '203.0.113.9 river [01/Feb/2026:03:04:05 +0000] "GET /a HTTP/1.1" - 200',
            {"account_name": "river"},
        ),
    ],
)
def test_a_format_that_is_told(told: str, line: str, expected: dict[str, Any]) -> None:
    rows = parsed(f"{line}\n{COMBINED}\n", log_format=told)
    wanted = {
        "at_us": AT_US,
        "network_address": "203.0.113.9",
        "method": "GET",
        "target": "/a",
        "status": 200,
    } | expected
    assert {name: rows[0][name] for name in wanted} == wanted
    assert rows[0]["log_format"] == told
    assert rows[1]["code"] == "malformed", "a format that somebody states is the only one"


@pytest.mark.parametrize(
    ("told", "reason"),
    [
        ("$remote_addr$time_local", "nothing between them"),
        ("$remote_addr $status", "no client or no time"),
        ("plain words", "no client or no time"),
        ("$remote_addr $time_local " + "$a " * 80, "more than 64 fields"),
    ],
)
def test_a_format_that_cannot_be_cut_apart_is_refused(told: str, reason: str) -> None:
    with pytest.raises(UnreadableError, match=reason):
        compiled(told)


def test_most_of_the_first_lines_decide_and_the_others_are_read_or_rejected() -> None:
    lines = [f'{COMBINED} "198.51.100.{n}"' for n in range(5)] + [COMBINED, "nothing of the kind"]
    rows = parsed("\n".join(lines) + "\n")
    assert Counter(row["code"] for row in rows) == {None: 6, "malformed": 1}
    assert Counter(row["log_format"] for row in rows) == {"nginx_forwarded": 6, None: 1}
    assert sum(row["length_bytes"] for row in rows) == len("\n".join(lines)) + 1


@pytest.mark.parametrize(
    "line", ["{", "{}", "[1]", '{"status": 9' + "9" * 5_000 + "}", '{"ts": 1e999999, "status": 200}', "{" * 60_000]
)
def test_lines_that_are_almost_json_are_rejected(line: str) -> None:
    rows = parsed(f"{CADDY}\n{line}\n{CADDY}\n")
    assert [row["code"] for row in rows] == [None, "malformed", None]


def test_the_time_of_a_hostile_line_is_linear() -> None:
    told = '$remote_addr "$request" "$http_referer" "$http_user_agent" "$a" "$b" [$time_local]'
    begun = time.process_time()
    for line in ("\\" * 60_000, '"' * 60_000, 'x "' + '\\"' * 30_000, 'x "" ' * 12_000, "x [" * 20_000):
        assert parsed(line, log_format=told)[0]["code"] == "malformed"
        assert parsed(f"{line}\n")[0]["code"] == "malformed"
    assert time.process_time() - begun < 5


def test_the_log_of_a_load_balancer_is_told(reference_data: Path) -> None:
    lines = (reference_data / "logs" / "aws_elb_access.log").read_bytes().split(b"\n")
    chosen = chosen_format(lines)
    assert chosen is not None
    assert chosen.name == "aws_elb"
    assert sum(chosen.parse(line) is not None for line in lines) >= 10
