"""Hashing a case: each content once, every copy its result, every failure a reason."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from PIL import Image

from headwater.engine import Exhibit
from headwater.errors import IntegrityError
from headwater.evidence import Failure
from headwater.media import hash_items, hashing
from headwater.media.hashing import HashedFile, is_sparse
from headwater_sealed.media import HASH_MEDIA_SCHEMA, hash_media, prepare


def png(seed: int, side: int = 64) -> bytes:
    draw = np.random.default_rng(seed)
    out = io.BytesIO()
    Image.fromarray(draw.integers(0, 256, (side, side), dtype=np.uint8)).save(out, "PNG")
    return out.getvalue()


class OpenPool:
    """Runs the job in this process: the tests' pictures are our own."""

    def __init__(self) -> None:
        prepare()
        self.calls: list[tuple[list[str], list[Mapping[str, Any]], Mapping[str, Any]]] = []

    def groups(
        self, job: str, files: Sequence[Path], groups: Sequence[Mapping[str, Any]]
    ) -> Iterator[pa.Table | Failure]:
        assert job == "hash_media"
        for group in groups:
            self.calls.append(([file.name for file in files], list(group["entries"]), group))
            batches: list[pa.RecordBatch] = []
            opened = [file.open("rb") for file in files]
            try:
                hash_media(opened, group, batches.append)
            finally:
                for file in opened:
                    file.close()
            yield pa.Table.from_batches(batches, schema=HASH_MEDIA_SCHEMA)

    @property
    def entries(self) -> int:
        return sum(len(entries) for _, entries, _ in self.calls)


@pytest.fixture
def folder(case, tmp_path):
    """Puts files into a folder that is an exhibit, and into the case."""
    case.exhibits.append(Exhibit(exhibit_id="E1", exhibit_kind="directory", path=tmp_path))

    def put(name: str, content: bytes, kind: str = "still", **values: Any) -> str:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(content)
        return str(case.item(name, content=content, kind=kind, **values))

    return put


def test_stills_are_hashed_and_refused_ones_say_why(case, folder, rows_by):
    good = folder("sub/a.png", png(1))
    cut = folder("b.png", png(2)[:40])
    other = folder("c.txt", b"text", kind="text")
    derived = hash_items(case.context(), pool=OpenPool())
    files = rows_by(derived["media_files"], "item_id")
    assert other not in files
    assert (files[good]["status"], files[good]["hashing_tier"], files[good]["width_px"]) == ("ok", "still", 64)
    assert (files[good]["frames_hashed"], files[good]["best_quality"]) == (1, 100)
    assert files[cut]["status"] == "refused"
    assert files[cut]["reason"]
    assert [(h["item_id"], h["frame_index"], len(h["pdq"])) for h in derived["media_hashes"].to_pylist()] == [
        (good, 0, 64)
    ]


def test_each_content_is_hashed_once_and_every_copy_has_the_result(case, folder):
    items = [folder(name, png(1)) for name in ("c.png", "a.png", "b.png")]
    pool = OpenPool()
    derived = hash_items(case.context(), pool=pool)
    again = int(hashlib.sha256(png(1)).hexdigest()[:8], 16) % 100 == 0
    assert pool.entries == 1 + again
    assert pool.calls[0][0] == ["a.png"]
    assert sorted(derived["media_files"]["item_id"].to_pylist()) == sorted(items)
    assert len(set(derived["media_hashes"]["pdq"].to_pylist())) == 1


def test_groups_are_small(case, folder):
    for number in range(40):
        folder(f"{number:02}.png", png(number, side=16))
    pool = OpenPool()
    derived = hash_items(case.context(), pool=pool)
    assert derived["media_files"].num_rows == 40
    assert max(len(entries) for _, entries, _ in pool.calls) == hashing.GROUP_ENTRIES == 16


def test_an_item_without_a_digest_is_refused_with_its_reason(case, rows_by):
    item = case.item("x", md5=None, sha1=None, sha256=None, disposition="refused", reason="unreadable sector")
    derived = hash_items(case.context(), pool=OpenPool())
    row = rows_by(derived["media_files"], "item_id")[item]
    assert (row["status"], row["reason"], row["frames_hashed"]) == ("refused", "unreadable sector", 0)


def test_an_exhibit_that_is_not_at_hand_refuses_its_items(case, rows_by):
    item = case.item("x")
    row = rows_by(hash_items(case.context(), pool=OpenPool())["media_files"], "item_id")[item]
    assert (row["status"], row["reason"]) == ("refused", "its exhibit is not at hand")


class FailingPool(OpenPool):
    def groups(
        self, job: str, files: Sequence[Path], groups: Sequence[Mapping[str, Any]]
    ) -> Iterator[pa.Table | Failure]:
        for number, result in enumerate(super().groups(job, files, groups)):
            yield Failure(reason="out of memory") if number == 0 else result


def test_a_failed_group_refuses_its_own_items_only(case, folder):
    for number in range(20):
        folder(f"{number:02}.png", png(number, side=16))
    status = hash_items(case.context(), pool=FailingPool())["media_files"]
    refused = [row for row in status.to_pylist() if row["status"] == "refused"]
    assert len(refused) == 16
    assert {row["reason"] for row in refused} == {"out of memory"}


class UnsteadyPool(OpenPool):
    """Gives another hash each time, as broken memory would."""

    def groups(
        self, job: str, files: Sequence[Path], groups: Sequence[Mapping[str, Any]]
    ) -> Iterator[pa.Table | Failure]:
        for result in super().groups(job, files, groups):
            bits = [None if value is None else bytes([len(self.calls)]) * 32 for value in result["pdq"].to_pylist()]
            yield result.set_column(
                result.schema.get_field_index("pdq"), HASH_MEDIA_SCHEMA.field("pdq"), pa.array(bits, pa.binary(32))
            )


def test_two_results_for_one_content_stop_the_run(case, folder, monkeypatch):
    monkeypatch.setattr(hashing, "_RECHECK_ONE_IN", 1)
    folder("a.png", png(1))
    assert hash_items(case.context(), pool=OpenPool())["media_hashes"].num_rows == 1
    with pytest.raises(IntegrityError, match="hashed twice"):
        hash_items(case.context(), pool=UnsteadyPool())


def hashed(frames: int, duration_ms: int | None, kind: str = "video", tier: str = "keyframe") -> HashedFile:
    """A file with so many frames, evenly spread."""
    return hashed_at([number * (duration_ms or 0) // frames for number in range(frames)], duration_ms, kind, tier)


def hashed_at(times_ms: list[int], duration_ms: int | None, kind: str = "video", tier: str = "keyframe") -> HashedFile:
    summary = {"media_kind": kind, "tier": tier, "duration_ms": duration_ms, "status": "ok", "reason": None}
    frames = [{"frame_index": n, "at_ms": at, "pdq": bytes(32), "quality": 0} for n, at in enumerate(times_ms)]
    return HashedFile(summary=summary, frames=tuple(frames))


@pytest.mark.parametrize(
    ("file", "sparse"),
    [
        (hashed(1, 4_000), True),
        (hashed(7, 20_000), True),
        (hashed(8, 20_000), False),
        (hashed(50, 600_000), True),
        (hashed(60, 600_000), False),
        (hashed(1, None), True),
        (hashed(1, 4_000, tier="second"), False),
        (hashed(1, None, kind="still", tier="still"), False),
        # Enough of them, and one gap: at the beginning, between two, at the end.
        (hashed_at([12_000 + 1_000 * n for n in range(20)], 32_000), True),
        (hashed_at([*range(0, 10_000, 1_000), *range(22_000, 30_000, 1_000)], 30_000), True),
        (hashed_at([1_000 * n for n in range(20)], 32_000), True),
        (hashed_at([10_000 * n for n in range(9)], 90_000), False),
    ],
)
def test_which_videos_are_hashed_again_a_frame_a_second(file, sparse):
    assert is_sparse(file) == sparse


def test_a_second_pass_that_fails_keeps_the_keyframes_and_says_so():
    keyframes = hashed(3, 9_000)
    failed = HashedFile(summary={**keyframes.summary, "tier": "second", "status": "refused", "reason": "killed"})
    kept = hashing._better(keyframes, failed)
    assert len(kept.frames) == 3
    assert (kept.summary["status"], kept.summary["reason"]) == ("partial", "keyframes only: killed")
    assert hashing._better(keyframes, hashed(2, 9_000, tier="second")) == keyframes
    assert hashing._better(keyframes, hashed(9, 9_000, tier="second")).summary["tier"] == "second"
