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
from typing import Any, BinaryIO

import pyarrow as pa

from headwater_sealed.log_format import LogFormat, at_us_of, chosen_format, compiled, request_columns, shown
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
        field("forwarded_for", pa.string(), nullable=True),
        field("log_format", pa.string(), nullable=True),
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


def _lenient(line: bytes) -> dict[str, Any] | None:
    """The columns of a line in the combined or the common format, whatever follows them."""
    found = _LINE.match(line)
    if found is None:
        return None
    address, _identity, account, time, request, status, size = found.groups()[:7]
    at_us = at_us_of("local", time)
    if at_us is None:
        return _BAD_TIME
    return {
        "at_us": at_us,
        "network_address": shown(address),
        **request_columns(request),
        "status": int(status),
        "response_bytes": None if size == b"-" else int(size),
        "account_name": None if account == b"-" else shown(account),
    }


_BAD_TIME = {"code": "bad_time", "reason": "the time of the line is none"}
_COMBINED = LogFormat(name="combined", parse=_lenient, is_strict=lambda line: _LINE.match(line) is not None)
_MERGED = frozenset({"combined", "common"})


class _Format:
    """How the lines of one log are read: as told, or as its first lines show.

    Args:
        told: nginx's or Apache's format; None to find out.
    """

    def __init__(self, told: str | None) -> None:
        self._told = compiled(told) if told else None
        self._format: LogFormat | None = self._told

    def look_at(self, first: bytes) -> None:
        """Chooses by the beginning of the log."""
        if self._format is None:
            lines = first.split(b"\n")
            self._format = chosen_format(lines[:-1] or lines) or _COMBINED

    def parsed(self, line: bytes) -> dict[str, Any]:
        """The columns of one line, without its place."""
        assert self._format is not None
        if not line.strip():
            return {"code": "empty", "reason": "the line is empty"}
        # A log of both, or with more behind the fields of either, is one log: servers were reconfigured.
        known = _COMBINED if self._format.name in _MERGED and self._told is None else self._format
        columns = known.parse(line)
        if columns is None and self._told is None and known is not _COMBINED and known.name != "vhost_combined":
            known, columns = _COMBINED, _lenient(line)
        if columns is None:
            name = "combined or the common" if known is _COMBINED else self._format.name[:100]
            return {"code": "malformed", "reason": f"the line is not in the {name} format"}
        return columns if "code" in columns else columns | {"log_format": self._name(known)}

    def _name(self, known: LogFormat) -> str:
        return self._format.name if known is _COMBINED and self._format is not None else known.name


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
        parameters: `entries` with the one log; `log_format`, nginx's or Apache's, where it is known, else the first
            lines show it; `max_unpacked_bytes` in place of `MAX_UNPACKED_BYTES`.
        emit: Takes each batch.
    """
    entries = parameters.get("entries") or [{"file_index": 0}]
    file = Sources(files, parameters).open(entries[0])
    packed = file.read(2) == _GZIP
    file.seek(0)
    limit_bytes = int(parameters.get("max_unpacked_bytes", MAX_UNPACKED_BYTES))
    rows = Rows(ACCESS_LOG_SCHEMA, emit)
    lines = _Lines()
    reading = _Format(parameters.get("log_format"))
    number = 0

    def add(found: Iterator[tuple[int, int, bytes | None]]) -> None:
        nonlocal number
        for offset, length, content in found:
            number += 1
            if content is None:
                row = {"code": "line_too_long", "reason": f"the line is longer than {MAX_LINE_BYTES} bytes"}
            else:
                row = reading.parsed(content)
            rows.add(line_number=number, offset_bytes=offset, length_bytes=length, **row)

    try:
        for part in _unpacked(file, limit_bytes) if packed else _plain(file):
            reading.look_at(part)
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
