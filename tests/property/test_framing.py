"""Canonical bytes and ids: one spelling for each value, and never one spelling for two."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater.schema import canonical_json, content_id, framed

# Text with lone surrogates too: a path that was not UTF-8 has them.
ANY_TEXT = st.text(st.characters())
FIELDS = st.lists(st.one_of(st.binary(), ANY_TEXT, st.integers()), max_size=6)
VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.text()),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(st.text(), inner, max_size=4)),
    max_leaves=12,
)


def kinds(fields: list[bytes | str | int]) -> list[tuple[str, object]]:
    return [(type(field).__name__, field) for field in fields]


@given(FIELDS, FIELDS)
def test_two_lists_of_fields_have_the_same_frame_only_if_they_are_the_same(one, other):
    assert (framed(*one) == framed(*other)) == (kinds(one) == kinds(other))


@given(FIELDS, FIELDS)
def test_framing_parts_is_framing_the_whole(one, other):
    # So only the list counts, and no boundary between fields can be moved.
    assert framed(*one, *other) == framed(*one) + framed(*other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (("ab", "c"), ("a", "bc")),
        (("a",), (b"a",)),
        (("1",), (1,)),
        (("a", ""), ("a",)),
        (("\ud800\udc00",), ("\U00010000",)),
        ((b"s\x00\x00\x00\x00\x00\x00\x00\x01a",), ("a",)),
    ],
)
def test_lists_that_look_alike_are_told_apart(one, other):
    assert framed(*one) != framed(*other)
    assert content_id("itm", *one) != content_id("itm", *other)


@given(FIELDS)
def test_an_id_names_its_kind_and_depends_on_it(fields):
    one = content_id("itm", *fields)
    assert one.startswith("itm-")
    assert len(one) == 4 + 32
    assert one == content_id("itm", *fields)
    assert one[4:] != content_id("acc", *fields)[4:]


def test_an_id_is_the_same_for_ever():
    # Written down once: a change here breaks every case and package there is (docs/adr/0001).
    assert content_id("itm", "EX-1", 0, b"srv/media/a.jpg") == "itm-e8492ab91324013712899db58e393095"


@given(VALUES)
def test_canonical_json_is_json_of_the_same_value(value):
    assert json.loads(canonical_json(value)) == value


@given(st.dictionaries(st.text(), VALUES, min_size=2, max_size=5), st.randoms())
def test_canonical_json_does_not_depend_on_the_order_of_keys(value, random):
    items = list(value.items())
    random.shuffle(items)
    assert canonical_json(dict(items)) == canonical_json(value)


@pytest.mark.parametrize("value", [1.0, [1, {"a": 2.5}], {"a": float("nan")}, {1: "a"}, {"a": b"bytes"}, {"a": {1, 2}}])
def test_canonical_json_refuses_what_has_more_than_one_spelling(value):
    with pytest.raises(TypeError):
        canonical_json(value)
