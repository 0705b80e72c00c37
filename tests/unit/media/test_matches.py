"""Matches and verdicts: the tiers at their limits, what a list may say and what it may not."""

from __future__ import annotations

import hashlib

import pytest

from headwater.media import match_media
from headwater.media.tiers import near_tier


@pytest.mark.parametrize(
    ("distance_bits", "quality", "tier"),
    [
        (0, 100, "strong"),
        (10, 80, "strong"),
        (10, 79, "probable"),
        (11, 100, "probable"),
        (21, 50, "probable"),
        (22, 100, "possible"),
        (31, 50, "possible"),
        (32, 100, None),
        (0, 49, None),
    ],
)
def test_tiers_at_their_limits(case, pdq, rows_by, distance_bits, quality, tier):
    listed = pdq.random(1)
    case.listed("a", pdq=listed)
    item = case.media("x", (pdq.flipped(listed, distance_bits), quality))
    derived = match_media(case.context())
    verdict = rows_by(derived["media_verdicts"], "item_id")[item]
    assert near_tier(distance_bits, quality) == tier
    assert [m["tier"] for m in derived["media_matches"].to_pylist()] == ([tier] if tier else [])
    if tier:
        assert (verdict["verdict"], verdict["verdict_group"], verdict["distance_bits"]) == (tier, "near", distance_bits)
    elif quality < 50:
        assert verdict["verdict_group"] == "not_comparable"
        assert verdict["reason"] == "PDQ quality 49 is under 50"
    else:
        assert (verdict["verdict"], verdict["verdict_group"], verdict["reason"]) == ("none", "none", None)


def test_a_match_carries_what_the_list_says(case, rows_by):
    content = b"listed"
    case.listed(
        "a",
        sha256=hashlib.sha256(content).hexdigest(),
        scheme="S",
        country="ES",
        category="2",
        series="Lantern",
        victim_identified="no",
    )
    item = case.media("x", content=content)
    derived = match_media(case.context())
    match = derived["media_matches"].to_pylist()[0]
    assert (match["item_id"], match["entry_id"], match["method"], match["tier"]) == (item, "hle-a", "sha256", "exact")
    assert (match["scheme"], match["country"], match["category"], match["series"]) == ("S", "ES", "2", "Lantern")
    verdict = rows_by(derived["media_verdicts"], "item_id")[item]
    assert (verdict["verdict"], verdict["verdict_group"], verdict["victim_identified"]) == ("exact", "known", "no")
    assert (verdict["match_id"], verdict["series"]) == (match["match_id"], "Lantern")


@pytest.mark.parametrize("method", ["md5", "sha1", "sha256"])
def test_any_digest_that_is_listed_matches(case, method):
    case.listed("a", **{method: hashlib.new(method, b"c").hexdigest()})
    case.media("x", content=b"c")
    matches = match_media(case.context())["media_matches"].to_pylist()
    assert [m["method"] for m in matches] == [method]


def test_an_equal_md5_with_another_sha256_is_no_match(case, rows_by):
    """Two files with one MD5 can be made at will: the strongest digest that both sides have decides."""
    case.listed("a", md5=hashlib.md5(b"c").hexdigest(), sha256=hashlib.sha256(b"other").hexdigest())
    case.listed("b", md5=hashlib.md5(b"c").hexdigest(), sha1=hashlib.sha1(b"other").hexdigest())
    case.media("x", content=b"c")
    assert match_media(case.context())["media_matches"].num_rows == 0


def test_all_digests_equal_is_one_match_by_the_strongest(case):
    digests = {name: hashlib.new(name, b"c").hexdigest() for name in ("md5", "sha1", "sha256")}
    case.listed("a", **digests)
    case.media("x", content=b"c")
    assert [m["method"] for m in match_media(case.context())["media_matches"].to_pylist()] == ["sha256"]


def test_an_exact_match_is_not_listed_again_as_near(case, pdq):
    case.listed("a", sha256=hashlib.sha256(b"c").hexdigest(), pdq=pdq.random(1))
    case.media("x", pdq.random(1), content=b"c")
    assert [m["tier"] for m in match_media(case.context())["media_matches"].to_pylist()] == ["exact"]


def test_a_benign_list_makes_nothing_known(case, pdq, rows_by):
    case.listed("a", polarity="known-benign", sha256=hashlib.sha256(b"c").hexdigest())
    item = case.media("x", content=b"c")
    verdict = rows_by(match_media(case.context())["media_verdicts"], "item_id")[item]
    assert (verdict["verdict"], verdict["verdict_group"]) == ("exact", "benign")


def test_near_a_benign_entry_is_none_but_stays_listed(case, pdq, rows_by):
    case.listed("a", polarity="known-benign", pdq=pdq.random(1))
    item = case.media("x", pdq.flipped(pdq.random(1), 3))
    derived = match_media(case.context())
    assert [m["tier"] for m in derived["media_matches"].to_pylist()] == ["strong"]
    verdict = rows_by(derived["media_verdicts"], "item_id")[item]
    assert (verdict["verdict"], verdict["verdict_group"], verdict["match_id"]) == ("none", "none", None)


def test_illegal_wins_over_benign_even_if_farther(case, pdq, rows_by):
    case.listed("a", polarity="known-benign", sha256=hashlib.sha256(b"c").hexdigest())
    case.listed("b", pdq=pdq.random(1))
    item = case.media("x", pdq.flipped(pdq.random(1), 31), content=b"c")
    verdict = rows_by(match_media(case.context())["media_verdicts"], "item_id")[item]
    assert (verdict["verdict"], verdict["verdict_group"]) == ("possible", "near")


def test_among_equal_tiers_a_victim_who_is_not_identified_speaks(case, pdq, rows_by):
    case.listed("a", pdq=pdq.flipped(pdq.random(1), 1, seed=1), victim_identified="yes", series="one")
    case.listed("b", pdq=pdq.flipped(pdq.random(1), 9, seed=2), victim_identified="no", series="two")
    item = case.media("x", pdq.random(1))
    derived = match_media(case.context())
    verdict = rows_by(derived["media_verdicts"], "item_id")[item]
    assert (verdict["victim_identified"], verdict["series"], verdict["distance_bits"]) == ("no", "two", 9)
    assert derived["media_matches"].num_rows == 2


def test_a_still_decoded_in_part_is_not_comparable(case, pdq, rows_by):
    case.listed("a", pdq=pdq.random(1))
    item = case.media("x", pdq.random(1), status="partial", reason="decoded in part")
    derived = match_media(case.context())
    verdict = rows_by(derived["media_verdicts"], "item_id")[item]
    assert (verdict["verdict"], verdict["verdict_group"]) == ("not_comparable", "not_comparable")
    assert verdict["reason"] == "partial: decoded in part"
    assert derived["media_matches"].num_rows == 0


def test_a_still_decoded_in_part_can_be_known_by_its_digest(case, rows_by):
    case.listed("a", md5=hashlib.md5(b"c").hexdigest())
    item = case.media("x", status="refused", reason="not a picture", content=b"c")
    verdict = rows_by(match_media(case.context())["media_verdicts"], "item_id")[item]
    assert (verdict["verdict"], verdict["verdict_group"]) == ("exact", "known")
    assert verdict["reason"] == "refused: not a picture"


def test_a_damaged_video_matches_by_the_frames_it_gave(case, pdq, rows_by):
    case.listed("a", pdq=pdq.random(1))
    near = case.media("x", pdq.random(1), pdq.random(2), kind="video", status="partial", reason="cut")
    far = case.media("y", pdq.random(3), kind="video", status="partial", reason="cut")
    verdicts = rows_by(match_media(case.context())["media_verdicts"], "item_id")
    assert (verdicts[near]["verdict"], verdicts[near]["reason"]) == ("strong", "partial: cut")
    # What is missing of it could have matched: `none` would claim too much.
    assert verdicts[far]["verdict"] == "not_comparable"


def test_a_video_is_matched_by_its_best_frame_and_says_how_many_are_near(case, pdq):
    listed = pdq.random(1)
    case.listed("a", pdq=listed, media_kind="video")
    case.media(
        "x",
        pdq.random(9),
        (pdq.flipped(listed, 2), 60),
        (pdq.flipped(listed, 6), 90),
        (pdq.flipped(listed, 1), 30),
        kind="video",
    )
    match = match_media(case.context())["media_matches"].to_pylist()[0]
    # The nearer frame is too poor to be strong, and the poorest one is not compared at all.
    assert (match["tier"], match["distance_bits"], match["quality"], match["at_ms"]) == ("strong", 6, 90, 2000)
    assert match["query_frames_percent"] == 66


def test_other_items_are_known_by_their_digest(case, rows_by):
    case.listed("a", sha1=hashlib.sha1(b"c").hexdigest())
    item = case.item("notes.bin", content=b"c", kind="other")
    case.item("else.bin", content=b"d", kind="other")
    verdicts = match_media(case.context())["media_verdicts"].to_pylist()
    assert [(v["item_id"], v["verdict_group"]) for v in verdicts] == [(item, "known")]


def test_no_lists_at_all(case, pdq):
    case.media("x", pdq.random(1))
    derived = match_media(case.context())
    assert derived["media_matches"].num_rows == 0
    assert derived["media_verdicts"]["verdict"].to_pylist() == ["none"]


def test_an_empty_case(case):
    assert all(table.num_rows == 0 for table in match_media(case.context()).values())


def test_order_of_rows_changes_nothing(case, pdq):
    for number in range(12):
        case.media(f"x{number}", pdq.flipped(pdq.random(number % 3), number, seed=number))
        case.listed(f"e{number}", pdq=pdq.flipped(pdq.random(number % 3), number, seed=number + 50))
    first = match_media(case.context())
    second = match_media(case.context(reverse=True))
    assert all(first[name].equals(second[name]) for name in first)
