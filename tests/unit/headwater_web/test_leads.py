"""The leads: in order, filtered, and one of them with what speaks against it first."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from axe_playwright_python.sync_playwright import Axe

from headwater.workflow import access_rows


def _shown(bench: Any, query: str = "") -> dict[str, Any]:
    answer = bench.as_("analyst").get(f"/case/{bench.case}/leads/{query}", as_json=True)
    assert answer.status_code == 200
    return dict(answer.json())


def test_the_leads_stand_in_their_order(bench: Any, headwater: Any) -> None:
    told = headwater("leads", "list", bench.folder, "--limit", 0, "--json").rows
    shown = _shown(bench)
    assert [lead["lead_id"] for lead in shown["leads"]] == [lead["lead_id"] for lead in told]
    assert shown["total"] == shown["fitting"] == len(told) > 0


def test_a_tier_and_a_country_are_asked_for(bench: Any) -> None:
    leads = _shown(bench)["leads"]
    tier = leads[0]["risk_tier"]
    assert _shown(bench, f"?tier={tier}")["leads"] == [lead for lead in leads if lead["risk_tier"] == tier]
    for country in {lead["lead_country"] for lead in leads}:
        wanted = [lead for lead in leads if lead["lead_country"] == country]
        assert _shown(bench, f"?country={quote(country or 'none')}")["leads"] == wanted
    assert _shown(bench, "?country=XX")["leads"] == []


def test_a_rank_leads_to_the_lead_itself(bench: Any) -> None:
    first = _shown(bench)["leads"][0]
    answer = bench.as_("analyst").get(f"/case/{bench.case}/leads/1")
    assert answer.headers["location"] == f"/case/{bench.case}/leads/{first['lead_id']}"


def test_one_lead_says_what_the_command_line_says(bench: Any, headwater: Any) -> None:
    first = _shown(bench)["leads"][0]
    [told] = headwater("leads", "explain", bench.folder, first["lead_id"], "--json").rows
    asker = bench.as_("analyst")
    assert asker.get(f"/case/{bench.case}/leads/{first['lead_id']}", as_json=True).json()["lead"] == told
    text = asker.get(f"/case/{bench.case}/leads/{first['lead_id']}").text
    assert text.index("What speaks against it") < text.index("Because")
    assert first["lead_id"] in text


def test_the_log_names_the_leads_that_were_read(bench: Any) -> None:
    first = _shown(bench)["leads"][0]["lead_id"]
    bench.as_("analyst").get(f"/case/{bench.case}/leads/{first}", as_json=True)
    *_, last = access_rows(bench.folder)
    assert last.entry.object_ids[:3] == ("reading:lead", "table:leads", first)


def test_a_lead_that_is_none_is_not_found(bench: Any) -> None:
    assert bench.as_("analyst").get(f"/case/{bench.case}/leads/led-none").status_code == 404


def test_by_mouse_and_by_keyboard_alone(served: Any) -> None:
    page = served.page_of("analyst")
    page.goto(f"/case/{served.bench.case}/")
    page.get_by_role("link", name="Leads", exact=True).click()
    page.get_by_role("link", name="Open the first").click()
    by_mouse = page.url
    assert "/leads/led-" in by_mouse
    assert page.get_by_role("heading", name="What speaks against it").is_visible()
    page.get_by_role("link", name="All leads").click()
    # Keys do something from the moment on at which the page is whole.
    page.goto(f"/case/{served.bench.case}/leads/")
    page.keyboard.press("j")
    page.locator("tr:focus").wait_for()
    page.keyboard.press("Enter")
    page.wait_for_url(by_mouse)
    for address in (by_mouse, f"{served.base}/case/{served.bench.case}/leads/"):
        page.goto(address)
        found = Axe().run(page).response["violations"]
        assert [one["id"] for one in found if one["impact"] in {"serious", "critical"}] == []
    assert not served.seen.faults
