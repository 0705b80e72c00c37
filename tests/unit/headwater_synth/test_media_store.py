from __future__ import annotations

import csv
import hashlib
import io
import json
import os
import subprocess
import sys
from collections import Counter
from itertools import combinations
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from headwater_synth.media_store import MediaFile, MediaResult, build_media_store, write_hash_lists, write_media_truth
from headwater_synth.media_store.perceptual import Crowd, pdq_of
from headwater_synth.media_store.plan import MIN_FULL_MIX, planned_scenes
from headwater_synth.media_store.scenes import drawn_flat, drawn_scene
from headwater_synth.media_store.stills import decoded_still
from headwater_synth.media_store.videos import FRAMES_PER_SECOND, decoded_frames, encoded_video

SEED = 11
MEDIA = 28
EDITS = {"original", "copy", "reencode", "resize", "trim", "overlay", "truncated", "flat"}


@pytest.fixture(scope="module")
def store(tmp_path_factory) -> tuple[Path, MediaResult]:
    root = tmp_path_factory.mktemp("media-store")
    return root, build_media_store(root, seed=SEED, media=MEDIA)


def pictures(root: Path, file: MediaFile) -> list[Image.Image]:
    content = (root / file.relative_path).read_bytes()
    if file.media_kind == "still":
        return [decoded_still(content)]
    return [frame.picture for frame in decoded_frames(content) if frame.keyframe]


def distance_bits(one: bytes, other: bytes) -> int:
    return (int.from_bytes(one, "big") ^ int.from_bytes(other, "big")).bit_count()


@pytest.mark.parametrize("media", [MIN_FULL_MIX, 25, 31, 120])
@pytest.mark.parametrize("seed", [0, 1, 7, 2**63, -4])
def test_every_situation_is_planned_at_any_seed(seed, media):
    scenes = planned_scenes(seed, media)
    files = [(scene, file) for scene in scenes for file in scene.files]
    assert len(files) == media
    assert {file.edit for _, file in files} == EDITS
    situations = Counter((scene.media_kind, scene.listed, scene.original_stored) for scene in scenes)
    for kind in ("still", "video"):
        assert situations[kind, True, True], "listed exactly"
        assert situations[kind, True, False], "near a listed one"
        assert situations[kind, False, True], "in no list"
    assert any(not scene.listed and len(scene.files) > 1 for scene in scenes), "uploaded again"
    assert len({file.name for _, file in files}) == media


@pytest.mark.parametrize("media", range(MIN_FULL_MIX))
def test_small_stores_have_the_files_asked_for(media):
    assert sum(len(scene.files) for scene in planned_scenes(3, media)) == media


def test_files_are_as_described(store):
    root, result = store
    assert len(result.files) == MEDIA
    assert sorted(path.relative_to(root).as_posix() for path in root.rglob("*.*")) == [
        file.relative_path for file in result.files
    ]
    for file in result.files:
        content = (root / file.relative_path).read_bytes()
        assert file.sha256 == hashlib.sha256(content).hexdigest()
        assert file.size_bytes == len(content)
        folder, name = file.relative_path.split("/")
        assert name.startswith(folder)
        assert len(folder) == 2
        assert (file.listed == "none") == (not file.scene_is_listed)
        assert (file.listed == "exact") == (file.scene_is_listed and file.edit in {"original", "copy"})
        assert file.comparable == (file.edit not in {"flat", "truncated"})


def test_the_original_is_the_first_upload_of_its_scene(store):
    _, result = store
    for file in result.files:
        if file.edit == "original":
            assert file.upload_order_hint == 0


def test_copies_are_copies_and_edits_are_not(store):
    _, result = store
    for one, other in combinations(result.files, 2):
        verbatim = {one.edit, other.edit} <= {"original", "copy"}
        assert (one.sha256 == other.sha256) == (one.scene_key == other.scene_key and verbatim)


def test_videos_are_h264_with_a_keyframe_each_second(store):
    root, result = store
    videos = [file for file in result.files if file.media_kind == "video" and file.edit != "truncated"]
    assert videos
    for file in videos:
        content = (root / file.relative_path).read_bytes()
        with av.open(io.BytesIO(content)) as container:
            stream = container.streams.video[0]
            assert stream.codec_context.name == "h264"
            assert stream.average_rate == FRAMES_PER_SECOND
            assert max(stream.width, stream.height) <= 640
        frames = list(decoded_frames(content))
        assert 2000 <= frames[-1].at_ms + 100 <= 6000
        assert [frame.at_ms for frame in frames if frame.keyframe] == [
            frame.at_ms for frame in frames if frame.at_ms % 1000 == 0
        ]


def test_truncated_files_cannot_be_read_whole(store):
    root, result = store
    cut = [file for file in result.files if file.edit == "truncated"]
    assert {file.media_kind for file in cut} == {"still", "video"}
    for file in cut:
        with pytest.raises((OSError, av.error.FFmpegError)):
            pictures(root, file)


def test_scenes_are_far_apart_and_rich_by_an_oracle(store):
    pdqhash = pytest.importorskip("pdqhash", reason="the oracle of PDQ is installed for tests only")
    root, result = store
    hashed: list[tuple[str, np.ndarray]] = []
    for file in result.files:
        if not file.comparable:
            continue
        for picture in pictures(root, file):
            bits, quality = pdqhash.compute(np.asarray(picture))
            assert quality >= 80, file
            hashed.append((file.scene_key, np.asarray(bits, dtype=np.uint8)))
    for (scene, bits), (other_scene, other_bits) in combinations(hashed, 2):
        if scene != other_scene:
            assert int((bits != other_bits).sum()) > 60, (scene, other_scene)


def test_flat_surfaces_have_no_quality(store):
    root, result = store
    flat = [file for file in result.files if file.edit == "flat"]
    assert {file.media_kind for file in flat} == {"still", "video"}
    for file in flat:
        assert all(pdq_of(picture).quality < 50 for picture in pictures(root, file))
    assert all(pdq_of(drawn_flat(seed, "x", width_px=320, height_px=240)).quality < 50 for seed in range(20))


def test_listed_scenes_are_in_the_lists_by_digest_or_within_reach(store):
    root, result = store
    by_scene = {entry.scene_key: entry for entry in result.listed if entry.scene_key is not None}
    digests = {entry.sha256 for entry in result.listed}
    for file in result.files:
        assert (file.sha256 in digests) == (file.listed == "exact")
        if file.listed == "near" and file.comparable and file.edit in {"reencode", "resize", "trim"}:
            listed = [bytes.fromhex(frame.pdq) for frame in by_scene[file.scene_key].frames]
            found = [pdq_of(picture).bits for picture in pictures(root, file)]
            assert min(distance_bits(one, other) for one in found for other in listed) <= 31, file
    assert {entry.list_name for entry in by_scene.values()} == {"vics", "csv"}
    assert {entry.victim_identified for entry in by_scene.values()} == {"yes", "no", "unknown"}


def test_hash_lists_have_a_row_for_each_hash_and_one_damaged_row(store, tmp_path):
    _, result = store
    write_hash_lists(result, tmp_path)
    vics = json.loads((tmp_path / "hashlist.vics.json").read_text("utf-8"))
    with (tmp_path / "hashlist.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    frames = Counter(entry.list_name for entry in result.listed for _ in entry.frames)
    assert len(vics["value"]) == frames["vics"]
    assert len(rows) == frames["csv"] + 1
    assert sum(len(row["md5"]) != 32 for row in rows) == 1
    assert {media["MD5"].lower() for media in vics["value"]}.isdisjoint(row["md5"] for row in rows)
    for media in vics["value"]:
        assert media["Category"] in {1, 2, 3}
        assert len(media["AlternativeHashes"][0]["HashValue"]) == 64
    assert any(len(entry.frames) > 1 for entry in result.listed if entry.scene_key), "videos have several"


def test_truth_tells_of_every_file_and_every_row(store, tmp_path):
    _, result = store
    first = result.files[0]
    write_media_truth(result, {first.relative_path: (17, 1_700_000_000)}, tmp_path)
    with (tmp_path / "media.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["path"] for row in rows] == [f"/srv/media/{media.relative_path}" for media in result.files]
    assert rows[0]["uploader_account_key"] == "17"
    assert rows[0]["uploaded_at_s"] == "1700000000"
    assert rows[1]["uploader_account_key"] == ""
    with (tmp_path / "hashlist.csv").open(encoding="utf-8", newline="") as file:
        listed = list(csv.DictReader(file))
    assert sum(row["media_kind"] == "damaged" for row in listed) == 1
    assert len(listed) == sum(len(entry.frames) for entry in result.listed) + 1


_BUILD = """
import sys
from pathlib import Path
from headwater_synth.media_store import build_media_store
build_media_store(Path(sys.argv[1]), seed=int(sys.argv[2]), media=int(sys.argv[3]))
assert int(sys.argv[3]) or "av" not in sys.modules, "no media, and yet the codec library was loaded"
"""


def built_elsewhere(root: Path, *, media: int, **environment: str) -> None:
    command = [sys.executable, "-c", f"import os; os.umask(0o077)\n{_BUILD}", str(root), str(SEED), str(media)]
    subprocess.run(command, check=True, timeout=120, env={**os.environ, **environment})


def test_same_seed_gives_the_same_bytes_in_another_process(store, tmp_path):
    root, result = store
    built_elsewhere(tmp_path / "again", media=MEDIA, TZ="Asia/Tokyo", LC_ALL="C", PYTHONHASHSEED="99")
    for file in result.files:
        assert (tmp_path / "again" / file.relative_path).read_bytes() == (root / file.relative_path).read_bytes()


def test_videos_of_awkward_sizes_have_the_same_bytes_wherever_they_lie_in_memory():
    for width, height in ((266, 150), (480, 270), (346, 194)):
        scene = drawn_scene(SEED, "awkward", width_px=width, height_px=height)
        moments = [scene.frame(number / 10) for number in range(20)]
        made = set()
        for extent in (1, 4_097, 300_001):
            litter = [bytearray(b"\xa5" * (extent + number)) for number in range(20)]
            del litter[::2]
            made.add(encoded_video(moments, rate_factor=20))
        assert len(made) == 1


def test_a_store_without_media_needs_no_codec(tmp_path):
    built_elsewhere(tmp_path / "none", media=0)
    result = build_media_store(tmp_path / "empty", seed=SEED, media=0)
    assert result.files == ()
    write_hash_lists(result, tmp_path)
    assert (tmp_path / "hashlist.csv").stat().st_size > 1000


def test_a_crowd_knows_its_nearest():
    crowd = Crowd()
    assert crowd.nearest_bits([bytes(32)]) == 256
    crowd.join([bytes(32), b"\xff" * 32])
    assert crowd.nearest_bits([b"\x01" + bytes(31)]) == 1
