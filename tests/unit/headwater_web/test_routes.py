"""Every route has a rule, and keeps it: asked by every role, inside and outside of the case."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from starlette.testclient import TestClient

from headwater.custody import CustodyLog
from headwater_web.answers import Page
from headwater_web.app import application
from headwater_web.headers import CONTENT_SECURITY_POLICY
from headwater_web.routes import ROUTES
from headwater_web.rules import ANYONE, CASE_READERS, SIGNED_IN, Role, Route, RouteWithoutRuleError, checked_routes

from .conftest import ORIGIN

WHO = [str(role) for role in (*Role,) if role not in {Role.PERSON, Role.NOBODY}] + ["stranger", "nobody"]
ALLOWED_TYPES = {
    "text/html",
    "application/json",
    "text/css",
    "text/javascript",
    "image/svg+xml",
    "text/csv",
    "text/plain",
    "application/pdf",
    "application/vnd.headwater.sealed",
}
REASON = {"reason": "asked for by a test"}


def address(route: Route, case: str) -> str:
    path = route.path.replace("{name:path}", "{name}")
    for name, value in (("case", case), *route.sample):
        path = path.replace("{" + name + "}", value)
    assert "{" not in path, f"{route.name}: give its path's parameters in `sample`"
    return path


def expected(route: Route, who: str) -> set[int]:
    """The kinds of answer that the rule allows: `through`, or which refusal."""
    if who == "nobody":
        return through() if Role.NOBODY in route.roles else {303, 401}
    if route.in_case:
        if who in {"stranger", "administrator"}:
            return {404}
        return through() if who in route.roles else {403}
    if route.roles == frozenset({Role.ADMINISTRATOR}) and who != "administrator":
        return {404}
    return through()


def through() -> set[int]:
    # 422: let in, and the form lacks something; 401: the step of signing in before it was not done; 406: for programs.
    return {200, 303, 401, 406, 422}


@pytest.mark.parametrize("who", WHO)
def test_each_route_lets_in_whom_its_rule_names_and_nobody_else(bench: Any, who: str) -> None:
    asker = bench.as_(who)
    for route in ROUTES:
        if route.name == "sign_out":
            continue
        for method in route.methods:
            path = address(route, bench.case)
            answer = asker.get(path) if method == "GET" else asker.post(path, REASON)
            allowed = expected(route, who)
            inside = 200 in allowed
            if inside and answer.status_code == 404:
                # Let in, and there is no such row: the page says so, with the frame of the case around it.
                assert route.in_case == ("/own/headwater.css" in answer.text), (route.name, method, who)
                continue
            assert answer.status_code in allowed, (route.name, method, who, answer.status_code)


def test_a_case_that_is_none_and_one_that_is_hidden_look_alike(bench: Any) -> None:
    stranger = bench.as_("stranger")
    for route in ROUTES:
        if route.in_case and "GET" in route.methods:
            hidden, none = stranger.get(address(route, bench.case)), stranger.get(address(route, "0" * 12))
            assert hidden.status_code == none.status_code == 404
            assert hidden.content.replace(bench.case.encode(), b"") == none.content.replace(b"0" * 12, b"")


def _route(**changes: Any) -> Route:
    plain: dict[str, Any] = {
        "name": "x", "path": "/case/{case}/x", "about": "x.", "view": lambda _: Page(template="problem.html"),
        "roles": CASE_READERS, "in_case": True, "reads": "x",
    }  # fmt: skip
    return Route(**{**plain, **changes})


@pytest.mark.parametrize("left_out", ["roles", "in_case", "reads", "about", "view"])
def test_a_route_without_a_part_of_its_rule_cannot_be_made(left_out: str) -> None:
    whole = {"name": "x", "path": "/x", "about": "x.", "view": id, "roles": ANYONE, "in_case": False, "reads": ""}
    with pytest.raises(TypeError):
        Route(**{name: value for name, value in whole.items() if name != left_out})


@pytest.mark.parametrize(
    "changes",
    [
        {"roles": frozenset()},
        {"about": " "},
        {"reads": ""},
        {"in_case": False, "reads": ""},
        {"path": "/x", "reads": ""},
        {"path": "/x", "in_case": False, "roles": SIGNED_IN},
        {"path": "/x", "in_case": False, "reads": "", "roles": CASE_READERS},
        {"roles": SIGNED_IN},
        {"roles": ANYONE},
        {"roles": CASE_READERS | {Role.ADMINISTRATOR}},
        {"methods": ("PUT",)},
        {"methods": ()},
        {"bulk": True},
        {"foreign": True},
        {"path": "/x", "in_case": False, "reads": "", "roles": SIGNED_IN, "foreign": True},
    ],
)
def test_a_route_whose_rule_makes_no_sense_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(RouteWithoutRuleError):
        checked_routes([_route(**changes)])


def test_two_routes_of_one_name_or_address_are_refused() -> None:
    with pytest.raises(RouteWithoutRuleError, match="twice"):
        checked_routes([_route(), _route(path="/case/{case}/y")])
    with pytest.raises(RouteWithoutRuleError, match="twice"):
        checked_routes([_route(), _route(name="y")])


def _everywhere(bench: Any) -> Iterator[tuple[Route, Any]]:
    for route in ROUTES:
        for who in ("nobody", "analyst", "victim-data analyst", "auditor", "administrator"):
            if "GET" in route.methods:
                yield route, bench.as_(who).get(address(route, bench.case))
            if "POST" in route.methods and route.name not in {"sign_out", "sign_in"}:
                yield route, bench.as_(who).post(address(route, bench.case), REASON)


def test_no_route_answers_with_a_still_a_video_or_a_sound(bench: Any) -> None:
    seen = set()
    for route, answer in _everywhere(bench):
        kind = answer.headers.get("content-type", "text/plain").partition(";")[0]
        seen.add(kind)
        assert kind in ALLOWED_TYPES, (route.name, kind)
        assert answer.headers["x-content-type-options"] == "nosniff"
        # A picture inside of a page would have to be the icon; inline drawings are our own charts.
        assert b"data:" not in answer.content
        assert b"<video" not in answer.content
        assert b"<audio" not in answer.content
        for part in answer.content.split(b"<img")[1:]:
            assert part.startswith(b' src="/own/icon.svg.txt"'), route.name
    assert {"text/html", "text/css", "text/csv"} <= seen


def test_every_answer_has_the_headers(bench: Any) -> None:
    for route, answer in _everywhere(bench):
        assert answer.headers["content-security-policy"] == CONTENT_SECURITY_POLICY, route.name
        assert answer.headers["cross-origin-opener-policy"] == "same-origin"
        assert answer.headers["cache-control"] == ("public, max-age=3600" if route.name == "own_file" else "no-store")
    nowhere = bench.as_("analyst").get("/no/such/address")
    assert nowhere.status_code == 404
    assert nowhere.headers["content-security-policy"] == CONTENT_SECURITY_POLICY


def _state_of(bench: Any) -> list[Any]:
    """Everything that is decided or kept, but for the access logs, which a reading is to grow."""
    rows: list[Any] = []
    store = bench.workbench.store
    with bench.workbench.cases[bench.case].acting() as case:
        for engine in (store.database, case.database):
            with engine.connect() as connection:
                names = [
                    row[0] for row in connection.exec_driver_sql("SELECT name FROM sqlite_master WHERE type='table'")
                ]
                rows += [
                    (name, connection.exec_driver_sql(f"SELECT * FROM {name}").fetchall()) for name in sorted(names)
                ]
    entries = [entry for entry in CustodyLog.open(bench.folder).entries() if entry.actor != "headwater"]
    return [*rows, len(entries), sorted(p.name for p in bench.folder.iterdir() if p.name != "access")]


def test_get_never_writes(bench: Any) -> None:
    before = _state_of(bench)
    for route in ROUTES:
        if "GET" in route.methods:
            for who in ("analyst", "auditor", "administrator", "nobody"):
                bench.as_(who).get(address(route, bench.case))
    assert _state_of(bench) == before


def test_that_something_was_written_would_be_seen(bench: Any) -> None:
    before = _state_of(bench)
    assert bench.as_("analyst").post("/language", {"language": "de"}).status_code == 303
    assert _state_of(bench) != before


def test_over_tls_a_browser_is_told_to_come_by_tls_alone(bench: Any) -> None:
    for secure in (False, True):
        client = TestClient(application(replace(bench.workbench, secure_transport=secure)), base_url=ORIGIN)
        for path in ("/sign-in", "/nowhere"):
            assert ("Strict-Transport-Security" in client.get(path).headers) is secure
