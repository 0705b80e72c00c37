"""The link chart under the real policy: drawn by the server, movable where scripts run, and nothing is stopped."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe

from headwater.charts import LinkChart, LinkEdge, LinkNode, link_chart, link_chart_svg
from headwater.errors import IntegrityError
from headwater_web.drawings import drawn
from headwater_web.headers import CONTENT_SECURITY_POLICY
from headwater_web.render import environment
from headwater_web.words import worded

from .hostile import HOSTILE

WORDS = {"address_cluster": "cluster", "service": "service"}


def star(labels: list[str], cap: int = 60) -> LinkChart:
    """One cluster in the middle, and others that pay to it or are paid by it."""
    nodes = [LinkNode(node_id="middle", kind="address_cluster", label="the middle", href="/people/")]
    nodes += [LinkNode(node_id=f"n{n}", kind="service", label=label, href="/") for n, label in enumerate(labels)]
    edges = [
        LinkEdge(source_id="middle", target_id=f"n{n}", label=label, amount=n + 1)
        if n % 2
        else LinkEdge(source_id=f"n{n}", target_id="middle", label=label, amount=n + 1)
        for n, label in enumerate(labels)
    ]
    return link_chart(nodes, edges, focus=["middle"], cap=cap)


def page_with(chart: LinkChart) -> str:
    svg = drawn(link_chart_svg(chart, title="A star", about="For a test", words=WORDS))
    template = (
        '{% import "linkchart.html" as links with context %}<!doctype html><html lang="en"><head><title>x</title>'
        '<link rel="stylesheet" href="/own/headwater.css">{{ links.assets() }}<script src="/own/trusted.js"></script>'
        "{{ links.scripts() }}</head><body><main><h1>x</h1>{{ links.chart(svg, told) }}</main></body></html>"
    )
    told = worded("en", "linkchart.told", shown=len(chart.nodes), total=chart.total, edges=1, edges_total=1)
    given: dict[str, Any] = {"t": lambda key, **values: worded("en", key, **values), "svg": svg, "told": told}
    return environment().from_string(template).render(ask=SimpleNamespace(language="en"), **given)


def opened(served: Any, chart: LinkChart, **options: Any) -> Any:
    page = served.page_of("administrator", **options)
    headers = {"Content-Security-Policy": CONTENT_SECURITY_POLICY, "Content-Type": "text/html; charset=utf-8"}
    page.route("**/a-chart", lambda route: route.fulfill(body=page_with(chart), headers=headers))
    page.goto("/a-chart")
    return page


def test_it_is_movable_and_the_policy_stops_nothing(served: Any) -> None:
    page = opened(served, star(["a", "b", "c"]))
    figure = page.locator("figure[data-nodes]")
    figure.wait_for()
    assert figure.get_attribute("data-nodes") == "4"
    assert page.locator(".linkchart-stage canvas").count() >= 3
    assert page.locator("head > style").count() == 0
    assert not page.locator("svg.linkchart").is_visible()
    page.get_by_role("button", name="Still picture").click()
    assert page.locator("svg.linkchart").is_visible()
    page.get_by_role("button", name="Still picture").click()
    for name in ("Nearer", "Farther", "Whole chart"):
        page.get_by_role("button", name=name).click()
    assert [
        one["id"] for one in Axe().run(page).response["violations"] if one["impact"] in {"serious", "critical"}
    ] == []
    assert not served.seen.faults


def test_by_keyboard_from_box_to_box(served: Any) -> None:
    page = opened(served, star(["a", "b"]))
    page.locator("figure[data-nodes]").wait_for()
    page.locator(".linkchart-stage").focus()
    told = page.locator(".linkchart-told")
    page.keyboard.press("ArrowRight")
    assert told.inner_text() == "cluster: the middle"
    page.keyboard.press("ArrowRight")
    assert told.inner_text() == "service: b"
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("ArrowLeft")
    assert told.inner_text() == "service: a"
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    page.wait_for_url("**/people/")
    assert not served.seen.faults


def test_that_a_style_of_its_own_would_be_reported(served: Any) -> None:
    """The guard of the first test bites: without the id that cytoscape looks for, the policy stops a style element."""
    page = opened(served, star(["a"]))
    page.locator("figure[data-nodes]").wait_for()
    page.evaluate(
        "() => { document.getElementById('__________cytoscape_stylesheet').id = 'x';"
        " window.cytoscape({ container: document.querySelector('main') }); }"
    )
    page.wait_for_timeout(200)
    assert any("style-src" in fault for fault in served.seen.faults)


def test_without_scripts_the_picture_stays(served: Any) -> None:
    page = opened(served, star(["a", "b"], cap=2), java_script_enabled=False)
    assert page.locator("svg.linkchart").is_visible()
    assert page.locator("figcaption").inner_text().startswith("Shows 2 of 3")
    page.get_by_role("link", name="cluster: the middle").click()
    assert page.url == f"{served.base}/people/"


def test_seized_labels_stay_text(served: Any) -> None:
    page = opened(served, star(list(HOSTILE)[:50]))
    page.locator("figure[data-nodes]").wait_for()
    page.wait_for_timeout(100)
    assert not served.seen.faults
    shown = page.locator("svg.linkchart").inner_html()
    assert not [c for c in "\u202e\u2066\u2069\u200b\x1b\x07" if c in shown]


@pytest.mark.parametrize(
    "svg",
    [
        '<svg xmlns="http://www.w3.org/2000/svg"><script>x</script></svg>',
        '<svg xmlns="http://www.w3.org/2000/svg" onload="x"/>',
        '<svg xmlns="http://www.w3.org/2000/svg"><a href="javascript:x"/></svg>',
        '<svg xmlns="http://www.w3.org/2000/svg"><a href="//elsewhere.example/"/></svg>',
        '<svg xmlns="http://www.w3.org/2000/svg"><rect style="x"/></svg>',
        '<svg xmlns="http://www.w3.org/2000/svg"><image href="/x"/></svg>',
        '<svg xmlns="http://www.w3.org/2000/svg"><!-- x --></svg>',
        '<!DOCTYPE svg [<!ENTITY x "y">]><svg xmlns="http://www.w3.org/2000/svg"/>',
        '<html xmlns="http://www.w3.org/1999/xhtml"/>',
        "<svg",
    ],
)
def test_a_chart_that_holds_more_than_shapes_is_refused(svg: str) -> None:
    with pytest.raises(IntegrityError):
        drawn(svg)
