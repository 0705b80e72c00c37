"""PDQ: bit for bit what the reference gives, on every machine, whether or not the reference is installed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from headwater_sealed import pdq, pdq_sampling

GOLDEN = Path(__file__).parents[2] / "golden" / "pdq.txt"

# Whole-number arithmetic only, so that every machine makes the same picture.
RECIPES = ("noise", "blocks", "ramp", "checker", "rings", "bright", "flat", "faint")
SIZES = (
    (16, 16),
    (17, 16),
    (31, 64),
    (64, 64),
    (65, 63),
    (100, 100),
    (127, 128),
    (129, 200),
    (255, 257),
    (333, 511),
    (512, 512),
    (599, 600),
    (600, 17),
    (19, 450),
    (512, 70),
)


def grid(rows: int, columns: int) -> tuple[np.ndarray, np.ndarray]:
    y, x = np.mgrid[0:rows, 0:columns].astype(np.uint64)
    return y, x


def mixed(y: np.ndarray, x: np.ndarray, channel: int) -> np.ndarray:
    value = (x * np.uint64(73856093)) ^ (y * np.uint64(19349663)) ^ np.uint64(83492791 * (channel + 1))
    value = (value ^ (value >> np.uint64(13))) * np.uint64(2654435761)
    return (value >> np.uint64(17)) & np.uint64(255)


def picture(recipe: str, rows: int, columns: int) -> np.ndarray:
    """A picture of test patterns, rows by columns by red, green, blue."""
    y, x = grid(rows, columns)
    channels = []
    for channel in range(3):
        shift = np.uint64(40 * channel)
        if recipe == "noise":
            values = mixed(y, x, channel)
        elif recipe == "blocks":
            values = mixed(y * np.uint64(12) // np.uint64(rows), x * np.uint64(12) // np.uint64(columns), channel)
        elif recipe == "ramp":
            values = (x * np.uint64(255)) // np.uint64(columns) + shift * np.uint64(0)
        elif recipe == "checker":
            cells = x * np.uint64(9) // np.uint64(columns) + y * np.uint64(7) // np.uint64(rows)
            values = (cells % np.uint64(2)) * (np.uint64(255) - shift)
        elif recipe in {"rings", "bright"}:
            across = x.astype(np.int64) - columns // 2
            down = y.astype(np.int64) - rows // 3
            scale = max(1, rows * columns // 900)
            values = ((across * across + down * down) // scale).astype(np.uint64) * np.uint64(7) + shift
            if recipe == "bright":  # large sums with small differences: what costs float32 the most digits
                values = np.uint64(255) - values % np.uint64(256) // np.uint64(4)
        elif recipe == "flat":
            values = np.full((rows, columns), 77, dtype=np.uint64) + shift
        else:
            values = np.uint64(120) + mixed(y // np.uint64(9), x // np.uint64(9), channel) // np.uint64(80)
        channels.append((values % np.uint64(256)).astype(np.uint8))
    return np.stack(channels, axis=2)


def golden_lines() -> list[str]:
    return [line for line in GOLDEN.read_text(encoding="ascii").splitlines() if line and not line.startswith("#")]


def test_every_recipe_and_size_is_in_the_golden_file():
    named = {tuple(line.split()[:3]) for line in golden_lines()}
    assert named == {(recipe, str(rows), str(columns)) for recipe in RECIPES for rows, columns in SIZES}


@pytest.fixture(params=["compiled", "numpy"])
def loops(request, monkeypatch):
    """Either way of doing the loops."""
    if request.param == "numpy":
        for module in (pdq, pdq_sampling):
            monkeypatch.setattr(module, "kernels", lambda: None)
    else:
        assert pdq_sampling.kernels() is not None


@pytest.mark.usefixtures("loops")
@pytest.mark.parametrize("recipe", RECIPES)
def test_golden_hashes(recipe):
    for line in golden_lines():
        name, rows, columns, quality, text = line.split()
        if name != recipe:
            continue
        luma = pdq.luma_from_rgb(picture(name, int(rows), int(columns)))
        for form in (pdq.pdq_from_luma, pdq.pdq_by_recurrence):
            hashed = form(luma)
            assert (hashed.bits.hex(), hashed.quality) == (text, int(quality)), (line, form.__name__)


def reference(rgb: np.ndarray) -> tuple[str, int]:
    pdqhash = pytest.importorskip("pdqhash", reason="the reference's own code is not installed; golden hashes hold")
    bits, quality = pdqhash.compute(rgb)
    return np.packbits(bits.astype(np.uint8)).tobytes().hex(), quality


def test_golden_hashes_are_the_references():
    for line in golden_lines():
        name, rows, columns, quality, text = line.split()
        assert reference(picture(name, int(rows), int(columns))) == (text, int(quality)), line


def test_random_sizes_equal_the_reference():
    draw = np.random.default_rng(20261123)
    for _ in range(60):
        rows, columns = (int(side) for side in draw.integers(16, 600, 2))
        recipe = RECIPES[int(draw.integers(len(RECIPES)))]
        rgb = picture(recipe, rows, columns)
        hashed = pdq.pdq_from_luma(pdq.luma_from_rgb(rgb))
        assert (hashed.bits.hex(), hashed.quality) == reference(rgb), (recipe, rows, columns)


def gradients(sampled: np.ndarray) -> np.ndarray:
    return np.concatenate([np.diff(sampled, axis=0).ravel(), np.diff(sampled, axis=1).ravel()])


def ramp(rows: int, columns: int) -> np.ndarray:
    """A slope in both directions: the pattern that costs the running sums most."""
    return np.add.outer(np.arange(rows) * 200 / rows, np.arange(columns) * 55 / columns).astype(np.float32)


def test_the_forms_differ_less_than_what_sends_near_ties_to_the_recurrence():
    widest = steepest = 0.0
    for rows, columns in [*SIZES, (576, 720), (720, 1280), (1500, 1100), (2048, 150)]:
        lumas = [pdq.luma_from_rgb(picture(recipe, rows, columns)) for recipe in RECIPES]
        for luma in [*lumas, ramp(rows, columns)]:
            recurrent = pdq_sampling.by_recurrence(luma)
            for linear in (pdq_sampling.by_linear_form(luma), pdq_sampling._products(luma)):
                coefficients = pdq._cosines64() @ linear @ pdq._cosines64().T
                moved = np.abs(coefficients - pdq._coefficients_by_recurrence(recurrent))
                middle = np.abs(coefficients - np.partition(coefficients.ravel(), 127)[127]) <= 1
                widest = max(widest, float(moved[middle].max()))
                steepest = max(steepest, float(np.abs(gradients(linear) - gradients(recurrent)).max()) * 100 / 255)
    assert 0.005 < widest < pdq._GAP / 2
    assert steepest < pdq._GRADIENT_SLACK


@pytest.mark.parametrize("part", [2, 4])
def test_a_picture_of_blocks_has_the_hash_of_the_whole(part):
    for recipe in RECIPES:
        blocks = picture(recipe, 120, 160)[:, :, 1]
        whole = np.repeat(np.repeat(blocks, part, axis=0), part, axis=1)
        reduced, full = pdq.pdq_from_reduced_luma(blocks, part=part), pdq.pdq_from_luma(whole)
        assert (reduced.bits, reduced.quality) == (full.bits, full.quality), recipe


def test_ordinary_pictures_need_no_recurrence():
    needed = [
        pdq.pdq_from_luma(pdq.luma_from_rgb(picture("blocks", rows, columns))).by_recurrence
        for rows, columns in SIZES
        if min(rows, columns) > 60
    ]
    assert needed.count(True) <= len(needed) // 3


@pytest.mark.parametrize("shape", [(4, 300), (300, 4), (1, 1)])
def test_too_small_is_zeros_of_quality_zero(shape):
    hashed = pdq.pdq_from_luma(np.full(shape, 9, dtype=np.uint8))
    assert (hashed.bits, hashed.quality) == (bytes(32), 0)


def test_a_flat_picture_has_quality_zero():
    assert pdq.pdq_from_luma(np.full((300, 200), 9, dtype=np.uint8)).quality == 0


def test_grey_of_equal_channels_is_the_grey():
    grey = picture("blocks", 120, 90)[:, :, 0]
    assert np.array_equal(pdq.luma_from_rgb(np.stack([grey] * 3, axis=2)), grey.astype(np.float32))


def test_a_large_picture_is_done_in_strips(monkeypatch):
    luma = pdq.luma_from_rgb(picture("blocks", 700, 900))
    whole = pdq.pdq_from_luma(luma)
    monkeypatch.setattr(pdq, "kernels", lambda: None)  # the compiled loops have no strips
    monkeypatch.setattr(pdq, "_STRIP_PX", 5000)
    assert pdq.pdq_from_luma(luma).bits == whole.bits
    assert np.array_equal(pdq.luma_from_rgb(picture("blocks", 700, 900)), luma)


def test_hash_of_a_turned_picture_is_another():
    luma = pdq.luma_from_rgb(picture("blocks", 200, 300))
    upright = int.from_bytes(pdq.pdq_from_luma(luma).bits)
    turned = int.from_bytes(pdq.pdq_from_luma(np.ascontiguousarray(np.rot90(luma))).bits)
    assert (upright ^ turned).bit_count() > 31
