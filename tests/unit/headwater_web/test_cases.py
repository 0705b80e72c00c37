"""What screens keep of a case: for as long as what it was made of is as it was, and no longer."""

from __future__ import annotations

import gc
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pyarrow as pa
import pytest

from headwater.engine import ParquetParts, Session
from headwater.errors import ConfigError
from headwater.schema import table_named
from headwater.workflow import ReviewTables, remark_on, ungraded_contents
from headwater_web.cases import OpenCase
from headwater_web.routes import BEGUN
from headwater_web.rules import Role
from headwater_web.screens import catalogue, review
from headwater_web.table_pages import Condition, TablePages


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


def test_what_takes_long_keeps_nobody_waiting_and_is_made_once(bench: Any) -> None:
    opened = bench.workbench.cases[bench.case]
    began, may_end = threading.Event(), threading.Event()
    made: list[int] = []

    def slowly(_: Any) -> int:
        made.append(1)
        began.set()
        assert may_end.wait(30)
        return 7

    with ThreadPoolExecutor(3) as threads:
        waiting = [threads.submit(opened.kept, "slow", slowly) for _ in range(2)]
        assert began.wait(30)
        assert opened.kept("quick", lambda tables: tables.arrow("accounts").num_rows) > 0
        may_end.set()
        assert [one.result(30) for one in waiting] == [7, 7]
    assert made == [1]


def test_what_could_not_be_made_is_tried_again(bench: Any) -> None:
    opened = bench.workbench.cases[bench.case]
    with pytest.raises(ZeroDivisionError):
        opened.kept("x", lambda _: 1 / 0)
    assert opened.kept("x", lambda _: 3) == 3


def test_a_filter_by_id_reads_the_row_groups_that_can_have_it(tmp_path: Any) -> None:
    schema = table_named("media_clusters").arrow
    path = tmp_path / "rows.parquet"
    ids = [f"mcl-{number:032x}" for number in range(200_000)]
    columns = {f.name: pa.nulls(len(ids), f.type) for f in schema}
    columns |= {f.name: pa.array(ids) for f in schema if f.name == "media_cluster_id"}
    with ParquetParts(path, pa.schema([f.with_nullable(True) for f in schema])) as file:  # noqa: FBT003 - Arrow's own signature
        file.write(pa.table(columns))
        file.finish()
    opened: Any = SimpleNamespace(files=lambda _: [path], version_of=lambda _: (1,))
    pages = TablePages(opened)
    [part] = pages._parts("media_clusters")
    read: list[int] = []
    for number in (0, 70_000, 199_999):
        where = [Condition(column="media_cluster_id", value=ids[number])]
        read.append(sum(part.may_hold(index, where) for index in range(len(part.starts))))
        assert pages.page("media_clusters", where=where).fitting == 1
    assert read == [1, 1, 1]
    assert pages.page("media_clusters", where=[Condition(column="media_cluster_id", value="mcl-none")]).fitting == 0


@pytest.mark.parametrize("more", [(), (Condition(column="source_table", value="even"),)])
@pytest.mark.parametrize("value", ["acc-7", "acc-5x"])
def test_a_filter_by_what_is_in_no_order_finds_by_an_index_what_reading_finds(
    bench: Any, tmp_path: Any, monkeypatch: Any, value: str, more: tuple[Condition, ...]
) -> None:
    schema, rows = table_named("logins").arrow, 300_000
    columns: dict[str, Any] = {f.name: pa.nulls(rows, f.type) for f in schema}
    columns["account_id"] = pa.array([f"acc-{number * 7919 % 1000}" for number in range(rows)])
    columns["source_table"] = pa.array(["odd" if number % 2 else "even" for number in range(rows)])
    path = tmp_path / "rows.parquet"
    with ParquetParts(path, pa.schema([f.with_nullable(True) for f in schema])) as file:  # noqa: FBT003 - Arrow's own signature
        file.write(pa.table(columns))
        file.finish()
    opened, asked = bench.workbench.cases[bench.case], []
    find = opened.places
    monkeypatch.setattr(opened, "files", lambda _: [path])
    monkeypatch.setattr(opened, "places", lambda *given: asked.append(given[1:]) or find(*given))
    where = [Condition(column="account_id", value=value), *more]
    found = [
        number for number in range(rows)
        if f"acc-{number * 7919 % 1000}" == value and (not more or number % 2 == 0)
    ]  # fmt: skip
    assert TablePages(opened)._numbers("logins", TablePages(opened)._parts("logins"), where).tolist() == found
    assert asked == [("account_id", value)]


def test_what_reads_waits_for_nobody_who_acts(bench: Any) -> None:
    opened, asker = bench.workbench.cases[bench.case], bench.as_(Role.ANALYST)
    opened.begin_making([])
    with opened.tables() as tables:
        account = tables.arrow("accounts")["account_id"][0].as_py()
    pages = ("", "leads/movers", "release/", f"tables/accounts/row?is.account_id={account}", f"remarks/on/{account}")
    acting, may_end = threading.Event(), threading.Event()

    def act() -> None:
        with opened.acting():
            acting.set()
            assert may_end.wait(60)

    with ThreadPoolExecutor(1) as threads:
        held = threads.submit(act)
        assert acting.wait(30)
        answers = {page: asker.get(f"/case/{bench.case}/{page}").status_code for page in pages}
        may_end.set()
        held.result(30)
    assert set(answers.values()) == {200}, answers


def test_many_results_of_one_name_let_go_of_no_other(bench: Any) -> None:
    opened, made = bench.workbench.cases[bench.case], []
    for _ in range(2):
        opened.derived("sums", lambda _: made.append("sums"))
        for number in range(100):
            opened.derived("one of many", lambda _, number=number: made.append(number), number)
    assert made.count("sums") == 1
    assert made.count(0) == 2


def test_a_page_that_takes_long_to_make_says_so_and_keeps_no_other_waiting(
    bench: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    may_go_on, began = threading.Event(), []

    def slow(tables: Any) -> Any:
        began.append(1)
        assert may_go_on.wait(60)
        return ungraded_contents(tables)

    monkeypatch.setattr(catalogue, "ungraded_contents", slow)
    analyst, at = bench.as_("analyst"), f"/case/{bench.case}/catalogue/"
    with monkeypatch.context() as hasty:
        hasty.setattr(OpenCase, "patience_s", 0.01)
        page = analyst.get(at)
        assert (page.status_code, page.headers["refresh"]) == (202, "2")
        assert f'href="{at}"' in page.text
        assert analyst.get(at, as_json=True).json() == {"made": False}
    assert analyst.get(f"{at}hubs").status_code == 200
    may_go_on.set()
    assert analyst.get(at).status_code == 200
    assert began == [1]


def test_a_form_that_needs_what_is_still_made_is_answered_with_503_and_does_nothing(
    bench: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    may_go_on = threading.Event()
    opened = bench.workbench.cases[bench.case]
    made = ReviewTables.of
    monkeypatch.setattr(
        review, "ReviewTables", SimpleNamespace(of=lambda tables: (may_go_on.wait(60), made(tables))[1])
    )
    before = opened.version()
    with monkeypatch.context() as hasty:
        hasty.setattr(OpenCase, "patience_s", 0.01)
        form = {"decision": "unsure.1", "version": "0"}
        answer = bench.as_("analyst").post(f"/case/{bench.case}/review/lnk-none/judge", form)
    assert (answer.status_code, opened.version()) == (503, before)
    may_go_on.set()


def test_a_failure_while_making_reaches_whoever_asked_and_is_not_kept(bench: Any) -> None:
    opened = bench.workbench.cases[bench.case]

    def broken(_: Any) -> int:
        raise ConfigError("broken on purpose")

    with pytest.raises(ConfigError, match="on purpose"):
        opened.derived("broken", broken)
    assert opened.derived("broken", lambda _: 1) == 1


def test_a_page_says_so_while_what_it_shows_is_being_made(bench: Any) -> None:
    case = bench.workbench.cases[bench.case]
    go_on = threading.Event()
    case.begin_making([("home", lambda _: go_on.wait(30)), ("leads", lambda _: 1 // 0)])
    asker = bench.as_(Role.ANALYST)
    waiting = asker.get(f"/case/{bench.case}/")
    assert (waiting.status_code, waiting.headers["Refresh"]) == (202, "2")
    assert asker.get(f"/case/{bench.case}/", as_json=True).json() == {"made": False}
    assert asker.get(f"/case/{bench.case}/tables/").status_code == 200
    go_on.set()
    case.begin_making([])
    assert asker.get(f"/case/{bench.case}/").status_code == 200


def test_a_row_is_there_before_its_index_is_and_is_found_by_it_then(bench: Any, monkeypatch: Any) -> None:
    case, asker = bench.workbench.cases[bench.case], bench.as_(Role.ANALYST)
    case.begin_making([])
    with case.tables() as tables:
        account = tables.arrow("accounts").to_pylist()[0]["account_id"]
    address = f"/case/{bench.case}/tables/accounts/row?is.account_id={account}"
    keyed, by_index = Session.keyed, []
    monkeypatch.setattr(
        Session, "keyed", lambda self, name, *given, **more: by_index.append(name) or keyed(self, name, *given, **more)
    )
    go_on = threading.Event()
    case.begin_making([("remarks_on", lambda _: go_on.wait(30))])
    meanwhile = asker.get(address, as_json=True)
    assert (meanwhile.status_code, "accounts" in by_index) == (200, False)
    go_on.set()
    while case.is_being_made("remarks_on"):
        pass
    later = asker.get(address, as_json=True)
    assert (later.status_code, "accounts" in by_index) == (200, True)
    assert meanwhile.json() == later.json()
    assert meanwhile.json()["row"]["account_id"] == account


def test_what_was_begun_is_begun_anew_after_an_import(bench: Any, headwater: Any, tmp_path: Path) -> None:
    case, asker = bench.workbench.cases[bench.case], bench.as_(Role.ANALYST)
    made: list[object] = []

    def home() -> None:
        while asker.get(f"/case/{bench.case}/").status_code == 202:
            pass

    case.begin_making([("home", lambda opened: made.append(opened.derived_version()))])
    home()
    home()
    assert len(made) == 1
    (tmp_path / "list.csv").write_text("md5\n" + "d" * 32 + "\n")
    options = ("--name", "late", "--version", "1", "--polarity", "known-illegal")
    assert headwater("reference", "add", case.path, "hash-list", tmp_path / "list.csv", *options).status == 0
    home()
    assert len(set(made)) == len(made) == 2


def test_what_could_not_be_made_beforehand_is_made_by_the_page(bench: Any) -> None:
    case = bench.workbench.cases[bench.case]
    case.begin_making([("leads", lambda _: 1 // 0)])
    answer = bench.as_(Role.ANALYST).get(f"/case/{bench.case}/leads/")
    while answer.status_code == 202:
        answer = bench.as_(Role.ANALYST).get(f"/case/{bench.case}/leads/")
    assert answer.status_code == 200


def test_everything_that_is_begun_can_be_made(bench: Any) -> None:
    case = bench.workbench.cases[bench.case]
    assert {name for name, _ in BEGUN} <= {route.name for route in bench.workbench.routes}
    for _, make in BEGUN:
        make(case)


def test_no_collection_of_garbage_looks_through_what_was_made_beforehand(bench: Any) -> None:
    opened = bench.workbench.cases[bench.case]
    gc.unfreeze()
    made: list[dict[str, int]] = []
    try:
        opened.begin_making([("home", lambda _: made.extend({"n": number} for number in range(1_000)))])
        deadline = time.monotonic() + 30
        while not gc.get_freeze_count() and time.monotonic() < deadline:
            time.sleep(0.01)
        assert len(made) == 1_000
        assert gc.get_freeze_count() > len(made)
    finally:
        gc.unfreeze()
