"""Leads by country, movers and the timeline: what the command line says, with every number leading to its rows."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import urlencode
from xml.etree import ElementTree as ET

from axe_playwright_python.sync_playwright import Axe

from headwater.workflow import access_rows
from headwater.workflow.running import reported_run
from headwater_web.atlas import BOUNDS, country_map, country_paths, shade_of

SVG = "{http://www.w3.org/2000/svg}"


def _asked(bench: Any, path: str) -> dict[str, Any]:
    answer = bench.as_("analyst").get(f"/case/{bench.case}/{path}", as_json=True)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def _page(bench: Any, path: str) -> str:
    answer = bench.as_("analyst").get(f"/case/{bench.case}/{path}")
    assert answer.status_code == 200
    return str(answer.text)


def test_countries_are_those_of_the_command_line_and_lead_to_their_leads(bench: Any, headwater: Any) -> None:
    told = headwater("leads", "by-country", bench.folder, "--json").rows
    shown = _asked(bench, "leads/by-country")
    assert shown["countries"] == told
    for row in told:
        fitting = _asked(bench, f"leads/?{urlencode({'country': row['country'] or 'none'})}")["fitting"]
        assert fitting == row["leads"]
    assert sum(row["leads"] for row in told) == shown["leads"]
    text = _page(bench, "leads/by-country")
    for row in told:
        assert urlencode({"country": row["country"] or "none"}) in text


def test_shapes_are_whole_numbers_and_stay_on_the_sheet() -> None:
    paths = country_paths()
    assert len(paths) > 170
    assert {"DE", "FR", "US", "RU", "FJ", "NZ"} <= paths.keys()
    for code, path in paths.items():
        assert re.fullmatch(r"(?:M-?\d+ -?\d+l(?:-?\d+ -?\d+ ?)+z)+", path), code
        steps = [abs(int(dx)) for part in re.findall(r"l([^z]+)z", path) for dx in re.findall(r"(-?\d+) -?\d+", part)]
        assert max(steps) < 200, code  # nobody's outline crosses half of the world


def test_a_country_without_a_shape_is_told_of() -> None:
    drawing, missing = country_map({"DE": 5, "MT": 2, "ZZ": 1}, title="t", about="a", words={})
    assert missing == ["MT", "ZZ"]
    [germany] = [shape for shape in drawing.shapes if shape.place]
    assert (germany.place, germany.name) == ("DE", f"m-{shade_of(5)}")
    assert [shade_of(count) for count in (0, *BOUNDS)] == [0, 1, 2, 3, 4, 5]


def test_movers_are_those_of_the_command_line(bench: Any, headwater: Any) -> None:
    [told] = headwater("leads", "movers", bench.folder, "--json").rows
    assert _asked(bench, "leads/movers") == told
    assert "no earlier run" in _page(bench, "leads/movers")
    rows = headwater("queue", bench.folder, "--operator", "S. Second", "--json").rows
    link = next(row["link_id"] for row in rows if row.get("claim") == "used")
    for name in ("A. Examiner", "S. Second"):
        done = headwater("judge", bench.folder, link, "positive", "--why", "looked", "--operator", name)
        assert done.status == 0, done.err
    assert headwater("run", bench.folder, "--operator", "A. Examiner").status == 0
    [told] = headwater("leads", "movers", bench.folder, "--json").rows
    assert told["before"] is not None
    assert _asked(bench, "leads/movers") == told


def test_a_bar_leads_to_as_many_rows_as_it_says(bench: Any, headwater: Any) -> None:
    [told] = headwater("leads", "timeline", bench.folder, "1", "--json").rows
    shown = _asked(bench, "leads/1/timeline")
    assert shown["timeline"] == told
    assert shown["fitting"] == told["events"] == told["in_bins"] + told["undated"]
    for one in told["bins"]:
        asked = urlencode({"from": one["begin"]["utc"], "until": one["end"]["utc"], "lane": one["lane"]})
        rows = _asked(bench, f"leads/1/timeline?{asked}")
        assert rows["fitting"] == sum(one["counts"].values())
        for row in rows["events"]:
            assert row["lane"] == one["lane"]


def test_the_log_names_the_rows_of_the_timeline_that_were_shown(bench: Any) -> None:
    shown = _asked(bench, "leads/1/timeline")
    *_, last = access_rows(bench.folder)
    first = shown["events"][0]
    assert last.entry.object_ids[0] == "reading:timeline"
    assert f"{first['table']}:{first['row_id']}" in last.entry.object_ids


def test_a_zone_is_asked_for_and_one_that_is_none_is_refused(bench: Any) -> None:
    assert _asked(bench, "leads/1/timeline?zone=Asia/Tokyo")["timeline"]["zone"]["name"] == "Asia/Tokyo"
    asker = bench.as_("analyst")
    for query in ("zone=Nowhere/At", "from=2026-01-01", "from=2026-02-01&until=2026-01-01", "from=x&until=y"):
        assert asker.get(f"/case/{bench.case}/leads/1/timeline?{query}").status_code == 422
    assert asker.get(f"/case/{bench.case}/leads/led-none/timeline").status_code == 404


def test_the_drawing_on_the_page_has_every_bar_and_no_style(bench: Any) -> None:
    lead = _asked(bench, "leads/")["leads"][0]["lead_id"]
    text = _page(bench, f"leads/{lead}")
    told = _asked(bench, f"leads/{lead}/timeline")["timeline"]
    drawn = next(svg for svg in re.findall(r"<svg xmlns.*?</svg>", text, re.DOTALL) if "t-ground" in svg)
    links = {a.get("href") for a in ET.fromstring(drawn).iter(f"{SVG}a")}
    assert len(links) == len(told["bins"])
    assert "style=" not in drawn


def test_rows_stand_beside_each_claim_of_a_lead(bench: Any) -> None:
    lead = _asked(bench, "leads/")["leads"][0]
    told = _asked(bench, f"leads/{lead['lead_id']}")["lead"]
    text = _page(bench, f"leads/{lead['lead_id']}")
    assert len(told["claims"]["rules"]) == len(lead["rules_fired"])
    for claim in [*told["claims"]["rules"], *told["claims"]["jurisdiction"]]:
        assert claim["rows"], claim
        for row in claim["rows"]:
            assert str(row[claim["columns"][0]]) in text


def test_an_outcome_stands_in_the_list_and_can_be_asked_for(bench: Any, headwater: Any, tmp_path: Any) -> None:
    first, second = (lead["lead_id"] for lead in _asked(bench, "leads/")["leads"][:2])
    report = tmp_path / "outcomes.csv"
    report.write_text(
        "lead_id,outcome,reported_on,reported_by,note\n"
        f"{first},payer_identified,2026-02-01,Unit DE,\n{second},no_action,2026-02-01,Unit DE,\n"
    )
    done = headwater("reference", "add", bench.folder, "outcomes", report, "--name", "DE", "--version", "1",
                     "--operator", "A. Examiner")  # fmt: skip
    assert done.status == 0, done.err
    shown = _asked(bench, "leads/?outcome=payer_identified")
    assert [lead["lead_id"] for lead in shown["leads"]] == [first]
    assert shown["outcomes"] == {first: "payer_identified"}
    rest = _asked(bench, "leads/?outcome=none")
    assert rest["fitting"] == rest["total"] - 2
    assert "Payer identified" in _page(bench, "leads/") or "payer identified" in _page(bench, "leads/").lower()


def test_home_tells_of_a_run_that_goes_on(bench: Any) -> None:
    assert _asked(bench, "")["running"] is None
    with reported_run(bench.folder, lambda: "2026-01-01T00:00:00Z") as reported:
        reported("hashing", lambda *_: None)
        assert _asked(bench, "")["running"]["stage"] == "hashing"
        text = _page(bench, "")
    assert "No estimate yet." in text
    assert "No estimate yet." not in _page(bench, "")


def test_by_mouse_and_by_keyboard_alone(served: Any) -> None:
    page = served.page_of("analyst")
    root = f"/case/{served.bench.case}"
    page.goto(f"{root}/leads/")
    page.get_by_role("link", name="Open the first").click()
    page.get_by_role("link", name="Every event with its row").click()
    by_mouse = page.url
    page.goto(f"{root}/leads/1/timeline")
    page.keyboard.press("j")
    page.locator("tr:focus").wait_for()
    page.keyboard.press("Enter")
    page.wait_for_load_state()
    lead = by_mouse.removesuffix("/timeline")
    for address in (lead, by_mouse, f"{root}/leads/by-country", f"{root}/leads/movers", f"{root}/"):
        page.goto(address)
        page.wait_for_load_state("networkidle")
        found = Axe().run(page).response["violations"]
        assert [one["id"] for one in found if one["impact"] in {"serious", "critical"}] == [], address
    narrow = served.page_of("analyst", viewport={"width": 390, "height": 800})
    for address in (lead, by_mouse, f"{root}/leads/by-country", f"{root}/"):
        narrow.goto(address)
        assert narrow.evaluate("document.documentElement.scrollWidth") <= 390, address
    assert not served.seen.faults
