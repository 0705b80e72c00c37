"""A workbench over the smallest case, with one person of every role, asked without a socket."""

from __future__ import annotations

import contextlib
import datetime as dt
import shutil
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2 as httpx
import pytest
from starlette.testclient import TestClient

from headwater_web.app import application
from headwater_web.cases import OpenCase, opened_cases
from headwater_web.gate import COOKIE
from headwater_web.rules import Role
from headwater_web.server import address_of, workbench_at
from headwater_web.state import Person, open_state
from headwater_web.workbench import Workbench

from . import money_case
from .browser import CHROMIUM, MISSING, Seen, free_port, serving, signed_in

PORT = 8765
ORIGIN = f"http://localhost:{PORT}"
PEOPLE = {
    Role.ANALYST: "A. Analyst",
    Role.VICTIM_ANALYST: "V. Analyst",
    Role.APPROVER: "P. Approver",
    Role.AUDITOR: "U. Auditor",
    Role.ADMINISTRATOR: "D. Administrator",
}
STRANGER = "S. Stranger"
"""Signed in, and a member of nothing."""


class Asker:
    """Somebody in front of a browser: asks with their cookie, and sends forms as a page of the workbench would."""

    def __init__(self, client: TestClient, bench: Workbench, person: Person | None) -> None:
        self.client, self.bench, self.person = client, bench, person
        self.cookie = bench.sessions.begin(person, "full") if person is not None else ""

    @property
    def token(self) -> str:
        session = self.bench.sessions.of(self.cookie)
        return session.form_token if session is not None else ""

    def get(self, path: str, *, as_json: bool = False, **headers: str) -> httpx.Response:
        accept = {"Accept": "application/json"} if as_json else {"Accept": "text/html"}
        return self.client.get(path, headers={**self.own_cookie, **accept, **headers}, follow_redirects=False)

    def post(self, path: str, form: dict[str, str] | None = None, **headers: str) -> httpx.Response:
        own = {"Origin": ORIGIN, "Sec-Fetch-Site": "same-origin", **self.own_cookie}
        sent = {"token": self.token, **(form or {})}
        return self.client.post(path, data=sent, headers={**own, **headers}, follow_redirects=False)

    @property
    def own_cookie(self) -> dict[str, str]:
        """The header with the cookie of the session; none for nobody."""
        return {"Cookie": f"{COOKIE}={self.cookie}"} if self.cookie else {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """The workbench, and who may ask it.

    Attributes:
        workbench: What is served.
        case: Key of its one case.
        folder: Of that case.
        askers: By role; also by name of the stranger and of nobody.
    """

    workbench: Workbench
    case: str
    folder: Path
    askers: dict[str, Asker]

    def as_(self, role: str) -> Asker:
        return self.askers[role]


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """However busy the machine is, a page is what it is and not a page that asks for patience."""
    monkeypatch.setattr(OpenCase, "patience_s", 120.0)


def made_bench(cases: list[Path], state: Path, port: int = PORT) -> Bench:
    """A workbench over these cases; each person is a member of the first."""
    address = address_of("127.0.0.1", port, "", None, None)
    workbench = workbench_at(opened_cases(cases), open_state(state), address)
    first = next(iter(workbench.cases.values()))
    until = dt.datetime.now(dt.UTC) + dt.timedelta(days=30)
    client = TestClient(application(workbench), base_url=address.url.rstrip("/"))
    askers: dict[str, Asker] = {"nobody": Asker(client, workbench, None)}
    for role, name in (*PEOPLE.items(), ("stranger", STRANGER)):
        workbench.people.add(name, by="test", administrator=role == Role.ADMINISTRATOR)
        person = workbench.people.named(name)
        assert person is not None
        if role in PEOPLE and role != Role.ADMINISTRATOR:
            workbench.members.grant(person, first.case_id, Role(role), purpose="test of it", until=until, by="test")
        askers[str(role)] = Asker(client, workbench, person)
    return Bench(workbench=workbench, case=first.key, folder=first.path, askers=askers)


@pytest.fixture
def make_bench() -> Any:
    return made_bench


@pytest.fixture
def bench(small: Any, tmp_path: Path) -> Iterator[Bench]:
    made = made_bench([small.case], tmp_path / "state")
    yield made
    made.workbench.close()


@pytest.fixture(scope="session")
def money_template(tmp_path_factory: pytest.TempPathFactory, headwater: Any) -> Path:
    """A case with money in it, made once; nobody writes to it."""
    folder = tmp_path_factory.mktemp("money")
    seizure = money_case.seized(folder)
    for step in money_case.steps(folder / "case", seizure):
        done = headwater(*step)
        assert done.status == 0, (step, done.err)
    return folder / "case"


@pytest.fixture
def money_folder(money_template: Path, tmp_path: Path) -> Path:
    """A copy of it; the evidence stays where it is."""
    with contextlib.closing(sqlite3.connect(money_template / "case.db")) as database:
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return Path(shutil.copytree(money_template, tmp_path / "money"))


@pytest.fixture
def money_bench(money_folder: Path, tmp_path: Path) -> Iterator[Bench]:
    made = made_bench([money_folder], tmp_path / "state")
    yield made
    made.workbench.close()


@pytest.fixture
def money_served(serve: Any, money_folder: Path, tmp_path: Path) -> Any:
    """The case with money, served."""
    return serve(lambda port: made_bench([money_folder], tmp_path / "state", port))


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """A workbench that Chromium can ask.

    Attributes:
        bench: The workbench.
        base: Its address, without a slash at the end.
        seen: What pages did that they should not have.
        page_of: From a role to a page on which that person has signed in; options are those of a browser context.
    """

    bench: Bench
    base: str
    seen: Seen
    page_of: Any


@pytest.fixture(scope="session")
def chromium() -> Iterator[Any]:
    """The browser, once for all tests; they share nothing but the program."""
    if CHROMIUM is None:
        pytest.skip(MISSING)
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def serve(chromium: Any) -> Iterator[Any]:
    """From a maker of a bench, which is given a port, to what is served."""
    with contextlib.ExitStack() as stack:

        def served(make: Any) -> Served:
            port = free_port()
            bench = make(port)
            stack.callback(bench.workbench.close)
            stack.enter_context(serving(bench.workbench, port))
            base = f"http://localhost:{port}"
            seen = Seen()

            def page_of(role: str, **options: Any) -> Any:
                context = chromium.new_context(base_url=base, **options)
                stack.callback(context.close)
                if role != "nobody":
                    signed_in(context, bench.as_(role), base)
                page = context.new_page()
                seen.watch(page, base)
                return page

            return Served(bench=bench, base=base, seen=seen, page_of=page_of)

        yield served


@pytest.fixture
def served(serve: Any, small: Any, tmp_path: Path) -> Served:
    """The smallest case, served."""
    made: Served = serve(lambda port: made_bench([small.case], tmp_path / "state", port))
    return made
