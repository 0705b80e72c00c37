"""Luma of stills, by Pillow: decoded, turned upright, laid over white, brought to 0..255; nothing is ever written.

Runs in a sealed child: the file comes as an object, not as a name, and every decoder is loaded beforehand by `prepare`.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt
import pillow_heif
from PIL import Image, ImageCms, ImageFile, ImageMode, TiffImagePlugin, UnidentifiedImageError

from headwater_sealed.pdq import MIN_SIDE_PX, Pdq, luma_from_rgb, pdq_from_luma, pdq_from_reduced_luma
from headwater_sealed.pdq_transforms import DihedralPdq, dihedral_pdq_from_luma, dihedral_pdq_from_reduced_luma

__all__ = ["FORMATS", "MAX_PICTURES", "MAX_PIXELS", "Picture", "Still", "prepare", "read_still"]

FORMATS = ("JPEG", "PNG", "GIF", "BMP", "TIFF", "WEBP", "AVIF", "HEIF", "JPEG2000", "PPM")
"""What is decoded. Left out on purpose: formats that start another program (EPS), and those without a signature.

A JPEG with further pictures in it (MPO) is opened by way of JPEG. HEIF is HEIC: what telephones make.
"""

MAX_PIXELS = 100_000_000
"""Most pixels of one picture: more than any camera makes in one exposure; a bomb states more in a few bytes."""

MAX_PICTURES = 64
"""Most pictures of one animated still that are hashed."""

_JPEG_PARTS = (4, 2)
_LEAST_REDUCED_PX = 257
"""Shorter side that a JPEG must keep where it is decoded at a part of its size.

So what the reference does not make smaller first, pictures of up to 512 px, is decoded whole.
"""

_BACKGROUND = 255
_LEAST_DECODED_ONE_IN = 50
_ORIENTATION_TAG = 0x0112  # source: EXIF 2.32, table 4
_LUMA_ONLY = {"1", "L"}
_WITH_ALPHA = {"LA", "La", "PA", "RGBA", "RGBa"}
_ANIMATED = {"GIF", "PNG", "WEBP", "AVIF", "TIFF"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """One decoded picture of a still.

    Attributes:
        luma: Rows by columns, 0 to 255.
        at_ms: When it is shown, in an animation.
        part: Side in pixels of the blocks whose means `luma` holds; 1 for pixels.
    """

    luma: npt.NDArray[Any]
    at_ms: int | None = None
    part: int = 1

    def hashed(self) -> Pdq:
        """Its PDQ hash and quality."""
        if self.part == 1:
            return pdq_from_luma(self.luma)
        return pdq_from_reduced_luma(self.luma, part=self.part)

    def hashed_in_all_positions(self) -> DihedralPdq:
        """The same, and the hashes of the picture turned and mirrored."""
        if self.part == 1:
            return dihedral_pdq_from_luma(self.luma)
        return dihedral_pdq_from_reduced_luma(self.luma, part=self.part)


@dataclass(slots=True, kw_only=True)
class Still:
    """What is known of a still; filled while its pictures are taken from it.

    Attributes:
        status: ok, partial or refused.
        reason: Why not ok.
        note: What was done on the way to luma.
        width_px: As shown, after rotation.
        height_px: As shown, after rotation.
    """

    status: str = "ok"
    reason: str | None = None
    note: str | None = None
    width_px: int | None = None
    height_px: int | None = None

    def refuse(self, reason: str) -> None:
        """Notes why nothing can be hashed."""
        self.status, self.reason = "refused", reason


def prepare() -> None:
    """Loads every decoder: Pillow loads them on first use, which a sealed child cannot."""
    Image.init()
    Image.preinit()
    pillow_heif.options.DECODE_THREADS = 1  # a sealed child starts no threads
    pillow_heif.options.THUMBNAILS = False
    pillow_heif.register_heif_opener()
    ImageMode.getmode("RGB")  # its table is built on first use
    assert ImageCms is not None  # Pillow imports it on first use of a Lab picture
    assert TiffImagePlugin is not None  # as above, on first use of EXIF


def read_still(file: BinaryIO, still: Still) -> Iterator[Picture]:
    """The pictures of a still, one for an ordinary one; `still` says afterwards how that went.

    A file that ends too early gives what was decoded of its first picture, and status partial; if nearly all of that is
    one flat colour, nothing to speak of was decoded, and the status is refused.
    """
    with warnings.catch_warnings():
        # Pillow warns about odd metadata and about sizes that are judged here.
        warnings.simplefilter("ignore")
        try:
            yield from _pictures(file, still)
        except Image.DecompressionBombError:
            still.refuse(f"more than {MAX_PIXELS:,} pixels")
        except MemoryError:
            still.refuse("takes more memory than a worker may use")
        except UnidentifiedImageError:
            still.refuse("no still format that is read here, or its header is damaged")
        except Exception as error:  # noqa: BLE001 - hostile bytes make Pillow raise nearly anything; it is a reason
            still.refuse(f"cannot be decoded: {_one_line(error)}")


def _pictures(file: BinaryIO, still: Still) -> Iterator[Picture]:
    opened = _opened(file, still)
    if opened is None:
        return
    try:
        opened.load()
    except (OSError, SyntaxError, ValueError, EOFError, IndexError) as error:
        picture = _truncated(file, still, error)
        if picture is not None:
            yield picture
        return
    notes: list[str] = []
    pictures = int(getattr(opened, "n_frames", 1) or 1)
    at_ms = 0
    if pictures > 1 and opened.format not in _ANIMATED:
        notes.append(f"{pictures - 1} more pictures in the file, not hashed")
        pictures = 1
    for index in range(min(pictures, MAX_PICTURES)):
        if index:
            try:
                opened.seek(index)
                opened.load()
            except (OSError, SyntaxError, ValueError, EOFError, IndexError) as error:
                still.status, still.reason = "partial", f"picture {index} of {pictures}: {_one_line(error)}"
                break
        picture = _picture(opened, notes, at_ms=at_ms if pictures > 1 else None)
        if index == 0:
            still.height_px, still.width_px = (side * picture.part for side in picture.luma.shape)
        yield picture
        at_ms += _duration_ms(opened)
    if pictures > MAX_PICTURES:
        still.status, still.reason = "partial", f"first {MAX_PICTURES} of {pictures} pictures"
    still.note = "; ".join(dict.fromkeys(notes)) or None


def _opened(file: BinaryIO, still: Still) -> Image.Image | None:
    file.seek(0)
    opened = Image.open(file, formats=FORMATS)
    width, height = opened.size
    still.width_px, still.height_px = width, height
    if width * height > MAX_PIXELS:
        still.refuse(f"{width} x {height} px: more than {MAX_PIXELS:,} pixels")
        return None
    if min(width, height) < MIN_SIDE_PX:
        still.refuse(f"{width} x {height} px: smaller than {MIN_SIDE_PX} px on a side")
        return None
    if opened.format == "JPEG":
        # Only the brightness is decoded, as the file stores it, and of a large photograph at a part of its size.
        part = _decoded_part(width, height)
        opened.draft("L" if opened.mode == "RGB" else None, (width // part, height // part))
    return opened


def _decoded_part(width: int, height: int) -> int:
    """The side of the blocks of pixels of which a JPEG gives one value each; 1 for what is not large.

    It is the decoder's own reduction, which averages and does not pick, so that the hash moves by no more than 2 bits
    (tests/unit/headwater_sealed/test_stills.py, over every still at hand). Only whole blocks are taken.
    """
    for part in _JPEG_PARTS:
        if min(width, height) >= part * _LEAST_REDUCED_PX and width % part == height % part == 0:
            return part
    return 1


def _part(opened: Image.Image) -> int:
    """The side of the blocks at which a picture was decoded."""
    scale = getattr(opened, "decoderconfig", ())
    return int(scale[0]) if opened.format == "JPEG" and scale else 1


def _truncated(file: BinaryIO, still: Still, error: Exception) -> Picture | None:
    """What was decoded of a file that ends too early, or None with the still refused."""
    ImageFile.LOAD_TRUNCATED_IMAGES = True
    try:
        opened = _opened(file, still)
        if opened is None:
            return None
        opened.load()
        notes: list[str] = []
        picture = _picture(opened, notes)
    except Exception as second:  # noqa: BLE001 - as in read_still
        still.refuse(f"cannot be decoded: {_one_line(second)}")
        return None
    finally:
        ImageFile.LOAD_TRUNCATED_IMAGES = False
    # What was not decoded is filled with one value, and a decoder makes up a block or two before it notices the end.
    if np.count_nonzero(picture.luma != picture.luma[-1, -1]) < picture.luma.size // _LEAST_DECODED_ONE_IN:
        still.refuse(f"damaged before its first pixels: {_one_line(error)}")
        return None
    still.height_px, still.width_px = (side * picture.part for side in picture.luma.shape)
    still.status, still.reason = "partial", f"decoded in part: {_one_line(error)}"
    still.note = "; ".join(notes) or None
    return picture


def _picture(opened: Image.Image, notes: list[str], at_ms: int | None = None) -> Picture:
    """The picture as it stands, upright."""
    part = _part(opened)
    luma = _upright(_luma(opened, notes), opened, notes)
    if part > 1:
        notes.append(f"decoded at 1/{part} of its size")
    return Picture(luma=luma, at_ms=at_ms, part=part)


def _luma(opened: Image.Image, notes: list[str]) -> npt.NDArray[Any]:
    """Luma of the picture as it stands, 0 to 255."""
    mode = opened.mode
    if mode in _LUMA_ONLY:
        if "transparency" not in opened.info:
            return np.asarray(opened.convert("L"))
    elif mode.startswith("I") or mode == "F":
        return _scaled(np.asarray(opened), mode, notes)
    if mode in _WITH_ALPHA or "transparency" in opened.info:
        return _over_background(opened, notes)
    if mode != "RGB":
        notes.append(f"converted from {mode}")
    return luma_from_rgb(np.asarray(opened.convert("RGB")))


def _over_background(opened: Image.Image, notes: list[str]) -> npt.NDArray[Any]:
    rgba = opened.convert("RGBA")
    if rgba.getchannel("A").getextrema() == (255, 255):
        return luma_from_rgb(np.asarray(rgba.convert("RGB")))
    notes.append("transparent parts over white")
    background = Image.new("RGBA", rgba.size, (_BACKGROUND,) * 4)
    return luma_from_rgb(np.asarray(Image.alpha_composite(background, rgba).convert("RGB")))


def _scaled(samples: npt.NDArray[Any], mode: str, notes: list[str]) -> npt.NDArray[np.float32]:
    """Samples of more than 8 bits, brought to 0..255."""
    low, high = float(np.nanmin(samples)), float(np.nanmax(samples))
    if mode.startswith("I;16"):
        notes.append("16 bits a sample, divided by 257")
        return np.asarray(samples, dtype=np.float32) / np.float32(257)
    # Their range is stated nowhere: spread over 0..255. The bits do not depend on the scale, the quality does.
    notes.append("samples without a stated range, spread over 0..255")
    spread = np.nan_to_num((samples.astype(np.float64) - low) * (255.0 / max(high - low, 1e-30)))
    return np.asarray(spread, dtype=np.float32)


def _upright(luma: npt.NDArray[Any], opened: Image.Image, notes: list[str]) -> npt.NDArray[Any]:
    """The luma as a viewer shows it, by the orientation that EXIF states."""
    try:
        orientation = int(opened.getexif().get(_ORIENTATION_TAG, 1))
    except Exception:  # noqa: BLE001 - damaged metadata is no reason to refuse the pixels
        notes.append("EXIF is damaged")
        return luma
    if orientation not in range(2, 9):
        return luma
    notes.append(f"EXIF orientation {orientation} applied")
    turned = luma.T if orientation >= 5 else luma
    # After the transposition of 5 to 8, the flips that remain. Source: EXIF 2.32, orientation of row 0 and column 0.
    flip_rows = orientation in {3, 4, 7, 8}
    flip_columns = orientation in {2, 3, 6, 7}
    return np.ascontiguousarray(turned[:: -1 if flip_rows else 1, :: -1 if flip_columns else 1])


def _duration_ms(opened: Image.Image) -> int:
    duration = opened.info.get("duration", 0)
    return int(duration) if isinstance(duration, int | float) else 0


def _one_line(error: Exception) -> str:
    return " ".join(f"{type(error).__name__}: {error}".split())[:200]
