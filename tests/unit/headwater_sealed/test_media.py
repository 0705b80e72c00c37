"""The job `hash_media` as it runs: in a sealed child, where nothing can be loaded or opened any more."""

from __future__ import annotations

import io
from collections import defaultdict
from pathlib import Path

import av
import numpy as np
import pyarrow as pa
import pytest
from PIL import Image, ImageCms

from headwater.evidence import SealedPool
from headwater.evidence.sealed_schemas import EXPECTED
from headwater_sealed.media import HASH_MEDIA_SCHEMA, hash_media
from headwater_sealed.stills import FORMATS


def picture(rows: int = 96, columns: int = 128) -> Image.Image:
    draw = np.random.default_rng(7)
    small = Image.fromarray(draw.integers(0, 256, (24, 28, 3), dtype=np.uint8))
    return small.resize((columns, rows), Image.Resampling.BILINEAR)


def still(fmt: str, mode: str = "RGB", **options: object) -> bytes:
    out = io.BytesIO()
    if mode == "LAB":
        profiles = [ImageCms.createProfile(name) for name in ("sRGB", "LAB")]
        ImageCms.applyTransform(picture(), ImageCms.buildTransform(*profiles, "RGB", "LAB")).save(out, fmt)
    else:
        picture().convert(mode).save(out, fmt, **options)
    return out.getvalue()


def clip(container: str, codec: str, pixels: str = "yuv420p", *, with_sound_and_titles: bool = False) -> bytes:
    out = io.BytesIO()
    with av.open(out, "w", format=container) as muxer:
        stream = muxer.add_stream(codec, rate=25)
        stream.width, stream.height, stream.pix_fmt = 128, 96, pixels
        stream.codec_context.thread_count = 1
        sound = muxer.add_stream("aac", rate=44100) if with_sound_and_titles else None
        for index in range(30):
            frame = av.VideoFrame.from_image(picture())
            frame.pts = index
            muxer.mux(stream.encode(frame))
        muxer.mux(stream.encode())
        if sound is not None:
            silence = av.AudioFrame.from_ndarray(np.zeros((1, 1024), dtype=np.float32), format="fltp", layout="mono")
            silence.sample_rate = 44100
            muxer.mux(sound.encode(silence))
            muxer.mux(sound.encode())
    return out.getvalue()


def turned() -> Image.Exif:
    exif = Image.Exif()
    exif[0x0112] = 6
    return exif


STILLS = {
    "jpeg": still("JPEG"),
    "jpeg-progressive": still("JPEG", progressive=True),
    "jpeg-grey": still("JPEG", "L"),
    "jpeg-cmyk": still("JPEG", "CMYK"),
    "jpeg-exif": still("JPEG", exif=turned()),
    "png": still("PNG"),
    "png-palette": still("PNG", "P"),
    "png-alpha": still("PNG", "RGBA"),
    "png-1": still("PNG", "1"),
    "gif": still("GIF", "P"),
    "bmp": still("BMP"),
    "tiff": still("TIFF"),
    "tiff-lzw": still("TIFF", compression="tiff_lzw"),
    "tiff-jpeg": still("TIFF", compression="jpeg"),
    "tiff-lab": still("TIFF", "LAB"),
    "tiff-float": still("TIFF", "F"),
    "webp": still("WEBP"),
    "avif": still("AVIF"),
    "jpeg2000": still("JPEG2000"),
    "ppm": still("PPM"),
}
VIDEOS = {
    "mp4-h264": ("mp4", "libx264"),
    "mkv-h264-444": ("matroska", "libx264", "yuv444p"),
    "mp4-h265-10bit": ("mp4", "libx265", "yuv420p10le"),
    "webm-vp8": ("webm", "libvpx"),
    "webm-vp9": ("webm", "libvpx-vp9"),
    "avi-mpeg4": ("avi", "mpeg4"),
    "avi-mjpeg": ("avi", "mjpeg", "yuvj420p"),
    "ts-mpeg2": ("mpegts", "mpeg2video"),
    "ps-mpeg1": ("mpeg", "mpeg1video"),
    "flv": ("flv", "flv1"),
    "asf-wmv2": ("asf", "wmv2"),
    "mkv-ffv1": ("matroska", "ffv1"),
    "avi-png-rgb": ("avi", "png", "rgb24"),
}


def test_both_sides_state_one_schema():
    expected = next(one for one in EXPECTED if one.name == "hash_media")
    assert expected.schema.equals(HASH_MEDIA_SCHEMA)
    assert expected.refused == {"frame_index": -1, "status": "refused"}


def test_every_format_decodes_behind_the_seal(tmp_path):
    """A decoder that a library loads on first use would be missing here, and nowhere else."""
    contents = dict(STILLS)
    for name, how in VIDEOS.items():
        try:
            contents[name] = clip(*how)
        except (ValueError, av.error.FFmpegError):  # this build of the library cannot make one to read
            continue
    contents["mp4-sound"] = clip("mp4", "libx264", with_sound_and_titles=True)
    assert {"mp4-h264", "avi-mpeg4", "avi-mjpeg"} <= contents.keys()
    paths: list[Path] = []
    for name, content in contents.items():
        paths.append(tmp_path / name)
        paths[-1].write_bytes(content)
    entries = [
        {"file_index": index, "media_kind": "still", "tier": "still"}
        if name in STILLS
        else {"file_index": index, "media_kind": "video", "tier": "second"}
        for index, name in enumerate(contents)
    ]
    with SealedPool(workers=1, allow_unsealed=True) as pool:
        results = list(pool.groups("hash_media", paths, [{"entries": entries[n : n + 16]} for n in range(0, 48, 16)]))
    hashes: dict[str, list[bytes]] = defaultdict(list)
    names = list(contents)
    for group, result in enumerate(results):
        assert isinstance(result, pa.Table), result
        for row in result.to_pylist():
            name = names[16 * group + row["entry_index"]]
            if row["frame_index"] < 0:
                assert (row["status"], row["reason"]) == ("ok", None), name
            else:
                assert row["quality"] == 100, name
                hashes[name].append(row["pdq"])
    assert hashes.keys() == contents.keys()
    original = int.from_bytes(hashes["png"][0])
    for name, found in hashes.items():
        if name in {"png-1", "jpeg-exif"}:  # dithered to black and white; turned
            continue
        for each in found:
            assert (int.from_bytes(each) ^ original).bit_count() <= 31, name


def test_damage_needs_nothing_that_was_not_loaded_before_the_seal(tmp_path):
    contents = [(content, "still") for content in STILLS.values()]
    contents += [(clip(*VIDEOS[name]), "video") for name in ("mp4-h264", "avi-mjpeg", "avi-mpeg4")]
    draw = np.random.default_rng(2)
    paths, entries = [], []
    for content, kind in contents:
        flipped = bytearray(content)
        for place in draw.integers(0, len(content), 9):
            flipped[int(place)] ^= 0xA5
        for damaged in (content[: len(content) // 2], content[:50], bytes(flipped)):
            paths.append(tmp_path / str(len(paths)))
            paths[-1].write_bytes(damaged)
            entries.append({"file_index": len(entries), "media_kind": kind, "tier": "keyframe"})
    groups = [{"entries": entries[n : n + 16]} for n in range(0, len(entries), 16)]
    with SealedPool(workers=1, allow_unsealed=True) as pool:
        results = list(pool.groups("hash_media", paths, groups))
    summaries = [row for result in results for row in result.to_pylist() if row["frame_index"] < 0]
    assert len(summaries) == len(entries)
    assert {row["status"] for row in summaries} == {"ok", "partial", "refused"}
    assert not [row["reason"] for row in summaries if "after the seal" in (row["reason"] or "")]


def test_a_jpeg_is_among_the_formats_and_postscript_is_not():
    assert "JPEG" in FORMATS
    assert not {"EPS", "WMF", "FPX", "MIC"} & set(FORMATS)


def rows_of(files: list[bytes], entries: list[dict[str, object]], **parameters: object) -> list[dict[str, object]]:
    batches: list[pa.RecordBatch] = []
    hash_media([io.BytesIO(content) for content in files], {"entries": entries, **parameters}, batches.append)
    return [row for batch in batches for row in batch.to_pylist()]


def test_an_entry_that_cannot_be_opened_costs_no_other():
    entries = [{"file_index": index, "media_kind": "still", "tier": "still"} for index in (1, 9, 0)]
    rows = rows_of([STILLS["png"], b"nothing"], entries)
    assert [(r["entry_index"], r["frame_index"], r["status"]) for r in rows] == [
        (0, -1, "refused"),
        (1, -1, "refused"),
        (2, 0, None),
        (2, -1, "ok"),
    ]
    assert "no file 9" in str(rows[1]["reason"])


def test_one_file_may_be_asked_for_twice():
    rows = rows_of([STILLS["png"]], [{"file_index": 0, "media_kind": "still", "tier": "still"}] * 2)
    first, second = (r["pdq"] for r in rows if r["frame_index"] == 0)
    assert first == second


def test_a_kind_that_does_not_exist_is_the_callers_mistake():
    with pytest.raises(ValueError, match="media_kind"):
        rows_of([b""], [{"file_index": 0, "media_kind": "sound", "tier": "still"}])
