"""The description for programs is the routes', and what the workbench answers is what it says."""

from __future__ import annotations

import ast
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import quote

import hypothesis
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase
from hypothesis import strategies as st
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import content_type_conformance, status_code_conformance
from starlette.testclient import TestClient

import headwater_web
from headwater.schema import TABLES
from headwater_web.answers import File, Page
from headwater_web.app import application
from headwater_web.ask import Ask
from headwater_web.interfaces import INTERFACES, Interface
from headwater_web.openapi import openapi_of
from headwater_web.routes import ROUTES
from headwater_web.rules import Role, Route

from .conftest import ORIGIN
from .test_routes import REASON, address

EXAMPLES = 12
"""Of each operation; the same ones every time. The slow test has more."""
PLAUSIBLE = (
    "",
    "1",
    "yes",
    "used",
    "paid",
    "fifo",
    "pro_rata",
    "in",
    "months",
    "received",
    "tier",
    "none",
    "DE",
    "csv",
    "both",
    "2024-05-06T07:08:09Z",
    "2024-05-06",
    "9999-12-31",
    "0001-01-01",
    "9" * 40,
    "-1",
    "1e9",
    "Europe/Berlin",
    "FILES",
    "/",
    "//x",
    "analyst",
    "positive.",
    "negative.other",
    "a" * 20_000,
    "\x00",
    "[",
    "%",
    "{}",
    "[[[]]]",
    "a: &a [*a]",
    "\U0001f600",
)
"""Values that a view may do something with, which texts by chance hardly reach."""
WHO = (Role.ANALYST, Role.APPROVER, Role.AUDITOR, Role.ADMINISTRATOR)
"""Each address is asked by the first of them whom its rule lets in."""
NEEDS_MORE = {
    "second_factor_form", "password_form",  # a step of signing in before it
    "viewer_exported", "viewer_file", "grades_shown", "release_draft",  # something that somebody made, and a random id
    "money_service", "money_question", "money_sheet", "money_cluster", "money_ends", "money_token_ends",
    "content", "opened",  # media, notes of outcomes
    "review_undo_form",  # a judgement to take back
    "row", "lead_timeline",  # a combination that few examples meet
}  # fmt: skip
CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance]
SOURCES = Path(str(headwater_web.__file__)).parent


def who_asks(route: Route) -> str:
    return str(next((role for role in WHO if role in route.roles), Role.ANALYST))


def known_values(bench: Any) -> dict[str, list[str]]:
    """Values that are in the case, for parameters of paths: chance alone would find none of them."""
    analyst = bench.as_(Role.ANALYST)

    def column(table: str, name: str) -> list[str]:
        rows = analyst.get(f"/case/{bench.case}/tables/{table}/?rows=20", as_json=True).json()["rows"]
        return [str(row[name]) for row in rows] or ["none"]

    return {
        "table": [table.name for table in TABLES],
        "column": ["note", "path", "name"],
        "lead": ["1", *column("leads", "lead_id")],
        "link": column("review_queue", "link_id"),
        "service": column("endpoints", "service_id"),
        "cluster": column("address_clusters", "address_cluster_id"),
        "content": column("items", "sha256"),
        "object": [*column("accounts", "account_id"), *column("items", "item_id")],
        "name": ["headwater.css", "vendor/htmx.min.js", "manifest.json"],
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class Asking:
    """Who is asked, and what is known of the case: values for parameters of paths."""

    bench: Any
    known: dict[str, list[str]]

    def answer(self, route: Route, case: Any, draw: Any, known: bool) -> Any:  # noqa: FBT001 - drawn
        """The answer to one request that was made up, sent as a program does: signed in, with the session's token."""
        asker = self.bench.as_(who_asks(route))
        parts = dict(case.path_parameters or {})
        query, fields = dict(case.query or {}), dict(case.body) if isinstance(case.body, dict) else {}
        if known:
            parts = {name: draw(st.sampled_from(self.known.get(name, PLAUSIBLE[1:]))) for name in parts}
            # One or two at a time: of many at once one is always wrong, and the view is not reached.
            some = draw(st.lists(st.sampled_from(sorted(query)), max_size=2)) if query else []
            query = {name: draw(st.sampled_from(PLAUSIBLE)) for name in some}
            fields = {name: draw(st.sampled_from(PLAUSIBLE)) for name in fields}
        path = route.path.replace("{name:path}", "{name}")
        for name, value in (parts | {"case": self.bench.case}).items():
            path = path.replace("{" + name + "}", quote(str(value), safe=""))
        column = draw(st.sampled_from(self.known["column"]))
        asked = [(name.replace("COLUMN", column), str(value)) for name, value in query.items()]
        headers = {"Accept": "application/json", "Origin": ORIGIN, **asker.own_cookie}
        sent: dict[str, Any] = {}
        if case.method == "POST":
            fields |= {"token": asker.token} | (REASON if route.bulk else {})
            sent = _sent(route, str(case.media_type), fields)
        return asker.client.request(case.method, path, params=asked, headers=headers, follow_redirects=False, **sent)


def _sent(route: Route, media_type: str, fields: dict[str, Any]) -> dict[str, Any]:
    if media_type == "application/json":
        return {"json": fields}
    files = INTERFACES.get(route.name, Interface()).files
    texts = {name: str(value) for name, value in fields.items() if name not in files}
    if media_type != "multipart/form-data":
        return {"data": texts}
    contents = {name: value if isinstance(value, bytes) else str(value).encode() for name, value in fields.items()}
    return {"data": texts, "files": {name: (f"{name}.json", contents.get(name, b"{}")) for name in files}}


def faults_of(route: Route, operation: Any, asking: Asking, examples: int) -> tuple[list[str], set[int]]:
    """What of the answers to made-up requests is not as described, and which statuses were seen."""
    faults: dict[str, str] = {}
    statuses: set[int] = set()

    @hypothesis.settings(
        max_examples=examples, derandomize=True, database=None, phases=(Phase.generate,),
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @hypothesis.given(operation.as_strategy(), st.booleans(), st.data())
    def ask(case: Any, known: bool, draws: Any) -> None:  # noqa: FBT001 - drawn
        answer = asking.answer(route, case, draws.draw, known)
        statuses.add(answer.status_code)
        try:
            case.validate_response(answer, checks=CHECKS)
        except* Exception as group:  # noqa: BLE001 - whatever a check says is told at the end, with all the others
            for error in group.exceptions:
                faults.setdefault(f"{type(error).__name__} {answer.status_code}", f"{answer.request.url} {error}")
        if "<html" in answer.text[:500].lower() and "text/html" not in INTERFACES.get(route.name, Interface()).gives:
            faults.setdefault("a page", str(answer.request.url))

    ask()
    return [f"{route.name} {operation.method}: {kind}: {told[:600]}" for kind, told in faults.items()], statuses


def operations(routes: Sequence[Route]) -> Iterator[tuple[Route, Any]]:
    schema = schemathesis.openapi.from_dict(openapi_of(routes))
    for route in routes:
        for method in route.methods:
            yield route, schema[route.path.replace("{name:path}", "{name}")][method]


def everything_asked(
    bench: Any, examples: int, routes: Sequence[Route] = ROUTES
) -> tuple[list[str], dict[str, set[int]]]:
    asking = Asking(bench=bench, known=known_values(bench))
    found: list[str] = []
    seen: dict[str, set[int]] = {}
    for route, operation in operations(routes):
        if route.name != "sign_out":  # nobody would be signed in for the rest
            faults, statuses = faults_of(route, operation, asking, examples)
            found += faults
            seen.setdefault(route.name, set()).update(statuses)
    return found, seen


def test_every_answer_is_as_described_whatever_is_asked(bench: Any) -> None:
    found, seen = everything_asked(bench, EXAMPLES)
    assert not found, "\n".join(found)
    # What is asked gets to the views: every screen was shown but those that need what the smallest case has not.
    asked_for = {route.name for route in ROUTES if route.name in seen and "GET" in route.methods}
    assert {name for name in asked_for if not seen[name] & {200, 202, 303, 406}} <= NEEDS_MORE
    forms = [route.name for route in ROUTES if route.name in seen and route.methods == ("POST",)]
    assert not [name for name in forms if seen[name] <= {400, 403, 413, 415}]


def test_the_same_of_money(money_bench: Any) -> None:
    routes = [route for route in ROUTES if route.name.startswith("money")]
    found, seen = everything_asked(money_bench, EXAMPLES, routes)
    assert not found, "\n".join(found)
    assert {route.name for route in routes if not seen[route.name] & {200, 422}} <= {"money_question"}  # a random id


@pytest.mark.slow
def test_the_same_with_many_more_examples(bench: Any) -> None:
    found, _ = everything_asked(bench, 150)
    assert not found, "\n".join(found)


def _view_that_breaks(_: Ask) -> Page:
    raise ZeroDivisionError


@pytest.mark.parametrize(
    ("view", "fault"),
    [
        (_view_that_breaks, "ServerError 500"),
        (lambda _: Page(template="", as_json={}, status=418), "UndefinedStatusCode 418"),
        (lambda _: File(content=b"<!doctype html><html>", media_type="text/html"), "UndefinedContentType 200"),
        (lambda _: File(content=b"<!doctype html><html>", media_type="text/html"), "a page"),
    ],
)
def test_an_answer_that_is_not_as_described_is_found(
    bench: Any, view: Any, fault: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    changed = replace(next(route for route in ROUTES if route.name == "cases"), view=view)
    client = TestClient(application(replace(bench.workbench, routes=(changed,))), base_url=ORIGIN)
    monkeypatch.setattr(bench.as_(Role.ANALYST), "client", client)
    [(route, operation)] = operations([changed])
    faults, _ = faults_of(route, operation, Asking(bench=bench, known={"column": ["name"]}), 2)
    assert [told for told in faults if f": {fault}:" in told], faults


def literals(source: str, *called: str) -> set[str]:
    """First arguments, where they stand there as they are, of calls such as `ask.one("first")`."""
    return {
        node.args[0].value
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Call) and ast.unparse(node.func) in called and node.args
        and isinstance(node.args[0], ast.Constant)
    }  # fmt: skip


def test_every_name_that_code_asks_for_is_described() -> None:
    source = "\n".join(path.read_text(encoding="utf-8") for path in sorted((SOURCES / "screens").glob("*.py")))
    known = INTERFACES.values()
    described = {
        ("ask.one", "ask.query.get"): {name for one in known for name in (*one.texts, *one.numbers)},
        ("ask.number",): {name for one in known for name in one.numbers},
        ("ask.form.get",): {name for one in known for name in one.fields},
        ("ask.files.get",): {name for one in known for name in one.files},
    }
    for called, names in described.items():
        asked = literals(source, *called)
        assert asked, called
        assert asked <= names, (called, asked - names)
    assert set(INTERFACES) <= {route.name for route in ROUTES}


def test_no_view_reads_a_parameter_that_its_route_does_not_describe(
    bench: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: set[tuple[str, str]] = set()
    one = Ask.one
    monkeypatch.setattr(
        Ask, "one", lambda ask, name, *more: (read.add((ask.route.name, name)), one(ask, name, *more))[1]
    )
    for route in ROUTES:
        for method in route.methods:
            asker = bench.as_(who_asks(route))
            path = address(route, bench.case)
            _ = asker.get(path) if method == "GET" else asker.post(path, REASON) if route.name != "sign_out" else None
    named = {(name, text) for name, takes in INTERFACES.items() for text in (*takes.texts, *takes.numbers)}
    assert len(read) > 20
    assert not read - named


def test_the_description_is_given_to_whoever_has_signed_in(bench: Any) -> None:
    told = bench.as_(Role.ANALYST).get("/api.json", as_json=True).json()
    assert told == json.loads(json.dumps(openapi_of(ROUTES)))
    assert told["paths"]["/case/{case}/leads/"]["get"]["x-roles"] == ["analyst", "approver", "victim-data analyst"]
    assert bench.as_("nobody").get("/api.json", as_json=True).status_code == 401
