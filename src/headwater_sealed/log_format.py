"""Formats of access logs: nginx's `log_format` and Apache's `LogFormat` compiled to a pattern, and logs of JSON lines.

A field ends where the text behind it in the format begins, so a pattern never goes back and its time is linear in the
line. A format whose fields touch each other cannot be cut apart again and is refused.

References:
    nginx, ngx_http_log_module and the index of variables. Apache, mod_log_config, "Custom Log Formats". Caddy, "How
    Logging Works": fields of the default access log.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from functools import lru_cache
from typing import Any

from headwater_sealed.refusal import UnreadableError

__all__ = ["KNOWN_FORMATS", "LogFormat", "at_us_of", "chosen_format", "compiled", "request_columns", "shown"]

_SAMPLE_LINES = 200
_MAX_FIELDS = 64
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_MONTHS = (b"Jan", b"Feb", b"Mar", b"Apr", b"May", b"Jun", b"Jul", b"Aug", b"Sep", b"Oct", b"Nov", b"Dec")
_TIME = re.compile(rb"(\d\d)/([A-Z][a-z]{2})/(\d{4}):(\d\d):(\d\d):(\d\d) ([+-])(\d\d)(\d\d)\Z")
_SECONDS = re.compile(rb"\d{1,11}(?:\.\d{1,9})?\Z")
_REQUEST = re.compile(rb"([A-Z][A-Z_-]*+) (\S++)(?: HTTP/\d(?:\.\d)?)?\Z")

Columns = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class LogFormat:
    """A way to read a line.

    Attributes:
        name: What the log is said to be in.
        parse: The columns of a line; None where it is not in this format; with `code` where its time is none.
        is_strict: Whether a line says by this format alone that it is in it.
    """

    name: str
    parse: Callable[[bytes], Columns | None]
    is_strict: Callable[[bytes], bool]


@lru_cache(4096)
def _local(text: bytes) -> int | None:
    """Microseconds since 1970, UTC, of the local time with its zone; None if there is no such time."""
    found = _TIME.match(text)
    if found is None or found[2] not in _MONTHS:
        return None
    day, year, hour, minute, second = (int(found[group]) for group in (1, 3, 4, 5, 6))
    offset = timedelta(hours=int(found[8]), minutes=int(found[9]))
    try:
        zone = timezone(-offset if found[7] == b"-" else offset)
        at = datetime(year, _MONTHS.index(found[2]) + 1, day, hour, minute, second, tzinfo=zone)
        return (at - _EPOCH) // _MICROSECOND
    except (ValueError, OverflowError):
        return None


@lru_cache(4096)
def _iso(text: bytes) -> int | None:
    try:
        at = datetime.fromisoformat(text.decode("ascii"))
        return None if at.tzinfo is None else (at - _EPOCH) // _MICROSECOND
    except (ValueError, OverflowError):
        return None


def _seconds(text: bytes) -> int | None:
    return int(Decimal(text.decode()) * 1_000_000) if _SECONDS.match(text) else None


def _milliseconds(text: bytes) -> int | None:
    return int(text) * 1_000 if re.fullmatch(rb"\d{1,14}", text) else None


def _microseconds(text: bytes) -> int | None:
    return int(text) if re.fullmatch(rb"\d{1,17}", text) else None


_TIMES: Mapping[str, Callable[[bytes], int | None]] = {
    "local": _local,
    "iso": _iso,
    "seconds": _seconds,
    "milliseconds": _milliseconds,
    "microseconds": _microseconds,
}
_PATTERNS = {"status": rb"\d{3}", "response_bytes": rb"(?:\d{1,18}|-)"}

_NGINX: Mapping[str, str] = {
    "remote_addr": "network_address",
    "remote_user": "account_name",
    "time_local": "local",
    "time_iso8601": "iso",
    "msec": "seconds",
    "request": "request",
    "request_method": "method",
    "request_uri": "target",
    "status": "status",
    "body_bytes_sent": "response_bytes",
    "bytes_sent": "response_bytes",
    "http_x_forwarded_for": "forwarded_for",
}
_APACHE: Mapping[str, str] = {
    "h": "network_address",
    "a": "network_address",
    "u": "account_name",
    "t": "local",
    "r": "request",
    "m": "method",
    "U": "target",
    "s": "status",
    "b": "response_bytes",
    "B": "response_bytes",
    "O": "response_bytes",
}
_APACHE_TIMES = {"sec": "seconds", "msec": "milliseconds", "usec": "microseconds"}
_NGINX_FIELD = re.compile(r"\$(?:\{(\w+)\}|(\w+))")
_APACHE_FIELD = re.compile(r"%(?:[!\d,]*)[<>]?(?:\{([^}]*)\})?[<>]?(\^\w{2}|[A-Za-z])|%%")


def _nginx_parts(text: str) -> list[tuple[str, str]]:
    """Literals and fields, in turn, as (text, "") and ("", field)."""
    parts, end = [], 0
    for field in _NGINX_FIELD.finditer(text):
        name = field[1] or field[2]
        parts += [(text[end : field.start()], ""), ("", _NGINX.get(name, "other"))]
        end = field.end()
    return [*parts, (text[end:], "")]


def _apache_parts(text: str) -> list[tuple[str, str]]:
    text = text.replace('\\"', '"').replace("\\t", "\t")
    parts: list[tuple[str, str]] = []
    end = 0
    for field in _APACHE_FIELD.finditer(text):
        parts.append((text[end : field.start()], ""))
        end = field.end()
        argument, letter = field[1], field[2]
        if letter is None:
            parts.append(("%", ""))
        elif letter == "t" and argument is None:
            parts += [("[", ""), ("", "local"), ("]", "")]
        elif letter == "t":
            parts.append(("", _APACHE_TIMES.get(argument, "other")))
        elif letter == "i" and argument.lower() == "x-forwarded-for":
            parts.append(("", "forwarded_for"))
        else:
            parts.append(("", _APACHE.get(letter, "other") if argument in {None, "c"} else "other"))
    return [*parts, (text[end:], "")]


def _merged(parts: list[tuple[str, str]]) -> list[tuple[str, str]]:
    merged: list[tuple[str, str]] = []
    for literal, field in parts:
        if not literal and not field:
            continue
        if literal and merged and merged[-1][0]:
            merged[-1] = (merged[-1][0] + literal, "")
        elif field and merged and merged[-1][1]:
            raise UnreadableError("the log format has two fields with nothing between them; they cannot be told apart")
        else:
            merged.append((literal, field))
    return merged


def compiled(text: str, name: str | None = None) -> LogFormat:
    """The format that a configuration's text describes.

    Args:
        text: As nginx or Apache is given it.
        name: What to call it; the text itself unless told.

    Raises:
        UnreadableError: It names no field, or its fields touch, or it has no time or no client.
    """
    parts = _merged(_nginx_parts(text) if "$" in text else _apache_parts(text))
    fields = [field for _, field in parts if field]
    if len(fields) > _MAX_FIELDS:
        raise UnreadableError(f"the log format has more than {_MAX_FIELDS} fields")
    if "network_address" not in fields or not set(fields) & _TIMES.keys():
        raise UnreadableError("the log format names no client or no time ($remote_addr and $time_local; %h and %t)")
    pattern, kept = b"", []
    for place, (literal, field) in enumerate(parts):
        if literal:
            pattern += re.escape(literal.encode())
            continue
        following = parts[place + 1][0].encode()[:1] if place + 1 < len(parts) else b""
        is_kept = field != "other" and field not in kept
        pattern += b"(" if is_kept else b"(?:"
        pattern += _PATTERNS.get(field, _until(following)) + b")"
        kept += [field] if is_kept else []
    line = re.compile(pattern + rb"\r?\n?\Z", re.DOTALL)

    def parse(content: bytes) -> Columns | None:
        found = line.match(content)
        return None if found is None else _columns(dict(zip(kept, found.groups(), strict=True)))

    return LogFormat(name=name or text, parse=parse, is_strict=lambda content: line.match(content) is not None)


def _until(following: bytes) -> bytes:
    """What a field may hold: anything up to what follows it; a quoted one may hold escaped quotes."""
    if not following:
        return rb"[^\r\n]*+"
    if following == b'"':
        return rb'(?>(?:[^"\\]++|\\.)*)'
    return b"[^" + re.escape(following) + rb"\n]*+"


def shown(raw: bytes) -> str:
    r"""The bytes as text; those that are not UTF-8 as the log writes such bytes itself, as \xNN."""
    return raw.decode("utf-8", "backslashreplace")


def request_columns(request: bytes) -> Columns:
    """Method and target of a logged request line."""
    asked = _REQUEST.match(request)
    # What is no request (a probe in another protocol, "-") stands as it was logged, without a method.
    return {
        "method": shown(asked[1]) if asked is not None else None,
        "target": shown(asked[2] if asked is not None else request),
    }


def at_us_of(kind: str, text: bytes) -> int | None:
    """Microseconds since 1970 of a time in one of the ways to write it; None where it is no time."""
    return _TIMES[kind](text)


def _columns(found: Mapping[str, bytes]) -> Columns:
    at_us = next((_TIMES[kind](found[kind]) for kind in _TIMES if kind in found), None)
    if at_us is None:
        return {"code": "bad_time", "reason": "the time of the line is none"}
    columns: Columns = {"at_us": at_us}
    if "request" in found:
        columns |= request_columns(found["request"])
    for name in ("network_address", "method", "target", "account_name", "forwarded_for"):
        if name in found:
            columns[name] = None if found[name] in {b"-", b""} else shown(found[name])
    columns["network_address"] = shown(found["network_address"])
    columns["status"] = int(found["status"]) if "status" in found else 0
    size = found.get("response_bytes", b"-")
    columns["response_bytes"] = None if size == b"-" else int(size)
    return columns


_JSON_NAMES: Mapping[str, tuple[str, ...]] = {
    "network_address": ("remote_addr", "remote_ip", "client_ip", "clientip", "remote_host"),
    "account_name": ("remote_user", "user_id", "user"),
    "method": ("request_method", "method"),
    "target": ("request_uri", "uri", "path"),
    "status": ("status",),
    "response_bytes": ("body_bytes_sent", "bytes_sent", "size", "bytes"),
    "forwarded_for": ("http_x_forwarded_for", "x_forwarded_for", "X-Forwarded-For"),
    "time": ("time_iso8601", "ts", "msec", "@timestamp", "time_local", "timestamp", "time"),
}


def _json_columns(line: bytes) -> Columns | None:
    """The columns of a line that is a JSON object, the request in it or in an object of its own."""
    if not line.startswith(b"{"):
        return None
    try:
        whole = json.loads(line, parse_float=Decimal)
    except (ValueError, RecursionError, ArithmeticError):
        return None
    request = whole.get("request")
    inner = request if isinstance(request, dict) else {}
    headers: dict[str, Any] = inner["headers"] if isinstance(inner.get("headers"), dict) else {}
    found = {
        name: next((part[key] for key in keys for part in (whole, inner, headers) if key in part), None)
        for name, keys in _JSON_NAMES.items()
    }
    address, status = found["network_address"], found["status"]
    if not isinstance(address, str) or not re.fullmatch("[0-9]{3}", str(status)) or found["time"] is None:
        return None
    text = str(found["time"]).encode()
    at_us = next((at for kind in ("iso", "local", "seconds") if (at := _json_time(kind, text)) is not None), None)
    if at_us is None:
        return {"code": "bad_time", "reason": "the time of the line is none"}
    columns: Columns = {"at_us": at_us, "network_address": address, "status": int(str(status))}
    if isinstance(request, str):
        columns |= request_columns(request.encode())
    for name in ("method", "target", "account_name", "forwarded_for"):
        value = found[name]
        told = ", ".join(map(str, value)) if isinstance(value, list) else value
        if isinstance(told, str) and told not in {"", "-"}:
            columns[name] = told.encode("utf-8", "backslashreplace").decode()
    size = str(found["response_bytes"])
    columns["response_bytes"] = int(size) if re.fullmatch(r"[0-9]{1,18}", size) else None
    return columns


def _json_time(kind: str, text: bytes) -> int | None:
    return None if kind == "iso" and text.isdigit() else _TIMES[kind](text[:40])


_TIMED = (
    '$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent "$http_referer" "$http_user_agent"'
)
# A line of Amazon's application load balancers, in nginx's words, to the client; what follows is one field.
# source: AWS, Access logs for your Application Load Balancer, access log entries
_LOAD_BALANCER = (
    "$scheme $time_iso8601 $balancer $remote_addr:$remote_port $target $request_time $target_time $response_time "
    '$status $target_status $request_length $bytes_sent "$request" "$http_user_agent" $rest'
)
# The application log of Confluence and Jira, in nginx's words; Tomcat puts no quotes around the request.
# source: Atlassian, How to enable user access logging: %t %{X-AUSERNAME}o %I %h %r %s %Dms %b and two headers
_ATLASSIAN = (
    "[$time_local] $remote_user $thread $remote_addr $request_method $request_uri $protocol $status ${duration}ms "
    "$body_bytes_sent $http_referer $http_user_agent"
)

KNOWN_FORMATS: tuple[LogFormat, ...] = (
    compiled(_TIMED, "combined"),
    compiled('%h %l %u %t "%r" %>s %b', "common"),
    compiled('%v:%p %h %l %u %t "%r" %>s %O "%{Referer}i" "%{User-Agent}i"', "vhost_combined"),
    compiled(f'{_TIMED} "$http_x_forwarded_for"', "nginx_forwarded"),
    compiled(f'{_TIMED} "$http_x_forwarded_for" $request_time', "nginx_forwarded_timed"),
    compiled(f"{_TIMED} $request_time", "nginx_timed"),
    compiled(_LOAD_BALANCER, "aws_elb"),
    compiled(_ATLASSIAN, "atlassian"),
    LogFormat(name="json", parse=_json_columns, is_strict=lambda line: _json_columns(line) is not None),
)
"""What is tried on a log of which nobody says what it is in, in this order."""


def chosen_format(lines: list[bytes]) -> LogFormat | None:
    """The known format that most of the first lines are in, of equals the earlier; None if none fits any."""
    sample = [line for line in lines[:_SAMPLE_LINES] if line.strip()]
    counts = [(sum(map(known.is_strict, sample)), -place) for place, known in enumerate(KNOWN_FORMATS)]
    count, place = max(counts)
    return KNOWN_FORMATS[-place] if count else None
