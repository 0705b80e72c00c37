"""Fifty analysts at once in the workbench, on a case of 1.8 million accounts and 10 million entries.

    scripts/demo --dir D
    .venv/bin/python bench/workbench_load.py --case D/case [--accounts N] [--entries N] [--analysts N] [--seconds N]

The case is made of the one that is given (`bench/large_case.py`). Its workbench is served on loopback by the program
that `headwater serve` becomes; each analyst asks for a page, reads for some seconds, and asks for the next: every page
that a route of the case gives, tables and leads at any place, what has an id by one drawn at random; and between them
judges a pair. Prints for each page how long it took, beside the anchor, a style sheet, which reads and records nothing;
and the memory of the server. Exit code 1 if the p95 of a page or of judging is 300 ms or more, an answer was none, or
the memory grew by more than a tenth in the second half.
"""

from __future__ import annotations

import argparse
import datetime as dt
import http.client
import os
import random
import re
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from asked_pages import JUDGEMENT, pages_of
from headwater.workflow import Case
from headwater_web.cases import CASE_DIGITS
from headwater_web.gate import COOKIE
from headwater_web.rules import Role
from headwater_web.state import Memberships, People, Sessions, open_state
from large_case import inflated

GOAL_MS = 300.0
GROWTH = 1.1
SPAN_S = 10
MOST_SENT_ON = 3
REASON = "positive.1"
HIDDEN = re.compile(r'<input type="hidden" name="(\w+)" value="([^"]*)"')


class Analyst(threading.Thread):
    """One person: asks, reads, asks again, until told to stop."""

    def __init__(self, port: int, cookie: str, pages: list[tuple[str, Any]], think_s: float, seed: int) -> None:
        super().__init__(daemon=True)
        self.port, self.cookie, self.pages, self.think_s = port, cookie, pages, think_s
        self.chance = random.Random(seed)
        self.times: list[tuple[float, str, float, int]] = []
        self.until = 0.0

    def run(self) -> None:
        time.sleep(self.chance.random() * self.think_s)
        while time.monotonic() < self.until:
            name, address = self.chance.choice(self.pages)
            given = address(self.chance) if callable(address) else address
            took, status = (self.judge if name == JUDGEMENT else self.ask)(given)
            self.times.append((time.monotonic(), name, took, status))
            time.sleep(self.chance.expovariate(1 / self.think_s))

    def ask(self, address: str) -> tuple[float, int]:
        """Milliseconds until the page is there, whatever sends somebody on included, and its status."""
        took, status, *_ = self._sent(address)
        return took, status

    def judge(self, queue: str) -> tuple[float, int]:
        """As `ask`, of a judgement of the pair that waits, which was read before, until the next pair is there."""
        _, status, text, pair = self._sent(queue)
        if status != http.HTTPStatus.OK:
            return 0.0, status
        hidden = {name: value for name, value in HIDDEN.findall(text.decode()) if name in {"token", "version"}}
        form = urlencode({**hidden, "decision": REASON, "why": "agreed by telephone"})
        took, status, *_ = self._sent(f"{pair.partition('?')[0]}/judge", form)
        return took, status

    def _sent(self, address: str, form: str = "") -> tuple[float, int, bytes, str]:
        began = time.perf_counter()
        # Whoever reads for ten seconds comes back on a new connection.
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=600)
        host = f"localhost:{self.port}"
        headers = {"Cookie": f"{COOKIE}={self.cookie}", "Host": host, "Accept": "text/html"}
        if form:
            own = {"Origin": f"http://{host}", "Content-Type": "application/x-www-form-urlencoded"}
            connection.request("POST", address, body=form, headers=headers | own)
        else:
            connection.request("GET", address, headers=headers)
        for _ in range(MOST_SENT_ON):
            answer = connection.getresponse()
            text = answer.read()
            if answer.status != http.HTTPStatus.SEE_OTHER:
                break
            address = answer.headers["Location"]
            connection.request("GET", address, headers=headers)
        connection.close()
        return (time.perf_counter() - began) * 1000, answer.status, text, address


def memory_mib(pid: int) -> tuple[float, float]:
    """Of a process: what is its own, and files of the case that it has mapped, which the system may take back."""
    text = Path(f"/proc/{pid}/status").read_text()
    own, mapped = (int(text.partition(f"{name}:")[2].split()[0]) / 1024 for name in ("RssAnon", "RssFile"))
    return own, mapped


def processor_s(pid: int) -> float:
    """Seconds of processor that a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def cookies_of(state: Path, case_id: str, analysts: int) -> list[str]:
    """A session for each of so many analysts of the case."""
    store = open_state(state)
    people, members, sessions = People(store), Memberships(store), Sessions(store)
    until = dt.datetime.now(dt.UTC) + dt.timedelta(days=1)
    found = []
    for number in range(analysts):
        people.add(f"Analyst {number}", by="bench")
        person = people.named(f"Analyst {number}")
        assert person is not None
        members.grant(person, case_id, Role.ANALYST, purpose="measured", until=until, by="bench")
        found.append(sessions.begin(person, "full"))
    store.close()
    return found


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--case", type=Path, required=True)
    parser.add_argument("--large", type=Path, help="where the large case is kept for the next time")
    parser.add_argument("--accounts", type=int, default=1_800_000)
    parser.add_argument("--entries", type=int, default=10_000_000)
    parser.add_argument("--analysts", type=int, default=50)
    parser.add_argument("--seconds", type=float, default=180.0)
    parser.add_argument("--think", type=float, default=10.0, help="seconds that an analyst reads, on average")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        large = options.large or Path(scratch) / "case"
        if not large.exists():
            inflated(options.case, large, accounts=options.accounts, entries=options.entries)
        with Case(large) as case:
            key = case.case_id.partition("-")[2][:CASE_DIGITS]
            rows = {str(o["table_name"]): int(str(o["rows"])) for o in case.current_outputs()}
            case_id = case.case_id
            pages = pages_of(case, key)
        print(f"{rows['accounts']:,} accounts, {rows['entries']:,} entries, {rows['leads']:,} leads")
        cookies = cookies_of(Path(scratch) / "state", case_id, options.analysts)
        sys.exit(measured(options, Path(scratch), large, cookies, pages))


def measured(options: Any, scratch: Path, large: Path, cookies: list[str], pages: list[tuple[str, Any]]) -> int:
    port = free_port()
    program = Path(sys.executable).with_name("headwater")
    words = ["serve", str(large), "--state", str(scratch / "state"), "--port", str(port)]
    server = subprocess.Popen([str(program), *words], stdout=subprocess.DEVNULL, text=True)
    try:
        one = Analyst(port, cookies[0], pages, 0.0, 1)
        warm_up(one, pages)
        print("warm: {:,.0f} MiB of its own, {:,.0f} MiB of mapped files".format(*memory_mib(server.pid)))
        analysts = [Analyst(port, cookie, pages, options.think, seed) for seed, cookie in enumerate(cookies)]
        began, used = time.monotonic(), processor_s(server.pid)
        for analyst in analysts:
            analyst.until = began + options.seconds
            analyst.start()
        memory = []
        while time.monotonic() < began + options.seconds:
            time.sleep(1)
            memory.append(memory_mib(server.pid))
        for analyst in analysts:
            analyst.join()
        used = processor_s(server.pid) - used
        print(f"processor: {used:.1f} s in {time.monotonic() - began:.0f} s")
        return told([row for analyst in analysts for row in analyst.times], memory)
    finally:
        server.terminate()
        server.wait(30)


def warm_up(one: Analyst, pages: list[tuple[str, Any]]) -> None:
    """Each page once, which makes what is kept; a page that is still made is asked for again."""
    until = time.monotonic() + 120
    while True:
        try:
            one.ask("/own/headwater.css")
            break
        except OSError:
            if time.monotonic() > until:
                raise SystemExit("the workbench did not begin") from None
            time.sleep(0.2)
    for name, address in dict(pages).items():
        asked = address(one.chance) if callable(address) else address
        send = one.judge if name == JUDGEMENT else one.ask
        took, status = send(asked)
        while status == http.HTTPStatus.ACCEPTED:
            time.sleep(1)
            took, status = send(asked)
        print(f"  first {name:<28} {took:10.1f} ms  {status}  {asked}")


def told(times: list[tuple[float, str, float, int]], memory: list[tuple[float, float]]) -> int:
    by_page = defaultdict(list)
    failed: dict[str, list[int]] = defaultdict(list)
    for _, name, took, status in times:
        by_page[name].append(took)
        failed[name] += [status] if status != http.HTTPStatus.OK else []
    bad = False
    for name, found in sorted(by_page.items(), key=lambda one: (one[0] != "anchor", one[0])):
        p95 = statistics.quantiles(found, n=20)[18] if len(found) > 1 else found[0]
        over = name != "anchor" and p95 >= GOAL_MS
        bad |= over or bool(failed[name])
        mark = "   ABOVE" if over else ""
        print(
            f"{name:<28} n {len(found):5}  p50 {statistics.median(found):8.1f} ms  p95 {p95:8.1f} ms  "
            f"failed {len(failed[name])} {sorted(set(failed[name])) or ''}{mark}"
        )
    half = len(memory) // 2
    times_of = {"at first": memory[:10], "at half time": memory[half : half + 10], "at the end": memory[-10:]}
    own = {when: statistics.median(found for found, _ in some) for when, some in times_of.items()}
    for when, some in times_of.items():
        print(f"memory {when}: {own[when]:,.0f} MiB of its own, {statistics.median(m for _, m in some):,.0f} mapped")
    begin = min(at for at, *_ in times)
    slow = Counter(int((at - begin) // SPAN_S) for at, _, took, _ in times if took >= GOAL_MS)
    asked = Counter(int((at - begin) // SPAN_S) for at, *_ in times)
    told_spans = " ".join(f"{slow[span]}/{asked[span]}" for span in range(max(asked) + 1))
    print(f"{len(times):,} pages; of each {SPAN_S} s, those of {GOAL_MS:.0f} ms or more: {told_spans}")
    return int(bad or own["at the end"] > own["at half time"] * GROWTH)


if __name__ == "__main__":
    main()
