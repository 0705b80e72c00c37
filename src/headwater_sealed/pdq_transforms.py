"""PDQ of a picture turned and mirrored: all eight ways a square can be laid on itself, told from one spectrum.

Mirroring a picture changes the sign of the coefficients of its odd frequencies in that direction; turning it on its
side exchanges down and across. So the seven other hashes need no other picture: their coefficients are the same
numbers, exchanged and with other signs, above or below a median of their own.

The reference does just that, and never turns a picture. What it gives is therefore not always what it gives for the
turned picture: sampling and odd sizes are not symmetric to the last digit.

References:
    The Threat Exchange project's description of PDQ (2017), section on dihedral transforms.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from headwater_sealed.pdq import (
    MIN_SIDE_PX,
    Pdq,
    Spectrum,
    spectrum_by_recurrence,
    spectrum_from_luma,
    spectrum_from_reduced_luma,
)
from headwater_sealed.pdq_sampling import Luma

__all__ = ["HASH_TRANSFORMS", "TRANSFORMS", "DihedralPdq", "dihedral_pdq_from_luma", "dihedral_pdq_from_reduced_luma"]

HASH_TRANSFORMS = ("none", "dihedral")
"""What a job can be asked for besides the hash itself: nothing, or the hash under every one of `TRANSFORMS`."""

TRANSFORMS = ("rotate_90", "rotate_180", "rotate_270", "flip_x", "flip_y", "flip_plus_1", "flip_minus_1")
"""The reference's names in its order, without the original, which comes first there.

`rotate_90` turns a quarter against the clock. `flip_x` puts the top at the bottom, `flip_y` the left at the right, as a
mirror does. `flip_plus_1` exchanges rows and columns; `flip_minus_1` does so along the other diagonal.
"""

_HASH_BYTES, _COEFFICIENTS, _SIDE = 32, 256, 16


@dataclass(frozen=True, slots=True, kw_only=True)
class DihedralPdq:
    """The hash of a picture, and those of the same picture turned and mirrored.

    Attributes:
        original: Of the picture as it is; equal to what `pdq_from_luma` gives.
        transformed: 32 bytes for each of `TRANSFORMS`, in that order. The quality of all is that of the original.
    """

    original: Pdq
    transformed: bytes


def dihedral_pdq_from_luma(luma: Luma, *, limited_range: bool = False) -> DihedralPdq:
    """The PDQ hashes of a picture in all eight positions.

    Args:
        luma: Rows by columns, 0 to 255; the full picture, not one made smaller before.
        limited_range: Whether black is 16 and white is 235, none beyond.

    Example:
        >>> import numpy as np
        >>> rings = (np.hypot(*np.mgrid[0:90, 0:70]) * 3 % 256).astype(np.uint8)
        >>> upside_down = dihedral_pdq_from_luma(rings[::-1]).original.bits
        >>> found = dihedral_pdq_from_luma(rings).transformed[3 * 32 : 4 * 32]
        >>> sum((one ^ other).bit_count() for one, other in zip(found, upside_down)) <= 31
        True
    """
    if min(luma.shape) < MIN_SIDE_PX:
        return DihedralPdq(original=Pdq(bits=bytes(_HASH_BYTES), quality=0), transformed=bytes(_HASH_BYTES * 7))
    spectrum = spectrum_from_luma(luma, limited_range=limited_range)
    return _told(spectrum, lambda: spectrum_by_recurrence(luma, limited_range=limited_range))


def dihedral_pdq_from_reduced_luma(luma: Luma, *, part: int) -> DihedralPdq:
    """The same of a picture of which a decoder gave the mean of each block of `part` by `part` pixels.

    Args:
        luma: Rows by columns of blocks, 0 to 255.
        part: Side of a block in pixels.
    """

    def by_recurrence() -> Spectrum:
        return spectrum_by_recurrence(np.repeat(np.repeat(luma, part, axis=0), part, axis=1))

    return _told(spectrum_from_reduced_luma(luma, part=part), by_recurrence)


def _told(linear: Spectrum, by_recurrence: Callable[[], Spectrum]) -> DihedralPdq:
    """The eight hashes; those of which a near tie makes the linear form unsure are told by the recurrence."""
    bits, gaps = _bits(linear.coefficients)
    unsure = gaps < linear.gap
    unsure[0] |= linear.quality is None
    quality = linear.quality
    if unsure.any():
        exact = by_recurrence()
        bits[unsure] = _bits(exact.coefficients)[0][unsure]
        if unsure[0]:
            quality = exact.quality
    assert quality is not None  # one that is not certain made the original unsure
    packed = np.packbits(bits, axis=1)
    original = Pdq(bits=packed[0].tobytes(), quality=quality, by_recurrence=bool(unsure[0]))
    return DihedralPdq(original=original, transformed=packed[1:].tobytes())


def _bits(
    coefficients: npt.NDArray[np.float32] | npt.NDArray[np.float64],
) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.float64]]:
    """The bits of each position, last coefficient first as they are packed, and the gap between its two middle ones."""
    blocks = coefficients.ravel()[_PLACES] * _SIGNS.astype(coefficients.dtype)
    ordered = np.partition(blocks, (127, 128), axis=1)
    above = blocks > ordered[:, 127:128]
    return above[:, ::-1], (ordered[:, 128] - ordered[:, 127]).astype(np.float64)


def _positions() -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int8]]:
    """For each position, the original first: which coefficient stands at each place, and with which sign."""
    places = np.arange(_COEFFICIENTS).reshape(_SIDE, _SIDE)
    same = np.ones((_SIDE, _SIDE), np.int8)
    # Coefficient 0 is of frequency 1: those at even places are of odd frequencies, whose cosines a mirror negates.
    down = np.where(np.arange(_SIDE) % 2, 1, -1).astype(np.int8)[:, None] * same
    across = down.T
    laid = (
        (places, same),
        (places.T, across.T),
        (places, down * across),
        (places.T, down.T),
        (places, down),
        (places, across),
        (places.T, same),
        (places.T, (down * across).T),
    )
    return np.stack([each.ravel() for each, _ in laid]), np.stack([sign.ravel() for _, sign in laid])


_PLACES, _SIGNS = _positions()
