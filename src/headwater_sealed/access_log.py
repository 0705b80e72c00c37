"""The job `parse_access_log`: one record a line of a web server's log, the lines that do not parse among them.

References:
    nginx, module ngx_http_log_module: the format `combined` and its escapes. Apache, mod_log_config: the same format
    under that name, and the common log format, which leaves the last two fields out.
    RFC 1952: gzip, whose members may follow each other.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta, timezone
from functools import lru_cache
from typing import Any, BinaryIO

import pyarrow as pa

from headwater_sealed.refusal import UnreadableError
from headwater_sealed.rows import Emit, Rows, field
from headwater_sealed.sources import Sources

__all__ = ["ACCESS_LOG_SCHEMA", "MAX_LINE_BYTES", "MAX_UNPACKED_BYTES", "parse_access_log"]

MAX_LINE_BYTES = 64 * 1024
"""nginx keeps a request's line and headers in buffers of 8 KiB unless told otherwise; escapes make four of one."""

MAX_UNPACKED_BYTES = 64 * 1024**3
_MAX_RATIO = 300  # logs of one repeated line pack about 100 to 1; gzip ends at 1032 to 1
_RATIO_FROM_BYTES = 64 * 1024**2
_READ_BYTES = 256 * 1024
_GZIP = b"\x1f\x8b"

ACCESS_LOG_SCHEMA = pa.schema(
    [
        field("line_number", pa.int64()),
        field("offset_bytes", pa.int64()),
        field("length_bytes", pa.int64()),
        field("at_us", pa.int64(), nullable=True),
        field("network_address", pa.string(), nullable=True),
        field("method", pa.string(), nullable=True),
        field("target", pa.string(), nullable=True),
        field("status", pa.int64(), nullable=True),
        field("response_bytes", pa.int64(), nullable=True),
        field("account_name", pa.string(), nullable=True),
        field("code", pa.string(), nullable=True),
        field("reason", pa.string(), nullable=True),
    ]
)

_QUOTED = rb'"((?>(?:[^"\\]++|\\.)*))"'
_LINE = re.compile(
    rb"(\S++) (\S++) ((?>(?:(?! \[)[^\n])+)) \[([^\]]*+)\] " + _QUOTED + rb" (\d{3}) (\d{1,18}|-)(?>(?: "
    + _QUOTED + rb" " + _QUOTED + rb"[^\n]*+)?)\s*+\Z",
    re.DOTALL,
)  # fmt: skip
_REQUEST = re.compile(rb"([A-Z][A-Z_-]*+) (\S++)(?: HTTP/\d(?:\.\d)?)?\Z")
_TIME = re.compile(rb"(\d\d)/([A-Z][a-z]{2})/(\d{4}):(\d\d):(\d\d):(\d\d) ([+-])(\d\d)(\d\d)\Z")
_MONTHS = (b"Jan", b"Feb", b"Mar", b"Apr", b"May", b"Jun", b"Jul", b"Aug", b"Sep", b"Oct", b"Nov", b"Dec")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SECOND = timedelta(seconds=1)


@lru_cache(4096)
def _at_us(text: bytes) -> int | None:
    """Microseconds since 1970, UTC, of the local time with its zone; None if there is no such time."""
    found = _TIME.match(text)
    if found is None or found[2] not in _MONTHS:
        return None
    day, year, hour, minute, second = (int(found[group]) for group in (1, 3, 4, 5, 6))
    offset = timedelta(hours=int(found[8]), minutes=int(found[9]))
    try:
        zone = timezone(-offset if found[7] == b"-" else offset)
        at = datetime(year, _MONTHS.index(found[2]) + 1, day, hour, minute, second, tzinfo=zone)
    except ValueError:
        return None
    return (at - _EPOCH) // _SECOND * 1_000_000


def _text(raw: bytes) -> str:
    r"""The bytes as text; those that are not UTF-8 as the log writes such bytes itself, as \xNN."""
    return raw.decode("utf-8", "backslashreplace")


def _parsed(line: bytes) -> dict[str, Any]:
    """The columns of one line, without its place."""
    found = _LINE.match(line)
    if found is None:
        if not line.strip():
            return {"code": "empty", "reason": "the line is empty"}
        return {"code": "malformed", "reason": "the line is not in the combined or the common format"}
    address, _identity, account, time, request, status, size = found.groups()[:7]
    at_us = _at_us(time)
    if at_us is None:
        return {"code": "bad_time", "reason": "the time of the line is none"}
    asked = _REQUEST.match(request)
    return {
        "at_us": at_us,
        "network_address": _text(address),
        # What is no request (a probe in another protocol, "-") stands as it was logged, without a method.
        "method": _text(asked[1]) if asked is not None else None,
        "target": _text(asked[2] if asked is not None else request),
        "status": int(status),
        "response_bytes": None if size == b"-" else int(size),
        "account_name": None if account == b"-" else _text(account),
    }


def _members(file: BinaryIO) -> Iterator[tuple[bytes, int]]:
    """Unpacked parts of a gzip file of one member or several, and how many packed bytes were read by then."""
    stream = zlib.decompressobj(wbits=31)
    packed, pending = 0, b""
    while pending or (pending := file.read(_READ_BYTES)):
        packed = file.tell()
        if stream.eof:
            if not pending.startswith(_GZIP[: len(pending)]):
                if pending.strip(b"\0"):  # tape blocks and some tools fill up with zeros
                    raise UnreadableError("bytes that are not gzip follow the last member")
                pending = b""
                continue
            stream = zlib.decompressobj(wbits=31)
        part = stream.decompress(pending, _READ_BYTES)
        pending = stream.unused_data if stream.eof else stream.unconsumed_tail
        yield part, packed
    if not stream.eof:
        raise UnreadableError("the gzip file is cut short")


def _unpacked(file: BinaryIO, limit_bytes: int) -> Iterator[bytes]:
    """The content of a gzip file.

    Raises:
        UnreadableError: It is damaged or cut short, or grows beyond what a log does.
    """
    unpacked = 0
    try:
        for part, packed in _members(file):
            unpacked += len(part)
            if unpacked > limit_bytes:
                raise UnreadableError(f"the gzip file unpacks to more than {limit_bytes} bytes")
            if unpacked > max(_RATIO_FROM_BYTES, packed * _MAX_RATIO):
                raise UnreadableError(f"the gzip file unpacks to more than {_MAX_RATIO} times its size")
            yield part
    except zlib.error as error:
        raise UnreadableError(f"the gzip file is damaged behind unpacked byte {unpacked}") from error


def _plain(file: BinaryIO) -> Iterator[bytes]:
    while part := file.read(_READ_BYTES):
        yield part


class _Lines:
    """Cuts parts into lines, each with its place; of a line that is too long only the length is kept."""

    def __init__(self) -> None:
        self._kept = b""
        self._dropped_bytes = 0
        self._offset = 0

    def of(self, part: bytes) -> Iterator[tuple[int, int, bytes | None]]:
        """Offset, length with the line's end, and the line (None if it is too long)."""
        first, *others = part.split(b"\n")
        if not others:
            self._keep(first)
            return
        self._keep(first)
        yield self._line(end_bytes=1)
        for content in others[:-1]:
            self._keep(content)
            yield self._line(end_bytes=1)
        self._keep(others[-1])

    def rest(self) -> Iterator[tuple[int, int, bytes | None]]:
        """The last line, if nothing ends it."""
        if self._kept or self._dropped_bytes:
            yield self._line(end_bytes=0)

    def _keep(self, content: bytes) -> None:
        if self._dropped_bytes or len(self._kept) + len(content) > MAX_LINE_BYTES:
            self._dropped_bytes += len(self._kept) + len(content)
            self._kept = b""
        else:
            self._kept += content

    def _line(self, *, end_bytes: int) -> tuple[int, int, bytes | None]:
        offset = self._offset
        length = (self._dropped_bytes or len(self._kept)) + end_bytes
        content = None if self._dropped_bytes else self._kept
        self._kept, self._dropped_bytes = b"", 0
        self._offset = offset + length
        return offset, length, content

    @property
    def offset_bytes(self) -> int:
        """Where the next line begins."""
        return self._offset


def parse_access_log(files: Sequence[BinaryIO], parameters: Mapping[str, Any], emit: Emit) -> None:
    """One record a line, in order; one more, of no length, where the log cannot be read on.

    Offsets are in the log itself; in a gzip file, in what it unpacks to. Lengths are with the line's end, so that they
    sum to the log.

    Args:
        files: The log, or the image that holds it.
        parameters: `entries` with the one log; `max_unpacked_bytes` in place of `MAX_UNPACKED_BYTES`.
        emit: Takes each batch.
    """
    entries = parameters.get("entries") or [{"file_index": 0}]
    file = Sources(files, parameters).open(entries[0])
    packed = file.read(2) == _GZIP
    file.seek(0)
    limit_bytes = int(parameters.get("max_unpacked_bytes", MAX_UNPACKED_BYTES))
    rows = Rows(ACCESS_LOG_SCHEMA, emit)
    lines = _Lines()
    number = 0

    def add(found: Iterator[tuple[int, int, bytes | None]]) -> None:
        nonlocal number
        for offset, length, content in found:
            number += 1
            if content is None:
                row = {"code": "line_too_long", "reason": f"the line is longer than {MAX_LINE_BYTES} bytes"}
            else:
                row = _parsed(content)
            rows.add(line_number=number, offset_bytes=offset, length_bytes=length, **row)

    try:
        for part in _unpacked(file, limit_bytes) if packed else _plain(file):
            add(lines.of(part))
        add(lines.rest())
    except UnreadableError as error:
        add(lines.rest())
        rows.add(
            line_number=number + 1,
            offset_bytes=lines.offset_bytes,
            length_bytes=0,
            code="unreadable",
            reason=error.reason,
        )
    rows.close()
