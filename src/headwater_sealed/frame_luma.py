"""Luma of a decoded video frame, from the planes that the decoder gives, without a picture in colour in between."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt
from av.video.frame import VideoFrame

from headwater_sealed.pdq import luma_from_rgb
from headwater_sealed.pdq_sampling import full_range

__all__ = ["frame_luma"]

_LIMITED, _FULL = 1, 2  # AVColorRange, libavutil/pixfmt.h
_LUMA_IS_601 = {2, 4, 5, 6}  # AVColorSpace: unspecified (decoders take it as BT.601), FCC, BT.470BG, SMPTE 170M
_LUMA_IS_709 = 1
_SDR_TRANSFERS = {1, 2, 4, 5, 6, 7, 13, 14, 15}  # AVColorTransferCharacteristic; PQ (16) and HLG (18) are none of them
_PLANE_0_IS_LUMA = {
    "yuv420p": 8,
    "yuv422p": 8,
    "yuv444p": 8,
    "yuv410p": 8,
    "yuv411p": 8,
    "yuv440p": 8,
    "yuvj420p": 8,
    "yuvj422p": 8,
    "yuvj444p": 8,
    "yuvj440p": 8,
    "yuva420p": 8,
    "nv12": 8,
    "nv21": 8,
    "gray": 8,
    "yuv420p10le": 10,
    "yuv422p10le": 10,
    "yuv444p10le": 10,
    "yuv420p12le": 12,
    "yuv422p12le": 12,
}
# Rows and columns of luma for each row and column of chroma, of the forms whose three planes are read.
_CHROMA_STEPS = {
    "yuv420p": (2, 2), "yuvj420p": (2, 2), "yuv422p": (1, 2), "yuvj422p": (1, 2), "yuv444p": (1, 1), "yuvj444p": (1, 1),
}  # fmt: skip

# What a unit of blue and red difference of BT.709 adds to luma of BT.601, from the weights of red, green and blue of
# both: 0.2126, 0.7152, 0.0722 and 0.299, 0.587, 0.114.
_OF_BLUE = 0.114 * 1.8556 - 0.587 * 0.0722 * 1.8556 / 0.7152
_OF_RED = 0.299 * 1.5748 - 0.587 * 0.2126 * 1.5748 / 0.7152

Luma = npt.NDArray[Any]


def frame_luma(frame: VideoFrame) -> tuple[Luma, bool]:
    """Luma of a frame as perceptual hashes are defined on it, of BT.601, and whether its black is 16 and its white 235.

    Where the frame's own luma is of BT.709, what its colour planes add to that of BT.601 is added. Whatever is neither,
    such as PQ, HLG or BT.2020, goes by way of red, green and blue. Samples of 8 bits in the limited range are the
    decoder's own, which saves going through all of them: the hash cuts off what is beyond black and white, and
    stretches the rest. They hold the frame for as long as they are held.

    References:
        ITU-R BT.601-7, section 2.5; ITU-R BT.709-6, section 3.
    """
    name, space = frame.format.name, int(frame.colorspace)
    depth_bits = _PLANE_0_IS_LUMA.get(name)
    usual = int(getattr(frame, "color_trc", 2) or 2) in _SDR_TRANSFERS
    if name == "gray" or (usual and depth_bits is not None and space in _LUMA_IS_601):
        samples = _plane(frame, 0, depth_bits or 8)
        if depth_bits == 8 and not _is_full(frame):
            return samples, True
        return _stretched(samples, frame, depth_bits or 8), False
    if usual and space == _LUMA_IS_709 and name in _CHROMA_STEPS:
        return _from_709(frame), False
    return luma_from_rgb(np.asarray(frame.to_ndarray(format="rgb24"))), False


def _is_full(frame: VideoFrame) -> bool:
    stated = int(frame.color_range)
    return (
        frame.format.name.startswith("yuvj") or stated == _FULL or (frame.format.name == "gray" and stated != _LIMITED)
    )


def _plane(frame: VideoFrame, number: int, depth_bits: int, steps: tuple[int, int] = (1, 1)) -> Luma:
    plane = frame.planes[number]
    sample = np.dtype(np.uint8) if depth_bits == 8 else np.dtype("<u2")
    lines = np.frombuffer(memoryview(plane), dtype=sample).reshape(-1, plane.line_size // sample.itemsize)
    rows, columns = -(-frame.height // steps[0]), -(-frame.width // steps[1])
    return lines[:rows, :columns]


def _stretched(samples: Luma, frame: VideoFrame, depth_bits: int) -> Luma:
    """The samples in the full range."""
    full = _is_full(frame)
    if depth_bits == 8:
        return samples.copy() if full else full_range(samples)
    scaled = samples.astype(np.float32) / np.float32(1 << (depth_bits - 8))
    return scaled if full else full_range(scaled)


@lru_cache(maxsize=4)
def _added(weight: float, *, full: bool) -> npt.NDArray[np.float32]:
    """For each sample of a colour plane what it adds to luma."""
    stretch = 1.0 if full else 255 / 224
    return ((np.arange(256) - 128) * weight * stretch).astype(np.float32)


def _from_709(frame: VideoFrame) -> Luma:
    steps = _CHROMA_STEPS[frame.format.name]
    full = _is_full(frame)
    luma = np.asarray(_stretched(_plane(frame, 0, 8), frame, 8), dtype=np.float32)
    added = _added(_OF_BLUE, full=full).take(_plane(frame, 1, 8, steps))
    added += _added(_OF_RED, full=full).take(_plane(frame, 2, 8, steps))
    for row in range(steps[0]):
        for column in range(steps[1]):
            part = luma[row :: steps[0], column :: steps[1]]
            part += added[: part.shape[0], : part.shape[1]]
    return np.clip(luma, 0, 255, out=luma)
