"""Videos near a limit are hashed again, a frame a second, and their verdict rests on that."""

from __future__ import annotations

import pyarrow as pa
import pytest

from headwater.engine import Exhibit
from headwater.media import match_media
from headwater.media.frames import comparable_frames
from headwater.media.listed import listed_entries
from headwater.media.margins import near_the_limit
from headwater.schema import table_named
from headwater_sealed.media import HASH_MEDIA_SCHEMA


class SecondPool:
    """Answers every file with these frames, as a worker that hashed a frame a second."""

    def __init__(self, *hashes: str) -> None:
        self.hashes = hashes
        self.tiers: list[str] = []

    def groups(self, job, files, groups):
        for group in groups:
            rows = []
            for number, entry in enumerate(group["entries"]):
                self.tiers.append(entry["tier"])
                rows += [
                    {
                        "entry_index": number,
                        "frame_index": n,
                        "at_ms": 1000 * n,
                        "pdq": bytes.fromhex(pdq),
                        "quality": 90,
                    }
                    for n, pdq in enumerate(self.hashes)
                ]
                rows.append({"entry_index": number, "frame_index": -1, "status": "ok", "tier": "second"})
            yield pa.Table.from_pylist(rows, schema=HASH_MEDIA_SCHEMA)


def opened(case):
    context = case.context()
    context.tables.put("media_second_hashes", table_named("media_second_hashes").empty())
    with listed_entries(context.tables) as listed:
        return near_the_limit(context, comparable_frames(context), listed)


@pytest.mark.parametrize(
    ("bits", "is_open"), [(0, False), (26, False), (27, True), (31, True), (36, True), (37, False)]
)
def test_a_distance_near_the_limit_leaves_it_open(case, pdq, bits, is_open):
    case.listed("a", pdq=pdq.random(1))
    item = case.media("x", pdq.flipped(pdq.random(1), bits), pdq.random(9), kind="video")
    case.media("still", pdq.flipped(pdq.random(1), bits))
    assert opened(case) == ([item] if is_open else [])


def test_a_frame_that_is_surely_near_closes_it(case, pdq):
    case.listed("a", pdq=pdq.random(1))
    case.media("x", pdq.flipped(pdq.random(1), 30), pdq.flipped(pdq.random(1), 3), kind="video")
    assert opened(case) == []


def test_what_is_not_at_hand_keeps_its_keyframes(case, pdq, rows_by):
    case.listed("a", pdq=pdq.random(1))
    item = case.media("x", pdq.flipped(pdq.random(1), 30), kind="video")
    derived = match_media(case.context(), pool=SecondPool())
    assert derived["media_second_hashes"].num_rows == 0
    verdict = rows_by(derived["media_verdicts"], "item_id")[item]
    assert (verdict["verdict"], verdict["hashing_tier"]) == ("possible", "keyframe")


def test_a_video_near_the_limit_is_hashed_again_and_its_verdict_says_so(case, pdq, rows_by, tmp_path):
    case.exhibits.append(Exhibit(exhibit_id="E1", exhibit_kind="directory", path=tmp_path))
    case.listed("a", pdq=pdq.random(1))
    near = case.media("x", pdq.flipped(pdq.random(1), 33), kind="video", content=b"one")
    copy = case.media("y", pdq.flipped(pdq.random(1), 33), kind="video", content=b"one")
    far = case.media("z", pdq.random(5), kind="video")
    pool = SecondPool(pdq.random(7), pdq.flipped(pdq.random(1), 4))
    derived = match_media(case.context(), pool=pool)
    assert pool.tiers == ["second"]  # one content, however many copies
    verdicts = rows_by(derived["media_verdicts"], "item_id")
    for item in (near, copy):
        assert (verdicts[item]["verdict"], verdicts[item]["hashing_tier"]) == ("strong", "second")
    assert (verdicts[far]["verdict"], verdicts[far]["hashing_tier"]) == ("none", "keyframe")
    assert {row["item_id"] for row in derived["media_second_hashes"].to_pylist()} == {near, copy}


def test_a_second_look_takes_no_match_away(case, pdq, rows_by, tmp_path):
    case.exhibits.append(Exhibit(exhibit_id="E1", exhibit_kind="directory", path=tmp_path))
    case.listed("a", pdq=pdq.random(1))
    item = case.media("x", pdq.flipped(pdq.random(1), 30), kind="video")
    derived = match_media(case.context(), pool=SecondPool(pdq.random(7)))
    assert rows_by(derived["media_verdicts"], "item_id")[item]["verdict"] == "possible"
    [match] = derived["media_matches"].to_pylist()
    assert (match["distance_bits"], match["at_ms"], match["query_frames_percent"]) == (30, 0, 50)
