"""Rows by an index are the rows by reading the table through; and a judgement compares what it was shown."""

from __future__ import annotations

import pytest

from headwater.errors import IntegrityError, RefusedError
from headwater.workflow import Case, JudgedMeanwhileError, ReviewDesk, judge_link
from headwater.workflow.review_rows import IndexedRows, ScannedRows
from headwater.workflow.reviewed import reviewed_pairs

ASKED = (
    ("accounts", "account_id", None),
    ("accounts", "nickname", ("account_id",)),
    ("accounts", "phone", ("account_id", "phone")),  # neither in order nor everywhere filled
    ("links", "link_id", None),
    ("links", "left_id", ("link_id", "claim")),
    ("contrary_facts", "link_id", None),
    ("contrary_facts", "account_id", None),
)


@pytest.mark.parametrize(("table", "column", "columns"), ASKED)
def test_both_give_the_same_rows_in_the_same_order(small, table, column, columns):
    with Case(small.case) as case, case.tables() as tables:
        indexed, scanned = IndexedRows(tables, {}), ScannedRows(tables)
        indexed.hold(table, column)
        values = {value for value in tables.arrow(table)[column].to_pylist() if value is not None}
        for wanted in (set(), {"none such", ""}, values, *({value} for value in values)):
            assert indexed.rows(table, column, wanted, columns) == scanned.rows(table, column, wanted, columns)
        assert indexed.rows(table, column, values) or not values


@pytest.mark.parametrize("side", ["left", "right"])
def test_a_pair_whose_row_is_gone_says_which(small, side):
    with Case(small.case) as case, case.tables() as tables:
        [link, *_] = tables.arrow("links").to_pylist()
        table, row_id = link[f"{side}_table"], link[f"{side}_id"]

        class WithoutIt(ScannedRows):
            def rows(self, name, column, values, columns=None):
                return [row for row in super().rows(name, column, values, columns) if name != table]

        assert reviewed_pairs(ScannedRows(tables), [link["link_id"]])
        with pytest.raises(IntegrityError, match=f"row {row_id} is not in {table}"):
            reviewed_pairs(WithoutIt(tables), [link["link_id"]])


def test_a_judgement_of_a_pair_that_was_judged_since_is_refused_once(small):
    with Case(small.case) as case:
        desk = ReviewDesk(case)
        link = desk.first("B. Analyst")
        shown = desk.show("B. Analyst", link, hide_score=False)
        other = desk.show("C. Other", link, hide_score=False)
        judge_link(
            case, case.actor("C. Other"), link, "unsure", why="asked", found_by=desk.rows(), version=other.version
        )
        with pytest.raises(JudgedMeanwhileError, match=r"C\. Other") as refused:
            judge_link(
                case, case.actor("B. Analyst"), link, "positive", why="so", found_by=desk.rows(), version=shown.version
            )
        assert isinstance(refused.value, RefusedError)
        assert [told["verdict"] for told in refused.value.judgements] == ["unsure"]
        assert len(case.judgements()) == 1
        judge_link(
            case, case.actor("B. Analyst"), link, "positive", why="so", found_by=desk.rows(),
            version=refused.value.version,
        )  # fmt: skip
        assert len(case.judgements()) == 2


def test_a_desk_sees_what_another_program_judged(small, headwater):
    with Case(small.case) as case:
        desk = ReviewDesk(case)
        link = desk.first("B. Analyst")
        told = headwater("judge", small.case, link, "unsure", "--operator", "B. Analyst", "--why", "elsewhere")
        assert told.status == 0, told.err
        assert desk.first("B. Analyst") != link
        assert desk.last("B. Analyst").link_id == link
