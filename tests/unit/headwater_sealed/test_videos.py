"""Videos: keyframes and seconds, damaged ones keep what they gave, colour ranges agree with RGB."""

from __future__ import annotations

import io
from dataclasses import dataclass

import av
import numpy as np
import pytest
from PIL import Image

from headwater_sealed import videos
from headwater_sealed.frame_luma import frame_luma
from headwater_sealed.pdq import luma_from_rgb, pdq_from_luma
from headwater_sealed.pdq_sampling import full_range


@pytest.fixture(scope="module", autouse=True)
def silent_decoders():
    videos.prepare()


def scene(number: int, rows: int = 96, columns: int = 128) -> np.ndarray:
    draw = np.random.default_rng(number)
    small = Image.fromarray(draw.integers(0, 256, (24, 28, 3), dtype=np.uint8))
    return np.asarray(small.resize((columns, rows), Image.Resampling.BILINEAR))


def clip(
    container: str = "mp4",
    codec: str = "libx264",
    *,
    seconds: int = 4,
    rate: int = 10,
    keyframe_every: int = 10,
    pixels: str = "yuv420p",
    colour_range: int | None = None,
    colour_space: int | None = None,
) -> bytes:
    """A video with one scene a second."""
    out = io.BytesIO()
    with av.open(out, "w", format=container) as muxer:
        stream = muxer.add_stream(codec, rate=rate)
        stream.width, stream.height, stream.pix_fmt = 128, 96, pixels
        context = stream.codec_context
        context.thread_count = 1
        context.gop_size = keyframe_every
        if codec == "libx264":
            context.options = {"sc_threshold": "0", "keyint_min": str(keyframe_every), "preset": "ultrafast"}
        if colour_range is not None:
            context.color_range = colour_range
        if colour_space is not None:
            context.colorspace = colour_space
        for index in range(seconds * rate):
            picture = av.VideoFrame.from_ndarray(scene(index // rate), format="rgb24")
            frame = picture.reformat(
                format=pixels,
                dst_colorspace=colour_space if colour_space is not None else None,
                dst_color_range=colour_range if colour_range is not None else None,
            )
            frame.pts = index
            for packet in stream.encode(frame):
                muxer.mux(packet)
        for packet in stream.encode():
            muxer.mux(packet)
    return out.getvalue()


def read(content: bytes, tier: str = "second") -> tuple[videos.Video, list[videos.Frame]]:
    video = videos.Video()
    return video, list(videos.read_video(io.BytesIO(content), video, tier=tier))


def luma_of(frame: av.VideoFrame) -> np.ndarray:
    luma, limited_range = frame_luma(frame)
    return full_range(luma) if limited_range else luma


def shown(frame: videos.Frame) -> np.ndarray:
    return full_range(frame.luma) if frame.limited_range else frame.luma


def distance_bits(luma: np.ndarray, other: np.ndarray) -> int:
    one, two = (int.from_bytes(pdq_from_luma(each).bits) for each in (luma, other))
    return (one ^ two).bit_count()


def test_a_frame_each_second_shows_each_scene():
    video, frames = read(clip())
    assert (video.status, video.reason, video.duration_ms) == ("ok", None, 4000)
    assert (video.width_px, video.height_px) == (128, 96)
    assert [frame.at_ms for frame in frames] == [0, 1000, 2000, 3000]
    for number, frame in enumerate(frames):
        assert distance_bits(shown(frame), luma_from_rgb(scene(number))) <= 21


def test_keyframes_only():
    video, frames = read(clip(keyframe_every=20), "keyframe")
    assert video.status == "ok"
    assert [frame.at_ms for frame in frames] == [0, 2000]


def test_keyframes_are_the_frames_that_a_full_decode_gives():
    content = clip(keyframe_every=10)
    _, keyframes = read(content, "keyframe")
    _, seconds = read(content, "second")
    assert [f.hashed().bits for f in keyframes] == [f.hashed().bits for f in seconds]


@pytest.mark.parametrize(
    ("container", "codec", "pixels", "rate"),
    [
        ("matroska", "libx264", "yuv444p", 10),
        ("matroska", "ffv1", "yuv420p", 10),
        ("avi", "mjpeg", "yuvj420p", 10),
        ("avi", "mpeg4", "yuv420p", 10),
        ("mpegts", "mpeg2video", "yuv420p", 25),
    ],
)
def test_containers_and_codecs(container, codec, pixels, rate):
    video, frames = read(clip(container, codec, seconds=2, rate=rate, pixels=pixels))
    assert video.status == "ok", video.reason
    assert [frame.at_ms for frame in frames] == [0, 1000]
    assert distance_bits(shown(frames[0]), luma_from_rgb(scene(0))) <= 21


@pytest.mark.parametrize("colour_range", [1, 2])
def test_limited_and_full_range_have_one_luma(colour_range):
    _, frames = read(clip(seconds=1, colour_range=colour_range))
    difference = np.abs(shown(frames[0]).astype(np.float32) - luma_from_rgb(scene(0)))
    assert float(difference.mean()) < 6
    assert distance_bits(shown(frames[0]), luma_from_rgb(scene(0))) <= 21


def frame_of(pixels: str, *, colour_range: int, colour_space: int) -> av.VideoFrame:
    frame = av.VideoFrame.from_ndarray(scene(5), format="rgb24").reformat(
        format=pixels, dst_colorspace=colour_space, dst_color_range=colour_range
    )
    frame.color_range = colour_range
    frame.colorspace = colour_space
    return frame


@pytest.mark.parametrize("pixels", ["yuv420p", "yuv444p", "nv12", "yuv420p10le"])
@pytest.mark.parametrize("colour_range", [1, 2])
def test_the_luma_plane_is_the_luma(pixels, colour_range):
    """BT.601: 0.299 R + 0.587 G + 0.114 B is what plane 0 holds, once its range is taken into account."""
    frame = frame_of(pixels, colour_range=colour_range, colour_space=5)
    difference = np.abs(luma_of(frame).astype(np.float32) - luma_from_rgb(scene(5)))
    assert float(difference.max()) < 4


@pytest.mark.parametrize("pixels", ["yuv420p", "yuv422p", "yuv444p"])
@pytest.mark.parametrize("colour_range", [1, 2])
def test_bt709_is_brought_to_bt601_by_its_own_planes(pixels, colour_range):
    frame = frame_of(pixels, colour_range=colour_range, colour_space=1)
    by_colour = luma_from_rgb(np.asarray(frame.to_ndarray(format="rgb24")))
    luma = luma_of(frame)
    # Where colour changes within two pixels, the ways in which half as many samples are spread differ.
    assert float(np.abs(luma - by_colour).mean()) < 1.5
    assert distance_bits(luma, by_colour) <= 2
    left_as_it_is = frame_of(pixels, colour_range=colour_range, colour_space=1)
    left_as_it_is.colorspace = 5
    assert float(np.abs(luma_of(left_as_it_is) - by_colour).mean()) > 2


@pytest.mark.parametrize(
    ("transfer", "colour_space", "pixels"), [(16, 1, "yuv420p"), (18, 5, "yuv420p"), (2, 9, "yuv420p"), (2, 1, "nv12")]
)
def test_what_is_unsure_goes_by_way_of_rgb(transfer, colour_space, pixels):
    frame = frame_of(pixels, colour_range=1, colour_space=1)
    frame.colorspace = colour_space
    frame.color_trc = transfer
    assert np.array_equal(luma_of(frame), luma_from_rgb(np.asarray(frame.to_ndarray(format="rgb24"))))


def test_odd_sizes_have_all_their_colour():
    frame = av.VideoFrame.from_ndarray(scene(5)[:71, :93].copy(), format="rgb24").reformat(
        format="yuv420p", dst_colorspace=1, dst_color_range=2
    )
    frame.color_range, frame.colorspace = 2, 1
    assert luma_of(frame).shape == (71, 93)


def test_a_cut_video_keeps_its_frames_and_is_partial():
    content = clip("matroska", seconds=6)
    video, frames = read(content[: len(content) * 6 // 10])
    assert video.status == "partial"
    assert video.reason
    assert 1 <= len(frames) < 6
    for number, frame in enumerate(frames):
        assert distance_bits(shown(frame), luma_from_rgb(scene(number))) <= 21


@pytest.mark.parametrize("container", ["mp4", "matroska"])
def test_a_video_cut_before_its_first_frame_is_refused(container):
    content = clip(container)
    video, frames = read(content[:700], "keyframe")
    assert video.status == "refused"
    assert video.reason
    assert not frames


@pytest.mark.parametrize("content", [b"", b"\x00" * 100, b"\x00\x00\x00\x18ftypmp42" + b"\x00" * 500])
def test_what_is_no_video_is_refused(content):
    video, frames = read(content)
    assert video.status == "refused"
    assert video.reason
    assert not frames


def test_a_playlist_opens_nothing(tmp_path):
    """A playlist would have the library open other files; its demuxer is not among those allowed."""
    secret = tmp_path / "other.mp4"
    secret.write_bytes(clip(seconds=1))
    for text in (f"#EXTM3U\n#EXTINF:4,\n{secret}\n#EXT-X-ENDLIST\n", f"ffconcat version 1.0\nfile {secret}\n"):
        video, frames = read(text.encode())
        assert video.status == "refused"
        assert not frames


def test_a_video_that_states_too_many_pixels_is_refused(monkeypatch):
    monkeypatch.setattr(videos, "MAX_PIXELS", 128 * 95)
    video, frames = read(clip(seconds=1))
    assert video.status == "refused"
    assert "pixels" in (video.reason or "")
    assert not frames


def test_too_many_frames_make_it_partial(monkeypatch):
    monkeypatch.setattr(videos, "MAX_FRAMES", 2)
    video, frames = read(clip(), "second")
    assert len(frames) == 2
    assert (video.status, video.reason) == ("partial", "more than 2 frames of the tier")


def test_a_tier_that_does_not_exist_is_the_callers_mistake():
    with pytest.raises(ValueError, match="tier"):
        list(videos.read_video(io.BytesIO(b""), videos.Video(), tier="all"))


def test_flipped_bytes_never_raise():
    draw = np.random.default_rng(11)
    content = clip(seconds=2)
    for _ in range(25):
        damaged = bytearray(content)
        for place in draw.integers(0, len(damaged), 8):
            damaged[int(place)] ^= int(draw.integers(1, 256))
        video, frames = read(bytes(damaged), "second")
        assert video.status in {"ok", "partial", "refused"}
        assert bool(frames) == (video.status != "refused")


@pytest.mark.parametrize(("name", "keyframes"), [("chair-22-sd-sepia-bar", 12), ("pattern-sd-grey-bar", 4)])
def test_published_hashes_of_real_videos(reference_data, name, keyframes):
    listed = (reference_data / "media" / "expected" / f"{name}.txt").read_text(encoding="ascii").splitlines()
    published = {round(float(at_s) * 1000): text for _, _, text, at_s in (line.split(",") for line in listed)}
    for tier, least in (("keyframe", keyframes), ("second", 6)):
        video = videos.Video()
        with (reference_data / "media" / "videos" / f"{name}.mp4").open("rb") as file:
            frames = list(videos.read_video(file, video, tier=tier))
        assert video.status == "ok"
        assert len(frames) >= least
        for frame in frames:
            expected = published[min(published, key=lambda at_ms, frame=frame: abs(at_ms - frame.at_ms))]
            assert (int.from_bytes(frame.hashed().bits) ^ int(expected, 16)).bit_count() <= 4


@pytest.mark.parametrize("seed", range(30))
def test_a_limited_range_that_is_stretched_late_gives_the_same_hash(seed):
    draw = np.random.default_rng(seed)
    rows, columns = draw.integers(16, 300, 2)
    samples = draw.integers(0, 256, (rows, columns), dtype=np.uint8)  # some are beyond black and white
    if seed % 2:
        samples = (16 + np.add.outer(np.arange(rows) * 3, np.arange(columns) ** 2 // 40) % 220).astype(np.uint8)
    late, early = pdq_from_luma(samples, limited_range=True), pdq_from_luma(full_range(samples))
    assert (late.bits, late.quality) == (early.bits, early.quality)


def test_keyframes_close_to_each_other_are_not_all_decoded():
    # Some cameras make every frame a keyframe: of a short video about fifteen are taken, none closer than a second.
    video, frames = read(clip(seconds=6, keyframe_every=1), "keyframe")
    assert video.status == "ok"
    times_ms = [frame.at_ms for frame in frames]
    assert len(times_ms) in (7, 8)
    # The last one is taken whatever it is close to: the end is not to be left out.
    assert np.diff(times_ms[:-1]).min() >= 900
    assert times_ms[-1] > 5_800
    assert videos._keyframe_step_ms(None) == 900
    assert videos._keyframe_step_ms(60_000) == 4_000
    assert videos._keyframe_step_ms(3_600_000) == 7_900


@dataclass
class FakePacket:
    pts: int | None
    is_keyframe: bool = True
    size: int = 1


@pytest.mark.parametrize(
    ("every", "expected"),
    [
        (2, [0, 8, 16, 24, 32, 40]),
        (5, [0, 10, 20, 30, 40]),
        (6, [0, 6, 12, 18, 24, 30, 36]),  # every second one would leave more than ten between them
        (12, [0, 12, 24, 36]),
    ],
)
def test_which_keyframes_of_a_long_video_are_decoded(every, expected):
    choice = videos._Keyframes(step=7, longest=10)
    packets = [FakePacket(pts=at, is_keyframe=at % every == 0) for at in range(42)]
    packets += [FakePacket(pts=None, is_keyframe=False, size=0)]
    chosen = [packet.pts for packet in packets for packet in choice.chosen(packet)]
    assert chosen[-1] is None
    assert chosen[: len(expected)] == expected
    assert chosen[len(expected) : -1] in ([], [max(at for at in range(42) if at % every == 0)])


def test_a_keyframe_without_a_time_is_decoded():
    choice = videos._Keyframes(step=7, longest=10)
    assert choice.chosen(FakePacket(pts=None)) != []


def test_the_first_keyframe_of_a_long_scene_is_decoded_however_close_behind_another():
    choice = videos._Keyframes(step=7, longest=10)
    times = [0, 1, 2, 3, 12, 13, 14]
    assert [packet.pts for at in times for packet in choice.chosen(FakePacket(pts=at))] == [0, 3, 12]
