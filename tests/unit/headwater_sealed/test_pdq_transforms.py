"""PDQ of a picture turned and mirrored: bit for bit what the reference gives for the same picture."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from headwater.schema import MEDIA_TRANSFORMS
from headwater_sealed import pdq
from headwater_sealed.media import hash_media
from headwater_sealed.pdq_sampling import full_range
from headwater_sealed.pdq_transforms import (
    TRANSFORMS,
    dihedral_pdq_from_luma,
    dihedral_pdq_from_reduced_luma,
)

RECIPES = ("noise", "landscape", "ramp", "stripes", "mirrored", "faint", "flat")
SIZES = ((5, 5), (6, 90), (17, 16), (64, 64), (65, 63), (129, 200), (255, 257), (333, 511), (600, 17), (901, 640))


def landscape(rows: int, columns: int, draw: np.random.Generator) -> np.ndarray:
    """Noise of many scales, the coarse ones strongest."""
    levels = np.zeros((rows, columns))
    for cells in (2, 3, 5, 9, 17):
        y, x = (np.arange(side) * cells // side for side in (rows, columns))
        levels += draw.normal(size=(cells, cells))[y[:, None], x] * (20 / cells)
    levels -= levels.min()
    return levels * (255 / max(levels.max(), 1e-9))


def picture(recipe: str, rows: int, columns: int, seed: int = 0) -> np.ndarray:
    """Rows by columns by red, green, blue; of those that are nearly symmetric most coefficients are near ties."""
    draw = np.random.default_rng([seed, rows, columns])
    y, x = np.mgrid[0:rows, 0:columns]
    values = {
        "noise": lambda: draw.integers(0, 256, (rows, columns)),
        "landscape": lambda: landscape(rows, columns, draw),
        "ramp": lambda: x * 200 / columns + y * 55 / rows,
        "stripes": lambda: (x * 9 // columns + y * 7 // rows) % 2 * 255,
        "mirrored": lambda: np.abs(x - (columns - 1) / 2) * 250 / columns + np.abs(y - (rows - 1) / 2) * 250 / rows,
        "faint": lambda: 120 + draw.integers(0, 4, (rows, columns)),
        "flat": lambda: np.full((rows, columns), 77),
    }[recipe]()
    return np.repeat(values.astype(np.uint8)[:, :, None], 3, axis=2)


def hashes(found) -> list[bytes]:
    return [found.original.bits, *(found.transformed[start : start + 32] for start in range(0, 7 * 32, 32))]


def distance_bits(one: bytes, other: bytes) -> int:
    return (int.from_bytes(one) ^ int.from_bytes(other)).bit_count()


def reference(rgb: np.ndarray) -> tuple[list[bytes], int]:
    pdqhash = pytest.importorskip("pdqhash", reason="the reference's own code is not installed")
    bits, quality = pdqhash.compute_dihedral(np.ascontiguousarray(rgb))
    return [np.packbits(each.astype(np.uint8)).tobytes() for each in bits], quality


def test_the_names_are_those_of_the_tables():
    assert TRANSFORMS == MEDIA_TRANSFORMS


@pytest.mark.parametrize("recipe", RECIPES)
def test_every_position_equals_the_reference(recipe):
    for rows, columns in SIZES:
        rgb = picture(recipe, rows, columns)
        found = dihedral_pdq_from_luma(pdq.luma_from_rgb(rgb))
        assert (hashes(found), found.original.quality) == reference(rgb), (rows, columns)


def test_random_sizes_equal_the_reference():
    draw = np.random.default_rng(20261130)
    for seed in range(60):
        rows, columns = (int(side) for side in draw.integers(5, 600, 2))
        recipe = RECIPES[int(draw.integers(len(RECIPES)))]
        rgb = picture(recipe, rows, columns, seed)
        found = dihedral_pdq_from_luma(pdq.luma_from_rgb(rgb))
        assert (hashes(found), found.original.quality) == reference(rgb), (recipe, rows, columns)


@pytest.mark.parametrize("recipe", RECIPES)
def test_the_original_is_the_hash_that_is_made_alone(recipe):
    for rows, columns in SIZES:
        luma = pdq.luma_from_rgb(picture(recipe, rows, columns)).astype(np.uint8)
        assert dihedral_pdq_from_luma(luma).original == pdq.pdq_from_luma(luma)
        limited = np.clip(luma, 16, 235)
        found = dihedral_pdq_from_luma(limited, limited_range=True)
        assert found.original == pdq.pdq_from_luma(limited, limited_range=True)
        assert hashes(found)[1:] == hashes(dihedral_pdq_from_luma(full_range(limited)))[1:]


@pytest.mark.parametrize("part", [2, 4])
def test_a_reduced_picture_has_the_transforms_of_its_blocks(part):
    luma = pdq.luma_from_rgb(picture("landscape", 300, 260))
    whole = np.repeat(np.repeat(luma, part, axis=0), part, axis=1)
    found = dihedral_pdq_from_reduced_luma(luma, part=part)
    assert found.original == pdq.pdq_from_reduced_luma(luma, part=part)
    assert hashes(found) == hashes(dihedral_pdq_from_luma(whole))
    flat = dihedral_pdq_from_reduced_luma(np.full((300, 260), 9, np.uint8), part=part)
    assert flat.original == pdq.pdq_from_reduced_luma(np.full((300, 260), 9, np.uint8), part=part)


@pytest.mark.parametrize("size", [(1, 1), (4, 90), (90, 4)])
def test_what_is_too_small_has_no_hash_in_any_position(size):
    found = dihedral_pdq_from_luma(np.zeros(size, np.uint8))
    assert (hashes(found), found.original.quality) == ([bytes(32)] * 8, 0)


def test_each_name_is_what_it_says_of_pixels():
    rgb = picture("landscape", 400, 560, seed=3)
    turned = {
        "rotate_90": np.rot90(rgb),
        "rotate_180": np.rot90(rgb, 2),
        "rotate_270": np.rot90(rgb, 3),
        "flip_x": rgb[::-1],
        "flip_y": rgb[:, ::-1],
        "flip_plus_1": rgb.transpose(1, 0, 2),
        "flip_minus_1": rgb[::-1, ::-1].transpose(1, 0, 2),
    }
    found = dict(zip(TRANSFORMS, hashes(dihedral_pdq_from_luma(pdq.luma_from_rgb(rgb)))[1:], strict=True))
    for name, pixels in turned.items():
        made = pdq.pdq_from_luma(pdq.luma_from_rgb(pixels)).bits
        near = [each for each, bits in found.items() if distance_bits(bits, made) <= 31]
        assert near == [name]


def test_the_forms_differ_less_around_the_middle_of_every_position_than_what_counts_as_a_tie():
    draw = np.random.default_rng(7)
    widest = 0.0
    for rows, columns in [*SIZES, (576, 720), (1500, 1100), (2048, 150)]:
        for recipe in RECIPES:
            luma = pdq.luma_from_rgb(picture(recipe, rows, columns, int(draw.integers(9))))
            linear, exact = pdq.spectrum_from_luma(luma), pdq.spectrum_by_recurrence(luma)
            moved = np.abs(linear.coefficients - exact.coefficients)
            signs = np.where(np.arange(16) % 2, 1, -1)
            for sign in (1, signs[:, None], signs[None, :], signs[:, None] * signs):
                block = linear.coefficients * sign
                middle = np.abs(block - np.partition(block.ravel(), 127)[127]) <= 1
                widest = max(widest, float(moved[middle].max()))
    assert 0.001 < widest < pdq._GAP / 2


def job(**parameters) -> list[dict]:
    out = io.BytesIO()
    Image.fromarray(picture("landscape", 80, 90)).save(out, "PNG")
    batches = []
    entry = {"file_index": 0, "media_kind": "still", "tier": "still"}
    hash_media([io.BytesIO(out.getvalue())], {"entries": [entry], **parameters}, batches.append)
    return [row for batch in batches for row in batch.to_pylist()]


def test_the_job_gives_transforms_only_when_it_is_asked_for_them():
    plain, asked = job(), job(hash_transforms="dihedral")
    assert [row["pdq_transforms"] for row in plain] == [None, None]
    whole = dihedral_pdq_from_luma(pdq.luma_from_rgb(picture("landscape", 80, 90)))
    assert [row["pdq_transforms"] for row in asked] == [whole.transformed, None]
    assert [row | {"pdq_transforms": None} for row in asked] == plain == job(hash_transforms="none")


def test_the_job_refuses_transforms_that_it_does_not_know():
    with pytest.raises(ValueError, match="hash_transforms"):
        job(hash_transforms="mirror")
