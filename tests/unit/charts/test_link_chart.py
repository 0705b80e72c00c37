"""Link charts: the same whatever the order given, never a thing lost without a number, nothing of a label as markup."""

from __future__ import annotations

from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater.charts import LinkEdge, LinkNode, cut_label, link_chart, link_chart_svg, shown_label, text_width

WORDS = {"address": "address"}


def node(name: str, **more: str) -> LinkNode:
    return LinkNode(node_id=name, kind="address", label=name, **more)


def edge(source: str, target: str, amount: int = 1, **more: str) -> LinkEdge:
    return LinkEdge(source_id=source, target_id=target, amount=amount, **more)


@st.composite
def graphs(draw: st.DrawFn) -> tuple[list[LinkNode], list[LinkEdge], list[str]]:
    names = draw(st.lists(st.text("abcdefgh", min_size=1, max_size=3), min_size=1, max_size=30, unique=True))
    pairs = st.tuples(st.sampled_from(names), st.sampled_from(names), st.integers(0, 10**15))
    edges = [edge(*pair) for pair in draw(st.lists(pairs, max_size=60))]
    return [node(name) for name in names], edges, draw(st.lists(st.sampled_from(names), max_size=3))


@given(graphs(), st.integers(1, 40), st.randoms(use_true_random=False))
def test_order_changes_nothing_and_nothing_is_lost(graph, cap, random) -> None:
    nodes, edges, focus = graph
    chart = link_chart(nodes, edges, focus=focus, cap=cap)
    svg = link_chart_svg(chart, title="x", about="y", words=WORDS)
    for several in (nodes, edges, focus):
        random.shuffle(several)
    assert link_chart_svg(link_chart(nodes, edges, focus=focus, cap=cap), title="x", about="y", words=WORDS) == svg
    assert len(chart.nodes) == min(cap, len(nodes))
    assert chart.omitted + len(chart.nodes) == len(nodes)
    assert len({(placed.x, placed.y) for placed in chart.nodes}) == len(chart.nodes), "no box lies on another"
    shown = {placed.node.node_id for placed in chart.nodes}
    assert {(one.source_id, one.target_id) for one in chart.edges} == {
        (one.source_id, one.target_id) for one in edges if {one.source_id, one.target_id} <= shown
    }
    if len(shown) == len(nodes):
        assert sum(one.amount for one in chart.edges) == sum(one.amount for one in edges)
    for placed in chart.nodes:
        assert 0 < placed.x < chart.width
        assert 0 < placed.y < chart.height


def test_what_leads_to_it_is_left_and_what_it_leads_to_right() -> None:
    chart = link_chart(
        map(node, "abcde"), [edge("a", "b"), edge("b", "c"), edge("c", "d"), edge("e", "a")], focus=["b"]
    )
    assert {placed.node.node_id: placed.step for placed in chart.nodes} == {"b": 0, "a": -1, "c": 1, "e": -2, "d": 2}
    x = {placed.node.node_id: placed.x for placed in chart.nodes}
    assert x["e"] < x["a"] < x["b"] < x["c"] < x["d"]


def test_a_cap_keeps_what_is_near_and_then_what_is_most() -> None:
    chart = link_chart(
        map(node, "abcd"), [edge("a", "b", 1), edge("a", "c", 9), edge("c", "d", 99)], focus=["a"], cap=3
    )
    assert [placed.node.node_id for placed in chart.nodes] == ["a", "c", "b"]
    assert (chart.omitted, chart.edges_total, len(chart.edges)) == (1, 3, 2)
    assert chart.as_json()["omitted"] == 1


def test_labels_are_never_markup_and_never_steer() -> None:
    label = "<script>\"&'\u202e\x00\u200b\ud800" + "w" * 400
    chart = link_chart([node("a", href="/x?a=1&b=2"), LinkNode(node_id="b", kind='a"b<', label=label)], [
        edge("a", "b", label=label)
    ])  # fmt: skip
    svg = link_chart_svg(chart, title=label, about=label, words=WORDS)
    tags = {element.tag.rpartition("}")[2] for element in ET.fromstring(svg).iter()}
    assert tags <= {"svg", "title", "desc", "g", "a", "rect", "text", "path"}
    assert "style" not in svg
    assert not [c for c in "\u202e\x00\u200b\ud800" if c in svg]
    assert "[U+202E][U+0000][U+200B][U+D800]" in svg


def test_an_amount_says_how_thick() -> None:
    edges = [edge("a", "b", 10_000), edge("a", "c", 100), edge("a", "d", 0)]
    svg = ET.fromstring(link_chart_svg(link_chart(map(node, "abcd"), edges), title="", about="", words=WORDS))
    assert [one.attrib["data-thick"] for one in svg.iter() if "data-from" in one.attrib] == ["9", "1", "1"]


@pytest.mark.parametrize(
    ("nodes", "edges", "cap"),
    [
        ([node("a")], [edge("a", "b")], 5),
        ([node("a", href="https://elsewhere.example/")], [], 5),
        ([node("a", href="//elsewhere.example/")], [], 5),
        ([node("a")], [], 0),
    ],
)
def test_a_chart_that_cannot_be_is_refused(nodes, edges, cap) -> None:
    with pytest.raises(ValueError, match=r"chart|edge"):
        link_chart(nodes, edges, cap=cap)


def test_an_empty_chart_is_one() -> None:
    chart = link_chart([], [])
    assert (chart.nodes, chart.omitted) == ((), 0)
    ET.fromstring(link_chart_svg(chart, title="", about="", words={}))


def test_words_are_cut_to_their_room() -> None:
    assert cut_label("abc", text_width("abc", 10), 10) == "abc"
    assert text_width(cut_label("\u6c34" * 50, 100, 10), 10) <= 100
    assert shown_label("x" * 301) == "x" * 300 + "\u2026"
