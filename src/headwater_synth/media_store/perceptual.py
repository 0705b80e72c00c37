"""PDQ of pictures that this generator drew, and how far two of them are apart."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from PIL import Image

from headwater_sealed.pdq import Pdq, luma_from_rgb, pdq_from_luma

__all__ = ["Crowd", "pdq_of"]


def pdq_of(picture: Image.Image) -> Pdq:
    """The PDQ hash and quality of a picture."""
    return pdq_from_luma(luma_from_rgb(np.asarray(picture.convert("RGB"))))


class Crowd:
    """Perceptual hashes that a newcomer must keep its distance from."""

    def __init__(self) -> None:
        self._bits: npt.NDArray[np.uint8] = np.zeros((0, 32), dtype=np.uint8)

    def nearest_bits(self, hashes: list[bytes]) -> int:
        """The least distance between any of the hashes and any of the crowd; 256 where there is none."""
        if not len(self._bits) or not hashes:
            return 256
        return min(int(self._distances(bits).min()) for bits in hashes)

    def join(self, hashes: list[bytes]) -> None:
        """Let the hashes be part of the crowd."""
        rows = [np.frombuffer(bits, dtype=np.uint8) for bits in hashes]
        self._bits = np.vstack([self._bits, *rows])

    def _distances(self, bits: bytes) -> npt.NDArray[np.int64]:
        differing = np.bitwise_xor(self._bits, np.frombuffer(bits, dtype=np.uint8))
        distances: npt.NDArray[np.int64] = np.unpackbits(differing, axis=1).sum(axis=1, dtype=np.int64)
        return distances
