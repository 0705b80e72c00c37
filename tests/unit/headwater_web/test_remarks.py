"""Notes, labels and assignments: given, listed, withdrawn; each on record before it counts."""

from __future__ import annotations

from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe

from headwater.workflow import Case

HOSTILE = '<script>window.ran = 1</script><img src=x onerror="window.ran = 1">\u202e{{ 7 * 7 }}'


def _lead(bench: Any) -> str:
    leads = bench.as_("analyst").get(f"/case/{bench.case}/leads/", as_json=True).json()["leads"]
    return str(leads[0]["lead_id"])


def _note(bench: Any, lead: str, kind: str, text: str, role: str = "analyst") -> Any:
    return bench.as_(role).post(f"/case/{bench.case}/remarks/on/{lead}/add", {"kind": kind, "text": text})


def _beside(bench: Any, lead: str) -> list[dict[str, Any]]:
    answer = bench.as_("analyst").get(f"/case/{bench.case}/remarks/on/{lead}", as_json=True)
    return list(answer.json()["remarks"])


def test_what_one_notes_the_other_reads_and_the_command_line_tells_the_same(bench: Any, headwater: Any) -> None:
    lead = _lead(bench)
    assert _note(bench, lead, "note", "ask the host for its access log").status_code == 303
    assert _note(bench, lead, "label", "urgent", role="approver").status_code == 303
    page = bench.as_("approver").get(f"/case/{bench.case}/remarks/on/{lead}").text
    assert "ask the host for its access log" in page
    assert "A. Analyst" in page
    told = headwater("remark", "list", bench.folder, "--on", lead, "--json").rows
    assert [(row["remark_kind"], row["text"], row["operator"]) for row in told] == [
        ("label", "urgent", "P. Approver"),
        ("note", "ask the host for its access log", "A. Analyst"),
    ]
    assert _beside(bench, lead) == told
    on_lead = bench.as_("analyst").get(f"/case/{bench.case}/leads/{lead}").text
    assert "Notes: 1" in on_lead
    assert "urgent" in on_lead


def test_what_is_assigned_to_me_and_a_later_assignment_takes_the_place_of_an_earlier(bench: Any) -> None:
    lead = _lead(bench)
    _note(bench, lead, "assignment", "A. Analyst")
    mine = f"/case/{bench.case}/remarks/?mine=1"
    assert bench.as_("analyst").get(mine, as_json=True).json()["fitting"] == 1
    assert bench.as_("approver").get(mine, as_json=True).json()["fitting"] == 0
    _note(bench, lead, "assignment", "P. Approver")
    assert bench.as_("analyst").get(mine, as_json=True).json()["fitting"] == 0
    assert bench.as_("approver").get(mine, as_json=True).json()["fitting"] == 1
    assert [row["state"] for row in _beside(bench, lead)] == ["stands", "replaced"]


def test_a_note_is_its_author_s_to_withdraw_and_stays_on_record(bench: Any) -> None:
    lead = _lead(bench)
    _note(bench, lead, "note", "of the first look")
    [note] = _beside(bench, lead)
    form = {"remark": note["remark_id"], "why": "it was another account"}
    assert bench.as_("approver").post(f"/case/{bench.case}/remarks/withdraw", form).status_code == 403
    assert bench.as_("analyst").post(f"/case/{bench.case}/remarks/withdraw", form).status_code == 303
    [ended] = _beside(bench, lead)
    assert (ended["state"], ended["ended_by"], ended["ended_why"]) == ("withdrawn", "A. Analyst", form["why"])
    assert bench.as_("analyst").post(f"/case/{bench.case}/remarks/withdraw", form).status_code == 422
    with Case(bench.folder) as case:
        judged = [entry for entry in case.custody.entries() if entry.event == "judged"]
    assert [entry.actor for entry in judged][-2:] == ["A. Analyst", "A. Analyst"]
    assert note["remark_id"] in judged[-1].object_ids


@pytest.mark.parametrize(
    ("kind", "text"), [("note", " "), ("label", "x" * 61), ("secret", "x"), ("note", "x" * 10_001)]
)
def test_a_remark_that_says_nothing_or_too_much_is_refused(bench: Any, kind: str, text: str) -> None:
    lead = _lead(bench)
    assert _note(bench, lead, kind, text).status_code == 422
    assert _beside(bench, lead) == []


def test_beside_a_row_that_is_none_nothing_can_be_noted(bench: Any) -> None:
    assert _note(bench, "acc-none", "note", "x").status_code == 404


def test_a_note_runs_nothing_and_steers_nothing(served: Any) -> None:
    lead = _lead(served.bench)
    _note(served.bench, lead, "note", HOSTILE)
    _note(served.bench, lead, "label", HOSTILE[:60])
    page = served.page_of("analyst")
    for address in (f"remarks/on/{lead}", "remarks/", f"leads/{lead}"):
        page.goto(f"/case/{served.bench.case}/{address}")
        assert page.evaluate("window.ran") is None
    assert served.seen.faults == []


def test_by_mouse_and_by_keyboard_alone(served: Any) -> None:
    lead = _lead(served.bench)
    page = served.page_of("analyst")
    page.goto(f"/case/{served.bench.case}/leads/{lead}")
    page.get_by_role("link", name="Notes: 0").click()
    page.get_by_role("textbox", name="Note", exact=True).fill("by mouse")
    page.get_by_role("button", name="Add a note").click()
    page.get_by_text("by mouse").wait_for()
    page.get_by_role("textbox", name="Note", exact=True).focus()
    page.keyboard.type("by keys")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.get_by_text("by keys").wait_for()
    page.goto(f"/case/{served.bench.case}/remarks/")
    page.keyboard.press("j")
    page.locator("tr:focus").wait_for()
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/remarks/on/{lead}")
    for address in (page.url, f"{served.base}/case/{served.bench.case}/remarks/"):
        page.goto(address)
        found = Axe().run(page).response["violations"]
        assert [one["id"] for one in found if one["impact"] in {"serious", "critical"}] == []
    assert served.seen.faults == []
