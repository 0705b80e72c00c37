"""The compiled loops of PDQ: the same bits as numpy's, and numpy's where nothing can be compiled."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from headwater_sealed import machine_code, pdq, pdq_kernels, pdq_sampling

# Sides about the lanes, about 64, and where the window grows by one; odd ones, and long narrow ones.
SIDES = (8, 9, 15, 16, 17, 31, 63, 64, 65, 127, 128, 129, 255, 257, 383, 385, 719, 1023, 1281)
LONG = ((4096, 16), (16, 4096), (4095, 33), (17, 4093), (1080, 1919))


def shapes() -> list[tuple[int, int]]:
    draw = np.random.default_rng(5)
    return [(side, int(other)) for side, other in zip(SIDES, draw.permutation(SIDES), strict=True)] + list(LONG)


def luma_of(rows: int, columns: int, sample: str) -> np.ndarray:
    draw = np.random.default_rng(rows * 5000 + columns)
    luma = draw.integers(0, 256, (rows, columns)).astype(np.uint8)
    # Fractions that no float32 holds exactly: every operation rounds.
    return luma if sample == "bytes" else luma * np.float32(0.7) + draw.random((rows, columns), dtype=np.float32)


def same_bits(one: np.ndarray, other: np.ndarray) -> bool:
    return bool(np.array_equal(one.view(np.uint32), other.view(np.uint32)))


@pytest.mark.parametrize("limited_range", [False, True])
@pytest.mark.parametrize("sample", ["bytes", "floats"])
def test_the_recurrence_has_the_bits_of_numpys(sample, limited_range):
    assert pdq_sampling.kernels() is not None
    for rows, columns in shapes():
        luma = luma_of(rows, columns, sample)
        expected = pdq_sampling._boxes(pdq_sampling.full_range(luma) if limited_range else luma)
        found = pdq_sampling.by_recurrence(luma, limited_range=limited_range)
        assert same_bits(found, expected), (rows, columns)
        assert same_bits(pdq._coefficients_by_recurrence(found), pdq._summed_by_numpy(expected)), (rows, columns)


@pytest.mark.parametrize("sample", ["bytes", "floats"])
def test_the_linear_form_is_numpys_but_for_rounding(sample):
    for rows, columns in shapes():
        luma = luma_of(rows, columns, sample)
        for limited in (False, True):
            compiled = pdq_sampling._weighted(pdq_sampling.kernels(), luma, limited_range=limited)
            expected = pdq_sampling._products(np.clip(luma, 16, 235) if limited else luma)
            assert np.abs(compiled - expected).max() < 1e-4, (rows, columns)


@pytest.mark.parametrize("side", [70, 600])
def test_views_with_gaps_turned_and_flipped_are_read_as_they_are(side):
    whole = luma_of(side, side + 40, "bytes")
    for view in (whole[:, :-33], whole[3:-5, 7:], whole.T, whole[::-1], whole[:, ::-1], whole[::2, ::3]):
        packed = np.ascontiguousarray(view)
        assert same_bits(pdq_sampling.by_recurrence(view), pdq_sampling._boxes(packed))
        assert np.array_equal(pdq_sampling.by_linear_form(view), pdq_sampling.by_linear_form(packed))


def test_what_cannot_be_written_to_is_read():
    luma = luma_of(90, 120, "bytes")
    expected = pdq.pdq_from_luma(luma)
    luma.flags.writeable = False
    assert pdq.pdq_from_luma(luma) == expected


def test_samples_of_other_types_are_taken_as_float32():
    luma = luma_of(90, 120, "bytes")
    for kind in (np.uint16, np.float64, ">f4"):
        assert same_bits(pdq_sampling.by_recurrence(luma.astype(kind)), pdq_sampling._boxes(luma))


def test_steps_and_luma_are_numpys(monkeypatch):
    draw = np.random.default_rng(6)
    pictures = [draw.normal(size=(64, 64)) * scale for scale in (0.0, 0.5, 3.0, 60.0)]
    rgbs = [
        draw.integers(0, 256, (rows, columns, 3)).astype(np.uint8) for rows, columns in ((1, 1), (7, 33), (300, 211))
    ]
    rgbs.append(rgbs[-1][::-1, ::2])
    steps = [pdq._steps(picture, 0.0015) for picture in pictures]
    lumas = [pdq.luma_from_rgb(rgb) for rgb in rgbs]
    monkeypatch.setattr(pdq, "kernels", lambda: None)
    assert steps == [pdq._steps(picture, 0.0015) for picture in pictures]
    for rgb, luma in zip(rgbs, lumas, strict=True):
        assert same_bits(luma, pdq.luma_from_rgb(rgb))


@pytest.mark.parametrize(
    "error", [RuntimeError("no such processor"), OSError("no memory for code"), ImportError("none")]
)
def test_numpy_does_it_where_nothing_can_be_compiled(monkeypatch, error):
    def fail():
        raise error

    luma = luma_of(200, 300, "bytes")
    expected = pdq.pdq_by_recurrence(luma)
    monkeypatch.setattr(pdq_kernels, "compiled", fail)
    pdq_sampling.kernels.cache_clear()
    try:
        assert pdq_sampling.kernels() is None
        assert pdq.pdq_by_recurrence(luma) == expected
    finally:
        pdq_sampling.kernels.cache_clear()


SEALED = """
import os
from headwater_sealed import pdq_kernels, pdq_sampling
from headwater_sealed.seal import SealPlan, seal
layers = seal(SealPlan(memory_bytes=1 << 30, cpu_s=60, file_count=0, layers=("no_new_privs", "seccomp")))
assert all(layer.held for layer in layers), layers
print("sealed", pdq_sampling.kernels(), flush=True)
os._exit(0)
"""


def test_after_the_seal_nothing_is_compiled_and_nothing_ends():
    """LLVM ends a process that may not run its code, so that is tried first."""
    done = subprocess.run([sys.executable, "-c", SEALED], capture_output=True, text=True, timeout=120, check=False)
    assert (done.returncode, done.stdout) == (0, "sealed None\n"), done.stderr


def test_no_operation_may_be_done_in_another_order():
    written = machine_code.written(pdq_kernels.KERNELS)
    assert "fadd" in written
    assert "fdiv" in written
    for freedom in ("fast", "reassoc", "contract", "arcp", "fmuladd"):
        assert freedom not in written.replace("fastcc", ""), freedom
