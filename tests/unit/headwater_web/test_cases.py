"""What screens keep of a case: for as long as what it was made of is as it was, and no longer."""

from __future__ import annotations

from typing import Any

import pytest

from headwater.workflow import remark_on


def _remark(opened: Any, text: str) -> None:
    with opened.tables() as tables:
        account = tables.arrow("accounts")["account_id"][0].as_py()
    with opened.acting() as case:
        remark_on(case, case.actor(), account, "label", text)


def test_what_is_derived_is_kept_while_people_decide(bench: Any) -> None:
    opened = bench.workbench.cases[bench.case]
    made: list[str] = []

    def count(name: str) -> Any:
        return lambda tables: (made.append(name), tables.arrow("remarks" if name == "kept" else "accounts").num_rows)[1]

    for _ in range(2):
        opened.derived("accounts", count("derived"))
        opened.kept("remarks", count("kept"))
    assert made == ["derived", "kept"]
    _remark(opened, "one")
    assert opened.kept("remarks", count("kept")) == 1
    opened.derived("accounts", count("derived"))
    assert made == ["derived", "kept", "kept"]


def test_what_is_derived_reads_nothing_that_people_decide(bench: Any) -> None:
    opened = bench.workbench.cases[bench.case]
    with pytest.raises(RuntimeError, match="use `kept`"):
        opened.derived("x", lambda tables: tables.arrow("judgements"))


def test_a_session_sees_what_was_decided_since_it_was_opened(bench: Any) -> None:
    opened = bench.workbench.cases[bench.case]
    for number in range(3):
        with opened.tables() as tables:
            assert tables.arrow("remarks").num_rows == tables.table("remarks").count().execute() == number
        _remark(opened, f"label {number}")
