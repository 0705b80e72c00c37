"""Luma of video frames, by PyAV: keyframes, or the first frame of each second; nothing is ever written.

Runs in a sealed child: the file comes as an object, the decoder has one thread, and nothing else can be opened.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO

import av
import av.error
import av.logging
import av.subtitles.codeccontext
import av.subtitles.stream
import av.subtitles.subtitle
import numpy.typing as npt
from av.video.frame import VideoFrame

from headwater_sealed.frame_luma import frame_luma
from headwater_sealed.pdq import Pdq, pdq_from_luma
from headwater_sealed.pdq_transforms import DihedralPdq, dihedral_pdq_from_luma

__all__ = ["DEMUXERS", "MAX_FRAMES", "MAX_PIXELS", "TIERS", "Frame", "Video", "prepare", "read_video"]

TIERS = ("keyframe", "second")

DEMUXERS = (
    "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,flv,live_flv,mpeg,mpegts,mpegvideo,ogg,asf,rm,mxf,dv,ivf,"
    "h264,hevc,m4v,vc1,swf"
)
"""Containers that hold one thing. Left out on purpose: playlists and the like, which name other files to open."""

MAX_PIXELS = 40_000_000  # larger than 8K (33 million); a header can state anything
MAX_FRAMES = 50_000

_KEYFRAMES_OF_SHORT, _LEAST_KEYFRAME_STEP_MS, _MOST_KEYFRAME_STEP_MS = 15, 900, 7_900
"""In the first tier a video gives about so many keyframes, none closer than a second and, in a long one, eight seconds.

A little less than these, because times are rounded. Some cameras make every frame a keyframe.
"""
_LONGEST_GAP_MS = 10_000
_END_SLACK_MS = 1500
"""How much earlier than stated the last packet may come: containers round, and audio may be longer."""


_Frames = Iterator[VideoFrame]


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """One decoded frame.

    Attributes:
        luma: Rows by columns, 0 to 255.
        limited_range: Whether its black is 16 and its white 235.
        at_ms: When it is shown.
    """

    luma: npt.NDArray[Any]
    limited_range: bool = False
    at_ms: int

    def hashed(self) -> Pdq:
        """Its PDQ hash and quality."""
        return pdq_from_luma(self.luma, limited_range=self.limited_range)

    def hashed_in_all_positions(self) -> DihedralPdq:
        """The same, and the hashes of the frame turned and mirrored."""
        return dihedral_pdq_from_luma(self.luma, limited_range=self.limited_range)


@dataclass(slots=True, kw_only=True)
class Video:
    """What is known of a video; filled while its frames are taken from it.

    Attributes:
        status: ok, partial or refused.
        reason: Why not ok.
        note: What else should be known of how it was read.
        width_px: As stored.
        height_px: As stored.
        duration_ms: As the container states it.
    """

    status: str = "ok"
    reason: str | None = None
    note: str | None = None
    width_px: int | None = None
    height_px: int | None = None
    duration_ms: int | None = None

    def refuse(self, reason: str) -> None:
        """Notes why nothing can be hashed."""
        self.status, self.reason = "refused", reason


@dataclass(slots=True, kw_only=True)
class _Progress:
    """What happened while decoding.

    Attributes:
        taken: Frames handed out.
        damaged: Packets and frames left out.
        end_ms: End of the last packet that came whole.
        first_ms: Time of the first packet.
        next_ms: In the tier `second`, the time the next frame must have reached.
        error: The first error of the demuxer or decoder.
        capped: Whether there were more frames of the tier than are hashed.
    """

    taken: int = 0
    damaged: int = 0
    end_ms: int = 0
    first_ms: int | None = None
    next_ms: int = 0
    error: str | None = None
    capped: bool = False


def prepare() -> None:
    """Silences the decoders: what they would print quotes the file. The imports above load what PyAV loads late."""
    av.logging.set_level(av.logging.PANIC)


def read_video(file: BinaryIO, video: Video, *, tier: str) -> Iterator[Frame]:
    """The frames of the tier; `video` says afterwards how that went.

    A damaged video gives the frames that decode whole, and status partial; if none does, the status is refused.

    Args:
        file: The video.
        video: What is found out is written here.
        tier: `keyframe` for keyframes that are not close to each other, `second` for the first frame of each second.
    """
    if tier not in TIERS:
        raise ValueError(f"tier {tier!r} is none of {TIERS}")
    progress = _Progress()
    file.seek(0)
    try:
        options = {"format_whitelist": DEMUXERS, "protocol_whitelist": "none"}
        with av.open(file, mode="r", metadata_errors="ignore", options=options) as container:
            yield from _frames(container, video, progress, tier=tier)
    except Exception as error:  # noqa: BLE001 - hostile bytes make a demuxer raise nearly anything; it is a reason
        progress.error = progress.error or _one_line(error)
    _conclude(video, progress)


def _frames(container: Any, video: Video, progress: _Progress, *, tier: str) -> Iterator[Frame]:  # noqa: ANN401 - PyAV publishes no types
    if not container.streams.video:
        video.refuse("no video stream")
        return
    # A cover picture is a stream too; the video is the first that is none.
    streams = [s for s in container.streams.video if not _is_cover(s)] or list(container.streams.video)
    stream = streams[0]
    context = stream.codec_context
    video.width_px, video.height_px = context.width or None, context.height or None
    video.duration_ms = _stated_duration_ms(container, stream)
    if (context.width or 0) * (context.height or 0) > MAX_PIXELS:
        video.refuse(f"{context.width} x {context.height} px: more than {MAX_PIXELS:,} pixels")
        return
    context.thread_type = "NONE"
    context.thread_count = 1
    if tier == "keyframe":
        context.skip_frame = "NONKEY"
    notes = [f"{len(streams) - 1} more video streams, not hashed"] if len(streams) > 1 else []
    per = _ms_per_unit(stream)
    keyframes = None
    if tier == "keyframe":
        step, longest = (ms * per[1] // per[0] for ms in (_keyframe_step_ms(video.duration_ms), _LONGEST_GAP_MS))
        keyframes = _Keyframes(step=step, longest=longest)
    for frame in _whole_frames(container, stream, progress, keyframes):
        at_ms = _at_ms(frame, progress, per)
        if not _wanted(frame, at_ms, progress, tier=tier):
            continue
        if progress.taken >= MAX_FRAMES:
            progress.capped = True
            break
        rotation = int(getattr(frame, "rotation", 0) or 0)
        if rotation:
            notes.append(f"rotation of {rotation} degrees stated, hashed as stored")
        progress.taken += 1
        luma, limited_range = frame_luma(frame)
        yield Frame(luma=luma, limited_range=limited_range, at_ms=at_ms)
    video.note = "; ".join(dict.fromkeys(notes)) or None


def _keyframe_step_ms(duration_ms: int | None) -> int:
    """How far apart keyframes of a video are that are decoded; a short one gives more of them, and none one a frame."""
    step_ms = (duration_ms or 0) // _KEYFRAMES_OF_SHORT
    return min(max(step_ms, _LEAST_KEYFRAME_STEP_MS), _MOST_KEYFRAME_STEP_MS)


def _wanted(frame: VideoFrame, at_ms: int, progress: _Progress, *, tier: str) -> bool:
    """Whether the tier asks for this frame."""
    if frame.width * frame.height > MAX_PIXELS:  # a stream may change its size on the way
        progress.damaged += 1
        return False
    if tier == "keyframe":
        return bool(frame.key_frame)
    if at_ms < progress.next_ms and progress.taken:
        return False
    progress.next_ms = (at_ms // 1000 + 1) * 1000
    return True


def _whole_frames(container: Any, stream: Any, progress: _Progress, keyframes: _Keyframes | None) -> _Frames:  # noqa: ANN401 - as above
    """Every frame of packets that came whole; of chosen keyframes only, where these are asked for."""
    per = _ms_per_unit(stream)
    packets = container.demux(stream)
    while True:
        try:
            packet = next(packets)
        except StopIteration:
            return
        except av.error.FFmpegError as error:
            # The demuxer cannot go on; the decoder may still hold whole frames.
            progress.error = progress.error or _one_line(error)
            yield from _decoded(None, stream, progress)
            return
        if packet.is_corrupt:
            progress.damaged += 1
            continue
        start = packet.pts
        if start is not None:
            start_ms = start * per[0] // per[1]
            progress.first_ms = start_ms if progress.first_ms is None else min(progress.first_ms, start_ms)
            progress.end_ms = max(progress.end_ms, (start + (packet.duration or 0)) * per[0] // per[1])
        for chosen in keyframes.chosen(packet) if keyframes is not None else (packet,):
            yield from _decoded(chosen, stream, progress)


class _Keyframes:
    """Chooses the keyframes that are decoded: not close to each other, and none left out that a long stretch follows.

    An encoder makes a keyframe where a scene begins. The first one of a scene that a compilation took from elsewhere
    may come close behind another, and be the only one that shows it.

    Args:
        step: How far apart they are at least, in the stream's units.
        longest: How far apart at most, where there is a keyframe in between.
    """

    def __init__(self, *, step: int, longest: int) -> None:
        self._step, self._longest = step, longest
        self._last: int | None = None
        self._held: Any = None

    def chosen(self, packet: Any) -> list[Any]:  # noqa: ANN401 - as above
        """What to decode now that this packet has come; one of no size asks the decoder for what it holds."""
        if not packet.size:
            return [packet] if self._held is None else [self._held, packet]
        if not packet.is_keyframe:
            return []
        if packet.pts is None:
            return [packet]
        found = []
        if self._held is not None and self._last is not None and self._is_missed(packet.pts):
            found.append(self._held)
            self._last, self._held = self._held.pts, None
        if self._last is None or packet.pts - self._last >= self._step:
            found.append(packet)
            self._last, self._held = packet.pts, None
        else:
            self._held = packet
        return found

    def _is_missed(self, at: int) -> bool:
        """Whether the keyframe that was left out is one to decode after all, now that the next one comes."""
        return at - self._held.pts >= self._step or at - (self._last or 0) > self._longest


def _decoded(packet: Any, stream: Any, progress: _Progress) -> Iterator[VideoFrame]:  # noqa: ANN401 - as above
    try:
        frames = stream.codec_context.decode(packet)
    except av.error.EOFError:
        return
    except av.error.FFmpegError as error:
        progress.damaged += 1
        progress.error = progress.error or _one_line(error)
        return
    for frame in frames:
        if frame.is_corrupt:
            progress.damaged += 1
        else:
            yield frame


def _conclude(video: Video, progress: _Progress) -> None:
    """Writes the status once no more frames come."""
    if video.status == "refused":
        return
    if not progress.taken:
        video.refuse(f"no frame could be decoded: {progress.error or 'no keyframe in it'}")
        return
    reasons = []
    if progress.damaged:
        reasons.append(f"{progress.damaged} damaged packets or frames left out")
    if progress.error:
        reasons.append(progress.error)
    length_ms = progress.end_ms - (progress.first_ms or 0)
    if progress.capped:
        reasons.append(f"more than {MAX_FRAMES:,} frames of the tier")
    elif video.duration_ms is not None and length_ms + _END_SLACK_MS < video.duration_ms:
        reasons.append(f"{video.duration_ms} ms stated, {length_ms} ms found")
    if reasons:
        video.status, video.reason = "partial", "; ".join(reasons)


def _is_cover(stream: Any) -> bool:  # noqa: ANN401 - as above
    disposition = getattr(stream, "disposition", 0)
    return bool(int(disposition) & 0x0400)  # AV_DISPOSITION_ATTACHED_PIC, libavformat/avformat.h


def _stated_duration_ms(container: Any, stream: Any) -> int | None:  # noqa: ANN401 - as above
    if stream.duration is not None and stream.time_base is not None:
        return int(stream.duration * stream.time_base * 1000)
    if container.duration is not None:
        return int(container.duration // 1000)  # in AV_TIME_BASE, microseconds
    return None


def _ms_per_unit(stream: Any) -> tuple[int, int]:  # noqa: ANN401 - as above
    """How many milliseconds one unit of the stream's times is, as a fraction of whole numbers."""
    base = stream.time_base
    return (1000 * base.numerator, base.denominator) if base else (1, 1)


def _at_ms(frame: VideoFrame, progress: _Progress, per: tuple[int, int]) -> int:
    """Time of the frame from the first; containers may start anywhere."""
    if frame.pts is None:
        return progress.next_ms
    return max(0, frame.pts * per[0] // per[1] - (progress.first_ms or 0))


def _one_line(error: Exception) -> str:
    return " ".join(f"{type(error).__name__}: {error}".split())[:200]
