"""Access logs of a web server in nginx's combined format, consistent with the logins and uploads of the dump."""

from __future__ import annotations

import datetime as dt
import gzip
import ipaddress
import itertools
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from headwater_synth.population import Population
from headwater_synth.population_accounts import SEIZED_AT_S
from headwater_synth.population_activity import Login, Logins, Upload
from headwater_synth.seeds import stream
from headwater_synth.words import words

__all__ = ["write_access_logs"]

_ZONE = dt.timezone(dt.timedelta(hours=2))  # the server's clock is not in UTC
_ROTATED_AT_S = SEIZED_AT_S - 7 * 86_400
_OLDEST_S = SEIZED_AT_S - 21 * 86_400
_MOST_LINES = 60_000
_BUILD = "/css/site-27.css"


@dataclass(frozen=True, slots=True, order=True)
class _Line:
    at_s: int
    order: int
    text: bytes


def _combined(
    at_s: int, network_address: bytes, name: str, request: str, status: int, size_bytes: int, browser: str
) -> bytes:
    """One line; a name stands where a request was made by somebody who is logged in."""
    at = dt.datetime.fromtimestamp(at_s, tz=_ZONE)
    month = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")[at.month - 1]
    when = f"{at.day:02d}/{month}/{at:%Y:%H:%M:%S %z}"  # never the locale's name of the month
    client = ipaddress.ip_address(network_address)
    return f'{client} - {name} [{when}] "{request}" {status} {size_bytes} "-" "{browser}"'.encode()


def _visit_lines(population: Population, login: Login, rng: random.Random) -> Iterator[tuple[int, bytes]]:
    at_s, browser = login.at_ms // 1_000, words().browsers[login.device]
    nickname = population.account(login.account_key).nickname
    address = login.network_address
    yield at_s, _combined(at_s, address, "-", "GET /enter HTTP/2.0", 200, rng.randrange(2_000, 4_000), browser)
    yield at_s, _combined(at_s, address, "-", f"GET {_BUILD} HTTP/2.0", 304, 0, browser)
    yield at_s, _combined(at_s, address, nickname, "POST /enter HTTP/2.0", 302, 0, browser)
    for _ in range(rng.randrange(4)):
        at_s += rng.randrange(5, 240)
        page = rng.choice(("/", "/latest", f"/w/{rng.randrange(1, 17)}", "/account", f"/d/{rng.randrange(1, 400)}"))
        status = rng.choice((200, 200, 200, 404))
        yield (
            at_s,
            _combined(at_s, address, nickname, f"GET {page} HTTP/2.0", status, rng.randrange(900, 60_000), browser),
        )


def _upload_line(population: Population, upload: Upload) -> tuple[int, bytes]:
    account = population.account(upload.account_key)
    browser = words().browsers[upload.account_key * 7 % len(words().browsers)]
    return upload.at_s, _combined(
        upload.at_s, upload.network_address, account.nickname, "POST /put HTTP/2.0", 201, 64, browser
    )


def _damaged_lines(rng: random.Random) -> list[bytes]:
    """Lines as logs have them that no pattern fits: handshakes, empty requests, lines cut off."""
    return [
        rb'192.0.2.77 - - [25/Sep/2026:03:12:55 +0200] "\x16\x03\x01\x00\xEE\x01\x00\x00" 400 157 "-" "-"',
        b'192.0.2.78 - - [26/Sep/2026:11:01:09 +0200] "" 400 0 "-" "-"',
        b'192.0.2.79 - - [27/Sep/2026:20:44:31 +0200] "GET /latest HT',
        b"",
        b"2026/09/28 10:00:00 [warn] 812#812: *44 a client request body is buffered",
        b'192.0.2.80 - - [99/Sep/2026:00:00:00 +0200] "GET / HTTP/1.1" 200 12 "-" "-"',
        b"\xff\xfe" + rng.randbytes(9).replace(b"\n", b" ") + b" GET / HTTP/1.0",
    ]


def _lines(population: Population, logins: Logins, uploads: Sequence[Upload]) -> list[_Line]:
    rng = stream(population.seed, "access-logs")
    lines: list[_Line] = []
    order = itertools.count()
    for login in logins.since(_OLDEST_S):
        if len(lines) > _MOST_LINES:  # a large platform's log would have been rotated away
            break
        lines.extend(_Line(at_s, next(order), text) for at_s, text in _visit_lines(population, login, rng))
    until_s = lines[-1].at_s if len(lines) > _MOST_LINES else SEIZED_AT_S
    for upload in uploads:
        if _OLDEST_S <= upload.at_s < until_s:
            at_s, text = _upload_line(population, upload)
            lines.append(_Line(at_s, next(order), text))
    lines.extend(_Line(rng.randrange(_OLDEST_S, SEIZED_AT_S), next(order), text) for text in _damaged_lines(rng))
    return sorted(line for line in lines if line.at_s < SEIZED_AT_S)


def write_access_logs(folder: Path, population: Population, logins: Logins, uploads: Sequence[Upload]) -> None:
    """Write `access.log`, and `access.log.1.gz` with what is older than a week.

    Args:
        folder: Where to; it must exist.
        population: Who the accounts are.
        logins: Of which the last three weeks are in the logs.
        uploads: Likewise.
    """
    lines = _lines(population, logins, uploads)
    older = b"".join(line.text + b"\n" for line in lines if line.at_s < _ROTATED_AT_S)
    newer = b"".join(line.text + b"\n" for line in lines if line.at_s >= _ROTATED_AT_S)
    (folder / "access.log").write_bytes(newer)
    with (folder / "access.log.1.gz").open("wb") as raw, gzip.GzipFile("", "wb", 6, raw, mtime=0) as packed:
        packed.write(older)
