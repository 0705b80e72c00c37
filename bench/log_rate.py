"""MB/s of the access log reader on a generated log, beside a plain loop of one regular expression in the same run.

python bench/log_rate.py [MEGABYTES]
"""

from __future__ import annotations

import io
import random
import re
import sys
import time
from collections.abc import Callable

from headwater_sealed.access_log import parse_access_log

_LINE = re.compile(rb'(\S+) \S+ (\S+) \[([^\]]*)\] "([^"]*)" (\d{3}) (\d+|-)')
_TOLD = (
    '$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent "$http_referer" "$http_user_agent"'
)


def generated(megabytes: int, seed: int = 7) -> bytes:
    """A log in the combined format of about that size."""
    random_source = random.Random(seed)
    lines = []
    size = number = 0
    while size < megabytes * 1_000_000:
        number += 1
        second = number // 20
        clock = f"{second // 3600 % 24:02}:{second // 60 % 60:02}:{second % 60:02}"
        line = (
            f"203.0.113.{random_source.randrange(256)} - - [01/Feb/2026:{clock} +0000]"
            f' "GET /meadow/{random_source.randrange(10**6)}?page={number % 9} HTTP/1.1" 200 '
            f'{random_source.randrange(10**5)} "https://river.test/" "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) '
            f'Gecko/20100101 Firefox/128.0"\n'
        ).encode()
        lines.append(line)
        size += len(line)
    return b"".join(lines)


def _rate(content: bytes, work: Callable[[], object]) -> float:
    begun = time.perf_counter()
    work()
    return len(content) / (time.perf_counter() - begun) / 1e6


def main() -> None:
    """Prints one line a reader."""
    content = generated(int(sys.argv[1]) if len(sys.argv) > 1 else 30)
    entries: dict[str, object] = {}
    told: dict[str, object] = {"log_format": _TOLD}
    for name, work in (
        ("plain loop of one expression (anchor)", lambda: [_LINE.match(line) for line in io.BytesIO(content)]),
        ("headwater, format found out", lambda: parse_access_log([io.BytesIO(content)], entries, lambda _: None)),
        ("headwater, format told", lambda: parse_access_log([io.BytesIO(content)], told, lambda _: None)),
    ):
        print(f"{name}: {_rate(content, work):.1f} MB/s")


if __name__ == "__main__":
    main()
