"""Clusters: what joins and what must not, and that every join can be shown."""

from __future__ import annotations

from collections import defaultdict

import pytest

from headwater.media import match_media


def groups(derived) -> set[frozenset[str]]:
    members = defaultdict(set)
    for row in derived["media_clusters"].to_pylist():
        members[row["media_cluster_id"]].add(row["item_id"].removeprefix("itm-"))
    return {frozenset(items) for items in members.values()}


def test_every_still_and_video_is_in_one_cluster(case, pdq):
    for number in range(5):
        case.media(f"x{number}", pdq.random(number))
    case.media("broken", status="refused", reason="why not")
    derived = match_media(case.context())
    assert sorted(derived["media_clusters"]["item_id"].to_pylist()) == sorted(
        [f"itm-x{number}" for number in range(5)] + ["itm-broken"]
    )
    assert len(groups(derived)) == 6


@pytest.mark.parametrize(("bits", "joined"), [(31, True), (32, False)])
def test_the_limit(case, pdq, bits, joined):
    case.media("x", pdq.random(1))
    case.media("y", pdq.flipped(pdq.random(1), bits))
    assert (len(groups(match_media(case.context()))) == 1) == joined


def test_each_item_names_the_neighbour_that_holds_it(case, pdq, rows_by):
    start = pdq.random(1)
    middle = pdq.flipped(start, 20, seed=1)
    case.media("a", start)
    case.media("b", middle)
    case.media("c", pdq.flipped(middle, 20, seed=2))
    rows = rows_by(match_media(case.context())["media_clusters"], "item_id")
    assert (rows["itm-a"]["joined_to_item_id"], rows["itm-a"]["distance_bits"]) == (None, None)
    assert (rows["itm-b"]["joined_to_item_id"], rows["itm-b"]["distance_bits"]) == ("itm-a", 20)
    assert (rows["itm-c"]["joined_to_item_id"], rows["itm-c"]["distance_bits"]) == ("itm-b", 20)


def test_copies_belong_together_even_if_nothing_could_be_hashed(case):
    case.media("a", status="refused", reason="r", content=b"same")
    case.media("b", status="refused", reason="r", content=b"same")
    case.media("c", status="refused", reason="r", content=b"else")
    derived = match_media(case.context())
    assert groups(derived) == {frozenset("ab"), frozenset("c")}


def test_flat_frames_glue_nothing_together(case, pdq):
    flat = pdq.random(1)
    for number in range(4):
        case.media(f"v{number}", (flat, 12), pdq.random(10 + number), kind="video")
        case.media(f"s{number}", (flat, 49))
    assert len(groups(match_media(case.context()))) == 8


def test_stills_decoded_in_part_glue_nothing_together(case, pdq):
    for name in "ab":
        case.media(name, pdq.random(1), status="partial", reason="cut")
    assert len(groups(match_media(case.context()))) == 2


def test_one_shared_title_card_does_not_join_two_videos(case, pdq):
    card = pdq.random(1)
    case.media("a", card, pdq.random(2), pdq.random(3), kind="video")
    case.media("b", card, pdq.random(4), pdq.random(5), kind="video")
    assert len(groups(match_media(case.context()))) == 2


def test_half_of_the_shorter_video_joins(case, pdq):
    case.media("trim", pdq.random(2), pdq.random(3), pdq.random(8), pdq.random(9), kind="video")
    case.media("whole", *(pdq.flipped(pdq.random(n), 4) for n in range(1, 7)), kind="video")
    assert len(groups(match_media(case.context()))) == 1


def test_a_still_of_a_shared_title_card_does_not_join_the_videos_either(case, pdq, rows_by):
    card = pdq.random(1)
    case.media("a", pdq.flipped(card, 2), pdq.random(2), pdq.random(3), kind="video")
    case.media("b", pdq.flipped(card, 7), pdq.random(4), pdq.random(5), kind="video")
    case.media("still", card)
    assert groups(match_media(case.context())) == {frozenset({"a", "still"}), frozenset({"b"})}


def test_joins_are_those_of_least_distance(case, pdq, rows_by):
    base = pdq.random(1)
    case.media("a", base)
    case.media("b", pdq.flipped(base, 30))
    case.media("c", pdq.flipped(base, 15))  # the same permutation: half-way between the two
    rows = rows_by(match_media(case.context())["media_clusters"], "item_id")
    assert (rows["itm-c"]["joined_to_item_id"], rows["itm-c"]["distance_bits"]) == ("itm-a", 15)
    assert (rows["itm-b"]["joined_to_item_id"], rows["itm-b"]["distance_bits"]) == ("itm-c", 15)


def test_the_id_depends_on_the_members_alone(case, pdq):
    for number in range(9):
        case.media(f"x{number}", pdq.flipped(pdq.random(number % 2), number, seed=number))
    first = match_media(case.context())["media_clusters"]
    second = match_media(case.context(reverse=True))["media_clusters"]
    assert first.equals(second)
    assert len(set(first["media_cluster_id"].to_pylist())) == 2
