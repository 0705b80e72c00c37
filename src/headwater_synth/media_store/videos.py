"""Videos as files: H.264 in MP4, encoded, edited and cut short with PyAV on one thread."""

from __future__ import annotations

import io
import random
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
from PIL import Image

from headwater_synth.media_store.colour_planes import picture_of, planes_of
from headwater_synth.media_store.stills import captioned, scaled

__all__ = ["FRAMES_PER_SECOND", "Frame", "decoded_frames", "encoded_video", "video_edit"]

FRAMES_PER_SECOND = 10  # few enough to encode fast; a keyframe comes once a second


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """One decoded frame.

    Attributes:
        at_ms: Its time.
        keyframe: Whether it stands alone.
        picture: The frame.
    """

    at_ms: int
    keyframe: bool
    picture: Image.Image


def encoded_video(pictures: Iterable[Image.Image], *, rate_factor: int, index_first: bool = True) -> bytes:
    """The pictures as an MP4 file, byte for byte the same on every run of one machine.

    Args:
        pictures: Frames of one size with even sides, `FRAMES_PER_SECOND` of them a second.
        rate_factor: x264's constant rate factor; 18 is nearly without loss, 34 is coarse.
        index_first: Whether the file's index stands before the frames, so that a cut file can still be read in part.
    """
    with tempfile.TemporaryDirectory(prefix="headwater-synth-") as folder:
        path = Path(folder, "video.mp4")
        options = {"fflags": "+bitexact"} | ({"movflags": "+faststart"} if index_first else {})
        with av.open(str(path), "w", format="mp4", container_options=options) as container:
            _write_frames(container, pictures, rate_factor)
        return path.read_bytes()


def _write_frames(container: av.container.OutputContainer, pictures: Iterable[Image.Image], rate_factor: int) -> None:
    stream = None
    for number, picture in enumerate(pictures):
        if stream is None:
            stream = container.add_stream("libx264", rate=FRAMES_PER_SECOND)
            stream.width, stream.height = picture.size
            stream.pix_fmt = "yuv420p"
            stream.codec_context.thread_count = 1  # more threads would let their number into the bytes
            stream.codec_context.options = {
                "preset": "veryfast",
                "crf": str(rate_factor),
                "g": str(FRAMES_PER_SECOND),
                "keyint_min": str(FRAMES_PER_SECOND),
                "sc_threshold": "0",
                "threads": "1",
                # With it, 13 of 60 odd sizes gave other bytes on a second run (x264 core 165); without it, none.
                "x264-params": "mbtree=0",
            }
        frame = av.VideoFrame.from_ndarray(planes_of(picture), format="yuv420p")
        frame.pts = number
        frame.time_base = Fraction(1, FRAMES_PER_SECOND)
        container.mux(stream.encode(frame))
    if stream is not None:
        container.mux(stream.encode(None))


def decoded_frames(content: bytes) -> Iterator[Frame]:
    """The frames of a file of our own making, in order of time."""
    with av.open(io.BytesIO(content)) as container:
        stream = container.streams.video[0]
        stream.codec_context.thread_count = 1
        for frame in container.decode(stream):
            yield Frame(
                at_ms=round(frame.pts * frame.time_base * 1000),
                keyframe=bool(frame.key_frame),
                picture=picture_of(frame.to_ndarray(format="yuv420p")),
            )


def video_edit(rng: random.Random, original: bytes, *, edit: str, duration_s: int) -> bytes:
    """The original after an edit, as a file.

    Args:
        rng: Decides how strong the edit is.
        original: The original's file.
        edit: reencode, resize, trim, overlay or truncated.
        duration_s: Duration of the original.
    """
    if edit == "truncated":
        return original[: len(original) * rng.randrange(40, 70) // 100]
    pictures: Iterator[Image.Image] = (frame.picture for frame in decoded_frames(original))
    if edit == "resize":
        share = rng.uniform(0.5, 0.8)
        return encoded_video((scaled(picture, share) for picture in pictures), rate_factor=24)
    if edit == "overlay":
        mark = rng.getrandbits(64)
        return encoded_video((captioned(random.Random(mark), picture) for picture in pictures), rate_factor=24)
    if edit == "trim":
        kept_ms = max(2000, duration_s * rng.randrange(50, 80) * 10)
        start_ms = rng.randrange(0, duration_s * 1000 - kept_ms + 1, 200)
        within = (frame.picture for frame in decoded_frames(original) if start_ms <= frame.at_ms < start_ms + kept_ms)
        return encoded_video(within, rate_factor=24)
    return encoded_video(pictures, rate_factor=rng.randrange(29, 35))
