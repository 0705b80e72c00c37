"""Stills as files: encoded, edited and cut short with Pillow."""

from __future__ import annotations

import io
import random

from PIL import Image, ImageDraw, ImageFont

__all__ = ["captioned", "decoded_still", "encoded_still", "scaled", "still_edit"]

_WORDS = ("harbour", "orchard", "lantern", "meadow", "granite", "willow", "compass", "juniper")
_CAPTION_OPACITY = 0.6


def encoded_still(picture: Image.Image, *, extension: str, quality: int) -> bytes:
    """The picture as a JPEG or PNG file.

    Args:
        picture: What to encode.
        extension: jpg or png.
        quality: JPEG quality, 1 to 95; PNG ignores it.
    """
    out = io.BytesIO()
    if extension == "png":
        picture.save(out, "PNG", compress_level=6)
    else:
        picture.save(out, "JPEG", quality=quality, subsampling=2)
    return out.getvalue()


def decoded_still(content: bytes) -> Image.Image:
    """The picture in a file of our own making."""
    with Image.open(io.BytesIO(content)) as picture:
        return picture.convert("RGB")


def still_edit(rng: random.Random, original: bytes, *, edit: str) -> bytes:
    """The original after an edit, as a file.

    Args:
        rng: Decides how strong the edit is.
        original: The original's file.
        edit: reencode, resize, overlay or truncated.
    """
    if edit == "truncated":
        return original[: len(original) * rng.randrange(25, 60) // 100]
    picture = decoded_still(original)
    if edit == "resize":
        return encoded_still(scaled(picture, rng.uniform(0.45, 0.8)), extension="jpg", quality=85)
    if edit == "overlay":
        return encoded_still(captioned(rng, picture), extension="jpg", quality=85)
    return encoded_still(picture, extension="jpg", quality=rng.randrange(35, 65))


def scaled(picture: Image.Image, share: float) -> Image.Image:
    """The picture at a share of its size; sides are even, as video needs them."""
    width, height = (max(2, round(side * share / 2) * 2) for side in picture.size)
    return picture.resize((width, height), Image.Resampling.LANCZOS)


def captioned(rng: random.Random, picture: Image.Image) -> Image.Image:
    """The picture with a thin half-transparent bar of text at its foot, or a small block of it in a corner."""
    width, height = picture.size
    text = f"{rng.choice(_WORDS)} {rng.randrange(1000, 10000)}"
    covered = picture.copy()
    draw = ImageDraw.Draw(covered)
    if rng.random() < 0.5:
        top = height - max(14, height * 5 // 100)
        draw.rectangle((0, top, width, height), fill=(90, 90, 90))
        draw.text((8, top + 2), text, font=ImageFont.load_default(), fill=(250, 250, 250))
    else:
        across, down = width * 12 // 100, height * 9 // 100
        draw.rectangle((8, 8, 8 + across, 8 + down), fill=(40, 60, 120))
        draw.text((12, 10), text[:9], font=ImageFont.load_default(), fill=(240, 240, 240))
    return Image.blend(picture, covered, _CAPTION_OPACITY)
