"""Signing in at an identity provider: the whole way through the gate, and each way in which it must not work."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from headwater_web.gate import BEGUN_COOKIE, COOKIE
from headwater_web.identity_provider import IdentityProvider
from headwater_web.state.begun import BEGUN_MINUTES
from headwater_web.state.bindings import sub_digest
from headwater_web.state.throttle import FAILURES
from headwater_web.totp import STEP_S, code_of_step

from .identity import ISSUER, SUB, by_hand, claims_of, provider_of, signed, with_public_key_as_secret

PASSWORD = "four calm rivers meet"
SECRET = b"12345678901234567890"
FROM_ELSEWHERE = {"Origin": ISSUER.rpartition("/")[0], "Sec-Fetch-Site": "cross-site"}


@pytest.fixture
def provider(tmp_path: Path) -> IdentityProvider:
    return provider_of(tmp_path / "provider")


class Way:
    """One browser on its way to the provider and back."""

    def __init__(self, bench: Any) -> None:
        self.bench, self.cookies = bench, dict[str, str]()
        self.client = bench.as_("nobody").client
        self.state = self.nonce = ""

    def post(self, path: str, form: dict[str, str], **headers: str) -> Any:
        own = {"Origin": "http://localhost:8765", "Sec-Fetch-Site": "same-origin"}
        if self.cookies and headers != FROM_ELSEWHERE:
            own["Cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        answer = self.client.post(path, data=form, headers={**own, **headers}, follow_redirects=False)
        for header in answer.headers.get_list("set-cookie"):
            name, _, rest = header.partition("=")
            assert "; HttpOnly" in rest
            assert "; SameSite=strict" in rest
            assert "; Secure" in rest
            assert "Domain" not in rest
            self.cookies[name] = rest.partition(";")[0].strip('"')
        return answer

    def begin(self, then: str = "/") -> Any:
        answer = self.post("/oidc/begin", {"next": then}, Accept="application/json")
        asked = parse_qs(urlsplit(answer.json()["to"]).query)
        self.state, self.nonce = asked["state"][0], asked["nonce"][0]
        return answer

    def come_back(self, token: str = "", **form: str) -> Any:
        sent = {"state": self.state, "id_token": token or signed(claims_of(self.nonce)), **form}
        return self.post("/oidc/return", sent, **FROM_ELSEWHERE)

    def finish(self, came_back: Any) -> Any:
        _, found, rest = came_back.text.partition('name="handle" value="')
        return self.post("/oidc/finish", {"handle": rest.partition('"')[0] if found else ""})

    @property
    def is_in(self) -> bool:
        cookie = {"Cookie": f"{COOKIE}={self.cookies.get(COOKIE, '')}"}
        return bool(self.client.get("/", headers=cookie, follow_redirects=False).status_code == 200)


@pytest.fixture
def offered(bench: Any, provider: IdentityProvider) -> Iterator[Any]:
    """The workbench with the provider, and the analyst bound there."""
    bench.workbench.provider = provider
    bench.workbench.return_address = "http://localhost:8765/oidc/return"
    bench.workbench.bindings.bind(bench.as_("analyst").person, ISSUER, SUB, by="D. Administrator")
    return bench


def _last(bench: Any) -> Any:
    *_, entry = bench.workbench.store.log.entries()
    return entry


def test_the_browser_goes_there_comes_back_and_is_in(offered: Any) -> None:
    way = Way(offered)
    page = way.client.get("/sign-in?next=/account", headers={"Accept": "text/html"}).text
    assert "Sign in at Unit" in page
    way.begin("/account")
    begun = way.cookies[BEGUN_COOKIE]
    back = way.come_back()
    assert back.status_code == 200
    assert "A. Analyst" in back.text
    assert "a.nalyst" in back.text
    assert "set-cookie" not in back.headers, "what a stranger's form brought opens nothing"
    assert not way.is_in
    done = way.finish(back)
    assert (done.status_code, done.headers["location"]) == (303, "/account")
    assert way.is_in
    assert way.cookies[BEGUN_COOKIE] == ""
    entry = _last(offered)
    assert (entry.event, entry.actor) == ("opened", "A. Analyst")
    assert entry.justification == f"signed in: oidc at {ISSUER}, {sub_digest(SUB)}"
    assert SUB not in entry.justification
    assert way.cookies[COOKIE] != begun


def test_the_page_that_leads_there_needs_no_script_and_no_wider_policy(offered: Any) -> None:
    answer = Way(offered).post("/oidc/begin", {"next": "/"}, Accept="text/html")
    assert answer.status_code == 200
    assert f'<meta http-equiv="refresh" content="0;url={ISSUER}/authorize?' in answer.text
    assert f'href="{ISSUER}/authorize?' in answer.text
    assert "form-action 'self';" in answer.headers["content-security-policy"]


def test_nobody_is_led_elsewhere_afterwards(offered: Any) -> None:
    way = Way(offered)
    way.begin("//elsewhere.example/")
    assert way.finish(way.come_back()).headers["location"] == "/"


def test_a_form_from_elsewhere_begins_and_finishes_nothing(offered: Any) -> None:
    way = Way(offered)
    assert way.post("/oidc/begin", {}, **FROM_ELSEWHERE).status_code == 403
    way.begin()
    back = way.come_back()
    handle = back.text.partition('name="handle" value="')[2].partition('"')[0]
    assert way.post("/oidc/finish", {"handle": handle}, **FROM_ELSEWHERE).status_code == 403
    assert not way.is_in


BAD: dict[str, tuple[Callable[[str], str], str]] = {
    "issuer": (lambda nonce: signed(claims_of(nonce, iss="https://another.example")), "of another issuer"),
    "audience": (lambda nonce: signed(claims_of(nonce, aud="another")), "another audience"),
    "nonce": (lambda _: signed(claims_of("another")), "another nonce"),
    "expired": (lambda nonce: signed(claims_of(nonce, exp=1)), "has expired"),
    "future": (lambda nonce: signed(claims_of(nonce, iat=2**33)), "of the future"),
    "acr": (lambda nonce: signed(claims_of(nonce, acr=None)), "level demanded"),
    "none": (
        lambda nonce: by_hand({"alg": "none", "kid": "rsa-1"}, claims_of(nonce), lambda _: b""),
        "algorithm that is not",
    ),
    "HS256": (
        lambda nonce: by_hand({"alg": "HS256", "kid": "rsa-1"}, claims_of(nonce), with_public_key_as_secret),
        "algorithm that is not",
    ),
    "kid": (lambda nonce: signed(claims_of(nonce), kid="rsa-2"), "key that is not known"),
    "signature": (lambda nonce: signed(claims_of(nonce)).rpartition(".")[0] + ".AAAA", "signature does not hold"),
}  # fmt: skip


def test_a_token_that_is_not_right_opens_nothing_and_uses_the_sign_in_up(offered: Any) -> None:
    for made, why in BAD.values():
        way = Way(offered)
        way.begin()
        back = way.come_back(made(way.nonce))
        assert back.status_code == 401, why
        assert SUB not in back.text
        entry = _last(offered)
        assert entry.event == "failed"
        assert entry.justification == f"sign-in: oidc at {ISSUER}"
        assert entry.outcome.startswith("refused: "), why
        assert why in entry.outcome
        assert way.come_back().status_code == 401, "a good token is too late, too"
        assert way.finish(back).status_code == 401
        assert not way.is_in
    way = Way(offered)
    way.begin()
    assert way.finish(way.come_back()).status_code == 303, "and none of it keeps others out"


def test_what_came_back_once_comes_back_no_more(offered: Any) -> None:
    way = Way(offered)
    way.begin()
    token = signed(claims_of(way.nonce))
    back = way.come_back(token)
    assert way.come_back(token).status_code == 401, "before it is finished"
    assert way.finish(back).status_code == 303
    assert way.come_back(token).status_code == 401, "and after"
    assert _last(offered).outcome == "refused: no such sign-in, or used before"
    del way.cookies[COOKIE]
    assert way.finish(back).status_code == 401


def test_another_browser_finishes_nothing_and_the_first_can_no_more(offered: Any) -> None:
    way, other = Way(offered), Way(offered)
    way.begin()
    other.begin()
    back = way.come_back()
    answer = other.finish(back)
    assert answer.status_code == 403
    assert "another browser" in answer.text
    assert not other.is_in
    entry = _last(offered)
    assert (entry.actor, entry.outcome) == ("A. Analyst", "refused: another browser began")
    assert way.finish(back).status_code == 401
    assert not way.is_in


def test_a_browser_without_the_cookie_finishes_nothing(offered: Any) -> None:
    way = Way(offered)
    way.begin()
    back = way.come_back()
    way.cookies.clear()
    assert way.finish(back).status_code == 403


def test_a_state_that_nobody_was_sent_with_is_refused_and_floods_no_log(offered: Any) -> None:
    way = Way(offered)
    before = len(list(offered.workbench.store.log.entries()))
    for state in ("", "x", "x" * 5_000, *(str(n) for n in range(FAILURES))):
        assert way.come_back("x.y.z", state=state).status_code == 401
    assert len(list(offered.workbench.store.log.entries())) == before + FAILURES
    way.begin()
    assert way.finish(way.come_back()).status_code == 303


@pytest.mark.parametrize("minutes", [BEGUN_MINUTES - 1, BEGUN_MINUTES])
def test_a_sign_in_that_was_begun_too_long_ago_is_over(offered: Any, minutes: int) -> None:
    store, way = offered.workbench.store, Way(offered)
    way.begin()
    back = way.come_back()
    real = store.clock
    store.clock = lambda: real() + dt.timedelta(minutes=minutes)
    assert way.finish(back).status_code == (303 if minutes < BEGUN_MINUTES else 401)


def test_a_subject_that_is_bound_to_nobody_is_told_what_to_tell_the_administrator(offered: Any) -> None:
    way = Way(offered)
    way.begin()
    answer = way.come_back(signed(claims_of(way.nonce, sub="p-1", preferred_username="A. Analyst")))
    assert answer.status_code == 403, "the name is that of somebody here, and decides nothing"
    assert "p-1" in answer.text
    entry = _last(offered)
    assert (entry.actor, entry.outcome) == ("", "refused: subject is bound to nobody")
    assert sub_digest("p-1") in entry.object_ids
    assert [p.name for p in offered.workbench.people.listed()].count("A. Analyst") == 1
    for _ in range(FAILURES - 1):
        way.begin()
        way.come_back(signed(claims_of(way.nonce, sub="p-1")))
    way.begin()
    assert way.come_back(signed(claims_of(way.nonce, sub="p-1"))).status_code == 429
    way.begin()
    assert way.come_back().status_code == 200, "others do not wait"


def test_who_is_disabled_does_not_get_in_at_either_step(offered: Any) -> None:
    way, late = Way(offered), Way(offered)
    late.begin()
    back = late.come_back()
    offered.workbench.people.disable(offered.as_("analyst").person, by="test")
    way.begin()
    assert way.come_back().status_code == 401
    assert _last(offered).outcome == "refused: person is disabled"
    assert late.finish(back).status_code == 401
    assert not late.is_in


def test_whose_binding_ended_does_not_get_in_at_either_step(offered: Any) -> None:
    way = Way(offered)
    way.begin()
    back = way.come_back()
    offered.workbench.bindings.end(offered.as_("analyst").person, ISSUER, by="test")
    assert way.finish(back).status_code == 401
    way.begin()
    assert way.come_back().status_code == 403


def test_an_error_of_the_provider_is_told_and_no_text_of_it_is_logged(offered: Any) -> None:
    for error, logged in (("access_denied", "access_denied"), ("<script>", "an error without a known name")):
        way = Way(offered)
        way.begin()
        answer = way.come_back(error=error, error_description="long <b>text</b>")
        assert answer.status_code == 401
        assert "long" not in answer.text
        assert _last(offered).outcome == f"refused: provider told {logged}"


def test_without_a_word_about_it_the_workbench_asks_for_its_own_second_factor(offered: Any) -> None:
    bench, analyst = offered.workbench, offered.as_("analyst").person
    bench.provider = replace(bench.provider, acr=())
    way = Way(offered)
    way.begin()
    refused = way.finish(way.come_back())
    assert refused.status_code == 403, "who has none does not get in"
    bench.people.set_up(analyst, PASSWORD, SECRET)
    way.begin("/account")
    half = way.finish(way.come_back())
    assert half.headers["location"] == "/second-factor?next=/account"
    assert not way.is_in
    session = bench.sessions.of(way.cookies[COOKIE])
    code = code_of_step(SECRET, int(bench.store.clock().timestamp() // STEP_S))
    way.post("/second-factor", {"code": code, "token": session.form_token})
    assert way.is_in


def test_only_means_that_no_password_and_no_setup_code_is_another_way(offered: Any) -> None:
    bench, analyst = offered.workbench, offered.as_("analyst").person
    bench.people.set_up(analyst, PASSWORD, SECRET)
    sent = {"name": "A. Analyst", "password": PASSWORD}
    half = Way(offered)
    assert half.post("/sign-in", sent).status_code == 303, "as long as it is not the only way"
    session = bench.sessions.of(half.cookies[COOKIE])
    bench.provider = replace(bench.provider, only=True)
    code = code_of_step(SECRET, int(bench.store.clock().timestamp() // STEP_S))
    assert half.post("/second-factor", {"code": code, "token": session.form_token}).status_code == 403
    answer = Way(offered).post("/sign-in", sent)
    assert answer.status_code == 403
    assert "at Unit alone" in answer.text
    assert Way(offered).post("/sign-in", {**sent, "password": "another one"}).status_code == 401
    setup = bench.people.add("B. Bound", by="test")
    person = bench.people.named("B. Bound")
    bench.bindings.bind(person, ISSUER, "p-2", by="test")
    assert Way(offered).post("/setup", {"name": "B. Bound", "code": setup}).status_code == 403
    bench.people.set_up(offered.as_("approver").person, PASSWORD, SECRET)
    assert Way(offered).post("/sign-in", {**sent, "name": "P. Approver"}).status_code == 303, "who is not bound"
    way = Way(offered)
    way.begin()
    assert way.finish(way.come_back()).status_code == 303


def test_a_form_from_elsewhere_counts_as_nobodys_even_where_a_cookie_comes_with_it(offered: Any) -> None:
    asker, way = offered.as_("approver"), Way(offered)
    way.begin()
    sent = {"state": way.state, "id_token": signed(claims_of(way.nonce))}
    # A provider on the same registered domain is the same site, so that the browser sends what is `SameSite=Strict`.
    headers = {"Origin": "http://localhost:9", "Sec-Fetch-Site": "same-site", "Cookie": f"{COOKIE}={asker.cookie}"}
    back = way.client.post("/oidc/return", data=sent, headers=headers)
    assert back.status_code == 200
    assert asker.token not in back.text
    assert "P. Approver" not in back.text
    assert way.finish(back).status_code == 303
    assert way.is_in


def test_a_body_that_is_too_large_is_not_read(offered: Any) -> None:
    headers = {**FROM_ELSEWHERE, "Content-Type": "application/x-www-form-urlencoded", "Content-Length": "2000000"}
    assert offered.as_("nobody").client.post("/oidc/return", content=b"", headers=headers).status_code == 413


def test_who_is_in_already_does_not_begin_again(offered: Any) -> None:
    asker = offered.as_("analyst")
    assert asker.post("/oidc/begin").headers["location"] == "/"


def test_where_no_provider_is_known_there_is_no_way_through_one(bench: Any) -> None:
    way = Way(bench)
    assert "Sign in at" not in way.client.get("/sign-in", headers={"Accept": "text/html"}).text
    for path in ("/oidc/begin", "/oidc/return", "/oidc/finish"):
        assert way.post(path, {"state": "x"}).status_code == 422
    form = {"person": bench.as_("analyst").person.person_id, "sub": SUB}
    assert bench.as_("administrator").post("/people/bind", form).status_code == 422


def test_an_administrator_binds_and_ends_it_and_the_person_sees_it(offered: Any) -> None:
    bench, administrator = offered.workbench, offered.as_("administrator")
    approver = offered.as_("approver")
    form = {"person": approver.person.person_id, "sub": " p-9 "}
    assert administrator.post("/people/bind", form).status_code == 303
    assert bench.bindings.at(approver.person, ISSUER).sub == "p-9"
    assert "p-9" in administrator.get("/people/").text
    shown = approver.get("/account").text
    assert "p-9" in shown
    assert "bound by D. Administrator" in shown
    assert administrator.post("/people/bind", {**form, "sub": "p-8"}).status_code == 422, "one person, one subject"
    other = {"person": offered.as_("auditor").person.person_id, "sub": "p-9"}
    assert administrator.post("/people/bind", other).status_code == 422, "one subject, one person"
    assert administrator.post("/people/bind", {**other, "sub": "ü"}).status_code == 422
    assert administrator.post("/people/bind/end", form).status_code == 303
    assert approver.get("/account").status_code == 303, "their session is over"
    told = [entry.justification for entry in bench.store.log.entries()]
    assert told[-2:] == [f"bound at {ISSUER}: P. Approver", f"binding at {ISSUER} ended: P. Approver"]
    assert offered.as_("analyst").post("/people/bind", form).status_code == 404


def test_a_reset_ends_the_binding_as_everything_else_of_before(offered: Any) -> None:
    person = offered.as_("analyst").person
    offered.workbench.people.reset(person, by="test")
    assert offered.workbench.bindings.of(person) == []


def test_nothing_that_lets_in_lies_in_the_database_as_it_is(offered: Any) -> None:
    way = Way(offered)
    way.begin()
    back = way.come_back()
    handle = back.text.partition('name="handle" value="')[2].partition('"')[0]
    with offered.workbench.store.database.connect() as connection:
        [row] = connection.exec_driver_sql("SELECT * FROM begun_sign_ins").fetchall()
    assert len(handle) == len(way.state) == len(way.nonce) == 43, "256 bits each"
    for secret in (handle, way.state, way.nonce, way.cookies[BEGUN_COOKIE]):
        assert secret not in map(str, row)
