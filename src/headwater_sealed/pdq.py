"""PDQ, the 256-bit perceptual hash: a linear form for almost every picture, the float32 recurrence for near ties.

PDQ blurs luma with two passes of a box filter in each direction, samples it to 64 x 64, takes the 16 x 16 lowest
frequencies but the mean, and sets a bit for each one above their median. Blur, sampling and cosine transform are
linear and separable, so the 64 x 64 picture is `Bh . Y . Bw^T` with two matrices that depend on the size alone.

Summing in another order than the reference moves a coefficient in its last digits. That matters only where the two
middle coefficients are nearly equal, or a gradient lies on a step of the quality sum. There, and only there, the
reference's recurrence is repeated in float32, operation by operation, so the result is the same bits on every machine,
whatever its BLAS or its compiler does.

References:
    The Threat Exchange project's description of PDQ (2017): two passes, windows of ceil(n / 128), centres sampled,
    frequencies 1 to 16, lower median, quality = sum of whole gradient steps / 90, at most 100.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from headwater_sealed.pdq_sampling import SAMPLES, Luma, by_linear_form, by_recurrence, kernels, weights_of_blocks

__all__ = [
    "MIN_SIDE_PX",
    "Pdq",
    "Spectrum",
    "luma_from_rgb",
    "pdq_by_recurrence",
    "pdq_from_luma",
    "pdq_from_reduced_luma",
    "prepare",
    "spectrum_by_recurrence",
    "spectrum_from_luma",
    "spectrum_from_reduced_luma",
]

MIN_SIDE_PX = 5  # source: the reference hashes nothing smaller and answers zeros with quality 0
_FREQUENCIES = 16
_STRIP_PX = 1 << 15
"""Pixels worked on at once: few enough to stay in the cache, and a large picture never stands in memory twice."""

_GAP = 0.03
"""Difference of the two middle coefficients below which the recurrence decides, for sides up to 4,096 px.

The running sums of the recurrence lose digits where the picture is bright and the window is wide. Over test patterns of
16 to 2,560 px a side, ramps, rings, noise and stripes, the forms differed by at most 0.014 in a coefficient that is
within 1 of the middle; what is farther decides nothing. Two coefficients can each be off by that.
"""
_GRADIENT_SLACK = 0.0015
"""The same for gradients, in steps of the quality sum (2.55 levels of luma each); 0.0007 was the largest seen."""
_SLACK_SIDE_PX = 4096
_EXACT_SLACK = 1e-6
"""The same for sums in float64 whose reference is not the recurrence: only what is equal but for rounding is a tie."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pdq:
    """A perceptual hash with its quality.

    Attributes:
        bits: 32 bytes, most significant bit first, as published hashes are written in hex.
        quality: 0 to 100: how much structure there is. Under 50 the bits are mostly noise.
        by_recurrence: Whether the near tie had to be settled by the float32 recurrence.
    """

    bits: bytes
    quality: int
    by_recurrence: bool = False


def pdq_from_reduced_luma(luma: Luma, *, part: int) -> Pdq:
    """The PDQ hash and quality of a picture of which a decoder gave the mean of each block of `part` by `part` pixels.

    It is the hash of the picture in which each block has one value, with the windows of the full size: blurring does
    not notice the difference, where hashing the smaller picture as it is would take other windows.

    Args:
        luma: Rows by columns of blocks, 0 to 255.
        part: Side of a block in pixels; the full picture has so many times the rows and columns.

    Example:
        >>> import numpy as np
        >>> ramp = np.add.outer(np.arange(60), np.arange(80)).astype(np.uint8)
        >>> whole = np.repeat(np.repeat(ramp, 2, axis=0), 2, axis=1)
        >>> pdq_from_reduced_luma(ramp, part=2).bits == pdq_from_luma(whole).bits
        True
    """
    told = _told(spectrum_from_reduced_luma(luma, part=part))
    return pdq_by_recurrence(np.repeat(np.repeat(luma, part, axis=0), part, axis=1)) if told is None else told


def pdq_from_luma(luma: Luma, *, limited_range: bool = False) -> Pdq:
    """The PDQ hash and quality of a picture.

    Args:
        luma: Rows by columns, 0 to 255; the full picture, not one made smaller before.
        limited_range: Whether black is 16 and white is 235: what is beyond is cut off, and it is stretched.

    Example:
        >>> import numpy as np
        >>> ramp = np.add.outer(np.arange(96), np.arange(128)).astype(np.uint8)
        >>> pdq_from_luma(ramp).bits == pdq_by_recurrence(ramp).bits
        True
    """
    if min(luma.shape) < MIN_SIDE_PX:
        return Pdq(bits=bytes(32), quality=0)
    told = _told(spectrum_from_luma(luma, limited_range=limited_range))
    return pdq_by_recurrence(luma, limited_range=limited_range) if told is None else told


def pdq_by_recurrence(luma: Luma, *, limited_range: bool = False) -> Pdq:
    """The same by the reference's own order of float32 operations: slower, and the yardstick of the linear form.

    Args:
        luma: Rows by columns, 0 to 255.
        limited_range: Whether black is 16 and white is 235: it is stretched first.
    """
    if min(luma.shape) < MIN_SIDE_PX:
        return Pdq(bits=bytes(32), quality=0, by_recurrence=True)
    exact = spectrum_by_recurrence(luma, limited_range=limited_range)
    assert exact.quality is not None
    median = np.partition(exact.coefficients.ravel(), 127)[127]
    return Pdq(bits=_packed(exact.coefficients > median), quality=exact.quality, by_recurrence=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Spectrum:
    """What a PDQ hash is told from, before its bits are set: other hashes can be told from it as well.

    Attributes:
        coefficients: 16 rows of frequencies down by 16 columns of frequencies across.
        quality: 0 to 100; None where the last digits of a gradient could change it.
        gap: Difference of the two middle coefficients below which the recurrence decides; 0 where it has.
    """

    coefficients: npt.NDArray[np.float32] | npt.NDArray[np.float64]
    quality: int | None
    gap: float


def spectrum_from_luma(luma: Luma, *, limited_range: bool = False) -> Spectrum:
    """The spectrum by the linear form, of luma as `pdq_from_luma` takes it and no smaller than `MIN_SIDE_PX`."""
    sampled = by_linear_form(luma, limited_range=limited_range)
    widening = max(1.0, max(luma.shape) / _SLACK_SIDE_PX)
    return _spectrum(sampled, gap=_GAP * widening, slack=_GRADIENT_SLACK * widening)


def spectrum_from_reduced_luma(luma: Luma, *, part: int) -> Spectrum:
    """The same of luma as `pdq_from_reduced_luma` takes it."""
    down, across = (weights_of_blocks(blocks * part, part) for blocks in luma.shape)
    return _spectrum(down @ luma.astype(np.float64) @ across.T, gap=_EXACT_SLACK, slack=_EXACT_SLACK)


def spectrum_by_recurrence(luma: Luma, *, limited_range: bool = False) -> Spectrum:
    """The same by the reference's own order of float32 operations, of luma as `pdq_by_recurrence` takes it."""
    sampled = by_recurrence(luma, limited_range=limited_range)
    difference = np.concatenate([np.diff(sampled, axis=0).ravel(), np.diff(sampled, axis=1).ravel()])
    steps = np.abs(difference * np.float32(100) / np.float32(255)).astype(np.int64)
    quality = min(100, int(steps.sum()) // 90)
    return Spectrum(coefficients=_coefficients_by_recurrence(sampled), quality=quality, gap=0.0)


def _spectrum(sampled: npt.NDArray[np.float64], *, gap: float, slack: float) -> Spectrum:
    coefficients = _cosines64() @ sampled @ _cosines64().T
    return Spectrum(coefficients=coefficients, quality=_quality_if_certain(sampled, slack=slack), gap=gap)


def _told(spectrum: Spectrum) -> Pdq | None:
    """The hash, or None where the last digits of a near tie could change it."""
    ordered = np.partition(spectrum.coefficients.ravel(), (127, 128))
    if spectrum.quality is None or ordered[128] - ordered[127] < spectrum.gap:
        return None
    return Pdq(bits=_packed(spectrum.coefficients > ordered[127]), quality=spectrum.quality)


def prepare() -> None:
    """Compiles the inner loops; after the seal there is no way to, and numpy would have to do."""
    kernels()


def luma_from_rgb(rgb: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
    """Luma as float32, rows by columns, of an array of rows by columns by red, green, blue.

    References:
        ITU-R BT.601: 0.299 R + 0.587 G + 0.114 B, summed in float64 and rounded once.
    """
    rows, columns = rgb.shape[:2]
    luma = np.empty((rows, columns), dtype=np.float32)
    compiled = kernels()
    if compiled is not None and rgb.dtype == np.uint8 and rgb.shape[2:] == (3,):
        pixels = np.ascontiguousarray(rgb)
        compiled.luma(pixels.ctypes.data, rows * columns, luma.ctypes.data)
        return luma
    step = max(1, _STRIP_PX // max(1, columns))
    for start in range(0, rows, step):
        strip = rgb[start : start + step]
        luma[start : start + step] = strip[:, :, 0] * 0.299 + strip[:, :, 1] * 0.587 + strip[:, :, 2] * 0.114
    return luma


@lru_cache(maxsize=1)
def _cosines64() -> npt.NDArray[np.float64]:
    return _cosines().astype(np.float64)


@lru_cache(maxsize=1)
def _cosines() -> npt.NDArray[np.float32]:
    frequency = np.arange(1, _FREQUENCIES + 1)[:, None]
    angle = (np.pi / 2.0 / SAMPLES) * frequency * (2 * np.arange(SAMPLES)[None, :] + 1)
    scale = np.float64(np.float32(np.sqrt(2.0 / SAMPLES)))
    return np.asarray(scale * np.cos(angle), dtype=np.float32)


def _quality_if_certain(sampled: npt.NDArray[np.float64], *, slack: float) -> int | None:
    """The quality, or None where the last digits of a gradient could change it."""
    least, most = _steps(sampled, slack)
    low, high = min(100, least // 90), min(100, most // 90)
    return low if low == high else None


def _steps(sampled: npt.NDArray[np.float64], slack: float) -> tuple[int, int]:
    """The least and the most sum of whole gradient steps."""
    compiled = kernels()
    if compiled is not None:
        sampled, sums = np.ascontiguousarray(sampled), np.empty(2, dtype=np.int64)
        compiled.steps(sampled.ctypes.data, slack, sums.ctypes.data)
        return int(sums[0]), int(sums[1])
    return _steps_by_numpy(sampled, slack)


def _steps_by_numpy(sampled: npt.NDArray[np.float64], slack: float) -> tuple[int, int]:
    difference = np.concatenate([np.diff(sampled, axis=0).ravel(), np.diff(sampled, axis=1).ravel()])
    steps = np.abs(difference) * (100.0 / 255.0)
    least = int(np.floor(np.maximum(0.0, steps - slack)).sum())
    return least, int(np.floor(steps + slack).sum())


def _packed(above: npt.NDArray[np.bool_]) -> bytes:
    """The 256 bits as bytes: the first coefficient is the last bit, as the published text form has it."""
    return np.packbits(above.ravel()[::-1]).tobytes()


def _coefficients_by_recurrence(sampled: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    cosines, compiled = _cosines(), kernels()
    if compiled is None:
        return _summed_by_numpy(sampled)
    line = np.empty(SAMPLES, dtype=np.float32)
    coefficients = np.empty((_FREQUENCIES, _FREQUENCIES), dtype=np.float32)
    arrays = (np.ascontiguousarray(sampled), cosines, line, coefficients)
    compiled.cosines(*(array.ctypes.data for array in arrays))
    return coefficients


def _summed_by_numpy(sampled: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    cosines = _cosines()
    rows = np.zeros((_FREQUENCIES, SAMPLES), dtype=np.float32)
    for k in range(SAMPLES):
        rows += cosines[:, k : k + 1] * sampled[k]
    coefficients = np.zeros((_FREQUENCIES, _FREQUENCIES), dtype=np.float32)
    for k in range(SAMPLES):
        coefficients += rows[:, k : k + 1] * cosines[:, k]
    return coefficients
