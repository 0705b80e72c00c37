"""Listed hashes that are near many unlike items are set aside, and count again once a person says so."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater.media import match_media
from headwater.media.hubs import distant_items
from headwater.media.tiers import MAX_DISTANCE_BITS


def apart(pdq: str, number: int, *, bits: int = 20) -> str:
    """The hash with bits flipped that no other number flips, so that two of them are twice as far from each other."""
    return f"{int(pdq, 16) ^ ((1 << bits) - 1) << number * bits:064x}"


def derived(case):
    tables = match_media(case.context())
    return {name: tables[name].to_pylist() for name in ("media_matches", "media_verdicts", "media_hubs")}


@pytest.mark.parametrize(("items", "is_hub"), [(4, False), (5, True), (9, True)])
def test_more_distant_items_than_the_setting_make_a_hub(case, pdq, items, is_hub):
    case.listed("card", pdq=pdq.random(1))
    for number in range(items):
        case.media(f"x{number}", apart(pdq.random(1), number))
    found = derived(case)
    assert [(h["items"], h["distant_items"], h["standing"]) for h in found["media_hubs"]] == (
        [(items, items, "undecided")] if is_hub else []
    )
    assert {match["quarantined"] for match in found["media_matches"]} == {is_hub}
    assert {row["verdict_group"] for row in found["media_verdicts"]} == {"none" if is_hub else "near"}
    told = {row["reason"] for row in found["media_verdicts"]}
    assert told == ({"near 1 listed hashes that are set aside as hubs"} if is_hub else {None})


def test_many_edits_of_one_picture_make_no_hub(case, pdq):
    case.listed("picture", pdq=pdq.random(1))
    for number in range(60):
        case.media(f"x{number}", pdq.flipped(pdq.random(1), 15, seed=number))
    found = derived(case)
    assert found["media_hubs"] == []
    assert {row["verdict_group"] for row in found["media_verdicts"]} == {"near"}


def test_a_hub_takes_nothing_from_other_matches(case, pdq, rows_by):
    case.listed("card", pdq=pdq.random(1))
    case.listed("other", pdq=pdq.flipped(apart(pdq.random(1), 0), 25, seed=3))
    case.listed("file", sha256=hashlib.sha256(b"c").hexdigest(), pdq=pdq.random(1))
    for number in range(6):
        case.media(f"x{number}", apart(pdq.random(1), number))
    case.media("copy", pdq.random(1), content=b"c")
    verdicts = rows_by(match_media(case.context())["media_verdicts"], "item_id")
    assert verdicts["itm-x0"]["verdict_group"] == "near"
    assert verdicts["itm-x1"]["verdict_group"] == "none"
    assert verdicts["itm-copy"]["verdict"] == "exact"


@pytest.mark.parametrize(("standing", "group"), [("listed", "near"), ("template", "none")])
def test_what_a_person_said_of_a_hub_counts(case, pdq, standing, group):
    case.listed("card", pdq=pdq.random(1))
    for number in range(6):
        case.media(f"x{number}", apart(pdq.random(1), number))
    case.rows["hub_judgements"] = [{"pdq": pdq.random(1), "standing": standing, "operator": "A. Examiner"}]
    found = derived(case)
    assert [hub["standing"] for hub in found["media_hubs"]] == [standing]
    assert {row["verdict_group"] for row in found["media_verdicts"]} == {group}


@given(st.integers(0, 2**32 - 1), st.integers(1, 40))
def test_the_count_hangs_on_no_order_and_is_what_it_says(seed, count):
    draw = np.random.default_rng(seed)
    bits = np.zeros((count, 256), np.uint8)
    for row in bits:
        row[draw.permutation(80)[: draw.integers(0, 31)]] = 1
    hashes, distances = np.packbits(bits, axis=1), bits.sum(axis=1).tolist()
    found = distant_items(hashes, distances, enough=count)
    order = draw.permutation(count)
    assert distant_items(hashes[order], [distances[row] for row in order], enough=count) == found
    assert distant_items(hashes, distances, enough=1) == 1
    assert 1 <= found <= count
    if (bits[:, None] ^ bits[None]).sum(axis=2).max() <= MAX_DISTANCE_BITS:
        assert found == 1
