"""The way back: from any id to an exhibit or an import, each row once, and never in circles."""

from __future__ import annotations

import pytest

from headwater.engine import Session
from headwater.errors import InputError
from headwater.schema import TABLES
from headwater.workflow import Case, way_back

ENDS = {"exhibits", *(table.name for table in TABLES if table.stage == "references")}


@pytest.fixture(scope="module")
def tables(small_template):
    with Case(small_template.case) as case, case.tables() as session:
        yield session


def has_id_of_its_own(table):
    """Whether its rows have an id, and not that of a row of another table."""
    (key, *further) = table.key
    (column,) = (column for column in table.columns if column.name == key)
    return not further and key.endswith("_id") and column.cites is None


@pytest.mark.parametrize("table", [t for t in TABLES if has_id_of_its_own(t)], ids=lambda t: t.name)
def test_every_row_with_an_id_of_its_own_leads_back_to_an_exhibit_or_an_import(table, tables):
    for row in tables.arrow(table.name).to_pylist():
        steps = way_back(tables, row[table.key[0]])
        assert (steps[0].depth, steps[0].cited_as, steps[0].table) == (0, "", table.name)
        assert steps[0].row == row
        assert ENDS & {step.table for step in steps}


def test_each_step_below_the_first_is_cited_by_a_row_one_step_above(tables):
    (lead, *_) = tables.arrow("leads").to_pylist()
    steps = way_back(tables, lead["lead_id"])
    above = {0: steps[0]}
    for step in steps[1:]:
        parent = above[step.depth - 1]
        assert step.cited_as in parent.row
        ids = {str(value) for name, value in step.row.items() if name.endswith("_id")}
        assert any(identifier in repr(parent.row[step.cited_as]) for identifier in ids)
        above[step.depth] = step
    assert {"accounts", "exhibits"} <= {step.table for step in steps}


def test_each_row_is_there_once(tables):
    (lead, *_) = tables.arrow("leads").to_pylist()
    keys = {table.name: table.key for table in TABLES}
    rows = [(s.table, *(s.row[k] for k in keys[s.table])) for s in way_back(tables, lead["lead_id"])]
    assert len(rows) == len(set(rows))


def test_an_exhibit_is_the_end_of_the_way(tables):
    assert [(step.table, step.depth) for step in way_back(tables, "DUMP")] == [("exhibits", 0)]


@pytest.mark.parametrize("wanted", ["acc-none", "", "DU", "dump", "%"])
def test_an_id_that_is_not_there_is_said_to_be_not_there(wanted, tables):
    with pytest.raises(InputError, match="no table of this case has this id"):
        way_back(tables, wanted)


def test_a_case_of_nothing_explains_nothing():
    with Session({}) as empty, pytest.raises(InputError):
        way_back(empty, "acc-1")
