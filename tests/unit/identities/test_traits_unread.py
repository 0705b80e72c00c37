"""Neither a fact nor a hypothesis looks at what somebody is: traits are not read, and change nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import pyarrow as pa
import pytest

from headwater.engine import Session, StageContext
from headwater.identities import link_records, rival_hypotheses
from headwater.identities.contrary import contrary_facts
from headwater.identities.marks import COLUMNS_READ
from headwater.schema import table_named

TRAITS = frozenset({"date_of_birth", "age", "gender", "sex", "nationality", "convicted"})
TO_TELL_ROWS_OF_ONE_PERSON = frozenset({"full_name", "given_name", "surname", "date_of_birth"})
HOME = {"street_address": "4 Mill Lane", "suburb": "Quayside", "postcode": "QZ1 1AA"}


class Watched(Session):
    """Notes which columns of which table are asked for."""

    def __init__(self) -> None:
        super().__init__({})
        self.asked: dict[str, set[str]] = {}

    def _note(self, name: str, columns: Sequence[str] | None) -> None:
        every = [column.name for column in table_named(name).columns]
        self.asked.setdefault(name, set()).update(every if columns is None else columns)

    def arrow(self, name: str) -> pa.Table:
        self._note(name, None)
        return super().arrow(name)

    def parts(self, name: str, columns: Sequence[str] | None = None) -> Iterator[pa.Table]:
        self._note(name, columns)
        rows = super().arrow(name)
        yield rows if columns is None else rows.select(list(columns))

    def columns(self, name: str, names: Sequence[str]) -> pa.Table:
        self._note(name, names)
        return super().arrow(name).select(list(names))


@pytest.fixture
def known(case):
    """A payer, somebody of the same household, and an account that leads to both."""
    marta = {"full_name": "Marta Quill", "date_of_birth": "1980-03-04", "email": "marta@mail.test", **HOME}
    case.add("accounts", "acc-1", nickname="calm.thistle173", email="marta@mail.test", phone="+442079460018")
    case.add("customers", "cus-1", **marta)
    case.add("records", "rec-1", **marta)
    born = {"full_name": "Tom Quill", "date_of_birth": "1979-09-21"}
    case.add("records", "rec-2", nickname="calm.thistle173", phone="+442079460018", **born, **HOME)
    case.payment("acc-1", ("cus-1", 1_000_000))
    return case


def asked(case, derive: Callable[[StageContext], object]) -> dict[str, set[str]]:
    """Columns of rows about people that a function asks for."""
    first = case.context()
    links = link_records(first)["links"]
    with Watched() as session:
        for name, rows in case.rows.items():
            session.put(name, table_named(name).rows(rows))
        session.put("links", links)
        derive(StageContext(tables=session))
        return {name: columns for name, columns in session.asked.items() if name in COLUMNS_READ}


@pytest.mark.parametrize("derive", [rival_hypotheses, contrary_facts])
def test_of_people_only_these_columns_are_read(known, derive):
    found = asked(known, derive)
    assert set(found) == set(COLUMNS_READ)
    for name, columns in found.items():
        assert columns <= set(COLUMNS_READ[name]) | TO_TELL_ROWS_OF_ONE_PERSON, name


def test_what_is_listed_to_be_read_is_no_trait():
    assert not {column for columns in COLUMNS_READ.values() for column in columns} & TRAITS


def test_a_column_that_is_read_besides_would_be_seen(known):
    found = asked(known, lambda context: context.tables.columns("records", ("record_id", "convicted")))
    assert found == {"records": {"record_id", "convicted"}}


@pytest.mark.parametrize(
    ("trait", "other"), [("convicted", True), ("date_of_birth", "1931-01-01"), ("full_name", "Zoe Umber")]
)
def test_another_trait_changes_nothing_that_is_told(known, trait, other):
    before = known.rivals()
    assert before
    known.rows["records"][1][trait] = other
    assert known.rivals() == before
