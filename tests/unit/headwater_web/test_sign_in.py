"""People, passwords, codes, sessions: what lets somebody in, and all that does not."""

from __future__ import annotations

import datetime as dt
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from headwater.custody import verify_log
from headwater.errors import ConfigError, IntegrityError
from headwater_web.passwords import WeakPasswordError, checked_password, is_password, password_record
from headwater_web.rules import Role
from headwater_web.state import Memberships, People, Sessions, Store, Throttle, open_state
from headwater_web.state.sessions import ABSOLUTE_HOURS, IDLE_MINUTES
from headwater_web.state.throttle import FAILURES, WINDOW_MINUTES
from headwater_web.totp import STEP_S, code_of_step, step_of_code

BEGAN = dt.datetime(2026, 11, 30, 9, 0, tzinfo=dt.UTC)
PASSWORD = "four calm rivers meet"
SECRET = b"12345678901234567890"


class HandClock:
    def __init__(self) -> None:
        self.at = BEGAN

    def __call__(self) -> dt.datetime:
        return self.at

    def on(self, **span: float) -> None:
        self.at += dt.timedelta(**span)


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def store(tmp_path: Path, clock: HandClock) -> Iterator[Store]:
    made = open_state(tmp_path / "state", clock=clock)
    yield made
    made.close()


# RFC 6238, appendix B, the rows for SHA-1, of eight digits.
@pytest.mark.parametrize(
    ("at_s", "code"),
    [
        (59, "94287082"),
        (1_111_111_109, "07081804"),
        (1_111_111_111, "14050471"),
        (1_234_567_890, "89005924"),
        (2_000_000_000, "69279037"),
        (20_000_000_000, "65353130"),
    ],
)
def test_codes_are_those_of_the_standard(at_s: int, code: str) -> None:
    assert code_of_step(SECRET, at_s // STEP_S, digits=8) == code
    assert step_of_code(SECRET, code[2:], at_s) == at_s // STEP_S


@pytest.mark.parametrize("code", ["", "000000", "28708", "287082x", "\uff12\uff18\uff17\uff10\uff18\uff12", "2870829"])
def test_another_code_is_none(code: str) -> None:
    assert step_of_code(SECRET, code, 59) is None


def test_a_code_of_a_neighbouring_step_is_taken_and_none_further_away() -> None:
    code = code_of_step(SECRET, 100)
    assert [step_of_code(SECRET, code, (100 + n) * STEP_S) for n in (-2, -1, 0, 1, 2)] == [None, 100, 100, 100, None]


def _set_up(store: Store, name: str = "A. Analyst") -> Any:
    people = People(store)
    people.add(name, by="test")
    person = people.named(name)
    assert person is not None
    people.set_up(person, PASSWORD, SECRET)
    return people.named(name)


def test_a_code_is_taken_once(store: Store, clock: HandClock) -> None:
    person, people = _set_up(store), People(store)
    code = code_of_step(SECRET, int(clock.at.timestamp() // STEP_S))
    assert people.totp_holds(person, code)
    assert not people.totp_holds(person, code)
    before = code_of_step(SECRET, int(clock.at.timestamp() // STEP_S) - 1)
    assert not people.totp_holds(person, before), "nor one of a step before"
    clock.on(seconds=STEP_S)
    assert people.totp_holds(person, code_of_step(SECRET, int(clock.at.timestamp() // STEP_S)))


def test_passwords_are_kept_as_argon2id() -> None:
    record = password_record(PASSWORD)
    assert record.startswith("$argon2id$v=19$m=65536,t=3,p=4$")
    assert is_password(record, PASSWORD)
    assert not is_password(record, PASSWORD + " ")
    assert not is_password("", "")
    assert not is_password("", "nobody's password, verified so that a name that does not exist takes as long")
    assert not is_password("not a record", PASSWORD)


@pytest.mark.parametrize("password", ["short", "x" * 257, "ababababababab", "A. Analyst is me", "a. analysta. analyst"])
def test_a_weak_password_is_refused(password: str) -> None:
    with pytest.raises(WeakPasswordError):
        checked_password(password, "a. analyst")


def test_a_setup_code_holds_once_in_time_and_for_its_person(store: Store, clock: HandClock) -> None:
    people = People(store)
    code, other = people.add("A", by="test"), people.add("B", by="test")
    first, second = people.named("A"), people.named("B")
    assert first is not None
    assert second is not None
    assert people.setup_code_holds(first, f" {code.lower()} ")
    assert not people.setup_code_holds(first, other)
    assert not people.setup_code_holds(first, "")
    people.set_up(first, PASSWORD, SECRET)
    assert not people.setup_code_holds(first, code)
    assert not people.setup_code_holds(first, "")
    clock.on(hours=73)
    assert not people.setup_code_holds(second, other)


def test_nothing_that_lets_in_lies_in_the_database_as_it_is(store: Store) -> None:
    _set_up(store)
    person = People(store).named("A. Analyst")
    assert person is not None
    cookie = Sessions(store).begin(person, "full")
    with sqlite3.connect(store.folder / "workbench.db") as database:
        dumped = "\n".join(database.iterdump())
    database.close()
    for secret in (PASSWORD, SECRET.hex(), cookie):
        assert secret not in dumped
        assert secret.upper() not in dumped
    assert (store.folder / "private").stat().st_mode & 0o077 == 0


def test_a_second_factor_of_another_person_does_not_open(store: Store) -> None:
    sealed = store.sealed(SECRET, "prs-1")
    assert store.unsealed(sealed, "prs-1") == SECRET
    with pytest.raises(IntegrityError):
        store.unsealed(sealed, "prs-2")
    with pytest.raises(IntegrityError):
        store.unsealed(sealed[:-1] + bytes([sealed[-1] ^ 1]), "prs-1")


def test_a_key_that_others_may_read_is_refused(store: Store) -> None:
    store.close()
    (store.folder / "private" / "sealing.key").chmod(0o640)
    with pytest.raises(ConfigError, match="others may read"):
        open_state(store.folder)


def test_a_session_ends_when_idle_and_after_a_day_of_work(store: Store, clock: HandClock) -> None:
    person, sessions = _set_up(store), Sessions(store)
    cookie = sessions.begin(person, "full")
    clock.on(minutes=IDLE_MINUTES - 1)
    assert sessions.of(cookie) is not None
    clock.on(minutes=IDLE_MINUTES - 1)
    assert sessions.of(cookie) is not None, "it was used in between"
    clock.on(minutes=IDLE_MINUTES)
    assert sessions.of(cookie) is None
    cookie = sessions.begin(person, "full")
    for _ in range(ABSOLUTE_HOURS * 3):
        clock.on(minutes=20)
        last = sessions.of(cookie)
    assert last is None, "use does not carry it over the end of the day"
    assert sessions.of("") is None
    assert sessions.of("another") is None


def test_after_failures_a_name_has_to_wait_whether_anybody_has_it_or_not(store: Store, clock: HandClock) -> None:
    throttle = Throttle(store)
    for name in ("A. Analyst", "N. Obody"):
        for _ in range(FAILURES):
            assert not throttle.must_wait(name)
            throttle.failed(name)
        assert throttle.must_wait(f" {name.upper()} ")
        assert not throttle.must_wait("somebody else")
    clock.on(minutes=WINDOW_MINUTES)
    assert not throttle.must_wait("A. Analyst")
    throttle.failed("A. Analyst")
    throttle.succeeded("A. Analyst")
    assert not throttle.must_wait("A. Analyst")


def test_memberships_end_and_exclude_each_other(store: Store, clock: HandClock) -> None:
    person, members = _set_up(store), Memberships(store)
    people = People(store)
    until = clock.at + dt.timedelta(days=1)
    give = {"purpose": "p", "until": until, "by": "test"}
    members.grant(person, "cas-1", Role.ANALYST, **give)
    members.grant(person, "cas-2", Role.AUDITOR, **give)
    assert [(m.case_id, m.role) for m in members.of(person)] == [("cas-1", "analyst"), ("cas-2", "auditor")]
    for case, role in (("cas-1", Role.AUDITOR), ("cas-2", Role.ANALYST)):
        with pytest.raises(ConfigError, match="cannot both"):
            members.grant(person, case, role, **give)
    people.add("D", by="test", administrator=True)
    administrator = people.named("D")
    assert administrator is not None
    with pytest.raises(ConfigError, match="administrator"):
        members.grant(administrator, "cas-1", Role.ANALYST, **give)
    for changes in ({"purpose": " "}, {"until": clock.at}):
        with pytest.raises(ConfigError):
            members.grant(person, "cas-3", Role.ANALYST, **(give | changes))
    with pytest.raises(ConfigError, match="no role"):
        members.grant(person, "cas-3", Role.ADMINISTRATOR, **give)
    assert members.end(person, "cas-2", by="test") == 1
    assert len(members.of(person)) == 1
    clock.on(days=1)
    assert members.of(person) == []


def test_changes_of_people_are_in_a_log_that_verifies(store: Store) -> None:
    person = _set_up(store)
    People(store).reset(person, by="D")
    People(store).disable(person, by="D")
    assert all(check.ok for check in verify_log(store.folder))
    told = [entry.justification for entry in store.log.entries()]
    assert told[1:] == [
        "person added: A. Analyst",
        "sign-in set up",
        "sign-in reset: A. Analyst",
        "person disabled: A. Analyst",
    ]


@pytest.mark.parametrize("name", ["", "  ", "a\nb", "\u202ename"])
def test_a_name_that_shows_nothing_or_steers_is_refused(store: Store, name: str) -> None:
    with pytest.raises(ConfigError):
        People(store).add(name, by="test")


# Through the gate.


def _fresh(bench: Any) -> Any:
    asker = bench.as_("nobody")
    asker.cookie = ""
    return asker


def _cookie_of(answer: Any) -> str:
    header = answer.headers["set-cookie"]
    assert header.startswith("__Host-headwater=")
    for part in ("; HttpOnly", "; Path=/", "; SameSite=strict", "; Secure"):
        assert part in header
    assert "Domain" not in header
    return str(header.partition("=")[2].partition(";")[0])


def test_the_cookie_changes_at_each_step_and_the_ones_before_open_nothing(bench: Any) -> None:
    people, asker = bench.workbench.people, _fresh(bench)
    people.set_up(bench.as_("analyst").person, PASSWORD, SECRET)
    first = asker.post("/sign-in", {"name": "A. Analyst", "password": PASSWORD, "next": "//elsewhere.example/"})
    assert first.headers["location"] == "/second-factor?next=/"
    asker.cookie = half = _cookie_of(first)
    assert asker.get("/").headers["location"] == "/sign-in", "the password alone opens nothing"
    step = int(bench.workbench.store.clock().timestamp() // STEP_S)
    second = asker.post("/second-factor", {"code": code_of_step(SECRET, step)})
    assert second.headers["location"] == "/"
    asker.cookie = _cookie_of(second)
    assert asker.cookie != half
    assert asker.get("/").status_code == 200
    asker.cookie = half
    assert asker.get("/").status_code == 303


def test_wrong_names_and_passwords_are_told_apart_by_nobody(bench: Any) -> None:
    bench.workbench.people.set_up(bench.as_("analyst").person, PASSWORD, SECRET)
    asker = _fresh(bench)
    answers = [
        asker.post("/sign-in", {"name": name, "password": "another password"}) for name in ("A. Analyst", "N. Obody")
    ]
    assert [answer.status_code for answer in answers] == [401, 401]
    assert answers[0].text == answers[1].text
    for _ in range(FAILURES):
        last = asker.post("/sign-in", {"name": "A. Analyst", "password": "another password"})
    assert last.status_code == 429
    assert asker.post("/sign-in", {"name": "A. Analyst", "password": PASSWORD}).status_code == 429


def test_without_a_second_factor_nobody_but_the_one_person_of_a_laptop_gets_in(bench: Any) -> None:
    people = bench.workbench.people
    people.set_up(bench.as_("analyst").person, PASSWORD, b"")
    assert _fresh(bench).post("/sign-in", {"name": "A. Analyst", "password": PASSWORD}).status_code == 403
    people.add("O. Only", by="test", single=True)
    people.set_up(people.named("O. Only"), PASSWORD, b"")
    assert _fresh(bench).post("/sign-in", {"name": "O. Only", "password": PASSWORD}).headers["location"] == "/"


def test_whoever_is_disabled_is_out_at_once(bench: Any) -> None:
    asker = bench.as_("analyst")
    assert asker.get("/").status_code == 200
    bench.workbench.people.disable(asker.person, by="test")
    assert asker.get("/").status_code == 303


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://elsewhere.example"},
        {"Origin": "null"},
        {"Origin": "http://localhost:1"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "none"},
    ],
)
def test_a_form_from_elsewhere_does_nothing(bench: Any, headers: dict[str, str]) -> None:
    asker = bench.as_("analyst")
    assert asker.post("/language", {"language": "de"}, **headers).status_code == 403
    assert bench.workbench.people.named("A. Analyst").language == ""


def test_a_form_without_the_sessions_token_does_nothing(bench: Any) -> None:
    asker = bench.as_("analyst")
    for token in ("", "another", bench.as_("approver").token):
        assert asker.post("/language", {"language": "de", "token": token}).status_code == 403
    assert asker.post("/language", {"language": "de", "token": ""}, **{"X-Form-Token": asker.token}).status_code == 303


def test_a_form_that_says_nothing_of_where_it_came_from_does_nothing(bench: Any) -> None:
    asker = bench.as_("analyst")
    sent = {"token": asker.token, "language": "de"}
    answer = asker.client.post("/language", data=sent, headers={"Cookie": f"__Host-headwater={asker.cookie}"})
    assert answer.status_code == 403


def test_a_name_that_somebody_points_at_this_machine_is_refused(bench: Any) -> None:
    asker = bench.as_("analyst")
    assert asker.get("/", Host="elsewhere.example:8765").status_code == 400
    assert asker.get("/", Host="127.0.0.1:8765").status_code == 200


@pytest.mark.parametrize("body", [b"{", b"[]", b'{"a": 1}'])
def test_a_body_that_is_none_is_refused(bench: Any, body: bytes) -> None:
    headers = {"Content-Type": "application/json", "Origin": "http://localhost:8765"}
    assert bench.as_("analyst").client.post("/sign-in", content=body, headers=headers).status_code == 400
    large = {"Content-Type": "application/x-www-form-urlencoded", "Content-Length": "2000000"}
    assert bench.as_("analyst").client.post("/sign-in", content=b"", headers=large).status_code == 413
