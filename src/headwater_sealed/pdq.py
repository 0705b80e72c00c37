"""PDQ, the 256-bit perceptual hash: a linear form for almost every picture, the float32 recurrence for near ties.

PDQ blurs luma with two passes of a box filter in each direction, samples it to 64 x 64, takes the 16 x 16 lowest
frequencies but the mean, and sets a bit for each one above their median. Blur, sampling and cosine transform are
linear and separable, so the 64 x 64 picture is `Bh . Y . Bw^T` with two matrices that depend on the size alone.

Summing in another order than the reference moves a coefficient in its last digits. That matters only where the two
middle coefficients are nearly equal, or a gradient lies on a step of the quality sum. There, and only there, the
reference's recurrence is repeated in float32, operation by operation, so the result is the same bits on every machine,
whatever its BLAS does.

References:
    The Threat Exchange project's description of PDQ (2017): two passes, windows of ceil(n / 128), centres sampled,
    frequencies 1 to 16, lower median, quality = sum of whole gradient steps / 90, at most 100.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

__all__ = [
    "MIN_SIDE_PX",
    "Pdq",
    "Spectrum",
    "full_range",
    "luma_from_rgb",
    "pdq_by_recurrence",
    "pdq_from_luma",
    "pdq_from_reduced_luma",
    "spectrum_by_recurrence",
    "spectrum_from_luma",
    "spectrum_from_reduced_luma",
]

MIN_SIDE_PX = 5  # source: the reference hashes nothing smaller and answers zeros with quality 0
_BLACK, _WHITE, _STRETCH = 16, 235, 255 / 219
_SAMPLES = 64
_FREQUENCIES = 16
_PASSES = 2
_STRIP_PX = 1 << 15
"""Pixels worked on at once: few enough to stay in the cache, and a large picture never stands in memory twice."""
_BAND_PX = 1 << 20
"""The same for the matrix products, which want larger pieces."""
_BANDS = 8

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

Luma = npt.NDArray[np.uint8] | npt.NDArray[np.uint16] | npt.NDArray[np.float32]


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
    down, across = (_of_blocks(blocks * part, part) for blocks in luma.shape)
    sampled = down @ luma.astype(np.float64) @ across.T
    quality = _quality_if_certain(sampled, slack=_EXACT_SLACK)
    coefficients = _cosines64() @ sampled @ _cosines64().T
    ordered = np.partition(coefficients.ravel(), (127, 128))
    if quality is None or ordered[128] - ordered[127] < _EXACT_SLACK:
        return pdq_by_recurrence(np.repeat(np.repeat(luma, part, axis=0), part, axis=1))
    return Pdq(bits=_packed(coefficients > ordered[127]), quality=quality)


def pdq_from_luma(luma: Luma, *, limited_range: bool = False) -> Pdq:
    """The PDQ hash and quality of a picture.

    Args:
        luma: Rows by columns, 0 to 255; the full picture, not one made smaller before.
        limited_range: Whether black is 16 and white is 235, none beyond: it is stretched when few samples remain.

    Example:
        >>> import numpy as np
        >>> ramp = np.add.outer(np.arange(96), np.arange(128)).astype(np.uint8)
        >>> pdq_from_luma(ramp).bits == pdq_by_recurrence(ramp).bits
        True
    """
    rows, columns = luma.shape
    if min(rows, columns) < MIN_SIDE_PX:
        return Pdq(bits=bytes(32), quality=0)
    sampled = _sampled(luma)
    if limited_range:
        sampled = (sampled - _BLACK) * _STRETCH
    widening = max(1.0, max(rows, columns) / _SLACK_SIDE_PX)
    quality = _quality_if_certain(sampled, slack=_GRADIENT_SLACK * widening)
    coefficients = _cosines64() @ sampled @ _cosines64().T
    ordered = np.partition(coefficients.ravel(), (127, 128))
    if quality is None or ordered[128] - ordered[127] < _GAP * widening:
        return pdq_by_recurrence(full_range(luma) if limited_range else luma)
    return Pdq(bits=_packed(coefficients > ordered[127]), quality=quality)


def full_range(luma: Luma) -> npt.NDArray[np.float32]:
    """Luma whose black is 16 and white is 235, stretched to 0 to 255.

    References:
        ITU-R BT.601-7, section 2.5.3.
    """
    stretched = (luma.astype(np.float32) - np.float32(_BLACK)) * np.float32(_STRETCH)
    return np.asarray(np.clip(stretched, 0, 255, out=stretched))


def pdq_by_recurrence(luma: Luma) -> Pdq:
    """The same by the reference's own order of float32 operations: slower, and the yardstick of the linear form."""
    rows, columns = luma.shape
    if min(rows, columns) < MIN_SIDE_PX:
        return Pdq(bits=bytes(32), quality=0, by_recurrence=True)
    sampled = _sampled_by_recurrence(luma)
    coefficients = _coefficients_by_recurrence(sampled)
    median = np.partition(coefficients.ravel(), 127)[127]
    difference = np.concatenate([np.diff(sampled, axis=0).ravel(), np.diff(sampled, axis=1).ravel()])
    steps = np.abs(difference * np.float32(100) / np.float32(255)).astype(np.int64)
    return Pdq(bits=_packed(coefficients > median), quality=min(100, int(steps.sum()) // 90), by_recurrence=True)


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
    sampled = _sampled(luma)
    if limited_range:
        sampled = (sampled - _BLACK) * _STRETCH
    widening = max(1.0, max(luma.shape) / _SLACK_SIDE_PX)
    return _spectrum(sampled, gap=_GAP * widening, slack=_GRADIENT_SLACK * widening)


def spectrum_from_reduced_luma(luma: Luma, *, part: int) -> Spectrum:
    """The same of luma as `pdq_from_reduced_luma` takes it."""
    down, across = (_of_blocks(blocks * part, part) for blocks in luma.shape)
    return _spectrum(down @ luma.astype(np.float64) @ across.T, gap=_EXACT_SLACK, slack=_EXACT_SLACK)


def spectrum_by_recurrence(luma: Luma) -> Spectrum:
    """The same by the reference's own order of float32 operations."""
    sampled = _sampled_by_recurrence(luma)
    steps = np.abs(_gradients(sampled) * np.float32(100) / np.float32(255)).astype(np.int64)
    quality = min(100, int(steps.sum()) // 90)
    return Spectrum(coefficients=_coefficients_by_recurrence(sampled), quality=quality, gap=0.0)


def luma_from_rgb(rgb: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
    """Luma as float32, rows by columns, of an array of rows by columns by red, green, blue.

    References:
        ITU-R BT.601: 0.299 R + 0.587 G + 0.114 B, summed in float64 and rounded once.
    """
    rows, columns = rgb.shape[:2]
    luma = np.empty((rows, columns), dtype=np.float32)
    step = max(1, _STRIP_PX // max(1, columns))
    for start in range(0, rows, step):
        strip = rgb[start : start + step]
        luma[start : start + step] = strip[:, :, 0] * 0.299 + strip[:, :, 1] * 0.587 + strip[:, :, 2] * 0.114
    return luma


def _window_px(size_px: int) -> int:
    return (size_px + 2 * _SAMPLES - 1) // (2 * _SAMPLES)


def _centres(size_px: int) -> npt.NDArray[np.int64]:
    return ((np.arange(_SAMPLES) + 0.5) * size_px / _SAMPLES).astype(np.int64)


@lru_cache(maxsize=1)
def _cosines64() -> npt.NDArray[np.float64]:
    return _cosines().astype(np.float64)


@lru_cache(maxsize=1)
def _cosines() -> npt.NDArray[np.float32]:
    frequency = np.arange(1, _FREQUENCIES + 1)[:, None]
    angle = (np.pi / 2.0 / _SAMPLES) * frequency * (2 * np.arange(_SAMPLES)[None, :] + 1)
    scale = np.float64(np.float32(np.sqrt(2.0 / _SAMPLES)))
    return np.asarray(scale * np.cos(angle), dtype=np.float32)


@lru_cache(maxsize=32)
def _blur_and_sample(size_px: int) -> npt.NDArray[np.float32]:
    """The 64 x size matrix that blurs twice and samples the centres."""
    ends = _window_ends(size_px)
    matrix = np.zeros((_SAMPLES, size_px), dtype=np.float64)
    for sample, centre in enumerate(_centres(size_px)):
        first, last = ends[0][centre], ends[1][centre]
        for position in range(first, last):  # the second pass averages outputs of the first
            low, high = ends[0][position], ends[1][position]
            matrix[sample, low:high] += 1.0 / ((last - first) * (high - low))
    return np.asarray(matrix, dtype=np.float32)


@lru_cache(maxsize=32)
def _of_blocks(size_px: int, part: int) -> npt.NDArray[np.float64]:
    """The same matrix for blocks of pixels: each has the weights of its pixels together."""
    weights = _blur_and_sample(size_px).astype(np.float64).reshape(_SAMPLES, -1, part)
    return np.asarray(weights.sum(axis=2))


def _window_ends(size_px: int) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """First column, and column after the last, that each output of one box pass averages."""
    window = _window_px(size_px)
    half = (window + 2) // 2
    position = np.arange(size_px)
    return np.maximum(0, position + half - window), np.minimum(size_px, position + half)


def _sampled(luma: Luma) -> npt.NDArray[np.float64]:
    """The blurred 64 x 64 picture by two matrix products.

    A row of the first matrix has weights for a small part of the picture's rows only, so its rows are taken in bands,
    each multiplied with the rows it needs.
    """
    rows, columns = luma.shape
    if rows == columns == _SAMPLES:
        return luma.astype(np.float64)
    down = _blur_and_sample(rows)
    band = _SAMPLES // _BANDS if rows * columns <= _BANDS * _BAND_PX else 1
    lowered = np.empty((_SAMPLES, columns), dtype=np.float32)
    for start in range(0, _SAMPLES, band):
        weights = down[start : start + band]
        used = np.flatnonzero(weights.any(axis=0))
        first, after = int(used[0]), int(used[-1]) + 1
        pixels = luma[first:after].astype(np.float32, copy=False)
        lowered[start : start + band] = weights[:, first:after] @ pixels
    return (lowered @ _blur_and_sample(columns).T).astype(np.float64)


def _quality_if_certain(sampled: npt.NDArray[np.float64], *, slack: float) -> int | None:
    """The quality, or None where the last digits of a gradient could change it."""
    difference = np.concatenate([np.diff(sampled, axis=0).ravel(), np.diff(sampled, axis=1).ravel()])
    steps = np.abs(difference) * (100.0 / 255.0)
    least = int(np.floor(np.maximum(0.0, steps - slack)).sum())
    most = int(np.floor(steps + slack).sum())
    low, high = min(100, least // 90), min(100, most // 90)
    return low if low == high else None


def _spectrum(sampled: npt.NDArray[np.float64], *, gap: float, slack: float) -> Spectrum:
    coefficients = _cosines64() @ sampled @ _cosines64().T
    return Spectrum(coefficients=coefficients, quality=_quality_if_certain(sampled, slack=slack), gap=gap)


def _gradients(sampled: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    return np.concatenate([np.diff(sampled, axis=0).ravel(), np.diff(sampled, axis=1).ravel()])


def _packed(above: npt.NDArray[np.bool_]) -> bytes:
    """The 256 bits as bytes: the first coefficient is the last bit, as the published text form has it."""
    return np.packbits(above.ravel()[::-1]).tobytes()


def _sampled_by_recurrence(luma: Luma) -> npt.NDArray[np.float32]:
    rows, columns = luma.shape
    picture = luma.astype(np.float32)
    if rows == columns == _SAMPLES:
        return picture
    # The last two passes are asked only for what is sampled of them.
    for wanted_columns, wanted_rows in ((None, None), (_centres(columns), _centres(rows))):
        picture = _box_down(np.ascontiguousarray(picture.T), _window_px(columns), wanted_columns)
        picture = _box_down(np.ascontiguousarray(picture.T), _window_px(rows), wanted_rows)
    return picture


def _box_down(
    picture: npt.NDArray[np.float32], window: int, wanted: npt.NDArray[np.int64] | None
) -> npt.NDArray[np.float32]:
    """One box pass down the columns by running sums, in the reference's order: add, subtract, divide.

    Args:
        picture: Rows by columns.
        window: Rows averaged.
        wanted: Rows of the result, all of them if None.
    """
    length = picture.shape[0]
    half = (window + 2) // 2
    first, after = _window_ends(length)
    lines = list(picture)
    sums = np.empty_like(picture)
    outs = list(sums)
    total = np.zeros(picture.shape[1], dtype=np.float32)
    for line in lines[: half - 1]:
        np.add(total, line, out=total)
    for position in range(length):
        enters, leaves = position + half - 1, position + half - 1 - window
        out = outs[position]
        if enters < length:
            np.add(total, lines[enters], out=out)
            if leaves >= 0:
                np.subtract(out, lines[leaves], out=out)
        else:
            np.subtract(total, lines[leaves], out=out)
        total = out
    counts = (after - first).astype(np.float32)[:, None]
    if wanted is not None:
        sums, counts = sums[wanted], counts[wanted]
    return np.divide(sums, counts, out=sums)


def _coefficients_by_recurrence(sampled: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    cosines = _cosines()
    rows = np.zeros((_FREQUENCIES, _SAMPLES), dtype=np.float32)
    for k in range(_SAMPLES):
        rows += cosines[:, k : k + 1] * sampled[k]
    coefficients = np.zeros((_FREQUENCIES, _FREQUENCIES), dtype=np.float32)
    for k in range(_SAMPLES):
        coefficients += rows[:, k : k + 1] * cosines[:, k]
    return coefficients
