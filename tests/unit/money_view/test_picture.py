"""The picture of money: every satoshi is in it, widths add up, words do not meet, and the same tables give one text."""

from __future__ import annotations

import re
from collections import Counter
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headwater.charts import text_width
from headwater.errors import IntegrityError
from headwater.money_view import laid_out, money_sums, svg_text

SVG = "{http://www.w3.org/2000/svg}"
REASONS = ("service", "unspent", "coinjoin", "bridge", "a reason of tomorrow", "dust", "coinbase", "hop_limit")
AMOUNTS = st.one_of(st.integers(1, 50), st.integers(1, 21_000_000 * 100_000_000))


def picture(made, policy="fifo", top=12):
    with made.put() as tables:
        sums = money_sums(tables)
        return svg_text(laid_out(sums, policy, top=top), title="Money of a case", notes=("a note", "another"))


def parsed(text):
    """Nodes by id: satoshis and height; and bands: from, to, satoshis, width at each end."""
    root = ET.fromstring(text)
    nodes = {
        rect.get("id"): (int(rect.get("data-sat")), int(rect.get("data-height")))
        for rect in root.iter(f"{SVG}rect")
        if rect.get("class") == "node"
    }
    bands = []
    for path in root.iter(f"{SVG}path"):
        numbers = [int(n) for n in re.findall(r"-?\d+", path.get("d"))]
        # M x y C c y c to_y to_x to_y L to_x to_low C c to_low c low x low
        y, to_y, to_low, low = numbers[1], numbers[7], numbers[9], numbers[15]
        bands.append((path.get("data-from"), path.get("data-to"), int(path.get("data-sat")), low - y, to_low - to_y))
    return root, nodes, bands


def assert_adds_up(text, followed):
    """At each bar what comes in goes out, in satoshis and as drawn; the platform holds what was followed."""
    _, nodes, bands = parsed(text)
    assert all(width == to_width >= 0 for *_, width, to_width in bands)
    for name, (sat, height) in nodes.items():
        for end in (0, 1):
            there = [band for band in bands if band[end] == name]
            if there:
                assert (sum(band[2] for band in there), sum(band[3] for band in there)) == (sat, height), name
    assert nodes["platform"][0] == max(followed.values())
    for direction in followed:
        assert (
            sum(sat for name, (sat, _) in nodes.items() if name.startswith(f"{direction}-end")) == nodes["platform"][0]
        )


def boxes(root):
    """Where each text is drawn: left, right, top, bottom."""
    for text in root.iter(f"{SVG}text"):
        size, x, y = int(text.get("font-size")), int(text.get("x")), int(text.get("y"))
        wide = text_width(text.text, size)
        left = {"start": x, "middle": x - wide // 2, "end": x - wide}[text.get("text-anchor")]
        yield left, left + wide, y - size * 8 // 10, y + size * 2 // 10, text.text


def assert_words_apart(text):
    root, _, _ = parsed(text)
    found = list(boxes(root))
    for number, (left, right, top, bottom, words) in enumerate(found):
        assert left >= 0, words
        assert right <= 2970, words
        assert top >= 0, words
        assert bottom <= 2100, words
        for other in found[number + 1 :]:
            apart = right <= other[0] or other[1] <= left or bottom <= other[2] or other[3] <= top
            assert apart, (words, other[4])


ENDS = st.lists(
    st.tuples(AMOUNTS, st.sampled_from(REASONS), st.integers(0, 30), st.none() | st.integers(0, 19)), max_size=40
)


@given(
    back=ENDS,
    forth=ENDS,
    fee_sat=st.integers(0, 10_000),
    top=st.integers(1, 15),
    letters=st.sampled_from(["a", "W", "\u6f22", "\u202e", "<&\"'"]),
)
@settings(max_examples=80)
def test_every_satoshi_is_drawn_and_no_words_meet(new_made, back, forth, fee_sat, top, letters):
    made = new_made()
    for number in range(20):
        made.service(f"{letters * 12}{number}")
    followed = {}
    for direction, ends in (("backward", back), ("forward", forth)):
        if not ends:
            continue
        followed[direction] = sum(end[0] for end in ends) + fee_sat
        made.trace(direction, followed[direction], direction=direction, fee_sat=fee_sat)
        for amount_sat, reason, hops, service in ends:
            named = None if service is None else f"{letters * 12}{service}"
            made.end(direction, amount_sat, reason=reason, hops=hops, service=named)
    if not followed:
        return
    text = picture(made, top=top)
    assert_adds_up(text, followed)
    assert_words_apart(text)
    assert "\u202e" not in text


def test_the_order_of_rows_changes_nothing(new_made):
    texts = set()
    for numbers in (range(6), range(5, -1, -1)):
        made = new_made()
        for number in numbers:
            made.trace(f"t{number}", 10 + number)
            made.end(f"t{number}", 10 + number, reason=REASONS[number], hops=number, endpoint_id=f"end-t{number}")
        texts.add(picture(made))
    assert len(texts) == 1


def test_services_beyond_the_first_are_drawn_as_one_and_none_is_said(new_made):
    made = new_made()
    made.trace("one", 60)
    for number in range(3):
        made.service(f"service{number}")
        made.end("one", 10 * (number + 1), service=f"service{number}", reason="service")
    text = picture(made, top=1)
    assert "2 other services 0.00000030 BTC 50.00 %" in text
    assert "service2 Ltd (IE) 0.00000030 BTC 50.00 %" in text
    assert "other services: none 0.00000000 BTC 0.00 %" in picture(made, top=3)


def test_what_is_followed_one_way_only_is_said(new_made):
    made = new_made()
    made.trace("back", 100)
    made.end("back", 100)
    made.trace("forth", 40, direction="forward")
    made.end("forth", 40)
    text = picture(made)
    assert_adds_up(text, {"backward": 100, "forward": 40})
    assert "not followed this way 0.00000060 BTC 60.00 %" in text


def test_each_policy_has_a_picture_of_its_own(new_made):
    made = new_made()
    for policy, reason in (("fifo", "unspent"), ("a policy of tomorrow", "dust")):
        made.trace(policy, 9, policy=policy)
        made.end(policy, 9, reason=reason)
    with made.put() as tables:
        sums = money_sums(tables)
    assert sums.policies() == ("a policy of tomorrow", "fifo")
    assert "dust" in svg_text(laid_out(sums, "a policy of tomorrow", top=1), title="", notes=())
    assert "dust" not in svg_text(laid_out(sums, "fifo", top=1), title="", notes=())


def test_nothing_followed_is_drawn_too(new_made):
    text = picture(new_made(), policy="nothing followed")
    assert "0 receipts" in text
    assert "Nothing was followed" in text


def test_it_is_for_print_and_runs_nothing(new_made):
    made = new_made()
    made.service("alder", name='<script>alert("x")</script>')
    made.trace("one", 5)
    made.end("one", 5, service="alder", reason="service")
    text = picture(made)
    root, _, _ = parsed(text)
    assert (root.get("width"), root.get("height")) == ("297mm", "210mm")
    tags = Counter(element.tag.removeprefix(SVG) for element in root.iter())
    assert set(tags) == {"svg", "title", "desc", "rect", "g", "text", "path"}
    assert not re.search(r"href|style=|url\(|onload", text)


def test_sums_that_do_not_add_up_are_not_shown(made):
    made.trace("one", 10)
    made.end("one", 9)
    with pytest.raises(IntegrityError, match="10 satoshis were followed and 9 are at ends"):
        money_sums(made.put())
