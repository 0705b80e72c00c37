"""Money: the screens say what the command line says; every number leads to rows that give it; nothing steers."""

from __future__ import annotations

import hashlib
import html
import re
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from axe_playwright_python.sync_playwright import Axe

from headwater.custody import CustodyLog
from headwater.workflow import access_rows

from .money_case import HOSTILE_NAME
from .test_hostile_text import faults_of

REASON = "production order 7/2026"


def told(bench: Any, path: str = "", **options: Any) -> Any:
    """The JSON of an address below the screen."""
    full = path if path.startswith("/case/") else f"/case/{bench.case}/money/{path}"
    answer = bench.as_("analyst").get(full, as_json=True, **options)
    assert answer.status_code == 200, (full, answer.text[:500])
    return answer.json()


def text_of(bench: Any, path: str = "") -> str:
    answer = bench.as_("analyst").get(f"/case/{bench.case}/money/{path}")
    assert answer.status_code == 200, path
    return str(answer.text)


def first_service(bench: Any) -> Any:
    return next(one for one in told(bench)["services"] if one["questions"])


def test_the_overview_says_what_the_commands_say(money_bench: Any, headwater: Any) -> None:
    shown = told(money_bench)
    rows = headwater("money", money_bench.folder, "--json").rows
    ends = {(r["direction"], r["policy"], r["stop_reason"], r["service_id"]): r["amount_sat"]
            for r in rows if r["kind"] == "end"}  # fmt: skip
    assert {
        (flow["direction"], flow["policy"], end["stop_reason"], end["service_id"]): end["amount_sat"]
        for flow in shown["sums"]
        for end in flow["ends"]
    } == ends
    assert all(sum(end["amount_sat"] for end in flow["ends"]) == flow["followed_sat"] > 0 for flow in shown["sums"])
    assert shown["services"] == headwater("money", money_bench.folder, "--services", "--json").rows
    assert [{**row, "month": row["month"]} for row in shown["months"]] == headwater(
        "money", money_bench.folder, "--by-month", "--json"
    ).rows


@pytest.mark.parametrize("policy", ["fifo", "pro_rata"])
def test_every_bar_and_stream_leads_to_rows_that_give_it(money_bench: Any, policy: str) -> None:
    page = text_of(money_bench, f"?policy={policy}")
    svg = page[page.index("<svg", page.index("sankey-scroll")) :]
    svg = svg[: svg.index("</svg>")]
    links = re.findall(r'<a href="([^"]+)"[^>]*><(?:path|rect)[^>]*data-sat="(\d+)"', svg)
    assert len(links) > 15
    assert sum(href.count("hops=") for href, _ in links) > 8
    for href, amount_sat in links:
        assert told(money_bench, html.unescape(href))["amount_sat"] == int(amount_sat), href
    drawn = len(re.findall(r"data-sat=", svg))
    unlinked = re.findall(r'(?<!">)<(?:path|rect)[^>]*data-sat="(\d+)"', svg)
    assert drawn - len(links) == len(unlinked)
    # What has no rows is the platform's own bar, and "other services: none".
    total = max(flow["followed_sat"] for flow in told(money_bench)["sums"])
    assert {int(sat) for sat in unlinked} <= {0, total}


def test_every_number_of_the_sums_leads_to_rows_that_give_it(money_bench: Any) -> None:
    page = text_of(money_bench, "?policy=pro_rata")
    links = re.findall(r'<a href="([^"]*/money/ends\?[^"]*)">([\d\u202f]+)</a>', page)
    assert len(links) > 12
    for href, number in links:
        assert told(money_bench, html.unescape(href))["amount_sat"] == int(number.replace("\u202f", "")), href


def test_rows_behind_a_sum_are_those_of_the_command(money_bench: Any, headwater: Any) -> None:
    service = first_service(money_bench)
    asked = ("--direction", "backward", "--policy", "fifo", "--reason", f"service:{service['service_id']}")
    rows = headwater("endpoints", money_bench.folder, *asked, "--json").rows
    shown = told(money_bench, f"ends?policy=fifo&direction=backward&end=service:{service['service_id']}")
    assert shown["rows"] == rows[:50]
    assert shown["fitting"] == len(rows)
    assert shown["amount_sat"] == sum(row["amount_sat"] for row in rows) == service["fifo_sat"]
    some = headwater("endpoints", money_bench.folder, *asked, "--hops", "1-2", "--json").rows
    assert 0 < len(some) < len(rows)
    assert {row["hops"] for row in some} <= {1, 2}


def test_a_bound_is_no_less_than_any_rule_and_draws_no_stream(money_bench: Any) -> None:
    assert all(
        one["bound_sat"] >= max(one["fifo_sat"], one["pro_rata_sat"]) > 0 for one in told(money_bench)["services"]
    )
    page = text_of(money_bench, "?policy=bound")
    assert 'class="sankey"' not in page
    assert "Bounds do not add up" in page
    asker = money_bench.as_("analyst")
    assert asker.get(f"/case/{money_bench.case}/money/?policy=none").status_code == 422
    assert asker.get(f"/case/{money_bench.case}/money/ends?policy=none&direction=backward").status_code == 422
    assert asker.get(f"/case/{money_bench.case}/money/ends?policy=fifo&direction=backward&hops=x").status_code == 422


def test_tokens_add_up(money_bench: Any, headwater: Any) -> None:
    rows = [r for r in headwater("money", money_bench.folder, "--json").rows if r["kind"] == "token_end"]
    token = rows[0]
    shown = told(money_bench, f"?coins={quote(token['chain'] + '/' + token['token_contract'], safe='')}")
    for side in shown:
        assert sum(int(end["amount_units"]) for end in side["ends"]) == int(side["followed_units"])
    names = ("stop_reason", "service_id", "amount_units")
    ends = {(side["direction"], *(end[name] for name in names)) for side in shown for end in side["ends"]}
    assert ends == {(row["direction"], *(row[name] for name in names)) for row in rows}
    assert money_bench.as_("analyst").get(f"/case/{money_bench.case}/money/?coins=none/none").status_code == 404


def test_each_sum_of_a_token_leads_to_rows_that_give_it(money_bench: Any) -> None:
    asker = money_bench.as_("analyst")
    rows = asker.get(f"/case/{money_bench.case}/tables/token_traces/", as_json=True).json()["rows"]
    coins = {f"{row['chain']}/{row['token_contract']}" for row in rows}
    seen = 0
    for coin in sorted(coins):
        for side in told(money_bench, f"?coins={quote(coin, safe='')}"):
            for end in side["ends"]:
                named = quote(f"{end['stop_reason']}:{end['service_id'] or ''}", safe="")
                where = f"token-ends?coins={quote(coin, safe='')}&direction={side['direction']}&end={named}"
                shown = told(money_bench, where)
                assert shown["amount_units"] == end["amount_units"], where
                assert sum(int(row["amount_units"]) for row in shown["rows"]) == int(end["amount_units"])
                assert text_of(money_bench, where).count("data-row") == shown["fitting"]
                seen += shown["fitting"]
    assert seen
    assert asker.get(f"/case/{money_bench.case}/money/token-ends?coins={quote(coin)}&end=none:").status_code == 422


def test_a_question_shows_the_whole_way_and_what_would_make_it_false(money_bench: Any, headwater: Any) -> None:
    service = first_service(money_bench)
    questions = told(money_bench, f"services/{service['service_id']}")["questions"]
    sheets = headwater(
        *("request", money_bench.folder, "--service", service["actor"], "--show"),
        *("--operator", "A. Analyst", "--why", REASON, "--json"),
    ).rows
    asked = {one["request_id"]: one for sheet in sheets if "service" in sheet for one in sheet["requests"]}
    assert asked.keys() == {one["request_id"] for one in questions}
    for wanted in sorted(asked)[:6]:
        assert told(money_bench, f"questions/{wanted}")["request"] == asked[wanted]
        page = text_of(money_bench, f"questions/{wanted}")
        assert page.index("What would make this false") < page.index("The way, hop by hop")
        best = max(asked[wanted]["paths"], key=lambda path: path["amount_sat"])
        assert all(hop["txid"] in page for hop in best["hops"])
        assert all(txid in page for txid in asked[wanted]["merges"])
        assert len(asked[wanted]["merges"]) == len(set(asked[wanted]["merges"]))


def test_a_month_says_which_questions(money_bench: Any) -> None:
    months = [row for row in told(money_bench)["months"] if row["service_id"]]
    row = months[0]
    address = f"services/{row['service_id']}?month={row['month']}&direction={row['direction']}"
    shown = told(money_bench, address)
    assert len(shown["questions"]) == shown["fitting"] < shown["total"]
    assert len({one["txid"] for one in shown["questions"]}) == row["transactions"]


def test_the_sheet_that_is_handed_out_is_that_of_the_command(money_bench: Any, headwater: Any, tmp_path: Path) -> None:
    service = first_service(money_bench)
    who = ("--operator", "A. Analyst", "--why", REASON)
    done = headwater("request", money_bench.folder, "--service", service["actor"], "--out", tmp_path / "sheets", *who)
    assert done.status == 0, done.err
    written = {path.name: path.read_bytes() for path in (tmp_path / "sheets").iterdir()}
    asker = money_bench.as_("analyst")
    address = f"/case/{money_bench.case}/money/services/{service['service_id']}/sheet"
    for about in ("coins", "tokens"):
        for kind in ("pdf", "csv", "json"):
            answer = asker.post(address, {"reason": REASON, "format": kind, "about": about})
            assert answer.status_code == 200, answer.text[:300]
            [name] = re.findall(r'filename="([^"]+)"', answer.headers["content-disposition"])
            assert answer.content == written[name], name
            assert ("_tokens." in name) == (about == "tokens")
    entry = list(CustodyLog.open(money_bench.folder).entries())[-1]
    assert (entry.event, entry.actor) == ("exported", "A. Analyst")
    assert hashlib.sha256(answer.content).hexdigest() in entry.output_digests.values()
    logged = [row.entry for row in access_rows(money_bench.folder) if row.entry.event == "exported"]
    assert REASON in logged[-1].justification
    assert service["service_id"] in logged[-1].object_ids


def test_without_a_reason_nothing_is_handed_out(money_bench: Any) -> None:
    service = first_service(money_bench)
    before = len(list(CustodyLog.open(money_bench.folder).entries()))
    address = f"/case/{money_bench.case}/money/services/{service['service_id']}/sheet"
    for form in ({"format": "pdf"}, {"reason": "short", "format": "pdf"}, {"reason": REASON, "format": "exe"}):
        assert money_bench.as_("analyst").post(address, form).status_code == 422
    assert len(list(CustodyLog.open(money_bench.folder).entries())) == before


def test_a_preview_holds_what_will_be_handed_out(money_bench: Any) -> None:
    service = first_service(money_bench)
    sheet = told(money_bench, f"services/{service['service_id']}/sheet")["sheet"]
    page = text_of(money_bench, f"services/{service['service_id']}/sheet")
    assert sheet["basis"]["custody_head"] in page
    assert all(one["txid"] in page for one in sheet["requests"][:50])
    assert "account_id" not in str(sheet)


def _tagged(bench: Any, headwater: Any) -> Any:
    """The largest tagged cluster."""
    rows = headwater("show", bench.folder, "cluster_tags", "--json").rows
    found = [headwater("address-cluster", bench.folder, row["address_cluster_id"], "--json").rows[0] for row in rows]
    return max(found, key=lambda one: one["scripts"])


def test_a_cluster_says_what_the_command_says(money_bench: Any, headwater: Any) -> None:
    cluster = _tagged(money_bench, headwater)
    shown = told(money_bench, f"clusters/{cluster['address_cluster_id']}")
    assert shown["cluster"] == cluster
    assert len(cluster["merges"]) == cluster["scripts"] - 1 == len(cluster["members"]) - 1
    address = cluster["members"][-1]["address"]
    moved = money_bench.as_("analyst").get(f"/case/{money_bench.case}/money/clusters/{address}")
    assert moved.headers["location"].endswith(f"/clusters/{cluster['address_cluster_id']}")
    assert money_bench.as_("analyst").get(f"/case/{money_bench.case}/money/clusters/none").status_code == 404


def test_why_two_addresses_are_together_and_what_a_cut_would_do(money_bench: Any, headwater: Any) -> None:
    cluster = _tagged(money_bench, headwater)
    one, other = cluster["members"][0]["address"], cluster["members"][-1]["address"]
    steps = headwater("explain", money_bench.folder, one, other, "--json").rows
    base = f"clusters/{cluster['address_cluster_id']}"
    assert told(money_bench, f"{base}?one={one}&other={other}")["path"] == steps
    txid = cluster["merges"][0]["txid"]
    [cut] = headwater("explain", money_bench.folder, txid, "--cut", "--json").rows
    assert told(money_bench, f"{base}?cut={txid}")["cut"] == cut
    assert txid in text_of(money_bench, f"{base}?cut={txid}")
    elsewhere = _elsewhere(cluster, headwater, money_bench)
    assert "no chain of transactions" in text_of(money_bench, f"{base}?one={one}&other={elsewhere}")
    assert "no transaction of this case" in text_of(money_bench, f"{base}?cut=none")


def _elsewhere(cluster: Any, headwater: Any, bench: Any) -> str:
    rows = headwater("show", bench.folder, "address_clusters", "--json").rows
    return next(r["address"] for r in rows if r["address"] and r["address_cluster_id"] != cluster["address_cluster_id"])


def test_the_link_chart_is_capped_in_words_and_is_that_of_the_command(money_bench: Any, headwater: Any) -> None:
    cluster = _tagged(money_bench, headwater)
    address = f"clusters/{cluster['address_cluster_id']}?hops=1&cap=5"
    shown = told(money_bench, address)["links"]
    [same] = headwater(
        "address-cluster", money_bench.folder, cluster["address_cluster_id"], "--links", "--cap", 5, "--json"
    ).rows
    places = [(node["id"], node["x"], node["y"]) for node in same["nodes"]]
    assert [(node["id"], node["x"], node["y"]) for node in shown["nodes"]] == places
    assert (shown["shown"], shown["omitted"]) == (5, shown["total"] - 5)
    assert f"Shows 5 of {shown['total']}" in text_of(money_bench, address)
    whole = told(money_bench, f"clusters/{cluster['address_cluster_id']}?hops=1&cap=9999")["links"]
    assert whole["shown"] == min(240, whole["total"])


def test_what_others_wrote_stays_text(money_bench: Any, headwater: Any) -> None:
    service = first_service(money_bench)
    assert service["name"] == HOSTILE_NAME, "the first service is the one whose register entry steers"
    question = told(money_bench, f"services/{service['service_id']}")["questions"][0]["request_id"]
    cluster = _tagged(money_bench, headwater)["address_cluster_id"]
    own = f"services/{service['service_id']}"
    asked = quote(HOSTILE_NAME.replace("/", ""), safe="")
    paths = ["", "?policy=bound", own, f"{own}/sheet", f"questions/{question}", f"clusters/{cluster}?hops=2&cap=60"]
    paths += [f"ends?policy=fifo&direction=backward&end=*:{service['service_id']}"]
    paths += [f"{place}/{asked}" for place in ("clusters", "services", "questions")]
    met = 0
    for path in paths:
        page = money_bench.as_("analyst").get(f"/case/{money_bench.case}/money/{path}").text
        assert faults_of(page) == [], path
        met += "pwn" in page
    assert met == len(paths)


def test_the_log_names_what_was_read(money_bench: Any) -> None:
    service = first_service(money_bench)
    text_of(money_bench, f"services/{service['service_id']}")
    *_, last = access_rows(money_bench.folder)
    assert last.entry.object_ids[:3] == ("reading:service", "table:request_sheets", service["service_id"])


def test_a_case_without_money_says_so(bench: Any) -> None:
    page = bench.as_("analyst").get(f"/case/{bench.case}/money/")
    assert page.status_code == 200
    assert "Nothing was followed" in page.text


def test_by_mouse_and_by_keyboard_alone(money_served: Any) -> None:
    case = f"/case/{money_served.bench.case}"
    page = money_served.page_of("analyst")
    page.goto(f"{case}/")
    page.get_by_role("link", name="Money", exact=True).click()
    page.get_by_role("link", name="Open the first request sheet").click()
    by_mouse = page.url
    assert page.get_by_role("heading", level=1).inner_text().startswith("Request sheet")
    page.get_by_label("Why do you need it?").fill(REASON)
    with page.expect_download() as taken:
        page.get_by_role("button", name="Export").click()
    assert taken.value.suggested_filename.endswith(".pdf")

    page.goto(f"{case}/money/")
    page.keyboard.press("j")
    page.locator("tr:focus").wait_for()
    page.keyboard.press("Enter")
    page.wait_for_url("**/money/services/*")
    page.get_by_role("link", name="Request sheet").focus()
    page.keyboard.press("Enter")
    page.wait_for_url(by_mouse)
    page.keyboard.press("j")
    page.locator("tr:focus").wait_for()
    page.keyboard.press("Enter")
    page.wait_for_url("**/money/questions/*")
    assert not money_served.seen.faults


def test_a_stream_and_the_link_chart_are_opened_by_keyboard(money_served: Any) -> None:
    case = f"/case/{money_served.bench.case}"
    page = money_served.page_of("analyst")
    page.goto(f"{case}/money/")
    page.locator("svg.sankey a").first.focus()
    page.keyboard.press("Enter")
    page.wait_for_url("**/money/ends?*")
    page.locator("td a[href*='/clusters/']").first.click()
    page.get_by_role("link", name="Draw the link chart").click()
    page.locator("figure[data-nodes]").wait_for()
    page.locator(".linkchart-stage").focus()
    page.keyboard.press("ArrowLeft")
    assert page.locator(".linkchart-told").inner_text()
    assert not money_served.seen.faults


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_serious(money_served: Any, scheme: str) -> None:
    bench = money_served.bench
    service = first_service(bench)["service_id"]
    question = told(bench, f"services/{service}")["questions"][0]
    page = money_served.page_of("analyst", color_scheme=scheme)
    paths = ["", "?policy=bound", f"services/{service}", f"services/{service}/sheet"]
    paths += [f"questions/{question['request_id']}", f"clusters/{question['address']}?hops=1&cap=30"]
    paths += [f"ends?policy=fifo&direction=backward&end=*:{service}"]
    found = []
    for path in paths:
        page.goto(f"/case/{bench.case}/money/{path}")
        found += [
            (path, fault["id"], [node["html"][:160] for node in fault["nodes"][:3]])
            for fault in Axe().run(page).response["violations"]
            if fault["impact"] in {"serious", "critical"}
        ]
    assert not found
    assert not money_served.seen.faults


def test_everything_can_be_read_without_scripts(money_served: Any) -> None:
    page = money_served.page_of("analyst", java_script_enabled=False)
    bench = money_served.bench
    question = told(bench, f"services/{first_service(bench)['service_id']}")["questions"][0]
    page.goto(f"/case/{bench.case}/money/")
    assert page.locator("svg.sankey a").count() > 15
    page.goto(f"/case/{bench.case}/money/clusters/{question['address']}?hops=1&cap=30")
    assert page.locator("svg.linkchart [data-node]").count() > 1
    assert page.locator("svg.linkchart").is_visible()
