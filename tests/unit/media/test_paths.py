"""`hash_paths`: plain files, decoded in sealed workers, digests by the parent."""

from __future__ import annotations

import hashlib
import io

import numpy as np
import pytest
from PIL import Image

from headwater.media import hash_paths


def png(seed: int) -> bytes:
    out = io.BytesIO()
    Image.fromarray(np.random.default_rng(seed).integers(0, 256, (48, 64, 3), dtype=np.uint8)).save(out, "PNG")
    return out.getvalue()


def test_files_in_order_whatever_they_are(tmp_path):
    (tmp_path / "a.png").write_bytes(png(1))
    (tmp_path / "b.txt").write_bytes(b"words\n")
    (tmp_path / "c.jpg").write_bytes(b"\xff\xd8\xff\xe0 cut short")
    (tmp_path / "named.txt").write_bytes(png(1))
    paths = [tmp_path / name for name in ("named.txt", "a.png", "missing", "b.txt", "c.jpg")] + [tmp_path]
    rows = list(hash_paths(paths, workers=2, allow_unsealed=True))
    assert [row["path"] for row in rows] == [str(path) for path in paths]
    assert [(row["kind"], row["status"]) for row in rows] == [
        ("still", "ok"),  # by content, not by name
        ("still", "ok"),
        ("other", "refused"),
        ("other", "ok"),
        ("still", "refused"),
        ("other", "refused"),
    ]
    assert rows[0]["pdq"] == rows[1]["pdq"]
    assert len(rows[0]["pdq"]) == 64
    assert rows[0]["pdq_quality"] == 100
    assert rows[0]["sha256"] == hashlib.sha256(png(1)).hexdigest()
    assert rows[3]["md5"] == hashlib.md5(b"words\n").hexdigest()
    assert rows[2]["reason"] == "no such file"
    assert rows[4]["reason"]
    assert rows[4]["sha1"]
    assert set(rows[0]) == {
        "path",
        "size_bytes",
        "md5",
        "sha1",
        "sha256",
        "kind",
        "status",
        "reason",
        "pdq",
        "pdq_quality",
    }


def test_published_hashes_by_way_of_sealed_workers(reference_data):
    text = (reference_data / "SOURCES.md").read_text(encoding="utf-8")
    published = dict(line.split(",") for line in text.splitlines() if line.count(",") == 1 and ".jpg," in line)
    names = sorted(published)
    rows = list(hash_paths([reference_data / "media" / "stills" / name for name in names], allow_unsealed=True))
    assert len(rows) == 12
    for name, row in zip(names, rows, strict=True):
        assert (int(row["pdq"], 16) ^ int(published[name], 16)).bit_count() <= 10


def test_videos_by_way_of_sealed_workers(reference_data):
    path = reference_data / "media" / "videos" / "pattern-sd-grey-bar.mp4"
    rows = list(hash_paths([path], tier="second", allow_unsealed=True))
    assert (rows[0]["kind"], rows[0]["status"], rows[0]["tier"]) == ("video", "ok", "second")
    assert rows[0]["duration_s"] == pytest.approx(6.866)
    assert [frame["t_s"] for frame in rows[0]["frames"]] == [0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0]
    assert rows[0]["pdq_quality"] == max(frame["pdq_quality"] for frame in rows[0]["frames"])


def test_a_tier_that_does_not_exist_is_the_callers_mistake():
    with pytest.raises(ValueError, match="tier"):
        next(hash_paths([], tier="all"))
