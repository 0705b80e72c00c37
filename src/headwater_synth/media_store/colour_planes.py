"""Between pictures and the planes that H.264 holds, by whole numbers.

The codec library's own conversion was seen to give other bytes on another run of the same program, by where in memory
a picture happened to lie. Pillow's tables give the same bytes everywhere.

References:
    ITU-R BT.601: luma from 16 to 235, colour differences from 16 to 240, colour at half the resolution.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from PIL import Image

__all__ = ["picture_of", "planes_of"]

_LUMA_TO_VIDEO = [16 + (level * 219 + 127) // 255 for level in range(256)]
_COLOUR_TO_VIDEO = [16 + (level * 224 + 127) // 255 for level in range(256)]
_LUMA_FROM_VIDEO = [min(255, max(0, ((level - 16) * 255 + 109) // 219)) for level in range(256)]
_COLOUR_FROM_VIDEO = [min(255, max(0, ((level - 16) * 255 + 112) // 224)) for level in range(256)]


def planes_of(picture: Image.Image) -> npt.NDArray[np.uint8]:
    """The picture as yuv420p: luma over the two colour differences, three halves of its height, its width.

    Args:
        picture: A picture with even sides.
    """
    luma, blue, red = picture.convert("YCbCr").split()
    width, height = picture.size
    planes = np.empty(width * height * 3 // 2, dtype=np.uint8)
    half = width * height // 4
    planes[: 4 * half] = np.asarray(luma.point(_LUMA_TO_VIDEO)).ravel()
    planes[4 * half : 5 * half] = np.asarray(blue.reduce(2).point(_COLOUR_TO_VIDEO)).ravel()
    planes[5 * half :] = np.asarray(red.reduce(2).point(_COLOUR_TO_VIDEO)).ravel()
    return planes.reshape(height * 3 // 2, width)


def picture_of(planes: npt.NDArray[np.uint8]) -> Image.Image:
    """The picture in yuv420p planes, laid out as `planes_of` gives them."""
    rows, width = planes.shape
    height = rows * 2 // 3
    flat = planes.ravel()
    half = width * height // 4
    luma = Image.fromarray(flat[: 4 * half].reshape(height, width)).point(_LUMA_FROM_VIDEO)
    colours = [
        Image.fromarray(flat[(4 + place) * half : (5 + place) * half].reshape(height // 2, width // 2))
        .point(_COLOUR_FROM_VIDEO)
        .resize((width, height), Image.Resampling.BILINEAR)
        for place in range(2)
    ]
    return Image.merge("YCbCr", (luma, *colours)).convert("RGB")
