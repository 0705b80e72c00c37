"""Whatever stands in evidence stays text: through every route, in a parser and in a real browser."""

from __future__ import annotations

from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from axe_playwright_python.sync_playwright import Axe

from headwater.schema import TABLES
from headwater_web.interfaces import INTERFACES, Interface
from headwater_web.routes import ROUTES
from headwater_web.rules import Route
from headwater_web.screens.files import OWN_FILES
from headwater_web.text import MOST_CHARACTERS, Seized, finalised, seized_markup, visible

from .hostile import HOSTILE, MARK, poison
from .test_routes import address

CONTRADICTED = {
    "money",
    "money_ends",
    "money_token_ends",
    "money_service",
    "money_question",
    "money_sheet",
    "money_cluster",
    "leads_movers",
}
"""Screens that stop before tables whose sums or digests contradict each other, as the hostile case has them. Money is
looked at with hostile names in a case whose sums hold, in test_money.py."""
SILENT = CONTRADICTED | {
    "intake", "intake_entries", "intake_refused", "intake_ranges", "mapping", "mapping_checks",  # no exhibit
    "home", "tables", "hubs", "viewer", "export_form", "saved_views", "audit_check", "go_to",  # numbers and own words
    "review", "review_undo_form", "review_cut_form",  # they lead elsewhere where nothing was judged
    "viewer_exported", "viewer_file", "grades_shown",  # of files that nobody made or sent
    "leads_by_country",  # countries are ours
}  # fmt: skip
"""Screens that show nothing of the hostile case, and why not."""

VOID = {"meta", "link", "input", "img", "br", "rect", "path"}


class Elements(HTMLParser):
    """Takes note of what of a page is markup: tags and attributes, and which attributes an address could be in."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.faults: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        own_scripts = {f"/own/{name}" for name, kind in OWN_FILES.items() if kind == "text/javascript"}
        given = dict(attrs)
        if MARK in tag or tag in {"iframe", "object", "embed", "base", "style", "template", "math", "animate"}:
            self.faults.append(f"<{tag}>")
        if tag == "script" and given.get("src") not in own_scripts:
            self.faults.append("<script>")
        for name, value in attrs:
            where = f"<{tag} {name}={(value or '')[:60]!r}>"
            if MARK in name or name.startswith(("on", "hx-on", "data-hx")) or name in {"style", "srcdoc", "formaction"}:
                self.faults.append(where)
            if name in {"href", "src", "action", "hx-get"} and not (value or "").startswith(("/", "#", "?")):
                self.faults.append(where)
            if name in {"href", "src", "action", "hx-get"} and (value or "").startswith("//"):
                self.faults.append(where)
            if name in {"hx-headers", "hx-target", "hx-trigger", "class", "id"} and MARK in (value or ""):
                self.faults.append(where)

    def handle_comment(self, _: str) -> None:
        self.faults.append("comment")


def faults_of(text: str) -> list[str]:
    """What of a page would be markup that is not ours, and characters in it that steer."""
    parser = Elements()
    parser.feed(text)
    steering = [f"U+{ord(c):04x}" for c in "\u202e\u2066\u2069\u200b\u200f\ufeff\x00\x1b\x07\x7f" if c in text]
    return parser.faults + steering


@pytest.fixture
def poisoned(small: Any) -> Path:
    poison(small.case)
    return small.case  # type: ignore[no-any-return]  # a path


def asked(text: str) -> str:
    """A text as a part of an address; a half of a character as the three bytes that would be it."""
    return quote(text[:300], safe="", errors="surrogatepass")


IN_PATHS = [text for text in (HOSTILE[1], HOSTILE[2], HOSTILE[4], HOSTILE[-2]) if "/" not in text]
"""What can be a part of a path: an id in the hostile case is such a text, too."""


def pages_of(route: Route, case: str) -> list[str]:
    """Addresses of a screen: as it is, of hostile things, and with a hostile text in each parameter."""
    plain = address(route, case)
    interface = INTERFACES.get(route.name, Interface())
    paths = [plain]
    if route.sample:
        for text in IN_PATHS:
            samples = tuple((name, value if name == "table" else asked(text)) for name, value in route.sample)
            paths.append(address(replace(route, sample=samples), case))
    if "{table}" in route.path:
        paths += [plain.replace("/items/", f"/{table.name}/") for table in TABLES]
    if route.name in {"row", "opened"}:
        key = "item_id" if route.name == "row" else "outcome_id"
        paths += [f"{plain}?is.{key}={asked(text)}" for text in HOSTILE[:3]]
    names = [name.replace("COLUMN", "path") for name in (*interface.texts, *interface.numbers)]
    return paths + [f"{plain}?{name}={asked(text)}" for name in names for text in (HOSTILE[1], HOSTILE[5], HOSTILE[-1])]


def readers(route: Route) -> str:
    wanted = ("victim-data analyst", "approver", "auditor", "administrator")
    return next((role for role in wanted if role in route.roles), "victim-data analyst")


SCREENS = [route for route in ROUTES if "GET" in route.methods and route.name != "own_file"]


def test_no_page_has_markup_that_came_from_evidence(make_bench: Any, poisoned: Path, tmp_path: Path) -> None:
    bench = make_bench([poisoned], tmp_path / "state")
    shown: dict[str, int] = {}
    faults = []
    for route in SCREENS:
        for path in pages_of(route, bench.case):
            answer = bench.as_(readers(route)).get(path)
            allowed = {200, 202, 303, 401, 403, 404, 406, 409, 422} | ({500} if route.name in CONTRADICTED else set())
            if answer.status_code not in allowed:
                faults.append((route.name, path[:200], answer.status_code))
            faults += [(route.name, path[:200], fault) for fault in faults_of(answer.text)]
            shown[route.name] = shown.get(route.name, 0) + (MARK in answer.text)
    assert not faults, "\n".join(map(str, faults))
    assert shown["table"] > len(TABLES) * 0.9
    # Screens of a case show something of it, so that what was looked through is what could have done harm.
    silent = {route.name for route in SCREENS if route.in_case and not shown[route.name]}
    assert silent <= SILENT, silent - SILENT
    bench.workbench.close()


def test_that_markup_came_through_would_be_seen() -> None:
    for text in (*HOSTILE[:2], HOSTILE[3], HOSTILE[5], *HOSTILE[7:11]):
        assert faults_of(f"<p>{text}</p>"), text


def test_nothing_runs_in_a_browser_on_any_screen(serve: Any, make_bench: Any, poisoned: Path, tmp_path: Path) -> None:
    served = serve(lambda port: make_bench([poisoned], tmp_path / "state", port))
    pages = {}
    hurt = []
    for route in SCREENS:
        if route.name in {"description", "viewer_file"}:
            continue  # files for programs
        role = readers(route)
        if role not in pages:
            pages[role] = served.page_of(role)
            pages[role].expose_function(MARK, lambda *said: served.seen.faults.append(f"ran: {said}"))
        paths = pages_of(route, served.bench.case)
        for path in dict.fromkeys((paths[0], *paths[1:3], *paths[-3:])):
            pages[role].goto(path, timeout=120_000)  # a page of a million letters, on a busy machine
            hurt += [(route.name, path[:200], fault) for fault in served.seen.faults]
            served.seen.faults.clear()
        hurt += [(route.name, fault) for fault in serious(pages[role])]
    assert not hurt, hurt[:40]


def serious(page: Any) -> list[tuple[str, list[str]]]:
    return [
        (fault["id"], [node["html"][:120] for node in fault["nodes"][:3]])
        for fault in Axe().run(page).response["violations"]
        if fault["impact"] in {"serious", "critical"}
    ]


def test_what_is_opened_by_htmx_stays_text(serve: Any, make_bench: Any, poisoned: Path, tmp_path: Path) -> None:
    served = serve(lambda port: make_bench([poisoned], tmp_path / "state", port))
    page = served.page_of("analyst")
    page.expose_function(MARK, lambda *said: served.seen.faults.append(f"ran: {said}"))
    page.goto(f"/case/{served.bench.case}/tables/wallet_addresses/")
    assert MARK not in page.locator("tbody tr").first.locator(".veil").inner_text()
    page.get_by_role("link", name="open", exact=True).first.click()  # by htmx, which parses what it gets
    page.locator("tbody bdi", has_text="pwn('tag')").first.wait_for()
    page.locator("tbody tr").first.focus()
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    page.wait_for_url("**/row?*")
    assert not served.seen.faults


def test_what_the_policy_stops_is_reported_and_does_not_run(served: Any) -> None:
    """The other side of 0 reports: where something does get into a page, it is stopped and told of."""
    page = served.page_of("analyst")
    page.goto("/")
    page.expose_function(MARK, lambda: served.seen.faults.append("ran"))
    page.evaluate("try { document.body.setAttribute('onclick', 'pwn()'); document.body.click() } catch {}")
    refused = page.evaluate(
        """() => ['<b onclick="pwn()">', '<script>pwn()</script>', '<a href="javascript:pwn()">', '<iframe src=x>']
           .map((text) => { try { document.createElement('p').innerHTML = text; return 1; } catch { return 0; } })"""
    )
    assert refused == [0] * 4
    assert page.evaluate("document.createElement('p').innerHTML = '<b title=\"a onclick=1\">ours</b>'")
    page.evaluate("fetch('http://pwn.example/').catch(() => 'stopped')")
    page.wait_for_timeout(300)  # what is told comes by a call from the page
    told = [fault for fault in served.seen.faults if fault.startswith("policy: ")]
    assert "ran" not in served.seen.faults
    assert any("connect-src" in fault for fault in told), told
    assert any("require-trusted-types-for" in fault for fault in told), told


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain", "plain"),
        ("\u202eabc", "\\u202eabc"),
        ("a\x00b\x1b[2J", "a\\u0000b\\u001b[2J"),
        ("\ud800", "\\ud800"),
        ("\U000e0041", "\\U000e0041"),
        ("line\nline\ttab", "line\nline\ttab"),
        ("Zoë, 名前", "Zoë, 名前"),
    ],
)
def test_what_steers_is_made_visible_and_nothing_else_changes(text: str, shown: str) -> None:
    assert visible(text) == shown
    assert str(seized_markup(text)) == f"<bdi>{shown}</bdi>"


def test_a_long_text_is_cut_and_says_so() -> None:
    markup = str(seized_markup("x" * (MOST_CHARACTERS + 1_234)))
    assert markup == f"<bdi>{'x' * MOST_CHARACTERS}<span> … +1,234</span></bdi>"


def test_a_seized_text_is_no_string_and_is_escaped_wherever_it_is_put() -> None:
    assert not isinstance(Seized("x"), str)
    assert str(finalised(Seized("<b>"))) == "<bdi>&lt;b&gt;</bdi>"
    assert str(finalised("\u05d0<")) == "<bdi>\u05d0&lt;</bdi>"
    assert finalised(3) == 3
    assert finalised(None) == ""
