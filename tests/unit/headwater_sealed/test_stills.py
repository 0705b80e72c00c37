"""Stills: every format that is read gives the picture's own hash; damaged ones say so; bombs are not decoded."""

from __future__ import annotations

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image, ImageOps

from headwater_sealed import stills
from headwater_sealed.pdq import luma_from_rgb, pdq_from_luma

EXIF_ORIENTATION = 0x0112


@pytest.fixture(scope="module", autouse=True)
def decoders():
    stills.prepare()


def picture(rows: int = 150, columns: int = 200) -> np.ndarray:
    """Smooth coloured patches: enough structure for quality 100, and survives a lossy encoder."""
    draw = np.random.default_rng(7)
    small = Image.fromarray(draw.integers(0, 256, (11, 13, 3), dtype=np.uint8))
    return np.asarray(small.resize((columns, rows), Image.Resampling.BILINEAR))


def encoded(fmt: str, mode: str = "RGB", array: np.ndarray | None = None, **options: object) -> bytes:
    image = Image.fromarray(picture() if array is None else array)
    out = io.BytesIO()
    (image if image.mode == mode else image.convert(mode)).save(out, fmt, **options)
    return out.getvalue()


def read(content: bytes) -> tuple[stills.Still, list[stills.Picture]]:
    still = stills.Still()
    return still, list(stills.read_still(io.BytesIO(content), still))


def distance_bits(luma: np.ndarray, other: np.ndarray) -> int:
    one, two = (int.from_bytes(pdq_from_luma(np.ascontiguousarray(each)).bits) for each in (luma, other))
    return (one ^ two).bit_count()


@pytest.mark.parametrize(
    ("fmt", "mode", "options"),
    [
        ("PNG", "RGB", {}),
        ("PNG", "RGBA", {}),
        ("BMP", "RGB", {}),
        ("TIFF", "RGB", {"compression": "tiff_lzw"}),
        ("PPM", "RGB", {}),
        ("WEBP", "RGB", {"lossless": True}),
        ("JPEG2000", "RGB", {}),
    ],
)
def test_lossless_formats_give_the_pixels_themselves(fmt, mode, options):
    still, pictures = read(encoded(fmt, mode, **options))
    assert (still.status, still.reason, still.width_px, still.height_px) == ("ok", None, 200, 150)
    assert np.array_equal(pictures[0].luma, luma_from_rgb(picture()))


@pytest.mark.parametrize(
    ("fmt", "mode"),
    [("JPEG", "RGB"), ("JPEG", "L"), ("GIF", "P"), ("PNG", "P"), ("WEBP", "RGB"), ("AVIF", "RGB"), ("HEIF", "RGB")],
)
def test_lossy_formats_are_near(fmt, mode):
    still, pictures = read(encoded(fmt, mode))
    assert still.status == "ok"
    assert distance_bits(pictures[0].luma, luma_from_rgb(picture())) <= 16


@pytest.mark.parametrize(("fmt", "mode"), [("JPEG", "CMYK"), ("TIFF", "CMYK")])
def test_cmyk_is_converted_and_noted(fmt, mode):
    still, pictures = read(encoded(fmt, mode))
    assert (still.status, still.note) == ("ok", "converted from CMYK")
    assert distance_bits(pictures[0].luma, luma_from_rgb(picture())) <= 16


def test_sixteen_bits_are_brought_to_eight():
    grey = picture()[:, :, 0]
    still, pictures = read(encoded("PNG", "I;16", grey.astype(np.uint16) * 257))
    assert still.note == "16 bits a sample, divided by 257"
    assert np.allclose(pictures[0].luma, grey)


def test_samples_without_a_range_are_spread():
    grey = picture()[:, :, 0]
    still, pictures = read(encoded("TIFF", "F", grey.astype(np.float32) * 1e6 - 3))
    assert still.status == "ok"
    assert distance_bits(pictures[0].luma, grey) == 0


@pytest.mark.parametrize("orientation", range(2, 9))
def test_exif_orientation_is_applied_as_viewers_do(orientation):
    image = Image.fromarray(picture())
    exif = Image.Exif()
    exif[EXIF_ORIENTATION] = orientation
    out = io.BytesIO()
    image.save(out, "PNG", exif=exif)
    still, pictures = read(out.getvalue())
    upright = np.asarray(ImageOps.exif_transpose(Image.open(io.BytesIO(out.getvalue()))))
    assert still.note == f"EXIF orientation {orientation} applied"
    assert (still.height_px, still.width_px) == upright.shape[:2]
    assert np.array_equal(pictures[0].luma, luma_from_rgb(upright))


def test_transparent_parts_lie_over_white():
    rgba = np.dstack([picture(), np.full((150, 200), 255, dtype=np.uint8)])
    rgba[:, 100:, 3] = 0
    still, pictures = read(encoded("PNG", "RGBA", rgba))
    assert still.note == "transparent parts over white"
    assert (pictures[0].luma[:, 100:] == 255).all()
    assert np.array_equal(pictures[0].luma[:, :100], luma_from_rgb(picture())[:, :100])


def test_palette_with_transparency_lies_over_white():
    image = Image.fromarray(picture()).convert("P")
    out = io.BytesIO()
    image.save(out, "PNG", transparency=image.getpixel((0, 0)))
    still, pictures = read(out.getvalue())
    assert "transparent parts over white" in (still.note or "")
    assert pictures[0].luma[0, 0] == 255


def test_an_animation_gives_each_picture_with_its_time():
    frames = [Image.fromarray(np.roll(picture(), 40 * n, axis=1)) for n in range(3)]
    out = io.BytesIO()
    frames[0].save(out, "GIF", save_all=True, append_images=frames[1:], duration=120)
    still, pictures = read(out.getvalue())
    assert still.status == "ok"
    assert [p.at_ms for p in pictures] == [0, 120, 240]
    assert distance_bits(pictures[0].luma, pictures[2].luma) > 31


def test_a_long_animation_is_hashed_in_part(monkeypatch):
    monkeypatch.setattr(stills, "MAX_PICTURES", 2)
    frames = [Image.fromarray(np.roll(picture(), 40 * n, axis=1)) for n in range(4)]
    out = io.BytesIO()
    frames[0].save(out, "GIF", save_all=True, append_images=frames[1:])
    still, pictures = read(out.getvalue())
    assert len(pictures) == 2
    assert (still.status, still.reason) == ("partial", "first 2 of 4 pictures")


@pytest.mark.parametrize("fmt", ["JPEG", "PNG", "BMP", "GIF"])
def test_a_truncated_still_is_partial_if_pixels_were_decoded(fmt):
    content = encoded(fmt, "P" if fmt == "GIF" else "RGB")
    still, pictures = read(content[: len(content) * 2 // 3])
    assert still.status == "partial"
    assert (still.reason or "").startswith("decoded in part")
    assert len(pictures) == 1


@pytest.mark.parametrize("fmt", ["JPEG", "PNG"])
def test_a_still_cut_in_its_header_is_refused(fmt):
    content = encoded(fmt)
    for length in (12, 40):
        still, pictures = read(content[:length])
        assert still.status == "refused"
        assert still.reason
        assert not pictures


def test_a_still_cut_before_its_pixels_is_refused_rather_than_hashed_as_grey():
    content = encoded("JPEG")
    scan = content.index(b"\xff\xda")
    still, pictures = read(content[: scan + 16])
    assert still.status == "refused"
    assert not pictures


def test_truncation_leaves_no_setting_behind():
    content = encoded("JPEG")
    read(content[: len(content) // 2])
    with pytest.raises(OSError, match="truncated"):
        Image.open(io.BytesIO(content[: len(content) // 2])).load()


def bomb(width: int, height: int) -> bytes:
    """A PNG of a few hundred bytes that states an enormous size."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(bytes(99))) + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize("side", [10_001, 14_000, 60_000])
def test_a_bomb_is_refused_by_what_it_states(side):
    still, pictures = read(bomb(side, side))
    assert still.status == "refused"
    assert "pixels" in (still.reason or "")
    assert not pictures


def test_too_small_is_refused():
    still, pictures = read(encoded("PNG", array=picture(4, 90)))
    assert (still.status, still.reason) == ("refused", "90 x 4 px: smaller than 5 px on a side")
    assert not pictures


@pytest.mark.parametrize(
    "content",
    [b"", b"\x00" * 64, b"\xff\xd8\xff" + b"\x41" * 200, b"GIF89a" + b"\xff" * 40, b"%!PS-Adobe-3.0 EPSF-3.0\n"],
)
def test_what_is_no_still_is_refused_with_a_reason(content):
    still, pictures = read(content)
    assert still.status == "refused"
    assert still.reason
    assert "\n" not in still.reason
    assert not pictures


def test_flipped_bytes_never_raise():
    draw = np.random.default_rng(3)
    for fmt in ("JPEG", "PNG", "GIF", "TIFF", "WEBP"):
        content = bytearray(encoded(fmt, "P" if fmt == "GIF" else "RGB"))
        for _ in range(25):
            damaged = bytearray(content)
            for place in draw.integers(0, len(damaged), 6):
                damaged[int(place)] ^= int(draw.integers(1, 256))
            still, pictures = read(bytes(damaged))
            assert still.status in {"ok", "partial", "refused"}
            assert (still.status == "refused") <= (still.reason is not None)
            assert pictures or still.status == "refused"


def test_published_hashes_of_real_stills(reference_data):
    """Hashed at full size; the published ones were made smaller first, so up to 10 bits may differ over 512 px."""
    text = (reference_data / "SOURCES.md").read_text(encoding="utf-8")
    published = dict(line.split(",") for line in text.splitlines() if line.count(",") == 1 and ".jpg," in line)
    assert len(published) == 12
    for name, expected in published.items():
        with (reference_data / "media" / "stills" / name).open("rb") as file:
            still = stills.Still()
            hashed = next(iter(stills.read_still(file, still))).hashed()
        assert hashed.quality >= 80
        differing = (int.from_bytes(hashed.bits) ^ int(expected, 16)).bit_count()
        assert differing <= (0 if max(still.width_px, still.height_px) <= 512 else 10), name


def landscape(rows: int, columns: int) -> np.ndarray:
    """Noise of many scales, the coarse ones strongest, as photographs have it."""
    draw = np.random.default_rng(11)
    levels = np.zeros((rows, columns, 3))
    for cells in (2, 4, 8, 16, 64, 256):
        coarse = draw.normal(size=(cells, cells, 3)).astype(np.float32) * (256 / cells) ** 0.9
        for channel in range(3):
            levels[:, :, channel] += np.asarray(
                Image.fromarray(coarse[:, :, channel]).resize((columns, rows), Image.Resampling.BILINEAR)
            )
    levels -= levels.min()
    return (levels * (255 / levels.max())).astype(np.uint8)


def reduced_by(content: bytes, least_px: int, monkeypatch: pytest.MonkeyPatch) -> tuple[stills.Still, int]:
    """What is said of a JPEG that may be reduced to that side, and how far its hash is from that of the whole."""
    with monkeypatch.context() as patch:
        patch.setattr(stills, "_LEAST_REDUCED_PX", 1 << 30)
        _, whole = read(content)
        patch.setattr(stills, "_LEAST_REDUCED_PX", least_px)
        still, reduced = read(content)
    one, two = (int.from_bytes(pictures[0].hashed().bits) for pictures in (whole, reduced))
    return still, (one ^ two).bit_count()


def test_a_large_jpeg_is_decoded_at_a_part_of_its_size_and_keeps_its_hash(monkeypatch):
    for rows, columns, part in ((600, 1600, 2), (1200, 1600, 4), (3000, 4000, 4), (999, 1600, None), (512, 1600, None)):
        content = encoded("JPEG", array=landscape(rows, columns), quality=90)
        still, moved_bits = reduced_by(content, stills._LEAST_REDUCED_PX, monkeypatch)
        assert (still.width_px, still.height_px) == (columns, rows)
        assert still.note == (None if part is None else f"decoded at 1/{part} of its size")
        assert moved_bits <= 2


def test_every_still_at_hand_keeps_its_hash_when_it_is_reduced(reference_data, monkeypatch):
    moved_bits = {}
    reduced = 0
    for path in sorted((reference_data / "media" / "stills").glob("*.jpg")):
        still, moved_bits[path.name] = reduced_by(path.read_bytes(), stills._LEAST_REDUCED_PX, monkeypatch)
        reduced += still.note is not None
    assert reduced >= 7
    assert max(moved_bits.values()) <= 2, moved_bits


def test_a_further_reduction_would_move_the_hash(reference_data, monkeypatch):
    # Shows that the measure above can fail: blocks of 4 pixels of a small picture are not nothing.
    content = (reference_data / "media" / "stills" / "square-128x128.jpg").read_bytes()
    assert reduced_by(content, 16, monkeypatch)[1] > 2


def test_a_reduced_jpeg_is_turned_and_its_size_is_as_shown(monkeypatch):
    exif = Image.Exif()
    exif[EXIF_ORIENTATION] = 6
    content = encoded("JPEG", array=landscape(1000, 1600), quality=90, exif=exif)
    still, moved_bits = reduced_by(content, stills._LEAST_REDUCED_PX, monkeypatch)
    assert (still.width_px, still.height_px) == (1000, 1600)
    assert "EXIF orientation 6 applied" in str(still.note)
    assert moved_bits <= 2


def test_a_heic_is_turned_by_its_own_property_and_not_by_exif_again():
    # ISO/IEC 23008-12, 6.5.10: the rotation of an item is a property of it; what its EXIF says is for information.
    exif = Image.Exif()
    exif[EXIF_ORIENTATION] = 6
    still, pictures = read(encoded("HEIF", exif=exif))
    assert (still.status, still.width_px, still.height_px) == ("ok", 200, 150)
    assert distance_bits(pictures[0].luma, luma_from_rgb(picture())) <= 16


def test_a_cut_heic_is_refused_or_partial_with_a_reason():
    content = encoded("HEIF")
    for length in (20, 200, len(content) // 2, len(content) - 30):
        still, _ = read(content[:length])
        assert still.status in {"partial", "refused"}
        assert still.reason
