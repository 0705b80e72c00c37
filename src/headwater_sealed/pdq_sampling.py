"""The blurred picture of 64 x 64 that PDQ is made from, in two forms: the linear one, and the reference's recurrence.

Either is done by compiled loops where these can be had, else by numpy. The recurrence has the same bits both ways; the
linear form differs in its last digits, which decide nothing: near ties are left to the recurrence.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from headwater_sealed.pdq_kernels import Kernels

__all__ = ["SAMPLES", "Luma", "by_linear_form", "by_recurrence", "full_range", "kernels", "weights_of_blocks"]

SAMPLES = 64
_BLACK, _WHITE = 16, 235
_STRETCH = 255 / (_WHITE - _BLACK)
_PASSES = 2
_BAND_PX = 1 << 20
"""Pixels of a matrix product: few enough to stay in the cache, and a large picture never stands in memory twice."""
_BANDS = 8

Luma = npt.NDArray[np.uint8] | npt.NDArray[np.uint16] | npt.NDArray[np.float32]


@lru_cache(maxsize=1)
def kernels() -> Kernels | None:
    """The compiled loops, made at the first call; None where they cannot be made, and numpy does it.

    A sealed child can make none: its zygote calls this before.
    """
    try:
        from headwater_sealed.pdq_kernels import compiled

        return compiled()
    except (ImportError, OSError, RuntimeError):  # no LLVM, none for this processor, or no memory for new code
        return None


def full_range(luma: Luma) -> npt.NDArray[np.float32]:
    """Luma whose black is 16 and white is 235, stretched to 0 to 255.

    References:
        ITU-R BT.601-7, section 2.5.3.
    """
    stretched = (luma.astype(np.float32) - np.float32(_BLACK)) * np.float32(_STRETCH)
    return np.asarray(np.clip(stretched, 0, 255, out=stretched))


def by_linear_form(luma: Luma, *, limited_range: bool = False) -> npt.NDArray[np.float64]:
    """The picture as sums of weighted rows and columns.

    Args:
        luma: Rows by columns, 0 to 255.
        limited_range: Whether black is 16 and white is 235: what is beyond is cut off, and it is stretched when few
            samples remain.
    """
    compiled = kernels()
    if limited_range and (compiled is None or luma.shape == (SAMPLES, SAMPLES)):
        luma = luma.clip(_BLACK, _WHITE)
    if luma.shape == (SAMPLES, SAMPLES):
        sampled = luma.astype(np.float64)
    elif compiled is None:
        sampled = _products(luma)
    else:
        sampled = _weighted(compiled, luma, limited_range=limited_range)
    return (sampled - _BLACK) * _STRETCH if limited_range else sampled


def by_recurrence(luma: Luma, *, limited_range: bool = False) -> npt.NDArray[np.float32]:
    """The picture by the reference's own order of float32 operations.

    Args:
        luma: Rows by columns, 0 to 255.
        limited_range: Whether black is 16 and white is 235: it is stretched first, and what is beyond is cut off.
    """
    compiled = kernels()
    if compiled is None or min(luma.shape) < compiled.lanes or luma.shape == (SAMPLES, SAMPLES):
        return _boxes(full_range(luma) if limited_range else luma)
    if limited_range and luma.dtype != np.uint8:
        luma, limited_range = full_range(luma), False
    return _recurrent(compiled, luma, limited_range=limited_range)


@lru_cache(maxsize=32)
def weights_of_blocks(size_px: int, part: int) -> npt.NDArray[np.float64]:
    """The matrix that blurs twice and samples, 64 rows by one column for each block of pixels.

    Args:
        size_px: Side of the full picture, a multiple of `part`.
        part: Side of a block in pixels: it has the weights of its pixels together.
    """
    weights = _blur_and_sample(size_px).astype(np.float64).reshape(SAMPLES, -1, part)
    return np.asarray(weights.sum(axis=2))


def _window_px(size_px: int) -> int:
    return (size_px + 2 * SAMPLES - 1) // (2 * SAMPLES)


@lru_cache(maxsize=32)
def _centres(size_px: int) -> npt.NDArray[np.int64]:
    return ((np.arange(SAMPLES) + 0.5) * size_px / SAMPLES).astype(np.int64)


def _window_ends(size_px: int) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """First column, and column after the last, that each output of one box pass averages."""
    window = _window_px(size_px)
    half = (window + 2) // 2
    position = np.arange(size_px)
    return np.maximum(0, position + half - window), np.minimum(size_px, position + half)


@lru_cache(maxsize=32)
def _blur_and_sample(size_px: int) -> npt.NDArray[np.float32]:
    """The 64 x size matrix that blurs twice and samples the centres."""
    ends = _window_ends(size_px)
    matrix = np.zeros((SAMPLES, size_px), dtype=np.float64)
    for sample, centre in enumerate(_centres(size_px)):
        first, last = ends[0][centre], ends[1][centre]
        for position in range(first, last):  # the second pass averages outputs of the first
            low, high = ends[0][position], ends[1][position]
            matrix[sample, low:high] += 1.0 / ((last - first) * (high - low))
    return np.asarray(matrix, dtype=np.float32)


@lru_cache(maxsize=32)
def _weighted_ends(size_px: int) -> npt.NDArray[np.int64]:
    """For each sample the first column that has a weight, then for each the one after the last."""
    weighs = _blur_and_sample(size_px) != 0
    return np.concatenate([weighs.argmax(axis=1), size_px - weighs[:, ::-1].argmax(axis=1)]).astype(np.int64)


@lru_cache(maxsize=32)
def _divisors(size_px: int) -> npt.NDArray[np.float32]:
    """How many samples a box pass averages at each position of a line."""
    first, after = _window_ends(size_px)
    return (after - first).astype(np.float32)


def _for_machine_code(luma: Luma) -> Luma:
    """The same samples as bytes or float32, each line without gaps in it."""
    if luma.dtype not in {np.dtype(np.uint8), np.dtype(np.float32)}:
        luma = luma.astype(np.float32)
    between, within = luma.strides
    # Lines of a decoder have gaps between them, of whole samples; a view that is turned, or flipped, is copied.
    if within == luma.itemsize and between >= luma.shape[1] * within and between % within == 0:
        return luma
    return luma.copy()


def _weighted(compiled: Kernels, luma: Luma, *, limited_range: bool = False) -> npt.NDArray[np.float64]:
    """The linear form by compiled loops, which read each pixel about once."""
    luma = _for_machine_code(luma)
    rows, columns = luma.shape
    line, out = np.empty(columns, dtype=np.float32), np.empty((SAMPLES, SAMPLES), dtype=np.float64)
    matrices = [(_blur_and_sample(side), _weighted_ends(side)) for side in (rows, columns)]
    down, across = ((weights.ctypes.data, ends.ctypes.data) for weights, ends in matrices)
    blur = compiled.blur_bytes if luma.dtype == np.uint8 else compiled.blur_floats
    pitch = luma.strides[0] // luma.itemsize
    ends = (_BLACK, _WHITE) if limited_range else (-np.inf, np.inf)
    blur(luma.ctypes.data, pitch, rows, columns, *ends, *down, *across, line.ctypes.data, out.ctypes.data)
    return out


def _recurrent(compiled: Kernels, luma: Luma, *, limited_range: bool) -> npt.NDArray[np.float32]:
    """The recurrence by compiled loops."""
    luma = _for_machine_code(luma)
    rows, columns = luma.shape
    lanes, held = compiled.lanes, _window_px(rows) + 2 * compiled.lanes
    rows_held = -(-rows // lanes) * lanes
    black, stretch = (_BLACK, _STRETCH) if limited_range else (0.0, 1.0)
    divisors, centres = (tuple(of(side) for side in (columns, rows)) for of in (_divisors, _centres))
    across, down = (
        (_window_px(side), divisors[number].ctypes.data, centres[number].ctypes.data)
        for number, side in enumerate((columns, rows))
    )
    sizes = (max(rows, columns) * lanes, max(rows, columns) * lanes, columns, lanes * columns, held * columns)
    rooms = [np.empty(size, dtype=np.float32) for size in (*sizes, SAMPLES * rows_held)]
    out = np.empty((SAMPLES, SAMPLES), dtype=np.float32)
    *tiles, sampled = (room.ctypes.data for room in rooms)
    picture = (luma.ctypes.data, int(luma.dtype == np.uint8), luma.strides[0] // luma.itemsize, rows, columns)
    compiled.recurrence(*picture, black, stretch, *across, *down, *tiles, held, sampled, rows_held, out.ctypes.data)
    return out


def _products(luma: Luma) -> npt.NDArray[np.float64]:
    """The linear form by two matrix products.

    A row of the first matrix has weights for a small part of the picture's rows only, so its rows are taken in bands,
    each multiplied with the rows it needs.
    """
    rows, columns = luma.shape
    down = _blur_and_sample(rows)
    band = SAMPLES // _BANDS if rows * columns <= _BANDS * _BAND_PX else 1
    lowered = np.empty((SAMPLES, columns), dtype=np.float32)
    for start in range(0, SAMPLES, band):
        weights = down[start : start + band]
        used = np.flatnonzero(weights.any(axis=0))
        first, after = int(used[0]), int(used[-1]) + 1
        pixels = luma[first:after].astype(np.float32, copy=False)
        lowered[start : start + band] = weights[:, first:after] @ pixels
    return (lowered @ _blur_and_sample(columns).T).astype(np.float64)


def _boxes(luma: Luma) -> npt.NDArray[np.float32]:
    """The recurrence by numpy: the yardstick of the compiled one."""
    rows, columns = luma.shape
    picture = luma.astype(np.float32)
    if rows == columns == SAMPLES:
        return picture
    # The last two passes are asked only for what is sampled of them.
    for wanted_columns, wanted_rows in ((None, None), (_centres(columns), _centres(rows))):
        picture = _box_down(np.ascontiguousarray(picture.T), wanted_columns)
        picture = _box_down(np.ascontiguousarray(picture.T), wanted_rows)
    return picture


def _box_down(picture: npt.NDArray[np.float32], wanted: npt.NDArray[np.int64] | None) -> npt.NDArray[np.float32]:
    """One box pass down the columns by running sums, in the reference's order: add, subtract, divide.

    Args:
        picture: Rows by columns.
        wanted: Rows of the result, all of them if None.
    """
    length = picture.shape[0]
    window = _window_px(length)
    half = (window + 2) // 2
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
    divisors = _divisors(length)[:, None]
    if wanted is not None:
        sums, divisors = sums[wanted], divisors[wanted]
    return np.divide(sums, divisors, out=sums)
