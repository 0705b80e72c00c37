"""Videos beside listed ones: both shares, and the stretches that both show."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater.media import match_media
from headwater.media.video_matches import NearFrames, shared_stretches


def listed_video(case, pdq, name: str, seeds: range, *, quality: int | None = None) -> None:
    for second, seed in enumerate(seeds):
        case.listed(
            f"{name}-{second}", pdq=pdq.random(seed), media_kind="video", listed_file=name, at_ms=1000 * second,
            pdq_quality=quality,
        )  # fmt: skip


def found(case) -> list[dict]:
    return match_media(case.context())["video_matches"].to_pylist()


def test_a_part_of_a_listed_video_says_how_much_of_either(case, pdq):
    listed_video(case, pdq, "v1", range(100, 120))
    item = case.media("x", *(pdq.random(seed) for seed in [1, 2, *range(105, 113)]), kind="video")
    (match,) = found(case)
    assert (match["item_id"], match["listed_file"], match["query_frames"], match["listed_frames"]) == (
        item,
        "v1",
        10,
        20,
    )
    assert (match["query_frames_percent"], match["listed_frames_percent"]) == (80, 40)
    assert match["stretches"] == [
        {"from_ms": 2000, "to_ms": 9000, "listed_from_ms": 5000, "listed_to_ms": 12_000, "frames": 8}
    ]


def test_a_compilation_is_in_several_listed_videos(case, pdq):
    listed_video(case, pdq, "v1", range(100, 110))
    listed_video(case, pdq, "v2", range(200, 210))
    case.media("x", *(pdq.random(seed) for seed in [*range(100, 105), *range(203, 208)]), kind="video")
    first, second = sorted(found(case), key=lambda match: match["listed_file"])
    assert [s["from_ms"] for s in first["stretches"]] == [0]
    assert [(s["from_ms"], s["listed_from_ms"]) for s in second["stretches"]] == [(5000, 3000)]
    assert first["query_frames_percent"] == second["query_frames_percent"] == 50


def test_one_shared_card_is_one_frame_of_a_stretch(case, pdq):
    listed_video(case, pdq, "v1", range(100, 160))
    case.media("x", *(pdq.random(seed) for seed in [100, *range(1, 60)]), kind="video")
    (match,) = found(case)
    assert (match["query_frames_percent"], match["listed_frames_percent"]) == (1, 1)
    assert [s["frames"] for s in match["stretches"]] == [1]


def test_a_listed_hash_of_too_low_a_stated_quality_is_compared_with_nothing(case, pdq):
    listed_video(case, pdq, "v1", range(100, 110), quality=49)
    listed_video(case, pdq, "v2", range(100, 110), quality=50)
    case.media("x", *(pdq.random(seed) for seed in range(100, 110)), kind="video")
    assert [match["listed_file"] for match in found(case)] == ["v2"]


def test_stills_and_lists_without_frames_make_none(case, pdq):
    case.listed("a", pdq=pdq.random(1), media_kind="video")
    listed_video(case, pdq, "v1", range(100, 103))
    case.media("still", pdq.random(100))
    case.media("x", pdq.random(1), kind="video")
    assert found(case) == []


def test_order_of_rows_changes_nothing(case, pdq):
    listed_video(case, pdq, "v1", range(100, 120))
    case.media("x", *(pdq.random(seed) for seed in range(103, 118)), kind="video")
    case.media("y", *(pdq.random(seed) for seed in range(110, 118)), kind="video")
    assert match_media(case.context(reverse=True))["video_matches"].to_pylist() == found(case)


@pytest.mark.parametrize(("speed", "stretches"), [(0.6, 1), (1.0, 1), (1.9, 1), (6.0, None), (-1.0, None)])
def test_a_copy_at_another_speed_is_one_stretch_and_a_reversed_one_is_not(speed, stretches):
    start = 0 if speed > 0 else 60_000
    near = [NearFrames(5000 * n, int(start + 5000 * n * speed), 3) for n in range(10)]
    told = list(shared_stretches(near))
    assert (len(told) == stretches) if stretches else len(told) > 1


@given(st.lists(st.tuples(st.integers(0, 50), st.integers(0, 50), st.integers(0, 31)), max_size=60))
def test_every_time_is_in_one_stretch(pairs):
    near = sorted(NearFrames(1000 * a, 1000 * b, d) for a, b, d in pairs)
    near.sort(key=lambda one: (one.at_ms, one.distance_bits, one.listed_at_ms))
    told = list(shared_stretches(near))
    assert sum(stretch["frames"] for stretch in told) == len({one.at_ms for one in near})
    for stretch in told:
        assert stretch["from_ms"] <= stretch["to_ms"]
        assert stretch["listed_from_ms"] <= stretch["listed_to_ms"]
    assert all(a["to_ms"] < b["from_ms"] for a, b in itertools.pairwise(told))
