"""Whatever stands in evidence stays text: through every route, in a parser and in a real browser."""

from __future__ import annotations

from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from headwater.schema import TABLES
from headwater_web.text import MOST_CHARACTERS, Seized, finalised, seized_markup, visible

from .hostile import HOSTILE, MARK, poison

VOID = {"meta", "link", "input", "img", "br", "rect", "path"}


class Elements(HTMLParser):
    """Takes note of what of a page is markup: tags and attributes, and which attributes an address could be in."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.faults: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        own_scripts = {"/own/trusted.js", "/own/vendor/htmx.min.js", "/own/headwater.js", "/own/passkey.js",
                       "/own/vendor/cytoscape.min.js", "/own/linkchart.js"}  # fmt: skip
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


def _pages(case: str) -> list[str]:
    tables = [f"/case/{case}/tables/{table.name}/" for table in TABLES]
    asked = [f"?is.path={quote(text[:300])}" for text in HOSTILE]
    return [
        f"/case/{case}/",
        f"/case/{case}/tables/",
        *tables,
        *(f"/case/{case}/tables/items/{one}" for one in asked),
        *(f"/case/{case}/tables/items/export{one}" for one in asked[:3]),
        *(f"/case/{case}/go-to?q={quote(text[:300])}" for text in HOSTILE),
        *(f"/case/{case}/tables/{quote(text[:100], safe='')}/" for text in HOSTILE[:3]),
        f"/case/{case}/tables/wallet_addresses/row?is.script_hex={quote(HOSTILE[0])}",
    ]


def test_no_page_has_markup_that_came_from_evidence(make_bench: Any, poisoned: Path, tmp_path: Path) -> None:
    bench = make_bench([poisoned], tmp_path / "state")
    asker = bench.as_("victim-data analyst")
    shown = 0
    for path in _pages(bench.case):
        answer = asker.get(path)
        assert answer.status_code in {200, 303, 403, 404, 422}, path
        assert faults_of(answer.text) == [], path
        shown += MARK in answer.text
    assert shown > len(TABLES) * 0.9
    row = bench.as_("auditor").get(f"/case/{bench.case}/audit/")
    assert faults_of(row.text) == []
    bench.workbench.close()


def test_that_markup_came_through_would_be_seen() -> None:
    for text in (*HOSTILE[:2], HOSTILE[3], HOSTILE[5], *HOSTILE[7:11]):
        assert faults_of(f"<p>{text}</p>"), text


def test_nothing_runs_in_a_browser(serve: Any, make_bench: Any, poisoned: Path, tmp_path: Path) -> None:
    served = serve(lambda port: make_bench([poisoned], tmp_path / "state", port))
    page = served.page_of("analyst")
    page.expose_function(MARK, lambda *said: served.seen.faults.append(f"ran: {said}"))
    case = f"/case/{served.bench.case}"
    paths = [f"{case}/", f"{case}/tables/", *(f"{case}/tables/{name}/" for name in ("items", "accounts", "leads"))]
    paths += [f"{case}/tables/items/?is.path={quote(text[:300])}" for text in HOSTILE[:4]]
    for path in paths:
        page.goto(path)
        page.locator("tbody tr").first.wait_for()
    page.goto(f"{case}/tables/wallet_addresses/")
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
