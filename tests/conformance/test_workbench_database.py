"""What the workbench keeps of its own, on SQLite and on a real PostgreSQL: the same acts, the same answers."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from headwater.errors import ConfigError
from headwater_synth.postgres_server import PostgresMissingError, running_postgres
from headwater_web.rules import Role
from headwater_web.state import (
    BegunSignIns,
    Bindings,
    Memberships,
    People,
    SavedViews,
    Sessions,
    Store,
    Throttle,
    open_state,
)
from headwater_web.state.people import Passkey
from headwater_web.state.tables import METADATA
from headwater_web.totp import STEP_S, code_of_step

SECRET = b"12345678901234567890"


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def store(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    folder: Path = tmp_path_factory.mktemp("workbench")
    if request.param == "sqlite":
        made = open_state(folder)
        yield made
        made.close()
        return
    try:
        with running_postgres() as server:
            made = open_state(folder, database_url=f"postgresql://postgres@/postgres?host={server.folder}")
            assert made.database.dialect.name == "postgresql"
            yield made
            made.close()
    except PostgresMissingError as missing:
        pytest.skip(str(missing))


def test_the_migrations_make_the_tables_that_the_code_knows(store: Store) -> None:
    found = sa.inspect(store.database)
    for table in METADATA.tables.values():
        columns = {column["name"]: bool(column["nullable"]) for column in found.get_columns(table.name)}
        assert columns == {column.name: bool(column.nullable) for column in table.columns}
        assert {index["name"] for index in found.get_indexes(table.name)} >= {index.name for index in table.indexes}


def test_a_person_signs_in_works_on_a_case_and_leaves(store: Store) -> None:
    people, members, sessions, throttle = People(store), Memberships(store), Sessions(store), Throttle(store)
    code = people.add("Zoë 名前", by="test")
    person = people.named("Zoë 名前")
    assert person is not None
    assert people.setup_code_holds(person, code)
    people.set_up(person, "four calm rivers meet", SECRET)
    step = code_of_step(SECRET, int(store.clock().timestamp() // STEP_S))
    assert people.totp_holds(person, step)
    assert not people.totp_holds(person, step)
    people.add_passkey(person, Passkey(credential_id="c", public_key=b"\0\xff", sign_count=1, label="desk"))
    [key] = people.passkeys(person)
    people.counted(key, 2**40)
    assert people.passkeys(person)[0].sign_count == 2**40
    assert people.passkeys(person)[0].public_key == b"\0\xff"
    until = store.clock() + dt.timedelta(days=1)
    members.grant(person, "cas-1", Role.APPROVER, purpose="p", until=until, by="test")
    assert [m.role for m in members.in_case("cas-1")] == ["approver"]
    cookie = sessions.begin(person, "full")
    session = sessions.of(cookie)
    assert session is not None
    sessions.challenge(session, "x" * 10_000)
    sessions.end_all(person)
    assert sessions.of(cookie) is None
    for _ in range(5):
        throttle.failed("Zoë 名前")
    assert throttle.must_wait("zoë 名前")
    assert members.end(person, "cas-1", by="test") == 1
    people.disable(person, by="test")
    again = people.named(person.name)
    assert again is not None
    assert not people.password_holds(again, "four calm rivers meet")


@pytest.mark.parametrize(
    ("table", "column", "value"),
    [("members", "role", "chief"), ("sessions", "stage", "half"), ("begun_sign_ins", "stage", "half")],
)
def test_the_database_refuses_what_is_no_word_of_ours(store: Store, table: str, column: str, value: str) -> None:
    people = People(store)
    if people.named("C") is None:
        people.add("C", by="test")
    person = people.named("C")
    assert person is not None
    row = {c.name: "x" for c in METADATA.tables[table].columns if c.name != "seq"}
    row |= {"person_id": person.person_id, column: value}
    with pytest.raises(sa.exc.IntegrityError), store.database.begin() as connection:
        connection.execute(METADATA.tables[table].insert().values(**row))


def test_an_address_that_is_none_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigError):
        open_state(tmp_path / "s", database_url="nothing of the kind")


def test_a_view_is_saved_shared_replaced_and_removed(store: Store) -> None:
    people, saved = People(store), SavedViews(store)
    for name in ("V. One", "V. Two"):
        people.add(name, by="test")
    one, two = people.named("V. One"), people.named("V. Two")
    assert one is not None
    assert two is not None
    saved.save(one, "cas-1", "a view", "/case/1/leads/", shared=False)
    saved.save(one, "cas-1", "a view", "/case/1/leads/?tier=1", shared=True)
    [view] = saved.of(two, "cas-1")
    assert (view.name, view.address, view.owner, view.own) == ("a view", "/case/1/leads/?tier=1", "V. One", False)
    assert saved.of(two, "cas-2") == []
    assert not saved.remove(two, "cas-1", view.seq)
    assert saved.remove(one, "cas-1", view.seq)
    assert saved.of(one, "cas-1") == []


ISSUER = "https://sign-in.unit.example"


def test_a_person_is_bound_to_one_subject_and_a_subject_to_one_person(store: Store) -> None:
    people, bindings = People(store), Bindings(store)
    for name in ("B. One", "B. Two"):
        people.add(name, by="test")
    one, two = people.named("B. One"), people.named("B. Two")
    assert one is not None
    assert two is not None
    bindings.bind(one, ISSUER, "p-1", by="test")
    bindings.bind(one, f"{ISSUER}/other", "p-1", by="test")
    bindings.bind(two, ISSUER, "p-2", by="test")
    assert bindings.person_id_of(ISSUER, "p-1") == one.person_id
    assert bindings.person_id_of(ISSUER, "P-1") == "", "letters as they are"
    for person, sub in ((one, "p-3"), (two, "p-1")):
        with pytest.raises(ConfigError, match=r"already|another person"):
            bindings.bind(person, ISSUER, sub, by="test")
    row = {"issuer": ISSUER, "bound_by": "x", "at_utc": "x"}
    for changes in ({"sub": "p-3", "person_id": one.person_id}, {"sub": "p-1", "person_id": two.person_id}):
        with pytest.raises(sa.exc.IntegrityError), store.database.begin() as connection:
            connection.execute(METADATA.tables["bindings"].insert().values(**row, **changes))
    assert bindings.end(one, ISSUER, by="test")
    assert not bindings.end(one, ISSUER, by="test")
    assert [b.issuer for b in bindings.of(one)] == [f"{ISSUER}/other"]


def test_a_sign_in_that_was_begun_is_used_once_and_by_its_browser(store: Store) -> None:
    begun = BegunSignIns(store)
    sent = begun.begin(ISSUER, "/account")
    assert begun.returned(f"{ISSUER}/other", sent.state) is None
    returned = begun.returned(ISSUER, sent.state)
    assert returned is not None
    assert begun.returned(ISSUER, sent.state) is None
    handle = begun.vouched(returned, "prs-1")
    assert begun.ended(f"{ISSUER}/other", handle, sent.cookie) is None
    ended = begun.ended(ISSUER, handle, sent.cookie)
    assert ended is not None
    assert (ended.person_id, ended.same_browser, ended.next) == ("prs-1", True, "/account")
    assert begun.ended(ISSUER, handle, sent.cookie) is None
    other = begun.begin(ISSUER, "/")
    again = begun.returned(ISSUER, other.state)
    assert again is not None
    elsewhere = begun.ended(ISSUER, begun.vouched(again, "prs-1"), sent.cookie)
    assert elsewhere is not None
    assert not elsewhere.same_browser
