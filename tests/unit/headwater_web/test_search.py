"""The search in the workbench: it finds what the command line finds, and says so while its index is being made."""

from __future__ import annotations

import time
from typing import Any

from axe_playwright_python.sync_playwright import Axe

from headwater.workflow import Case, access_rows, open_tables


def _search(bench: Any, query: str, role: str = "analyst") -> dict[str, Any]:
    """The answer, once the index is made."""
    until = time.monotonic() + 60
    while True:
        answer = bench.as_(role).get(f"/case/{bench.case}/search/?q={query}", as_json=True)
        if answer.status_code == 200:
            return dict(answer.json())
        assert answer.status_code == 202
        assert answer.json() == {"found": None, "fitting": None}
        assert time.monotonic() < until
        time.sleep(0.05)


def _nickname(bench: Any) -> tuple[str, str]:
    with open_tables(bench.folder) as tables:
        rows = tables.arrow("accounts").to_pylist()
    row = max((row for row in rows if (row["nickname"] or "").isalnum()), key=lambda row: len(row["nickname"]))
    return row["account_id"], row["nickname"]


def test_it_finds_what_the_command_line_finds(bench: Any, headwater: Any) -> None:
    account, nickname = _nickname(bench)
    slip = nickname[:2] + nickname[3:] if len(nickname) > 5 else nickname
    for query in (nickname, slip):
        found = _search(bench, query)["found"]
        told = headwater("search", bench.folder, query, "--limit", 100, "--json").rows
        assert found == told
        assert account in {one["key"] for one in found}


def test_while_the_index_is_made_a_page_says_so(bench: Any) -> None:
    answer = bench.as_("analyst").get(f"/case/{bench.case}/search/?q=anything")
    assert answer.status_code == 202
    assert "is being made" in answer.text
    assert _search(bench, "zzzzzz")["found"] == []
    assert (
        "Nothing in the case is written like that"
        in bench.as_("analyst").get(f"/case/{bench.case}/search/?q=zzzzzz").text
    )


def test_the_palette_hands_on_what_is_neither_screen_nor_table(bench: Any) -> None:
    answer = bench.as_("analyst").get(f"/case/{bench.case}/go-to?q=zzzzzz")
    assert answer.headers["location"] == f"/case/{bench.case}/search/?q=zzzzzz"
    assert "Search for" in bench.as_("analyst").get(f"/case/{bench.case}/go-to?q=le").text
    # The auditor reads no case, and is not led where the door is shut.
    assert bench.as_("auditor").get(f"/case/{bench.case}/go-to?q=zzzzzz").status_code == 200


def test_the_log_has_what_was_searched_for_and_what_was_shown(bench: Any) -> None:
    account, nickname = _nickname(bench)
    _search(bench, nickname)
    *_, last = access_rows(bench.folder)
    assert account in last.entry.object_ids
    texts = "".join(path.read_text() for path in (bench.folder / "access").rglob("custody.payloads"))
    assert f"/search/?q={nickname}" in texts


def test_an_erased_subject_is_in_no_index(bench: Any, headwater: Any, tmp_path: Any) -> None:
    account, nickname = _nickname(bench)
    assert _search(bench, nickname)["found"]
    words = ("--legal-basis", "Order 9", "--receipt", tmp_path / "receipt.json", "--operator", "A", "--why", "asked")
    assert headwater("custody", "erase", bench.folder, "--subject", account, *words).status == 0
    assert not (bench.folder / "search").exists()
    assert account not in {one["key"] for one in _search(bench, nickname)["found"]}
    for path in (bench.folder / "search").rglob("*"):
        assert not path.is_file() or account.encode() not in path.read_bytes()


def test_a_text_that_is_too_long_is_refused_and_on_record(bench: Any, headwater: Any) -> None:
    assert bench.as_("analyst").get(f"/case/{bench.case}/search/?q={'x' * 201}").status_code == 422
    done = headwater("search", bench.folder, "x" * 201)
    assert done.status == 2
    with Case(bench.folder) as case:
        *_, last = case.custody.entries()
    assert last.event == "failed"


def test_by_mouse_and_by_keyboard_alone(served: Any) -> None:
    account, nickname = _nickname(served.bench)
    _search(served.bench, nickname)
    page = served.page_of("analyst")
    page.goto(f"/case/{served.bench.case}/")
    page.keyboard.press("/")
    page.keyboard.type(nickname)
    page.keyboard.press("Enter")
    page.wait_for_url("**/search/?q=*")
    page.goto(page.url)
    page.keyboard.press("j")
    page.locator("tr:focus").wait_for()
    page.keyboard.press("Enter")
    page.wait_for_url(f"**{account}*")
    page.goto(f"/case/{served.bench.case}/search/")
    page.locator("#search-q").fill(nickname)
    page.get_by_role("button", name="Search").click()
    page.get_by_role("link", name=nickname).first.click()
    page.wait_for_url(f"**{account}*")
    page.goto(f"/case/{served.bench.case}/search/?q={nickname}")
    found = Axe().run(page).response["violations"]
    assert [one["id"] for one in found if one["impact"] in {"serious", "critical"}] == []
    assert served.seen.faults == []
